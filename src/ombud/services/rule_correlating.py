"""Rule correlating: correlations over the matches of a file, in the order of their times.

A file is complete when it is read, so matches are put in the order of the events'
own times first: files that begin with the newest say the same.  Log time is event
time, and ends with the last match: what is then still open is not told.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from ombud.core.errors import InputError
from ombud.detect.correlation.correlator import Correlator
from ombud.detect.correlation.model import Correlation, CorrelationMatch, RuleMatch
from ombud.detect.loading.rule_set import RuleSet
from ombud.detect.matching.paths import EventView, find_values

MATCHES_MAX = 1_000_000  # Kept until the file is read: some 500 bytes each.


class CorrelatedLines(NamedTuple):
    """A correlation that was met, the line that completed it, and the first that contributed."""

    correlation: Correlation
    match: CorrelationMatch
    line: int
    lines: tuple[int, ...]


class _Kept(NamedTuple):
    time: int
    line: int
    rule_id: str
    values: dict[str, Sequence[Any]]


class LineCorrelator:
    """Takes matches line by line, and tells at the end what they amount to."""

    def __init__(self, loaded: RuleSet) -> None:
        self._correlations = {one.id: one for one in loaded.correlations}
        self._quiet = loaded.feeding
        self._correlator = Correlator(loaded.correlations)
        self._kept: list[_Kept] = []
        self.no_time = 0  # Matches of events that say no time, which cannot be correlated.
        self._fields: dict[str, set[str]] = {}
        names = {name for one in loaded.correlations for name in (*one.group_by, *one.fields)}
        for rule in loaded.rules:
            asked = {one.field_of(name, rule.id) for one in loaded.correlations for name in names}
            self._fields[rule.id] = names | asked

    def is_wanted(self, rule_id: str) -> bool:
        """Whether the matches of a rule are to be taken."""
        return rule_id in self._correlator.rules

    def take(self, rule_id: str, line: int, time: int | None, view: EventView) -> None:
        """Take one match; `view` is what the rule saw, `time` in milliseconds."""
        if time is None:
            self.no_time += 1
            return
        if len(self._kept) == MATCHES_MAX:
            raise InputError(
                f"more than {MATCHES_MAX:,} matches of rules that correlations ask for",
                hint="cut the file by time, or leave the correlations out",
            )
        values = {name: find_values(view, name) for name in self._fields[rule_id]}
        self._kept.append(_Kept(time, line, rule_id, values))

    def finish(self) -> list[CorrelatedLines]:
        """Return every correlation that was met, in the order in which it was certain."""
        self._kept.sort(key=lambda kept: (kept.time, kept.line))
        order = list(dict.fromkeys((kept.time, kept.line) for kept in self._kept))
        indices = {event: index for index, event in enumerate(order)}
        matches = (
            RuleMatch(
                kept.rule_id,
                indices[kept.time, kept.line],
                kept.time,
                kept.time,
                partial(_values, kept.values),
            )
            for kept in self._kept
        )
        found = self._correlator.feed(matches)
        found += self._correlator.advance(order[-1][0] if order else 0)
        return [
            CorrelatedLines(
                self._correlations[match.correlation_id],
                match,
                order[match.index][1],
                tuple(order[index][1] for index in match.indices),
            )
            for match in found
            if match.correlation_id not in self._quiet
        ]


def _values(values: dict[str, Sequence[Any]], name: str) -> Sequence[Any]:
    return values.get(name, ())
