"""Index: the DuckDB file over the record; one owner, and rebuilt from the record at any time.

The record is the truth, so the index writes no log of its own: after a crash it
stands where its last checkpoint left it, watermark and rows alike, and is fed
again from there.  One connection owns the file; each thread asks through its own
cursor, and a lock lets one thread at a time apply.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa

from ombud.core.batch import Committed
from ombud.core.errors import Conflict, EventError, Unavailable
from ombud.query.tree import Query
from ombud.store.schema import (
    META_TABLE,
    SCHEMA_VERSION,
    WATERMARK_TABLE,
    create_statements,
    event_insert,
    subject_insert,
)
from ombud.store.search import Page, find_page, find_sessions, find_who
from ombud.store.sessions import MINUTE_MS, session_statement
from ombud.store.statement import Scope, Statement, visible_statement
from ombud.store.visibility import EVERYTHING, Visibility

MEMORY_MB = 768
THREADS = 2
IDLE_MINUTES = 30
CHECKPOINT_THRESHOLD = "256MB"  # The engine's own trigger; ours, below, comes first.
CHECKPOINT_EVENTS = 122_880  # Applied again after a crash, at most: one second. A row group.

log = logging.getLogger("ombud")
_SETTINGS: dict[str, Any] = {
    "checkpoint_threshold": CHECKPOINT_THRESHOLD,
    "autoinstall_known_extensions": False,  # Nothing is ever fetched.
    "autoload_known_extensions": False,
    "python_enable_replacements": False,  # A name in SQL is never a Python variable.
}
_COMMITTED = 'SELECT "index", recorded, g1, g2, g3 FROM committed'
_SEGMENT = (
    'SELECT metadata.uid AS "index", metadata.logged_time AS recorded, '
    "decode(canonical_actor) AS g1, decode(canonical_data_subject) AS g2, "
    "decode(canonical_content) AS g3 FROM read_parquet($1) "
    "WHERE metadata.uid >= $2 AND metadata.uid < $3"
)
_COMMITTED_FIELDS: list[pa.Field[Any]] = [
    pa.field("index", pa.int64()),
    pa.field("recorded", pa.int64()),
    *(pa.field(f"g{group}", pa.string()) for group in (1, 2, 3)),
]
_COMMITTED_SCHEMA = pa.schema(_COMMITTED_FIELDS)


class _Feed:
    """What the prepared statements read: always the batch being applied.

    Registered once, so that the engine plans the wide insertion once and not for
    every batch, which takes longer than the insertion itself.
    """

    def __init__(self) -> None:
        self.table: Any = _COMMITTED_SCHEMA.empty_table()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the batch as the Arrow C stream that the engine reads."""
        return self.table.__arrow_c_stream__(requested_schema)


def _table(committed: Committed) -> pa.Table:
    """Return a batch as Arrow columns that share its memory."""
    count = committed.count
    first = committed.first_index
    arrays: list[Any] = [
        pa.array(range(first, first + count), pa.int64()),
        pa.Array.from_buffers(pa.int64(), count, [None, pa.py_buffer(committed.recorded_ms)]),
    ]
    for offsets, blob in zip(committed.offsets[:3], committed.blobs[:3], strict=True):
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(blob)]
        arrays.append(pa.Array.from_buffers(pa.string(), count, buffers))
    return pa.Table.from_arrays(arrays, schema=_COMMITTED_SCHEMA)


