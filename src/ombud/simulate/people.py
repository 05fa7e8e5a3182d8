"""People: who acts in the county: staff in units, services and AI agents.

Units, their shares and their shift patterns are one table.  Every person among
the actors is also a resident, with a household and relations; services and
agents are not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ombud.core.errors import InputError
from ombud.simulate.dice import Dice
from ombud.simulate.names import COUNTY, HOSPITAL, SHERIFF
from ombud.simulate.residents import Residents

PEOPLE_MIN = 40  # Fewer cannot fill every unit and tell every story with its own person.
PEOPLE_MAX = 20_000


@dataclass(frozen=True, slots=True)
class Unit:
    """One organisational unit; `share` is its part of the staff, in percent."""

    id: str
    organisation: str
    role: str
    share: float
    pattern: str
    network: str


UNITS = (
    Unit("patrol-north", SHERIFF, "officer", 10.0, "rota", "10.20.1"),
    Unit("patrol-south", SHERIFF, "officer", 10.0, "rota", "10.20.2"),
    Unit("traffic", SHERIFF, "officer", 7.0, "rota", "10.20.3"),
    Unit("detectives", SHERIFF, "detective", 10.0, "office", "10.20.4"),
    Unit("records-office", SHERIFF, "clerk", 6.0, "office", "10.20.5"),
    Unit("ward-a", HOSPITAL, "clinician", 10.0, "rota", "10.40.1"),
    Unit("ward-b", HOSPITAL, "clinician", 10.0, "rota", "10.40.2"),
    Unit("emergency", HOSPITAL, "clinician", 10.0, "rota", "10.40.3"),
    Unit("outpatient", HOSPITAL, "clinician", 6.0, "office", "10.40.4"),
    Unit("admissions", HOSPITAL, "admissions", 5.0, "office", "10.40.5"),
    Unit("benefits", COUNTY, "caseworker", 7.0, "office", "10.60.1"),
    Unit("data-office", COUNTY, "analyst", 7.0, "office", "10.60.2"),
    Unit("audit", COUNTY, "auditor", 2.0, "office", "10.60.3"),
)

_MACHINES = Unit("machines", COUNTY, "service", 0.0, "always", "10.90.1")
# Login and hours of the machines that act.
SERVICES = {
    "svc-nightly-etl": "nightly",
    "svc-camera-feed": "always",
    "svc-backup": "nightly",
    "chart_app": "always",
}
AGENTS = {"agent-case-brief": "daily", "agent-coding": "daily", "agent-insight": "daily"}


@dataclass(slots=True)
class Actor:
    """One account holder.

    `resident` is their number in the register, None for machines; `relations`
    maps resident numbers to how the person stands to them.
    """

    index: int
    login: str
    name: str
    kind: str
    role: str
    unit: Unit
    ip: str
    device: str
    pattern: str
    phase: int
    is_supervisor: bool = False
    resident: int | None = None
    relations: dict[int, str] = field(default_factory=dict)


class Staff:
    """All actors of the county, in a stable order, with their relations to residents."""

    def __init__(self, seed: int, people: int, residents: Residents) -> None:
        if not PEOPLE_MIN <= people <= PEOPLE_MAX:
            raise InputError(f"a county has {PEOPLE_MIN} to {PEOPLE_MAX} actors, not `{people}`")
        dice = Dice(seed, "staff")
        self.actors: list[Actor] = []
        self._logins: set[str] = set()
        self.by_unit: dict[str, list[Actor]] = {}
        persons = people - len(SERVICES) - len(AGENTS)
        # One member in each house at most, so that relations stay simple to tell.
        homes = dice.sample(range(len(residents.households) - 10), persons)
        for unit, count in _shares(persons):
            for place in range(count):
                home = residents.households[homes.pop()]
                self._employ(dice, unit, residents, home.members[0], place)
        for kind, machines in (("service", SERVICES), ("agent", AGENTS)):
            for login, pattern in machines.items():
                actor = self._add(dice, login, login, kind=kind, unit=_MACHINES, device="server")
                actor.pattern = pattern
        for actor in self.actors:
            if actor.resident is not None:
                _relate(dice, actor, self, residents)

    def _employ(
        self, dice: Dice, unit: Unit, residents: Residents, number: int, place: int
    ) -> None:
        resident = residents.people[number]
        given, family = resident.name.lower().split(" ")
        login = base = f"{given[0]}.{family}"
        while login in self._logins:
            login = f"{base}{dice.between(2, 99)}"
        device = "MDT" if unit.role == "officer" else "WS"
        actor = self._add(dice, login, resident.name, kind="person", unit=unit, device=device)
        actor.resident = number
        actor.is_supervisor = place == 0
        # A supervisor works office hours; every ninth of a rota is on permanent nights.
        if place == 0:
            actor.pattern = "office"
        elif unit.pattern == "rota" and place % 9 == 4:
            actor.pattern = "nights"

    def _add(
        self, dice: Dice, login: str, name: str, *, kind: str, unit: Unit, device: str
    ) -> Actor:
        self._logins.add(login)
        index = len(self.actors)
        members = self.by_unit.setdefault(unit.id, [])
        ip = f"{unit.network}.{10 + len(members) % 240}"
        role = unit.role if kind == "person" else kind
        actor = Actor(
            index, login, name, kind, role, unit, ip, f"{device}-{index:03d}", unit.pattern,
            dice.below(18),
        )  # fmt: skip
        members.append(actor)
        self.actors.append(actor)
        return actor

    def supervisor_of(self, unit: str) -> Actor:
        """Return who answers for a unit."""
        return self.by_unit[unit][0]

    def named(self, login: str) -> Actor:
        """Return the actor of this login; there must be one."""
        return next(actor for actor in self.actors if actor.login == login)


def _shares(persons: int) -> list[tuple[Unit, int]]:
    """Return how many persons each unit has: its share, at least one, in all `persons`."""
    counts = [max(1, int(persons * unit.share / 100)) for unit in UNITS]
    place = 0
    while sum(counts) != persons:
        step = 1 if sum(counts) < persons else -1
        if counts[place % len(counts)] + step >= 1:
            counts[place % len(counts)] += step
        place += 1
    return list(zip(UNITS, counts, strict=True))


def _relate(dice: Dice, actor: Actor, staff: Staff, residents: Residents) -> None:
    """Give an actor their relations; the closest one wins where several would hold."""
    own = residents.people[actor.resident or 0]
    relations = actor.relations
    for colleague in staff.by_unit[actor.unit.id]:
        if colleague.resident is not None:
            relations[colleague.resident] = "colleague"
    for neighbour in residents.neighbours(own):
        relations[neighbour.number] = "neighbour"
    for kin in dice.sample(residents.ordinary, dice.between(1, 3)):
        relations[kin.number] = "family"
    former = dice.pick(residents.drivers)
    if former.household != own.household:
        relations[former.number] = "ex_partner"
    for member in residents.home_of(own).members:
        relations[member] = "household"
    relations[own.number] = "self"
