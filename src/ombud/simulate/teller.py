"""Teller: what the stories need: a cast, moments on and off shift, labels.

Each story has a person of its own where the county is large enough, so that a
label answers for one thing only.
"""

from __future__ import annotations

from collections.abc import Iterator

from ombud.core.errors import InputError
from ombud.simulate.act import Act, Label
from ombud.simulate.desk import Desk
from ombud.simulate.dice import Dice
from ombud.simulate.people import Actor
from ombud.simulate.residents import Resident
from ombud.simulate.roster import DAY, HOUR, MINUTE, SECOND
from ombud.simulate.world import World

PLAIN, SLOW = "plain", "slow"  # Variants of a story.
_PERIOD_DAYS = 60  # The stories are timed for this many days and drawn together for fewer.
_SEARCH_DAYS = 30  # How far to look for a day with, or without, a shift.


class Teller:
    """Casts, times and labels the stories of one county.

    `idle` are the logins with no routine of their own.  `silences` are spans in
    which a system writes nothing (system, from, to); `losses` tell how many of its
    numbered lines are lost after an instant (kind of source, after, count).
    """

    def __init__(self, world: World, events: int) -> None:
        self.world = world
        self.events = events
        self.labels: list[Label] = []
        self.idle: set[str] = set()
        self.silences: list[tuple[str, int, int]] = []
        self.losses: list[tuple[str, int, int]] = []
        self._cast: set[str] = set()
        self._scale = min(1.0, (world.end - world.start) / (_PERIOD_DAYS * DAY))

    def dice(self, story: str) -> Dice:
        """Return the dice of one story."""
        return Dice(self.world.seed, "story", story)

    def cast(self, unit: str, *, relation: str | None = None, place: int = 1) -> Actor:
        """Return a member of a unit who is in no other story, counted from `place`.

        Place 0 is the supervisor.  In a small county a person may play twice.
        """
        members = self.world.staff.by_unit[unit]
        turned = members[place:] + members[:place]
        for wanted in (turned, self.world.staff.actors):
            fitting = [
                actor
                for actor in wanted
                if actor.kind == "person"
                and (relation is None or relation in actor.relations.values())
            ]
            fresh = [actor for actor in fitting if actor.login not in self._cast]
            if fresh or fitting:
                actor = (fresh or fitting)[0]
                self._cast.add(actor.login)
                return actor
        raise InputError(f"the county has nobody to play in `{unit}`")

    def label(
        self, kind: str, actor: Actor, note: str, *, is_misuse: bool = True, variant: str = PLAIN
    ) -> Label:
        """Start a label; acts that carry it add their lines to it."""
        label = Label(
            kind=kind,
            variant=variant,
            actor=actor.login,
            misuse=is_misuse,
            note=note,
            native_ids={},
        )
        self.labels.append(label)
        return label

    def day(self, nominal: float) -> int:
        """Return the day that is `nominal` days into a period of sixty."""
        return self.world.start // DAY + 1 + int(nominal * self._scale)

    def nominal(self, time: int) -> float:
        """Return how many days of a period of sixty an instant is into this one."""
        return (time // DAY - self.world.start // DAY - 1) / self._scale

    def on_shift(self, actor: Actor, nominal: float, dice: Dice) -> int:
        """Return an instant well inside a shift of the actor, on or after a nominal day."""
        first = self.day(nominal)
        for day in range(first, first + _SEARCH_DAYS):
            shift = self.world.roster.shift(actor, day)
            if shift is not None:
                return self._inside(shift[0] + HOUR + int(dice.random() * 5 * HOUR))
        return self._inside(first * DAY + 10 * HOUR)

    def off_shift(self, actor: Actor, nominal: float, dice: Dice) -> int:
        """Return an instant at which the actor is not on shift, on or after a nominal day."""
        first = self.day(nominal)
        for day in range(first, first + _SEARCH_DAYS):
            for hour in (21, 23, 5, 13, 19):
                time = self._inside(day * DAY + hour * HOUR + int(dice.random() * 50 * MINUTE))
                if not self.world.roster.is_on_shift(actor, time):
                    return time
        return self._inside(first * DAY)

    def _inside(self, time: int) -> int:
        return min(max(time, self.world.start), self.world.end - 3 * HOUR)

    def desk(
        self, dice: Dice, actor: Actor, system: str, time: int, pace: float = 25 * SECOND
    ) -> Desk:
        """Return a desk at which a story happens."""
        return Desk(self.world, dice.fork(actor.login, time), actor, system, time, pace=pace)

    def strangers(self, dice: Dice, actor: Actor, count: int) -> list[Resident]:
        """Return residents with a vehicle whom the actor does not know."""
        drivers = dice.sample(self.world.residents.drivers, count + len(actor.relations))
        return [r for r in drivers if r.number not in actor.relations][:count]


def labelled(label: Label, acts: Iterator[Act]) -> Iterator[Act]:
    """Put a label on acts."""
    for act in acts:
        act.label = label
        yield act
