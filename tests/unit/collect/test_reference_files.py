"""Reference data from CSV and Parquet: known facts, every fault with its line, all bounded."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ombud.access.reference import Origin, ReferenceTable
from ombud.collect import reference_files, reference_values
from ombud.collect.reference_read import read_case, read_reference
from ombud.collect.reference_values import Read
from ombud.core.errors import InputError, Unavailable
from ombud.directory.faults import Faults

COLUMNS = {"id": "case", "opened_at": "opened", "closed_at": "closed", "assigned_unit": "unit"}
T = 1_767_225_600_000  # 2026-01-01T00:00:00Z
DAY = 86_400_000


def table(**other: Any) -> ReferenceTable:
    """Return a table of cases."""
    said: dict[str, Any] = {
        "name": "cases", "kind": "case", "origin": Origin.CSV, "path": "c.csv", "columns": COLUMNS,
    }  # fmt: skip
    return ReferenceTable(**{**said, **other})


def read(home: Path, content: bytes | str, **other: Any) -> Read:
    """Return what a CSV file gives."""
    (home / "c.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_reference(table(**other), home=home, environ={})


def test_known_facts_of_a_csv(tmp_path: Path) -> None:
    """Columns by name, days in the zone, rows sorted and each once; the rest is not read."""
    found = read(
        tmp_path,
        "\ufeffcase,note,opened,closed,unit\n"
        "C-2,secret,2026-01-01,2026-01-01,\n"
        'C-1,"two\nlines",2026-01-01T08:00:00+02:00,,patrol\n'
        "C-1,again,2026-01-01T06:00Z,,patrol\n",
    )

    assert not found.faults
    assert [row[:5] for row in found.rows] == [
        ("C-1", None, T + 6 * 3_600_000, None, None),
        # What was closed on a day was open on it.
        ("C-2", None, T, T + DAY, None),
    ]
    assert found.rows[0][5] == "patrol"
    assert read(tmp_path, "case,opened,closed,unit\nC,2026-01-01,,\n", zone="Europe/Dublin").rows
    dublin = read(tmp_path, "case,opened,closed,unit\nC,2026-07-01,,\n", zone="Europe/Dublin")
    assert dublin.rows[0][2] == T + 181 * DAY - 3_600_000


def test_constants_fill_in(tmp_path: Path) -> None:
    """What is the same for every row is declared once."""
    found = read(
        tmp_path, "case,who\nC-1,P-9\n",
        columns={"id": "case", "subject_key": "who"}, constants={"subject_kind": "person"},
    )  # fmt: skip
    assert found.rows[0][6:8] == ("person", "P-9")


def test_every_fault_with_its_line(tmp_path: Path) -> None:
    """Nothing stops at the first."""
    found = read(
        tmp_path,
        "case,opened,closed,unit\n"
        ",2026-01-01,,\n"
        "C-1,yesterday,,\n"
        "C-2,2026-13-01,,\n"
        "C-3\n"
        "C-4,2026-01-01,9999-12-31,\n"
        f"{'C' * 501},2026-01-01,,\n"
        "C\u202e5,2026-01-01,,\n",
    )
    said = [str(fault) for fault in found.faults.shown]

    assert found.faults.count == 7
    assert "cases:2: `case` is missing" in said
    assert any("cases:3: `opened` is no day or time" in one for one in said)
    assert any("cases:5: has 1 fields, and the header has 4" in one for one in said)
    assert any("cases:6: `closed` is beyond the calendar" in one for one in said)
    assert any("cases:7: `case` is longer than 500" in one for one in said)
    assert any("U+202E" in one for one in said)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("", "column `case` is missing"),
        ("case,case,opened,closed,unit\n", "column `case` stands twice"),
        ('case,opened,closed,unit\n"C-1,2026-01-01,,\n', "not CSV"),
        ("case,opened,closed,unit\n" + "x" * 2_000_000 + "\n", "not CSV: "),
        ("x," * 1_001, "the first line names 1002 columns"),
        ("case,opened,closed,unit\nC\0,2026-01-01,,\n", "U+0000"),
    ],
)
def test_what_is_no_such_table(tmp_path: Path, content: str, fault: str) -> None:
    """Another table, a broken one, an endless line."""
    found = read(tmp_path, content)
    assert any(fault in str(one) for one in found.faults.shown)


def test_encodings_are_declared(tmp_path: Path) -> None:
    """Never guessed: bytes that are not of it are refused as a whole."""
    content = "case,opened,closed,unit\nFälle,2026-01-01,,\n".encode("latin-1")
    with pytest.raises(InputError, match="not utf-8 throughout"):
        read(tmp_path, content)
    assert read(tmp_path, content, encoding="latin-1").rows[0][0] == "Fälle"


def test_rows_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that is too long is a fault, and one of another shape is not read to its end."""
    lines = "".join(f"C-{n},2026-01-01,,\n" for n in range(10))
    found = read(tmp_path, "case,opened,closed,unit\n" + lines, rows_max=5)
    assert "more than 5 rows" in str(found.faults.shown[0])
    monkeypatch.setattr(reference_values, "FAULTY_ROWS_MAX", 3)
    found = read(tmp_path, "case,opened,closed,unit\n" + ",,,x\n" * 10)
    assert found.faults.count == 4
    assert any("the rest was not read" in str(one) for one in found.faults.shown)


