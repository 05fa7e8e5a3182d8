"""Scope: which relation a name stands for at one place of a statement.

Without the catalogue the columns of a relation are known only where they are
declared; a name that could be of several relations stands for none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ombud.attribution.facts import Relation, Term

NO_QUERY: dict[str, Any] = {}  # Of what is a relation already.


class Cte(NamedTuple):
    """A query of a WITH: a relation, or what is walked anew wherever its name is used."""

    relation: Relation | None
    query: dict[str, Any] = NO_QUERY
    names: tuple[str, ...] = ()
    scope: Scope | None = None


class Scope:
    """The relations of one FROM clause, within those around it."""

    __slots__ = ("ctes", "merged", "named", "parent", "relations")

    def __init__(self, parent: Scope | None = None) -> None:
        self.parent = parent
        self.relations: list[Relation] = []
        # By exposed name, with the schema: None for an alias, empty where it is not known.
        self.named: dict[str, list[tuple[str | None, Relation]]] = {}
        self.merged: dict[str, Term] = {}  # Columns that a join merged, by USING or NATURAL.
        self.ctes: dict[str, Cte] = dict(parent.ctes) if parent is not None else {}

    def add(self, relation: Relation, alias: str, schema: str | None = None) -> None:
        """Let names of this scope stand for a relation; `schema` of one without an alias."""
        self.relations.append(relation)
        if alias:
            self.name(relation, alias, schema)

    def name(self, relation: Relation, alias: str, schema: str | None = None) -> None:
        """Let a name stand for a relation."""
        self.named.setdefault(alias, []).append((schema, relation))

    def relation(self, alias: str, schema: str | None = None) -> Relation | None:
        """Return the relation of this name, of this scope or one around it.

        None where it may be one of several.
        """
        scope: Scope | None = self
        while scope is not None:
            found = scope.named.get(alias, ())
            if schema is not None:
                found = [each for each in found if each[0] in (schema, "")]
            if found:
                return found[0][1] if len(found) == 1 else None
            scope = scope.parent
        return None

    def term(self, names: Sequence[str]) -> Term:
        """Return what a name, qualified or not, stands for."""
        if len(names) == 1:
            return self._unqualified(names[0])
        relation = self.relation(names[-2], names[-3] if len(names) > 2 else None)
        return relation.term(names[-1]) if relation is not None else ()

    def _unqualified(self, column: str) -> Term:
        scope: Scope | None = self
        while scope is not None and not scope.relations:
            scope = scope.parent
        if scope is None:
            return ()
        if column in scope.merged:
            return scope.merged[column]
        if len(scope.relations) == 1:
            return scope.relations[0].term(column)
        # The server would refuse a name that two of them have.
        holders = [relation for relation in scope.relations if relation.knows(column)]
        return holders[0].term(column) if len(holders) == 1 else ()

    def side(self, relations: Sequence[Relation], column: str) -> Term:
        """Return what a merged column stands for on one side of a join."""
        if column in self.merged:
            numbers = {relation.number for relation in relations}
            merged = tuple(each for each in self.merged[column] if each[0] in numbers)
            if merged:
                return merged
        if len(relations) == 1:
            return relations[0].term(column)
        holders = [relation for relation in relations if relation.knows(column)]
        return holders[0].term(column) if len(holders) == 1 else ()


class Datasets:
    """The declared datasets and functions of one system, by schema and name."""

    def __init__(self, search_path: Sequence[str]) -> None:
        self._search_path = tuple(search_path)
        self.kinds: dict[tuple[str, str], tuple[str, Mapping[str, str]]] = {}
        self.functions: dict[tuple[str, str], tuple[str | None, ...]] = {}

    def dataset(self, schema: str, name: str) -> tuple[str, str, Mapping[str, str]] | None:
        """Return schema, name and kinds of a declared dataset; no schema means the search path."""
        for place in (schema,) if schema else self._search_path:
            found = self.kinds.get((place, name))
            if found is not None:
                return (place, *found)
        return None

    def function(self, schema: str, name: str) -> tuple[str | None, ...] | None:
        """Return the kinds of the parameters of a declared function."""
        for place in (schema,) if schema else self._search_path:
            found = self.functions.get((place, name))
            if found is not None:
                return found
        return None
