"""Visibility: which events an asker may see, put into every statement that reads them."""

from __future__ import annotations

from dataclasses import dataclass

from ombud.query.bindings import Bindings
from ombud.query.sql_people import unit_test

_COLUMNS = {
    "actors": '"actor_id"',
    "systems": '"resource_system"',
}


@dataclass(frozen=True, slots=True)
class Visibility:
    """The units, actors and systems whose events are seen; an empty one restricts nothing.

    An event must lie within each that is given; one that does not say its unit,
    actor or system lies within none.  Its unit is the one in which the directory has
    the account at that time, or any unit above; only where the directory knows none,
    it is the organisation that the source names.  `below` leaves out events from that index on:
    an answer is as of the moment of the question, and the look itself is later.
    """

    units: tuple[str, ...] = ()
    actors: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()
    below: int | None = None

    def condition(self, bindings: Bindings) -> str:
        """Return SQL that is true for those rows of `bindings.source()` that may be seen."""
        conditions = []
        if self.units:
            units = bindings.add(list(self.units))
            places = ", ".join(bindings.add(unit) for unit in self.units)
            by_source = f'"actor_organisation" IN ({places})'
            conditions.append(f"coalesce({unit_test(units, bindings)}, {by_source}, false)")
        for name, column in _COLUMNS.items():
            allowed = getattr(self, name)
            if allowed:
                places = ", ".join(bindings.add(value) for value in allowed)
                conditions.append(f"{column} IN ({places})")
        if self.below is not None:
            conditions.append(f'"index" < {bindings.add(self.below)}')
        return " AND ".join(conditions) or "true"


EVERYTHING = Visibility()
