"""Any tree, written as text, is parsed as the same tree."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.core.errors import QueryError
from ombud.core.fields import Kind
from ombud.query.names import (
    BUCKETS,
    DIGESTS,
    FLAGS,
    QUERY_FIELDS,
    VOCABULARIES,
    QueryField,
    is_countable,
)
from ombud.query.parse import parse_query
from ombud.query.render import render_query
from ombud.query.shape import MEASURES, TOP_MAX
from ombud.query.tree import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    SECOND_MS,
    Ago,
    And,
    AnyOf,
    Between,
    Compare,
    Equals,
    Has,
    Is,
    Match,
    Moment,
    Near,
    Node,
    Not,
    Or,
    Pattern,
    Prefix,
    Query,
    Subject,
    Test,
    TimeOfDay,
    Weekdays,
    Word,
    WordPattern,
)

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12)
WORDS = TEXTS.filter(lambda text: text.strip())
# Literals, escaped where they have a meaning of their own; `/` is escaped by the text alone.
PATTERNS = st.lists(
    st.sampled_from(
        ("a", "/", "é", " ", '"', ",", r"\d", r"\\", r"\.", "[/)]", "(x|y)*?", "^", ".{2}")
    ),
    min_size=1,
    max_size=6,
).map("".join)
PATTERN_TESTS: st.SearchStrategy[Any] = st.builds(Pattern, PATTERNS)
INTEGERS = st.integers(-(2**63) + 1, 2**63 - 1)
REALS = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e20, max_value=1e20)
FIELDS = sorted(QUERY_FIELDS)


@st.composite
def moments(draw: st.DrawFn) -> Moment:
    """Any date or time from 1900 on, aligned to what its span says."""
    span = draw(st.sampled_from((DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, 1)))
    ms = draw(st.integers(-2_000_000_000_000, 8_000_000_000_000)) // span * span
    is_fixed = span < DAY_MS and draw(st.booleans())
    is_odd_hour = span == HOUR_MS and is_fixed
    minutes = draw(st.integers(0, 59)) if is_odd_hour else 0
    return Moment(ms + minutes * MINUTE_MS, span, is_fixed)


INSTANTS = moments() | st.integers(0, 10**6).map(lambda seconds: Ago(seconds * SECOND_MS))


@st.composite
def any_test(draw: st.DrawFn, field: QueryField) -> Test:
    """Draw a test that the field's kind allows."""
    ordered = {Kind.INTEGER: INTEGERS, Kind.REAL: REALS, Kind.INSTANT: INSTANTS}.get(field.kind)
    if ordered is not None:
        shape = draw(st.sampled_from(("equals", "any", "compare", "between")))
        if shape == "compare":
            return Compare(draw(st.sampled_from((">", ">=", "<", "<="))), draw(ordered))
        if shape == "between":
            return Between(draw(ordered), draw(ordered))
        values = st.builds(Equals, ordered)
    elif field.kind is Kind.BOOLEAN:
        shape, values = "equals", st.builds(Equals, st.booleans())
    elif field.name in VOCABULARIES:
        shape = draw(st.sampled_from(("equals", "any")))
        values = st.builds(Equals, st.sampled_from(sorted(VOCABULARIES[field.name])))
    else:
        shape = draw(st.sampled_from(("equals", "any")))
        values = st.builds(Equals, TEXTS)
        if field.name not in DIGESTS:
            begun: st.SearchStrategy[Any] = st.builds(Prefix, TEXTS)
            values |= begun | PATTERN_TESTS
    if shape == "any":
        return AnyOf(tuple(draw(st.lists(values, min_size=2, max_size=3))))
    return draw(values)


@st.composite
def matches(draw: st.DrawFn) -> Match:
    """Draw a test of one field."""
    names = [name for name in FIELDS if QUERY_FIELDS[name].kind not in {Kind.SUBJECTS, Kind.MAP}]
    field = QUERY_FIELDS[draw(st.sampled_from(names))]
    return Match(field.name, draw(any_test(field)))


SUBJECT_KEY = QueryField("subject", Kind.TEXT, "")
LEAVES = (
    matches()
    | st.builds(Word, WORDS)
    | st.builds(WordPattern, PATTERNS)
    | st.builds(
        Near,
        st.floats(-90, 90),
        st.floats(-180, 180),
        st.floats(0, 20_000_000, exclude_min=True),
    )
    | st.builds(Has, st.sampled_from(FIELDS))
    | st.builds(Is, st.sampled_from(sorted(FLAGS)))
    | st.builds(Subject, TEXTS, any_test(SUBJECT_KEY))
    | st.builds(
        TimeOfDay, st.integers(0, 700), st.integers(701, 1440), st.sampled_from((None, 0, 60, -330))
    )
    | st.builds(TimeOfDay, st.integers(701, 1439), st.integers(0, 700))
    | st.sets(st.integers(0, 6), min_size=1).map(lambda days: Weekdays(tuple(sorted(days))))
)


def _parts(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    many = st.lists(nodes, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, nodes) | st.builds(And, many) | st.builds(Or, many)


TREES = st.recursive(LEAVES, _parts, max_leaves=8)
COUNTABLE = sorted(name for name, field in QUERY_FIELDS.items() if is_countable(field))


@settings(deadline=None)  # The list of zones is read once.
@given(
    where=st.none() | TREES,
    count_by=st.lists(st.sampled_from((*COUNTABLE, *BUCKETS)), max_size=3).map(tuple),
    top=st.none() | st.tuples(st.integers(1, TOP_MAX), st.sampled_from(MEASURES)),
    zone=st.none() | st.sampled_from(("UTC", "Europe/Berlin", "Etc/GMT+5")),
)
def test_round_trip(
    where: Node | None,
    count_by: tuple[str, ...],
    top: tuple[int, str] | None,
    zone: str | None,
) -> None:
    """The text of a tree means that tree."""
    number, measure = top if top is not None and count_by else (None, "events")
    query = Query(where, count_by, number, measure, zone)

    assert parse_query(render_query(query)) == query


PIECES = (
    *'ab:"()-*.,|<>=/\\0159TZ[]{}?+^$',
    *(" OR ", " AND ", " NOT ", "has:", "is:", "case:", "rows:", "time:", "day:", "near:(", "5km)"),
    *(
        "person:",
        "unit:",
        "tz:UTC ",
        "tz:",
        "| count by ",
        "| top 5 ",
        " by ",
        "/a/",
        "22:00..06:00",
    ),
)


@settings(deadline=None)  # The list of zones is read once.
@given(text=st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """No text does anything but parse, and then it round-trips, or be refused with a column."""
    try:
        query = parse_query(text)
    except QueryError as refusal:
        column = refusal.column
    else:
        assert parse_query(render_query(query)) == query
        column = 1
    assert 1 <= column <= len(text) + 1
