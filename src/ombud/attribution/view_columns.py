"""View columns: those that come straight from a column of a table, by the view's definition.

A column that is reckoned, cast or aggregated is left out: what it holds is no
longer the key of the table.  A definition that cannot be followed gives nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import postgast
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from ombud.attribution.catalogue import Catalogue, Place, Table
from ombud.attribution.names import quote_name

DEPTH_MAX = 20  # Levels of sub-selects; views people write have three.
DEFINITION_SIZE_MAX = 1 << 18  # Characters; the parser is quick, but not without limit.

_Origins = dict[str, Place]
_Scope = dict[str, _Origins]


def view_origins(view: Table, catalogue: Catalogue) -> Mapping[str, Place]:
    """Return the table's column behind each column of a view that is straight from one.

    Raises nothing: what is not understood is left out.
    """
    text = view.definition or ""
    if not text or len(text) > DEFINITION_SIZE_MAX:
        return {}
    try:
        statements = postgast.parse(text).stmts
    except (postgast.PgQueryError, DecodeError, ValueError):  # Wrong, or nested too deeply.
        return {}
    if len(statements) != 1 or not statements[0].stmt.HasField("select_stmt"):
        return {}
    columns = _select(statements[0].stmt.select_stmt, catalogue, {}, 0)
    # By place: a view may name its columns apart from its select.
    return {
        column.name: origin
        for column, (_, origin) in zip(view.columns, columns, strict=False)
        if origin is not None
    }


def _select(
    select: Any, catalogue: Catalogue, tables: Mapping[str, _Origins], depth: int
) -> list[tuple[str, Place | None]]:
    """Return the name of each column of a select, and where it comes from."""
    if depth > DEPTH_MAX:
        return []
    named = dict(tables)
    for node in select.with_clause.ctes:
        expression = node.common_table_expr
        inner = _select(expression.ctequery.select_stmt, catalogue, named, depth + 1)
        named[expression.ctename] = {name: origin for name, origin in inner if origin}
    if select.HasField("larg"):
        left = _select(select.larg, catalogue, named, depth + 1)
        right = _select(select.rarg, catalogue, named, depth + 1)
        if len(left) != len(right):
            return []
        return [
            (name, origin if origin == other else None)
            for (name, origin), (_, other) in zip(left, right, strict=True)
        ]
    scope: _Scope = {}
    for item in select.from_clause:
        _add_source(item, catalogue, named, scope, depth + 1)
    return [_target(node.res_target, scope) for node in select.target_list]


def _add_source(
    node: Any, catalogue: Catalogue, named: Mapping[str, _Origins], scope: _Scope, depth: int
) -> None:
    if depth > DEPTH_MAX:
        return
    if node.HasField("join_expr"):
        _add_source(node.join_expr.larg, catalogue, named, scope, depth + 1)
        _add_source(node.join_expr.rarg, catalogue, named, scope, depth + 1)
    elif node.HasField("range_subselect"):
        inner = _select(node.range_subselect.subquery.select_stmt, catalogue, named, depth + 1)
        alias = node.range_subselect.alias.aliasname
        scope[alias] = {name: origin for name, origin in inner if origin}
    elif node.HasField("range_var"):
        variable = node.range_var
        alias = variable.alias.aliasname or variable.relname
        if not variable.schemaname and variable.relname in named:
            scope[alias] = named[variable.relname]
            return
        dataset = quote_name((variable.schemaname or "public", variable.relname))
        table = catalogue.tables.get(dataset)
        scope[alias] = {
            column.name: (dataset, column.name) for column in (table.columns if table else ())
        }


def _target(target: Any, scope: _Scope) -> tuple[str, Place | None]:
    if not target.val.HasField("column_ref"):
        return target.name, None
    parts = [part.string.sval for part in target.val.column_ref.fields if part.HasField("string")]
    if not parts:
        return target.name, None
    name = parts[-1]
    if len(parts) > 1:
        return target.name or name, scope.get(parts[-2], {}).get(name)
    found = [columns[name] for columns in scope.values() if name in columns]
    return target.name or name, found[0] if len(found) == 1 else None
