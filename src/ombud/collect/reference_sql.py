"""Reference SQL: a table or view of SQLite or PostgreSQL, read only, within time and rows.

Names are quoted and values bound, so that neither is ever SQL.  The password comes
from the environment and goes to the driver alone; what a driver says of a failed
connection is not repeated, for it may hold the URL.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import (
    ColumnClause,
    Connection,
    Engine,
    Select,
    bindparam,
    column,
    create_engine,
    select,
    table,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DataError, SQLAlchemyError
from sqlalchemy.pool import NullPool
from sqlalchemy.sql.elements import quoted_name
from sqlalchemy.types import NullType

from ombud.access.reference import ReferenceTable
from ombud.collect.reference_values import Read, SourceRow, read_rows
from ombud.core.errors import Unavailable
from ombud.directory.faults import Faults

CONNECT_SECONDS = 10
LOCK_MS = 2_000  # We wait for nobody who changes the table.
BUSY_SECONDS = 2.0
STEPS = 10_000  # Of SQLite's machine between two looks at the clock: some 0.1 ms.
ONE_CASE_ROWS_MAX = 10_000  # Rows of one case: data subjects and people assigned.
APPLICATION = "ombud reference"


def read_sql(declared: ReferenceTable, *, home: Path, environ: Mapping[str, str]) -> Read:
    """Return the facts of a whole table; raises `Unavailable`."""
    faults = Faults()
    with _connected(declared, home, environ, declared.seconds_max) as connection:
        rows = _rows(connection, _statement(declared).limit(declared.rows_max + 1), declared)
        return read_rows(declared, rows, faults=faults)


def read_sql_case(
    declared: ReferenceTable, case: str, *, home: Path, environ: Mapping[str, str], seconds: int
) -> Read:
    """Return the facts of one case, asked for now; raises `Unavailable`."""
    faults = Faults()
    key: ColumnClause[Any] = column(_name(declared.columns[declared.facts.key]))
    # Without a type of ours: the server takes it for what the column holds, and its index serves.
    written = bindparam("written", case, type_=NullType())
    wanted = _statement(declared).where(key == written).limit(ONE_CASE_ROWS_MAX + 1)
    with _connected(declared, home, environ, seconds) as connection:
        try:
            return read_rows(declared, _rows(connection, wanted, declared), faults=faults)
        except DataError:  # No number, where cases are numbers: then there is no such case.
            return Read([], faults)


def _name(written: str) -> quoted_name:
    return quoted_name(written, quote=True)


def _statement(declared: ReferenceTable) -> Select[Any]:
    schema, _, name = (declared.table or "").rpartition(".")
    names = dict.fromkeys(declared.columns.values())
    columns: list[ColumnClause[Any]] = [column(_name(one)) for one in names]
    there = table(_name(name), *columns, schema=_name(schema) if schema else None)
    return select(*columns).select_from(there)


def _rows(
    connection: Connection, statement: Select[Any], declared: ReferenceTable
) -> Iterator[SourceRow]:
    names = list(dict.fromkeys(declared.columns.values()))
    until = time.monotonic() + declared.seconds_max
    streaming = connection.execution_options(stream_results=True, max_row_buffer=1_000)
    with streaming.execute(statement) as found:
        for number, row in enumerate(found, start=1):
            if not number % 1_000 and time.monotonic() > until:
                raise Unavailable(f"`{declared.name}` took longer than {declared.seconds_max} s")
            yield number, dict(zip(names, row, strict=True))


@contextmanager
def _connected(
    declared: ReferenceTable, home: Path, environ: Mapping[str, str], seconds: int
) -> Iterator[Connection]:
    """Yield a connection in a transaction that cannot write; every fault is said without a URL."""
    try:
        engine = _engine(declared, home, environ, seconds)
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise Unavailable(f"`{declared.name}`: {_said(error)}",
                          hint="check `url`, `table`, `columns` and the rights of the user"
                          ) from None  # fmt: skip
    except (UnicodeError, ValueError, OSError) as error:
        raise Unavailable(f"`{declared.name}`: {type(error).__name__}") from None


def _said(error: SQLAlchemyError) -> str:
    """Return what may be repeated of a failure: the server's own sentence, never the driver's."""
    original = getattr(error, "orig", None)
    primary = getattr(getattr(original, "diag", None), "message_primary", None)
    if primary:
        return str(primary).lower()
    if isinstance(original, sqlite3.Error):
        return str(original).lower()
    return f"cannot be read ({type(original or error).__name__})"


def _engine(
    declared: ReferenceTable, home: Path, environ: Mapping[str, str], seconds: int
) -> Engine:
    url = make_url(declared.url or "")
    if url.get_backend_name() == "sqlite":
        path = home / (url.database or "")
        return create_engine(
            "sqlite://", creator=lambda: _open_sqlite(path, seconds), poolclass=NullPool
        )
    password = environ.get(declared.secret) if declared.secret else None
    if declared.secret and password is None:
        raise Unavailable(
            f"`{declared.name}`: the environment variable `{declared.secret}` is not set"
        )
    settings = {
        "default_transaction_read_only": "on",
        "statement_timeout": seconds * 1_000,
        "lock_timeout": LOCK_MS,
    }
    return create_engine(
        url.set(drivername="postgresql+psycopg", password=password),
        poolclass=NullPool,
        hide_parameters=True,
        connect_args={
            "connect_timeout": min(CONNECT_SECONDS, seconds + 1),
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
            "application_name": APPLICATION,
            "client_encoding": "UTF8",
            "keepalives_idle": 5,
            "keepalives_interval": 5,
            "keepalives_count": 3,
        },
    )


def _open_sqlite(path: Path, seconds: int) -> sqlite3.Connection:
    connection = sqlite3.connect(
        f"file:{quote(str(path.resolve()))}?mode=ro",
        uri=True,
        timeout=BUSY_SECONDS,
        check_same_thread=False,
    )
    until = time.monotonic() + seconds
    connection.set_progress_handler(lambda: time.monotonic() > until, STEPS)
    connection.execute("PRAGMA query_only=ON")
    connection.execute("PRAGMA trusted_schema=OFF")
    return connection
