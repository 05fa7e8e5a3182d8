"""Index: the DuckDB file over the record; one owner, and rebuilt from the record at any time.

The record is the truth, so the index writes no log of its own: after a crash it
stands where its last checkpoint left it, watermark and rows alike, and is fed
again from there.  One connection owns the file; each thread asks through its own
cursor, and a lock lets one thread at a time apply.
"""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import duckdb
import pyarrow as pa

from ombud.core.batch import Committed
from ombud.core.errors import Conflict, EventError, QueryError, Unavailable
from ombud.directory.span import AccountSpan
from ombud.query.columns import HOT_EVENTS
from ombud.query.tree import Query
from ombud.store.coverage import Counted, Stretch, count_coverage
from ombud.store.feed import FEED, FEED_SCHEMA, SEGMENT, Feed, committed_table
from ombud.store.narrowing import find_words
from ombud.store.persons import Act, Person, find_persons
from ombud.store.pieces import Pieces
from ombud.store.schema import (
    META_TABLE,
    SCHEMA_VERSION,
    WATERMARK_TABLE,
    create_statements,
    event_insert,
    subject_insert,
)
from ombud.store.sealing import ALL_PIECES, NEW_PIECES, SEAL_EVENTS, seal_statements
from ombud.store.search import Page, find_page, find_session, find_sessions
from ombud.store.sessions import MINUTE_MS
from ombud.store.spans import write_spans
from ombud.store.statement import Rows, Scope, Statement, visible_statement
from ombud.store.unmatched import find_unmatched
from ombud.store.visibility import EVERYTHING, Visibility
from ombud.store.who import find_who
from ombud.store.worlds import AlertEvents, find_alerts, find_world

MEMORY_MB = 768
THREADS = 2
IDLE_MINUTES = 30
SPILL_SUFFIX = ".spill"  # Folder beside the file: for sorts that exceed the memory.
CHECKPOINT_THRESHOLD = "256MB"  # The engine's own trigger; ours, below, comes first.
HOT_EVENTS_MAX = 2 * SEAL_EVENTS  # Bounds memory where nobody calls `seal` in time.
# Applied again after a crash, at most: some seconds.  Sealing comes first, so that an
# event is written to the file once, where it stays.
CHECKPOINT_EVENTS = HOT_EVENTS_MAX

log = logging.getLogger("ombud")
_SETTINGS: dict[str, Any] = {
    "checkpoint_threshold": CHECKPOINT_THRESHOLD,
    "autoinstall_known_extensions": False,  # Nothing is ever fetched.
    "autoload_known_extensions": False,
    "python_enable_replacements": False,  # A name in SQL is never a Python variable.
}


