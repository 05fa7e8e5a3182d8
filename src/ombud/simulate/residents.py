"""Residents: the county's people as its systems know them: numbers, plates, households.

They are data subjects and nothing else: a key, a name, an address, perhaps a
vehicle and a patient number.  The people who act in the county live here too,
which is what makes a look-up of oneself or of a neighbour possible.
"""

from __future__ import annotations

from dataclasses import dataclass

from ombud.simulate.dice import Dice
from ombud.simulate.names import FAMILY, GIVEN, STREETS, TOWNS

RESIDENTS_PER_ACTOR = 40
HOUSEHOLDS_PER_STREET = 60
VIP_COUNT = 3
CANARY_COUNT = 2

_PLATE_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"  # Without I, O and Q, which read as digits.


@dataclass(slots=True)
class Resident:
    """One person the data is about.

    `plate` is None for those without a vehicle.  `is_canary` marks an entry
    that stands for nobody: whoever opens it was not doing their work.
    """

    number: int
    name: str
    household: int
    plate: str | None
    is_vip: bool = False
    is_canary: bool = False

    @property
    def key(self) -> str:
        """The person's number in the case management system."""
        return f"R-{self.number:06d}"

    @property
    def patient_no(self) -> str:
        """The person's number in the hospital."""
        return f"P-{self.number * 7 + 100_003:07d}"


@dataclass(slots=True)
class Household:
    """Who lives at one address; households of consecutive numbers are neighbours."""

    number: int
    address: str
    town: str
    lat: float
    lon: float
    members: list[int]


class Residents:
    """Everybody in the registers, by number, with their households."""

    def __init__(self, seed: int, count: int) -> None:
        dice = Dice(seed, "residents")
        self.people: list[Resident] = []
        self.households: list[Household] = []
        while len(self.people) < count:
            self._settle(dice)
        # The last entries of the register, so that nobody who acts is one of them.
        for resident in self.people[-CANARY_COUNT:]:
            resident.is_canary = True
        for resident in self.people[-CANARY_COUNT - VIP_COUNT : -CANARY_COUNT]:
            resident.is_vip = True
        self.canaries = self.people[-CANARY_COUNT:]
        self.vips = self.people[-CANARY_COUNT - VIP_COUNT : -CANARY_COUNT]
        self.ordinary = self.people[: -CANARY_COUNT - VIP_COUNT]
        self.drivers = [resident for resident in self.ordinary if resident.plate is not None]

    def _settle(self, dice: Dice) -> None:
        number = len(self.households)
        town, lat, lon = dice.pick(TOWNS)
        street = STREETS[number // HOUSEHOLDS_PER_STREET % len(STREETS)]
        household = Household(
            number,
            f"{number % HOUSEHOLDS_PER_STREET + 1} {street}",
            town,
            round(lat + (dice.random() - 0.5) * 0.04, 5),
            round(lon + (dice.random() - 0.5) * 0.06, 5),
            [],
        )
        family = dice.pick(FAMILY)
        for place in range(dice.between(1, 5)):
            own = family if dice.chance(0.8) else dice.pick(FAMILY)
            plate = _plate(dice) if place < 2 and dice.chance(0.7) else None
            household.members.append(len(self.people))
            self.people.append(
                Resident(len(self.people), f"{dice.pick(GIVEN)} {own}", number, plate)
            )
        self.households.append(household)

    def home_of(self, resident: Resident) -> Household:
        """Return where a resident lives."""
        return self.households[resident.household]

    def neighbours(self, resident: Resident) -> list[Resident]:
        """Return who lives in the two households next door, on either side."""
        last = len(self.households) - 1
        doors = {max(resident.household - 1, 0), min(resident.household + 1, last)}
        doors.discard(resident.household)
        return [self.people[n] for door in sorted(doors) for n in self.households[door].members]

    def by_name(self, text: str) -> list[Resident]:
        """Return the residents whose name contains the text, in register order."""
        return [resident for resident in self.people if text in resident.name]


def _plate(dice: Dice) -> str:
    letters = "".join(dice.pick(_PLATE_LETTERS) for _ in range(3))
    return f"{dice.below(10)}{letters}{dice.below(1000):03d}"
