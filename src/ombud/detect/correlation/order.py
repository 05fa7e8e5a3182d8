"""Order: when each rule matched, and whether they did so one after the other.

Events of the same time stand in every order at once, and one event may be two
steps: what a log cannot tell apart must not hide anything.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, insort
from collections.abc import Iterable, Sequence

from ombud.detect.correlation.model import Correlation, CorrelationType, Number


class Matched:
    """The times at which each rule matched, by its position in `rules`."""

    __slots__ = ("_by_slot",)

    def __init__(self, slots: Iterable[int], times: Iterable[int]) -> None:
        self._by_slot: dict[int, array[int]] = {}
        for slot, time in zip(slots, times, strict=True):
            self.shift(0, slot, time)

    def shift(self, _position: int, slot: int, time: int) -> None:
        """Take notice of an entry that was inserted."""
        times = self._by_slot.get(slot)
        if times is None:
            times = self._by_slot[slot] = array("q")
        if not times or time >= times[-1]:
            times.append(time)
        else:
            insort(times, time)

    def is_in_order(self, slots: Sequence[int], low: int, high: int) -> bool:
        """Whether rules matched one after the other from `low` to `high`, both included."""
        for slot in slots:
            times = self._by_slot.get(slot)
            if times is None or times[-1] < low:
                return False
            # The earliest leaves most room for those that follow.
            low = times[bisect_left(times, low)]
            if low > high:
                return False
        return True

    def are_all_in(self, slots: Sequence[int], low: int, high: int) -> bool:
        """Whether each rule matched from `low` to `high`, both included."""
        return all(self.is_in_order((slot,), low, high) for slot in slots)

    def is_any_in(self, slots: Sequence[int], low: int, high: int) -> bool:
        """Whether one of the rules matched from `low` to `high`, both included."""
        return any(self.is_in_order((slot,), low, high) for slot in slots)

    def reached(self, correlation: Correlation, low: int, high: int) -> Number | None:
        """Return how many rules matched from `low` to `high`, if that meets the condition."""
        if not correlation.alternatives:
            count = sum(self.is_in_order((slot,), low, high) for slot in self._by_slot)
            return count if all(bound.holds(count) for bound in correlation.bounds) else None
        is_ordered = correlation.type is CorrelationType.TEMPORAL_ORDERED
        is_met = self.is_in_order if is_ordered else self.are_all_in
        for way in correlation.alternatives:
            if is_met(way.needed, low, high):
                return len(way.needed)
        return None
