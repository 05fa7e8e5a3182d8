"""SQL of clocks: times of the day, days of the week, and days and hours to count by."""

from __future__ import annotations

from ombud.query.bindings import Bindings
from ombud.query.tree import DAY_MS, HOUR_MS, MINUTE_MS, WEEK_MS, TimeOfDay, Weekdays
from ombud.query.values import MOMENT_MAX, MOMENT_MIN
from ombud.query.world import World
from ombud.query.zones import offset_sql, offsets

_THURSDAY = 3  # 1970-01-01, counted from Monday.
_BUCKETS_MS = {"day": DAY_MS, "hour": HOUR_MS}


def time_of_day(node: TimeOfDay, bindings: Bindings, world: World) -> str:
    """Return SQL that is true for events within these minutes of the day."""
    ahead = _ahead(bindings, world) if node.offset is None else str(node.offset * MINUTE_MS)
    clock = _clock(ahead, 0, DAY_MS)
    low, high = bindings.add(node.start * MINUTE_MS), bindings.add(node.end * MINUTE_MS)
    # The clock is read once; past midnight, it is the time between that is not meant.
    if node.start < node.end:
        return f"({clock} BETWEEN {low} AND {high} - 1)"
    return f"({clock} NOT BETWEEN {high} AND {low} - 1)"


def weekdays(node: Weekdays, bindings: Bindings, world: World) -> str:
    """Return SQL that is true for events on these days."""
    clock = _clock(_ahead(bindings, world), _THURSDAY * DAY_MS, WEEK_MS)
    places = ", ".join(bindings.add(day) for day in node.days)
    return f"({clock} // {DAY_MS} IN ({places}))"


def bucket(name: str, world: World) -> str:
    """Return SQL for the day or hour of an event, counted from 1970-01-01, in one zone.

    Times outside of the calendar have none.
    """
    size = _BUCKETS_MS[name]
    ahead = offset_sql(world.zone, world.now_ms)
    # Division rounds towards zero: so it is counted from before any calendar.
    shift = 1 - MOMENT_MIN // size
    number = f'(("time" + {ahead} + {shift * size}) // {size} - {shift})'
    return f'CASE WHEN "time" BETWEEN {MOMENT_MIN} AND {MOMENT_MAX} THEN {number} END'


def _clock(ahead: str, shift_ms: int, cycle_ms: int) -> str:
    """Return where in a cycle the clock stands; no time can overflow it."""
    return f'((("time" + {ahead}) % {cycle_ms} + {shift_ms + cycle_ms}) % {cycle_ms})'


def _ahead(bindings: Bindings, world: World) -> str:
    """Return how far the clock that is meant is ahead of UTC, in milliseconds."""
    if world.zone is not None:
        return offset_sql(world.zone, world.now_ms)
    zones = [zone for zone in world.unit_zones if offsets(zone) != ((offsets(zone)[0][0], 0),)]
    if not zones:
        return "0"
    names = bindings.add(zones)
    number = bindings.of_span(f'list_position({names}::VARCHAR[], "zone")')
    cases = " ".join(
        f"WHEN {place} THEN {offset_sql(zone, world.now_ms)}"
        for place, zone in enumerate(zones, start=1)
    )
    return f"(CASE {number} {cases} ELSE 0 END)"
