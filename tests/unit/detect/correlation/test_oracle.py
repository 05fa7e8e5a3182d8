"""The correlator against what correlations mean: every event against every other.

The oracle is written from docs/correlations.md and shares nothing with the
correlator but the parsed correlation: it keeps plain lists, looks at every pair of
entries, and decides order by trying each.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import partial
from itertools import pairwise, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.detect.correlation.correlator import Correlator
from ombud.detect.correlation.model import Correlation, CorrelationMatch, RuleMatch

SECOND = 1000
LATENESS = 5 * SECOND
START = 1_800_000_000_000

Build = Callable[..., Correlation]

SECTIONS = {
    "count": "{type: event_count, rules: [a, b], group-by: [user], timespan: 10s, "
    "condition: {gte: 3}}",
    "count all": "{type: event_count, rules: [a], timespan: 10s, condition: {gt: 3}}",
    "distinct": "{type: value_count, rules: [a, b], group-by: [user], timespan: 10s, "
    "condition: {gte: 3, field: [host, n]}}",
    "together": "{type: temporal, rules: [a, b, c], group-by: [user], timespan: 10s}",
    "two of three": "{type: temporal, rules: [a, b, c], group-by: [user], timespan: 10s, "
    "condition: {gte: 2}}",
    "in order": "{type: temporal_ordered, rules: [a, b, c], group-by: [user], timespan: 10s}",
    "either in order": "{type: temporal_ordered, group-by: [user], timespan: 10s, "
    "condition: (a or b) and c}",
    "either": "{type: temporal, group-by: [user], timespan: 10s, condition: a and (b or c)}",
    "without": "{type: temporal, rules: [a, b], group-by: [user], timespan: 10s, "
    "condition: a and not b}",
    "in order without": "{type: temporal_ordered, group-by: [user], timespan: 10s, "
    "condition: a and b and not c}",
    "sum": "{type: value_sum, rules: [a, b], group-by: [user], timespan: 10s, "
    "condition: {gt: 4.5, field: n}}",
    "mean": "{type: value_avg, rules: [a, b], group-by: [user], timespan: 10s, "
    "condition: {gte: 2.5, field: n}}",
    "median": "{type: value_median, rules: [a, b], group-by: [user], timespan: 10s, "
    "condition: {gt: 1.5, field: n}}",
    "percentile": "{type: value_percentile, rules: [a, b], group-by: [user], timespan: 10s, "
    "condition: {gte: 3, percentile: 90, field: n}}",
    "few": "{type: event_count, rules: [a], group-by: [user], timespan: 10s, condition: {lt: 3}}",
    "just two": "{type: event_count, rules: [a], group-by: [user], timespan: 10s, "
    "condition: {eq: 2}}",
    "not two": "{type: value_count, rules: [a], group-by: [user], timespan: 10s, "
    "condition: {neq: 2, field: host}}",
    "range": "{type: event_count, rules: [a, b], timespan: 10s, condition: {gt: 2, lte: 4}}",
    "low mean": "{type: value_avg, rules: [a], group-by: [user], timespan: 10s, "
    "condition: {lte: 1, field: n}}",
    "few rules": "{type: temporal, rules: [a, b, c], group-by: [user], timespan: 10s, "
    "condition: {lt: 2}}",
    "aliases": "{type: temporal, rules: [a, b], group-by: [who], timespan: 10s, "
    "aliases: {who: {a: user, b: host}}}",
}
CHAIN = {
    "count": SECTIONS["count"],
    "few": SECTIONS["few"],
    "then": "{type: temporal_ordered, rules: [count, c], group-by: [user], timespan: 10s}",
    "hosts": "{type: value_count, rules: [count], timespan: 20s, condition: {gte: 2, field: host}}",
    "both": "{type: temporal, rules: [few, count], group-by: [user], timespan: 1m}",
    "without": "{type: temporal, group-by: [user], timespan: 5s, condition: count and not b}",
}


@dataclass(slots=True)
class Entry:
    """One value of one event in one group."""

    time: int
    recorded: int
    index: int
    value: Any
    is_judged: bool = False


@dataclass(slots=True)
class Kept:
    """What is kept of a group."""

    entries: list[Entry] = field(default_factory=list)
    episodes: list[list[int]] = field(default_factory=list)
    settled: int = -(10**18)
    touched: int = 0


class Oracle:
    """Evaluates correlations by definition; those referred to come first."""

    def __init__(self, correlations: Sequence[Correlation], lateness: int) -> None:
        self.correlations = correlations
        self.lateness = lateness
        self.kept: list[dict[tuple[str, ...], Kept]] = [{} for _ in correlations]
        self.counts = [
            dict.fromkeys(("late", "future", "no_group", "no_value"), 0) for _ in correlations
        ]
        self.found: list[CorrelationMatch] = []

    def run(self, matches: Sequence[RuleMatch], until: int) -> list[CorrelationMatch]:
        """Return what a whole stream gives."""
        for match in matches:
            self._settle(match.recorded)
            self._take(match)
        self._settle(until)
        return self.found

    def _take(self, match: RuleMatch) -> None:
        for position, one in enumerate(self.correlations):
            if match.rule_id in one.rules:
                self._put(position, match)

    def _horizon(self, one: Correlation) -> int:
        return one.timespan_ms + self.lateness

    def _step(self, one: Correlation) -> int:
        return self._horizon(one) // 16

    def _is_sliding(self, one: Correlation) -> bool:
        return not any(way.absent for way in one.alternatives) and all(
            bound.operator in ("gt", "gte") for bound in one.bounds
        )

    def _forget(self, position: int, now: int) -> None:
        one = self.correlations[position]
        step, horizon = self._step(one), self._horizon(one)
        keep = horizon if self._is_sliding(one) else 2 * horizon + step
        cut = now // step * step - keep
        for key, kept in list(self.kept[position].items()):
            if kept.touched < cut:
                del self.kept[position][key]
            kept.entries = [entry for entry in kept.entries if entry.recorded >= cut]
            kept.episodes = [episode for episode in kept.episodes if episode[2] >= cut]

    def _put(self, position: int, match: RuleMatch) -> None:
        one, counts = self.correlations[position], self.counts[position]
        now = match.recorded
        self._forget(position, now)
        time = min(match.time, now)
        counts["future"] += match.time > now
        is_late = now - time > self._horizon(one)
        counts["late"] += is_late
        columns = [self._texts(match, one, name) for name in one.group_by]
        keys = list(product(*columns))
        if not keys:
            counts["no_group"] += 1
            return
        values = self._values(one, match)
        if not values:
            counts["no_value"] += 1
            return
        for key in keys:
            kept = self.kept[position].setdefault(key, Kept())
            kept.touched = now
            is_once = one.type.value not in ("value_count", "temporal", "temporal_ordered")
            if is_once and any(entry.index == match.index for entry in kept.entries):
                continue
            is_closing = not self._is_sliding(one) and not any(w.absent for w in one.alternatives)
            if is_closing and time <= kept.settled:
                counts["late"] += not is_late
                continue
            kept.entries += [Entry(time, now, match.index, value) for value in values]
            if self._is_sliding(one):
                self._slide(position, key, kept, match, time)

    def _texts(self, match: RuleMatch, one: Correlation, name: str) -> list[str]:
        places = dict(dict(one.aliases).get(name, ()))
        found = match.values(places.get(match.rule_id, name))
        return list(dict.fromkeys(str(value).lower() for value in found if value is not None))

    def _values(self, one: Correlation, match: RuleMatch) -> list[Any]:
        kind = one.type.value
        if kind == "event_count":
            return [None]
        if kind.startswith("temporal"):
            return [one.rules.index(match.rule_id)]
        if kind == "value_count":
            return list(product(*(self._texts(match, one, name) for name in one.fields)))
        return [value for value in match.values(one.fields[0]) if isinstance(value, int | float)]

    def _slide(
        self, position: int, key: tuple[str, ...], kept: Kept, match: RuleMatch, time: int
    ) -> None:
        one = self.correlations[position]
        span = one.timespan_ms
        newest = max(entry.time for entry in kept.entries)
        if time < newest:
            for episode in kept.episodes:
                if episode[0] <= time and min(newest, time + span) <= episode[1]:
                    episode[2] = match.recorded
                    return
        ends = sorted({entry.time for entry in kept.entries if time <= entry.time <= time + span})
        met: list[tuple[int, list[Entry], Any]] = []
        for end in ends:
            window = [entry for entry in kept.entries if end - span <= entry.time <= end]
            reached = self._reached(one, window, window, end)
            if reached is not None:
                met.append((end, window, reached))
        if met:
            end, window, reached = met[0]
            self._episode(
                position, key, kept, (end, met[-1][0]), window, reached, match.index,
                match.recorded, match,
            )  # fmt: skip

    def _episode(
        self,
        position: int,
        key: tuple[str, ...],
        kept: Kept,
        times: tuple[int, int],
        window: list[Entry],
        reached: Any,
        index: int,
        recorded: int,
        match: RuleMatch | None,
    ) -> None:
        one = self.correlations[position]
        span = one.timespan_ms
        near = [e for e in kept.episodes if e[0] - span <= times[1] and times[0] <= e[1] + span]
        kept.episodes = [e for e in kept.episodes if e not in near]
        lows, highs = [e[0] for e in near], [e[1] for e in near]
        kept.episodes.append([min([times[0], *lows]), max([times[1], *highs]), recorded])
        if near:
            return
        window = sorted(window, key=lambda entry: entry.time)
        indices = tuple(dict.fromkeys(entry.index for entry in window))
        group = tuple(zip(one.group_by, key, strict=True))
        found = CorrelationMatch(
            one.id, group, indices, len(indices), window[0].time, window[-1].time, reached,
            index, recorded,
        )  # fmt: skip
        self.found.append(found)
        known = dict(group)

        def values(name: str) -> Sequence[Any]:
            if name in known:
                return [known[name]]
            return match.values(name) if match is not None else []

        self._take(RuleMatch(one.id, index, found.last_time, recorded, values))

    def _reached(self, one: Correlation, window: list[Entry], wide: list[Entry], end: int) -> Any:
        """Return what a window reaches, if that meets the condition."""
        if one.alternatives:
            for way in one.alternatives:
                if any(entry.value in way.absent for entry in wide):
                    continue
                steps = [[e.time for e in window if e.value == slot] for slot in way.needed]
                if one.type.value == "temporal_ordered":
                    if any(list(times) == sorted(times) for times in product(*steps)):
                        return len(way.needed)
                elif all(steps):
                    return len(way.needed)
            return None
        amount = self._amount(one, [entry.value for entry in window], window)
        compare: dict[str, Callable[[Any, Any], bool]] = {
            "gt": lambda x, y: x > y,
            "gte": lambda x, y: x >= y,
            "lt": lambda x, y: x < y,
            "lte": lambda x, y: x <= y,
            "eq": lambda x, y: x == y,
            "neq": lambda x, y: x != y,
        }
        is_met = all(compare[bound.operator.value](amount, bound.value) for bound in one.bounds)
        return amount if is_met else None

    def _amount(self, one: Correlation, values: list[Any], window: list[Entry]) -> Any:
        match one.type.value:
            case "event_count":
                return len({entry.index for entry in window})
            case "value_count" | "temporal":
                return len(set(values))
            case "value_sum":
                return float(sum(map(Fraction, values)))
            case "value_avg":
                return float(sum(map(Fraction, values)) / len(values))
            case "value_median":
                return statistics.median(values)
        rank = math.ceil(Fraction(str(one.percentile)) * len(values) / 100)
        return sorted(values)[rank - 1]

    def _settle(self, now: int) -> None:
        """Judge what is due before a log time, the earliest first."""
        while True:
            due = sorted(self._due())
            if not due or due[0][0] >= now:
                return
            at, position, key = due[0]
            self._forget(position, at)
            kept = self.kept[position][key]
            kept.touched = at
            if any(way.absent for way in self.correlations[position].alternatives):
                self._settle_absent(position, key, kept, at)
            else:
                self._settle_closed(position, key, kept, at)

    def _due(self) -> Iterator[tuple[int, int, tuple[str, ...]]]:
        for position, one in enumerate(self.correlations):
            if self._is_sliding(one):
                continue
            for key, kept in self.kept[position].items():
                pending = [entry.recorded for entry in kept.entries if not entry.is_judged]
                if pending:
                    step = self._step(one)
                    yield (
                        (min(pending) + self._horizon(one)) // step * step + step, position, key
                    )  # fmt: skip

    def _settle_closed(self, position: int, key: tuple[str, ...], kept: Kept, at: int) -> None:
        one = self.correlations[position]
        while any(entry.recorded + self._horizon(one) < at for entry in kept.entries):
            first = min(entry.time for entry in kept.entries)
            close = first + one.timespan_ms
            window = [entry for entry in kept.entries if entry.time <= close]
            kept.entries = [entry for entry in kept.entries if entry.time > close]
            kept.settled = max(kept.settled, close)
            reached = self._reached(one, window, window, close)
            if reached is not None:
                last = max(reversed(window), key=lambda entry: entry.time)
                self._episode(
                    position, key, kept, (first, last.time), window, reached, last.index, at, None
                )

    def _settle_absent(self, position: int, key: tuple[str, ...], kept: Kept, at: int) -> None:
        one, span = self.correlations[position], self.correlations[position].timespan_ms
        for entry in sorted(kept.entries, key=lambda entry: entry.time):
            if entry.is_judged or entry.recorded + self._horizon(one) >= at:
                continue
            entry.is_judged = True
            end = entry.time
            window = [e for e in kept.entries if end - span <= e.time <= end]
            wide = [e for e in kept.entries if end - span <= e.time <= end + span]
            ways = tuple(way for way in one.alternatives if entry.value in way.needed)
            if not ways:
                continue
            only = replace(one, alternatives=ways)
            reached = self._reached(only, window, wide, end)
            if reached is not None:
                self._episode(
                    position, key, kept, (end, end), window, reached, entry.index, at, None
                )


@dataclass(frozen=True)
class Stream:
    """Matches in the order of the record, and the log time after them."""

    matches: list[RuleMatch]
    until: int

    def cuts(self) -> list[int]:
        """Return the places between events."""
        inner = range(1, len(self.matches))
        return [at for at in inner if self.matches[at].index != self.matches[at - 1].index]


def _value_of(fields: dict[str, list[Any]], name: str) -> list[Any]:
    return fields.get(name, [])


@st.composite
def streams(draw: st.DrawFn) -> Stream:
    """Few users and hosts, ties, events late, too late and from the future, two rules at once."""
    users = st.sampled_from([["ana"], ["Ana"], ["ben"], ["ana", "ben"], [None], []])
    events = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["a", "a", "b", "c", "ab", "ca"]),
                users,
                st.sampled_from([["h1"], ["h2"], ["ana"], ["h1", "h3"], []]),
                st.sampled_from([[0], [1], [2.5], [4], [-3], [1, 4], ["x"], [0.1]]),
                st.sampled_from([0, 0, 0, 1, 1, 3, 8, 30]),  # Seconds to the next recording.
                st.sampled_from([0, 0, 0, 1, 2, 5, 9, 14, 40, -2]),  # Seconds late.
            ),
            max_size=40,
        )
    )
    matches: list[RuleMatch] = []
    recorded = START
    for index, (rules, user, host, n, pause, late) in enumerate(events):
        recorded += pause * SECOND
        time = recorded - late * SECOND
        fields = {"user": user, "host": host, "n": n}
        matches += [
            RuleMatch(rule_id, index, time, recorded, partial(_value_of, fields))
            for rule_id in rules
        ]
    return Stream(matches, recorded + draw(st.sampled_from([0, 12, 20, 100])) * SECOND)


def _fed(correlator: Correlator, stream: Stream) -> list[CorrelationMatch]:
    return correlator.feed(stream.matches) + correlator.advance(stream.until)


def _chain(build: Build) -> list[Correlation]:
    return [build(section, rule_id) for rule_id, section in CHAIN.items()]


@pytest.mark.parametrize("name", SECTIONS)
@given(stream=streams())
@settings(max_examples=40, deadline=None)
def test_every_kind_is_as_defined(correlation: Build, name: str, stream: Stream) -> None:
    """Each type and condition finds what its definition says, and counts what it could not use."""
    one = correlation(SECTIONS[name], "it")
    oracle, correlator = Oracle([one], LATENESS), Correlator([one], lateness_ms=LATENESS)

    assert _fed(correlator, stream) == oracle.run(stream.matches, stream.until)
    counters = correlator.counters["it"]
    assert oracle.counts[0] == {key: getattr(counters, key) for key in oracle.counts[0]}
    assert counters.overflow == counters.redelivered == 0


@given(stream=streams())
@settings(max_examples=40, deadline=None)
def test_chains_are_as_defined(correlation: Build, stream: Stream) -> None:
    """Correlations of correlations, those that are judged later among them."""
    chain = _chain(correlation)

    assert _fed(Correlator(chain, lateness_ms=LATENESS), stream) == Oracle(chain, LATENESS).run(
        stream.matches, stream.until
    )


@given(stream=streams(), data=st.data())
@settings(max_examples=25, deadline=None)
def test_batches_change_nothing(correlation: Build, stream: Stream, data: st.DataObject) -> None:
    """However the record is cut, results, counters and state are the same, byte for byte."""
    everything = [
        *_chain(correlation),
        *(correlation(s, n) for n, s in SECTIONS.items() if n not in CHAIN),
    ]
    whole = Correlator(everything, lateness_ms=LATENESS)
    expected = _fed(whole, stream)
    pieces = Correlator(everything, lateness_ms=LATENESS)
    cuts = data.draw(st.lists(st.sampled_from(stream.cuts()), unique=True)) if stream.cuts() else []
    found: list[CorrelationMatch] = []
    for low, high in zip([0, *sorted(cuts)], [*sorted(cuts), len(stream.matches)], strict=True):
        found += pieces.feed(stream.matches[low:high])
        if high > low:
            found += pieces.advance(stream.matches[high - 1].recorded)
    found += pieces.advance(stream.until)

    assert found == expected
    assert pieces.counters == whole.counters
    assert pieces.snapshot() == whole.snapshot()


@given(stream=streams())
@settings(max_examples=8, deadline=None)
def test_restart_at_every_event_changes_nothing(correlation: Build, stream: Stream) -> None:
    """Stopped after each event and restored from bytes, it finds the same."""
    everything = [
        *_chain(correlation),
        *(correlation(s, n) for n, s in SECTIONS.items() if n not in CHAIN),
    ]
    whole = Correlator(everything, lateness_ms=LATENESS)
    expected = _fed(whole, stream)
    stopped = Correlator(everything, lateness_ms=LATENESS)
    found: list[CorrelationMatch] = []
    cuts = [0, *stream.cuts(), len(stream.matches)]
    for low, high in pairwise(cuts):
        stopped = Correlator.restore(everything, stopped.snapshot(), lateness_ms=LATENESS)
        found += stopped.feed(stream.matches[low:high])
        # What was delivered before is delivered again.
        assert stopped.feed(stream.matches[:high]) == []
    stopped = Correlator.restore(everything, stopped.snapshot(), lateness_ms=LATENESS)
    found += stopped.advance(stream.until)

    assert found == expected
    assert stopped.snapshot() == whole.snapshot()
