"""Hours: whether an instant lies in stretches of a week, by the clock of a place."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ombud.access.model import Hours
from ombud.core.errors import InputError

_DAY = 24 * 60
_WEEK = 7 * _DAY
_MINUTE_MS = 60_000
# Clocks are set at multiples of it (tz database, since 1972), so that the offset at the
# first instant of a slot is that of the whole slot.
_SLOT_MS = 15 * _MINUTE_MS
_MONDAY = 3 * _DAY  # 1970-01-01 was a Thursday: three days after a Monday.


class Clock:
    """The wall clock of a zone; remembers the offset of the last quarter of an hour.

    Raises `InputError` for a zone there is not.
    """

    __slots__ = ("_known", "_zone")

    def __init__(self, zone: str) -> None:
        try:
            self._zone = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise InputError(f"there is no time zone `{zone}`") from None
        # One value, so that a reader never sees a slot with the offset of another.
        self._known = (0, 0, 0)

    def minute_of_week(self, now: int) -> int:
        """Return the minutes since Monday 00:00 of the place's clock."""
        since, until, offset = self._known
        if not since <= now < until:
            since = now // _SLOT_MS * _SLOT_MS
            instant = datetime.fromtimestamp(since / 1000, UTC).astimezone(self._zone)
            shift = instant.utcoffset()
            offset = 0 if shift is None else shift.days * 86_400_000 + shift.seconds * 1000
            self._known = (since, since + _SLOT_MS, offset)
        return ((now + offset) // _MINUTE_MS + _MONDAY) % _WEEK


class Week:
    """Stretches of a week, each in its zone; whether an instant lies in one of them."""

    __slots__ = ("_places",)

    def __init__(self, hours: Sequence[Hours], clocks: dict[str, Clock]) -> None:
        minutes: dict[str, bytearray] = {}
        for stretch in hours:
            if stretch.zone not in clocks:
                clocks[stretch.zone] = Clock(stretch.zone)
            _mark(minutes.setdefault(stretch.zone, bytearray(_WEEK)), stretch)
        self._places = tuple((clocks[zone], bytes(week)) for zone, week in minutes.items())

    def holds(self, now: int) -> bool:
        """Whether the instant (ms since the epoch) lies in one of the stretches."""
        return any(week[clock.minute_of_week(now)] for clock, week in self._places)


def _mark(week: bytearray, stretch: Hours) -> None:
    length = stretch.until - stretch.since
    if length <= 0:
        length += _DAY  # Past midnight: it belongs to the day on which it begins.
    for day in stretch.days:
        start = (day - 1) * _DAY + stretch.since
        for minute in range(start, start + length):
            week[minute % _WEEK] = 1
