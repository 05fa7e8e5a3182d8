"""Told: events with their persons, and what an answer adds is no part of an event."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ombud.core.event import Event
from ombud.core.ocsf import event_from_ocsf
from ombud.services.told import tell_events, where_it_went
from ombud.store.persons import Act, Person


class Known:
    """An index that knows Ana, and notes what it is asked."""

    def __init__(self) -> None:
        self.asked: list[Sequence[Act]] = []

    def persons(self, acts: Sequence[Act]) -> list[Person | None]:
        """Return Ana for her account."""
        self.asked.append(acts)
        return [Person("P-1", "Ana", "ward", "nurse") if act.account == "ana" else None
                for act in acts]  # fmt: skip


def event(**fields: object) -> Event:
    """Return a plain event."""
    return Event(id=1, time=5, ingested_at=6, source="s", action="read", raw=b"{}", **fields)  # type: ignore[arg-type]


EVENTS = [
    event(actor_id="ana"),
    event(actor_id="app", actor_type="service", on_behalf_of=("ana",)),
    event(actor_id="app", flags=("time_unknown", "person_unknown:comment")),
    event(actor_id="svc", actor_type="service"),
    event(actor_id="svc", actor_type="service", on_behalf_of=("eve",)),
    event(),
]


def test_persons_and_reasons() -> None:
    """All events of a page are looked up at once; each has a person or a reason."""
    index = Known()

    told = [one.to_ocsf()["ombud"] for one in tell_events(index, EVENTS)]

    ana = {"id": "P-1", "name": "Ana", "unit": "ward", "role": "nurse"}
    assert [(one["person"], one["person_unknown"]) for one in told] == [
        (ana, None),
        (ana, None),
        (None, "shared account"),
        (None, "machine"),
        (None, "unknown account"),
        (None, "nobody named"),
    ]
    assert len(index.asked) == 1
    assert told[1]["on_behalf_of"] == ["ana"]


def test_an_answer_read_back_is_the_event() -> None:
    """Whoever records the lines of an answer records the events, not what the directory said."""
    for told in tell_events(Known(), EVENTS):
        assert event_from_ocsf(told.to_ocsf()) == told.event


def test_where_it_went() -> None:
    """Each place is told once, with everybody who sent something there."""
    press = {"recipient": "Press", "destination": None}
    store = {"recipient": None, "destination": "s3://x"}
    people: list[dict[str, Any]] = [
        {"person": {"id": "P-1"}, "account": "ana", "sent_to": [press, store]},
        {"person": None, "account": "svc", "sent_to": [store]},
        {"person": None, "account": None, "sent_to": []},
    ]

    assert where_it_went(people) == [store | {"by": ["P-1", "svc"]}, press | {"by": ["P-1"]}]