class Index:
    """The index of one home; open it with `Index.open` and close it."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.path = path
        self._connection = connection
        self._local = threading.local()
        self._applying = threading.Lock()
        self._feed = _Feed()
        self._writer = connection.cursor()
        self._writer.register("committed", self._feed)
        self._writer.execute(f"PREPARE fill_events AS {event_insert(_COMMITTED)}")
        self._writer.execute(f"PREPARE fill_subjects AS {subject_insert(_COMMITTED)}")
        self._watermark = self._read_watermark()
        self._unsaved = 0

    @classmethod
    def open(cls, path: Path, *, memory_mb: int = MEMORY_MB, threads: int = THREADS) -> Self:
        """Open the index at a path, or begin an empty one if there is none that can be used.

        Raises `Unavailable` when another process owns it.
        """
        connection = duckdb.connect(
            ":memory:",
            config={**_SETTINGS, "memory_limit": f"{memory_mb}MB", "threads": threads},
        )
        try:
            attach_or_create(connection, path)
            return cls(path, connection)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Save what was applied and let the file go."""
        with self._applying:
            self._save()
            self._writer.close()
            self._connection.execute("DETACH ix")
            self._connection.close()

    def watermark(self) -> int:
        """Return the index of the next event to apply."""
        return self._watermark

    def apply(self, committed: Committed) -> None:
        """Add events and move the watermark, in one transaction; what is known is skipped.

        Raises `Conflict` when events before these are missing.
        """
        self.apply_all([committed])

    def apply_all(self, chunks: Sequence[Committed]) -> None:
        """Add consecutive chunks in one transaction: a transaction costs some milliseconds."""
        if not chunks:
            return
        end = chunks[-1].first_index + chunks[-1].count
        with self._applying:
            if end <= self._watermark:
                return
            skip = self._skip(chunks[0].first_index)
            self._feed.table = pa.concat_tables([_table(chunk) for chunk in chunks]).slice(skip)
            try:
                self._fill(("EXECUTE fill_events", "EXECUTE fill_subjects"), [], end)
            finally:
                self._feed.table = _COMMITTED_SCHEMA.empty_table()

    def apply_segment(self, path: Path, first_index: int, count: int) -> None:
        """Add the events of a sealed segment, as `apply` does, straight from its file.

        Raises `EventError` when the file does not hold them all.
        """
        end = first_index + count
        with self._applying:
            if end <= self._watermark:
                return
            start = first_index + self._skip(first_index)
            statements = (event_insert(_SEGMENT), subject_insert(_SEGMENT))
            self._fill(statements, [str(path), start, end], end)

    def _skip(self, first_index: int) -> int:
        if first_index > self._watermark:
            raise Conflict(
                f"index has events below {self._watermark} and cannot take {first_index} next"
            )
        return self._watermark - first_index

    def _fill(self, statements: tuple[str, ...], values: list[Any], end: int) -> None:
        writer = self._writer
        writer.execute("BEGIN")
        try:
            events, *others = statements
            self._add(events, values, end)
            for statement in others:
                writer.execute(statement, values)
            writer.execute(f"UPDATE {WATERMARK_TABLE} SET size = $1", [end])
            writer.execute("COMMIT")
        except BaseException as error:
            writer.execute("ROLLBACK")
            # Bytes that are no text spoil the engine's own message about them.
            if isinstance(error, duckdb.Error | UnicodeError):
                raise Unavailable(f"index cannot take events: {error}") from error
            raise
        self._unsaved += end - self._watermark
        self._watermark = end
        if self._unsaved >= CHECKPOINT_EVENTS:
            self._save()

    def _add(self, statement: str, values: list[Any], end: int) -> None:
        (added,) = self._writer.execute(statement, values).fetchall()[0]
        if added != end - self._watermark:
            raise EventError(f"events {self._watermark} to {end - 1} are not all there")

    def _save(self) -> None:
        """Write a checkpoint; one that another transaction stops is left for the next time."""
        try:
            self._writer.execute("CHECKPOINT ix")
        except duckdb.TransactionException:
            return
        self._unsaved = 0

    def _read_watermark(self) -> int:
        (size,) = self._writer.execute(f"SELECT size FROM {WATERMARK_TABLE}").fetchall()[0]
        return int(size)

    def search(
        self,
        query: Query,
        *,
        limit: int,
        now_ms: int,
        cursor: str | None = None,
        below: int | None = None,
        visibility: Visibility = EVERYTHING,
    ) -> Page:
        """Return a page of the events the query means, newest first, or its counts.

        Relative times count back from `now_ms`; `below` leaves out events from that
        index on.  The cursor of a page continues it, whatever has been added since.
        """
        return find_page(
            self._rows,
            query,
            Scope(visibility, below, now_ms),
            limit=limit,
            cursor=cursor,
            size=self._watermark if below is None else min(below, self._watermark),
        )

    def sessions(
        self,
        query: Query,
        *,
        limit: int,
        now_ms: int,
        idle_minutes: float = IDLE_MINUTES,
        visibility: Visibility = EVERYTHING,
    ) -> list[dict[str, Any]]:
        """Return the sessions that hold an event the query means, the latest first."""
        return find_sessions(
            self._rows,
            query,
            Scope(visibility, None, now_ms),
            limit=limit,
            idle_ms=int(idle_minutes * MINUTE_MS),
        )

    def session(
        self,
        session_id: str,
        *,
        idle_minutes: float = IDLE_MINUTES,
        visibility: Visibility = EVERYTHING,
    ) -> list[int]:
        """Return the indices of one session's events in the order of their time, or none."""
        idle_ms = int(idle_minutes * MINUTE_MS)
        statement = session_statement(session_id, visibility, idle_ms=idle_ms)
        return [index for (index,) in self._rows(statement)]

    def who(
        self, kind: str, key: str, *, visibility: Visibility = EVERYTHING
    ) -> list[dict[str, Any]]:
        """Return everyone who touched one data subject's data, the most frequent first."""
        return find_who(self._rows, kind, key, visibility)

    def visible(self, indices: Collection[int], visibility: Visibility) -> set[int]:
        """Return those of these events that may be seen."""
        statement = visible_statement(indices, visibility)
        return {index for (index,) in self._rows(statement)}

    def _rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        """Run a statement on this thread's own cursor."""
        cursor = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self._local.cursor = self._connection.cursor()
        try:
            return list(cursor.execute(statement.sql, statement.values).fetchall())
        except duckdb.OutOfMemoryException as error:
            raise Unavailable("search needs more memory than `index.memory_mb` allows") from error
        except duckdb.IOException as error:  # A full or failing disk.
            raise Unavailable(f"index cannot be read: {error}") from error


def attach_or_create(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Attach the index at a path, or an empty one if there is none that can be used."""
    if not (path.exists() and _resume(connection, path)):
        _attach(connection, path)
        for statement in create_statements():
            connection.execute(statement)


def _attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    literal = str(path).replace("'", "''")
    connection.execute(f"ATTACH '{literal}' AS ix (RECOVERY_MODE 'no_wal_writes')")


def _resume(connection: duckdb.DuckDBPyConnection, path: Path) -> bool:
    """Attach the file if it is an index of this version; else remove it, for the record has all."""
    try:
        _attach(connection, path)
        (known,) = connection.execute(
            f"SELECT (schema_version, engine) = ({SCHEMA_VERSION}, version()) FROM {META_TABLE}"
        ).fetchall()
        if known == (True,):
            return True
    except (duckdb.Error, ValueError) as error:
        if "lock on file" in str(error):
            raise Unavailable(f"index `{path}` belongs to another process") from error
        log.warning("index `%s` is not usable and is built anew: %s", path, error)
    connection.execute("DETACH DATABASE IF EXISTS ix")
    for stale in (path, path.with_name(path.name + ".wal")):
        stale.unlink(missing_ok=True)
    return False
