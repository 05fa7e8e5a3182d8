"""Moves: who changed units within the period, and who acts for a supervisor on leave.

A mover goes to a unit of the same organisation and role, so that the work stays
the same kind of work; only the unit, and the network they sit in, are others.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ombud.simulate.dice import Dice
from ombud.simulate.people import UNITS, Actor, Staff, Unit
from ombud.simulate.roster import DAY, Roster

_MOVED_SHARE = 0.08
_SINCE_DAYS = 400  # Everybody else has been where they are for at least so long.


@dataclass(frozen=True, slots=True)
class Move:
    """One change of units: where from, and the instant at which it happened."""

    actor: Actor
    former: Unit
    at: int


class Moves:
    """The moves within one period, by actor."""

    def __init__(self, seed: int, staff: Staff, start: int, end: int) -> None:
        self.began = start - _SINCE_DAYS * DAY
        self._by_actor: dict[int, Move] = {}
        dice = Dice(seed, "moves")
        for actor in staff.actors:
            if actor.kind != "person" or actor.is_supervisor or not dice.chance(_MOVED_SHARE):
                continue
            others = [
                unit
                for unit in UNITS
                if unit is not actor.unit
                and (unit.organisation, unit.role) == (actor.unit.organisation, actor.unit.role)
            ]
            if others:
                days = max((end - start) // DAY - 2, 1)
                at = (start // DAY + 1 + dice.below(days)) * DAY
                self._by_actor[actor.index] = Move(actor, dice.pick(others), at)

    def __iter__(self) -> Iterator[Move]:
        """Iterate over the moves, in the order of the staff."""
        return iter(self._by_actor.values())

    def unit_of(self, actor: Actor, time: int) -> Unit:
        """Return the unit of an actor at an instant."""
        move = self._by_actor.get(actor.index)
        return actor.unit if move is None or time >= move.at else move.former

    def spans_of(self, actor: Actor) -> list[tuple[Unit, int, int | None]]:
        """Return an actor's units with their beginnings and ends; the last has no end."""
        move = self._by_actor.get(actor.index)
        if move is None:
            return [(actor.unit, self.began, None)]
        return [(move.former, self.began, move.at), (actor.unit, move.at, None)]

    def address_of(self, actor: Actor, time: int) -> str:
        """Return the network address an actor works from at an instant."""
        unit = self.unit_of(actor, time)
        return actor.ip if unit is actor.unit else f"{unit.network}.{actor.ip.rpartition('.')[2]}"


def leaves_of(roster: Roster, actor: Actor, start: int, end: int) -> list[tuple[int, int]]:
    """Return an actor's stretches of leave that touch a period: first day and day after."""
    days: list[tuple[int, int]] = []
    for day in range(start // DAY, -(-end // DAY)):
        if not roster.is_on_leave(actor, day):
            continue
        if days and days[-1][1] == day:
            days[-1] = (days[-1][0], day + 1)
        else:
            days.append((day, day + 1))
    return [(first * DAY, last * DAY) for first, last in days]


def deputy_of(
    staff: Staff, moves: Moves, roster: Roster, unit: str, span: tuple[int, int]
) -> Actor | None:
    """Return who acts for the supervisor of a unit: a member who is there all the time."""
    for member in staff.by_unit[unit][1:]:
        is_there = all(moves.unit_of(member, time).id == unit for time in span)
        if is_there and not leaves_of(roster, member, *span):
            return member
    return None
