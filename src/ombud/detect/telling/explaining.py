"""Explaining: why a rule did or did not match an event, condition by condition.

Whether a condition is met is asked of the tree that runs, never worked out
again: an explanation cannot say other than the rule does.  What it adds is what
was demanded, what the event has, and how near that came.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ombud.detect.matching.atoms import (
    FieldExists,
    FieldIs,
    FieldIsNull,
    FieldsAgree,
    Keyword,
    Node,
)
from ombud.detect.matching.paths import EventView, find_values, is_present
from ombud.detect.matching.tree import All, Not, Some
from ombud.detect.matching.values import text_of
from ombud.detect.telling.near_misses import (
    HINTS_MAX,
    agree_hints,
    field_hints,
    keyword_hints,
    null_hints,
    paths_of,
    value_hints,
)
from ombud.detect.telling.wording import demand_of

VALUES_MAX = 8  # Values of one field that are told.
VALUE_LENGTH_MAX = 256  # Characters of one value that are told.

Names = Mapping[Node, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """One condition, and what the event made of it.

    `kind` is `all`, `any`, `not`, `field` or `keyword`.  `demanded` are alternatives
    under the same `modifiers`; `values` is what the field holds, None if it is missing.
    """

    kind: str
    is_met: bool
    name: str | None = None
    field: str | None = None
    modifiers: tuple[str, ...] = ()
    demanded: tuple[Any, ...] = ()
    values: tuple[Any, ...] | None = None
    hints: tuple[str, ...] = ()
    parts: tuple[Finding, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the finding and those below it as JSON values."""
        told: dict[str, Any] = {"kind": self.kind, "is_met": self.is_met, "name": self.name}
        if self.kind in _JOINTS:
            return {**told, "parts": [part.to_dict() for part in self.parts]}
        return {
            **told,
            "field": self.field,
            "modifiers": list(self.modifiers),
            "demanded": list(self.demanded),
            "is_missing": self.values is None and self.kind == "field",
            "values": None if self.values is None else list(self.values),
            "hints": list(self.hints),
        }


_JOINTS = frozenset({"all", "any", "not"})
NO_NAMES: Names = {}


def explain_tree(tree: Node, view: EventView, names: Names = NO_NAMES) -> Finding:
    """Return what an event makes of every condition of a tree, in the order of the rule."""
    return _Reader(view, names).read(tree)


