"""Output: what the columns of a query's result stand for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ombud.attribution.facts import Relation, Term, Value
from ombud.attribution.predicates import column_names
from ombud.attribution.scope import Scope

Json = dict[str, Any]


@dataclass(slots=True)
class Output:
    """What a query returns: of each column its name, what it stands for, its value."""

    columns: list[tuple[str, Term, Value | None]] = field(default_factory=list)
    stars: tuple[Relation, ...] = ()


def united(left: Output, right: Output) -> Output:
    """Return the output of a set operation: a column stands for one of both sides."""
    if left.stars or right.stars:
        stars = left.stars + right.stars
        return Output([], stars) if len(stars) == 1 else Output()
    columns: list[tuple[str, Term, Value | None]] = []
    for (name, one, _), (_, other, _) in zip(left.columns, right.columns, strict=False):
        columns.append((name, (*one, *other) if one and other else (), None))
    return Output(columns)


def may_aggregate(select: Json) -> bool:
    """Whether a SELECT may have one row of many, or of none: any function may be an aggregate."""
    if "havingClause" in select or _has(select.get("groupClause"), "GroupingSet"):
        return True
    return _has(select.get("targetList"), "FuncCall") or _has(select.get("sortClause"), "FuncCall")


def _has(node: Any, kind: str) -> bool:
    """Whether there is a node of a kind in an expression, beside those of its subqueries."""
    if isinstance(node, list):
        return any(_has(item, kind) for item in node)
    if not isinstance(node, dict):
        return False
    return kind in node or any(_has(inner, kind) for key, inner in node.items() if key != "SubLink")


def partitioned(output: Output, windows: list[Json], node: Json, scope: Scope) -> Output:
    """Return the output of a SELECT with window functions, which see rows of others.

    Only a column that all of them partition by holds a condition from outside.
    """
    by_name = {
        each["WindowDef"].get("name", ""): each["WindowDef"]
        for each in node.get("windowClause", ())
    }
    common: set[Term] | None = None
    for window in windows:
        parts = list(window.get("partitionClause", ()))
        name = window.get("name") or window.get("refname")
        for _ in by_name:  # One may build on another.
            base = by_name.get(name, {})
            parts += base.get("partitionClause", ())
            name = base.get("refname")
        terms = {scope.term(names) for names in map(_column, parts) if names}
        common = terms if common is None else common & terms
    kept = {term for term in common or () if term}
    columns = [(name, term if term in kept else (), value) for name, term, value in output.columns]
    for star in output.stars:
        columns += [(t[-1][1], t, None) for t in kept if star.term(t[-1][1]) == t]
    return Output(columns)


def _column(node: Json) -> list[str] | None:
    reference = node.get("ColumnRef")
    return column_names(reference) if reference is not None else None
