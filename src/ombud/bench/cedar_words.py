"""Cedar words: expressions of Cedar's language, and conditions and audiences said in it.

What cannot be evaluated is said by two expressions for each condition, one for "it
holds" and one for "it does not"; where neither is true it cannot be said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from ombud.access.model import Audience, Line
from ombud.bench.random_world import Atom, Formula

NEVER, ALWAYS = "false", "true"


class Said(NamedTuple):
    """When a condition holds, and when it does not."""

    yes: str
    no: str


def text(value: str) -> str:
    """Return a string of Cedar."""
    return json.dumps(value)


def both(parts: Iterable[str]) -> str:
    """Return the conjunction."""
    kept = [part for part in parts if part != ALWAYS]
    return " && ".join(f"({part})" for part in kept) or ALWAYS


def either(parts: Iterable[str]) -> str:
    """Return the disjunction."""
    kept = [part for part in parts if part != NEVER]
    return " || ".join(f"({part})" for part in kept) or NEVER


def not_(part: str) -> str:
    """Return the negation."""
    return f"!({part})"


def actor_id(type_: str, id_: str) -> str:
    """Return how Cedar calls an actor."""
    return f"Actor_{type_}::{text(id_)}"


def thing_id(type_: str, id_: str) -> str:
    """Return how Cedar calls a resource."""
    return f"Thing_{type_}::{text(id_)}"


def purpose_id(id_: str) -> str:
    """Return how Cedar calls a purpose."""
    return f"Purpose::{text(id_)}"


def set_of(values: Iterable[str]) -> str:
    """Return a set of strings."""
    return f"[{', '.join(text(value) for value in sorted(set(values)))}]"


def forbid(parts: list[str]) -> str:
    """Return the policy that forbids where all of this holds."""
    return f"forbid(principal, action, resource) when {{ {both(parts)} }};"


def permit(parts: list[str]) -> str:
    """Return the policy that permits where all of this holds."""
    return f"permit(principal, action, resource) when {{ {both(parts)} }};"


def minutes(line: Line) -> list[str]:
    """Return when it is within the hours of a line, by the minute of the week."""
    parts = []
    for stretch in line.hours or ():
        for day in stretch.days:
            start = (day - 1) * 1440 + stretch.since
            length = (stretch.until - stretch.since) % 1440 or 1440
            for shift in (0, -10_080):
                low, high = start + shift, start + length + shift
                parts.append(f"context.minute >= {low} && context.minute < {high}")
    return parts


class Wording:
    """Conditions, whose meaning is given by formulas, and audiences."""

    def __init__(self, formulas: Mapping[str, Formula], stated: Iterable[str]) -> None:
        self._formulas = formulas
        self._stated = frozenset(stated)

    def condition(self, condition: str | None) -> Said:
        """Return when a condition holds; none holds always."""
        if condition is None:
            return Said(ALWAYS, NEVER)
        return self._say(self._formulas[condition])

    def _say(self, formula: Formula) -> Said:
        if isinstance(formula, Atom):
            return self._compare(formula)
        parts = [self._say(part) for part in formula.parts]
        if formula.op == "not":
            return Said(parts[0].no, parts[0].yes)
        join, meet = (both, either) if formula.op == "and" else (either, both)
        return Said(join(part.yes for part in parts), meet(part.no for part in parts))

    def _compare(self, atom: Atom) -> Said:
        side, _, name = atom.name.partition(".")
        places = {
            "actor": ["principal"],
            "resource": ["resource", "context.told"],
            "action": ["context.action"],
            "context": ["context"],
        }[side]
        if side == "actor" and name in self._stated:
            places = ["context.said", *places]
        value = json.dumps(atom.value)
        yes = no = NEVER
        for place in reversed(places):
            held = f"{place}.{name} {atom.op} {value}"
            yes = f"if {place} has {name} then {held} else {yes}"
            no = f"if {place} has {name} then !({held}) else {no}"
        return Said(f"({yes})", f"({no})")

    def audience(self, audience: Audience | None) -> Said:
        """Return when the principal is one of an audience; none is everybody."""
        if audience is None:
            return Said(ALWAYS, NEVER)
        listed = [f"principal is Actor_{type_}" for type_ in audience.types]
        listed += [f"principal == {actor_id(*each.split(':', 1))}" for each in audience.actors]
        above = [f"principal in Unit::{text(unit)}" for unit in audience.units]
        above += [f"principal in Role::{text(role)}" for role in audience.roles]
        member = either([*listed, *above])
        when = self.condition(audience.when)
        if not listed and not above:
            return when if audience.when is not None else Said(NEVER, ALWAYS)
        other = not_(member)
        if above:
            other = both(["principal has is_stored", other])
        return Said(both([member, when.yes]), either([other, when.no]))
