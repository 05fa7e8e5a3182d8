"""Reference read: a declared table read now, from wherever it is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ombud.access.reference import Origin, ReferenceTable
from ombud.collect.reference_files import read_file
from ombud.collect.reference_http import read_http, read_http_case
from ombud.collect.reference_sql import read_sql, read_sql_case
from ombud.collect.reference_values import Read
from ombud.core.errors import InputError

LIVE_SECONDS = 3  # Somebody waits at a checkpoint meanwhile.


def read_reference(table: ReferenceTable, *, home: Path, environ: Mapping[str, str]) -> Read:
    """Return the facts of a table as it is now, with every fault of a row.

    Raises `InputError` for what is no such table, `Unavailable` when it cannot be reached.
    """
    if table.origin is Origin.SQL:
        return read_sql(table, home=home, environ=environ)
    if table.origin is Origin.HTTP:
        return read_http(table, environ=environ)
    return read_file(table, home=home)


def read_case(table: ReferenceTable, case: str, *, home: Path, environ: Mapping[str, str]) -> Read:
    """Return the facts of one case, asked for now; no rows when there is no such case."""
    if table.origin is Origin.SQL:
        return read_sql_case(table, case, home=home, environ=environ, seconds=LIVE_SECONDS)
    if table.origin is Origin.HTTP:
        return read_http_case(table, case, environ=environ, seconds=LIVE_SECONDS)
    raise InputError(f"`{table.name}` is a file, which is not asked for one case")
