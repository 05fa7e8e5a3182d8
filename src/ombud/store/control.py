"""Control store: tokens, settings and states as tables that follow from events.

Nothing writes here but `apply`, in log order; `compare` finds what somebody wrote
by another way.  One process owns the database, so what requests read is kept in
memory.
"""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
from sqlalchemy import Connection, Engine, create_engine, delete, event, select, update
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from ombud.core.batch import Committed
from ombud.core.errors import OmbudError, TamperError, Unavailable
from ombud.core.fields import Group
from ombud.store.control_events import CONTROL, Change, project
from ombud.store.control_schema import PROJECTIONS, migrate, token, watermark

BUSY_SECONDS = 10  # Another connection of this process may be writing; then wait so long.
SAVE_EVERY = 50_000  # Events without a control event after which the watermark is saved.
_NAME = "control"
_NEEDLE = re.compile(b'"' + CONTROL.encode() + b'"')
_CONTENT = Group.CONTENT - 1

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

Rows = dict[str, dict[str, dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class TokenRow:
    """One token as it stands; instants in milliseconds since the epoch."""

    id: str
    name: str
    person: str
    scopes: tuple[str, ...]
    units: tuple[str, ...]
    systems: tuple[str, ...]
    hash: str
    created_at: int
    expires_at: int | None
    revoked_at: int | None
    event_index: int


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


def control_changes(committed: Committed) -> Iterator[Change]:
    """Yield the changes that events of the record make, in log order.

    Almost no event is a control event, so the bytes are searched before any is decoded.
    """
    blob, offsets = committed.blobs[_CONTENT], committed.offsets[_CONTENT]
    row = 0
    for found in _NEEDLE.finditer(blob, offsets[0], offsets[-1]):
        if found.start() < offsets[row]:
            continue  # A second mention in the same event.
        while offsets[row + 1] <= found.start():
            row += 1
        yield from project(committed.event(row))
        row += 1
        if row == committed.count:
            return


def _apply_to(rows: Rows, change: Change) -> None:
    table = rows[change.table]
    if change.is_whole:
        table[change.key] = dict(change.values)
    elif change.key in table:
        table[change.key].update(change.values)


def expected_rows(committed: Iterable[Committed], *, below: int) -> Rows:
    """Return every row that the events below an index make, by table and key."""
    rows: Rows = {name: {} for name in PROJECTIONS}
    for batch in committed:
        for change in control_changes(batch):
            if change.values["event_index"] < below:
                _apply_to(rows, change)
    return rows


def _write(connection: Connection, change: Change) -> None:
    table = PROJECTIONS[change.table]
    if not change.is_whole:
        connection.execute(update(table).where(table.c.id == change.key).values(change.values))
        return
    row = {"id": change.key, **change.values}
    connection.execute(insert(table).values(row).on_conflict_do_update(["id"], set_=row))


class ControlStore:
    """The control tables of one home."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        with engine.begin() as connection:
            migrate(connection)
            saved = connection.execute(select(watermark.c.next_index)).scalar()
        self._next = self._saved = saved or 0
        self._tokens: tuple[TokenRow, ...] | None = None

    @classmethod
    def open(cls, path: Path) -> ControlStore:
        """Open the database, made or brought to this version if need be.

        Raises `TamperError` for a file that is no such database.
        """
        engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})

        @event.listens_for(engine, "connect")
        def _configure(connection: DBAPIConnection, _: object) -> None:
            cursor = connection.cursor()
            cursor.execute("PRAGMA journal_mode=WAL")
            # The tables can be rebuilt from the record, which has been synced already.
            cursor.execute("PRAGMA synchronous=NORMAL")
            cursor.close()

        try:
            return cls(engine)
        except DatabaseError as error:
            engine.dispose()
            raise _unreadable(path, error) from error

    @staticmethod
    def snapshot(path: Path) -> Snapshot:
        """Return what the tables of a home say, which may be running, and write nothing.

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
        try:
            with engine.connect() as connection:
                connection.exec_driver_sql("BEGIN")  # Rows and watermark of one moment.
                saved = connection.execute(select(watermark.c.next_index)).scalar()
                return Snapshot(saved or 0, _rows(connection))
        except DatabaseError as error:
            raise _unreadable(path, error) from error

    def close(self) -> None:
        """Save how far this has come and close the database."""
        with self._lock:
            with suppress(DatabaseError):  # A full disk: what is saved still holds.
                self._save()
            self._engine.dispose()

    def watermark(self) -> int:
        """Return the index of the next event to apply."""
        return self._next

    def apply(self, committed: Committed) -> None:
        """Apply events in log order, in one transaction with the watermark.

        Raises `Unavailable` when the disk takes nothing; then nothing was applied.
        """
        try:
            self._apply(committed)
        except DatabaseError as error:
            raise _unreadable(Path(self._engine.url.database or _NAME), error) from error

    def _apply(self, committed: Committed) -> None:
        end = committed.first_index + committed.count
        changes = list(control_changes(committed))
        with self._lock:
            if changes:
                with self._engine.begin() as connection:
                    for change in changes:
                        if change.values["event_index"] >= self._next:
                            _write(connection, change)
                    self._set_watermark(connection, max(end, self._next))
                self._tokens = None
            self._next = max(end, self._next)
            if self._next - self._saved >= SAVE_EVERY:
                self._save()

    def _set_watermark(self, connection: Connection, next_index: int) -> None:
        row = {"id": _NAME, "next_index": next_index}
        connection.execute(insert(watermark).values(row).on_conflict_do_update(["id"], set_=row))
        self._saved = next_index

    def _save(self) -> None:
        # Saving late is safe: events after the saved index hold no control event, or it
        # would have been saved with them.
        if self._next != self._saved:
            with self._engine.begin() as connection:
                self._set_watermark(connection, self._next)

    def rebuild(self, committed: Iterable[Committed]) -> None:
        """Empty the tables and make them anew from all events of the record."""
        with self._lock, self._engine.begin() as connection:
            for table in (*PROJECTIONS.values(), watermark):
                connection.execute(delete(table))
            self._next = self._saved = 0
            self._tokens = None
        for batch in committed:
            self.apply(batch)
        with self._lock:
            self._save()

    def compare(self, committed: Iterable[Committed]) -> Difference | None:
        """Return the first difference between the tables and the events they follow from.

        Only events below the watermark count: the rest has not been applied yet.
        """
        return Snapshot(self._next, self._rows()).compare(committed)

    def _rows(self) -> Rows:
        with self._engine.connect() as connection:
            return _rows(connection)

    def tokens(self) -> tuple[TokenRow, ...]:
        """Return every token ever created, in order of creation."""
        known = self._tokens
        if known is None:
            with self._lock, self._engine.connect() as connection:
                in_order = select(token).order_by(token.c.created_at, token.c.id)
                found = connection.execute(in_order).mappings()
                known = self._tokens = tuple(_token_row(dict(row)) for row in found)
        return known

    def settings(self) -> dict[str, Any]:
        """Return the recorded settings by name."""
        rows = self._rows()["setting"]
        return {name: orjson.loads(row["value"]) for name, row in rows.items()}

    def disabled_rules(self) -> dict[str, str | None]:
        """Return the rules that are switched off, with the reason given."""
        rows = self._rows()["rule_state"]
        return {id_: row["reason"] for id_, row in rows.items() if not row["is_enabled"]}

    def faults(self) -> dict[int, str]:
        """Return the control events that could not be applied: the reason by index."""
        rows = self._rows()["control_fault"].values()
        return {row["event_index"]: f"{row['operation']}: {row['reason']}" for row in rows}


def _unreadable(path: Path, error: DatabaseError) -> OmbudError:
    """Tell a machine that refuses from a file that is not what it should be."""
    code = getattr(error.orig, "sqlite_errorcode", 0) & _PRIMARY_CODE
    if code in _MACHINE_CODES:
        return Unavailable(f"cannot read `{path}`: {error.orig}")
    return TamperError(
        f"is no database of control tables: {error.orig}",
        origin=str(path),
        hint="`ombud reindex` makes it anew from the record",
    )


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The control tables at one moment, as they follow from the events below `watermark`."""

    watermark: int
    rows: Rows

    def compare(self, committed: Iterable[Committed]) -> Difference | None:
        """Return the first difference from what the events say, given from index 0 on."""
        return first_difference(expected_rows(committed, below=self.watermark), self.rows)


def _rows(connection: Connection) -> Rows:
    rows: Rows = {}
    for name, table in PROJECTIONS.items():
        found = connection.execute(select(table)).mappings()
        rows[name] = {row["id"]: {k: row[k] for k in row if k != "id"} for row in found}
    return rows


def _token_row(row: dict[str, Any]) -> TokenRow:
    try:
        lists = {name: tuple(orjson.loads(row[name])) for name in ("scopes", "units", "systems")}
    except (TypeError, ValueError) as error:
        raise TamperError(
            f"row `{row['id']}` of control table `token` is not what Ombud writes",
            hint="`ombud record verify` says where it differs, `ombud reindex` makes it anew",
        ) from error
    return TokenRow(**{**row, **lists})


def first_difference(expected: Rows, found: Rows) -> Difference | None:
    """Return the first difference in the order of tables, keys and columns."""
    for table, rows in expected.items():
        for key in sorted(rows.keys() | found[table].keys()):
            wanted, there = rows.get(key), found[table].get(key)
            if wanted is None or there is None:
                index = (wanted or there or {})["event_index"]
                state = (index, None) if there is None else (None, index)
                return Difference(table, key, "event_index", *state)
            for column in PROJECTIONS[table].c.keys():  # noqa: SIM118 - not a mapping.
                if column != "id" and wanted[column] != there[column]:
                    return Difference(table, key, column, wanted[column], there[column])
    return None
