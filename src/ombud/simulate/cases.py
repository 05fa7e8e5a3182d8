"""Cases: why people may look: cases, care encounters and benefit files with assignments.

Each has a span of time, the actors it is assigned to and the residents it is
about, so that an honest act always has a path from the actor to the data
subject.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ombud.simulate.dice import Dice
from ombud.simulate.people import Actor, Staff
from ombud.simulate.residents import Resident, Residents
from ombud.simulate.roster import DAY, HOUR

_BUCKET = 7 * DAY


@dataclass(frozen=True, slots=True)
class Case:
    """One file: what it is about, whose it is, and from when to when."""

    id: str
    purpose: str
    topic: str
    opened: int
    closed: int
    officers: tuple[int, ...]
    subjects: tuple[Resident, ...]


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the files of one role are made: prefix, purposes, how many and how long."""

    prefix: str
    topic: str
    purposes: tuple[str, ...]
    per_actor_week: float
    days: tuple[int, int]
    subjects: tuple[int, int]
    team: tuple[int, int]
    needs_vehicle: bool = False


_INVESTIGATIONS = (
    "investigation.theft", "investigation.burglary", "investigation.assault",
    "investigation.fraud", "investigation.missing_person", "investigation.stolen_vehicle",
)  # fmt: skip
_KINDS = {
    "officer": _Kind("C", "investigation", _INVESTIGATIONS, 1.2, (3, 20), (2, 5), (1, 3), True),
    "detective": _Kind("C", "investigation", _INVESTIGATIONS, 1.0, (10, 60), (3, 8), (2, 4), True),
    "clerk": _Kind("D", "records", ("records.disclosure", "records.correction"), 8.0, (1, 10),
                   (1, 3), (1, 1)),
    "clinician": _Kind("E", "care", ("care.treatment",), 6.0, (1, 12), (1, 1), (2, 5)),
    "admissions": _Kind("E", "administration", ("care.administration", "care.billing"), 12.0,
                        (1, 6), (1, 1), (1, 2)),
    "caseworker": _Kind("B", "benefits", ("benefits.assessment",), 8.0, (3, 30), (1, 4), (1, 2)),
    "analyst": _Kind("A", "analysis", ("statistics.monthly", "planning.capacity"), 0.5, (10, 40),
                     (1, 3), (1, 3)),
    "auditor": _Kind("U", "records", ("audit.review",), 2.0, (5, 30), (1, 2), (1, 2)),
}  # fmt: skip


class Cases:
    """All files of the county's period, found by actor and time."""

    def __init__(self, seed: int, staff: Staff, residents: Residents, start: int, end: int) -> None:
        self._all: list[Case] = []
        self._by_actor: dict[tuple[int, int], list[Case]] = {}
        self._numbers = 0
        self._year = 1970 + start // (365 * DAY + 6 * HOUR)
        for unit, members in staff.by_unit.items():
            kind = _KINDS.get(members[0].role)
            if kind is None:
                continue
            dice = Dice(seed, "cases", unit)
            # Files were being opened before the period and run beyond it.
            first = start - kind.days[1] * DAY
            count = int(kind.per_actor_week * len(members) * (end + 7 * DAY - first) / (7 * DAY))
            for place in range(count):
                opened = first + int((place + dice.random()) * (end + 7 * DAY - first) / count)
                self._open(dice, kind, members, residents, opened)

    def _open(
        self, dice: Dice, kind: _Kind, members: list[Actor], residents: Residents, opened: int
    ) -> None:
        team = dice.sample(members, dice.between(*kind.team))
        pool = residents.drivers if kind.needs_vehicle else residents.ordinary
        subjects = tuple(_stranger(dice, pool, team) for _ in range(dice.between(*kind.subjects)))
        closed = opened + dice.between(*kind.days) * DAY
        officers = tuple(actor.index for actor in team)
        number = self.next_id(kind.prefix)
        purpose = dice.pick(kind.purposes)
        self.add(Case(number, purpose, kind.topic, opened, closed, officers, subjects))

    def next_id(self, prefix: str) -> str:
        """Return a file number nobody has used."""
        self._numbers += 1
        return f"{prefix}-{self._year % 100:02d}-{self._numbers:06d}"

    def add(self, case: Case) -> None:
        """Enter a file."""
        self._all.append(case)
        for bucket in range(case.opened // _BUCKET, case.closed // _BUCKET + 1):
            for officer in case.officers:
                self._by_actor.setdefault((officer, bucket), []).append(case)

    def enter(self, case: Case) -> None:
        """Enter a file that only a story works on: nobody's routine picks it up."""
        self._all.append(case)

    def __iter__(self) -> Iterator[Case]:
        """Iterate over all files, in the order of their entry."""
        return iter(self._all)

    def open_for(self, actor: Actor, time: int) -> list[Case]:
        """Return the files that are open at an instant and assigned to an actor."""
        bucket = self._by_actor.get((actor.index, time // _BUCKET), ())
        return [case for case in bucket if case.opened <= time < case.closed]


def _stranger(dice: Dice, pool: list[Resident], team: list[Actor]) -> Resident:
    """Return somebody nobody of the team knows: nobody is given the file of a neighbour."""
    while True:
        resident = dice.pick(pool)
        if not any(resident.number in actor.relations for actor in team):
            return resident
