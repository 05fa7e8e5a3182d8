"""Correlator: matches of rules in, matches of correlations out, by nothing but log time.

The same matches in the same order give the same results and the same state, however
they are cut into batches and wherever the correlator is stopped and restored.  A
match of a correlation is a match for those that refer to it, at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush
from typing import Any

from ombud.core.errors import InputError
from ombud.detect.correlation.model import (
    Correlation,
    CorrelationMatch,
    Counters,
    Judging,
    Key,
    RuleMatch,
)
from ombud.detect.correlation.settling import Settling
from ombud.detect.correlation.sliding import Sliding
from ombud.detect.correlation.state import read_state, write_state
from ombud.detect.correlation.watch import ENTRIES_MAX, GROUPS_MAX, Bounds, Watch

LATENESS_MS = 3_600_000  # How much later than its neighbours an event may be recorded.
DUE_MIN = 4096  # Groups that may be due before those that are gone are looked for.
SHARE_MIN = 1000  # Groups and entries that every correlation may keep, however many there are.


class Correlator:
    """Puts matches to correlations as `link` returned them; one owner, fed in log order."""

    def __init__(
        self,
        correlations: Sequence[Correlation],
        *,
        lateness_ms: int = LATENESS_MS,
        bounds: Bounds | None = None,
    ) -> None:
        self.correlations = tuple(correlations)
        self.time = 0  # Log time, milliseconds.
        self._fed = -1  # Index of the last event taken.
        bounds = bounds or _share(len(self.correlations))
        self._watches = [
            Watch(one, lateness_ms=lateness_ms, bounds=bounds) for one in self.correlations
        ]
        self._sliding = [
            Sliding(watch) if watch.judging is Judging.SLIDING else None for watch in self._watches
        ]
        self._settling = [Settling(watch) for watch in self._watches]
        self._readers: dict[str, list[int]] = {}
        for position, one in enumerate(self.correlations):
            for rule_id in one.rules:
                self._readers.setdefault(rule_id, []).append(position)
        self._due: list[tuple[int, int, Key]] = []  # A heap: log time, position, group.
        self._due_max = DUE_MIN

    @property
    def rules(self) -> frozenset[str]:
        """The ids of rules and correlations whose matches are asked for."""
        return frozenset(self._readers)

    @property
    def counters(self) -> Mapping[str, Counters]:
        """What each correlation has seen, by its id."""
        return {watch.correlation.id: watch.counters for watch in self._watches}

    @property
    def group_count(self) -> int:
        """How many groups are kept, of all correlations."""
        return sum(len(watch.groups) for watch in self._watches)

    def feed(self, matches: Iterable[RuleMatch]) -> list[CorrelationMatch]:
        """Take matches in ascending order of index; all of one event in one call.

        Matches of events that were taken in an earlier call are counted and ignored.
        `recorded` must not fall.
        """
        found: list[CorrelationMatch] = []
        readers, last = self._readers, self._fed
        for match in matches:
            positions = readers.get(match.rule_id)
            if positions is None:
                continue
            index = match.index
            if index <= self._fed or index < last:
                for position in positions:
                    self._watches[position].counters.redelivered += 1
                continue
            last = index
            if match.recorded > self.time:
                self._settle(match.recorded, found)
                self.time = match.recorded
            for position in positions:
                self._take(position, match, found)
        self._fed = last
        return found

    def advance(self, log_time: int) -> list[CorrelationMatch]:
        """Say that every match recorded before `log_time` was given; returns what that settles.

        To be called after each `feed` with the time of recording of the last event of
        the batch, matched or not.
        """
        found: list[CorrelationMatch] = []
        if log_time > self.time:
            self._settle(log_time, found)
            self.time = log_time
        self._sweep()
        return found

    def snapshot(self) -> bytes:
        """Return the whole state; the same history gives the same bytes."""
        self._sweep()
        return write_state(self._watches, self.time, self._fed)

    @classmethod
    def restore(
        cls,
        correlations: Sequence[Correlation],
        state: bytes,
        *,
        lateness_ms: int = LATENESS_MS,
        bounds: Bounds | None = None,
    ) -> Correlator:
        """Return the correlator as `snapshot` left it; what changed since begins anew.

        Raises `InputError` if the bytes are no such state.
        """
        correlator = cls(correlations, lateness_ms=lateness_ms, bounds=bounds)
        try:
            correlator.time, correlator._fed = read_state(state, correlator._watches)
        except (ArithmeticError, TypeError, ValueError) as error:
            raise InputError(f"correlation state is unreadable: {error}") from error
        correlator._forget_gone()
        return correlator

    def _take(self, position: int, match: RuleMatch, found: list[CorrelationMatch]) -> None:
        """Put one match to one correlation."""
        watch = self._watches[position]
        watch.counters.matches += 1
        watch.at(match.recorded)
        time = watch.time_of(match)
        keys, values, _ = watch.part_of(match, position)
        if not values:
            return
        sliding = self._sliding[position]
        for key in keys:
            group = watch.touch(key, match.recorded)
            if not watch.admits(group, match, time, len(values)):
                continue
            watch.insert(group, match, time, values)
            if sliding is not None:
                one = sliding.judge(key, group, match, time)
                if one is not None:
                    self._tell(one, match.values, found)
            elif not group.due:
                group.due = watch.due_after(match.recorded)
                heappush(self._due, (group.due, position, key))
                if len(self._due) > self._due_max:
                    self._forget_gone()

    def _forget_gone(self) -> None:
        """Let go of what is due of groups that had to make room, of which there may be any number.

        The bound is twice what is left, so that this costs little for each group.
        """
        self._due = [
            (group.due, position, key)
            for position, watch in enumerate(self._watches)
            for key, group in watch.groups.items()
            if group.due
        ]
        heapify(self._due)
        self._due_max = max(DUE_MIN, 2 * len(self._due))

    def _tell(
        self,
        one: CorrelationMatch,
        values: Callable[[str], Sequence[Any]] | None,
        found: list[CorrelationMatch],
    ) -> None:
        """Add a match to what was found, and put it to the correlations upon it.

        They see its group, and besides the fields of the event that completed it.
        """
        found.append(one)
        positions = self._readers.get(one.correlation_id)
        if positions is None:
            return
        group = dict(one.group)

        def seen(name: str) -> Sequence[Any]:
            if name in group:
                return (group[name],)
            return () if values is None else values(name)

        match = RuleMatch(one.correlation_id, one.index, one.last_time, one.recorded, seen)
        for position in positions:
            self._take(position, match, found)

    def _settle(self, log_time: int, found: list[CorrelationMatch]) -> None:
        """Judge what was due before a log time, in the order in which it was."""
        while self._due and self._due[0][0] < log_time:
            due, position, key = heappop(self._due)
            watch = self._watches[position]
            group = watch.groups.get(key)
            if group is None or group.due != due:
                continue  # It had to make room.
            self.time = due
            watch.at(due)
            watch.touch(key, due)
            matches = self._settling[position].judge(key, group, due)
            if group.due:
                heappush(self._due, (group.due, position, key))
            for one in matches:
                self._tell(one, None, found)

    def _sweep(self) -> None:
        for watch in self._watches:
            watch.at(self.time)


def _share(correlations: int) -> Bounds:
    """Return what each of so many correlations may keep."""
    count = max(1, correlations)
    return Bounds(max(SHARE_MIN, GROUPS_MAX // count), max(SHARE_MIN, ENTRIES_MAX // count))
