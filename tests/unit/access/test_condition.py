"""Conditions: what they mean, what is refused and where, and that CEL's own evaluator agrees."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import celpy
import pytest
from celpy.adapter import json_to_cel
from celpy.celtypes import StringType, TimestampType
from celpy.evaluation import CELEvalError
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.access.condition import (
    BUILT_IN,
    Condition,
    ConditionError,
    MissingAttribute,
    parse_condition,
)
from ombud.access.model import Attributes

ATTRIBUTES = Attributes(
    actor={"cleared": "bool", "level": "int", "email": "string", "joined": "timestamp",
           "tags": "list(string)"},
    resource={"status": "string", "score": "double", "owner": "string"},
    action={"soft": "bool"},
    context={"case": "string", "rows": "int"},
)  # fmt: skip
COLUMNS = {"unit": "string", "stolen": "bool", "at": "timestamp", "blob": "other"}
NOW = 1_795_000_000_000

ACTOR = {"id": "ana", "type": "person", "role": "clerk", "units": ["north", "county"],
         "cleared": True, "level": 3, "email": "ana@county", "joined": "2026-01-31T12:00:00Z",
         "tags": ["a", "b"]}  # fmt: skip
RESOURCE = {"id": "r1", "type": "record", "status": "open", "score": 1.5, "owner": "ana"}
ACTION = {"name": "read", "soft": False}
CONTEXT = {"time": NOW, "purpose": "care", "case": "24-118", "rows": 10}


def parse(text: str) -> Condition:
    """Return a condition over the attributes of this page."""
    return parse_condition(text, attributes=ATTRIBUTES)


def holds(text: str, **changes: Mapping[str, Any]) -> bool:
    """Whether a condition holds for the standing attempt, with changes."""
    return parse(text).test(
        {**ACTOR, **changes.get("actor", {})},
        {**RESOURCE, **changes.get("resource", {})},
        {**ACTION, **changes.get("action", {})},
        {**CONTEXT, **changes.get("context", {})},
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("actor.cleared", True),
        ("!actor.cleared", False),
        ("actor.role == 'clerk' && resource.status != 'closed'", True),
        ("actor.role == 'clerk' && action.soft || actor.level >= 3", True),
        ("actor.level < 3 ? actor.cleared : action.soft", False),
        ("actor.role in ['clerk', 'judge']", True),
        ("'north' in actor.units", True),
        ("'south' in actor.units", False),
        ("resource.owner == actor.id", True),
        ("actor.email.startsWith('ana@') && actor.email.endsWith('county')", True),
        ("actor.email.contains('@') && !actor.email.contains('%')", True),
        (r"context.case.matches('^[0-9]{2}-[0-9]+$')", True),
        ("context.case.matches('18')", True),
        ("size(actor.units) == 2 && actor.email.size() == 10", True),
        ("actor.units.exists(unit, unit.startsWith('nor'))", True),
        ("actor.units.all(unit, size(unit) > 5)", False),
        ("actor.units.exists(u, actor.tags.exists(t, u.contains(t) || t == 'b'))", True),
        ("[1, 2].all(n, n < actor.level)", True),
        ("has(actor.level) && has(context.purpose)", True),
        ("resource.score > 1 && resource.score == 1.5", True),
        ("actor.level > -1 && resource.score > -1.5e3 && actor.level == 0x3", True),
        ("context.time > timestamp('2026-11-18T00:00:00+00:00')", True),
        ("context.time - duration('24h') < timestamp('2026-11-18T11:06:40Z')", True),
        ("context.time - actor.joined > duration('240h')", True),
        ("actor.joined + duration('1h30m') == timestamp('2026-01-31T13:30:00Z')", True),
        ("(actor.unit + '/x') == 'north/x' || true", True),
        ("'a\\u00e9\\'\\x41\\101' == \"aé'AA\"", True),
        (r"r'\d' == '\\d'", True),
        ("true // and a comment\n && true", True),
        ("'b' > 'a' && 'ä' > 'z' && '' < 'a'", True),
    ],
)
def test_condition_means_what_cel_says(text: str, expected: bool) -> None:
    """Each construct of the subset, once."""
    assert holds(text) is expected


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "empty"),
        ("   ", 1, "empty"),
        ("actor.rol == 'x'", 1, "unknown attribute `actor.rol`: did you mean `actor.role`?"),
        ("true && resource.rows == 1", 9, "unknown attribute `resource.rows`"),
        ("row.unit == 'x'", 1, "`row` can be used in row filters only"),
        ("actr.role == 'x'", 1, "unknown name `actr`: did you mean `actor`?"),
        ("zzz", 1, "unknown name `zzz`: there are actor, resource, action, context, row"),
        ("actor", 1, "`actor` needs an attribute: `actor.NAME`"),
        ("actor.level == 'x'", 1, "`==` compares int with string"),
        ("actor.level", 1, "a condition must be bool, not int"),
        ("!actor.level", 2, "what stands behind `!` must be bool, not int"),
        ("true && 'x'", 9, "what stands beside `&&` must be bool, not string"),
        ("'x' ? true : false", 1, "what stands before `?` must be bool, not string"),
        ("true ? 1 : 'x'", 12, "both sides of `:` must be int, not string"),
        ("'a' in actor.role", 8, "`in` needs a list, not string"),
        ("1 in ['a']", 1, "cannot look for int in a list of string"),
        ("['a', 1] == ['a']", 7, "a list of string holds int"),
        ("actor.tags == actor.units", 1, "`==` does not compare list(string)"),
        ("actor.role in []", 15, "an empty list"),
        ("true < false", 1, "`<` does not compare bool"),
        ("1 < 2 < 3", 9, "a comparison of a comparison: use `&&`"),
        ("actor.level + 1 == 2", 1, "`int + int` is not supported"),
        ("actor.level * 2 == 2", 1, "`*`, `/` and `%` are not supported"),
        ("-actor.level < 1", 1, "`-` stands before numbers only"),
        ("actor.role == null", 15, "`null` is not supported: ask `has(…)`"),
        ("actor.level == 1u", 16, "`1u` is not supported"),
        ("actor.role == b'x'", 15, "bytes are not supported"),
        ("actor.role == '''x'''", 15, "texts in triple quotes are not supported"),
        ("actor.units[0] == 'x'", 1, "`[…]` behind a value is not supported"),
        ("{'a': 1} == {'a': 1}", 1, "`{…}` is not supported"),
        (".role == 'x'", 1, "a leading `.` is not supported"),
        ("actor.role.upper() == 'X'", 12, "function `upper` is not supported: there are "),
        ("startWith(actor.role)", 1, "did you mean `startsWith`?"),
        ("actor.role.startsWith()", 12, "`startsWith` takes 1 values"),
        ("actor.role.name == 'x'", 12, "an attribute has no parts of its own"),
        ("actor.tags.exists(actor, true)", 19, "`actor` means something already"),
        ("actor.tags.exists(t, actor.tags.all(t, true))", 37, "`t` means something already"),
        ("actor.tags.exists(t)", 1, "write `exists(x, condition on x)`"),
        ("actor.role.exists(t, true)", 1, "`exists` looks through a list, not string"),
        ("actor.tags.map(t, t) == actor.tags", 12, "function `map` is not supported"),
        ("t == 'a' && actor.tags.exists(t, true)", 1, "unknown name `t`"),
        ("has(true)", 5, "`has` takes an attribute such as `actor.role`"),
        ("has(actor.nothing)", 5, "unknown attribute `actor.nothing`"),
        ("size(actor.level) == 1", 6, "`size` of int"),
        ("actor.role.matches('(')", 20, "not a pattern of RE2: missing ): ("),
        (r"actor.role.matches('(a)\\1')", 20, "not a pattern of RE2: invalid escape sequence: \\1"),
        ("actor.role.matches('(((a{1000}){1000}){1000})')", 20, "not a pattern of RE2"),
        ("actor.role.matches(actor.email)", 20, "`matches` takes a text, not a computed one"),
        ("context.time > timestamp('2026-13-01T00:00:00Z')", 26, "is no timestamp such as"),
        ("context.time > timestamp('2026-01-01')", 26, "is no timestamp such as"),
        ("context.time > timestamp(actor.role)", 26, "takes a text, not a computed one"),
        ("duration('1d') == duration('24h')", 10, "is no duration such as `1h30m`"),
        ("actor.level == 9223372036854775808", 16, "has more than 64 bits"),
        ("resource.score > 1e999", 18, "is too large"),
        ("'a\\q' == 'b'", 3, "unknown escape `\\q`"),
        ("'\\ud800' == 'b'", 2, "unknown escape `\\u`"),
        ("'abc", 1, "a text that does not end"),
        ("'a\nb' == 'x'", 1, "a text that does not end"),
        ("actor.cleared &&", 17, "ends too early"),
        ("actor.cleared)", 14, "unexpected `)`"),
        ("actor.cleared § true", 15, "unexpected"),
        ("a\0b", 2, "unexpected"),
    ],
)
def test_condition_is_refused_with_its_column(text: str, column: int, message: str) -> None:
    """Whatever is not in the subset, unknown or of the wrong type names its place."""
    with pytest.raises(ConditionError) as refused:
        parse(text)

    assert refused.value.column == column
    assert message in refused.value.message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 1_000 + "true" + ")" * 1_000, "nested more than 24 deep"),
        ("!" * 100 + "true", "nested more than 40 deep"),
        ("true ? true : " * 60 + "true", "nested more than 40 deep"),
        (" && ".join(["true"] * 490), ""),
        (" && ".join(["true"] * 500), "more than 500 parts"),
        ("x" * 4_001, "longer than 4000 characters"),
        ('"' + r"\a" * 1_900, "a text that does not end"),  # 2 ** 1900 ways for the lexer.
        ('"' + r"\a" * 1_800 + '\\\n"', "a text that does not end"),
        ('""' + r'"\a' * 800, "triple quotes"),
        ("[" * 24 + "1" + "]" * 24 + " == 1", "a list of"),
    ],
)
def test_condition_is_bounded(text: str, message: str) -> None:
    """What would take a parser long, or deep, is refused at once."""
    if not message:
        assert parse(text).test(ACTOR, RESOURCE, ACTION, CONTEXT)
        return
    with pytest.raises(ConditionError, match=message):
        parse(text)


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("actor.level == 4", "actor.level"),
        ("!(actor.level == 4)", "actor.level"),
        ("actor.cleared && actor.level == 4", "actor.level"),
        ("actor.level == 4 || !actor.cleared", "actor.level"),
        ("actor.level == 4 && !actor.cleared", None),
        ("!actor.cleared && actor.level == 4", None),
        ("actor.level == 4 || actor.cleared", None),
        ("actor.level == 4 || actor.level == 5", "actor.level"),
        ("actor.level == 4 ? true : true", "actor.level"),
        ("actor.cleared ? true : actor.level == 4", None),
        ("has(actor.level) && actor.level == 4", None),
        ("actor.units.exists(u, actor.level == 4)", "actor.level"),
        ("actor.units.exists(u, actor.level == 4 || u == 'county')", None),
        ("actor.units.all(u, actor.level == 4 && u == 'county')", None),
        ("actor.units.all(u, actor.level == 4 || u == 'county')", "actor.level"),
        ("actor.level in [1, 2]", "actor.level"),
    ],
)
def test_missing_attribute_decides_nothing_by_itself(text: str, missing: str | None) -> None:
    """`&&` and `||` absorb what is missing where the other side decides; all else reports it."""
    without = {**ACTOR, "level": None}
    if missing is None:
        assert isinstance(parse(text).test(without, RESOURCE, ACTION, CONTEXT), bool)
        return
    with pytest.raises(MissingAttribute) as raised:
        parse(text).test(without, RESOURCE, ACTION, CONTEXT)

    assert raised.value.name == missing


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("cleared", "true"), ("cleared", 1), ("level", True), ("level", 1.0), ("level", "3"),
        ("level", 1 << 63), ("email", 5), ("email", ["x"]), ("joined", "yesterday"),
        ("joined", "2026-01-31"), ("joined", datetime(2026, 1, 1)),  # noqa: DTZ001
        ("joined", 10**18), ("tags", "a"), ("tags", ["a", 1]), ("tags", {"a": 1}),
    ],
)  # fmt: skip
def test_value_of_another_type_is_missing(name: str, value: object) -> None:
    """A program that states `"true"` for a bool has stated nothing, and `has` cannot tell."""
    texts = {"cleared": "actor.cleared", "level": "actor.level > 0", "email": "actor.email != ''",
             "joined": "actor.joined < context.time", "tags": "'a' in actor.tags"}  # fmt: skip
    for text in (texts[name], f"has(actor.{name})"):
        with pytest.raises(MissingAttribute, match=f"actor.{name}"):
            holds(text, actor={name: value})


@pytest.mark.parametrize(
    "value",
    [
        1_769_860_800_000,
        "2026-01-31T12:00:00Z",
        "2026-01-31T13:00:00.000+01:00",
        "2026-01-31t12:00:00.000000999z",
        datetime(2026, 1, 31, 12, tzinfo=UTC),
        datetime(2026, 1, 31, 7, tzinfo=timezone(timedelta(hours=-5))),
    ],
)
def test_instants_are_read_as_they_come(value: object) -> None:
    """Milliseconds, RFC 3339 and aware datetimes are the same instant."""
    assert holds("actor.joined == timestamp('2026-01-31T12:00:00Z')", actor={"joined": value})


@pytest.mark.parametrize("value", [2, 2.0, Decimal("2.0")])
def test_numbers_of_rows_are_doubles(value: object) -> None:
    """A double may come as int, float or decimal; not a number is missing."""
    assert holds("resource.score == 2.0", resource={"score": value})
    with pytest.raises(MissingAttribute):
        holds("resource.score == 2.0", resource={"score": float("nan")})


def test_half_a_surrogate_pair_is_no_text_for_a_pattern() -> None:
    """What cannot be encoded is missing, never an error of another kind."""
    with pytest.raises(MissingAttribute, match=r"context\.case"):
        holds("context.case.matches('a')", context={"case": "\ud800"})


def test_names_tell_what_is_needed() -> None:
    """Whoever tests a condition can tell beforehand which attributes it speaks of."""
    condition = parse("actor.tags.exists(t, t == resource.owner) || has(context.case)")

    assert condition.names == {"actor.tags", "resource.owner", "context.case"}
    assert repr(condition) == f"Condition({condition.text!r})"


def test_row_filter_may_speak_of_rows() -> None:
    """With columns, `row` has them; one whose type conditions do not know is asked for by has."""
    condition = parse_condition(
        "row.unit in actor.units && row.stolen && has(row.blob)",
        attributes=ATTRIBUTES,
        columns=COLUMNS,
    )
    row = {"unit": "north", "stolen": True, "blob": b"x"}

    assert condition.test(ACTOR, RESOURCE, ACTION, CONTEXT, row)
    assert not condition.test(ACTOR, RESOURCE, ACTION, CONTEXT, {**row, "unit": "south"})
    with pytest.raises(ConditionError, match="does not compare other"):
        parse_condition("row.blob == 'x'", attributes=ATTRIBUTES, columns=COLUMNS)
    with pytest.raises(ConditionError, match=r"unknown column `row\.unti`: did you mean"):
        parse_condition("row.unti == 'x'", attributes=ATTRIBUTES, columns=COLUMNS)


def test_every_built_in_attribute_can_be_used() -> None:
    """What every attempt has needs no declaration."""
    for root, names in BUILT_IN.items():
        for name in names:
            parse_condition(f"has({root}.{name})", attributes=Attributes())


def test_the_grammar_is_loaded_with_the_first_condition() -> None:
    """A command that reads no policy does not pay for CEL."""
    code = (
        "import sys, ombud.access.condition as c, ombud.access.model as m;"
        "before = 'lark' in sys.modules;"
        "c.parse_condition('true', attributes=m.Attributes());"
        "print(before, 'lark' in sys.modules, 'celpy' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )

    assert done.stdout.split() == ["False", "True", "False"]


# The differential test: random conditions of the subset, judged by CEL's own evaluator.

TEXTS = st.sampled_from(["", "a", "b", "ab", "north", "ä", "\U0001f600", "a'b", 'a"b', "a\\b"])
WHOLES = st.integers(-3, 3)


def written(value: str) -> str:
    """Return a text as a literal."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def texts() -> st.SearchStrategy[str]:
    """Return terms that are texts."""
    return TEXTS.map(written) | st.sampled_from(["actor.email", "actor.gone", "resource.owner"])


