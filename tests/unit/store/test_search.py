"""A search finds what a plain reading of the tree would, whatever the events and the query."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import atan2, cos, hypot, radians, sin
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from doubles.layouts import LAYOUTS, Layout
from ombud.core.errors import InputError
from ombud.core.event import Event
from ombud.core.fields import BY_NAME, Kind
from ombud.directory.span import BEGINNING, END, AccountSpan
from ombud.query.names import (
    ALERT_FIELDS,
    ATTRIBUTES_PREFIX,
    DIGESTS,
    FLAGS,
    JOINED,
    PEOPLE,
    PRESENCE_ONLY,
    QUERY_FIELDS,
    SENTENCES,
    WORD_FIELDS,
    find_field,
)
from ombud.query.parse import parse_query
from ombud.query.tree import (
    DAY_MS,
    MINUTE_MS,
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
    TimeOfDay,
    Weekdays,
    Word,
    WordPattern,
)
from ombud.query.world import AlertTest
from ombud.store import search
from ombud.store.index import Index
from ombud.store.visibility import Visibility

BERLIN, NEPAL = "Europe/Berlin", "Asia/Kathmandu"
PHASES = (Phase.explicit, Phase.generate)  # Shrinking over a real engine takes minutes.
NOW = 1_795_305_600_000  # 2026-11-22T00:00:00Z, a Sunday
KEYS = ("7ABC", "7ABD", "a b", "100%", "x_y", "O'Brien", "né", "\\")
VALUES = (*KEYS, "", " ", "Ana", "ana", 'say "hi"', "'; DROP TABLE event; --", "$1", "nul\0byte")


def _value(kind: Kind) -> st.SearchStrategy[Any]:
    return {
        Kind.TEXT: st.sampled_from(VALUES),
        Kind.INTEGER: st.integers(-3, 3) | st.sampled_from((2**63 - 1, -(2**63))),
        Kind.INSTANT: st.integers(NOW - 3 * DAY_MS, NOW + DAY_MS),
        Kind.BOOLEAN: st.booleans(),
        Kind.REAL: st.sampled_from((0.0, 52.25, -1.5)),
        Kind.TEXTS: st.lists(st.sampled_from(VALUES), max_size=2).map(tuple),
        Kind.SUBJECTS: st.lists(
            st.tuples(st.sampled_from(("plate", "person")), st.sampled_from(KEYS)), max_size=2
        ).map(tuple),
        Kind.MAP: st.dictionaries(
            st.sampled_from(("shift", "n")), st.sampled_from(("late", 3, 7.5, True)), max_size=2
        ),
    }[kind]


def _span(account: str, begins: int, ends: int, **said: Any) -> AccountSpan:
    return AccountSpan(account, said.pop("system", None), begins, ends, **said)


# Ana moves; `a b` is one person on one system and another on the next; the rest is unknown.
TRAFFIC, COUNTY = ("traffic", "police", "county"), ("county",)
SPANS = (
    _span(
        "Ana",
        BEGINNING,
        NOW - DAY_MS,
        person="P-1",
        name="Ana Smit",
        unit="traffic",
        units=TRAFFIC,
        role="clerk",
        manager="P-9",
        zone=BERLIN,
    ),
    _span(
        "Ana",
        NOW - DAY_MS,
        NOW,
        person="P-1",
        name="Ana Smit",
        unit="police",
        units=("police", "county"),
        zone=NEPAL,
    ),
    _span("Ana", NOW, END, person="P-1", name="Ana Smit"),
    _span("a b", BEGINNING, END, system="7ABC", person="P-2", unit="county", units=COUNTY),
    _span("a b", BEGINNING, NOW - 2 * DAY_MS, system="x_y", person="P-3", zone="Nowhere/Land"),
    _span("ana", NOW - 2 * DAY_MS, NOW - DAY_MS, person="P-1", role=" "),
)
ALERTS = {"r-1": [0, 3, 5], "r-2": [1], "r-10": []}


def span_of(event: Event) -> AccountSpan | None:
    """Return what is known of the event's account at its time."""
    for span in SPANS:
        is_it = span.account == event.account and span.begins <= event.time < span.ends
        if is_it and span.system in {None, event.resource_system}:
            return span
    return None


