"""SQL fold: a condition with all that does not depend on the row worked out.

An attribute that is missing decides nothing by itself: where CEL would absorb it
the rest stands, and where it would not, `MissingAttribute` is raised.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ombud.access.condition_code import Compiler
from ombud.access.condition_tree import (
    Attribute,
    Call,
    Choice,
    Compare,
    Items,
    Literal,
    Logic,
    MissingAttribute,
    Node,
    Not,
    Quantified,
    Sum,
    Variable,
    walk,
)
from ombud.access.condition_types import ANY, BUILT_IN, Types, check_types
from ombud.access.model import Attributes
from ombud.access.sql_text import RenderError

_SOME: Mapping[str, Any] = {"string": "x", "int": 1, "double": 1.0, "bool": True, "timestamp": 0,
                            "duration": 0}  # fmt: skip
PARTS_MAX = 5_000  # A filter put together of an actor's lists must stay readable to a server.


def value_types(
    tree: Node,
    values: Mapping[str, Mapping[str, Any]],
    attributes: Attributes | None,
    columns: Mapping[str, str] | None,
) -> Types:
    """Return the types of all that a tree speaks of; what is not declared has that of its value."""
    types: dict[str, dict[str, str]] = {root: {} for root in (*BUILT_IN, "row")}
    for node in walk(tree):
        if not isinstance(node, Attribute):
            continue
        if node.root == "row":
            declared = ANY if columns is None else columns.get(node.name)
            if declared is None:
                raise RenderError(f"unknown column `{node.name}`")
        else:
            stated = getattr(attributes, node.root).get(node.name) if attributes else None
            found = stated or BUILT_IN[node.root].get(node.name)
            declared = found or _type_of(values[node.root].get(node.name))
        types[node.root][node.name] = declared
    return types


def _type_of(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int | float):
        return "int" if isinstance(value, int) else "double"
    return "list(string)" if isinstance(value, list | tuple) else "string"


class Folder:
    """Works out what it can of one tree.

    In a trial there are no values yet: each part that does not need the row stands for
    some value of its type, and decides nothing.
    """

    def __init__(
        self, values: Mapping[str, Mapping[str, Any]], types: Types, *, is_trial: bool = False
    ) -> None:
        self._values = tuple(values.get(root, {}) for root in BUILT_IN)
        self._types = types
        self._is_trial = is_trial
        self._parts = 0

    def fold(self, node: Node) -> Node:
        """Return the tree that is left; raises `MissingAttribute` and `RenderError`."""
        self._parts += 1
        if self._parts > PARTS_MAX:
            raise RenderError(f"a filter of more than {PARTS_MAX} parts")
        if not needs_row(node):
            return node if isinstance(node, Literal) else self._work_out(node)
        match node:
            case Logic():
                folded = self._logic(node)
            case Quantified():
                folded = self._quantified(node)
            case Choice():
                folded = self._choice(node)
            case Not(at=at, operand=operand):
                folded = Not(at, self.fold(operand))
            case Compare(left=left, right=right) | Sum(left=left, right=right):
                sides = {"left": self.fold(left), "right": self.fold(right)}
                folded = msgspec.structs.replace(node, **sides)
            case Items(at=at, items=items):
                folded = Items(at, tuple(map(self.fold, items)))
            case Call(at=at, function=function, arguments=arguments) if function != "has":
                folded = Call(at, function, tuple(map(self.fold, arguments)))
            case _:
                folded = node
        return folded

    def _work_out(self, node: Node) -> Node:
        kind = check_types(node, self._types)
        if self._is_trial:
            some = Literal(node.at, kind.removeprefix("list(").removesuffix(")"), "")
            some = msgspec.structs.replace(some, value=_SOME[some.type])
            return Items(node.at, (some,)) if kind.startswith("list(") else some
        value = Compiler(self._types).code(node)((*self._values, {}))
        if kind.startswith("list("):
            inner = kind[5:-1]
            return Items(node.at, tuple(Literal(node.at, inner, item) for item in value))
        return Literal(node.at, kind, value)

    def _choice(self, node: Choice) -> Node:
        test = self.fold(node.test)
        if isinstance(test, Literal) and not self._is_trial:
            return self.fold(node.yes if test.value else node.no)
        return Choice(node.at, test, self.fold(node.yes), self.fold(node.no))

    def _logic(self, node: Logic) -> Node:
        decides = node.op == "||"
        missing: MissingAttribute | None = None
        left = []
        for operand in node.operands:
            try:
                folded = self.fold(operand)
            except MissingAttribute as error:
                missing = missing or error
                continue
            if not isinstance(folded, Literal):
                left.append(folded)
            elif folded.value is decides and not self._is_trial:
                return Literal(node.at, "bool", decides)
        if missing is not None:
            raise missing
        if not left:
            return Literal(node.at, "bool", not decides)
        return left[0] if len(left) == 1 else Logic(node.at, node.op, tuple(left))

    def _quantified(self, node: Quantified) -> Node:
        over = self.fold(node.over)
        if not isinstance(over, Items):
            raise RenderError(f"`{node.macro}` over a list of the row has no form in SQL")
        bodies = tuple(_with(node.body, node.variable, item) for item in over.items)
        op = "||" if node.macro == "exists" else "&&"
        return self._logic(Logic(node.at, op, bodies))


def needs_row(node: Node) -> bool:
    """Whether a part of a condition cannot be worked out without the row."""
    return any(isinstance(one, Attribute) and one.root == "row" for one in walk(node))


def _with(node: Node, variable: str, value: Node) -> Node:
    """Return a tree with a value in place of a variable."""
    if isinstance(node, Variable):
        return value if node.name == variable else node
    changes: dict[str, Any] = {}
    for name in node.__struct_fields__:
        part = getattr(node, name)
        if isinstance(part, Node):
            changes[name] = _with(part, variable, value)
        elif isinstance(part, tuple):
            changes[name] = tuple(_with(one, variable, value) for one in part)
    return msgspec.structs.replace(node, **changes) if changes else node
