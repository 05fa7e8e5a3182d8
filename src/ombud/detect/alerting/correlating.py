"""Correlating: matches of rules on their way through the correlator, to what is told of them.

Keeps beside the correlator's own state the evidence of the events that it may
name, so that its alerts tell the same wherever the record was cut.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from ombud.detect.alerting.alert import Group, Head
from ombud.detect.alerting.evidence import Evidence, Known, Said
from ombud.detect.alerting.tally import Taken
from ombud.detect.columnar.rows import Rows, values_of
from ombud.detect.correlation.correlator import Correlator
from ombud.detect.correlation.linking import fields_read
from ombud.detect.correlation.model import Correlation, CorrelationMatch, RuleMatch
from ombud.detect.correlation.telling import sentence_of
from ombud.detect.matching.matcher import VALUES_MAX, Told, cut
from ombud.detect.replaying.stored_matches import StoredMatches
from ombud.detect.rule import Rule

ACTOR = "actor.id"
LEFT_OUT = ("late", "no_group", "no_value", "overflow")  # Of a correlation's counters.


class Fed(msgspec.Struct, frozen=True, gc=False):
    """A match of a rule that correlations refer to, and where the rule saw the event."""

    rule: Rule
    index: int
    time: int
    recorded: int
    actor: str | None
    rows: Rows
    place: int


@dataclass(frozen=True, slots=True)
class Raised:
    """What a correlation found, as an alert takes it."""

    correlation: Correlation
    match: CorrelationMatch
    actor: str | None
    events: tuple[Taken, ...]
    sentence: str


class Correlating:
    """Correlations over the matches of rules; one owner, fed in log order."""

    def __init__(
        self, correlations: Sequence[Correlation], rules: Sequence[Rule], *, quiet: Collection[str]
    ) -> None:
        self.correlations = tuple(correlations)
        self._by_id = {one.id: one for one in correlations}
        self._quiet = frozenset(quiet)
        titled: tuple[Head, ...] = (*rules, *correlations)
        self._titles = {one.id: one.title for one in titled}
        self._fields = fields_read(self.correlations)
        self._correlator = Correlator(self.correlations)
        self._evidence = Evidence()
        # Of one event: named rules first, then those that see originals.
        ranked = sorted(rules, key=lambda rule: not rule.logsource.is_own)
        self._ranks = {rule.id: rank for rank, rule in enumerate(ranked)}

    @property
    def fields(self) -> frozenset[str]:
        """Every field that some correlation reads."""
        return frozenset().union(*self._fields.values())

    @property
    def fields_read(self) -> Mapping[str, frozenset[str]]:
        """The fields that correlations read of each rule they refer to, by id."""
        return self._fields

    def reads(self, rule_id: str) -> bool:
        """Whether some correlation refers to a rule."""
        return rule_id in self._fields

    def feed(
        self, fed: Sequence[Fed], *, log_time: int, stored: Sequence[StoredMatches] = ()
    ) -> list[Raised]:
        """Take matches in the order of index and rule, and all that time up to `log_time` settles.

        `stored` are matches of the same stretch that are not among those in `fed`.
        Correlations that only others refer to raise nothing themselves.
        """
        if not self.correlations:
            return []
        matches: list[tuple[RuleMatch, Said]] = []
        for some in stored:
            matches += some.matches()
        matches += self._read(fed)
        if stored:
            ranks, most = self._ranks, len(self._ranks)
            matches.sort(key=lambda one: one[0].index * most + ranks[one[0].rule_id])
        return self._found(matches, log_time)

    def _found(self, given: Sequence[tuple[RuleMatch, Said]], log_time: int) -> list[Raised]:
        evidence = self._evidence
        before, counts = evidence.count, []
        for match, said in given:
            evidence.note(match.index, match.time, said)
            counts.append(evidence.count)
        matches = [match for match, _ in given]
        found = self._correlator.feed(matches) if matches else []
        found += self._correlator.advance(log_time)
        raised = []
        for one in found:
            if one.correlation_id not in self._quiet:
                place = _place(one, matches)
                count = counts[place - 1] if place else before
                raised.append(self._raised(one, self._by_id[one.correlation_id], count))
        evidence.trim()
        return raised

    def _read(self, fed: Sequence[Fed]) -> list[tuple[RuleMatch, Said]]:
        """Return the matches with what they answer about fields.

        The fields that correlations ask for are read as columns, a column for all
        matches that were seen in the same rows.
        """
        by_rows: dict[int, tuple[Rows, list[int], set[str]]] = {}
        for number, one in enumerate(fed):
            _, numbers, names = by_rows.setdefault(id(one.rows), (one.rows, [], set()))
            numbers.append(number)
            names |= self._fields[one.rule.id]
        values: list[dict[str, Sequence[Any]]] = [{} for _ in fed]
        for rows, numbers, names in by_rows.values():
            if names:
                cells = rows.cells(frozenset(names), [fed[number].place for number in numbers])
                for name in sorted(cells):
                    for number, cell in zip(numbers, cells[name], strict=True):
                        if name in self._fields[fed[number].rule.id]:
                            values[number][name] = values_of(cell)
        given: list[tuple[RuleMatch, Said]] = []
        for one, found in zip(fed, values, strict=True):
            told = {
                name: [cut(value) for value in some[:VALUES_MAX]] for name, some in found.items()
            }
            values_of_match = found.__getitem__
            match = RuleMatch(one.rule.id, one.index, one.time, one.recorded, values_of_match)
            given.append((match, Known(one.actor, told)))
        return given

    def _raised(self, match: CorrelationMatch, correlation: Correlation, count: int) -> Raised:
        events: list[Taken] = []
        actors: set[str | None] = set()
        for index in sorted({*match.indices, match.index}):
            piece = self._evidence.get(index, count=count)
            if piece is None:
                actors.add(None)
                events.append((index, match.first_time, partial(_told_of_group, match.group)))
            else:
                actors.add(piece.actor)
                events.append((index, piece.time, piece.told))
        is_whole = len(events) >= match.count
        grouped = dict(match.group).get(ACTOR)
        actor = grouped
        if len(actors) == 1 and (is_whole or grouped is not None):
            actor = actors.pop() or grouped
        sentence = sentence_of(correlation, match, self._titles)
        return Raised(correlation, match, actor, tuple(events), sentence)

    def left_out(self) -> list[dict[str, str | int]]:
        """Return for each correlation how many matches it could not use, by why."""
        if not self.correlations:
            return []
        rows = []
        for rule_id, counters in self._correlator.counters.items():
            counts: dict[str, str | int] = {name: getattr(counters, name) for name in LEFT_OUT}
            if any(counts.values()):
                rows.append({"rule_id": rule_id, "title": self._titles[rule_id], **counts})
        return rows

    def evidence_state(self) -> list[Any]:
        """Return the evidence as JSON values."""
        return self._evidence.state()

    def snapshot(self) -> bytes:
        """Return the correlator's state; nothing without correlations."""
        return self._correlator.snapshot() if self.correlations else b""

    def restore(self, snapshot: bytes, evidence: Sequence[Sequence[Any]]) -> None:
        """Go on from where these were taken; correlations that changed since begin anew."""
        if self.correlations and snapshot:
            self._correlator = Correlator.restore(self.correlations, snapshot)
            self._evidence = Evidence.from_state(evidence)


def _told_of_group(group: Group) -> Told:
    return {name: [value] for name, value in group}


def _place(found: CorrelationMatch, matches: Sequence[RuleMatch]) -> int:
    """Return how many of the matches had come when this was found, however they are cut."""
    place = bisect_right(matches, found.index, key=lambda one: one.index)
    if place:
        last = matches[place - 1]
        if last.index == found.index and last.recorded == found.recorded:
            return place
    return bisect_right(matches, found.recorded, key=lambda one: one.recorded)