@st.composite
def events(draw: st.DrawFn) -> Event:
    """Draw an event with a few random fields."""
    names = draw(st.sets(st.sampled_from(sorted(BY_NAME)), max_size=8))
    values = {
        BY_NAME[name].attribute: draw(_value(BY_NAME[name].kind))
        for name in names - {"time", "source", "action", "outcome", "actor.type", "class_uid"}
    }
    if draw(st.booleans()):
        values["actor_id"] = draw(st.sampled_from(("Ana", "ana", "a b")))
        values["resource_system"] = draw(st.sampled_from(("7ABC", "x_y", None)))
    if draw(st.booleans()):
        values["session_id"] = draw(st.sampled_from(("s1", "s2")))
    return Event(
        time=draw(_value(Kind.INSTANT)),
        source=draw(st.sampled_from(("a", "b"))),
        action=draw(st.sampled_from(("read", "export"))),
        outcome=draw(st.sampled_from((None, "denied", "success"))),
        actor_type=draw(st.sampled_from((None, "person"))),
        **values,
    )


INSTANTS = st.sampled_from(
    (Ago(DAY_MS), Ago(0), Moment(NOW - DAY_MS, DAY_MS), Moment(NOW - 7_200_000, 3_600_000))
)


@st.composite
def matches(draw: st.DrawFn) -> Match:
    """Draw a test of one field that the grammar would allow."""
    names = [name for name in QUERY_FIELDS if name not in PRESENCE_ONLY]
    names += [*PEOPLE, *PEOPLE, "session.purpose", "alert.rule"]
    name = draw(st.sampled_from([*names, "attributes.shift", "attributes.n"]))
    field = find_field(name)
    assert field is not None
    if field.kind in {Kind.SUBJECTS, Kind.MAP}:
        name, kind = "attributes.shift", Kind.TEXT
    else:
        kind = field.kind
    if kind in {Kind.INTEGER, Kind.REAL, Kind.INSTANT}:
        values = INSTANTS if kind is Kind.INSTANT else _value(kind)
        return Match(
            name,
            draw(
                st.builds(Equals, values)
                | st.builds(Compare, st.sampled_from((">", ">=", "<", "<=")), values)
                | st.builds(Between, values, values)
                | st.builds(AnyOf, st.lists(st.builds(Equals, values), min_size=2).map(tuple))
            ),
        )
    if kind is Kind.BOOLEAN:
        return Match(name, Equals(draw(st.booleans())))
    known = ("P-1", "P-2", "Ana Smit", "police", "county", "clerk", "r-1", "s1")
    text = st.sampled_from(known if name in {*PEOPLE, *JOINED} else (*VALUES, "late", "3", "plate"))
    one: st.SearchStrategy[Any] = st.builds(Equals, text)
    if name not in DIGESTS:
        one |= st.builds(Prefix, st.sampled_from(("7AB", "a", "O'", "%", "", "pl", "P-", "r-1")))
        one |= st.builds(Pattern, st.sampled_from(PATTERNS))
    return Match(name, draw(one | st.builds(AnyOf, st.lists(one, min_size=2).map(tuple))))


# What RE2 and Python's `re` mean alike.
PATTERNS = (
    "^7AB",
    "[A-C]$",
    "a|é",
    "^$",
    r"\d",
    r"^[^-]*$",
    "(?i)ANA",
    "P-[12]",
    "li",
    "^.{2,3}$",
)
LEAVES = (
    matches()
    | st.builds(Has, st.sampled_from(sorted(QUERY_FIELDS)))
    | st.builds(Is, st.sampled_from(sorted(FLAGS)))
    | st.builds(Word, st.sampled_from((*KEYS, "ANA", "NÉ", "%", "_", "B", "'; drop", "xport")))
    | st.builds(
        Subject,
        st.sampled_from(("plate", "person")),
        st.builds(Equals, st.sampled_from(KEYS)) | st.builds(Prefix, st.just("7AB")),
    )
    | st.builds(WordPattern, st.sampled_from(PATTERNS))
    | st.builds(
        Near,
        st.sampled_from((0.0, 52.2, -1.4, 90.0, -89.0)),
        st.sampled_from((0.1, 52.3, -1.5, 179.0, -180.0)),
        st.sampled_from((1.0, 8_000.0, 15_000.0, 300_000.0, 6_000_000.0, 1.9e7)),
    )
    | st.builds(
        TimeOfDay, st.integers(0, 600), st.integers(601, 1440), st.sampled_from((0, 90, None))
    )
    | st.builds(TimeOfDay, st.integers(601, 1439), st.integers(0, 600))
    | st.sets(st.integers(0, 6), min_size=1).map(lambda days: Weekdays(tuple(sorted(days))))
)


