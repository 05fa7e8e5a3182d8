"""Order: whether rules matched one after the other, at the same time included.

Events of the same time stand in every order at once, and one event may be two
steps: what a log cannot tell apart must not hide anything.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from ombud.detect.correlation.model import Alternative

_NEVER = -(1 << 62)  # Before every time.


class Order:
    """Follows events in order of time: the latest start of each part of each sequence."""

    __slots__ = ("_at", "_before", "_now", "_sequences", "_slots")

    def __init__(self, alternatives: Sequence[Alternative]) -> None:
        self._sequences = [one.needed for one in alternatives]
        self._now = [[_NEVER] * len(one) for one in self._sequences]
        self._before = self._now
        self._at = _NEVER
        self._slots: set[int] = set()

    def add(self, slot: int, time: int) -> None:
        """Take an event of one rule, which is not earlier than any before."""
        if time > self._at:
            self._at = time
            self._before = self._now
            self._slots = {slot}
        elif slot in self._slots:
            return
        else:
            self._slots.add(slot)
        self._now = [
            self._after(sequence, starts)
            for sequence, starts in zip(self._sequences, self._before, strict=True)
        ]

    def _after(self, sequence: Sequence[int], starts: list[int]) -> list[int]:
        """Return the starts with all events of this time: each may follow each."""
        starts = starts.copy()
        start = self._at
        for step, slot in enumerate(sequence):
            if slot in self._slots and start > starts[step]:
                starts[step] = start
            start = starts[step]
        return starts

    def reached(self, low: int) -> int | None:
        """Return the length of the first sequence that lies wholly at or after `low`."""
        for starts in self._now:
            if starts[-1] >= low:
                return len(starts)
        return None


def times_by_slot(slots: Iterable[int], times: Iterable[int]) -> dict[int, list[int]]:
    """Return the times of each rule; what is given is in order of time."""
    found: dict[int, list[int]] = {}
    for slot, time in zip(slots, times, strict=True):
        found.setdefault(slot, []).append(time)
    return found


def is_in_order(
    sequence: Sequence[int], by_slot: Mapping[int, Sequence[int]], low: int, high: int
) -> bool:
    """Whether the rules matched one after the other from `low` to `high`, both included."""
    start = low
    for slot in sequence:
        times = by_slot.get(slot, ())
        position = bisect_left(times, start)
        if position == len(times) or times[position] > high:
            return False
        start = times[position]
    return True


def is_any_in(times: Sequence[int], low: int, high: int) -> bool:
    """Whether one of the times lies from `low` to `high`, both included."""
    position = bisect_left(times, low)
    return position < len(times) and times[position] <= high
