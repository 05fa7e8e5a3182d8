"""Statement: the facts of one PostgreSQL statement, from the server's own parser."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import orjson
from postgast.native import lib

from ombud.attribution.facts import Facts, Literal, Pins, Relation, Value
from ombud.attribution.predicates import value_of
from ombud.attribution.scope import Datasets, Scope
from ombud.attribution.walk import Json, TooLarge, Walk

TEXT_SIZE_MAX = 256 << 10  # Characters: the tree of a statement is a hundred times its text.
# Characters that may each nest the tree one deeper.  The parser is C and recurses: it needs some
# 80 bytes of stack a level, measured, and a thread has 2 MB at least.
DEPTH_MAX = 16_384
_FLAT = re.compile(r"'[^']*'|[\d\s,()]+")
_NOT_FLAT = ("\\", '"', "$", "--", "/*")


class Unparsed(Exception):  # noqa: N818  # It is an answer, caught where it is asked for.
    """The text is no statement that PostgreSQL would take, or too large to look at."""


def parse(text: str) -> tuple[list[Json], bytes]:
    """Return the statements of a text as raw trees, and those trees' JSON; raises `Unparsed`.

    The JSON is the parser's own: read by `orjson` it takes a fifth of the CPU
    that the message of the same tree takes.
    """
    if len(text) > TEXT_SIZE_MAX or "\x00" in text:
        raise Unparsed
    if len(text) > DEPTH_MAX and (
        any(mark in text for mark in _NOT_FLAT) or len(_FLAT.sub("", text)) > DEPTH_MAX
    ):
        raise Unparsed
    try:
        result = lib.pg_query_parse(text.encode())
    except UnicodeEncodeError:
        raise Unparsed from None
    try:
        tree: bytes = b"" if result.error else result.parse_tree  # A copy.
    finally:
        lib.pg_query_free_parse_result(result)
    if not tree:
        raise Unparsed
    try:
        document = orjson.loads(tree)
    except orjson.JSONDecodeError:  # Nested too deeply.
        raise Unparsed from None
    return [row.get("stmt", {}) for row in document.get("stmts", ())], tree


def gather(statements: Iterable[Json], datasets: Datasets) -> Facts:
    """Return the facts of parsed statements; raises `Unparsed` if they are nested too deeply."""
    walk = Changes(datasets)
    try:
        for number, statement in enumerate(statements):
            before = len(walk.facts.settings)
            walk.statement(statement)
            if number and len(walk.facts.settings) > before:
                walk.facts.is_ordered = False
    except (RecursionError, TooLarge):
        raise Unparsed from None
    return walk.facts


class Changes(Walk):
    """Walks every kind of statement."""

    def statement(self, node: Json) -> None:
        """Walk one whole statement."""
        scope = Scope()
        for kind, inner in node.items():
            if kind == "SelectStmt":
                self.select(inner, scope, is_top=True)
            elif kind in _CARRIERS:
                self.statement(inner.get("query", {}))
            elif kind == "CopyStmt":
                self._copy(inner, scope)
            elif kind == "TruncateStmt":
                self.from_clause(inner.get("relations", ()), scope)
            elif kind == "CallStmt":
                self.expression({"FuncCall": inner.get("funccall", {})}, scope)
            else:
                self.change(node, scope)

    def change(self, node: Json, scope: Scope) -> None:
        """Walk a statement that changes data."""
        for kind, inner in node.items():
            if kind in _CHANGES:
                if "withClause" in inner:
                    self.with_clause(inner["withClause"], scope)
                _CHANGES[kind](self, inner, scope)
                self.targets(inner.get("returningList", ()), scope, is_top=True)
            elif kind == "ExecuteStmt":
                self.expression(inner.get("params"), scope)

    def _copy(self, node: Json, scope: Scope) -> None:
        if "query" in node:
            self.statement(node["query"])
        elif "relation" in node:
            relation = self.table(node["relation"], scope)
            self.facts.reasons.setdefault(relation.number, {})["copy"] = None

    def insert(self, node: Json, scope: Scope) -> None:
        """Walk an INSERT: the values of declared columns name whom the new row is about."""
        relation = self.table(node.get("relation", {}), scope)
        names = [column.get("ResTarget", {}).get("name", "") for column in node.get("cols", ())]
        select = node.get("selectStmt", {}).get("SelectStmt", {})
        if not names and select:
            self.facts.reasons.setdefault(relation.number, {})["columns_not_named"] = None
        if "valuesLists" in select:
            self._with(select, scope)
            rows = [row.get("List", {}).get("items", ()) for row in select["valuesLists"]]
            self._rows(relation, names, rows, scope)
        elif select:
            self._insert_query(relation, names, select, scope)
        conflict = node.get("onConflictClause", {})
        self._set(relation, conflict.get("targetList", ()), scope)
        self.expression(conflict.get("whereClause"), scope)

    def _with(self, node: Json, scope: Scope) -> None:
        if "withClause" in node:
            self.with_clause(node["withClause"], scope)

    def _rows(
        self, relation: Relation, names: list[str], rows: list[list[Json]], scope: Scope
    ) -> None:
        """Note rows of values; the relation is pinned when each row names somebody."""
        pins: Pins | None = None
        for row in rows:
            row_pins = Pins()
            for name, item in zip(names, row, strict=False):
                value = value_of(item)
                if value is not None and name in relation.kinds:
                    row_pins = row_pins.both(self.facts.compare(((relation.number, name),), value))
                elif value is None:
                    self.expression(item, scope)
                    if name in relation.kinds:
                        self.facts.fault(((relation.number, name),), "expression")
            pins = row_pins if pins is None or pins == row_pins else pins.either(row_pins)
        if pins is not None:
            self.hold(pins)

    def _insert_query(
        self, relation: Relation, names: list[str], select: Json, scope: Scope
    ) -> None:
        output = self.select(select, Scope(scope))
        if output.stars:
            self.facts.reasons.setdefault(relation.number, {})["expression"] = None
            return
        for name, (_, term, value) in zip(names, output.columns, strict=False):
            if name not in relation.kinds:
                continue
            column = ((relation.number, name),)
            if value is not None:
                self.hold(self.facts.compare(column, value))
            elif term:
                self.predicates.link(column, term)
                self.facts.fault(column, "subquery")
            else:
                self.facts.fault(column, "expression")

    def _set(self, relation: Relation, items: Iterable[Json], scope: Scope) -> None:
        """Note assignments: whom a row is about from now on is somebody named too."""
        for item in items:
            target: dict[str, Any] = item.get("ResTarget", {})
            value = value_of(target.get("val", {}))
            if value is None:
                self.expression(target.get("val"), scope)
            elif target.get("name") in relation.kinds:
                self.facts.compare(((relation.number, target["name"]),), value)

    def update(self, node: Json, scope: Scope) -> None:
        """Walk an UPDATE."""
        relation = self.table(node.get("relation", {}), scope)
        pins = self.from_clause(node.get("fromClause", ()), scope)
        self._set(relation, node.get("targetList", ()), scope)
        if "whereClause" in node:
            pins = pins.both(self.predicates.condition(node["whereClause"], scope))
        self.hold(pins)

    def delete(self, node: Json, scope: Scope) -> None:
        """Walk a DELETE."""
        self.table(node.get("relation", {}), scope)
        pins = self.from_clause(node.get("usingClause", ()), scope)
        if "whereClause" in node:
            pins = pins.both(self.predicates.condition(node["whereClause"], scope))
        self.hold(pins)

    def merge(self, node: Json, scope: Scope) -> None:
        """Walk a MERGE: rows of the target are changed where the source has an equal one."""
        relation = self.table(node.get("relation", {}), scope)
        pins = self.from_clause([node.get("sourceRelation", {})], scope)
        self.hold(pins.both(self.predicates.condition(node.get("joinCondition", {}), scope)))
        for clause in node.get("mergeWhenClauses", ()):
            inner = clause.get("MergeWhenClause", {})
            self.expression(inner.get("condition"), scope)
            targets = inner.get("targetList", ())
            if inner.get("commandType") != "CMD_INSERT":
                self._set(relation, targets, scope)
                continue
            names = [target.get("ResTarget", {}).get("name", "") for target in targets]
            self._merged(relation, names, inner.get("values", ()), scope)

    def _merged(
        self, relation: Relation, names: list[str], values: list[Json], scope: Scope
    ) -> None:
        for name, item in zip(names, values, strict=False):
            value = value_of(item)
            if value is not None and name in relation.kinds:
                self.facts.compare(((relation.number, name),), value)
            elif value is None:
                self.expression(item, scope)


def named(value: Value) -> str | None:
    """Return the text of a literal; None for a parameter."""
    return value.of.text if isinstance(value.of, Literal) else None


_CARRIERS = frozenset({"ExplainStmt", "DeclareCursorStmt", "PrepareStmt", "CreateTableAsStmt"})
_CHANGES = {
    "InsertStmt": Changes.insert,
    "UpdateStmt": Changes.update,
    "DeleteStmt": Changes.delete,
    "MergeStmt": Changes.merge,
}
