"""Request clock: until when a request waits, and when an emergency must have been decided on."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from ombud.core.instants import to_ms

DAY_MS = 86_400_000
MINUTE_MS = 60_000
_FRIDAY = 4  # As `date.weekday` counts.
_SEARCHED_DAYS = 3_660  # Ten years: a calendar without a working day in them is a fault.


def working_deadline(start: int, days: int, *, zone: str, holidays: Collection[str]) -> int:
    """Return the end of the so-manieth working day after the day of `start`, exclusive.

    Days of the calendar of `zone`, Monday to Friday, that are not in `holidays` (ISO
    dates).  As Investigatory Powers Act 2016 s. 24(3) counts: the day of the act itself
    is not one of them.  A calendar without such days gives the last day searched.
    """
    place = ZoneInfo(zone)
    day = datetime.fromtimestamp(start / 1000, UTC).astimezone(place).date()
    left = max(1, days)
    for _ in range(_SEARCHED_DAYS):
        day += timedelta(days=1)
        if day.weekday() <= _FRIDAY and day.isoformat() not in holidays:
            left -= 1
            if not left:
                break
    end = datetime.combine(day + timedelta(days=1), time(), tzinfo=place)
    return to_ms(end.astimezone(UTC))


def grant_end(now: int, days: int, *, until: int | None) -> int:
    """Return when a grant made now for so many days ends: never after its purpose."""
    end = now + days * DAY_MS
    return end if until is None else min(end, until)
