"""Row filters and masks in a real PostgreSQL: each shows just the rows that the condition means."""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ombud.access.condition import MissingAttribute, parse_condition
from ombud.access.model import Attributes, Mask, MaskKind
from ombud.access.sql import RenderError, render_filter, render_mask
from servers import postgres

pytestmark = pytest.mark.skipif(not postgres.is_installed(), reason=f"needs {postgres.PACKAGES}")

KEY = b"a key of the purpose"
COLUMNS = {"unit": "string", "note": "string", "stolen": "bool", "count": "int",
           "score": "double", "at": "timestamp"}  # fmt: skip
ATTRIBUTES = Attributes(actor={"tags": "list(string)", "email": "string", "gone": "string"})
HOSTILE = ["", "a", "ab", "north", "it's", '"', "a\\b", "\\'", "'; DROP TABLE acts; --", "ä",
           "\U0001f600", "%", "_", "a\nb", "$$", "E'", "Zoë", "\x01"]  # fmt: skip
INSTANTS = [datetime(2026, 1, 31, 12, tzinfo=UTC), datetime(2026, 1, 31, 12, 0, 0, 1, tzinfo=UTC),
            datetime(1999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)]  # fmt: skip
ROWS = [
    {
        "unit": unit,
        "note": HOSTILE[(number * 7) % len(HOSTILE)] if number % 5 else None,
        "stolen": (True, False, None)[number % 3],
        "count": (None, -3, 0, 2, 2**63 - 1, -(2**63))[number % 6],
        "score": (None, -1.5, 0.0, 2.0, math.nan, math.inf)[(number // 2) % 6],
        "at": INSTANTS[number % 4] if number % 4 < 3 else None,
    }
    for number, unit in enumerate([*HOSTILE, None, *HOSTILE])
]


@pytest.fixture(scope="module")
def connection() -> Iterator[psycopg.Connection[Any]]:
    """Give a connection to a table of hostile rows."""
    with (
        postgres.cluster("stderr", is_bare=True) as cluster,
        psycopg.connect(cluster.url(), password=postgres.PASSWORD, autocommit=True) as made,
    ):
        made.execute("SET TIME ZONE 'UTC'")
        made.execute(
            "CREATE TABLE acts (id int, unit text, note varchar(80), stolen boolean, count bigint,"
            " score double precision, at timestamptz, small smallint, price numeric(10,2),"
            " day date, token uuid)"
        )
        for number, row in enumerate(ROWS):
            made.execute(
                "INSERT INTO acts VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, '2026-01-31',"
                " '7240d0db-8ff0-41ec-98b2-34a096273b91')",
                [number, *row.values(), number * 911 - 9000, Decimal(number) - Decimal("7.25")],
            )  # fmt: skip
        yield made


def run(connection: psycopg.Connection[Any], sql: str) -> list[Any]:
    """Run SQL that was put together, as a server that trusts it would."""
    return connection.execute(sql).fetchall()


def written(value: str) -> str:
    """Return a text as a literal of CEL."""
    escaped = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n")
    return "'" + escaped.replace("\x01", "\\x01") + "'"


TEXTS = st.sampled_from(HOSTILE).map(written)
TEXT_TERMS = TEXTS | st.sampled_from(["row.unit", "row.note", "actor.email", "actor.gone",
                                      "row.unit + 'b'", "actor.email + row.unit"])  # fmt: skip
VALUES = TEXTS | st.sampled_from(["actor.email"])
NUMBERS = st.sampled_from(["row.count", "row.score", "2", "-3", "2.0", "0", "size(row.unit)",
                           "-9223372036854775808", "9223372036854775807"])  # fmt: skip
TIMES = st.sampled_from(["row.at", "timestamp('2026-01-31T12:00:00.000001Z')", "context.time",
                         "context.time - duration('1h')"])  # fmt: skip
ORDER = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
TESTS = (
    st.sampled_from(["row.stolen", "true", "false", "has(row.note)", "has(row.score)",
                     "has(actor.gone)", "row.unit in actor.tags", "row.stolen == true",
                     "actor.tags.exists(t, row.unit.startsWith(t))",
                     "actor.tags.all(t, row.note != t)"])
    | st.tuples(TEXT_TERMS, ORDER, TEXT_TERMS).map(" ".join)
    | st.tuples(NUMBERS, ORDER, NUMBERS).map(" ".join)
    | st.tuples(TIMES, ORDER, TIMES).map(" ".join)
    | st.tuples(TEXT_TERMS, st.sampled_from(["startsWith", "endsWith", "contains"]), VALUES).map(
        lambda three: f"({three[0]}).{three[1]}({three[2]})"
    )
    | st.lists(TEXTS, min_size=1, max_size=4).map(lambda some: f"row.unit in [{', '.join(some)}]")
)  # fmt: skip
FILTERS = st.recursive(
    TESTS,
    lambda inner: (
        inner.map(lambda one: f"!({one})")
        | st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(
            lambda three: f"({three[0]}) {three[1]} ({three[2]})"
        )
        | st.tuples(inner, inner, inner).map(lambda three: "({}) ? ({}) : ({})".format(*three))
    ),
    max_leaves=5,
)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    text=FILTERS,
    actor=st.fixed_dictionaries(
        {"tags": st.lists(st.sampled_from(HOSTILE), max_size=3)},
        optional={"email": st.sampled_from(HOSTILE)},
    ),
)
def test_postgresql_shows_the_rows_that_the_condition_means(
    connection: psycopg.Connection[Any], text: str, actor: dict[str, Any]
) -> None:
    """Over hostile values, NULL and not-a-number, SQL and `Condition.test` agree row by row."""
    context = {"time": 1_769_860_800_000}
    condition = parse_condition(text, attributes=ATTRIBUTES, columns=COLUMNS)
    meant = set()
    for number, row in enumerate(ROWS):
        try:
            if condition.test(actor, {}, {}, context, row):
                meant.add(number)
        except MissingAttribute:
            continue
    try:
        sql = render_filter(
            text, actor=actor, context=context, dialect="postgresql", columns=COLUMNS,
            attributes=ATTRIBUTES,
        )  # fmt: skip
    except MissingAttribute:
        return  # Narrower than the condition, never wider: nothing is shown at all.
    except RenderError:
        return  # As where a column is looked for in a column.

    assert {number for (number,) in run(connection, f"SELECT id FROM acts WHERE {sql}")} == meant


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(value=st.text(max_size=40))
@pytest.mark.parametrize("conforming", ["on", "off"])
def test_no_value_breaks_out_of_its_quotes(
    connection: psycopg.Connection[Any], conforming: str, value: str
) -> None:
    """Any text is itself to the server, however it reads backslashes, or is refused."""
    run_setting = f"SET standard_conforming_strings = {conforming}"
    connection.execute(run_setting)
    connection.execute("SET escape_string_warning = off")
    mask = Mask(column="unit", kind=MaskKind.CONSTANT, value=value)
    try:
        sql = render_mask(mask, "text", key=KEY, dialect="postgresql")
    except RenderError:
        assert "\0" in value or any("\ud800" <= sign <= "\udfff" for sign in value)
        return

    assert run(connection, f"SELECT {sql}") == [(value,)]


@settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.text(alphabet="a\"'\\ ;-é$\U0001f600\n.", min_size=1, max_size=30))
def test_no_column_breaks_out_of_its_quotes(connection: psycopg.Connection[Any], name: str) -> None:
    """A column's name, however hostile, is one column."""
    mask = Mask(column=name, kind=MaskKind.TRUNCATE, size=2)
    try:
        sql = render_mask(mask, "text", key=KEY, dialect="postgresql")
    except RenderError:
        assert len(name.encode()) > 63
        return
    quoted = '"' + name.replace('"', '""') + '"'

    assert run(connection, f"SELECT {sql} FROM (SELECT 'xyz') AS t({quoted})") == [("xy",)]