def wholes() -> st.SearchStrategy[str]:
    """Return terms that are whole numbers."""
    return (
        WHOLES.map(lambda number: f"({number})")
        | st.sampled_from(["actor.level", "context.rows", "actor.lost"])
        | texts().map(lambda text: f"size({text})")
    )


def instants() -> st.SearchStrategy[str]:
    """Return terms that are instants."""
    return st.sampled_from([
        "timestamp('2026-01-31T12:00:00Z')", "actor.joined",
        "actor.joined + duration('1h')", "timestamp('2026-02-01T00:00:00.5Z') - duration('90m')",
    ])  # fmt: skip


def compared(terms: st.SearchStrategy[str], *operators: str) -> st.SearchStrategy[str]:
    """Return comparisons of terms."""
    return st.tuples(terms, st.sampled_from(operators), terms).map(" ".join)


ORDER = ("==", "!=", "<", "<=", ">", ">=")
TESTS = (
    st.sampled_from(["true", "false", "actor.cleared", "actor.dark", "has(actor.gone)",
                     "has(actor.email)"])
    | compared(texts(), "==", "!=", "<", ">")
    | compared(wholes(), *ORDER)
    | compared(instants(), *ORDER)
    | st.tuples(texts(), st.lists(TEXTS.map(written), min_size=1, max_size=3)).map(
        lambda pair: f"{pair[0]} in [{', '.join(pair[1])}]"
    )
    | texts().map(lambda text: f"{text} in actor.tags")
    | st.tuples(texts(), st.sampled_from(["startsWith", "endsWith", "contains"]), texts()).map(
        lambda three: f"{three[0]}.{three[1]}({three[2]})"
    )
    | texts().map(lambda text: f"{text}.matches('^[a-n]+$|b')")
    | st.tuples(st.sampled_from(["exists", "all"]), texts()).map(
        lambda two: f"actor.tags.{two[0]}(t, t == {two[1]} || actor.level > 1)"
    )
)  # fmt: skip
CONDITIONS = st.recursive(
    TESTS,
    lambda inner: (
        inner.map(lambda one: f"!({one})")
        | st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(
            lambda three: f"({three[0]}) {three[1]} ({three[2]})"
        )
        | st.tuples(inner, inner, inner).map(lambda three: "({}) ? ({}) : ({})".format(*three))
    ),
    max_leaves=6,
)
DIFFERENT = Attributes(
    actor={"cleared": "bool", "dark": "bool", "level": "int", "lost": "int", "email": "string",
           "gone": "string", "joined": "timestamp", "tags": "list(string)"},
    resource={"owner": "string"},
    context={"rows": "int"},
)  # fmt: skip
ENVIRONMENT = celpy.Environment()


