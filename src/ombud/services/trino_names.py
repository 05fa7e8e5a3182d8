"""Trino names: which dataset of the policy a table of Trino is.

A table is the dataset whose id is its full name, `catalog.schema.table`, or the one
whose attribute `trino` holds that name (a text, or a list of them).  A part that
contains a dot or a quote is written in double quotes, so that no two tables have
one name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ombud.access.model import Dataset
from ombud.services.trino_request import Table

ATTRIBUTE = "trino"

# Tables about tables.  Trino fills them with what the Filter* operations let through,
# so that they show no more than those do; the rest of `system` is like any table.
_INFORMATION_SCHEMA = frozenset({"tables", "columns", "schemata"})
_SYSTEM = {
    "jdbc": frozenset(
        {
            "attributes",
            "catalogs",
            "columns",
            "procedure_columns",
            "procedures",
            "pseudo_columns",
            "schemas",
            "super_tables",
            "super_types",
            "table_types",
            "tables",
            "types",
            "udts",
        }
    ),
    "metadata": frozenset({"catalogs", "table_comments"}),
    "runtime": frozenset({"queries"}),  # Rows pass FilterViewQueryOwnedBy: one's own.
}


def quote_part(part: str) -> str:
    """Return one part of a name, in double quotes where it would else be read as two."""
    if part and "." not in part and '"' not in part:
        return part
    return '"' + part.replace('"', '""') + '"'


def full_name(*parts: str) -> str:
    """Return the name of a table, schema or function from its parts."""
    return ".".join(quote_part(part) for part in parts)


def table_name(table: Table) -> str:
    """Return the full name of a table."""
    return full_name(table.catalog_name, table.schema_name, table.table_name)


def is_about_tables(table: Table) -> bool:
    """Whether a table tells of other tables only, and Trino itself filters its rows."""
    if table.schema_name == "information_schema":
        return table.table_name in _INFORMATION_SCHEMA
    if table.catalog_name != "system":
        return False
    return table.table_name in _SYSTEM.get(table.schema_name, ())


def _split(name: str) -> tuple[str, ...]:
    """Return the parts of a full name; none if it is not one."""
    parts, part, is_quoted, index = [], "", False, 0
    while index < len(name):
        char = name[index]
        if is_quoted and char == '"' and name[index + 1 : index + 2] == '"':
            part, index = part + '"', index + 1
        elif char == '"':
            is_quoted = not is_quoted
        elif char == "." and not is_quoted:
            parts.append(part)
            part = ""
        else:
            part += char
        index += 1
    parts.append(part)
    return tuple(parts) if not is_quoted and full_name(*parts) == name else ()


class TableNames:
    """The tables that datasets of one policy are."""

    def __init__(self, datasets: Iterable[Dataset]) -> None:
        self._datasets: dict[str, str] = {}
        self._twice: set[str] = set()
        self._catalogs: dict[str, dict[str, list[str]]] = {}
        self._columns: dict[str, dict[str, str]] = {}
        for dataset in datasets:
            if dataset.columns:
                self._columns[dataset.id] = {one.name: one.type for one in dataset.columns}
            for name in {dataset.id, *_aliases(dataset.attributes)}:
                self._add(name, dataset.id)

    def _add(self, name: str, dataset: str) -> None:
        parts = _split(name)
        if len(parts) != len(("catalog", "schema", "table")):
            return
        if self._datasets.setdefault(name, dataset) != dataset:
            self._twice.add(name)  # Two datasets claim it: neither is guessed.
            return
        catalog, schema, _ = parts
        self._catalogs.setdefault(catalog, {}).setdefault(schema, []).append(dataset)

    @property
    def twice(self) -> frozenset[str]:
        """The tables that more than one dataset claims; they are nobody's."""
        return frozenset(self._twice)

    def dataset(self, table: Table) -> str:
        """Return the id of the dataset; an undeclared table is called by its own name."""
        name = table_name(table)
        if name in self._twice:
            return name  # Denied by the caller: see `is_ambiguous`.
        return self._datasets.get(name, name)

    def is_ambiguous(self, table: Table) -> bool:
        """Whether more than one dataset claims the table."""
        return table_name(table) in self._twice

    def columns(self, dataset: str) -> Mapping[str, str] | None:
        """Return the declared columns of a dataset with their types; None if none are."""
        return self._columns.get(dataset)

    def in_catalog(self, catalog: str) -> Iterator[str]:
        """Yield the datasets with a table in a catalog."""
        for datasets in self._catalogs.get(catalog, {}).values():
            yield from datasets

    def in_schema(self, catalog: str, schema: str) -> Iterator[str]:
        """Yield the datasets with a table in a schema."""
        yield from self._catalogs.get(catalog, {}).get(schema, ())

    def everything(self) -> Iterator[str]:
        """Yield every dataset with a table."""
        for catalog in self._catalogs:
            yield from self.in_catalog(catalog)


def _aliases(attributes: Mapping[str, object]) -> list[str]:
    stated = attributes.get(ATTRIBUTE)
    if isinstance(stated, str):
        return [stated]
    if isinstance(stated, list | tuple):
        return [name for name in stated if isinstance(name, str)]
    return []
