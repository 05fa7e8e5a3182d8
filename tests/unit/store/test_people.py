"""People: what the directory says decides who is found, counted and seen, at the event's time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import combinations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doubles.layouts import LAYOUTS
from ombud.core.errors import InputError, QueryError, TamperError
from ombud.core.event import Event
from ombud.directory.span import BEGINNING, END, AccountSpan
from ombud.query.parse import parse_query
from ombud.query.tree import HOUR_MS, Query, WordPattern
from ombud.store.index import Index
from ombud.store.visibility import Visibility

MOVE = 1_000_000
POLICE, HEALTH = ("traffic", "police", "county"), ("ward", "health", "county")
SPANS = (
    AccountSpan("ana", None, BEGINNING, MOVE, "P-1", "Ana", "traffic", POLICE, "clerk", "ben"),
    AccountSpan("ana", None, MOVE, END, "P-1", "Ana", "ward", HEALTH, "nurse", "cy"),
    AccountSpan("app-7", "clinic", BEGINNING, END, "P-1", "Ana", "ward", HEALTH, "nurse", "cy"),
    AccountSpan("lone", None, BEGINNING, END, "P-2", "Lone"),
)


def read(time: int, **fields: Any) -> Event:
    """Return a plain event."""
    return Event(time=time, source="s", action="read", **fields)


def ask(index: Index, text: str, **options: Any) -> Any:
    """Search by text."""
    return index.search(parse_query(text), **{"limit": 100, "now_ms": 0, **options})


EVENTS = [
    read(MOVE - 1, actor_id="ana", actor_organisation="org", subjects=(("x", "1"),)),
    read(MOVE, actor_id="ana", actor_organisation="org", rows_returned=7),
    read(MOVE, actor_id="app", on_behalf_of=("app-7",), resource_system="clinic"),
    read(MOVE, actor_id="app-7", resource_system="other", actor_organisation="org"),
    read(MOVE, actor_id="lone", actor_organisation="org"),
    read(MOVE, actor_id="stranger", actor_organisation="org", session_id="s"),
    read(MOVE, actor_id="stranger", subjects=(("x", "1"), ("x", "2"))),
]


@pytest.fixture(params=[LAYOUTS[0], LAYOUTS[-1]], ids=["hot", "sealed"])
def moved(request: pytest.FixtureRequest, fill: Callable[..., Index]) -> Iterator[Index]:
    """Return an index of events before and after Ana moved, by several accounts."""
    index = fill(EVENTS, request.param)
    index.set_spans(SPANS, stamp=9)
    yield index
    index.close()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("person:P-1", [0, 1, 2]),
        ("person:(P-1,P-2)", [0, 1, 2, 4]),
        ("person:P-*", [0, 1, 2, 4]),
        ("person:/^P-[2-9]$/", [4]),
        ("person.name:Ana", [0, 1, 2]),
        ("unit:traffic", [0]),
        ("unit:police", [0]),
        ("unit:county", [0, 1, 2]),
        ("-unit:county", [3, 4, 5, 6]),
        ("unit:/^w/", [1, 2]),
        ("actor.role:nurse", [1, 2]),
        ("actor.manager:(ben,cy)", [0, 1, 2]),
        ("has:person", [0, 1, 2, 4]),
        ("is:no_person", [3, 5, 6]),
        ("has:actor.unit", [0, 1, 2]),
        ("account:app-7", [2, 3]),
        ("account:app*", [2, 3]),
        ("person:P-1 OR actor:stranger", [0, 1, 2, 5, 6]),
        ("person:P-1 -unit:ward", [0]),
    ],
)
def test_words_of_people(moved: Index, text: str, found: list[int]) -> None:
    """Each asks what was so at the time of the event."""
    assert sorted(ask(moved, text).indices) == found


def test_people_are_counted_and_strangers_shown(moved: Index) -> None:
    """Who is not known is a row of its own; the unit is the nearest one."""
    assert ask(moved, "| count by person, actor.unit").rows == [
        {"person": None, "actor.unit": None, "events": 3},
        {"person": "P-1", "actor.unit": "ward", "events": 2},
        {"person": "P-1", "actor.unit": "traffic", "events": 1},
        {"person": "P-2", "actor.unit": None, "events": 1},
    ]
    assert ask(moved, "person:P-1 | top 1 unit").rows == [{"actor.unit": "ward", "events": 2}]


def test_top_by_measures(moved: Index) -> None:
    """Rows and bytes are added up; data subjects are counted once."""
    assert ask(moved, "| top 1 person by rows").rows == [
        {"person": "P-1", "events": 3, "rows": 7},
    ]
    assert ask(moved, "| top 2 account by subjects").rows == [
        {"account": "stranger", "events": 2, "subjects": 2},
        {"account": "ana", "events": 2, "subjects": 1},
    ]
    assert ask(moved, "| top 9 action by bytes", limit=1).rows == [
        {"action": "read", "events": 7, "bytes": 0}
    ]


@pytest.mark.parametrize(
    ("units", "seen"),
    [
        (("traffic",), [0]),
        (("police",), [0]),
        (("ward",), [1, 2]),
        (("county",), [0, 1, 2]),
        (("org",), [3, 4, 5]),  # Only where the directory knows no unit.
        (("org", "ward"), [1, 2, 3, 4, 5]),
        (("nobody",), []),
    ],
)
def test_who_may_see_follows_the_move(
    moved: Index, units: tuple[str, ...], seen: list[int]
) -> None:
    """The directory's unit at that time decides; what the source says only where it knows none."""
    visibility = Visibility(units=units)

    assert sorted(ask(moved, "", visibility=visibility).indices) == seen
    assert moved.visible(range(7), visibility) == set(seen)
    assert sum(
        row["events"] for row in ask(moved, "| count by actor", visibility=visibility).rows
    ) == len(seen)
    assert sum(row["events"] for row in moved.who("x", "1", visibility=visibility)) == len(
        {0, 6} & set(seen)
    )
    runs = moved.sessions(Query(), limit=9, now_ms=0, visibility=visibility)
    assert sum(row["events"] for row in runs) == len(seen)
    assert all(set(moved.session(row["id"], visibility=visibility)) <= set(seen) for row in runs)


