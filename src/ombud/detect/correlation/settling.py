"""Settling: conditions that can be judged only when all that matters has come.

A window that must not hold too much is judged when it has closed; that something
did not happen, when a timespan has passed after the event as well.  Either is done
at a log time that follows from when the entries were recorded, and from nothing else.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from ombud.detect.correlation.group import Group
from ombud.detect.correlation.model import CorrelationMatch, CorrelationType, Judging, Key
from ombud.detect.correlation.order import Matched
from ombud.detect.correlation.watch import Watch


class Settling:
    """Judges the groups of one watch when they are due."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._span = watch.span
        self._is_ordered = watch.correlation.type is CorrelationType.TEMPORAL_ORDERED
        self._judge = self._closed if watch.judging is Judging.CLOSING else self._absent

    def judge(self, key: Key, group: Group, due: int) -> list[CorrelationMatch]:
        """Judge what is due at a log time, and say when the rest of the group will be."""
        matches = self._judge(key, group, due)
        group.find_oldest()
        return matches

    def _closed(self, key: Key, group: Group, due: int) -> list[CorrelationMatch]:
        """Judge the windows up to the last that holds an entry which is due.

        The first entry opens a window; the first after its close opens the next.
        """
        watch, times = self._watch, group.times
        matches: list[CorrelationMatch] = []
        late = due - watch.horizon
        last_due = max(
            (at for at, recorded in enumerate(group.recordeds) if recorded < late), default=-1
        )
        low = 0
        while low <= last_due:
            end = times[low] + self._span
            high = bisect_right(times, end, low)
            tally = watch.new_tally()
            for value in group.values_between(low, high):
                tally.add(value)
            reached = tally.reached()
            if reached is not None and watch.holds(reached):
                last = times[high - 1]
                if watch.is_new(group, times[low], last, due):
                    at = (group.indices[high - 1], due)
                    matches.append(watch.match_of(key, group, (low, high), reached, at))
            group.settled = max(group.settled, end)
            low = high
        group.drop_first(low)
        watch.entry_count -= low
        group.due = watch.due_after(min(group.recordeds)) if group.times else 0
        return matches

    def _absent(self, key: Key, group: Group, due: int) -> list[CorrelationMatch]:
        """Judge at each entry that is due whether it completes what then did not end otherwise."""
        watch, times, span = self._watch, group.times, self._span
        matches: list[CorrelationMatch] = []
        late = due - watch.horizon
        matched = Matched(group.values_between(0, len(times)), times)
        for at, recorded in enumerate(group.recordeds):
            if not group.settled < recorded < late:
                continue
            time = times[at]
            reached = self._completed(matched, time, group.values_between(at, at + 1)[0])
            if reached is not None and watch.is_new(group, time, time, due):
                window = (bisect_left(times, time - span), bisect_right(times, time))
                matches.append(
                    watch.match_of(key, group, window, reached, (group.indices[at], due))
                )
        group.settled = max(group.settled, late - 1)
        pending = [recorded for recorded in group.recordeds if recorded >= late]
        group.due = watch.due_after(min(pending)) if pending else 0
        return matches

    def _completed(self, matched: Matched, time: int, slot: int) -> int | None:
        """Return how many rules matched in the timespan up to an event that completes a way."""
        low, far = time - self._span, time + self._span
        is_met = matched.is_in_order if self._is_ordered else matched.are_all_in
        for way in self._watch.correlation.alternatives:
            is_complete = slot in way.needed and is_met(way.needed, low, time)
            if is_complete and not matched.is_any_in(way.absent, low, far):
                return len(way.needed)
        return None
