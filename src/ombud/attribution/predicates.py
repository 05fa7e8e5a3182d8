"""Predicates: what a condition says of columns: equal to a value, to each other, or nothing.

Nodes are those of PostgreSQL's raw parse tree, as libpg_query writes it in JSON:
`{"A_Expr": {...}}`, with defaults (0, false, empty) left out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from ombud.attribution.facts import (
    NO_PINS,
    Facts,
    Link,
    Literal,
    Parameter,
    Pins,
    Term,
    Value,
)
from ombud.attribution.keys import keeps_key, number_key
from ombud.attribution.scope import Scope

Json = dict[str, Any]
# Pairs of equal columns of one statement: those of UNIONs joined with UNIONs multiply.
PAIRS_MAX = 5_000

_RANGES = frozenset({"<", ">", "<=", ">="})
_NOT_EQUAL = frozenset({"<>", "!="})
_PATTERNS = frozenset({"~", "~*", "!~", "!~*", "~~", "~~*", "!~~", "!~~*", "^@"})
_BY_KIND = {
    "AEXPR_DISTINCT": "negated",
    "AEXPR_LIKE": "pattern",
    "AEXPR_ILIKE": "pattern",
    "AEXPR_SIMILAR": "pattern",
    "AEXPR_BETWEEN": "range",
    "AEXPR_BETWEEN_SYM": "range",
    "AEXPR_NOT_BETWEEN": "negated",
    "AEXPR_NOT_BETWEEN_SYM": "negated",
}


class TooLarge(Exception):  # noqa: N818  # It is an answer, caught where it is asked for.
    """The statement has more relations, or pairs of equal columns, than are looked at."""


class Host(Protocol):
    """What walks the rest of the statement."""

    facts: Facts

    def expression(self, node: Any, scope: Scope) -> None:
        """Look for calls and subqueries in any expression."""

    def output(self, subselect: Json, scope: Scope, *, is_held: bool) -> Term:
        """Walk a subquery and return what its first column stands for."""


def operator(expression: Json) -> str:
    """Return the name of an operator; none for one of another schema, which may do anything."""
    names = expression.get("name") or [{}]
    if len(names) > 1 and names[0].get("String", {}).get("sval") != "pg_catalog":
        return ""
    return str(names[-1].get("String", {}).get("sval", ""))


def column_names(reference: Json) -> list[str] | None:
    """Return the parts of a column's name; None for a star."""
    try:
        return [field["String"]["sval"] for field in reference["fields"]]
    except KeyError:
        return None


def constant(node: Json) -> str | None:
    """Return the text of a constant; None for NULL and what names nobody."""
    if "sval" in node:
        return str(node["sval"].get("sval", ""))
    if "ival" in node:
        return str(node["ival"].get("ival", 0))
    if "fval" in node:
        written = str(node["fval"].get("fval", ""))
        sign = "-" if written[:1] == "-" else ""
        return number_key(sign, written[len(sign) :]) if len(written) > len(sign) else ""
    return None


def bare(node: Json) -> Json:
    """Return an expression without collations, and casts that leave its key, around it."""
    if "TypeCast" not in node and "CollateClause" not in node:
        return node
    whole, types = node, []
    while "TypeCast" in node or "CollateClause" in node:
        inner = node.get("TypeCast") or node["CollateClause"]
        if "typeName" in inner:
            types.append(inner["typeName"])
        node = inner.get("arg", {})
    return node if not types or keeps_key(types, node) else whole


def value_of(node: Json) -> Value | None:
    """Return the value that an expression is, if it is one as it stands."""
    node = bare(node)
    if "A_Const" in node:
        text = constant(node["A_Const"])
        place = node["A_Const"].get("location", 0)
        return Value(Literal(place, text)) if text is not None else None
    if "ParamRef" in node:
        return Value(Parameter(node["ParamRef"].get("number", 0)))
    return None


def is_null(node: Json) -> bool:
    """Whether an expression is the constant NULL."""
    return bool(bare(node).get("A_Const", {}).get("isnull"))


