"""Statement: the facts of one PostgreSQL statement, from the server's own parser."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import orjson
from postgast.native import lib

from ombud.attribution.facts import Facts, Literal, Pins, Relation, Value
from ombud.attribution.predicates import TooLarge, column_names, is_null, value_of
from ombud.attribution.scope import Datasets, Scope
from ombud.attribution.walk import Json, Walk

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


def gather(statements: Iterable[Json], tree: bytes, datasets: Datasets) -> Facts:
    """Return the facts of parsed statements; raises `Unparsed` if they are nested too deeply.

    `tree` is the statements' JSON: what it names and the walk did not come to is told.
    """
    walk = Changes(datasets)
    try:
        for number, statement in enumerate(statements):
            before = len(walk.facts.settings)
            walk.statement(statement)
            if number and len(walk.facts.settings) > before:
                walk.facts.is_ordered = False
        if tree.count(b'"relname":') + tree.count(b'"funcname":') > len(walk.seen):
            for statement in statements:
                if not _WALKED.isdisjoint(statement):
                    walk.overlooked(statement)
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
                returned = inner.get("returningClause", {}).get("exprs", ())
                self.targets(returned, scope, is_top=True)
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
        relation = self.table(node.get("relation", {}), scope, is_target=True)
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
            node = target.get("val", {})
            many = node.get("MultiAssignRef", {})  # `(a, b) = (1, 2)`, once for each column.
            parts = many.get("source", {}).get("RowExpr", {}).get("args", ())
            if 0 < many.get("colno", 0) <= len(parts):
                node = parts[many["colno"] - 1]
            self._assign(relation, target.get("name", ""), node, scope)

    def _assign(self, relation: Relation, name: str, node: Json, scope: Scope) -> None:
        """Note the value of a column: of a declared one that is no plain value somebody unnamed."""
        value = value_of(node)
        if value is None:
            self.expression(node, scope)
        if name not in relation.kinds or is_null(node):
            return
        column = ((relation.number, name),)
        if value is not None:
            self.facts.compare(column, value)
            return
        names = column_names(node.get("ColumnRef", {})) or []
        if names in ([name], ["excluded", name]):  # As it is, or as the INSERT has noted it.
            return
        kinds = {name: relation.kinds[name]}
        written = self.facts.add_relation(relation.name, dataset=relation.dataset, kinds=kinds)
        column = ((written.number, name),)
        term = scope.term(names) if names else ()
        if term:
            self.predicates.link(column, term)
        self.facts.fault(column, "expression")

    def update(self, node: Json, scope: Scope) -> None:
        """Walk an UPDATE."""
        relation = self.table(node.get("relation", {}), scope, is_target=True)
        pins = self.from_clause(node.get("fromClause", ()), scope)
        self._set(relation, node.get("targetList", ()), scope)
        if "whereClause" in node:
            pins = pins.both(self.predicates.condition(node["whereClause"], scope))
        self.hold(pins)

    def delete(self, node: Json, scope: Scope) -> None:
        """Walk a DELETE."""
        self.table(node.get("relation", {}), scope, is_target=True)
        pins = self.from_clause(node.get("usingClause", ()), scope)
        if "whereClause" in node:
            pins = pins.both(self.predicates.condition(node["whereClause"], scope))
        self.hold(pins)

    def merge(self, node: Json, scope: Scope) -> None:
        """Walk a MERGE: rows of the target are changed where the source has an equal one."""
        relation = self.table(node.get("relation", {}), scope, is_target=True)
        pins = self.from_clause([node.get("sourceRelation", {})], scope)
        clauses = [clause.get("MergeWhenClause", {}) for clause in node["mergeWhenClauses"]]
        self._match(node.get("joinCondition", {}), scope, pins, relation, clauses)
        for inner in clauses:
            self.expression(inner.get("condition"), scope)
            targets = inner.get("targetList", ())
            if inner.get("commandType") != "CMD_INSERT":
                self._set(relation, targets, scope)
                continue
            names = [target.get("ResTarget", {}).get("name", "") for target in targets]
            self._merged(relation, names, inner.get("values", ()), scope)

    def _match(
        self, on: Json, scope: Scope, pins: Pins, target: Relation, clauses: list[Json]
    ) -> None:
        """Read the ON of a MERGE: rows without a match are acted on as in an outer join."""
        kinds = {clause.get("matchKind") for clause in clauses}
        by_target = "MERGE_WHEN_NOT_MATCHED_BY_TARGET" in kinds
        by_source = "MERGE_WHEN_NOT_MATCHED_BY_SOURCE" in kinds
        if not (by_target or by_source):
            self.hold(pins.both(self.predicates.condition(on, scope)))
            return
        is_full = by_target and by_source
        nullable = {target.number}
        if by_source and not is_full:
            nullable = {number for each in scope.relations[1:] for number in each.bases()}
        self.hold(pins)
        found = self.predicates.join_condition(
            on, scope, nullable=frozenset(nullable), is_full=is_full
        )
        if not is_full:
            self.facts.join_pins = self.facts.join_pins.both(found.only(nullable))

    def _merged(
        self, relation: Relation, names: list[str], values: list[Json], scope: Scope
    ) -> None:
        for name, item in zip(names, values, strict=False):
            self._assign(relation, name, item, scope)


def named(value: Value) -> str | None:
    """Return the text of a literal; None for a parameter."""
    return value.of.text if isinstance(value.of, Literal) else None


_CARRIERS = frozenset({"ExplainStmt", "DeclareCursorStmt", "PrepareStmt", "CreateTableAsStmt"})
_WALKED = _CARRIERS | {
    "SelectStmt", "CopyStmt", "TruncateStmt", "CallStmt", "ExecuteStmt",
    "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt",
}  # fmt: skip
_CHANGES = {
    "InsertStmt": Changes.insert,
    "UpdateStmt": Changes.update,
    "DeleteStmt": Changes.delete,
    "MergeStmt": Changes.merge,
}
