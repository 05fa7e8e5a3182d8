"""Matcher: which rules one event matches, and by which fields.

The plain form: every rule is put to every event that its logsource lets it see.
It is the oracle of any faster one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ombud.detect.logsource import ROUTES, LogSource, sees_event, sees_original
from ombud.detect.paths import EventView
from ombud.detect.rule import Rule
from ombud.detect.tree import matched_fields
from ombud.detect.values import text_of

FIELDS_MAX = 32  # Fields told of one match.
VALUES_MAX = 8  # Values told of one field.
VALUE_LENGTH_MAX = 256  # Characters told of one text; the event itself holds all of it.
PLANS_MAX = 4096  # Kinds of event whose routing is remembered; sources come from outside.

Told = dict[str, list[Any]]


@dataclass(frozen=True, slots=True)
class Match:
    """One rule and one event: the fields by which it matched, with their values."""

    rule: Rule
    fields: Told

    @property
    def rule_id(self) -> str:
        """The id of the rule."""
        return self.rule.id


def explain(rule: Rule, view: EventView) -> Told:
    """Return what matched, cut to what a person reads: no more than the bounds above."""
    found = matched_fields(rule.tree, view)
    return {
        name: [_cut(value) for value in values[:VALUES_MAX]]
        for name, values in list(found.items())[:FIELDS_MAX]
    }


def _cut(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = text_of(value)
    return text if len(text) <= VALUE_LENGTH_MAX else text[: VALUE_LENGTH_MAX - 1] + "…"


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules that see one kind of event: by name, and as the original."""

    named: tuple[Rule, ...]
    original: tuple[Rule, ...]


class Matcher:
    """Puts events to rules."""

    def __init__(self, rules: Sequence[Rule], *, routes: Mapping[str, LogSource] = ROUTES) -> None:
        self.rules = tuple(rules)
        self.routes = dict(routes)
        self._plans: dict[tuple[str, str], Plan] = {}

    def match(self, view: EventView) -> list[Match]:
        """Return the matches of every rule, whatever its logsource."""
        return [Match(rule, explain(rule, view)) for rule in self.rules if rule.matches(view)]

    def plan(self, source: str, action: str) -> Plan:
        """Return the rules that see the events of this source and action."""
        plan = self._plans.get((source, action))
        if plan is None:
            if len(self._plans) >= PLANS_MAX:
                self._plans.clear()
            plan = self._plans[source, action] = self._route(source, action)
        return plan

    def _route(self, source: str, action: str) -> Plan:
        route = self.routes.get(source)
        return Plan(
            tuple(
                rule
                for rule in self.rules
                if rule.logsource.is_own and sees_event(rule.logsource, source, action)
            ),
            tuple(rule for rule in self.rules if sees_original(rule.logsource, route)),
        )