@dataclass(frozen=True)
class _Reader:
    """Reads a tree with one event in hand."""

    view: EventView
    names: Names = field(repr=False)

    @cached_property
    def paths(self) -> list[str]:
        """The names under which the event carries values."""
        return paths_of(self.view)

    def read(self, node: Node) -> Finding:
        name = self.names.get(node)
        match node:
            case All(parts):
                return Finding(
                    "all", node.is_match(self.view), name, parts=tuple(map(self.read, parts))
                )
            case Some(parts):
                return self._some(node, parts, name)
            case Not(part):
                return Finding("not", node.is_match(self.view), name, parts=(self.read(part),))
        return self._atom([node], name)

    def _some(self, node: Some, parts: Sequence[Node], name: str | None) -> Finding:
        """Return alternatives: those for one field, which rules write as one list, as one."""
        runs = list(_runs(parts))
        if len(runs) == 1 and len(runs[0]) > 1:
            return self._atom(runs[0], name)
        read = tuple(self.read(run[0]) if len(run) == 1 else self._atom(run, None) for run in runs)
        return Finding("any", node.is_match(self.view), name, parts=read)

    def _atom(self, atoms: Sequence[Node], name: str | None) -> Finding:
        """Return one condition, or several that differ in the value demanded alone."""
        first = atoms[0]
        is_met = any(atom.is_match(self.view) for atom in atoms)
        match first:
            case Keyword():
                return self._keyword([atom for atom in atoms if isinstance(atom, Keyword)], name)
            case FieldsAgree():
                return self._agree(first, name, is_met=is_met)
            case FieldIs() | FieldIsNull() | FieldExists():
                pass
            case _:  # A node of another kind is still said to be met or not.
                return Finding(
                    "field", is_met, name, field=", ".join(dict.fromkeys(first.fields()))
                )
        held = find_values(self.view, first.field)
        is_there = is_present(self.view, first.field)
        modifiers: tuple[str, ...] = ()
        demanded: tuple[Any, ...] = (None,)
        hints: list[str] = []
        if isinstance(first, FieldExists):
            modifiers, demanded = ("exists",), (first.exists,)
        predicates = [atom.predicate for atom in atoms if isinstance(atom, FieldIs)]
        if predicates:
            demands = [demand_of(predicate) for predicate in predicates]
            modifiers, demanded = demands[0].modifiers, tuple(one.value for one in demands)
        if not is_met and not is_there:
            hints = field_hints(first.field, self.paths)
        elif not is_met and predicates:
            hints = value_hints(predicates, held)
        elif not is_met and isinstance(first, FieldIsNull):
            hints = null_hints(held)
        return Finding(
            "field",
            is_met,
            name,
            field=first.field,
            modifiers=modifiers,
            demanded=demanded,
            values=told_values(held) if is_there else None,
            hints=tuple(hints[:HINTS_MAX]),
        )

    def _keyword(self, atoms: Sequence[Keyword], name: str | None) -> Finding:
        found = [value for atom in atoms for _, value in atom.matched(self.view)]
        predicates = [atom.predicate for atom in atoms]
        demands = [demand_of(predicate) for predicate in predicates]
        return Finding(
            "keyword",
            bool(found),
            name,
            modifiers=tuple(one for one in demands[0].modifiers if one != "contains"),
            demanded=tuple(one.value for one in demands),
            values=told_values(found) if found else None,
            hints=() if found else tuple(keyword_hints(predicates, self.paths)),
        )

    def _agree(self, atom: FieldsAgree, name: str | None, *, is_met: bool) -> Finding:
        held = find_values(self.view, atom.field)
        others = find_values(self.view, atom.other)
        within = atom.starts_with and atom.ends_with
        kinds = (
            [("contains", within)]
            if within
            else [
                ("startswith", atom.starts_with),
                ("endswith", atom.ends_with),
            ]
        )
        hints: list[str] = []
        if others:
            shown = ", ".join(map(text_of, told_values(others)))
            hints.append(f"`{atom.other}` has {shown}")
        if not is_met:
            hints += agree_hints(self.view, (atom.field, atom.other), self.paths)
        return Finding(
            "field",
            is_met,
            name,
            field=atom.field,
            modifiers=("fieldref", *(kind for kind, is_so in kinds if is_so)),
            demanded=(atom.other,),
            values=told_values(held) if is_present(self.view, atom.field) else None,
            hints=tuple(hints[: HINTS_MAX + 1]),
        )


def _runs(parts: Sequence[Node]) -> Iterator[list[Node]]:
    """Yield neighbouring parts that rules write as one list: same field, same modifiers."""
    run: list[Node] = []
    kind: Any = None
    for part in parts:
        of = _kind(part)
        if run and (of is None or of != kind):
            yield run
            run = []
        run.append(part)
        kind = of
    if run:
        yield run


def _kind(node: Node) -> tuple[Any, ...] | None:
    match node:
        case FieldIs(name, predicate):
            return ("field", name, *demand_of(predicate).modifiers)
        case Keyword(predicate):
            return ("keyword", *demand_of(predicate).modifiers)
    return None


def told_values(values: Sequence[Any]) -> tuple[Any, ...]:
    """Return values cut to what a person reads."""
    return tuple(_cut(value) for value in values[:VALUES_MAX])


def _cut(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    text = text_of(value)
    return text if len(text) <= VALUE_LENGTH_MAX else text[: VALUE_LENGTH_MAX - 1] + "…"
