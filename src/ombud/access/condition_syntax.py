"""Condition syntax: text of CEL, read by the library's grammar, to our own tree.

Only the grammar of `celpy` is used, and none of its code.  It is loaded when the first
condition is read, because that takes a tenth of a second.  What is not in the subset of
`docs/policy.md` is refused here, with its place.
"""

from __future__ import annotations

import difflib
import re
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ombud.access.condition_lexis import (
    check_lexis,
    read_duration,
    read_text,
    read_timestamp,
)
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

NODES_MAX = 500  # Parts of one condition: each costs time in every decision.
NESTING_MAX = 40  # Levels of our own tree, brackets or not: `!!!!a`, `a ? b : c ? d : e`.
ROOTS = ("actor", "resource", "action", "context", "row")
INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1

_RELATIONS = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=", "in": "in"}
_METHODS = {"startsWith": 1, "endsWith": 1, "contains": 1, "matches": 1, "size": 0}
_MACROS = ("exists", "all")
_FUNCTIONS = ("has", "size", "timestamp", "duration")
_KNOWN = (*_METHODS, *_MACROS, *_FUNCTIONS)
_UNSUPPORTED = {
    "member_index": "`[…]` behind a value",
    "member_object": "`{…}`",
    "map_lit": "`{…}`",
    "dot_ident": "a leading `.`",
    "dot_ident_arg": "a leading `.`",
}


def parse_tree(text: str) -> Node:
    """Return the tree of a condition; raises `ConditionError` with its column."""
    check_lexis(text)
    return _Reader().read(_parse(text), ())


@cache
def _grammar() -> tuple[Any, Any]:
    """Return the parser made of the library's grammar, and the class of its refusals."""
    lark = import_module("lark")
    found = find_spec("celpy")
    folder = next(iter(found.submodule_search_locations or ())) if found else ""
    text = Path(folder, "cel.lark").read_text(encoding="utf-8")

    def tell_literals(token: Any) -> Any:
        is_bool = token.value in {"true", "false"}
        return lark.Token.new_borrow_pos("BOOL_LIT", token.value, token) if is_bool else token

    # As `celpy.celparser` does it, except that `true` and `false` keep their places.
    parser = lark.Lark(
        text,
        parser="lalr",
        start="expr",
        g_regex_flags=re.MULTILINE,
        lexer_callbacks={"IDENT": tell_literals},
        propagate_positions=True,
        maybe_placeholders=False,
        priority="invert",
    )
    return parser, lark.UnexpectedInput


def _parse(text: str) -> Any:
    parser, unexpected = _grammar()
    try:
        return parser.parse(text)
    except unexpected as error:
        token = getattr(error, "token", None)
        if token is None:
            place = error.pos_in_stream
            raise ConditionError(f"unexpected `{text[place : place + 1]}`", place + 1) from None
        if token.type == "$END":
            raise ConditionError("ends too early", len(text) + 1) from None
        raise ConditionError(f"unexpected `{token!s:.20}`", token.start_pos + 1) from None


