"""Control snapshot: the control tables of one moment, and where they differ from the record.

What the events say is applied once more, to a database of its own that is never
anywhere but in this process's hands, and both are read side by side: neither is
held in memory, however large a directory is.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import Connection, Engine, Table, create_engine, false, inspect, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool, StaticPool

from ombud.core.batch import Committed
from ombud.core.errors import OmbudError, TamperError, Unavailable
from ombud.store.control_changes import Fetch, apply_change, control_changes
from ombud.store.control_metadata import metadata
from ombud.store.control_schema import OLDER, PROJECTIONS, revision, watermark

BUSY_SECONDS = 10  # Another connection of this process may be writing; then wait so long.
_AT_ONCE = 1_000  # Rows read at once.
_PRIMARY_CODE = 0xFF  # The rest of a result code says more (sqlite.org/rescode.html).
# What the machine refuses, which proves nothing about the tables.
_MACHINE_CODES = frozenset(
    {
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_READONLY,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)


@dataclass(frozen=True, slots=True)
class Difference:
    """The first place where a table is not what its events say; None is "no such row"."""

    table: str
    key: str
    column: str
    expected: Any
    found: Any

    def __str__(self) -> str:
        """Return one line for a person; a hash of a token is not a secret."""
        return (
            f"control table `{self.table}`, row `{self.key}`, column `{self.column}`:"
            f" is `{self.found}`, and the record says `{self.expected}`"
        )


class Snapshot:
    """The control tables at one moment, as they follow from the events below `watermark`."""

    def __init__(self, engine: Engine, connection: Connection) -> None:
        self._engine = engine
        self._connection = connection
        connection.exec_driver_sql("BEGIN")  # Rows and watermark of one moment, while it is open.
        saved = connection.execute(select(watermark.c.next_index)).scalar()
        self.watermark: int = saved or 0

    @classmethod
    def open(cls, path: Path) -> Snapshot:
        """Read the tables of a home, which may be running, and write nothing; close it.

        Raises `TamperError` for what is no database of control tables, `Unavailable`
        when the machine does not let it be read.
        """
        # Without a log beside it nobody has it open, and then nothing needs to be made there.
        mode = "ro" if path.with_name(f"{path.name}-wal").exists() else "ro&immutable=1"
        place = quote(str(path.resolve()))
        engine = create_engine(
            f"sqlite:///file:{place}?mode={mode}&uri=true",
            connect_args={"timeout": BUSY_SECONDS},
            poolclass=NullPool,
        )
        connection = None
        try:
            connection = engine.connect()
            snapshot = cls(engine, connection)
            for table in _present(connection):  # Each can be read.
                connection.execute(select(table).limit(1)).all()
        except DatabaseError as error:
            if connection is not None:
                connection.close()
            raise unreadable(path, error) from error
        return snapshot

    def close(self) -> None:
        """Let the database go."""
        self._connection.close()
        self._engine.dispose()

    def compare(self, committed: Iterable[Committed], *, fetch: Fetch) -> Difference | None:
        """Return the first difference from what the events say, given from index 0 on."""
        return compare(self._connection, committed, below=self.watermark, fetch=fetch)


def _present(connection: Connection) -> list[Table]:
    """Return the tables that are there; only an older version may lack any."""
    names = set(inspect(connection).get_table_names())
    is_older = revision(connection) in OLDER
    return [table for name, table in PROJECTIONS.items() if name in names or not is_older]


def compare(
    found: Connection, committed: Iterable[Committed], *, below: int, fetch: Fetch
) -> Difference | None:
    """Return the first difference between tables and the events below an index."""
    # An empty name is a database of SQLite's own: on disk, private, gone when it is closed.
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect("", check_same_thread=False),
        poolclass=StaticPool,
    )
    try:
        with engine.begin() as expected:
            metadata.create_all(expected)
            for batch in committed:
                for change in control_changes(batch):
                    if change.values["event_index"] < below:
                        apply_change(expected, change, fetch)
            present = _present(found)
            for name, table in PROJECTIONS.items():
                # Tables that came after this version of the database hold nothing yet.
                side = found if table in present else None
                difference = _first_difference(name, table, expected, side)
                if difference is not None:
                    return difference
    finally:
        engine.dispose()
    return None


def _first_difference(
    name: str, table: Table, expected: Connection, found: Connection | None
) -> Difference | None:
    """Return the first difference in the order of keys and columns."""
    in_order = select(table).order_by(table.c.id)
    wanted_rows = expected.execute(in_order).yield_per(_AT_ONCE)
    if found is None:
        found_rows = expected.execute(in_order.where(false()))
    else:
        found_rows = found.execute(in_order).yield_per(_AT_ONCE)
    try:
        while True:
            wanted, there = wanted_rows.fetchone(), found_rows.fetchone()
            if wanted is None and there is None:
                return None
            if wanted is None or (there is not None and there.id < wanted.id):
                assert there is not None  # noqa: S101 - one of the two is.
                return Difference(name, there.id, "event_index", None, there.event_index)
            if there is None or wanted.id < there.id:
                return Difference(name, wanted.id, "event_index", wanted.event_index, None)
            if wanted != there:
                return _differing(name, table, wanted._mapping, there._mapping)  # noqa: SLF001
    finally:
        wanted_rows.close()
        found_rows.close()


def _differing(name: str, table: Table, wanted: Any, there: Any) -> Difference | None:
    for column in table.c.keys():  # noqa: SIM118 - not a mapping.
        if wanted[column] != there[column]:
            return Difference(name, wanted["id"], column, wanted[column], there[column])
    return None


def unreadable(path: Path, error: DatabaseError) -> OmbudError:
    """Tell a machine that refuses from a file that is not what it should be."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY_CODE
    if code in _MACHINE_CODES:
        return Unavailable(f"cannot read `{path}`: {error.orig}")
    return TamperError(
        f"is no database of control tables: {error.orig}",
        origin=str(path),
        hint="`ombud reindex` makes it anew from the record",
    )
