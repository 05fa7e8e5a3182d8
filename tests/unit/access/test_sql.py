"""SQL of filters and masks: the text for each dialect, and what is refused rather than guessed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.access.condition import MissingAttribute
from ombud.access.model import Attributes, Mask, MaskKind
from ombud.access.sql import RenderError, check_filter, render_filter, render_mask
from ombud.access.sql_text import Dialect, check_type, quote_name, quote_text, quote_value

KEY = b"0123456789abcdef"
COLUMNS = {"unit": "string", "stolen": "bool", "n": "int", "score": "double", "at": "timestamp"}
ACTOR = {"unit": "no'rth", "units": ["a", "b"], "boss": True, "level": 3, "share": 0.5}
NOW = 1_769_860_800_000


def filtered(text: str, dialect: str, **more: Any) -> str:
    """Return a filter for the standing actor."""
    return render_filter(
        text, actor=ACTOR, context={"time": NOW}, dialect=dialect, columns=COLUMNS, **more
    )


@pytest.mark.parametrize(
    ("text", "postgresql", "trino"),
    [
        ("row.unit == actor.unit", "\"unit\" = 'no''rth'", "\"unit\" = 'no''rth'"),
        ("row.unit < 'b'", "\"unit\" COLLATE \"C\" < 'b'", "\"unit\" < 'b'"),
        ("row.unit in actor.units", "\"unit\" IN ('a', 'b')", "\"unit\" IN ('a', 'b')"),
        ("row.stolen", '"stolen"', '"stolen"'),
        ("row.stolen == false", '"stolen" = FALSE', '"stolen" = FALSE'),
        ("!row.stolen", 'NOT "stolen"', 'NOT "stolen"'),
        ("row.n > -3", '"n" > (-3)', '"n" > (-3)'),
        ("row.n < 4294967296", "\"n\" < '4294967296'::bigint", "\"n\" < BIGINT '4294967296'"),
        ("row.n == actor.level", '"n" = 3', '"n" = 3'),
        ("row.score >= actor.share", "NULLIF(\"score\", 'NaN') >= '0.5'::double precision",
         "IF(is_nan(\"score\"), NULL, \"score\") >= DOUBLE '0.5'"),
        ("row.at > context.time", ("\"at\" > '2026-01-31 12:00:00.000000+00'::timestamp with time"
         " zone"), "\"at\" > TIMESTAMP '2026-01-31 12:00:00.000000 UTC'"),
        ("row.unit.startsWith('a')", "starts_with(\"unit\", 'a')", "starts_with(\"unit\", 'a')"),
        ("row.unit.endsWith('ab')", "right(\"unit\", 2) = 'ab'", "substr(\"unit\", -2) = 'ab'"),
        ("row.unit.contains('')", '"unit" = "unit"', '"unit" = "unit"'),
        ("size(row.unit) == 2", 'char_length("unit") = 2', 'length("unit") = 2'),
        ("row.unit + 'x' == 'ax'", "(\"unit\" || 'x') = 'ax'", "(\"unit\" || 'x') = 'ax'"),
        ("has(row.unit)", '"unit" IS NOT NULL', '"unit" IS NOT NULL'),
        ("actor.boss || row.stolen", "TRUE", "TRUE"),
        ("actor.boss && row.stolen", '"stolen"', '"stolen"'),
        ("!actor.boss && row.stolen", "FALSE", "FALSE"),
        ("actor.gone == 'x' || actor.boss || row.stolen", "TRUE", "TRUE"),
        ("actor.boss ? row.stolen : true", '"stolen"', '"stolen"'),
        ("row.unit == 'x' || false", "\"unit\" = 'x'", "\"unit\" = 'x'"),
    ],
)  # fmt: skip
def test_filters_are_written_for_each_dialect(text: str, postgresql: str, trino: str) -> None:
    """What the actor carries is worked out; only columns and quoted values are left."""
    plain = {
        dialect: filtered(text, dialect).removeprefix("(").removesuffix(")")
        for dialect in ("postgresql", "trino")
    }
    bare = {
        dialect: sql.removeprefix("(").removesuffix(")")
        if sql.startswith("(") and not sql.startswith('("unit" ||')
        else sql
        for dialect, sql in plain.items()
    }

    assert bare == {"postgresql": postgresql, "trino": trino}


def test_not_a_number_is_unknown() -> None:
    """Whether a double is there cannot be told of what is no number."""
    assert filtered("has(row.score)", "trino") == (
        '((CASE WHEN is_nan("score") THEN NULL ELSE ("score" IS NOT NULL) END))'
    )
    # In Trino not a number is other than every number: the row would be shown.
    shown = filtered("row.score != 0.5", "trino")
    assert 'IF(is_nan("score"), NULL, "score") <> DOUBLE ' in shown


def test_a_choice_without_answer_shows_nothing() -> None:
    """SQL's ELSE would take an unknown test for a no."""
    assert filtered("row.stolen ? row.n > 1 : row.n > 2", "trino") == (
        '((CASE WHEN "stolen" THEN ("n" > 1) WHEN (NOT "stolen") THEN ("n" > 2) END))'
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("row.unit.matches('a')", "`matches` on a column has no form in SQL"),
        ("row.at - duration('1h') > context.time", "a column in a sum has no form in SQL"),
        ("row.unit in [row.unit, 'a']", "`in` a list of columns has no form in SQL"),
        ("'a'.startsWith(row.unit)", "`startsWith` looks for a value, not for a column"),
        ("row.nothing == 1", "unknown column `nothing`"),
        ("row.n", "a row filter must be bool, not int"),
        ("row.n == 'x'", "column 1: `==` compares int with string"),
        ("row.unit ==", "column 12: ends too early"),
        ("", "column 1: empty"),
        ("row.unit == 'a\\x00b'", "a text with NUL has no form in SQL"),
        ("row.at - row.at > context.time - context.time", "a column in a sum"),
    ],
)
def test_what_has_no_form_is_refused(text: str, message: str) -> None:
    """Never an empty filter, never a guess."""
    for dialect in Dialect:
        with pytest.raises(RenderError) as refused:
            filtered(text, dialect)
        assert message in refused.value.message


