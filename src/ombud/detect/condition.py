"""Condition: from what pySigma parsed to the tree that is evaluated.

pySigma resolves selectors, modifiers and value lists; here its result is only
re-told.  What has no place in the tree is refused by name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
    ConditionValueExpression,
)
from sigma.rule import SigmaRule
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
from ombud.detect.atoms import FieldExists, FieldIs, FieldIsNull, FieldsAgree, Keyword, Node
from ombud.detect.paths import FIELD_PARTS_MAX
from ombud.detect.sigma_values import keyword_of, predicate_of
from ombud.detect.tree import All, Not, Some

Placeholders = Mapping[str, Sequence[str]]

DEPTH_MAX = 100  # Levels of `and`, `or`, `not`: what loads must also run, on any stack.


def tree_of(rule: SigmaRule, placeholders: Placeholders) -> Node:
    """Return the tree of a rule; several conditions are alternatives.

    Raises `RuleError`, or the error of pySigma, for what cannot be evaluated.
    """
    nodes = [_node(condition.parsed, placeholders) for condition in rule.detection.parsed_condition]
    return nodes[0] if len(nodes) == 1 else Some(tuple(nodes))


def _node(item: Any, placeholders: Placeholders, depth: int = 0) -> Node:
    if depth > DEPTH_MAX:
        raise RuleError(f"condition is nested deeper than {DEPTH_MAX} levels")
    match item:
        case ConditionAND(args):
            return All(tuple(_node(arg, placeholders, depth + 1) for arg in args))
        case ConditionOR(args):
            return Some(tuple(_node(arg, placeholders, depth + 1) for arg in args))
        case ConditionNOT(args):
            return Not(_node(args[0], placeholders, depth + 1))
        case ConditionFieldEqualsValueExpression(field, value):
            if field.count(".") >= FIELD_PARTS_MAX:
                raise RuleError(f"field `{field}` has more than {FIELD_PARTS_MAX} parts")
            return _field(field, value, placeholders)
        case ConditionValueExpression(value):
            return _keyword(value, placeholders)
    raise RuleError("the condition is empty")


def _field(field: str, value: SigmaType, placeholders: Placeholders) -> Node:
    match value:
        case SigmaNull():
            return FieldIsNull(field)
        case SigmaExists(exists):
            return FieldExists(field, exists)
        case SigmaFieldReference(other, starts_with, ends_with):
            return FieldsAgree(field, other, starts_with, ends_with)
        case SigmaExpansion(values):
            return _some([_field(field, inner, placeholders) for inner in values])
    return _some([FieldIs(field, predicate_of(filled)) for filled in _filled(value, placeholders)])


def _keyword(value: SigmaType, placeholders: Placeholders) -> Node:
    if isinstance(value, SigmaExpansion):
        return _some([_keyword(inner, placeholders) for inner in value.values])
    return _some([Keyword(keyword_of(filled)) for filled in _filled(value, placeholders)])


def _some(nodes: Sequence[Node]) -> Node:
    return nodes[0] if len(nodes) == 1 else Some(tuple(nodes))


def _filled(value: SigmaType, placeholders: Placeholders) -> Sequence[SigmaType]:
    """Return the value once for each way of filling in its placeholders."""
    if not isinstance(value, SigmaString | SigmaRegularExpression):
        return [value]
    if not value.contains_placeholder():
        return [value]

    def fill(placeholder: Placeholder) -> Iterator[str]:
        values = placeholders.get(placeholder.name)
        if not values:
            raise RuleError(f"placeholder `%{placeholder.name}%` has no value")
        yield from values

    filled: list[SigmaType] = list(value.replace_placeholders(fill))
    if isinstance(value, SigmaCasedString):  # pySigma forgets it while filling in.
        return [
            SigmaCasedString.from_sigma_string(one)
            for one in filled
            if isinstance(one, SigmaString)
        ]
    return filled
