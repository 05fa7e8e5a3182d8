"""Sliding: conditions judged at each event, over the timespan that ends there.

The condition is judged at the time of every entry.  A new entry can change that
only from its own time to one timespan later; when it is the latest of its group,
as mostly, only at its own.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ombud.detect.correlation.group import Group, Trail, windows_at
from ombud.detect.correlation.model import (
    CorrelationMatch,
    CorrelationType,
    Key,
    Number,
    Operator,
    RuleMatch,
)
from ombud.detect.correlation.order import Matched
from ombud.detect.correlation.watch import Watch

TRAIL_ENTRIES_MIN = 16  # A window with fewer is counted anew: that is cheap, and saves room.

# What no window of some entries can exceed: if that meets no `gt` or `gte`, none of them does.
_CEILINGS: Mapping[CorrelationType, Callable[[Sequence[Any]], Number]] = {
    CorrelationType.VALUE_COUNT: lambda values: len(set(values)),
    CorrelationType.VALUE_MEDIAN: max,
    CorrelationType.VALUE_PERCENTILE: max,
}

_Window = tuple[int, int]  # Positions: the first entry, and after the last.
_Found = tuple[int, int, _Window, Number]  # First and last time of being met; the first's window.


class Sliding:
    """Judges the groups of one watch."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._span = watch.span
        kind = watch.correlation.type
        self._at_end, self._within = self._number_at_end, self._number_within
        if kind is CorrelationType.EVENT_COUNT:
            self._at_end, self._within = self._count_at_end, self._count_within
        elif kind.is_temporal:
            self._at_end, self._within = self._rules_at_end, self._rules_within
        self._ceiling = _CEILINGS.get(kind)
        # The least count that meets every bound.
        least = [
            int(bound.value // 1) + 1
            if bound.operator is Operator.GT
            else int(-(-bound.value // 1))
            for bound in watch.correlation.bounds
        ]
        self._least = max(1, *least) if least else 1

    def judge(self, key: Key, group: Group, match: RuleMatch, time: int) -> CorrelationMatch | None:
        """Judge what the entries of a match, inserted at `time`, change; returns a new episode."""
        watch = self._watch
        newest = group.times[-1]
        if time == newest:
            found = self._at_end(group, time)
        elif group.prolong(time, min(newest, time + self._span), match.recorded):
            watch.counters.quiet += 1
            return None
        else:
            found = self._within(group, time)
        if found is None:
            return None
        first, last, window, reached = found
        if not watch.is_new(group, first, last, match.recorded):
            return None
        return watch.match_of(key, group, window, reached, (match.index, match.recorded))

    def _window(self, group: Group, end: int) -> _Window:
        high = bisect_right(group.times, end)
        return bisect_left(group.times, end - self._span, 0, high), high

    def _count_at_end(self, group: Group, time: int) -> _Found | None:
        times, start, least = group.times, time - self._span, self._least
        if len(times) < least or times[-least] < start:
            return None
        low = bisect_left(times, start)
        return time, time, (low, len(times)), len(times) - low

    def _count_within(self, group: Group, time: int) -> _Found | None:
        """Judge at every later entry at once whether the one so many before it is near enough."""
        low = max(bisect_left(group.times, time), self._least - 1)
        high = bisect_right(group.times, time + self._span)
        if low >= high:
            return None
        times = np.frombuffer(group.times, dtype=np.int64)
        back = self._least - 1
        met = np.flatnonzero(times[low:high] - times[low - back : high - back] <= self._span)
        if not len(met):
            return None
        first, last = int(times[low + met[0]]), int(times[low + met[-1]])
        window = self._window(group, first)
        return first, last, window, window[1] - window[0]

    def _rules_at_end(self, group: Group, time: int) -> _Found | None:
        window = (bisect_left(group.times, time - self._span), len(group.times))
        matched = self._matched(group, window)
        if window[1] - window[0] < TRAIL_ENTRIES_MIN:
            group.trail = None
        reached = matched.reached(self._watch.correlation, time - self._span, time)
        return None if reached is None else (time, time, window, reached)

    def _rules_within(self, group: Group, time: int) -> _Found | None:
        """Judge from both sides: what is met in between changes nothing."""
        correlation, span, times = self._watch.correlation, self._span, group.times
        low, high = bisect_left(times, time - span), bisect_right(times, time + span)
        matched = self._matched(group, (low, high))
        if matched.reached(correlation, time - span, time + span) is None:
            return None
        ends = times[bisect_left(times, time) : high]
        for first in ends:
            reached = matched.reached(correlation, first - span, first)
            if reached is not None:
                break
        else:
            return None
        last = first
        for end in reversed(ends):
            if end == first or matched.reached(correlation, end - span, end) is not None:
                last = end
                break
        return first, last, self._window(group, first), reached

    def _matched(self, group: Group, window: _Window) -> Matched:
        """Return when rules matched, at least in a window; kept if that is long."""
        if isinstance(group.trail, Matched):
            return group.trail
        low, high = window
        if high - low < TRAIL_ENTRIES_MIN:
            return Matched(group.values_between(low, high), group.times[low:high])
        group.trail = matched = Matched(group.values_between(0, len(group.times)), group.times)
        return matched

    def _number_at_end(self, group: Group, time: int) -> _Found | None:
        window = (bisect_left(group.times, time - self._span), len(group.times))
        trail = self._trail(group, window[0])
        trail.move(group, *window)
        group.trail = None if window[1] - window[0] < TRAIL_ENTRIES_MIN else trail
        reached = trail.tally.reached()
        if reached is None or not self._watch.holds(reached):
            return None
        return time, time, window, reached

    def _number_within(self, group: Group, time: int) -> _Found | None:
        """Judge every window that an entry in the midst of others is in."""
        found: _Found | None = None
        if self._ceiling is not None:
            # Most often nothing here comes near: to say so is fifty times cheaper than to judge
            # each window, and whoever sends events dated back decides how often it is asked.
            low = bisect_left(group.times, time - self._span)
            high = bisect_right(group.times, time + self._span)
            if not self._watch.holds(self._ceiling(group.values_between(low, high))):
                return None
        trail = self._trail(group, bisect_left(group.times, time - self._span))
        for window in windows_at(group.times, time, time + self._span, self._span):
            trail.move(group, *window)
            reached = trail.tally.reached()
            if reached is not None and self._watch.holds(reached):
                end = group.times[window[1] - 1]
                found = (
                    (end, end, window, reached) if found is None else (found[0], end, *found[2:])
                )
        return found

    def _trail(self, group: Group, start: int) -> Trail:
        if isinstance(group.trail, Trail):
            return group.trail
        return Trail(self._watch.new_tally(), start)
