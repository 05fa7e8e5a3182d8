"""Zones: what clocks show in a time zone, exactly, also where clocks change.

The zone's rules come from the time-zone database that Python reads (`zoneinfo`);
SQL gets them as numbers, so that what a date means and what a row's clock shows
are always of one mind, and no name of a zone can fail in the engine.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from ombud.query.tree import DAY_MS, WEEK_MS, Moment

# Clocks of events before and after are reckoned with the first and the last offset.
FIRST_YEAR, LAST_YEAR = 1970, 2099

_LATEST = 20  # Stretches: ten years where clocks change twice a year.
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_SECOND = 1_000


@lru_cache(maxsize=1)
def zone_names() -> frozenset[str]:
    """Return the names of the zones that are known, such as `Europe/Berlin`."""
    return frozenset(available_timezones())


def instant_of(clock_ms: int, zone: str | None) -> int:
    """Return the instant at which the zone's clock shows this; UTC when there is no zone.

    Of two instants it is the earlier; a time that is skipped is reckoned as if the
    clock had not been changed yet.
    """
    if zone is None:
        return clock_ms
    shown = (_EPOCH + timedelta(milliseconds=clock_ms)).replace(tzinfo=None)
    offset = ZoneInfo(zone).utcoffset(shown.replace(tzinfo=ZoneInfo(zone)))
    return clock_ms - (offset or timedelta()) // _MS


def bounds(moment: Moment, zone: str | None, span_ms: int) -> tuple[int, int]:
    """Return the first instant of a moment and the first one after `span_ms` of its clock."""
    if moment.is_fixed or zone is None:
        return moment.ms, moment.ms + span_ms
    first = instant_of(moment.ms, zone)
    # A time that the clock skips has no instant of its own, but never a negative length.
    return first, max(first, instant_of(moment.ms + span_ms, zone))


def _offset_at(zone: ZoneInfo) -> Callable[[int], int]:
    def offset(ms: int) -> int:
        shown = (_EPOCH + timedelta(milliseconds=ms)).astimezone(zone)
        return (shown.utcoffset() or timedelta()) // _MS

    return offset


@lru_cache(maxsize=64)
def offsets(zone: str) -> tuple[tuple[int, int], ...]:
    """Return the stretches of equal offset: first instant of each, and milliseconds east of UTC.

    No zone has changed its clock twice within a week.
    """
    offset_at = _offset_at(ZoneInfo(zone))
    at = int(datetime(FIRST_YEAR, 1, 1, tzinfo=UTC).timestamp()) * _SECOND
    end = int(datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp()) * _SECOND
    found = [(at, offset_at(at))]
    while at < end:
        following = min(at + WEEK_MS, end)
        offset = offset_at(following)
        if offset != found[-1][1]:
            low, high = at, following  # Invariant: the clock is changed after low, up to high.
            while high - low > _SECOND:
                middle = (low + high) // 2 // _SECOND * _SECOND
                low, high = (middle, high) if offset_at(middle) == found[-1][1] else (low, middle)
            found.append((high, offset))
        at = following
    return tuple(found)


def offset_sql(zone: str | None, now_ms: int = 0) -> str:
    """Return SQL for the milliseconds that the zone's clock is ahead of UTC at a row's time.

    The stretches up to now are compared one by one, for nearly all events are of
    these, and that costs some nanoseconds; for the others all are counted.
    """
    if zone is None:
        return "0"
    stretches = offsets(zone)
    if len(stretches) == 1:
        return str(stretches[0][1])
    now = bisect_right(stretches, now_ms, key=lambda stretch: stretch[0]) - 1
    latest = range(max(0, min(now, len(stretches) - 2)), max(-1, now - _LATEST), -1)
    whens = " ".join(
        f'WHEN "time" >= {stretches[place][0]} AND "time" < {stretches[place + 1][0]} '
        f"THEN {stretches[place][1]}"
        for place in latest
    )
    begins, ahead = ([stretch[half] for stretch in stretches] for half in (0, 1))
    begun = f'len(list_filter({begins}::BIGINT[], lambda begins: begins <= "time"))'
    return f"(CASE {whens} ELSE {ahead}[greatest(1, {begun})] END)"


def day_name(number: int | None) -> str | None:
    """Return the date of a day counted from 1970-01-01, or none outside of the calendar."""
    return None if number is None else _format(number * DAY_MS, 10)


def hour_name(number: int | None) -> str | None:
    """Return date and hour, as in `2026-11-01T08`, of an hour counted from 1970-01-01."""
    return None if number is None else _format(number * 3_600_000, 13)


def _format(ms: int, length: int) -> str:
    return (_EPOCH + timedelta(milliseconds=ms)).isoformat()[:length]