def judged_by_cel(text: str, values: Mapping[str, Mapping[str, Any]]) -> bool | None:
    """Return what celpy says, None for an error."""
    program = ENVIRONMENT.program(ENVIRONMENT.compile(text))
    activation: dict[str, Any] = {
        root: json_to_cel(dict(mapping)) for root, mapping in values.items()
    }
    joined = values["actor"].get("joined")
    if joined is not None:
        activation["actor"][StringType("joined")] = TimestampType(joined)
    try:
        return bool(program.evaluate(activation))
    except CELEvalError:
        return None


@settings(max_examples=400, deadline=None)
@given(
    CONDITIONS,
    st.fixed_dictionaries(
        {},
        optional={
            "cleared": st.booleans(), "level": WHOLES, "email": TEXTS,
            "joined": st.sampled_from(["2026-01-31T12:00:00Z", "2026-01-31T23:30:00.5Z"]),
            "tags": st.lists(TEXTS, max_size=3),
        },
    ),
    st.fixed_dictionaries({}, optional={"owner": TEXTS}),
)  # fmt: skip
def test_celpy_judges_the_same(text: str, actor: dict[str, Any], resource: dict[str, Any]) -> None:
    """Our closures and CEL's own evaluator agree, on errors too."""
    context = {"rows": 2}
    try:
        ours: bool | None = parse_condition(text, attributes=DIFFERENT).test(
            actor, resource, {}, context
        )
    except MissingAttribute:
        ours = None

    values = {"actor": actor, "resource": resource, "action": {}, "context": context}
    assert ours is judged_by_cel(text, values), text


@settings(max_examples=300, deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(["actor", ".", "role", "(", ")", "'", '"', "\\", "&&", "!", "[", "]", "==",
                         "1", " ", "in", "has", "?", ":", "-", "r'", "//", "\n", "matches", ","]),
        max_size=30,
    ).map("".join)
)  # fmt: skip
def test_no_text_breaks_the_parser(text: str) -> None:
    """Any text is a condition, or refused with a column inside it."""
    refused: ConditionError | None = None
    try:
        parse(text)
    except ConditionError as error:
        refused = error

    assert refused is None or (refused.message and 1 <= refused.column <= len(text) + 1)
