"""Watch: one correlation and its groups.

What it keeps is decided by log time alone, in steps, so that it is the same
however the record is cut.  Judging is by the event's own time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ombud.detect.correlation.group import Group
from ombud.detect.correlation.model import (
    INDICES_MAX,
    Correlation,
    CorrelationMatch,
    CorrelationType,
    Counters,
    Judging,
    Key,
    Number,
    Part,
    RuleMatch,
)
from ombud.detect.correlation.reading import Reading
from ombud.detect.correlation.tally import tallies_of

GROUPS_MAX = 400_000  # Of all correlations; each has its share, so that none can crowd others out.
ENTRIES_MAX = 4_000_000  # Of all correlations, about 30 bytes each besides their values.
ENTRIES_OF_GROUP_MAX = 65_536  # More than any condition may count up to.
TIME_MIN = -(1 << 53)  # Milliseconds; a clock that is further back is broken anyway.
STEPS = 16  # Parts of what is kept, in which it is let go: one pass over a group each.


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one correlation may keep."""

    groups: int = GROUPS_MAX
    entries: int = ENTRIES_MAX
    entries_of_group: int = ENTRIES_OF_GROUP_MAX


class Watch:
    """Keeps the groups of one correlation, the longest untouched first."""

    def __init__(self, correlation: Correlation, *, lateness_ms: int, bounds: Bounds) -> None:
        self.correlation = correlation
        self.judging = correlation.judging
        self.span = correlation.timespan_ms
        self.horizon = self.span + lateness_ms  # How long neighbours are waited for.
        self.step = max(1, self.horizon // STEPS)
        # What is judged later is kept until it was judged together with its neighbours.
        is_later = self.judging is not Judging.SLIDING
        self.keep = 2 * self.horizon + self.step if is_later else self.horizon
        self.counters = Counters()
        self.groups: OrderedDict[Key, Group] = OrderedDict()
        self.entry_count = 0
        self.cut = 0
        self.has_values = correlation.type is not CorrelationType.EVENT_COUNT
        self.new_tally = tallies_of(correlation)
        self._groups_max = bounds.groups
        self._entries_max = bounds.entries
        self._entries_of_group_max = bounds.entries_of_group
        self._next_step = 0
        # One event counts once, but it may match several rules and show several values.
        self._is_once = not (
            correlation.type.is_temporal or correlation.type is CorrelationType.VALUE_COUNT
        )
        self.readings = {rule_id: Reading(correlation, rule_id) for rule_id in correlation.rules}

    def time_of(self, match: RuleMatch) -> int:
        """Return the event's time; nothing has happened after it was recorded."""
        time, recorded = match.time, match.recorded
        if time > recorded:
            self.counters.future += 1
            return recorded
        if recorded - time > self.horizon:
            self.counters.late += 1
            return max(time, TIME_MIN)
        return time

    def part_of(self, match: RuleMatch, position: int) -> Part:
        """Return what a match adds to this correlation, which is at a position among all."""
        if match.parts is not None:
            part = match.parts[position]
        else:
            part = self.readings[match.rule_id].part(match.values)
        counters = self.counters
        counters.overflow += part.beyond
        if not part.keys:
            counters.no_group += 1
        elif not part.values:
            counters.no_value += 1
        return part

    def at(self, log_time: int) -> None:
        """Let go of what is too old at a log time, if a step has passed."""
        if log_time < self._next_step:
            return
        start = log_time // self.step * self.step
        self._next_step = start + self.step
        self.cut = start - self.keep
        groups = self.groups
        while groups:
            first = next(iter(groups.values()))
            if first.touched >= self.cut:
                break
            self.entry_count -= len(first.times)
            groups.popitem(last=False)

    def touch(self, key: Key, log_time: int) -> Group:
        """Return the group of a key, made if need be, as it is at a log time."""
        group = self.groups.get(key)
        if group is None:
            group = self.groups[key] = Group(has_values=self.has_values)
            if len(self.groups) > self._groups_max:
                self._evict()
        else:
            self.groups.move_to_end(key)
            if group.oldest < self.cut:
                self.entry_count -= group.forget(self.cut)
        group.touched = log_time
        return group

    def admits(self, group: Group, match: RuleMatch, time: int, entries: int) -> bool:
        """Whether a group takes the entries of a match, and room for them is made."""
        if self._is_once and group.last_index == match.index:
            return False
        if self.judging is Judging.CLOSING and time <= group.settled:
            # Its window has been judged without it.
            self.counters.late += match.recorded - time <= self.horizon
            return False
        if len(group.times) + entries <= self._entries_of_group_max:
            return True
        self._make_room(group, entries)
        return self.judging is not Judging.CLOSING

    def _make_room(self, group: Group, entries: int) -> None:
        """Let the first quarter of a group go; an open window takes no more instead."""
        if self.judging is Judging.CLOSING:
            self.counters.overflow += entries
            return
        gone = min(len(group.times), max(entries, self._entries_of_group_max // 4))
        group.drop_first(gone)
        self.entry_count -= gone
        self.counters.overflow += gone

    def insert(self, group: Group, match: RuleMatch, time: int, values: Sequence[Any]) -> None:
        """Put the entries of one match into a group."""
        for value in values:
            group.insert(time, match.recorded, match.index, value)
        group.last_index = match.index
        self.entry_count += len(values)
        while self.entry_count > self._entries_max and len(self.groups) > 1:
            self._evict()

    def _evict(self) -> None:
        """Let the longest untouched group go."""
        _, group = self.groups.popitem(last=False)
        self.entry_count -= len(group.times)
        self.counters.overflow += 1 + len(group.times)

    def holds(self, reached: Number | None) -> bool:
        """Whether what was reached meets the condition."""
        if reached is None:
            return False
        return all(bound.holds(reached) for bound in self.correlation.bounds)

    def match_of(
        self,
        key: Key,
        group: Group,
        window: tuple[int, int],
        reached: Number,
        at: tuple[int, int],
    ) -> CorrelationMatch:
        """Return what is said of a window; `at` is the completing index and log time."""
        low, high = window
        indices = tuple(dict.fromkeys(group.indices[low:high]))
        correlation = self.correlation
        return CorrelationMatch(
            correlation_id=correlation.id,
            group=tuple(zip(correlation.group_by, key, strict=True)),
            indices=indices[:INDICES_MAX],
            count=len(indices),
            first_time=group.times[low],
            last_time=group.times[high - 1],
            value=reached,
            index=at[0],
            recorded=at[1],
        )

    def is_new(self, group: Group, first: int, last: int, recorded: int) -> bool:
        """Note that the condition held; whether that is an episode to be told."""
        is_new = group.join(first, last, recorded, self.span)
        self.counters.overflow += group.bound_episodes()
        if is_new:
            self.counters.fired += 1
        else:
            self.counters.quiet += 1
        return is_new

    def due_after(self, recorded: int) -> int:
        """Return the log time after which an entry can be judged with all its neighbours."""
        return ((recorded + self.horizon) // self.step + 1) * self.step
