"""Control store: tokens, settings and states as tables that follow from events.

Nothing writes here but `apply`, in log order; `compare` finds what somebody wrote
by another way.  One process owns the database, so what requests read is kept in
memory.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, Engine, Table, create_engine, delete, event, select
from sqlalchemy.dialects.sqlite import insert
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError

from ombud.core.batch import Committed
from ombud.core.errors import TamperError
from ombud.store.checkpoint import CheckpointTables
from ombud.store.control_changes import Fetch, apply_change, control_changes, no_originals
from ombud.store.control_schema import (
    PROJECTIONS,
    control_fault,
    migrate,
    rule_state,
    setting,
    token,
    watermark,
)
from ombud.store.control_snapshot import BUSY_SECONDS, Difference, compare, unreadable
from ombud.store.directory import DirectoryTables
from ombud.store.policies import PolicyTables
from ombud.store.requests import RequestTables

SAVE_EVERY = 50_000  # Events without a control event after which the watermark is saved.
_NAME = "control"


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


class ControlStore:
    """The control tables of one home."""

    def __init__(self, engine: Engine, *, fetch: Fetch = no_originals) -> None:
        """`fetch` gives events of the record by index, with their originals."""
        self._engine = engine
        self._fetch = fetch
        self._lock = threading.Lock()
        with engine.begin() as connection:
            migrate(connection)
            saved = connection.execute(select(watermark.c.next_index)).scalar()
        self._next = self._saved = saved or 0
        self._tokens: tuple[TokenRow, ...] | None = None
        self.directory = DirectoryTables(engine)
        self.checkpoints = CheckpointTables(engine)
        self.policies = PolicyTables(engine)
        self.requests = RequestTables(engine)
        self.changes = 0  # Counts up with whatever changes a table; never saved.

    @classmethod
    def open(cls, path: Path, *, fetch: Fetch = no_originals) -> ControlStore:
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
            return cls(engine, fetch=fetch)
        except DatabaseError as error:
            engine.dispose()
            raise unreadable(path, error) from error

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
            raise unreadable(Path(self._engine.url.database or _NAME), error) from error

    def _apply(self, committed: Committed) -> None:
        end = committed.first_index + committed.count
        changes = list(control_changes(committed))
        with self._lock:
            if changes:
                with self._engine.begin() as connection:
                    for change in changes:
                        if change.values["event_index"] >= self._next:
                            apply_change(connection, change, self._fetch)
                    self._set_watermark(connection, max(end, self._next))
                self._forget()
            self._next = max(end, self._next)
            if self._next - self._saved >= SAVE_EVERY:
                self._save()

    def _forget(self) -> None:
        """Forget what is kept in memory; `changes` comes last, so that who sees it sees all."""
        self._tokens = None
        self.directory.forget()
        self.checkpoints.forget()
        self.policies.forget()
        self.requests.forget()
        self.changes += 1

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
            self._forget()
        for batch in committed:
            self.apply(batch)
        with self._lock:
            self._save()

    def compare(self, committed: Iterable[Committed]) -> Difference | None:
        """Return the first difference between the tables and the events they follow from.

        Only events below the watermark count: the rest has not been applied yet.
        """
        with self._engine.connect() as connection:
            return compare(connection, committed, below=self._next, fetch=self._fetch)

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
        return {row["id"]: orjson.loads(row["value"]) for row in self._rows(setting)}

    def disabled_rules(self) -> dict[str, str | None]:
        """Return the rules that are switched off, with the reason given."""
        rows = self._rows(rule_state)
        return {row["id"]: row["reason"] for row in rows if not row["is_enabled"]}

    def faults(self) -> dict[int, str]:
        """Return the control events that could not be applied: the reason by index."""
        rows = self._rows(control_fault)
        return {row["event_index"]: f"{row['operation']}: {row['reason']}" for row in rows}

    def _rows(self, table: Table) -> list[dict[str, Any]]:
        with self._engine.connect() as connection:
            return [dict(row) for row in connection.execute(select(table)).mappings()]


def _token_row(row: dict[str, Any]) -> TokenRow:
    try:
        lists = {name: tuple(orjson.loads(row[name])) for name in ("scopes", "units", "systems")}
    except (TypeError, ValueError) as error:
        raise TamperError(
            f"row `{row['id']}` of control table `token` is not what Ombud writes",
            hint="`ombud record verify` says where it differs, `ombud reindex` makes it anew",
        ) from error
    return TokenRow(**{**row, **lists})
