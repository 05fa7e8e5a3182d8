"""Versions: of which version the derived databases of a home are, without opening them for use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import duckdb

from ombud.core.errors import Unavailable
from ombud.store.control_schema import REVISION
from ombud.store.schema import META_TABLE, SCHEMA_VERSION


def index_is_current(path: Path) -> bool:
    """Whether the index can be used as it is; it is made anew otherwise, and when it is absent.

    Raises `Unavailable` when another process owns it.
    """
    if not path.exists():
        return False
    literal = str(path).replace("'", "''")
    with closing(duckdb.connect(":memory:")) as connection:
        try:
            connection.execute(f"ATTACH '{literal}' AS ix (READ_ONLY)")
            (known,) = connection.execute(
                f"SELECT (schema_version, engine) = ({SCHEMA_VERSION}, version()) FROM {META_TABLE}"
            ).fetchall()
        except (duckdb.Error, ValueError) as error:
            if "lock on file" in str(error):
                raise Unavailable(f"index `{path}` belongs to another process") from error
            return False
    return bool(known == (True,))


def control_revision(path: Path) -> str | None:
    """Return the revision of the control tables; None when there are none that can be read."""
    if not path.exists():
        return None
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error:
        return None
    return None if row is None else str(row[0])


def control_is_current(path: Path) -> bool:
    """Whether the control tables need no migration."""
    return control_revision(path) == REVISION
