"""Condition tree: what a condition says, freed of CEL's grammar; values only.

`at` is the offset of the node in the text, from 0.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec


class ConditionError(Exception):
    """A condition that cannot be used; `column` counts characters from 1."""

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.column = column


class MissingAttribute(Exception):  # noqa: N818 -- A way for a test to end, not a failure.
    """A condition needs an attribute that is absent, or is not what it was declared to be."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Node(msgspec.Struct, frozen=True, gc=False):
    """A part of a condition."""

    at: int


class Literal(Node, frozen=True, gc=False):
    """A value: str, int, float or bool; instants and durations are int microseconds."""

    type: str
    value: Any


class Attribute(Node, frozen=True, gc=False):
    """`root.name`, of actor, resource, action, context or row."""

    root: str
    name: str

    @property
    def full_name(self) -> str:
        """How a policy calls it."""
        return f"{self.root}.{self.name}"


class Variable(Node, frozen=True, gc=False):
    """The element that a macro is looking at."""

    name: str


class Not(Node, frozen=True, gc=False):
    """`!operand`."""

    operand: Node


class Compare(Node, frozen=True, gc=False):
    """`left op right` for ==, !=, <, <=, >, >= and `in`."""

    op: str
    left: Node
    right: Node


class Sum(Node, frozen=True, gc=False):
    """`left op right` for + and -, of texts, instants and durations."""

    op: str
    left: Node
    right: Node


class Logic(Node, frozen=True, gc=False):
    """Two or more operands joined by `&&` or by `||`."""

    op: str
    operands: tuple[Node, ...]


class Choice(Node, frozen=True, gc=False):
    """`test ? yes : no`."""

    test: Node
    yes: Node
    no: Node


class Items(Node, frozen=True, gc=False):
    """`[a, b, c]`."""

    items: tuple[Node, ...]


class Call(Node, frozen=True, gc=False):
    """A function: `startsWith`, `endsWith`, `contains`, `matches`, `size` or `has`."""

    function: str
    arguments: tuple[Node, ...]


class Quantified(Node, frozen=True, gc=False):
    """`over.exists(variable, body)` or `over.all(variable, body)`."""

    macro: str
    over: Node
    variable: str
    body: Node


def children(node: Node) -> tuple[Node, ...]:
    """Return the parts right beneath a node."""
    match node:
        case Compare(left=left, right=right) | Sum(left=left, right=right):
            found: tuple[Node, ...] = left, right
        case Logic(operands=parts) | Items(items=parts) | Call(arguments=parts):
            found = parts
        case Not(operand=operand):
            found = (operand,)
        case Choice(test=test, yes=yes, no=no):
            found = test, yes, no
        case Quantified(over=over, body=body):
            found = over, body
        case _:
            found = ()
    return found


def walk(node: Node) -> Iterator[Node]:
    """Yield a node and everything beneath it."""
    yield node
    for child in children(node):
        yield from walk(child)
