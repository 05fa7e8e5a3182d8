"""Sliding: conditions judged at each event, over the timespan that ends there.

The condition is judged at the time of every entry.  A new entry can change that
only from its own time to one timespan later; when it is the latest of its group,
as mostly, only at its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from ombud.detect.correlation.group import Group, Trail, windows_at
from ombud.detect.correlation.model import (
    CorrelationMatch,
    CorrelationType,
    Key,
    Number,
    Operator,
    RuleMatch,
)
from ombud.detect.correlation.order import Order, is_in_order, times_by_slot
from ombud.detect.correlation.watch import Watch

TRAIL_ENTRIES_MIN = 16  # A window with fewer is counted anew: that is cheap, and saves room.

_Found = tuple[int, int, tuple[int, int], Number]  # First and last end; the first window's.


class Sliding:
    """Judges the groups of one watch."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._span = watch.span
        kind = watch.correlation.type
        self._is_count = kind is CorrelationType.EVENT_COUNT
        self._is_ordered = kind is CorrelationType.TEMPORAL_ORDERED
        # The least count that meets every bound.
        self._least = max(
            (
                int(bound.value // 1) + 1
                if bound.operator is Operator.GT
                else int(-(-bound.value // 1))
                for bound in watch.correlation.bounds
            ),
            default=1,
        )

    def judge(self, key: Key, group: Group, match: RuleMatch, time: int) -> CorrelationMatch | None:
        """Judge what the entries of a match, inserted at `time`, change; returns a new episode."""
        watch = self._watch
        if time == group.times[-1]:
            found = self._at_end(group, time)
        elif group.prolong(time, min(group.times[-1], time + self._span), match.recorded):
            watch.counters.quiet += 1
            return None
        else:
            found = self._ordered(group, time) if self._is_ordered else self._within(group, time)
        if found is None:
            return None
        first, last, window, reached = found
        if not watch.is_new(group, first, last, match.recorded):
            return None
        return watch.match_of(key, group, window, reached, (match.index, match.recorded))

    def _at_end(self, group: Group, time: int) -> _Found | None:
        """Judge the window that ends with the latest entry."""
        times, start = group.times, time - self._span
        if self._is_count:
            least = max(1, self._least)
            if len(times) < least or times[-least] < start:
                return None
            low = bisect_left(times, start)
            return time, time, (low, len(times)), len(times) - low
        window = (bisect_left(times, start), len(times))
        reached = (
            self._follow(group, window, start) if self._is_ordered else self._tally(group, window)
        )
        if reached is None or not self._watch.holds(reached):
            return None
        return time, time, window, reached

    def _tally(self, group: Group, window: tuple[int, int]) -> Number | None:
        trail = group.trail if isinstance(group.trail, Trail) else None
        if trail is None:
            trail = Trail(self._watch.new_tally())
            trail.low = trail.high = window[0]
        trail.move(group, *window)
        is_small = window[1] - window[0] < TRAIL_ENTRIES_MIN
        group.trail = None if is_small else trail
        return trail.tally.reached()

    def _follow(self, group: Group, window: tuple[int, int], start: int) -> int | None:
        order = group.trail if isinstance(group.trail, Order) else None
        if order is None:
            order = Order(self._watch.correlation.alternatives)
            entries = range(*window)
        else:
            entries = range(window[1] - 1, window[1])  # The others it has seen.
        for position in entries:
            order.add(group.values_between(position, position + 1)[0], group.times[position])
        is_small = window[1] - window[0] < TRAIL_ENTRIES_MIN
        group.trail = None if is_small else order
        return order.reached(start)

    def _within(self, group: Group, time: int) -> _Found | None:
        """Judge every window that an entry in the midst of others is in."""
        found: _Found | None = None
        trail = group.trail if isinstance(group.trail, Trail) else None
        if trail is None:
            trail = Trail(self._watch.new_tally())
            trail.low = trail.high = bisect_left(group.times, time - self._span)
        for window in windows_at(group.times, time, time + self._span, self._span):
            trail.move(group, *window)
            reached = trail.tally.reached()
            if reached is not None and self._watch.holds(reached):
                end = group.times[window[1] - 1]
                found = (
                    (end, end, window, reached) if found is None else (found[0], end, *found[2:])
                )
        return found

    def _ordered(self, group: Group, time: int) -> _Found | None:
        """Judge every window that an entry in the midst of others is in, by order."""
        found: _Found | None = None
        span, times = self._span, group.times
        low, high = bisect_left(times, time - span), bisect_right(times, time + span)
        by_slot = times_by_slot(group.values_between(low, high), times[low:high])
        for window in windows_at(times, time, time + span, span):
            end = times[window[1] - 1]
            for way in self._watch.correlation.alternatives:
                if is_in_order(way.needed, by_slot, end - span, end):
                    reached = len(way.needed)
                    found = (
                        (end, end, window, reached)
                        if found is None
                        else (found[0], end, *found[2:])
                    )
                    break
        return found
