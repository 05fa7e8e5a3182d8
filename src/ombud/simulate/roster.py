"""Roster: who is on shift when, and who is on leave.

The county keeps UTC all year round, as islands at its longitude do.  A day is
counted from 1970-01-01; all instants are milliseconds since then.
"""

from __future__ import annotations

from ombud.simulate.dice import Dice
from ombud.simulate.people import Actor

SECOND = 1_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR

# Being in half an hour early or late is not being off shift.
TOLERANCE = 30 * MINUTE

_LEAVE_PERIOD_DAYS = 70
_SHIFTS = (7 * HOUR, 15 * HOUR, 23 * HOUR)  # Starts of the three shifts of a rota, 8 hours each.
_MACHINE_HOURS = {
    "always": (0, DAY),
    "nightly": (1 * HOUR, 4 * HOUR),
    "daily": (7 * HOUR, 19 * HOUR),
}
_NIGHTS = (22 * HOUR, 8 * HOUR)
_OFFICE = (8 * HOUR, 8 * HOUR + 30 * MINUTE)


class Roster:
    """Shifts and leave of everybody, worked out when asked for; the past never changes."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._leaves: dict[tuple[int, int], tuple[int, int]] = {}

    def shift(self, actor: Actor, day: int) -> tuple[int, int] | None:
        """Return start and end of the shift that begins on a day, None when off or on leave."""
        start = day * DAY
        if actor.pattern in _MACHINE_HOURS:
            begin, end = _MACHINE_HOURS[actor.pattern]
            return start + begin, start + end
        if self.is_on_leave(actor, day):
            return None
        if actor.pattern == "office":
            # 1970-01-01 was a Thursday.
            return (start + _OFFICE[0], start + sum(_OFFICE)) if (day + 3) % 7 < 5 else None
        turn = day + actor.phase
        if actor.pattern == "nights":
            return (start + _NIGHTS[0], start + sum(_NIGHTS)) if turn % 7 < 4 else None
        if turn % 6 >= 4:  # Four days on, two off, then the next shift of the three.
            return None
        begin = start + _SHIFTS[turn // 6 % 3]
        return begin, begin + 8 * HOUR

    def is_on_leave(self, actor: Actor, day: int) -> bool:
        """Whether an actor is away that day: one stretch of leave in each ten weeks."""
        period, place = divmod(day + actor.phase, _LEAVE_PERIOD_DAYS)
        span = self._leaves.get((actor.index, period))
        if span is None:
            dice = Dice(self._seed, "leave", actor.index, period)
            first = dice.below(_LEAVE_PERIOD_DAYS - 12)
            span = self._leaves[actor.index, period] = (first, first + dice.between(3, 11))
        return span[0] <= place < span[1]

    def is_on_shift(self, actor: Actor, time: int) -> bool:
        """Whether an actor is on shift at an instant, with a little tolerance at both ends."""
        day = time // DAY
        for candidate in (day, day - 1, day + 1):
            shift = self.shift(actor, candidate)
            if shift is not None and shift[0] - TOLERANCE <= time < shift[1] + TOLERANCE:
                return True
        return False