def _parts(nodes: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    many = st.lists(nodes, min_size=2, max_size=3).map(tuple)
    return st.builds(Not, nodes) | st.builds(And, many) | st.builds(Or, many)


TREES = st.recursive(LEAVES, _parts, max_leaves=6)


def field_value(event: Event, name: str) -> Any:  # noqa: PLR0911 - one for each kind.
    """Return what a query sees of a field: lists for what may hold several values."""
    if name in {"id", "ingested_at"}:
        return getattr(event, name)
    if name in {"subjects", "subject.kind", "subject.key"}:
        half = 1 if name == "subject.key" else 0
        return tuple(pair[half] for pair in event.subjects or ())
    if name.startswith(ATTRIBUTES_PREFIX):
        value = (event.attributes or {}).get(name.removeprefix(ATTRIBUTES_PREFIX))
        return value if value is None else str(value).lower() if value is True else str(value)
    if name == "account":
        return event.account
    if name in PEOPLE:
        span = span_of(event)
        if span is None:
            return None
        return span.units if name == "actor.unit" else getattr(span, PEOPLE[name])
    value = getattr(event, BY_NAME[name].attribute)
    return None if name in DIGESTS and not (value or "").strip(" ") else value


@dataclass(frozen=True)
class Reading:
    """All events and the zone of the query: what a plain reading of one event needs to know."""

    events: Sequence[Event]
    zone: str | None = None

    def zone_of(self, event: Event) -> ZoneInfo:
        """Return the zone in which the event's day and time of the day are meant."""
        span = span_of(event)
        named = self.zone or (span.zone if span is not None else None)
        return ZoneInfo(named if named in available_timezones() else "UTC")

    def clock(self, event: Event) -> datetime:
        """Return what the clock shows that is meant."""
        return datetime.fromtimestamp(event.time / 1000, self.zone_of(event))

    def ends(self, moment: Moment, span_ms: int) -> tuple[int, int]:
        """Return the first instant of a moment, and of what follows `span_ms` later."""
        if moment.is_fixed or self.zone is None:
            return moment.ms, moment.ms + span_ms
        shown = [
            datetime.fromtimestamp(ms / 1000, UTC).replace(tzinfo=ZoneInfo(self.zone))
            for ms in (moment.ms, moment.ms + span_ms)
        ]
        first, end = (int(one.timestamp() * 1000) for one in shown)
        return first, end


def distance(lat: float, lon: float, node: Near) -> float:
    """Return metres between two places: the angle between their directions, on a sphere."""
    x, y = (
        [cos(radians(a)) * cos(radians(b)), cos(radians(a)) * sin(radians(b)), sin(radians(a))]
        for a, b in ((lat, lon), (node.lat, node.lon))
    )
    cross = hypot(x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0])
    return atan2(cross, sum(a * b for a, b in zip(x, y, strict=True))) * 6_371_008.8