class Predicates:
    """Reads conditions; `holds` says which links an outer join leaves in force."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._facts = host.facts
        self._links = True
        self._nullable: frozenset[int] | None = None  # Of the outer join whose ON is read.
        self._is_full = False
        self.floor = 0  # Relations below are outside the subquery that is read.

    def join_condition(
        self, node: Json, scope: Scope, *, nullable: frozenset[int] | None, is_full: bool
    ) -> Pins:
        """Return what the ON of a join pins; outer joins pin only their nullable side."""
        before = self._nullable, self._is_full
        self._nullable, self._is_full = nullable, is_full
        try:
            pins = self.condition(node, scope)
        finally:
            self._nullable, self._is_full = before
        return pins

    def subquery(self, read: Callable[[], Term], *, is_held: bool) -> Term:
        """Read a subquery; unless every row outside meets it, it pins nothing outside."""
        before = self._links, self._nullable, self._is_full, self.floor
        self._links, self._nullable, self._is_full = True, None, False
        if not is_held:
            self.floor = len(self._facts.relations)
        try:
            return read()
        finally:
            self._links, self._nullable, self._is_full, self.floor = before

    def condition(self, node: Json, scope: Scope) -> Pins:
        """Return what is pinned where a condition holds."""
        for kind, inner in node.items():
            read = self._CONDITIONS.get(kind)
            if read is not None:
                return read(self, inner, scope)
        self._blame(node, scope, "expression")
        return NO_PINS

    def _cast(self, node: Json, scope: Scope) -> Pins:
        return self.condition(node.get("arg", {}), scope)

    def _null_test(self, node: Json, scope: Scope) -> Pins:
        argument = node.get("arg", {})
        if "ColumnRef" in bare(argument):
            self.term(argument, scope)
        else:
            self._host.expression(argument, scope)
        return NO_PINS

    def _current_of(self, _node: Json, scope: Scope) -> Pins:
        for relation in scope.relations[:1]:
            self._facts.reasons.setdefault(relation.number, {})["cursor"] = None
        return NO_PINS

    def _boolean(self, node: Json, scope: Scope) -> Pins:
        kind, parts = node.get("boolop"), node.get("args", ())
        if kind == "AND_EXPR":
            pins = NO_PINS
            for part in parts:
                pins = pins.both(self.condition(part, scope))
            return pins
        if kind == "OR_EXPR":
            before, self._links = self._links, False
            branches = [self.condition(part, scope) for part in parts]
            self._links = before
            pins = branches[0]
            for branch in branches[1:]:
                pins = pins.either(branch)
            return pins
        self._blame(parts, scope, "negated")
        return NO_PINS

    def _comparison(self, node: Json, scope: Scope) -> Pins:
        kind = node.get("kind")
        left, right = node.get("lexpr", {}), node.get("rexpr", {})
        if kind == "AEXPR_OP" and "lexpr" in node:
            name = operator(node)
            if name == "=":
                return self._equal(left, right, scope)
            reason = (
                "range"
                if name in _RANGES
                else "negated"
                if name in _NOT_EQUAL
                else "pattern"
                if name in _PATTERNS
                else "expression"
            )
        elif kind == "AEXPR_NOT_DISTINCT":
            return self._equal(left, right, scope)
        elif kind in {"AEXPR_IN", "AEXPR_OP_ANY"}:
            if operator(node) == "=":
                return self._any(left, right, scope)
            reason = "negated" if operator(node) in _NOT_EQUAL else "expression"
        else:
            reason = _BY_KIND.get(str(kind), "expression")
        self._blame([left, right], scope, reason)
        return NO_PINS

    def term(self, node: Json, scope: Scope) -> Term:
        """Return what a column stands for; an expression that is none stands for nothing."""
        reference = node.get("ColumnRef") or bare(node).get("ColumnRef")
        if reference is None:
            return ()
        names = column_names(reference)
        term = scope.term(names) if names is not None else ()
        self._facts.use(term, self._facts.filtered)
        return term

    def _equal(self, left: Json, right: Json, scope: Scope) -> Pins:
        left, right = bare(left), bare(right)
        if "RowExpr" in left and "RowExpr" in right:
            return self._rows(left["RowExpr"], right["RowExpr"], scope)
        for one, other in ((left, right), (right, left)):
            if "ColumnRef" not in one:
                continue
            value = value_of(other)
            if value is not None:
                return self._facts.compare(self.term(one, scope), value)
            if "ColumnRef" in other:
                self._link(self.term(one, scope), self.term(other, scope))
                return NO_PINS
            if is_null(other):
                self._facts.fault(self.term(one, scope), "null")
                return NO_PINS
            if other.get("SubLink", {}).get("subLinkType") == "EXPR_SUBLINK":
                return self._subquery(self.term(one, scope), other["SubLink"], scope)
        self._blame([left, right], scope, "expression")
        return NO_PINS

    def _rows(self, left: Json, right: Json, scope: Scope) -> Pins:
        pins = NO_PINS
        for one, other in zip(left.get("args", ()), right.get("args", ()), strict=False):
            pins = pins.both(self._equal(one, other, scope))
        return pins

    def _any(self, left: Json, right: Json, scope: Scope) -> Pins:
        """Return what `IN (…)` and `= ANY (…)` pin."""
        items = _items(right)
        left = bare(left)
        if items is not None:
            before, self._links = self._links, self._links and len(items) == 1
            branches = [self._equal(left, item, scope) for item in items]
            self._links = before
            pins = branches[0] if branches else NO_PINS
            for branch in branches[1:]:
                if branch.columns != pins.columns:
                    pins = pins.either(branch)
            return pins
        value = value_of(right)
        if "ColumnRef" in left and value is not None:
            return self._facts.compare(self.term(left, scope), Value(value.of, is_array=True))
        self._blame([left, right], scope, "expression")
        return NO_PINS

    def _sublink(self, node: Json, scope: Scope) -> Pins:
        kind = node.get("subLinkType")
        if kind == "EXISTS_SUBLINK":
            self._host.output(node.get("subselect", {}), scope, is_held=self._is_held())
            return NO_PINS
        names = node.get("operName")
        is_equal = not names or operator({"name": names}) == "="
        if kind == "ANY_SUBLINK" and is_equal:
            test = bare(node.get("testexpr", {}))
            if "ColumnRef" not in test:
                self._blame(test, scope, "subquery")
            return self._subquery(self.term(test, scope), node, scope)
        self._blame([node], scope, "subquery")
        return NO_PINS

    def _subquery(self, term: Term, sublink: Json, scope: Scope) -> Pins:
        output = self._host.output(sublink.get("subselect", {}), scope, is_held=self._is_held())
        if output:
            self._link(term, output)
        self._facts.fault(term, "subquery")
        return NO_PINS

    def _is_held(self) -> bool:
        """Whether every row that the statement reaches meets the condition that is read."""
        return self._links and self._nullable is None and not self._is_full

    def link(
        self,
        left: Term,
        right: Term,
        *,
        nullable: frozenset[int] | None = None,
        is_full: bool = False,
    ) -> None:
        """Note that a join, or a change, makes two columns equal."""
        before = self._nullable, self._is_full
        self._nullable, self._is_full = nullable, is_full
        self._link(left, right)
        self._nullable, self._is_full = before

    def _link(self, left: Term, right: Term) -> None:
        if not self._links:
            return
        if len(left) * len(right) > PAIRS_MAX - len(self._facts.same):
            raise TooLarge
        self._facts.same += [(one, other) for one in left for other in right]
        for sources, targets in ((left, right), (right, left)):
            if len(sources) == 1:  # Of several it is known of none which one it is.
                source = sources[0]
                self._facts.links += [
                    Link(source, target, self._holds(target[0]))
                    for target in targets
                    if (target[0] >= self.floor or source[0] < self.floor)
                    and self._is_link(source[0], target[0])
                ]

    def _holds(self, target: int) -> bool:
        """Whether each row of the target meets the condition, wherever the source is pinned."""
        return not self._is_full and (self._nullable is None or target in self._nullable)

    def _is_link(self, source: int, target: int) -> bool:
        """Whether rows of both, where both are there, meet the condition of an outer join.

        Two relations of the side that is kept are there without meeting it.
        """
        if self._nullable is None:
            return True
        if self._is_full:
            return (source in self._nullable) is not (target in self._nullable)
        return source in self._nullable or target in self._nullable

    def _blame(self, node: Any, scope: Scope, reason: str) -> None:
        """Say of every declared column in an expression why its comparison names nobody."""
        if isinstance(node, list):
            for item in node:
                self._blame(item, scope, reason)
            return
        if not isinstance(node, dict):
            return
        for kind, inner in node.items():
            if kind == "ColumnRef":
                self._facts.fault(self.term(node, scope), reason)
            elif kind in {"SubLink", "FuncCall"}:
                self._blame(inner.get("testexpr"), scope, reason)
                self._blame(inner.get("args"), scope, reason)
                self._host.expression(node, scope)
            elif kind != "A_Const" and isinstance(inner, dict | list):
                self._blame(inner, scope, reason)

    _CONDITIONS: ClassVar[dict[str, Callable[[Predicates, Json, Scope], Pins]]] = {
        "A_Expr": _comparison,
        "BoolExpr": _boolean,
        "SubLink": _sublink,
        "TypeCast": _cast,
        "NullTest": _null_test,
        "CurrentOfExpr": _current_of,
    }


def _items(node: Json) -> list[Json] | None:
    """Return the elements of a list or of an array that is written out."""
    node = bare(node)
    if "List" in node:
        return list(node["List"].get("items", ()))
    if "A_ArrayExpr" in node:
        return list(node["A_ArrayExpr"].get("elements", ()))
    return None
