"""Told: events as answers show them, each with the person that its account was at its time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ombud.attribution.declarations import PERSON_UNKNOWN
from ombud.core.event import Event
from ombud.core.ocsf import event_to_ocsf
from ombud.store.persons import MACHINES, Act, Person, Unknown

Json = dict[str, Any]


class PersonIndex(Protocol):
    """What the index knows of accounts."""

    def persons(self, acts: Sequence[Act]) -> list[Person | None]:
        """Return who the account of each act was at its time."""


@dataclass(frozen=True, slots=True)
class Told:
    """An event and its person, or why nobody is known."""

    event: Event
    person: Person | None
    unknown: Unknown | None

    def to_ocsf(self) -> Json:
        """Return the OCSF document with `person` and `person_unknown` in our extension."""
        document = event_to_ocsf(self.event)
        document["ombud"]["person"] = None if self.person is None else self.person.to_dict()
        document["ombud"]["person_unknown"] = None if self.unknown is None else self.unknown.value
        return document


def tell_events(index: PersonIndex, events: Sequence[Event]) -> list[Told]:
    """Return events with their persons, by one look at the directory for all."""
    acts = [_act(event) for event in events]
    return [
        Told(event, person, act.unknown if person is None else None)
        for event, act, person in zip(events, acts, index.persons(acts), strict=True)
    ]


def _act(event: Event) -> Act:
    return Act(
        event.account,
        event.resource_system,
        event.time,
        is_machine=event.actor_type in MACHINES and event.account == event.actor_id,
        is_shared=any(flag.startswith(PERSON_UNKNOWN) for flag in event.flags or ()),
    )


def where_it_went(people: Sequence[Json]) -> list[Json]:
    """Return recipients and destinations of the exports in rows of `who`, each with by whom."""
    found: dict[tuple[str, str], Json] = {}
    for row in people:
        by = row["account"] if row["person"] is None else row["person"]["id"]
        for to in row["sent_to"]:
            key = (to["recipient"] or "", to["destination"] or "")
            found.setdefault(key, {**to, "by": []})["by"].append(by)
    return [found[key] for key in sorted(found)]
