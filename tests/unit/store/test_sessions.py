"""Sessions: where a run begins and ends, what its id finds, and who touched a person's data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from doubles.layouts import LAYOUTS, Layout
from ombud.core.event import Event
from ombud.query.parse import parse_query
from ombud.query.tree import Query
from ombud.store import search
from ombud.store.index import Index
from ombud.store.sessions import MINUTE_MS, declared_id, run_id

NOW = 1_795_305_600_000


def act(minute: int, actor: str | None = "ana", system: str | None = "x", **fields: Any) -> Event:
    """Return an event at a minute."""
    values = {"action": "read", **fields}
    return Event(
        time=minute * MINUTE_MS, source="s", actor_id=actor, resource_system=system, **values
    )


ACTS = st.builds(
    act,
    st.integers(0, 300),
    st.sampled_from(("ana", "ben@county", None)),
    st.sampled_from(("x", "y/z", None)),
    session_id=st.sampled_from((None, None, "s1", "a@b@1")),
    case=st.sampled_from((None, "wanted")),
)


def expected(events: list[Event]) -> dict[str, list[int]]:
    """Split events into sessions by a plain reading; ids to indices in the order of time."""
    numbered = sorted(enumerate(events), key=lambda item: (item[1].time, item[0]))
    runs: dict[tuple[str, str], list[list[tuple[int, Event]]]] = defaultdict(list)
    sessions: dict[str, list[int]] = defaultdict(list)
    for index, event in numbered:
        if event.session_id is not None:
            sessions[declared_id(event.session_id)].append(index)
        elif event.actor_id is not None:
            of_pair = runs[event.actor_id, event.resource_system or ""]
            if not of_pair or event.time - of_pair[-1][-1][1].time > 30 * MINUTE_MS:
                of_pair.append([])
            of_pair[-1].append((index, event))
    for (actor, system), of_pair in runs.items():
        for run in of_pair:
            sessions[run_id(actor, system, run[0][0])] = [index for index, _ in run]
    return dict(sessions)


@pytest.mark.parametrize("layout", LAYOUTS)
@settings(
    max_examples=4,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow],
)
@given(events=st.lists(ACTS, min_size=1, max_size=40), limit=st.integers(1, 5))
def test_same_as_a_plain_split(events: list[Event], limit: int, layout: Layout, fill: Any) -> None:
    """Sessions, their order, sums and members are those of a plain reading."""
    index = fill(events, layout)
    wanted = expected(events)

    def latest(indices: list[int]) -> tuple[int, int]:
        return max((events[one].time, one) for one in indices if events[one].case == "wanted")

    matching = [
        name
        for name, indices in wanted.items()
        if any(events[one].case == "wanted" for one in indices)
    ]
    matching.sort(key=lambda name: latest(wanted[name]), reverse=True)
    try:
        found = index.sessions(parse_query("case:wanted"), limit=limit, now_ms=NOW)

        assert [row["id"] for row in found] == matching[:limit]
        for row in found:
            times = [events[one].time for one in wanted[row["id"]]]
            assert (row["events"], row["first_time"], row["last_time"]) == (
                len(times),
                min(times),
                max(times),
            )
        for name, indices in wanted.items():
            assert index.session(name) == indices
    finally:
        index.close()


@pytest.mark.parametrize("events_min", [1, 2, 1000])
def test_looks_further_back_until_the_page_is_full(
    index: Index, commit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, events_min: int
) -> None:
    """Busy sessions and long runs cost rounds, never rows."""
    monkeypatch.setattr(search, "EVENTS_MIN", events_min)
    monkeypatch.setattr(search, "EVENTS_PER_SESSION", 1)
    long_run = [act(number * 29, "ana") for number in range(1000)]  # 20 days without a pause.
    index.apply(commit([act(0, "ben"), *long_run]))

    found = index.sessions(Query(), limit=5, now_ms=NOW)

    assert [(row["id"], row["events"]) for row in found] == [("ana@x@1", 1000), ("ben@x@0", 1)]


def test_summary(index: Index, commit: Callable[..., Any]) -> None:
    """A session says who, where, when, what, how much and why."""
    index.apply(
        commit(
            [
                act(1, actor_name="Ana", purpose="care", rows_returned=3, bytes_returned=10),
                act(2, action="export", case="C1", rows_returned=4, destination="usb"),
                act(3, outcome="denied", case="C1"),
                act(99, "ben"),
            ]
        )
    )

    (row,) = index.sessions(parse_query("case:C1"), limit=5, now_ms=NOW)

    assert row == {
        "id": "ana@x@0",
        "actor_id": "ana",
        "actor_name": "Ana",
        "person": None,
        "person_unknown": "unknown account",
        "accounts": ["ana"],
        "account_count": 1,
        "people": [],
        "people_count": 0,
        "system": "x",
        "events": 3,
        "first_time": MINUTE_MS,
        "last_time": 3 * MINUTE_MS,
        "actions": {"export": 1, "read": 2},
        "denied": 1,
        "exports": 1,
        "rows_returned": 7,
        "bytes_returned": 10,
        "purposes": ["care"],
        "cases": ["C1"],
    }


def test_idle_minutes_are_a_setting(index: Index, commit: Callable[..., Any]) -> None:
    """The pause that ends a run is asked for, to the minute."""
    index.apply(commit([act(0), act(30), act(61)]))

    def runs(minutes: int) -> list[int]:
        found = index.sessions(Query(), limit=5, now_ms=NOW, idle_minutes=minutes)
        return [row["events"] for row in found]

    assert runs(30) == [1, 2]
    assert runs(29) == [1, 1, 1]
    assert runs(31) == [3]
    assert index.session("ana@x@0", idle_minutes=31) == [0, 1, 2]


def test_late_arrival_keeps_the_old_id(index: Index, commit: Callable[..., Any]) -> None:
    """When an earlier event comes late, the id a run had still finds all of it."""
    index.apply(commit([act(10), act(20)]))
    (before,) = index.sessions(Query(), limit=5, now_ms=NOW)
    index.apply(commit([act(5)], 2))
    (after,) = index.sessions(Query(), limit=5, now_ms=NOW)

    assert (before["id"], after["id"]) == ("ana@x@0", "ana@x@2")
    assert index.session(before["id"]) == index.session(after["id"]) == [2, 0, 1]


@pytest.mark.parametrize("name", ["none", "ana@x@7", "ana@@0", "@x@0", "", "=", "a@b@c", "%@%@0"])
def test_unknown_session_is_empty(index: Index, commit: Callable[..., Any], name: str) -> None:
    """An id that finds nothing finds nothing."""
    index.apply(commit([act(1)]))

    assert index.session(name) == []


def test_who(index: Index, commit: Callable[..., Any]) -> None:
    """Everyone who touched one person's data, each event once, the most frequent first."""
    dee = (("person", "dee"),)
    index.apply(
        commit(
            [
                act(1, "ben", subjects=dee, case="C1", purpose="care"),
                act(2, "ana", subjects=(*dee, *dee)),
                act(3, "ben", subjects=(("person", "eve"), *dee), action="export"),
                act(4, "ben", subjects=(("person", "Dee"),)),
                act(5, "cy", subjects=(("plate", "dee"),)),
                act(6, None, subjects=dee),
            ]
        )
    )

    found = index.who("person", "dee")

    assert [(row["account"], row["events"]) for row in found] == [
        ("ben", 2),
        ("ana", 1),
        (None, 1),
    ]
    assert (found[0]["cases"], found[0]["purposes"], found[0]["exports"]) == (["C1"], ["care"], 1)
    assert found[0]["actions"] == {"export": 1, "read": 1}
    assert index.who("person", "nobody") == []
