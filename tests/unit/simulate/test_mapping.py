"""The county through the real sources: every line becomes an event, and nothing is lost on it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime

import orjson
import pytest

from ombud.bench.events import county_sources
from ombud.core.event import Event
from ombud.simulate.act import CLOUDTRAIL, MAPPING, PGAUDIT
from ombud.simulate.county import simulate

END = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def events() -> list[tuple[str, Event]]:
    """Return the events of a small county with their kinds of source."""
    sources = county_sources()
    lines = simulate(9, people=40, days=20, end=END, events=2_500)
    return [(kind, sources[kind].parse(line, now_ms=0)) for kind, line in lines]


def test_every_line_is_known_whole(events: list[tuple[str, Event]]) -> None:
    """Time, native id and act are known, and nothing had to be noticed about any line."""
    for kind, event in events:
        assert event.time_known
        assert event.native_id
        assert event.flags is None
        assert event.operation
        assert event.actor_id or kind == PGAUDIT  # A connection not yet authorised has none.


def test_acts_are_in_the_vocabulary(events: list[tuple[str, Event]]) -> None:
    """Only asking for something has no word of its own in the vocabulary."""
    others = {event.operation for _, event in events if event.action == "other"}
    actions = Counter(event.action for _, event in events)

    assert others <= {"request.create"}
    assert {"authenticate", "search", "read", "export", "write", "approve"} <= actions.keys()


def test_attributes_arrive_as_they_were_written(events: list[tuple[str, Event]]) -> None:
    """Each attribute that the case system writes is declared in the mapping."""
    cases = [(event, orjson.loads(event.raw)) for kind, event in events if kind == MAPPING]

    assert cases
    for event, document in cases:
        assert (event.attributes or {}) == document.get("context", {})
        keys = [(subject["kind"], subject["key"]) for subject in document.get("subjects", ())]
        assert list(event.subjects or ()) == keys
        assert event.source == "county.cases"


def test_cloud_calls_name_who_acted(events: list[tuple[str, Event]]) -> None:
    """The data platform's calls carry the login of the person or service."""
    calls = [event for kind, event in events if kind == CLOUDTRAIL]

    assert calls
    assert all(event.actor_name for event in calls)