class _Reader:
    """Reads one tree of the grammar, counting its parts."""

    def __init__(self) -> None:
        self._count = 0
        self._depth = 0

    def read(self, tree: Any, scope: tuple[str, ...]) -> Node:
        """Return our node of a tree; `scope` are the variables of the macros around it."""
        while len(tree.children) == 1 and tree.data in _THROUGH:
            tree = tree.children[0]
        self._count += 1
        self._depth += 1
        if self._count > NODES_MAX:
            raise ConditionError(f"more than {NODES_MAX} parts", _at(tree) + 1)
        if self._depth > NESTING_MAX:
            raise ConditionError(f"nested more than {NESTING_MAX} deep", _at(tree) + 1)
        handler = getattr(self, f"_read_{tree.data}", None)
        if handler is None:
            what = _UNSUPPORTED.get(tree.data, f"`{tree.data}`")
            raise ConditionError(f"{what} is not supported", _at(tree) + 1)
        node: Node = handler(tree, scope)
        self._depth -= 1
        return node

    def _read_expr(self, tree: Any, scope: tuple[str, ...]) -> Node:
        test, yes, no = (self.read(child, scope) for child in tree.children)
        return Choice(_at(tree), test, yes, no)

    def _read_conditionalor(self, tree: Any, scope: tuple[str, ...]) -> Node:
        return self._logic("||", "conditionalor", tree, scope)

    def _read_conditionaland(self, tree: Any, scope: tuple[str, ...]) -> Node:
        return self._logic("&&", "conditionaland", tree, scope)

    def _logic(self, op: str, data: str, tree: Any, scope: tuple[str, ...]) -> Node:
        """Read `a && b && c` as one node with three operands; the grammar nests them."""
        at, found = _at(tree), []
        while tree.data == data and len(tree.children) == 2:
            tree, last = tree.children
            found.append(last)
        found.append(tree)
        return Logic(at, op, tuple(self.read(child, scope) for child in reversed(found)))

    def _read_relation(self, tree: Any, scope: tuple[str, ...]) -> Node:
        operator, right = tree.children
        left = operator.children[0]
        if left.data == "relation" and len(left.children) == 2:
            raise ConditionError("a comparison of a comparison: use `&&`", _at(right) + 1)
        op = _RELATIONS[operator.data.removeprefix("relation_")]
        return Compare(_at(tree), op, self.read(left, scope), self.read(right, scope))

    def _read_addition(self, tree: Any, scope: tuple[str, ...]) -> Node:
        operator, right = tree.children
        op = "+" if operator.data == "addition_add" else "-"
        left = self.read(operator.children[0], scope)
        return Sum(_at(tree), op, left, self.read(right, scope))

    def _read_multiplication(self, tree: Any, scope: tuple[str, ...]) -> Node:
        del scope
        raise ConditionError("`*`, `/` and `%` are not supported", _at(tree) + 1)

    def _read_unary(self, tree: Any, scope: tuple[str, ...]) -> Node:
        sign, operand = tree.children
        node = self.read(operand, scope)
        if sign.data == "unary_not":
            return Not(_at(tree), node)
        if isinstance(node, Literal) and node.type in {"int", "double"}:
            return Literal(_at(tree), node.type, -node.value)
        raise ConditionError("`-` stands before numbers only", _at(tree) + 1)

    def _read_list_lit(self, tree: Any, scope: tuple[str, ...]) -> Node:
        items = tuple(self.read(child, scope) for child in _arguments(tree.children))
        return Items(_at(tree), items)

    def _read_ident(self, tree: Any, scope: tuple[str, ...]) -> Node:
        name = str(tree.children[0])
        if name in scope:
            return Variable(_at(tree), name)
        if name in ROOTS:
            raise ConditionError(f"`{name}` needs an attribute: `{name}.NAME`", _at(tree) + 1)
        near = difflib.get_close_matches(name, (*ROOTS, *scope), n=1)
        hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(ROOTS)}"
        raise ConditionError(f"unknown name `{name}`: {hint}", _at(tree) + 1)

    def _read_member_dot(self, tree: Any, scope: tuple[str, ...]) -> Node:
        of, name = tree.children
        root = _plain_name(of)
        if root is None:
            raise ConditionError("an attribute has no parts of its own", name.start_pos + 1)
        if root in scope or root not in ROOTS:
            self._read_ident(_through(of), ())  # Says that it is unknown.
            raise ConditionError(f"`{root}` has no attributes", _at(tree) + 1)
        return Attribute(_at(tree), root, str(name))

    def _read_member_dot_arg(self, tree: Any, scope: tuple[str, ...]) -> Node:
        of, name = tree.children[:2]
        method, given = str(name), _arguments(tree.children[2:])
        if method in _MACROS:
            return self._quantified(tree, method, of, given, scope)
        if method not in _METHODS:
            raise ConditionError(_unknown_function(method), name.start_pos + 1)
        if len(given) != _METHODS[method]:
            raise ConditionError(f"`{method}` takes {_METHODS[method]} values", name.start_pos + 1)
        arguments = tuple(self.read(child, scope) for child in (of, *given))
        if method == "matches" and not _is_text(arguments[1]):
            raise ConditionError("`matches` takes a text, not a computed one", arguments[1].at + 1)
        return Call(_at(tree), method, arguments)

    def _quantified(
        self, tree: Any, macro: str, of: Any, given: list[Any], scope: tuple[str, ...]
    ) -> Node:
        variable = _plain_name(given[0]) if len(given) == 2 else None
        if variable is None:
            raise ConditionError(f"write `{macro}(x, condition on x)`", _at(tree) + 1)
        if variable in ROOTS or variable in scope:
            raise ConditionError(f"`{variable}` means something already", _at(given[0]) + 1)
        over = self.read(of, scope)
        return Quantified(_at(tree), macro, over, variable, self.read(given[1], (*scope, variable)))

    def _read_ident_arg(self, tree: Any, scope: tuple[str, ...]) -> Node:
        function, given = str(tree.children[0]), _arguments(tree.children[1:])
        at = _at(tree)
        if function not in _FUNCTIONS:
            raise ConditionError(_unknown_function(function), at + 1)
        if len(given) != 1:
            raise ConditionError(f"`{function}` takes one value", at + 1)
        value = self.read(given[0], scope)
        if function == "has" and not isinstance(value, Attribute):
            raise ConditionError("`has` takes an attribute such as `actor.role`", value.at + 1)
        if function in {"timestamp", "duration"}:
            return _time_literal(function, value, at)
        return Call(at, function, (value,))

    def _read_literal(self, tree: Any, scope: tuple[str, ...]) -> Node:
        del scope
        token = tree.children[0]
        written, at = str(token), token.start_pos
        if token.type == "STRING_LIT":
            return Literal(at, "string", read_text(written, at))
        if token.type == "BOOL_LIT":
            return Literal(at, "bool", written == "true")
        if token.type == "INT_LIT":
            number = int(written, 16 if "x" in written else 10)
            if not INT_MIN <= number <= INT_MAX:
                raise ConditionError(f"`{written:.24}` has more than 64 bits", at + 1)
            return Literal(at, "int", number)
        if token.type == "FLOAT_LIT":
            real = float(written)
            if real in {float("inf"), float("-inf")}:
                raise ConditionError(f"`{written:.24}` is too large", at + 1)
            return Literal(at, "double", real)
        if token.type == "NULL_LIT":
            raise ConditionError("`null` is not supported: ask `has(…)`", at + 1)
        raise ConditionError(f"`{written:.24}` is not supported", at + 1)


