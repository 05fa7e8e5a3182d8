"""Condition: from the section `detection` of a rule to the tree that is evaluated.

pySigma resolves modifiers and value lists of each selection; here its result is
only re-told and joined as the condition says.  What has no place in the tree is
refused by name, and so is what would grow beyond a bound while it is expanded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from sigma.conditions import ConditionAND
from sigma.modifiers import modifier_mapping
from sigma.rule.detection import SigmaDetection, SigmaDetectionItem
from sigma.types import (
    Placeholder,
    SigmaCasedString,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaRegularExpression,
    SigmaString,
    SigmaType,
)

from ombud.core.errors import RuleError
from ombud.detect.loading.condition_syntax import condition_tree
from ombud.detect.loading.plain_items import plain_item
from ombud.detect.loading.sigma_values import keyword_of, no_value, predicate_of
from ombud.detect.matching.atoms import (
    FieldExists,
    FieldIs,
    FieldIsNull,
    FieldsAgree,
    Keyword,
    Node,
)
from ombud.detect.matching.expressions import POLICY
from ombud.detect.matching.paths import FIELD_PARTS_MAX
from ombud.detect.matching.tree import All, Not, Some

Placeholders = Mapping[str, Sequence[str]]

ATOMS_MAX = 50_000  # Of one rule, counted as often as its condition names them.
EXPRESSIONS_MAX = 500  # Regular expressions of one rule: each may keep a megabyte.
EXPRESSION_LENGTH_MAX = 8192  # Characters of one regular expression.
DASHES = 5  # Characters that `windash` puts for each dash, of which pySigma takes three in a value.

_DASH = re.compile(r"\B[-/]\b")


@dataclass(frozen=True, slots=True)
class Compiled:
    """The tree of a detection, and the placeholders that it was filled with."""

    tree: Node
    placeholders: frozenset[str]


def compile_detection(
    selections: Mapping[str, Any], conditions: Sequence[str], placeholders: Placeholders
) -> Compiled:
    """Return the tree of selections joined by conditions; several conditions are alternatives.

    Raises `RuleError`, or the error of pySigma, for what cannot be evaluated.
    """
    _Shape().check(selections)
    teller = _Teller(selections, placeholders)
    names = tuple(selections)
    nodes = [condition_tree(text, names, teller.selection) for text in conditions]
    for name in selections.keys() - teller.told:
        # No condition names it, and yet a fault in it is a fault of the rule.
        SigmaDetection.from_definition(selections[name], None, POLICY)
    return Compiled(_some(nodes), frozenset(teller.used))


class _Shape:
    """Looks at selections before pySigma expands them."""

    def __init__(self) -> None:
        self._expanded = 0
        self._expressions = 0

    def check(self, selections: Mapping[str, Any]) -> None:
        """Raise `RuleError` for what is no selection, or would grow beyond a bound."""
        for name, definition in selections.items():
            if not isinstance(name, str):
                raise RuleError(f"name of selection `{name}` is no text: write it in quotes")
            self._selection(name, definition)

    def _selection(self, name: str, definition: Any) -> None:
        if isinstance(definition, dict):
            for key, value in definition.items():
                if not isinstance(key, str):
                    raise RuleError(f"field `{key}` of `{name}` is no text: write it in quotes")
                self._field(key, value)
        elif isinstance(definition, list):
            for inner in definition:
                if isinstance(inner, dict | list):
                    self._selection(name, inner)

    def _field(self, key: str, value: Any) -> None:
        field, *modifiers = key.split("|")
        if field.count(".") >= FIELD_PARTS_MAX:
            raise RuleError(f"field `{field}` has more than {FIELD_PARTS_MAX} parts")
        _check_modifiers(key, modifiers)
        values = value if isinstance(value, list) else [value]
        if any(isinstance(one, dict | list) for one in values):
            raise RuleError(
                f"values of `{key}` are neither text nor numbers: name `a.b`, not a map"
            )
        if "windash" in modifiers:
            self._expanded += sum(
                DASHES ** len(_DASH.findall(one)[:3]) for one in values if isinstance(one, str)
            )
        if "re" in modifiers:
            self._expressions += len(values)
            if any(isinstance(one, str) and len(one) > EXPRESSION_LENGTH_MAX for one in values):
                raise RuleError(
                    f"`{key}` has an expression longer than {EXPRESSION_LENGTH_MAX} characters"
                )
        if self._expanded > ATOMS_MAX:
            raise RuleError(f"modifiers make more than {ATOMS_MAX:,} values")
        if self._expressions > EXPRESSIONS_MAX:
            raise RuleError(f"rule has more than {EXPRESSIONS_MAX} regular expressions")


def _check_modifiers(key: str, modifiers: Sequence[str]) -> None:
    """Raise `RuleError` for a modifier that Sigma does not have."""
    for modifier in modifiers:
        if modifier not in modifier_mapping:
            close = get_close_matches(modifier, modifier_mapping, n=1)
            meant = f": did you mean `{close[0]}`" if close else ""
            raise RuleError(f"unknown modifier '{modifier}' in `{key}`{meant}")


class _Teller:
    """Tells the selections of one rule as nodes, each once, and counts their atoms."""

    def __init__(self, selections: Mapping[str, Any], placeholders: Placeholders) -> None:
        self.used: set[str] = set()
        self.told: dict[str, tuple[Node, int]] = {}
        self._selections = selections
        self._placeholders = placeholders
        self._new = 0  # Atoms of the selection that is being told.
        self._total = 0

    def selection(self, name: str) -> Node:
        """Return the node of one selection; raises `RuleError` when the rule gets too large."""
        told = self.told.get(name)
        if told is None:
            self._new = 0
            node = self._definition(self._selections[name])
            told = self.told[name] = (node, self._new)
        self._total += told[1]
        self._check(self._total)
        return told[0]

    @staticmethod
    def _check(count: int) -> None:
        if count > ATOMS_MAX:
            raise RuleError(f"condition asks for more than {ATOMS_MAX:,} values")

    def _definition(self, definition: Any) -> Node:
        """Return the node of a map, or of a list with maps in it; pySigma reads all else."""
        if isinstance(definition, dict) and definition:
            items = [self._pair(key, value) for key, value in definition.items()]
            return _joined(items, every=True)
        if isinstance(definition, list) and any(isinstance(one, dict | list) for one in definition):
            return _some([self._definition(one) for one in definition])
        return self._detection(SigmaDetection.from_definition(definition, None, POLICY))

    def _pair(self, key: str, value: Any) -> Node:
        plain = plain_item(key, value)
        if plain is None:
            return self._item(SigmaDetectionItem.from_mapping(key, value, None, POLICY))
        atoms, every = plain
        self._new += len(atoms)
        self._check(self._new)
        return _joined(atoms, every=every)

    def _detection(self, detection: SigmaDetection) -> Node:
        """Return the node of a keyword or a list of them."""
        nodes = [
            self._item(item) if isinstance(item, SigmaDetectionItem) else self._detection(item)
            for item in detection.detection_items
        ]
        return _joined(nodes, every=detection.item_linking is ConditionAND)

    def _item(self, item: SigmaDetectionItem) -> Node:
        values = item.value
        self._new += len(values)
        self._check(self._new)
        if item.field is None:
            if not values:
                raise RuleError("null must be the value of a field")
            nodes = [self._keyword(value) for value in values]
        else:
            field = item.field
            nodes = [self._field(field, value) for value in values] or [FieldIsNull(field)]
        node = _joined(nodes, every=item.value_linking is ConditionAND)
        return Not(node) if item.negated else node

    def _field(self, field: str, value: SigmaType) -> Node:
        match value:
            case SigmaNull():
                return FieldIsNull(field)
            case SigmaExists(exists):
                return FieldExists(field, exists)
            case SigmaFieldReference(other, starts_with, ends_with):
                return FieldsAgree(field, other, starts_with, ends_with)
            case SigmaExpansion(values):
                return _some([self._field(field, inner) for inner in values])
        return _some([FieldIs(field, predicate_of(filled)) for filled in self._filled(value)])

    def _keyword(self, value: SigmaType) -> Node:
        if isinstance(value, SigmaExpansion):
            return _some([self._keyword(inner) for inner in value.values])
        return _some([Keyword(keyword_of(filled)) for filled in self._filled(value)])

    def _filled(self, value: SigmaType) -> Sequence[SigmaType]:
        """Return the value once for each way of filling in its placeholders."""
        if not isinstance(value, SigmaString | SigmaRegularExpression):
            return (value,)
        if not value.contains_placeholder():
            return (value,)

        def fill(placeholder: Placeholder) -> Iterator[str]:
            values = self._placeholders.get(placeholder.name)
            if not values:
                raise RuleError(no_value(placeholder.name))
            self.used.add(placeholder.name)
            yield from values

        filled: list[SigmaType] = list(value.replace_placeholders(fill))
        self._new += len(filled)
        self._check(self._new)
        if isinstance(value, SigmaCasedString):  # pySigma forgets it while filling in.
            return [
                SigmaCasedString.from_sigma_string(one)
                for one in filled
                if isinstance(one, SigmaString)
            ]
        return filled


def _joined(nodes: Sequence[Node], *, every: bool) -> Node:
    if len(nodes) == 1:
        return nodes[0]
    return All(tuple(nodes)) if every else Some(tuple(nodes))


def _some(nodes: Sequence[Node]) -> Node:
    return _joined(nodes, every=False)
