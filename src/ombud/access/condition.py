"""Condition: a documented subset of CEL, checked against declared attributes and compiled.

`docs/policy.md` is the reference.  A condition is read and checked once; testing
it touches nothing but the mappings it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ombud.access.condition_code import Compiler
from ombud.access.condition_syntax import parse_tree
from ombud.access.condition_tree import (
    Attribute,
    ConditionError,
    MissingAttribute,
    Node,
    walk,
)
from ombud.access.condition_types import BUILT_IN, check_types, declared_types
from ombud.access.model import Attributes

__all__ = ["BUILT_IN", "Condition", "ConditionError", "MissingAttribute", "parse_condition"]

NOTHING: Mapping[str, Any] = {}


class Condition:
    """A test of what an attempt carries.

    `names` are the attributes it speaks of, as `actor.role`.  The mappings given to
    `test` hold the built-in attributes of `BUILT_IN` too, as far as `names` has them:
    `actor.id`, `resource.type`, `action.name`, `context.time` (ms since the epoch).
    """

    __slots__ = ("_code", "names", "text", "tree")

    def __init__(self, text: str, tree: Node, types: Mapping[str, Mapping[str, str]]) -> None:
        self.text = text
        self.tree = tree
        self.names = frozenset(node.full_name for node in walk(tree) if isinstance(node, Attribute))
        self._code = Compiler(types).code(tree)

    def test(
        self,
        actor: Mapping[str, Any],
        resource: Mapping[str, Any],
        action: Mapping[str, Any],
        context: Mapping[str, Any],
        row: Mapping[str, Any] = NOTHING,
    ) -> bool:
        """Whether it holds; raises `MissingAttribute` where that cannot be told."""
        return bool(self._code((actor, resource, action, context, row)))

    def __repr__(self) -> str:
        """Return its text."""
        return f"Condition({self.text!r})"


def parse_condition(
    text: str, *, attributes: Attributes, columns: Mapping[str, str] | None = None
) -> Condition:
    """Return a condition; raises `ConditionError` with the column of what is wrong.

    `columns`, by name and type, are those that a row filter may call `row.NAME`;
    without them `row` is unknown.
    """
    tree = parse_tree(text)
    types = declared_types(attributes, columns)
    found = check_types(tree, types)
    if found != "bool":
        raise ConditionError(f"a condition must be bool, not {found}", tree.at + 1)
    return Condition(text, tree, types)