def holds(  # noqa: C901, PLR0911, PLR0912 - one case for each kind.
    node: Node, event: Event, reading: Reading
) -> bool:
    """Say whether the event is one that the node means, by a plain reading."""
    match node:
        case Not(part):
            return not holds(part, event, reading)
        case And(parts):
            return all(holds(part, event, reading) for part in parts)
        case Or(parts):
            return any(holds(part, event, reading) for part in parts)
        case Is(flag):
            where = parse_query(FLAGS[flag].query).where
            return where is not None and holds(where, event, reading)
        case Match("session.purpose", test):
            return in_session(Match("purpose", test), event, reading)
        case Has("session.purpose"):
            return in_session(Has("purpose"), event, reading)
        case Match(name, test) if name in ALERT_FIELDS:
            rules = [rule for rule, indices in ALERTS.items() if event.id in indices]
            return any(passes(test, rule, reading) for rule in rules)
        case Has(name) if name in ALERT_FIELDS:
            return any(event.id in indices for indices in ALERTS.values())
        case WordPattern(text):
            texts = [field_value(event, name) for name in WORD_FIELDS]
            texts += [key for _, key in event.subjects or ()]
            return any(re.search(text, one, re.IGNORECASE) for one in texts if one is not None)
        case Near():
            if event.place_lat is None or event.place_lon is None:
                return False
            reach = node.metres + max(event.place_radius_m or 0.0, 0.0)
            return distance(event.place_lat, event.place_lon, node) <= reach
        case Has(name):
            value = field_value(event, name)
            blank = value in (None, (), {}) or (isinstance(value, str) and not value.strip(" "))
            return not blank
        case Word(text):
            texts = [field_value(event, name) for name in WORD_FIELDS]
            texts += [key for _, key in event.subjects or ()]
            return any(text.lower() in (one or "").lower() for one in texts)
        case Subject(kind, key):
            keys = [found for of, found in event.subjects or () if of == kind]
            return any(passes(key, found, reading) for found in keys)
        case TimeOfDay(start, end, offset):
            clock = reading.clock(event)
            minute = clock.hour * 60 + clock.minute
            if offset is not None:
                minute = (event.time // MINUTE_MS + offset) % 1440
            return start <= minute < end if start < end else minute >= start or minute < end
        case Weekdays(days):
            return reading.clock(event).weekday() in days
        case Match(name, test):
            value = field_value(event, name)
            values = value if isinstance(value, tuple) else () if value is None else (value,)
            if isinstance(test, Compare | Between) and name.startswith(ATTRIBUTES_PREFIX):
                values = tuple(float(one) for one in values if one[0].isdigit())
            return any(passes(test, one, reading, is_sentence=name in SENTENCES) for one in values)


def in_session(test: Match | Has, event: Event, reading: Reading) -> bool:
    """Say whether an event of the same declared session passes."""
    return event.session_id is not None and any(
        one.session_id == event.session_id and holds(test, one, reading) for one in reading.events
    )


def passes(  # noqa: C901, PLR0911 - one case for each kind.
    test: Any, value: Any, reading: Reading, *, is_sentence: bool = False
) -> bool:
    """Say whether one value passes a test."""
    match test:
        case AnyOf(tests):
            return any(passes(one, value, reading, is_sentence=is_sentence) for one in tests)
        case Pattern(text):
            return re.search(text, value, re.IGNORECASE if is_sentence else 0) is not None
        case Prefix(text):
            given = value.lower() if is_sentence else value
            return bool(given.startswith(text.lower() if is_sentence else text))
        case Equals(Moment() as moment):
            first, end = reading.ends(moment, moment.span_ms)
            return bool(first <= value < end)
        case Equals(wanted):
            if is_sentence:
                return str(wanted).lower() in value.lower()
            return bool(value == (NOW - wanted.ms if isinstance(wanted, Ago) else wanted))
        case Between(low, high):
            above = passes(Compare(">=", low), value, reading)
            return above and passes(Compare("<=", high), value, reading)
        case Compare(operator, bound):
            least: Any = bound
            most: Any = bound
            if isinstance(bound, Ago):
                least = most = NOW - bound.ms
            elif isinstance(bound, Moment):
                least, after = reading.ends(bound, DAY_MS if bound.span_ms == DAY_MS else 1)
                most = after - 1
            told: dict[str, bool] = {
                ">": value > most,
                ">=": value >= least,
                "<": value < least,
                "<=": value <= most,
            }
            return told[operator]
    raise AssertionError(test)


def as_recorded(committed: Any) -> list[Event]:
    """Return the events as the record gives them."""
    return [committed.event(row) for row in range(committed.count)]


def of_alerts(test: AlertTest) -> list[int]:
    """Return what the alerts would answer: here every title and level is the rule's id."""
    found = [
        indices
        for rule, indices in ALERTS.items()
        if isinstance(test, Has) or passes(test.test, rule, Reading(()))
    ]
    return [index for indices in found for index in indices]


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(
    max_examples=4,
    deadline=None,
    phases=PHASES,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    drawn=st.lists(events(), min_size=1, max_size=12),
    trees=st.lists(TREES, min_size=12, max_size=24),
    zone=st.sampled_from((None, NEPAL, "America/New_York")),
)
def test_same_as_a_plain_reading(
    drawn: list[Event],
    trees: list[Node],
    zone: str | None,
    layout: Layout,
    commit: Callable[..., Any],
    fill: Any,
) -> None:
    """The engine finds the same events as reading them one by one, hot or sealed."""
    committed = commit(drawn)
    index = fill(drawn, layout)
    index.set_spans(SPANS, stamp=1)
    recorded = sorted(
        as_recorded(committed), key=lambda event: (event.time, event.id), reverse=True
    )
    try:
        reading = Reading(recorded, zone)
        for tree in trees:
            page = index.search(Query(tree, zone=zone), limit=100, now_ms=NOW, alerts=of_alerts)

            expected = [event.id for event in recorded if holds(tree, event, reading)]
            assert page.indices == expected, tree
    finally:
        index.close()


def read(time: int = 0, **fields: Any) -> Event:
    """Return a plain event."""
    return Event(
        time=time,
        source=fields.pop("source", "s"),
        action=fields.pop("action", "read"),
        **fields,
    )


def ask(index: Index, text: str, **options: Any) -> Any:
    """Search by text."""
    return index.search(parse_query(text), **{"limit": 100, "now_ms": NOW, **options})


def test_pages_continue_whatever_is_added(index: Index, commit: Callable[..., Any]) -> None:
    """A cursor continues exactly, also over equal times and while events arrive."""
    index.apply(commit([read(time=number // 3) for number in range(20)]))
    seen: list[int] = []
    cursor = None
    for step in range(7):
        page = ask(index, "action:read", limit=3, cursor=cursor)
        seen += page.indices
        cursor = page.next_cursor
        index.apply(commit([read(time=100 + step)], 20 + step))

    assert seen == list(range(19, -1, -1))
    assert cursor is None


def test_below_leaves_out_what_came_later(index: Index, commit: Callable[..., Any]) -> None:
    """A search sees the record as of one size of it."""
    index.apply(commit([read() for _ in range(5)]))

    assert ask(index, "", below=3).indices == [2, 1, 0]


@pytest.mark.parametrize("cursor", ["", "1", "a.1", "1.a", "1.-2", "1." + "9" * 20, "1.2; DROP"])
def test_foreign_cursor_is_refused(index: Index, cursor: str) -> None:
    """Only a cursor that a page gave continues a page."""
    with pytest.raises(InputError, match="is not one that a page gave"):
        ask(index, "", cursor=cursor)


def test_recent_events_are_asked_first(
    index: Index, commit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The short cut for common words changes no page."""
    index.apply(commit([read(time=number % 7, case=f"c{number % 3}") for number in range(30)]))
    whole = ask(index, "c1", limit=4)
    monkeypatch.setattr(search, "RECENT_EVENTS", 12)

    page = ask(index, "c1", limit=4)
    assert page == whole
    assert ask(index, "c1", limit=4, cursor=page.next_cursor).indices != page.indices
    assert ask(index, "nowhere").indices == []


def test_count_by(index: Index, commit: Callable[..., Any]) -> None:
    """Counts are sorted, absent values are counted, and attributes count as fields."""
    index.apply(
        commit(
            [
                read(actor_id="ana", attributes={"shift": "late"}),
                read(actor_id="ana", action="export"),
                read(actor_id="ben", attributes={"shift": "late"}),
                read(),
                read(actor_id="ana"),
            ]
        )
    )

    assert ask(index, "action:read | count by actor").rows == [
        {"actor.id": "ana", "events": 2},
        {"actor.id": "ben", "events": 1},
        {"actor.id": None, "events": 1},
    ]
    assert ask(index, "| count by attributes.shift, action").rows == [
        {"attributes.shift": "late", "action": "read", "events": 2},
        {"attributes.shift": None, "action": "read", "events": 2},
        {"attributes.shift": None, "action": "export", "events": 1},
    ]
    assert ask(index, "| count by actor", limit=1).rows == [{"actor.id": "ana", "events": 3}]


@pytest.mark.parametrize(
    "text",
    [
        "'; DROP TABLE ix.main.event; --",
        '" OR 1=1 --',
        "$1",
        "x') OR true OR contains('",
        "%",
        "_",
        "\\",
        "{0}",
    ],
)
def test_values_are_only_values(index: Index, commit: Callable[..., Any], text: str) -> None:
    """Whatever a value says, it is compared and never run."""
    index.apply(
        commit([read(case=text, query_text=text, subjects=((text, text),)), read(case="other")])
    )
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    for query in (
        quoted,
        f"case:{quoted}",
        f"case:({quoted},no)",
        f"query:{quoted}",
        f"subject:{quoted}:{quoted}",
    ):
        assert ask(index, query).indices == [0], query
    assert [row["events"] for row in index.who(text, text)] == [1]
    assert index.session(text) == []
    assert index.watermark() == 2


def test_visibility_bounds_every_way_to_look(index: Index, commit: Callable[..., Any]) -> None:
    """What an asker may not see is in no page, count, session or list of who."""
    subjects = (("plate", "7A"),)
    index.apply(
        commit(
            [
                read(
                    1,
                    actor_id="ana",
                    actor_organisation="u1",
                    resource_system="x",
                    subjects=subjects,
                ),
                read(
                    2,
                    actor_id="ben",
                    actor_organisation="u2",
                    resource_system="x",
                    subjects=subjects,
                ),
                read(3, actor_id="cy", resource_system="y", subjects=subjects, session_id="s"),
            ]
        )
    )
    unit = Visibility(units=("u1",))

    assert ask(index, "", visibility=unit).indices == [0]
    assert ask(index, "-case:x", visibility=Visibility(systems=("x",))).indices == [1, 0]
    assert ask(index, "a OR b OR -zz", visibility=Visibility(actors=("ben",))).indices == [1]
    assert ask(index, "", visibility=Visibility(units=("u1",), systems=("y",))).indices == []
    assert ask(index, "| count by actor", visibility=unit).rows == [
        {"actor.id": "ana", "events": 1}
    ]
    assert [row["actor_id"] for row in index.who("plate", "7A", visibility=unit)] == ["ana"]
    listed = index.sessions(Query(), limit=9, now_ms=NOW, visibility=unit)
    assert [row["actor_id"] for row in listed] == ["ana"]
    assert index.session("s", visibility=unit) == []
    assert index.session("ben@x@1", visibility=unit) == []


def test_own_work_is_no_session(index: Index, commit: Callable[..., Any]) -> None:
    """What Ombud does by itself is no session; what people do in it is."""
    own = ("ombud.tick", "ombud.record", "ombud.detect", "ombud.collect")
    index.apply(
        commit(
            [
                *(read(1, source=source, actor_id="ombud") for source in own),
                read(2, source="ombud.look", actor_id="ana", resource_system="ombud"),
            ]
        )
    )

    listed = index.sessions(Query(), limit=9, now_ms=NOW)
    assert [(row["actor_id"], row["events"]) for row in listed] == [("ana", 1)]


def test_only_what_may_be_seen_is_visible(index: Index, commit: Callable[..., Any]) -> None:
    """Of the events named, those within the asker's units are told."""
    index.apply(commit([read(1, actor_organisation=unit) for unit in ("u1", "u2", "u1")]))

    assert index.visible([0, 1, 2, 9], Visibility(units=("u1",))) == {0, 2}
    assert index.visible([], Visibility(units=("u1",))) == set()


def test_threads_never_get_each_others_values(index: Index, commit: Callable[..., Any]) -> None:
    """Many threads with different values each get their own answers, while events arrive."""
    index.apply(commit([read(time=number, actor_id=f"a{number % 16}") for number in range(2000)]))
    faults: list[object] = []

    def look(number: int) -> None:
        expected = [n for n in range(1999, -1, -1) if n % 16 == number]
        for _ in range(25):
            page = ask(index, f"actor:a{number} until:2000-01-01", limit=200, below=2000)
            if page.indices != expected:
                faults.append((number, page.indices))

    threads = [threading.Thread(target=look, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for step in range(10):
        index.apply(commit([read(actor_id="new")] * 10, 2000 + step * 10))
    for thread in threads:
        thread.join()

    assert faults == []
