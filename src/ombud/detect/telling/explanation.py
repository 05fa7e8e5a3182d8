"""Explanation: what one rule makes of one event here: whether it sees it, and then why it matches.

A rule that does not see an event is put to it all the same, so that its author
learns both; it matches only if it sees it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ombud.detect.alerting.alert import FINDING_SOURCE
from ombud.detect.alerting.engine import TICK_SOURCE
from ombud.detect.correlation.model import Correlation
from ombud.detect.loading.rule_set import RuleSet
from ombud.detect.logsource import (
    DECISIONS,
    PRODUCT,
    ROUTES,
    SERVICES,
    LogSource,
    sees_event,
    sees_original,
)
from ombud.detect.matching.paths import EventView, find_values
from ombud.detect.rule import Rule
from ombud.detect.telling.explaining import NO_NAMES, Finding, Names, explain_tree, told_values
from ombud.detect.view import DERIVED_FIELDS

_NOT_PUT = {
    TICK_SOURCE: "ticks carry time to the rules and are not put to them",
    FINDING_SOURCE: "findings are what rules found and are not put to them again",
}


@dataclass(frozen=True, slots=True)
class EventInHand:
    """One event as rules may see it: by the names of the model, and as its source wrote it.

    Without a `source` it is fields and values that any rule is put to.
    """

    source: str | None
    named: EventView | None
    original: EventView | None
    has_derived: bool = False  # Whether `derived.` fields are those that the record gives.

    def view_for(self, logsource: LogSource) -> EventView | None:
        """Return the form that a rule with this logsource sees; None if it is not at hand."""
        if self.source is None:
            return self.original
        return self.named if logsource.is_own else self.original


@dataclass(frozen=True, slots=True)
class Sight:
    """Whether a rule sees an event, None if that cannot be told, and the reason."""

    sees: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A rule, whether it sees the event, and what it makes of it; `unknown` fields are not told."""

    rule: Rule
    sight: Sight
    finding: Finding | None
    unknown: tuple[str, ...] = ()

    @property
    def is_match(self) -> bool:
        """Whether the rule matches the event."""
        return self.sight.sees is not False and self.finding is not None and self.finding.is_met

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as JSON values."""
        rule = self.rule
        return {
            "rule": {
                "id": rule.id,
                "version": rule.version,
                "title": rule.title,
                "level": rule.level,
                "path": rule.path,
                "logsource": str(rule.logsource),
                "filters": list(rule.filters),
            },
            "is_match": self.is_match,
            "sees": self.sight.sees,
            "sees_reason": self.sight.reason,
            "unknown_fields": list(self.unknown),
            "condition": None if self.finding is None else self.finding.to_dict(),
        }


@dataclass(frozen=True, slots=True)
class CorrelationExplained:
    """A correlation, what its rules make of one event, and the group that would put it in."""

    correlation: Correlation
    rules: tuple[Explanation, ...]
    group: Mapping[str, tuple[Any, ...]]

    @property
    def is_match(self) -> bool:
        """Whether the event counts for the correlation: one of its rules matches it."""
        return any(inner.is_match for inner in self.rules)

    def to_dict(self) -> dict[str, Any]:
        """Return the explanation as JSON values."""
        one = self.correlation
        return {
            "rule": {
                "id": one.id,
                "version": one.version,
                "title": one.title,
                "level": one.level,
                "path": one.path,
                "logsource": None,
                "filters": [],
                "type": str(one.type),
                "timespan_ms": one.timespan_ms,
            },
            "is_match": self.is_match,
            "group": {name: list(values) for name, values in self.group.items()},
            "rules": [inner.to_dict() for inner in self.rules],
        }


def explain_correlation(
    one: Correlation,
    known: RuleSet,
    event: EventInHand,
    *,
    names: Mapping[str, Names] | None = None,
    routes: Mapping[str, LogSource] = ROUTES,
) -> CorrelationExplained:
    """Return what the rules below a correlation make of an event, chained ones included.

    The group is told of the first rule that matches, by the fields that the correlation
    names; one event alone says nothing of whether the correlation is met.
    """
    below = rules_below(one, known)
    given = names or {}
    explained = tuple(
        explain_rule(rule, event, names=given.get(rule.id, NO_NAMES), routes=routes)
        for rule in below
    )
    group: dict[str, tuple[Any, ...]] = {}
    for inner in explained:
        view = event.view_for(inner.rule.logsource)
        if inner.is_match and view is not None:
            for name in (*one.group_by, *one.fields):
                values = find_values(view, one.field_of(name, inner.rule.id))
                group[name] = told_values(values)
            break
    return CorrelationExplained(one, explained, group)


def rules_below(one: Correlation, known: RuleSet) -> tuple[Rule, ...]:
    """Return the rules that a correlation stands on, by way of other correlations too."""
    below = {one.id}
    for other in reversed(known.correlations):  # Each stands after those that it refers to.
        if other.id in below:
            below.update(other.rules)
    return tuple(rule for rule in known.rules if rule.id in below)


def explain_rule(
    rule: Rule,
    event: EventInHand,
    *,
    names: Names = NO_NAMES,
    routes: Mapping[str, LogSource] = ROUTES,
) -> Explanation:
    """Return what a rule makes of an event, put to it whether it sees it or not."""
    view = event.view_for(rule.logsource)
    unknown: tuple[str, ...] = ()
    if not event.has_derived and view is not None:
        unknown = tuple(sorted(rule.fields & (DERIVED_FIELDS.keys() - view.keys())))
    finding = None if view is None else explain_tree(rule.tree, view, names)
    return Explanation(rule, sight_of(rule.logsource, event, routes), finding, unknown)


def sight_of(
    logsource: LogSource, event: EventInHand, routes: Mapping[str, LogSource] = ROUTES
) -> Sight:
    """Return whether a rule with this logsource sees an event, and why or why not."""
    if event.source is None:
        return Sight(
            None, "nothing says what source the event is of: the rule is put to it as it is"
        )
    if not logsource.is_own:
        return _original_sight(logsource, event.source, routes.get(event.source))
    action = str((event.named or {}).get("action", ""))
    if event.source in _NOT_PUT:
        return Sight(False, _NOT_PUT[event.source])
    sees = sees_event(logsource, event.source, action)
    if logsource.service is None:
        return Sight(sees, f"rules of product `{PRODUCT}` see every event")
    meaning = f"`{PRODUCT}/{logsource.service}` is {SERVICES[logsource.service]}"
    if sees:
        return Sight(True, meaning)
    told = (
        "this is an attempt put to the decision"
        if event.source in DECISIONS
        else f"this is action `{action}` of source `{event.source}`"
    )
    return Sight(False, f"{meaning}; {told}")


def _original_sight(logsource: LogSource, source: str, route: LogSource | None) -> Sight:
    if route is None:
        return Sight(
            False,
            f"originals of source `{source}` have no logsource: only rules of product"
            f" `{PRODUCT}` see its events",
        )
    if sees_original(logsource, route):
        return Sight(True, f"originals of source `{source}` are `{route}`")
    return Sight(
        False, f"originals of source `{source}` are `{route}`, and the rule is for `{logsource}`"
    )