def test_what_is_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe must not keep us waiting, nor a file that is too large be begun."""
    with pytest.raises(Unavailable, match="no such file"):
        read_reference(table(), home=tmp_path, environ={})
    os.mkfifo(tmp_path / "c.csv")
    with pytest.raises(InputError, match="no ordinary file"):
        read_reference(table(), home=tmp_path, environ={})
    (tmp_path / "c.csv").unlink()
    monkeypatch.setattr(reference_files, "SIZE_MAX", 3)
    with pytest.raises(InputError, match="larger than 3 bytes"):
        read(tmp_path, "case,opened")
    with pytest.raises(InputError, match="is a file"):
        read_case(table(), "C-1", home=tmp_path, environ={})


def test_parquet(tmp_path: Path) -> None:
    """Typed values of a warehouse, and text as text."""
    pq.write_table(
        pa.table(
            {
                "case": [1, 2],
                "opened": [datetime(2026, 1, 1, tzinfo=UTC), None],
                "closed": [date(2026, 1, 1), None],
                "unit": ["patrol", None],
                "blob": [b"x", b"y"],
            }
        ),
        tmp_path / "c.parquet",
    )
    found = read_reference(
        table(origin=Origin.PARQUET, path="c.parquet"), home=tmp_path, environ={}
    )

    assert not found.faults
    assert found.rows[0][:4] == ("1", None, T, T + DAY)
    columns = {"id": "blob", "opened_at": "case"}
    found = read_reference(
        table(origin=Origin.PARQUET, path="c.parquet", columns=columns), home=tmp_path, environ={}
    )
    said = " ".join(str(fault) for fault in found.faults.shown)
    assert "`blob` is a bytes, and no text" in said
    assert "`case` is a int, and no day or time" in said
    missing = table(origin=Origin.PARQUET, path="c.parquet", columns={"id": "number"})
    found = read_reference(missing, home=tmp_path, environ={})
    assert "column `number` is missing" in str(found.faults.shown[0])


def test_parquet_that_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Damaged, or said to expand beyond all bounds."""
    path = tmp_path / "c.parquet"
    path.write_bytes(b"PAR1 nothing PAR1")
    asked = table(origin=Origin.PARQUET, path="c.parquet", columns={"id": "case"})
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_reference(asked, home=tmp_path, environ={})
    pq.write_table(pa.table({"case": ["C-1"]}), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:10] + b"\xff" * 10 + whole[20:])
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        read_reference(asked, home=tmp_path, environ={})
    path.write_bytes(whole)
    monkeypatch.setattr(reference_files, "EXPANDED_MAX", 1)
    with pytest.raises(InputError, match="expands to more"):
        read_reference(asked, home=tmp_path, environ={})


@pytest.mark.parametrize(
    ("given", "is_good"),
    [(Decimal("12.50"), True), (True, False), (1.5, False), ({}, False), ("\ud800", False)],
)
def test_values_that_are_text(given: Any, is_good: bool) -> None:
    """Numbers of a database are names, too; what may be written in two ways is not."""
    asked = table(columns={"id": "case"})
    faults = Faults()
    found = reference_values.read_rows(asked, [(1, {"case": given})], faults=faults)
    assert bool(found.rows) is is_good