_THROUGH = frozenset({
    "expr", "conditionalor", "conditionaland", "relation", "addition", "multiplication",
    "unary", "member", "primary", "paren_expr",
})  # fmt: skip


def _through(tree: Any) -> Any:
    while len(tree.children) == 1 and tree.data in _THROUGH:
        tree = tree.children[0]
    return tree


def _at(tree: Any) -> int:
    return int(tree.meta.start_pos)


def _arguments(children: list[Any]) -> list[Any]:
    return list(children[0].children) if children else []


def _plain_name(tree: Any) -> str | None:
    tree = _through(tree)
    return str(tree.children[0]) if tree.data == "ident" else None


def _is_text(node: Node) -> bool:
    return isinstance(node, Literal) and node.type == "string"


def _time_literal(function: str, value: Node, at: int) -> Literal:
    if not isinstance(value, Literal) or value.type != "string":
        raise ConditionError(f"`{function}` takes a text, not a computed one", value.at + 1)
    micros = (read_timestamp if function == "timestamp" else read_duration)(value.value)
    if micros is None:
        example = "2026-01-31T12:00:00Z" if function == "timestamp" else "1h30m"
        raise ConditionError(
            f"`{value.value:.40}` is no {function} such as `{example}`", value.at + 1
        )
    return Literal(at, function, micros)


def _unknown_function(name: str) -> str:
    near = difflib.get_close_matches(name, _KNOWN, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(_KNOWN)}"
    return f"function `{name:.40}` is not supported: {hint}"