def test_what_is_missing_is_said() -> None:
    """A filter that needs an attribute which the actor lacks is no filter."""
    with pytest.raises(MissingAttribute, match=r"actor\.area"):
        filtered("row.unit == actor.area", "trino")
    with pytest.raises(MissingAttribute, match=r"actor\.area"):
        filtered("actor.area == 'x' || row.stolen", "trino")


def test_declared_types_win_over_what_a_value_looks_like() -> None:
    """A level that comes as text is missing where a number was declared."""
    declared = Attributes(actor={"level": "int"})

    with pytest.raises(MissingAttribute):
        render_filter("row.n == actor.level", actor={"level": "3"}, context={}, dialect="trino",
                      attributes=declared)  # fmt: skip


def test_unknown_columns_are_the_servers_matter() -> None:
    """Without types of columns the server finds out what can be compared."""
    assert render_filter("row.x == 'a'", actor={}, context={}, dialect="trino") == "((\"x\" = 'a'))"
    for text in ("row.tags.exists(t, t == 'a')", "'a' in row.tags"):
        with pytest.raises(RenderError, match="has no form in SQL"):
            render_filter(text, actor={}, context={}, dialect="trino")


def test_filters_have_bounds() -> None:
    """An actor's list makes no filter that no server reads."""
    text = "actor.units.exists(u, row.unit.startsWith(u))"
    for units in ([f"u{n}" for n in range(3_000)], ["x" * 60_000, "y" * 60_000]):
        with pytest.raises(RenderError, match=r"a filter of more than|a row filter of"):
            render_filter(text, actor={"units": units}, context={}, dialect="trino")


@pytest.mark.parametrize(
    "text",
    [
        "actor.boss || row.unit.matches('a')", "actor.boss ? row.stolen : row.unit.matches('a')",
        "actor.boss && row.at + duration('1h') > context.time",
    ],
)  # fmt: skip
def test_a_filter_is_checked_in_all_its_parts(text: str) -> None:
    """What one actor never reaches is refused all the same when the policy is read."""
    declared = Attributes(actor={"boss": "bool"})

    with pytest.raises(RenderError):
        check_filter(text, attributes=declared, columns=COLUMNS)
    check_filter(
        "actor.units.exists(u, u == row.unit) && row.n in [1, 2] && row.unit in actor.units"
        " || context.time > row.at || row.unit == actor.role",
        attributes=declared,
        columns=COLUMNS,
    )


@pytest.mark.parametrize(
    ("kind", "column_type", "trino"),
    [
        (MaskKind.NULL, 'row(a bigint, "x y" varchar)', ('CAST(NULL AS row(a bigint, "x y"'
         " varchar))")),
        (MaskKind.REDACT, "varchar(20)", "CAST('[redacted]' AS varchar(20))"),
        (MaskKind.REDACT, "bigint", "CAST(NULL AS bigint)"),
        (MaskKind.TRUNCATE, "varchar", 'CAST(substr(CAST("c" AS varchar), 1, 4) AS varchar)'),
        (MaskKind.TRUNCATE, "date", "CAST(NULL AS date)"),
        (MaskKind.HASH, "varchar", ('CAST(lower(to_hex(hmac_sha256(to_utf8(CAST("c" AS varchar)),'
         " X'30313233343536373839616263646566'))) AS varchar)")),
        (MaskKind.HASH, "bigint", ('from_big_endian_64(substr(hmac_sha256(to_utf8(CAST("c" AS'
         " varchar)), X'30313233343536373839616263646566'), 1, 8))")),
        (MaskKind.HASH, "uuid", ('CAST(substr(hmac_sha256(to_utf8(CAST("c" AS varchar)),'
         " X'30313233343536373839616263646566'), 1, 16) AS uuid)")),
        (MaskKind.HASH, "varchar(15)", "CAST(NULL AS varchar(15))"),
        (MaskKind.HASH, "char", "CAST(NULL AS char)"),
        (MaskKind.HASH, "integer", "CAST(NULL AS integer)"),
        (MaskKind.BUCKET, "double", "CAST(floor(\"c\" / DOUBLE '4') * DOUBLE '4' AS double)"),
        (MaskKind.BUCKET, "decimal(10,2)", ("CAST((\"c\" - mod(mod(\"c\", DECIMAL '4') + DECIMAL"
         " '4', DECIMAL '4')) AS decimal(10,2))")),
        (MaskKind.BUCKET, "timestamp(3) with time zone", ("CAST(NULL AS timestamp(3) with time"
         " zone)")),
        (MaskKind.CONSTANT, "tinyint", "CAST('7' AS tinyint)"),
        (MaskKind.CONSTANT, "date", "CAST(NULL AS date)"),
    ],
)  # fmt: skip
def test_masks_are_written_for_trino(kind: MaskKind, column_type: str, trino: str) -> None:
    """The mask has the column's type, and NULL of it where it makes no sense."""
    mask = Mask(column="c", kind=kind, size=4, value="7")

    assert render_mask(mask, column_type, key=KEY, dialect="trino") == trino


