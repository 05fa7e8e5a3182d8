"""Trino scope: which catalogs, schemas, tables and columns an actor may know of.

A name may be known by whoever may do something to what bears it, also where a
checkpoint stands before that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ombud.access.attempt import Attempt
from ombud.services.trino_names import TableNames, full_name, is_about_tables
from ombud.services.trino_operations import SEEN_BY
from ombud.services.trino_request import Table
from ombud.services.trino_view import Peek

# Action, type, id, columns.
Make = Callable[[str, str, str, tuple[str, ...] | None], Attempt]

SYSTEM = "system"
INFORMATION_SCHEMA = "information_schema"
DATASET = "dataset"
CATALOG = "trino_catalog"
SCHEMA = "trino_schema"
ANYTHING = "trino_system"


class Scope:
    """What one actor may know of, remembered for one question."""

    def __init__(self, names: TableNames, *, peek: Peek, make: Make) -> None:
        self._names = names
        self._peek = peek
        self._make = make
        self._known: dict[tuple[str, str, str | None], bool] = {}
        self._anything: bool | None = None

    def _may(self, kind: str, name: str, column: str | None = None) -> bool:
        key = (kind, name, column)
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._ask(kind, name, column)
        return found

    def _ask(self, kind: str, name: str, column: str | None) -> bool:
        columns = None if column is None else (column,)
        for action in SEEN_BY:
            decision = self._peek(self._make(action, kind, name, columns))
            if decision.permit or decision.checkpoint is not None:
                return True
        return False

    def _any(self, datasets: Iterable[str]) -> bool:
        return any(self._may(DATASET, dataset) for dataset in datasets)

    def anything(self) -> bool:
        """Whether there is anything for the actor in Trino."""
        if self._anything is None:
            self._anything = self._any(self._names.everything()) or self._may(ANYTHING, "query")
        return self._anything

    def catalog(self, name: str) -> bool:
        """Whether a catalog may be known."""
        if name == SYSTEM and self.anything():
            return True
        return self._any(self._names.in_catalog(name)) or self._may(CATALOG, name)

    def schema(self, catalog: str, name: str) -> bool:
        """Whether a schema may be known."""
        if catalog == SYSTEM or name == INFORMATION_SCHEMA:
            return self.catalog(catalog)
        return self._any(self._names.in_schema(catalog, name)) or self._may(
            SCHEMA, full_name(catalog, name)
        )

    def table(self, table: Table) -> bool:
        """Whether a table may be known."""
        if is_about_tables(table):
            return self.catalog(table.catalog_name)
        if self._names.is_ambiguous(table):
            return False
        return self._may(DATASET, self._names.dataset(table))

    def column(self, table: Table, column: str) -> bool:
        """Whether a column of a table may be known."""
        if is_about_tables(table):
            return self.catalog(table.catalog_name)
        return self.table(table) and self._may(DATASET, self._names.dataset(table), column)
