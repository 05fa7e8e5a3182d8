"""Catalogue: the tables, views and keys of a database, as values that proposals are made from.

Read by `ombud.collect.postgres_catalogue`; nothing here knows a database.  A
dataset is `schema.name` with quotes where PostgreSQL's log has them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ombud.attribution.names import split_name

Place = tuple[str, str]  # A dataset and a column of it.


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its name, its type without modifiers, and the comment on it."""

    name: str
    type: str
    comment: str = ""


@dataclass(frozen=True)
class Table:
    """One table or view.

    `rows` is the estimate of the last ANALYZE, None when there was none.
    `unique` are the other unique keys.  `definition` is that of a view.
    """

    dataset: str
    columns: tuple[Column, ...]
    primary_key: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = ()
    rows: int | None = None
    comment: str = ""
    definition: str | None = None

    @property
    def name(self) -> str:
        """The name without the schema."""
        split = split_name(self.dataset)
        return self.dataset if split is None else split[1]

    @property
    def is_view(self) -> bool:
        """Whether it holds no rows of its own."""
        return self.definition is not None

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """The columns by name."""
        return {column.name: column for column in self.columns}


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Columns of one table that name a row of another, in the same order."""

    dataset: str
    columns: tuple[str, ...]
    referenced: str
    referenced_columns: tuple[str, ...]


@dataclass(frozen=True)
class Catalogue:
    """What was read of one database; `is_cut` says that it has more tables than were read."""

    tables: Mapping[str, Table] = field(default_factory=dict)
    foreign_keys: tuple[ForeignKey, ...] = ()
    is_cut: bool = False

    @cached_property
    def references(self) -> Mapping[Place, Place]:
        """The column that each column of a foreign key refers to."""
        return {
            (key.dataset, column): (key.referenced, referenced)
            for key in self.foreign_keys
            for column, referenced in zip(key.columns, key.referenced_columns, strict=True)
        }