class Index:
    """The index of one home; open it with `Index.open` and close it."""

    def __init__(self, path: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.path = path
        self._connection = connection
        self._local = threading.local()
        self._applying = threading.Lock()
        self._sealing = threading.Lock()  # Taken after `_applying`, or alone.
        self._feed = Feed()
        self._writer = connection.cursor()
        self._writer.register("committed", self._feed)
        self._writer.execute(f"PREPARE fill_events AS {event_insert(FEED)}")
        self._writer.execute(f"PREPARE fill_subjects AS {subject_insert(FEED)}")
        self._sealer = connection.cursor()
        self._watermark, self._hot_from, self._spans_stamp = self._read_stand()
        self._pieces = Pieces(self._sealer.sql(ALL_PIECES).to_arrow_reader(SEAL_EVENTS))
        self._unsaved = 0

    @classmethod
    def open(cls, path: Path, *, memory_mb: int = MEMORY_MB, threads: int = THREADS) -> Self:
        """Open the index at a path, or begin an empty one if there is none that can be used.

        Raises `Unavailable` when another process owns it.
        """
        spill = path.with_name(path.name + SPILL_SUFFIX)
        connection = duckdb.connect(
            ":memory:",
            config={
                **_SETTINGS,
                "memory_limit": f"{memory_mb}MB",
                "threads": threads,
                "temp_directory": str(spill),
            },
        )
        try:
            attach_or_create(connection, path)
            shutil.rmtree(spill, ignore_errors=True)  # Left by a crash; the file is ours now.
            return cls(path, connection)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Save what was applied and let the file go."""
        with self._applying, self._sealing:
            self._save()
            self._writer.close()
            self._sealer.close()
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
            tables = [committed_table(chunk) for chunk in chunks]
            self._feed.table = pa.concat_tables(tables).slice(skip)
            try:
                self._fill(("EXECUTE fill_events", "EXECUTE fill_subjects"), [], end)
            finally:
                self._feed.table = FEED_SCHEMA.empty_table()
            self._settle(HOT_EVENTS_MAX)

    def apply_segment(self, path: Path, first_index: int, count: int) -> None:
        """Add the events of a sealed segment, as `apply` does, straight from its file.

        Raises `EventError` when the file does not hold them all.
        """
        end = first_index + count
        with self._applying:
            if end <= self._watermark:
                return
            start = first_index + self._skip(first_index)
            statements = (event_insert(SEGMENT), subject_insert(SEGMENT))
            self._fill(statements, [str(path), start, end], end)
            self._settle(SEAL_EVENTS)

    def _settle(self, events: int) -> None:
        """Seal and save what is due."""
        if self._seal(events) or self._unsaved >= CHECKPOINT_EVENTS:
            self._save()

    def seal(self) -> None:
        """Make a run of the latest events when they are enough; meanwhile others are applied.

        To be called now and then: applying does it by itself only when it is overdue.
        """
        if self._seal(SEAL_EVENTS):
            with self._applying:
                self._save()

    def _seal(self, events: int) -> bool:
        """Move the hot events, if so many, into a run, in one transaction; says if it did."""
        with self._sealing:
            if self._watermark - self._hot_from < events:
                return False
            with _transaction(self._sealer, "index cannot be sealed") as sealer:
                ((end,),) = sealer.execute(f"SELECT size FROM {WATERMARK_TABLE}").fetchall()
                for statement in seal_statements(self._hot_from, end):
                    sealer.execute(statement)
                self._pieces.add(sealer.sql(NEW_PIECES).to_arrow_reader(SEAL_EVENTS))
            self._hot_from = end
            return True

    def _skip(self, first_index: int) -> int:
        if first_index > self._watermark:
            raise Conflict(
                f"index has events below {self._watermark} and cannot take {first_index} next"
            )
        return self._watermark - first_index

    def _fill(self, statements: tuple[str, ...], values: list[Any], end: int) -> None:
        with _transaction(self._writer, "index cannot take events") as writer:
            events, *others = statements
            self._add(events, values, end)
            for statement in others:
                writer.execute(statement, values)
            writer.execute(f"UPDATE {WATERMARK_TABLE} SET size = $1", [end])
        self._unsaved += end - self._watermark
        self._watermark = end

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

    def _read_stand(self) -> tuple[int, int, int]:
        """Return the watermark, the first index that is hot and which directory it has."""
        ((size, hot_from, stamp),) = self._writer.execute(
            f'SELECT size, (SELECT min("index") FROM {HOT_EVENTS}), spans FROM {WATERMARK_TABLE}'
        ).fetchall()
        return size, size if hot_from is None else hot_from, stamp

    def set_spans(self, spans: Iterable[AccountSpan], *, stamp: int) -> None:
        """Replace what is known of accounts, in one transaction.

        `stamp` says of which directory they are: the index of the event that loaded it.
        Raises `TamperError` for spans of one account that overlap.
        """
        with self._applying:
            with _transaction(self._writer, "index cannot take the directory") as writer:
                write_spans(writer, spans)
                writer.execute(f"UPDATE {WATERMARK_TABLE} SET spans = $1", [stamp])
            self._spans_stamp = stamp
            self._save()

    def unmatched(self, *, limit: int) -> list[dict[str, Any]]:
        """Return the accounts without a span at the time of their events, most frequent first."""
        return find_unmatched(self._rows, limit=limit)

    def spans_stamp(self) -> int:
        """Return of which directory the spans are; 0 for none."""
        return self._spans_stamp

    def search(
        self,
        query: Query,
        *,
        limit: int,
        now_ms: int,
        cursor: str | None = None,
        below: int | None = None,
        visibility: Visibility = EVERYTHING,
        alerts: AlertEvents | None = None,
    ) -> Page:
        """Return a page of the events the query means, newest first, or its counts.

        Relative times count back from `now_ms`; `below` leaves out events from that
        index on.  The cursor of a page continues it, whatever has been added since.
        `alerts` answers the tests of alerts.
        """
        size = self._watermark if below is None else min(below, self._watermark)
        found = find_alerts(query, alerts)
        with self.as_of_now() as ask:
            world = find_world(ask, query, now_ms, found)
            scope = Scope(visibility, below, world, find_words(ask, query.where, self._pieces))
            return find_page(ask, query, scope, limit=limit, cursor=cursor, size=size)

    def sessions(
        self,
        query: Query,
        *,
        limit: int,
        now_ms: int,
        idle_minutes: float = IDLE_MINUTES,
        visibility: Visibility = EVERYTHING,
        alerts: AlertEvents | None = None,
    ) -> list[dict[str, Any]]:
        """Return the sessions that hold an event the query means, the latest first."""
        idle_ms = int(idle_minutes * MINUTE_MS)
        found = find_alerts(query, alerts)
        with self.as_of_now() as ask:
            world = find_world(ask, query, now_ms, found)
            scope = Scope(visibility, None, world, find_words(ask, query.where, self._pieces))
            return find_sessions(ask, query, scope, limit=limit, idle_ms=idle_ms)

    def session(
        self,
        session_id: str,
        *,
        idle_minutes: float = IDLE_MINUTES,
        visibility: Visibility = EVERYTHING,
    ) -> list[int]:
        """Return the indices of one session's events in the order of their time, or none."""
        idle_ms = int(idle_minutes * MINUTE_MS)
        with self.as_of_now() as ask:
            return find_session(ask, session_id, visibility, idle_ms=idle_ms)

    def who(
        self, kind: str, key: str, *, visibility: Visibility = EVERYTHING
    ) -> list[dict[str, Any]]:
        """Return everyone who touched one data subject's data, by person, most frequent first."""
        return find_who(self._rows, kind, key, visibility)

    def persons(self, acts: Sequence[Act]) -> list[Person | None]:
        """Return who the account of each act was at its time, as far as the directory knows."""
        return find_persons(self._rows, acts)

    def coverage(self, stretch: Stretch, *, systems: Collection[str]) -> Counted:
        """Return what is known of persons and data subjects in a stretch of time."""
        return count_coverage(self._rows, stretch, systems=systems)

    def visible(self, indices: Collection[int], visibility: Visibility) -> set[int]:
        """Return those of these events that may be seen."""
        statement = visible_statement(indices, visibility)
        return {index for (index,) in self._rows(statement)}

    @contextmanager
    def as_of_now(self) -> Iterator[Rows]:
        """Let several statements see the same: between them, events may be sealed."""
        cursor = self._cursor()
        cursor.execute("BEGIN")
        try:
            yield self._rows
        finally:
            cursor.execute("ROLLBACK")  # Nothing was changed; this also ends a failed one.

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        """Return this thread's own cursor."""
        cursor = getattr(self._local, "cursor", None)
        if cursor is None:
            cursor = self._local.cursor = self._connection.cursor()
        return cursor

    def _rows(self, statement: Statement) -> list[tuple[Any, ...]]:
        try:
            return list(self._cursor().execute(statement.sql, statement.values).fetchall())
        except duckdb.OutOfMemoryException as error:
            raise Unavailable("search needs more memory than `index.memory_mb` allows") from error
        except duckdb.InvalidInputException as error:
            # Patterns are checked before; what the engine refuses all the same is the asker's.
            raise QueryError(f"the engine refuses the query: {error}", column=1) from error
        except duckdb.IOException as error:  # A full or failing disk.
            raise Unavailable(f"index cannot be read: {error}") from error


def attach_or_create(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Attach the index at a path, or an empty one if there is none that can be used."""
    if not (path.exists() and _resume(connection, path)):
        _attach(connection, path)
        for statement in create_statements():
            connection.execute(statement)


@contextmanager
def _transaction(
    cursor: duckdb.DuckDBPyConnection, fault: str
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Let a cursor change everything in the block, or nothing."""
    cursor.execute("BEGIN")
    try:
        yield cursor
        cursor.execute("COMMIT")
    except BaseException as error:
        cursor.execute("ROLLBACK")
        # Bytes that are no text spoil the engine's own message about them.
        if isinstance(error, duckdb.Error | UnicodeError):
            raise Unavailable(f"{fault}: {error}") from error
        raise


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
