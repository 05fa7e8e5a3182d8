"""Matcher: which rules one event matches, and by which fields.

The plain form: every rule is put to every event that its logsource lets it see.
It is the oracle of any faster one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ombud.detect.logsource import ROUTES, LogSource, sees_event, sees_original
from ombud.detect.matching.atoms import Node, Test
from ombud.detect.matching.paths import EventView
from ombud.detect.matching.tree import matched_fields
from ombud.detect.matching.values import text_of
from ombud.detect.rule import Rule

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
        name: [cut(value) for value in values[:VALUES_MAX]]
        for name, values in list(found.items())[:FIELDS_MAX]
    }


def cut(value: Any) -> Any:
    """Return a value as it is told: long texts shortened, lists and objects as text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    text = text_of(value)
    return text if len(text) <= VALUE_LENGTH_MAX else text[: VALUE_LENGTH_MAX - 1] + "…"


@dataclass(frozen=True, slots=True)
class Plan:
    """The rules that see one kind of event, by name and as the original, each with its test.

    The test is what source and action leave to decide of the rule.
    """

    named: tuple[tuple[Rule, Test], ...]
    original: tuple[tuple[Rule, Test], ...]


class Matcher:
    """Puts events to rules."""

    def __init__(self, rules: Sequence[Rule], *, routes: Mapping[str, LogSource] = ROUTES) -> None:
        self.rules = tuple(rules)
        self.routes = dict(routes)
        self._plans: dict[tuple[str | None, str | None], Plan] = {}

    def match(self, view: EventView) -> list[Match]:
        """Return the matches of every rule, whatever its logsource."""
        return [Match(rule, explain(rule, view)) for rule in self.rules if rule.matches(view)]

    def plan(self, source: str | None, action: str | None) -> Plan:
        """Return the rules for events of this source and action, None if they have none.

        Rules that source and action alone decide against are left out.
        """
        plan = self._plans.get((source, action))
        if plan is None:
            if len(self._plans) >= PLANS_MAX:
                self._plans.clear()
            plan = self._plans[source, action] = self._route(source, action)
        return plan

    def _route(self, source: str | None, action: str | None) -> Plan:
        given = (("source", source), ("action", action))
        known = {name: value for name, value in given if value is not None}
        route = None if source is None else self.routes.get(source)
        named = [
            (rule, rule.tree.given(known))
            for rule in self.rules
            if rule.logsource.is_own and sees_event(rule.logsource, source or "", action or "")
        ]
        return Plan(
            tuple((rule, _test_of(left)) for rule, left in named if left is not False),
            tuple(
                (rule, rule.matches) for rule in self.rules if sees_original(rule.logsource, route)
            ),
        )


def _test_of(left: Node | bool) -> Test:
    return left.compiled() if isinstance(left, Node) else lambda _event: True
