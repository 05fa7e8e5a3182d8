"""Condition types: what kind of value each part of a condition has, and whether they fit.

`any` is the type of what nobody declared; only text that has been checked before
(an obligation's row filter) may hold it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from types import MappingProxyType

import re2  # type: ignore[import-untyped]

from ombud.access.condition_tree import (
    Attribute,
    Call,
    Choice,
    Compare,
    ConditionError,
    Items,
    Literal,
    Logic,
    Node,
    Not,
    Quantified,
    Sum,
    Variable,
)
from ombud.access.model import Attributes

ANY = "any"
ATTRIBUTE_TYPES = ("string", "int", "double", "bool", "timestamp", "list(string)")
PATTERN_LENGTH_MAX = 500  # Characters; RE2 needs time linear in the text for any pattern.
PATTERN_MEMORY_MAX = 1 << 20  # Bytes of a compiled pattern: `(a{1000}){1000}` would take more.

# What every attempt has, declared or not; `context.time` is the instant of the decision.
BUILT_IN: Mapping[str, Mapping[str, str]] = MappingProxyType({
    "actor": {"id": "string", "type": "string", "unit": "string", "units": "list(string)",
              "role": "string"},
    "resource": {"id": "string", "type": "string"},
    "action": {"name": "string"},
    "context": {"time": "timestamp", "purpose": "string"},
})  # fmt: skip

Types = Mapping[str, Mapping[str, str]]  # By root and name.
_ORDERED = {"string", "int", "double", "timestamp", "duration", ANY}
_SCALARS = {*_ORDERED, "bool"}
_NUMBERS = {"int", "double"}


def declared_types(attributes: Attributes, columns: Mapping[str, str] | None) -> Types:
    """Return the types of all attributes by root and name; `row` only where there are columns."""
    types: dict[str, Mapping[str, str]] = {
        root: {**getattr(attributes, root), **BUILT_IN[root]} for root in BUILT_IN
    }
    if columns is not None:
        types["row"] = columns
    return types


def check_types(tree: Node, types: Types | None) -> str:
    """Return the type of a condition; raises `ConditionError` where parts do not fit.

    Without `types` every attribute has type `any`.
    """
    return _Checker(types).type_of(tree, {})


def compile_pattern(pattern: str) -> re2._Regexp:
    """Return an RE2 pattern; raises `ValueError` with the reason."""
    if len(pattern) > PATTERN_LENGTH_MAX:
        raise ValueError(f"a pattern of more than {PATTERN_LENGTH_MAX} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = PATTERN_MEMORY_MAX
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0] if error.args else "cannot be read"
        text = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise ValueError(f"not a pattern of RE2: {text}") from None
    except UnicodeError:
        raise ValueError("a pattern must be text") from None


def _fits(left: str, right: str) -> bool:
    """Whether two values may be compared: of one type, or both numbers."""
    return left == right or ANY in {left, right} or {left, right} <= _NUMBERS


class _Checker:
    def __init__(self, types: Types | None) -> None:
        self._types = types

    def type_of(self, node: Node, variables: Mapping[str, str]) -> str:
        found: str = getattr(self, f"_{type(node).__name__.lower()}")(node, variables)
        return found

    def _need(self, node: Node, wanted: str, variables: Mapping[str, str], what: str) -> None:
        found = self.type_of(node, variables)
        if found not in {wanted, ANY}:
            raise ConditionError(f"{what} must be {wanted}, not {found}", node.at + 1)

    def _literal(self, node: Literal, variables: Mapping[str, str]) -> str:
        del variables
        return node.type

    def _variable(self, node: Variable, variables: Mapping[str, str]) -> str:
        return variables[node.name]

    def _attribute(self, node: Attribute, variables: Mapping[str, str]) -> str:
        del variables
        if self._types is None:
            return ANY
        if node.root not in self._types:
            raise ConditionError("`row` can be used in row filters only", node.at + 1)
        names = self._types[node.root]
        if node.name in names:
            return names[node.name]
        near = difflib.get_close_matches(node.name, names, n=1)
        hint = f": did you mean `{node.root}.{near[0]}`?" if near else ""
        what = "column" if node.root == "row" else "attribute"
        raise ConditionError(f"unknown {what} `{node.full_name:.80}`{hint}", node.at + 1)

    def _not(self, node: Not, variables: Mapping[str, str]) -> str:
        self._need(node.operand, "bool", variables, "what stands behind `!`")
        return "bool"

    def _logic(self, node: Logic, variables: Mapping[str, str]) -> str:
        for operand in node.operands:
            self._need(operand, "bool", variables, f"what stands beside `{node.op}`")
        return "bool"

    def _choice(self, node: Choice, variables: Mapping[str, str]) -> str:
        self._need(node.test, "bool", variables, "what stands before `?`")
        yes, no = self.type_of(node.yes, variables), self.type_of(node.no, variables)
        if yes != no and ANY not in {yes, no}:
            raise ConditionError(f"both sides of `:` must be {yes}, not {no}", node.no.at + 1)
        return no if yes == ANY else yes

    def _compare(self, node: Compare, variables: Mapping[str, str]) -> str:
        left, right = self.type_of(node.left, variables), self.type_of(node.right, variables)
        if node.op == "in":
            if right != ANY and not right.startswith("list("):
                raise ConditionError(f"`in` needs a list, not {right}", node.right.at + 1)
            right = ANY if right == ANY else right[5:-1]
            if not _fits(left, right):
                message = f"cannot look for {left} in a list of {right}"
                raise ConditionError(message, node.left.at + 1)
            return "bool"
        allowed = _SCALARS if node.op in {"==", "!="} else _ORDERED
        for side, found in ((node.left, left), (node.right, right)):
            if found not in allowed:
                raise ConditionError(f"`{node.op}` does not compare {found}", side.at + 1)
        if not _fits(left, right):
            raise ConditionError(f"`{node.op}` compares {left} with {right}", node.at + 1)
        return "bool"

    def _sum(self, node: Sum, variables: Mapping[str, str]) -> str:
        left, right = self.type_of(node.left, variables), self.type_of(node.right, variables)
        found = _SUMS.get((left, node.op, right))
        if found is None and ANY in {left, right}:
            found = ANY
        if found is None:
            raise ConditionError(f"`{left} {node.op} {right}` is not supported", node.at + 1)
        return found

    def _items(self, node: Items, variables: Mapping[str, str]) -> str:
        if not node.items:
            raise ConditionError("an empty list", node.at + 1)
        types = [self.type_of(item, variables) for item in node.items]
        first = next((found for found in types if found != ANY), ANY)
        for item, found in zip(node.items, types, strict=True):
            if found not in _SCALARS or found not in {first, ANY}:
                raise ConditionError(f"a list of {first} holds {found}", item.at + 1)
        return f"list({first})"

    def _call(self, node: Call, variables: Mapping[str, str]) -> str:
        if node.function == "has":
            self.type_of(node.arguments[0], variables)
            return "bool"
        if node.function == "size":
            found = self.type_of(node.arguments[0], variables)
            if found not in {"string", ANY} and not found.startswith("list("):
                raise ConditionError(f"`size` of {found}", node.arguments[0].at + 1)
            return "int"
        for argument in node.arguments:
            self._need(argument, "string", variables, f"what `{node.function}` takes")
        pattern = node.arguments[-1]
        if node.function == "matches" and isinstance(pattern, Literal):
            try:
                compile_pattern(pattern.value)
            except ValueError as error:
                raise ConditionError(str(error), pattern.at + 1) from None
        return "bool"

    def _quantified(self, node: Quantified, variables: Mapping[str, str]) -> str:
        over = self.type_of(node.over, variables)
        if over != ANY and not over.startswith("list("):
            raise ConditionError(
                f"`{node.macro}` looks through a list, not {over}", node.over.at + 1
            )
        inner = {**variables, node.variable: ANY if over == ANY else over[5:-1]}
        self._need(node.body, "bool", inner, f"the condition of `{node.macro}`")
        return "bool"


_SUMS = {
    ("string", "+", "string"): "string",
    ("timestamp", "+", "duration"): "timestamp",
    ("duration", "+", "timestamp"): "timestamp",
    ("timestamp", "-", "duration"): "timestamp",
    ("timestamp", "-", "timestamp"): "duration",
    ("duration", "+", "duration"): "duration",
    ("duration", "-", "duration"): "duration",
}
