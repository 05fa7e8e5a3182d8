"""World: the county at rest: residents, staff, roster and cases, all from one seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ombud.core.errors import InputError
from ombud.simulate.cases import Cases
from ombud.simulate.moves import Moves
from ombud.simulate.people import Actor, Staff
from ombud.simulate.residents import RESIDENTS_PER_ACTOR, Resident, Residents
from ombud.simulate.roster import DAY, Roster

DAYS_MIN = 7  # Shorter than a week has no rhythm to depart from.
DAYS_MAX = 3_660


@dataclass(frozen=True, slots=True)
class World:
    """Who and what there is; `start` and `end` are milliseconds since the epoch."""

    seed: int
    start: int
    end: int
    residents: Residents
    staff: Staff
    roster: Roster
    cases: Cases
    moves: Moves

    @classmethod
    def of(cls, seed: int, *, people: int, days: int, end: int) -> World:
        """Return the county of a seed over the days before `end`.

        Residents, staff and roster depend on the seed and the number of actors
        alone; cases also on the period.  Raises `InputError` for a number of
        people or days out of bounds.
        """
        if not DAYS_MIN <= days <= DAYS_MAX:
            raise InputError(f"a county has {DAYS_MIN} to {DAYS_MAX} days, not `{days}`")
        start = end - days * DAY
        residents = Residents(seed, people * RESIDENTS_PER_ACTOR)
        staff = Staff(seed, people, residents)
        cases = Cases(seed, staff, residents, start, end)
        moves = Moves(seed, staff, start, end)
        return cls(seed, start, end, residents, staff, Roster(seed), cases, moves)

    def own_resident(self, actor: Actor) -> Resident | None:
        """Return the actor's own entry in the register; machines have none."""
        return None if actor.resident is None else self.residents.people[actor.resident]

    def relative(self, actor: Actor, relation: str) -> Resident:
        """Return a resident who stands so to an actor; raises `InputError` if nobody does."""
        for number, kind in sorted(actor.relations.items()):
            if kind == relation:
                return self.residents.people[number]
        raise InputError(f"actor `{actor.login}` has no `{relation}` in this county")

    def context_of(self, actor: Actor, resident: Resident) -> dict[str, Any]:
        """Return what a system knows of an actor and the person they look at, as attributes."""
        context: dict[str, Any] = {}
        relation = actor.relations.get(resident.number)
        if relation is not None:
            context["relation"] = relation
            if relation == "household":
                context["household"] = True
        if resident.is_vip:
            context["vip"] = True
        if resident.is_canary:
            context["canary"] = True
        return context
