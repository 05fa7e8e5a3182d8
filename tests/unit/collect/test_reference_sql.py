"""Reference data from SQLite: read only, quoted, bound, bounded in rows and seconds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from ombud.access.reference import Origin, ReferenceTable
from ombud.collect import reference_sql
from ombud.collect.reference_read import read_case, read_reference
from ombud.core.errors import Unavailable

HOSTILE = 'case"; DROP TABLE cases; --'


def table(**other: Any) -> ReferenceTable:
    """Return a table of cases."""
    said: dict[str, Any] = {
        "name": "cases", "kind": "case", "origin": Origin.SQL, "url": "sqlite:///cases.db",
        "table": "cases", "columns": {"id": "number", "assigned_unit": "unit"}, "live": True,
    }  # fmt: skip
    return ReferenceTable(**{**said, **other})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a small case system."""
    with closing(sqlite3.connect(tmp_path / "cases.db")) as connection:
        connection.execute("CREATE TABLE cases (number TEXT, unit TEXT)")
        connection.executemany(
            "INSERT INTO cases VALUES (?, ?)", [("C-1", "patrol"), ("C-2", None), ("C'3", "x")]
        )
        quoted = HOSTILE.replace('"', '""')
        connection.execute(f'CREATE TABLE "{quoted}" ("{quoted}" TEXT)')
        connection.execute(f'INSERT INTO "{quoted}" VALUES (?)', ["C-9"])
        connection.execute(
            "CREATE VIEW endless AS WITH RECURSIVE n(number) AS"
            " (SELECT 1 UNION ALL SELECT number + 1 FROM n) SELECT number, 'x' AS unit FROM n"
            " WHERE number < 0"
        )
        connection.commit()
    return tmp_path


def test_whole_table_and_one_case(folder: Path) -> None:
    """Both give known facts; a case that is not there is no row and no fault."""
    found = read_reference(table(), home=folder, environ={})
    assert [row[0] for row in found.rows] == ["C'3", "C-1", "C-2"]
    assert found.rows[1][5] == "patrol"
    (row,) = read_case(table(), "C-1", home=folder, environ={}).rows
    assert row[0] == "C-1"
    assert read_case(table(), "C'3", home=folder, environ={}).rows
    assert not read_case(table(), "' OR 1=1 --", home=folder, environ={}).rows


def test_names_are_never_sql(folder: Path) -> None:
    """A name with quotes and statements in it is a name."""
    hostile = table(table=HOSTILE, columns={"id": HOSTILE})
    (row,) = read_reference(hostile, home=folder, environ={}).rows
    assert row[0] == "C-9"
    assert read_case(hostile, "C-9", home=folder, environ={}).rows
    assert len(read_reference(table(), home=folder, environ={}).rows) == 3


def test_nothing_is_written(folder: Path) -> None:
    """The connection cannot write, and a database that is not there is not made."""
    with pytest.raises(Unavailable, match="unable to open"):
        read_reference(table(url="sqlite:///none.db"), home=folder, environ={})
    assert not (folder / "none.db").exists()
    connection = reference_sql._open_sqlite(folder / "cases.db", 5)
    with closing(connection), pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.execute("DELETE FROM cases")


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"table": "nothing"}, "no such table"),
        ({"columns": {"id": "none"}}, "no such column"),
    ],
)
def test_what_is_not_there_is_said(folder: Path, changed: dict[str, Any], fault: str) -> None:
    """In the words of the database."""
    with pytest.raises(Unavailable, match=fault):
        read_reference(table(**changed), home=folder, environ={})


def test_endless_query_is_ended(folder: Path) -> None:
    """A view that never comes to its end is cut off when its seconds are over."""
    with pytest.raises(Unavailable, match="interrupted"):
        read_reference(table(table="endless", seconds_max=1), home=folder, environ={})


def test_rows_are_bounded(folder: Path) -> None:
    """Never more rows than declared are taken."""
    found = read_reference(table(rows_max=2), home=folder, environ={})
    assert "more than 2 rows" in str(found.faults.shown[0])


def test_not_a_database(folder: Path) -> None:
    """Bytes that are none are said to be none."""
    (folder / "other.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(Unavailable, match="not a database"):
        read_reference(table(url="sqlite:///other.db"), home=folder, environ={})


def test_secret_is_named_never_said(folder: Path) -> None:
    """A password that is not set is asked for by name, and no failure says it."""
    postgres = table(url="postgresql://reader@127.0.0.1:1/cases", secret="CASES_PASSWORD")
    with pytest.raises(Unavailable, match="`CASES_PASSWORD` is not set"):
        read_reference(postgres, home=folder, environ={})
    with pytest.raises(Unavailable) as raised:
        read_reference(postgres, home=folder, environ={"CASES_PASSWORD": "hunter2-secret"})
    assert "hunter2" not in f"{raised.value} {raised.value.hint} {raised.value.__cause__}"
