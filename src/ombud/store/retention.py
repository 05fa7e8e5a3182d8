"""Retention: how far back the index goes; the record keeps everything.

By the time of recording, which never decreases with an event's place in the log:
so one number, the first index that is kept, says exactly what the index holds.
"""

from __future__ import annotations

from typing import NamedTuple

import duckdb

from ombud.query.columns import SCHEMA
from ombud.store.schema import WATERMARK_TABLE

KEPT_TABLE = f"{SCHEMA}.kept"
_TABLES = (
    "SELECT DISTINCT table_name FROM duckdb_columns() WHERE database_name = $1 "
    "AND column_name = 'index' AND table_name IN "
    "(SELECT table_name FROM duckdb_tables() WHERE database_name = $1)"
)


class Kept(NamedTuple):
    """The first event that the index holds, and when it was recorded; zeros hold everything."""

    first_index: int
    recorded_ms: int


EVERYTHING_KEPT = Kept(0, 0)


def read_kept(connection: duckdb.DuckDBPyConnection) -> Kept:
    """Return what the index holds; it is made able to say so."""
    connection.execute(f"CREATE TABLE IF NOT EXISTS {KEPT_TABLE} (first BIGINT, recorded BIGINT)")
    row = connection.execute(f"SELECT first, recorded FROM {KEPT_TABLE}").fetchone()
    return EVERYTHING_KEPT if row is None else Kept(*map(int, row))


def drop_below(connection: duckdb.DuckDBPyConnection, kept: Kept) -> None:
    """Remove what the index holds of events below the first that is kept, in one transaction.

    Every table whose rows are of an event has its `index`.
    """
    tables = connection.execute(_TABLES, [SCHEMA.partition(".")[0]]).fetchall()
    connection.execute("BEGIN")
    try:
        for (table,) in tables:
            connection.execute(
                f'DELETE FROM {SCHEMA}."{table}" WHERE "index" < $1', [kept.first_index]
            )
        # An index that has not come so far begins there.
        connection.execute(
            f"UPDATE {WATERMARK_TABLE} SET size = greatest(size, $1)", [kept.first_index]
        )
        connection.execute(f"DELETE FROM {KEPT_TABLE}")
        connection.execute(f"INSERT INTO {KEPT_TABLE} VALUES ($1, $2)", list(kept))
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