def shown(connection: psycopg.Connection[Any], mask: Mask, column_type: str) -> list[Any]:
    """Return what a mask shows of the table, in the order of its rows, with its type."""
    sql = render_mask(mask, column_type, key=KEY, dialect="postgresql")
    rows = run(connection, f"SELECT {sql}, pg_typeof({sql})::text FROM acts ORDER BY id")
    base = column_type.partition("(")[0].replace("varchar", "character varying")
    assert {kind for _, kind in rows} == {base}
    return [value for value, _ in rows]


def digest(text: str) -> str:
    """Return the keyed digest of a text."""
    return hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()


def test_masks_keep_the_type_and_show_what_they_say(connection: psycopg.Connection[Any]) -> None:
    """Every kind on columns of several types, against the same worked out here."""
    notes = [row["note"] for row in ROWS]
    counts = [cast("int | None", row["count"]) for row in ROWS]

    def mask(column: str, kind: MaskKind, **more: Any) -> Mask:
        return Mask(column=column, kind=kind, **more)

    hashed = shown(connection, mask("note", MaskKind.HASH), "varchar(80)")
    assert hashed == [None if note is None else digest(str(note)) for note in notes]
    wholes = shown(connection, mask("count", MaskKind.HASH), "bigint")
    expected = [None if one is None else bytes.fromhex(digest(str(one))[:16]) for one in counts]
    assert wholes == [one and int.from_bytes(one, "big", signed=True) for one in expected]
    tokens = shown(connection, mask("token", MaskKind.HASH), "uuid")
    assert {str(one).replace("-", "") for one in tokens} == {
        digest("7240d0db-8ff0-41ec-98b2-34a096273b91")[:32]
    }
    cut = shown(connection, mask("note", MaskKind.TRUNCATE, size=2), "varchar(80)")
    assert cut == [None if note is None else str(note)[:2] for note in notes]
    low = shown(connection, mask("count", MaskKind.BUCKET, size=1000), "bigint")
    assert low == [one if one is None else max(one // 1000 * 1000, -(2**63)) for one in counts]
    small = shown(connection, mask("small", MaskKind.BUCKET, size=50_000), "smallint")
    assert set(small) == {-32768, 0}
    prices = shown(connection, mask("price", MaskKind.BUCKET, size=5), "numeric(10,2)")
    assert prices[:9] == [-10, -10, -10, -5, -5, -5, -5, -5, 0]
    scores = shown(connection, mask("score", MaskKind.BUCKET, size=2), "double precision")
    assert [one for one in scores if one is not None and math.isfinite(one)][:3] == [-2, -2, 0]
    assert set(shown(connection, mask("note", MaskKind.REDACT), "varchar(80)")) == {"[redacted]"}
    assert set(shown(connection, mask("note", MaskKind.REDACT), "varchar(5)")) == {"[reda"}
    for kind in (MaskKind.REDACT, MaskKind.NULL, MaskKind.HASH, MaskKind.TRUNCATE, MaskKind.BUCKET):
        assert set(shown(connection, mask("day", kind, size=3), "date")) == {None}
    assert set(shown(connection, mask("count", MaskKind.CONSTANT, value="7"), "bigint")) == {7}
    assert set(shown(connection, mask("count", MaskKind.CONSTANT, value="x"), "bigint")) == {None}


def test_long_keys_are_those_of_hmac(connection: psycopg.Connection[Any]) -> None:
    """A key longer than a block of SHA-256 is hashed first (RFC 2104)."""
    key = bytes(range(100))
    sql = render_mask(Mask(column="unit", kind=MaskKind.HASH), "text", key=key,
                      dialect="postgresql")  # fmt: skip

    assert run(connection, f"SELECT {sql} FROM (SELECT 'ana') AS t(unit)") == [
        (hmac.new(key, b"ana", hashlib.sha256).hexdigest(),)
    ]