def test_a_purpose_out_of_sight_tells_nothing(index: Index, commit: Callable[..., Any]) -> None:
    """The session of a purpose is found only by an event that the asker may see."""
    index.apply(
        commit(
            [
                read(1, session_id="s", actor_organisation="u1"),
                read(2, session_id="s", actor_organisation="u2", purpose="audit"),
                read(3, actor_organisation="u1", purpose="audit"),
            ]
        )
    )

    assert ask(index, "session.purpose:audit").indices == [1, 0]
    assert ask(index, "session.purpose:audit", below=1).indices == []
    assert ask(index, "session.purpose:audit", visibility=Visibility(units=("u1",))).indices == []
    assert ask(index, "session.purpose:*", visibility=Visibility(units=("u2",))).indices == [1]
    assert ask(index, "-session.purpose:audit").indices == [2]


def test_night_is_that_of_the_unit(index: Index, commit: Callable[..., Any]) -> None:
    """Around both changes of the clock, in three zones, to the minute."""
    zones = ("Europe/Berlin", "America/New_York", None)
    starts = (
        datetime(2026, 3, 28, 20, tzinfo=ZoneInfo("UTC")),
        datetime(2026, 10, 24, 20, tzinfo=ZoneInfo("UTC")),
    )
    times = [start + timedelta(minutes=17 * step) for start in starts for step in range(170)]
    drawn = [
        read(int(time.timestamp() * 1000), actor_id=f"a{number}")
        for time in times
        for number in range(3)
    ]
    index.apply(commit(drawn))
    index.set_spans(
        [
            AccountSpan(
                f"a{number}", None, BEGINNING, END, "P", None, "u", ("u",), None, None, zone
            )
            for number, zone in enumerate(zones)
        ],
        stamp=1,
    )

    def shown(number: int, zone: str | None = None) -> datetime:
        return times[number // 3].astimezone(ZoneInfo(zone or zones[number % 3] or "UTC"))

    def is_night(clock: datetime) -> bool:
        return clock.hour >= 22 or clock.hour < 6

    every = range(len(drawn))
    options = {"limit": len(drawn)}
    found = ask(index, "time:22:00..06:00", **options).indices
    assert sorted(found) == [one for one in every if is_night(shown(one))]
    found = ask(index, "tz:Europe/Berlin time:22:00..06:00", **options).indices
    assert sorted(found) == [one for one in every if is_night(shown(one, "Europe/Berlin"))]
    found = ask(index, "day:sat", **options).indices
    assert sorted(found) == [one for one in every if shown(one).weekday() == 5]
    counted = ask(index, "tz:Europe/Berlin account:a0 | count by hour").rows
    assert {row["hour"]: row["events"] for row in counted}["2026-10-25T02"] == 7  # Shown twice.
    assert sum(row["events"] for row in ask(index, "tz:Asia/Tokyo | count by day").rows) == len(
        drawn
    )


def test_days_outside_of_the_calendar_are_null(index: Index, commit: Callable[..., Any]) -> None:
    """Days before 1970 are rounded down; times that no calendar has are counted together."""
    index.apply(commit([read(-1), read(-HOUR_MS), read(4 * 10**18), read(-(4 * 10**18))]))

    assert ask(index, "tz:Pacific/Apia | count by day").rows[-1] == {"day": None, "events": 2}
    assert ask(index, "-has:case | count by hour").rows == [
        {"hour": "1969-12-31T23", "events": 2},
        {"hour": None, "events": 2},
    ]


def test_spans_are_replaced(moved: Index) -> None:
    """Another directory says something else of the same events."""
    moved.set_spans([AccountSpan("ana", None, BEGINNING, END, "P-7")], stamp=12)

    assert ask(moved, "person:P-1").indices == []
    assert sorted(ask(moved, "person:P-7").indices) == [0, 1]
    assert moved.spans_stamp() == 12


def test_what_the_engine_refuses_is_the_askers(moved: Index) -> None:
    """A pattern that came past the check is refused as a query is; so are alerts without any."""
    with pytest.raises(QueryError, match="engine refuses"):
        moved.search(Query(WordPattern("(")), limit=1, now_ms=0)
    with pytest.raises(InputError, match="alerts are not at hand"):
        ask(moved, "alert.rule:x")


@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from([None, "x", "y"]),
            st.integers(0, 8),
            st.integers(1, 4),
        ),
        min_size=1,
        max_size=4,
    )
)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_spans_that_overlap_are_refused(
    index: Index, parts: list[tuple[str, str | None, int, int]]
) -> None:
    """An event is never two: what overlaps on a system is not taken, what stood stands."""
    index.set_spans([], stamp=1)
    spans = [
        AccountSpan(name, system, at, at + length, "P-1") for name, system, at, length in parts
    ]
    overlap = any(
        one.account == other.account
        and (one.system == other.system or None in {one.system, other.system})
        and one.begins < other.ends
        and other.begins < one.ends
        for one, other in combinations(spans, 2)
    )
    if overlap:
        with pytest.raises(TamperError, match="belongs to two at once"):
            index.set_spans(spans, stamp=2)
    else:
        index.set_spans(iter(spans), stamp=2)
    assert index.spans_stamp() == 2 - overlap
