"""Group: the entries that correlations keep for one group of events, in order of time.

Columns of machine integers, because there may be a hundred thousand groups.
Entries of the same time stand in order of arrival.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Any

from ombud.detect.correlation.order import Matched
from ombud.detect.correlation.tally import Tally

EPISODES_MAX = 1000  # Of one group at once; more come only of logs read years at a time.
NEVER = -(1 << 62)  # Before every time.

Episode = tuple[int, int, int]  # First and last time at which the condition held; log time.


class Group:
    """What is kept of one group.

    `touched` is the log time of the last change; `settled` says up to where its
    windows were judged (an event time, or a log time where absence is judged), and
    `due` when the next are, 0 for never.  `oldest` is the log time of the oldest entry
    or episode, or earlier.  `trail` only saves work and is no part of the state.
    """

    __slots__ = (
        "due",
        "episodes",
        "indices",
        "last_index",
        "oldest",
        "recordeds",
        "settled",
        "times",
        "touched",
        "trail",
        "values",
    )

    def __init__(self, *, has_values: bool) -> None:
        self.times = array("q")
        self.recordeds = array("q")
        self.indices = array("q")
        self.values: list[Any] | None = [] if has_values else None
        self.episodes: list[Episode] | None = None
        self.touched = NEVER
        self.oldest = -NEVER
        self.last_index = -1
        self.settled = NEVER
        self.due = 0
        self.trail: Trail | Matched | None = None

    def insert(self, time: int, recorded: int, index: int, value: Any) -> int:
        """Put one entry in its place, which is returned."""
        times = self.times
        if not times or time >= times[-1]:
            position = len(times)
            times.append(time)
            self.recordeds.append(recorded)
            self.indices.append(index)
            if self.values is not None:
                self.values.append(value)
        else:
            position = bisect_right(times, time)
            times.insert(position, time)
            self.recordeds.insert(position, recorded)
            self.indices.insert(position, index)
            if self.values is not None:
                self.values.insert(position, value)
        if self.trail is not None:
            self.trail.shift(position, value, time)
        self.oldest = min(self.oldest, recorded)
        return position

    def forget(self, cut: int) -> int:
        """Let go of what was recorded before `cut`; returns how many entries that were."""
        before = len(self.times)
        stays = [recorded >= cut for recorded in self.recordeds]
        if not all(stays):
            self.times = array("q", compress(self.times, stays))
            self.indices = array("q", compress(self.indices, stays))
            self.recordeds = array("q", compress(self.recordeds, stays))
            if self.values is not None:
                self.values = list(compress(self.values, stays))
            self.trail = None
        if self.episodes:
            self.episodes = [one for one in self.episodes if one[2] >= cut] or None
        self.find_oldest()
        return before - len(self.times)

    def drop_first(self, count: int) -> None:
        """Let go of the entries that are first in time."""
        for column in (self.times, self.recordeds, self.indices):
            del column[:count]
        if self.values is not None:
            del self.values[:count]
        self.trail = None

    def find_oldest(self) -> None:
        """Set `oldest` to what it is."""
        self.oldest = min(self.recordeds) if self.recordeds else -NEVER
        if self.episodes:
            self.oldest = min(self.oldest, *(touched for _, _, touched in self.episodes))

    def values_between(self, low: int, high: int) -> Sequence[Any]:
        """Return the values of entries by position."""
        return (None,) * max(0, high - low) if self.values is None else self.values[low:high]

    def prolong(self, first: int, last: int, recorded: int) -> bool:
        """Whether an episode reaches from one time to another; it is kept the longer for it."""
        episodes = self.episodes
        if episodes is None:
            return False
        position = bisect_right(episodes, (first, -NEVER, -NEVER)) - 1
        if position < 0 or episodes[position][1] < last:
            return False
        episodes[position] = (*episodes[position][:2], recorded)
        return True

    def join(self, first: int, last: int, recorded: int, apart: int) -> bool:
        """Note that the condition held from one time to another; whether that is an episode new.

        Episodes that are no more than `apart` from it become one with it.
        """
        episodes = self.episodes
        self.oldest = min(self.oldest, recorded)
        if episodes is None:
            self.episodes = [(first, last, recorded)]
            return True
        # Invariant: episodes are in order and more than `apart` from each other.
        high = bisect_right(episodes, (last + apart, -NEVER, -NEVER))
        low = high
        while low and episodes[low - 1][1] >= first - apart:
            low -= 1
        if low < high:
            first = min(first, episodes[low][0])
            last = max(last, episodes[high - 1][1])
        episodes[low:high] = [(first, last, recorded)]
        return low == high

    def bound_episodes(self) -> int:
        """Forget the first episodes beyond the bound; returns how many."""
        episodes = self.episodes
        if episodes is None or len(episodes) <= EPISODES_MAX:
            return 0
        beyond = len(episodes) - EPISODES_MAX
        del episodes[:beyond]
        return beyond


class Trail:
    """The tally of a window that moves over the entries of a group."""

    __slots__ = ("high", "low", "tally")

    def __init__(self, tally: Tally, start: int) -> None:
        self.tally = tally
        self.low = start
        self.high = start

    def shift(self, position: int, value: Any, _time: int) -> None:
        """Take notice of an entry that was inserted."""
        if position < self.low:
            self.low += 1
            self.high += 1
        elif position < self.high:
            self.tally.add(value)
            self.high += 1

    def move(self, group: Group, low: int, high: int) -> None:
        """Make it the tally of the entries from `low` to before `high`."""
        tally = self.tally
        # All that come first: nothing may go that was not there.
        for value in group.values_between(self.high, high):
            tally.add(value)
        for value in group.values_between(low, self.low):
            tally.add(value)
        for value in group.values_between(high, self.high):
            tally.drop(value)
        for value in group.values_between(self.low, low):
            tally.drop(value)
        self.low, self.high = low, high


def windows_at(times: array[int], first: int, last: int, span: int) -> Iterator[tuple[int, int]]:
    """Yield the windows that end at each time of an entry, as positions; low, and after high."""
    high = bisect_left(times, first)
    while high < len(times) and times[high] <= last:
        end = times[high]
        high = bisect_right(times, end, high)
        yield bisect_left(times, end - span), high