@pytest.mark.parametrize(
    ("value", "column_type", "fits"),
    [
        ("128", "tinyint", False), ("-128", "tinyint", True), ("x", "bigint", False),
        ("1.5", "decimal(3,1)", True), ("nan", "double", False), ("1e999999999", "real", False),
        ("2026-01-31", "date", True), ("20260131", "date", False), ("true", "boolean", True),
        ("yes", "boolean", False), ("2026-01-31 12:00", "timestamp(3)", True),
        ("7240d0db-8ff0-41ec-98b2-34a096273b91", "uuid", True), ("x", "uuid", False),
        ("x", "varbinary", False), ("x", "varchar", True), ("\u0663", "integer", False),
    ],
)  # fmt: skip
def test_a_constant_is_of_the_columns_type_or_nothing(
    value: str, column_type: str, fits: bool
) -> None:
    """A constant that a server could not cast would fail each query."""
    mask = Mask(column="c", kind=MaskKind.CONSTANT, value=value)
    expected = f"CAST('{value}' AS {column_type})" if fits else f"CAST(NULL AS {column_type})"

    assert render_mask(mask, column_type, key=KEY, dialect="trino") == expected


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (Mask(column="c", kind=MaskKind.TRUNCATE), "needs a size"),
        (Mask(column="c", kind=MaskKind.CONSTANT), "needs a value"),
        (Mask(column="", kind=MaskKind.NULL), "a column name of 0 bytes"),
        (Mask(column="a\0b", kind=MaskKind.NULL), "NUL"),
    ],
)
def test_masks_without_sense_are_refused(mask: Mask, message: str) -> None:
    """A mask that cannot be written is an error, never the bare column."""
    with pytest.raises(RenderError, match=message):
        render_mask(mask, "varchar", key=KEY, dialect="trino")


def test_a_short_key_is_refused() -> None:
    """A digest under a key that can be guessed hides nothing."""
    mask = Mask(column="c", kind=MaskKind.HASH)
    with pytest.raises(RenderError, match="a key of 15 bytes"):
        render_mask(mask, "varchar", key=KEY[:15], dialect="trino")


@pytest.mark.parametrize(
    "written",
    ["", " ", "1", "a;b", "a'b", "a--b", "a/*", "int)", "int(", "int)(", "(int)", "a[)", 'a"b',
     "x" * 1_001, "a\0b", "int) FROM secret --", "a = b", "$1", "ä"],
)  # fmt: skip
def test_a_type_carries_no_sql(written: str) -> None:
    """A type comes from outside and is put into a cast as it stands."""
    with pytest.raises(RenderError):
        check_type(written)


@given(st.text(max_size=30))
def test_any_type_is_balanced_or_refused(written: str) -> None:
    """What passes has no sign that could end the cast."""
    try:
        passed = check_type(written)
    except RenderError:
        return
    outside = "".join(passed.split('"')[::2])

    assert not set(outside) & set(";'-/*=<>$\\")
    assert outside.count("(") == outside.count(")")


@given(st.text(max_size=30))
def test_quotes_of_trino_hold(text: str) -> None:
    """Between the outer quotes every quote is doubled, for texts and for names."""
    for quote, mark in ((quote_text, "'"), (quote_name, '"')):
        try:
            written = quote(text, Dialect.TRINO)
        except RenderError:
            continue
        assert written[0] == written[-1] == mark
        assert mark not in written[1:-1].replace(mark * 2, "")
        assert written[1:-1].replace(mark * 2, mark) == text


def test_a_duration_is_no_literal() -> None:
    """There is no column to compare it with."""
    with pytest.raises(RenderError, match="a value of type duration"):
        quote_value(1, "duration", Dialect.TRINO)
