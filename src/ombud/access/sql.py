"""SQL: row filters and masks as expressions of Trino and PostgreSQL.

A filter shows a row exactly where `Condition.test` would hold for it: CEL's missing
attributes are SQL's NULL, and its `&&`, `||`, `!` and `? :` treat them as SQL's do.
What has no such form raises `RenderError`; there is never an empty filter.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ombud.access.condition_syntax import parse_tree
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
    Sum,
)
from ombud.access.condition_types import ANY, check_types, declared_types
from ombud.access.model import Attributes
from ombud.access.sql_fold import Folder, value_types
from ombud.access.sql_masks import render_mask
from ombud.access.sql_text import Dialect, RenderError, quote_name, quote_text, quote_value

__all__ = ["Dialect", "RenderError", "check_filter", "render_filter", "render_mask"]

SQL_MAX = 100_000  # Characters: longer than any list that a person put there.
NOTHING: Mapping[str, Any] = {}


def render_filter(
    text: str,
    *,
    actor: Mapping[str, Any],
    context: Mapping[str, Any],
    dialect: str,
    resource: Mapping[str, Any] = NOTHING,
    action: Mapping[str, Any] = NOTHING,
    columns: Mapping[str, str] | None = None,
    attributes: Attributes | None = None,
) -> str:
    """Return a row filter as a SQL expression, in brackets.

    `columns` and `attributes` give the types, as far as they are known; without
    them the server finds out whether things can be compared.  Raises `RenderError`
    (an `InputError`) for what has no safe form and `MissingAttribute` where a value
    is needed that is absent.
    """
    values = {"actor": actor, "resource": resource, "action": action, "context": context}
    try:
        tree = parse_tree(text)
        types = value_types(tree, values, attributes, columns)
        kind = check_types(tree, types)
    except ConditionError as error:
        raise RenderError(f"column {error.column}: {error.message}") from None
    if kind not in {"bool", ANY}:
        raise RenderError(f"a row filter must be bool, not {kind}")
    left = Folder(values, types).fold(tree)
    sql = _Writer(Dialect(dialect), types["row"]).test(left)
    if len(sql) > SQL_MAX:
        raise RenderError(f"a row filter of {len(sql)} characters; {SQL_MAX} are allowed")
    return f"({sql})"


def check_filter(text: str, *, attributes: Attributes, columns: Mapping[str, str]) -> None:
    """Raise `RenderError` if a row filter has no form in some dialect, whatever its values."""
    tree = parse_tree(text)
    types = declared_types(attributes, columns)
    left = Folder({}, types, is_trial=True).fold(tree)
    for dialect in Dialect:
        _Writer(dialect, columns).test(left)


class _Writer:
    """Writes what is left of a filter, as expressions that are true, false or NULL."""

    def __init__(self, dialect: Dialect, columns: Mapping[str, str]) -> None:
        self._dialect = dialect
        self._is_trino = dialect is Dialect.TRINO
        self._columns = columns

    def test(self, node: Node) -> str:
        """Return a test; raises `RenderError` for what has no form."""
        if isinstance(node, Items | Sum) or (isinstance(node, Call) and node.function == "size"):
            raise RenderError("a value is no condition")
        return self._write(node)

    def _write(self, node: Node) -> str:
        write = getattr(self, f"_{type(node).__name__.lower()}", None)
        if write is None:
            raise RenderError(f"{type(node).__name__.lower()} has no form in SQL")
        written: str = write(node)
        return written

    def _literal(self, node: Literal) -> str:
        return quote_value(node.value, node.type, self._dialect)

    def _attribute(self, node: Attribute) -> str:
        quoted = quote_name(node.name, self._dialect)
        if self._columns.get(node.name) != "double":
            return quoted
        # Not a number is above all numbers in PostgreSQL, other than all in Trino, and
        # unknown in CEL.
        if self._is_trino:
            return f"IF(is_nan({quoted}), NULL, {quoted})"
        return f"NULLIF({quoted}, 'NaN')"

    def _logic(self, node: Logic) -> str:
        word = " AND " if node.op == "&&" else " OR "
        return f"({word.join(map(self.test, node.operands))})"

    def _not(self, node: Not) -> str:
        return f"(NOT {self.test(node.operand)})"

    def _choice(self, node: Choice) -> str:
        # An unknown test makes neither side true, so `ELSE` would show too much.
        test, yes, no = self.test(node.test), self._write(node.yes), self._write(node.no)
        return f"(CASE WHEN {test} THEN {yes} WHEN (NOT {test}) THEN {no} END)"

    def _compare(self, node: Compare) -> str:
        left = self._write(node.left)
        if node.op == "in":
            return self._within(left, node.right)
        right = self._write(node.right)
        op = {"==": "=", "!=": "<>"}.get(node.op, node.op)
        is_text = "string" in {self._type(node.left), self._type(node.right)}
        if op not in {"=", "<>"} and is_text and not self._is_trino:
            left = f'{left} COLLATE "C"'  # By code point, as CEL orders texts.
        return f"({left} {op} {right})"

    def _within(self, left: str, right: Node) -> str:
        # An item that is NULL would be passed over by SQL, and is an error in CEL.
        are_values = isinstance(right, Items) and all(
            isinstance(one, Literal) for one in right.items
        )
        if not isinstance(right, Items) or not are_values:
            raise RenderError("`in` a list of columns has no form in SQL")
        if not right.items:
            return f"({left} <> {left})"  # False, or NULL where the column is.
        return f"({left} IN ({', '.join(map(self._write, right.items))}))"

    def _sum(self, node: Sum) -> str:
        if node.op == "+" and "string" in {self._type(node.left), self._type(node.right)}:
            return f"({self._write(node.left)} || {self._write(node.right)})"
        raise RenderError(
            "a column in a sum has no form in SQL; compare the column itself, as in"
            " `row.at > context.time - duration('24h')`"
        )

    def _call(self, node: Call) -> str:
        if node.function == "has":
            return self._has(node.arguments[0])
        if node.function == "size":
            if self._type(node.arguments[0]) not in {"string", ANY}:
                raise RenderError("`size` of a list has no form in SQL")
            name = "length" if self._is_trino else "char_length"
            return f"{name}({self._write(node.arguments[0])})"
        return self._text_test(node)

    def _has(self, node: Node) -> str:
        name = quote_name(node.name if isinstance(node, Attribute) else "", self._dialect)
        present = f"({name} IS NOT NULL)"
        if self._type(node) != "double":
            return present
        is_nan = f"is_nan({name})" if self._is_trino else f"({name} = 'NaN')"
        return f"(CASE WHEN {is_nan} THEN NULL ELSE {present} END)"

    def _text_test(self, node: Call) -> str:
        text, part = node.arguments
        if node.function == "matches":
            raise RenderError("`matches` on a column has no form in SQL: engines differ")
        if not isinstance(part, Literal):
            raise RenderError(f"`{node.function}` looks for a value, not for a column")
        of, wanted = self._write(text), quote_text(part.value, self._dialect)
        size = len(part.value)
        if not size:
            return f"({of} = {of})"  # Every text has it; NULL is no text.
        if node.function == "startsWith":
            return f"starts_with({of}, {wanted})"
        if node.function == "contains":
            return f"(strpos({of}, {wanted}) > 0)"
        end = f"substr({of}, -{size})" if self._is_trino else f"right({of}, {size})"
        return f"({end} = {wanted})"

    def _type(self, node: Node) -> str:
        match node:
            case Literal(type=kind):
                found = kind
            case Attribute(name=name):
                found = self._columns.get(name, ANY)
            case Choice(yes=yes):
                found = self._type(yes)
            case Sum():
                found = "string"
            case Call(function="size"):
                found = "int"
            case _:
                found = "bool"
        return found
