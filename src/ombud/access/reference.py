"""Reference data: which facts tables of the organisation can give, and how a table is declared.

A declared table maps its own columns to known facts; everything else in it stays
where it is.  Rows are tuples in the order of the kind's columns: text, or an instant
in ms since the epoch, or none.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import msgspec

from ombud.access.justification import Aspect

TEXT_MAX = 500  # Characters of one value, as in the directory: beyond any case number or name.
Value = str | int | None
Values = tuple[Value, ...]


class Fact(NamedTuple):
    """One known column: `is_instant` when it holds a time."""

    name: str
    is_instant: bool = False
    is_required: bool = False


class FactKind(msgspec.Struct, frozen=True, dict=True):
    """One sort of facts; its first column is what rows are looked up by."""

    name: str
    columns: tuple[Fact, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The names of the columns, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def key(self) -> str:
        """The column that rows are looked up by."""
        return self.columns[0].name


def _kind(name: str, *columns: str) -> FactKind:
    """Read columns as written here: `!` required, `@` an instant."""
    facts = (Fact(one.strip("!@"), "@" in one, "!" in one) for one in columns)
    return FactKind(name, tuple(facts))


KINDS: dict[str, FactKind] = {
    kind.name: kind
    for kind in (
        _kind(
            "case",
            "id!",
            "status",
            "opened_at@",
            "closed_at@",
            "assigned_person",
            "assigned_unit",
            "subject_kind",
            "subject_key",
            "purpose",
        ),
        _kind(
            "assignment", "case!", "person", "unit", "subject_kind", "subject_key", "from@", "to@"
        ),
        _kind("relation", "person!", "subject_kind!", "subject_key!", "relation", "from@", "to@"),
        _kind("roster", "person!", "from@!", "to@!"),
        _kind("leave", "person!", "kind", "from@!", "to@!"),
    )
}


class Origin(StrEnum):
    """Where a table is read from."""

    CSV = "csv"
    PARQUET = "parquet"
    SQL = "sql"
    HTTP = "http"


class ReferenceTable(msgspec.Struct, frozen=True, kw_only=True):
    """One declared table.

    `columns` gives the table's own column of each fact that it has.  `constants` are
    facts that are the same for every row, such as the kind of its data subjects.
    `secret` names the environment variable with the password or token, never the
    secret itself.  Facts count for `fresh_minutes` from when they were taken.
    """

    name: str
    kind: str
    origin: Origin
    columns: dict[str, str]
    constants: dict[str, str] = {}
    path: str | None = None
    encoding: str = "utf-8"
    delimiter: str = ","
    url: str | None = None
    table: str | None = None
    secret: str | None = None
    items: str | None = None  # HTTP: dotted path to the list within the answer.
    zone: str = "UTC"  # Of times without an offset.
    closed: tuple[str, ...] = ("closed",)  # Values of `status` that say a case is closed.
    fresh_minutes: int = 24 * 60
    refresh_minutes: int | None = None  # None: loaded by hand.
    live: bool = False
    rows_max: int = 2_000_000
    seconds_max: int = 60

    @property
    def facts(self) -> FactKind:
        """The sort of its facts."""
        return KINDS[self.kind]


class References(msgspec.Struct, frozen=True, kw_only=True):
    """All that is declared of reference data and of verifying."""

    tables: tuple[ReferenceTable, ...] = ()
    require: tuple[Aspect, ...] = (Aspect.CASE,)
    days: int = 30  # How far back the nightly verification goes.
    keep: int = 30  # Loads of each table that are kept, besides those that verdicts refer to.
