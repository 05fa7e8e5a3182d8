"""Usage: which of the fields that rules name have ever been carried.

A rule on a field that no event carries is silent and looks like peace.  The
tracker watches the fields of the rules until each has been seen once, per
source for originals and over all sources for the names of the event model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from msgspec import UNSET

from ombud.detect.columnar.rows import Absent, Rows
from ombud.detect.correlation.model import Correlation, CorrelationType, Judging
from ombud.detect.logsource import PRODUCT, LogSource, sees_original
from ombud.detect.rule import Rule

# What these reach may rise when matches are missing; sums only if some numbers are negative.
_OF_ALL = frozenset(
    {
        CorrelationType.VALUE_AVG,
        CorrelationType.VALUE_MEDIAN,
        CorrelationType.VALUE_PERCENTILE,
    }
)


@dataclass(frozen=True, slots=True)
class UnusedField:
    """A field that no event of a source has carried since it was first watched for."""

    source: str
    field: str
    event_count: int
    rule_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SilentRule:
    """A rule that cannot fire here, and why."""

    rule_id: str
    title: str
    reason: str


class FieldUsage:
    """Counts events and remembers fields for one source, or for `ombud` as a whole."""

    __slots__ = ("event_count", "seen", "unseen")

    def __init__(self, fields: Iterable[str]) -> None:
        self.event_count = 0
        self.seen: set[str] = set()
        self.unseen: dict[str, int] = dict.fromkeys(sorted(fields), 0)  # field → watched from

    def watch(self, rows: Rows, acts: Sequence[int]) -> None:
        """Take note of the events that are `acts` among these rows."""
        self.event_count += len(acts)
        if not self.unseen or not acts:
            return
        some = None if len(acts) == rows.count else acts
        for field, column in rows.cells(frozenset(self.unseen), some).items():
            # A name that no event carries has its column by class, or is looked for.
            if column.__class__ is not Absent and any(cell is not UNSET for cell in column):
                del self.unseen[field]
                self.seen.add(field)

    def has_seen(self, field: str) -> bool:
        """Whether some event carried the field, as far as it is watched for."""
        return field not in self.unseen

    def state(self) -> list[Any]:
        """Return everything as JSON values."""
        return [self.event_count, sorted(self.seen), sorted(self.unseen.items())]

    @classmethod
    def from_state(cls, state: Sequence[Any], fields: Iterable[str]) -> FieldUsage:
        """Return the tracker as it was, watching from now for fields it did not know."""
        usage = cls(())
        usage.event_count, seen, unseen = state
        usage.seen = set(seen)
        known = dict(unseen)
        usage.unseen = {
            field: known.get(field, usage.event_count) for field in sorted({*fields} - usage.seen)
        }
        return usage


def watched_fields(
    rules: Iterable[Rule], source: str, routes: Mapping[str, LogSource]
) -> frozenset[str]:
    """Return the fields to watch for in one source, or in `ombud` as a whole."""
    route = routes.get(source)
    return frozenset().union(
        *(
            rule.fields
            for rule in rules
            if (
                rule.logsource.is_own if source == PRODUCT else sees_original(rule.logsource, route)
            )
        )
    )


def unused_fields(
    rules: Sequence[Rule], usages: Mapping[str, FieldUsage], routes: Mapping[str, LogSource]
) -> list[UnusedField]:
    """Return every field that a rule names and no event has carried, by source and name."""
    unused = []
    for source, usage in sorted(usages.items()):
        for field, since in sorted(usage.unseen.items()):
            users = [
                rule.id
                for rule in rules
                if field in rule.fields and field in watched_fields([rule], source, routes)
            ]
            if users and usage.event_count > since:
                unused.append(
                    UnusedField(source, field, usage.event_count - since, tuple(sorted(users)))
                )
    return unused


def silent_rules(
    rules: Sequence[Rule], usages: Mapping[str, FieldUsage], routes: Mapping[str, LogSource]
) -> list[SilentRule]:
    """Return every rule that no event seen so far could have fired, with the reason."""
    reasons = ((rule, _silence(rule, usages, routes)) for rule in rules)
    return [SilentRule(rule.id, rule.title, reason) for rule, reason in reasons if reason]


def _silence(
    rule: Rule, usages: Mapping[str, FieldUsage], routes: Mapping[str, LogSource]
) -> str | None:
    sources = [PRODUCT]
    if not rule.logsource.is_own:
        sources = [name for name, route in routes.items() if rule.logsource.covers(route)]
    if not sources:
        return f"no source here is {rule.logsource}"
    active = [usages[name] for name in sources if name in usages and usages[name].event_count]
    if not active:
        return f"no event of {', '.join(sources)} yet"
    if any(rule.tree.verdict(usage.has_seen) is not False for usage in active):
        return None
    missing = sorted({name for usage in active for name in usage.unseen} & rule.fields)
    return f"no event has carried {', '.join(missing)}"


def held_back(
    correlations: Sequence[Correlation], running: Collection[str]
) -> dict[str, SilentRule]:
    """Return the correlations that would accuse somebody because a rule does not run, by id.

    Without the rule for requests, nobody ever asked.  So what something missing can only
    bring about - an absence, too few, a mean of the rest - is not looked for while a rule
    below it is switched off; what something missing can only prevent still is.
    """
    found: dict[str, SilentRule] = {}
    whole = set(running)  # What gives every match that it should.
    for one in correlations:  # As linked: those that it refers to come first.
        missing = [rule_id for rule_id in one.rules if rule_id not in whole]
        if not missing:
            whole.add(one.id)
        elif one.judging is not Judging.SLIDING or one.type in _OF_ALL:
            reason = f"{', '.join(missing)} is switched off, or not whole: it could only mislead"
            found[one.id] = SilentRule(one.id, one.title, reason)
    return found


def silent_correlations(
    correlations: Sequence[Correlation], running: Collection[str], silent: Collection[str]
) -> list[SilentRule]:
    """Return every correlation that cannot fire since its rules are silent or do not run.

    `running` are the ids of the rules that run, `silent` of those that cannot fire.
    """
    found: dict[str, SilentRule] = {}
    alive = set(running).difference(silent)
    for one in correlations:  # As linked: those that it refers to come first.
        missing = [rule_id for rule_id in one.rules if rule_id not in alive]
        reach = len(one.rules) - len(missing)
        if one.alternatives:
            cannot = all(
                any(one.rules[place] in missing for place in way.needed) for way in one.alternatives
            )
        elif one.type.is_temporal:
            reached = range(1, reach + 1)
            cannot = not any(all(bound.holds(n) for bound in one.bounds) for n in reached)
        else:
            cannot = not reach
        if cannot:
            reason = f"it waits for {', '.join(missing)}, which cannot fire or is switched off"
            found[one.id] = SilentRule(one.id, one.title, reason)
        else:
            alive.add(one.id)
    return list(found.values())
