"""Condition code: a checked tree turned into closures over what an attempt carries.

Each closure takes one tuple: actor, resource, action, context, row, then the
variables of macros.  One that lacks an attribute raises `MissingAttribute`, and
`&&` and `||` absorb that as CEL's specification has it: whichever side decides
alone decides.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from ombud.access.condition_lexis import TIMESTAMP_MAX, TIMESTAMP_MIN, read_timestamp
from ombud.access.condition_syntax import INT_MAX, INT_MIN, ROOTS
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
)
from ombud.access.condition_types import Types, compile_pattern

Code = Callable[[tuple[Any, ...]], Any]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_TEXT: Mapping[str, Callable[[str, str], bool]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
}
_SLOTS = {root: number for number, root in enumerate(ROOTS)}


def to_value(value: Any, declared: str) -> Any:
    """Return a value as conditions compare it, or None if it is not of the declared type.

    Instants: ms since the epoch, RFC 3339, or an aware datetime; microseconds come out.
    A column whose type conditions do not know has no value, and only `has` asks for it.
    """
    read = _READ.get(declared)
    return None if read is None else read(value)


def _to_int(value: Any) -> int | None:
    return value if type(value) is int and INT_MIN <= value <= INT_MAX else None


def _to_texts(value: Any) -> Any:
    is_list = type(value) in {list, tuple} and all(type(item) is str for item in value)
    return value if is_list else None


def _to_double(value: Any) -> float | None:
    if type(value) not in {int, float, Decimal}:
        return None
    try:
        real = float(value)
    except (OverflowError, ValueError):
        return None
    return real if real == real else None  # noqa: PLR0124 -- Not a number: unknown, as in SQL.


def _to_timestamp(value: Any) -> int | None:
    if type(value) is int:
        micros = value * 1_000
    elif type(value) is str:
        return read_timestamp(value)
    elif isinstance(value, datetime) and value.tzinfo is not None:
        since = value - _EPOCH
        micros = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    else:
        return None
    return micros if TIMESTAMP_MIN <= micros <= TIMESTAMP_MAX else None


_READ: Mapping[str, Callable[[Any], Any]] = {
    "string": lambda value: value if type(value) is str else None,
    "bool": lambda value: value if type(value) is bool else None,
    "int": _to_int,
    "double": _to_double,
    "timestamp": _to_timestamp,
    "list(string)": _to_texts,
}


class Compiler:
    """Makes closures of the nodes of one tree."""

    def __init__(self, types: Types) -> None:
        self._types = types
        self._variables: dict[str, int] = {}

    def code(self, node: Node) -> Code:
        """Return the closure of a node."""
        made: Code = getattr(self, f"_{type(node).__name__.lower()}")(node)
        return made

    def _literal(self, node: Literal) -> Code:
        value = node.value
        return lambda _: value

    def _variable(self, node: Variable) -> Code:
        return operator.itemgetter(self._variables[node.name])

    def _attribute(self, node: Attribute) -> Code:
        slot, name, full_name = _SLOTS[node.root], node.name, node.full_name
        declared = self._types[node.root][name]
        exact = {"string": str, "bool": bool}.get(declared)

        def get_exact(values: tuple[Any, ...]) -> Any:
            value = values[slot].get(name)
            if type(value) is exact:
                return value
            raise MissingAttribute(full_name)

        def get(values: tuple[Any, ...]) -> Any:
            value = to_value(values[slot].get(name), declared)
            if value is None:
                raise MissingAttribute(full_name)
            return value

        return get if exact is None else get_exact

    def _not(self, node: Not) -> Code:
        operand = self.code(node.operand)
        return lambda values: not operand(values)

    def _logic(self, node: Logic) -> Code:
        operands = tuple(self.code(operand) for operand in node.operands)
        return _either(operands) if node.op == "||" else _both(operands)

    def _choice(self, node: Choice) -> Code:
        test, yes, no = self.code(node.test), self.code(node.yes), self.code(node.no)
        return lambda values: yes(values) if test(values) else no(values)

    def _compare(self, node: Compare) -> Code:
        left = self.code(node.left)
        if node.op == "in":
            return self._within(left, node.right)
        compare = _COMPARE[node.op]
        if isinstance(node.right, Literal):
            constant = node.right.value
            return lambda values: compare(left(values), constant)
        right = self.code(node.right)
        return lambda values: compare(left(values), right(values))

    def _within(self, left: Code, right: Node) -> Code:
        if isinstance(right, Items) and all(isinstance(item, Literal) for item in right.items):
            known = frozenset(item.value for item in right.items if isinstance(item, Literal))
            return lambda values: left(values) in known
        items = self.code(right)
        return lambda values: left(values) in items(values)

    def _sum(self, node: Sum) -> Code:
        left, right = self.code(node.left), self.code(node.right)
        join = operator.add if node.op == "+" else operator.sub
        return lambda values: join(left(values), right(values))

    def _items(self, node: Items) -> Code:
        items = tuple(self.code(item) for item in node.items)
        return lambda values: tuple([item(values) for item in items])

    def _call(self, node: Call) -> Code:
        if node.function == "has":
            return self._has(node.arguments[0])
        if node.function == "size":
            of = self.code(node.arguments[0])
            return lambda values: len(of(values))
        text = self.code(node.arguments[0])
        if node.function == "matches":
            return _matches(text, node)
        part, test = self.code(node.arguments[1]), _TEXT[node.function]
        return lambda values: test(text(values), part(values))

    def _has(self, node: Node) -> Code:
        """Whether an attribute is there; one of the wrong type is neither there nor not."""
        assert isinstance(node, Attribute)  # noqa: S101 -- The reader makes no other.
        slot, name = _SLOTS[node.root], node.name
        if self._types[node.root][name] not in _READ:
            return lambda values: values[slot].get(name) is not None
        get = self._attribute(node)

        def has(values: tuple[Any, ...]) -> bool:
            if values[slot].get(name) is None:
                return False
            get(values)
            return True

        return has

    def _quantified(self, node: Quantified) -> Code:
        over = self.code(node.over)
        self._variables[node.variable] = len(ROOTS) + len(self._variables)
        body = self.code(node.body)
        del self._variables[node.variable]
        return _exists(over, body) if node.macro == "exists" else _all(over, body)


def _either(operands: tuple[Code, ...]) -> Code:
    def either(values: tuple[Any, ...]) -> bool:
        missing = None
        for operand in operands:
            try:
                if operand(values):
                    return True
            except MissingAttribute as error:
                missing = missing or error
        if missing is not None:
            raise missing
        return False

    return either


def _both(operands: tuple[Code, ...]) -> Code:
    def both(values: tuple[Any, ...]) -> bool:
        missing = None
        for operand in operands:
            try:
                if not operand(values):
                    return False
            except MissingAttribute as error:
                missing = missing or error
        if missing is not None:
            raise missing
        return True

    return both


def _exists(over: Code, body: Code) -> Code:
    def exists(values: tuple[Any, ...]) -> bool:
        missing = None
        for item in over(values):
            try:
                if body((*values, item)):
                    return True
            except MissingAttribute as error:
                missing = missing or error
        if missing is not None:
            raise missing
        return False

    return exists


def _all(over: Code, body: Code) -> Code:
    def every(values: tuple[Any, ...]) -> bool:
        missing = None
        for item in over(values):
            try:
                if not body((*values, item)):
                    return False
            except MissingAttribute as error:
                missing = missing or error
        if missing is not None:
            raise missing
        return True

    return every


def _matches(text: Code, node: Call) -> Code:
    pattern = node.arguments[1]
    assert isinstance(pattern, Literal)  # noqa: S101 -- The reader makes no other.
    search = compile_pattern(pattern.value).search
    name = next((n.full_name for n in (node.arguments[0],) if isinstance(n, Attribute)), "text")

    def matches(values: tuple[Any, ...]) -> bool:
        try:
            return search(text(values)) is not None
        except UnicodeError:  # Half a surrogate pair is no text.
            raise MissingAttribute(name) from None

    return matches
