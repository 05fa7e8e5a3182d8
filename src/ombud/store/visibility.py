"""Visibility: which events an asker may see, put into every statement that reads them."""

from __future__ import annotations

from dataclasses import dataclass

from ombud.query.sql import Bindings

_COLUMNS = {
    "units": '"actor_organisation"',
    "actors": '"actor_id"',
    "systems": '"resource_system"',
}


@dataclass(frozen=True, slots=True)
class Visibility:
    """The units, actors and systems whose events are seen; an empty one restricts nothing.

    An event must lie within each that is given; one that does not say its unit,
    actor or system lies within none.  `below` leaves out events from that index on:
    an answer is as of the moment of the question, and the look itself is later.
    """

    units: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    below: int | None = None

    def condition(self, bindings: Bindings) -> str:
        """Return SQL that is true for the events that may be seen."""
        conditions = []
        for name, column in _COLUMNS.items():
            allowed = getattr(self, name)
            if allowed:
                places = ", ".join(bindings.add(value) for value in allowed)
                conditions.append(f"{column} IN ({places})")
        if self.below is not None:
            conditions.append(f'"index" < {bindings.add(self.below)}')
        return " AND ".join(conditions) or "true"


EVERYTHING = Visibility()
