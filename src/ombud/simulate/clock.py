"""Clock: instants as the county's systems write them; nothing here reads the time.

The date part is the same for thousands of lines in a row, so it is kept.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from ombud.simulate.roster import DAY, HOUR, MINUTE, SECOND


@lru_cache(maxsize=64)
def _date(day: int) -> str:
    return datetime.fromtimestamp(day * DAY // SECOND, UTC).strftime("%Y-%m-%d")


def iso_time(millis: int) -> str:
    """Return `2026-11-22T08:03:05.120Z`."""
    day, rest = divmod(millis, DAY)
    second, part = divmod(rest % MINUTE, SECOND)
    hour, minute = rest // HOUR, rest // MINUTE % 60
    return f"{_date(day)}T{hour:02d}:{minute:02d}:{second:02d}.{part:03d}Z"


def iso_second(millis: int) -> str:
    """Return `2026-11-22T08:03:05Z`."""
    return iso_time(millis)[:19] + "Z"


def pg_time(millis: int, *, millis_shown: bool = False) -> str:
    """Return `2026-11-22 08:03:05 UTC`, with milliseconds when asked."""
    text = iso_time(millis)
    return f"{text[:10]} {text[11:23] if millis_shown else text[11:19]} UTC"


def to_millis(instant: datetime) -> int:
    """Return an instant that knows its zone as milliseconds since the epoch."""
    return int(instant.timestamp() * SECOND)
