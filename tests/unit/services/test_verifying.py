"""Verifying: the control tables are compared and left alone, beside a running home too."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from ombud.core.errors import Unavailable
from ombud.record.reader import RecordReader
from ombud.record.recorder import Recorder
from ombud.record.verify import verify_home
from ombud.services import verifying
from ombud.services.controlling import ControlProjection
from ombud.services.own_events import own_event
from ombud.services.record_port import record_events
from ombud.services.verifying import verify
from ombud.store.control import ControlStore
from ombud.store.control_events import CONTROL, SETTING_CHANGED


def change(recorder: Recorder, value: int) -> None:
    """Record that a setting changed."""
    attributes = {"name": "server.port", "value": value}
    event = own_event(
        time=0, source=CONTROL, action="configure", operation=SETTING_CHANGED, attributes=attributes
    )
    record_events(recorder, [event])


@pytest.fixture
def database(home: Path) -> Path:
    """Return the control tables of a home with one setting, closed."""
    path = home / "control.sqlite"
    with Recorder.open(home) as recorder:
        change(recorder, 1)
        control = ControlStore.open(path)
        reader = RecordReader(home)
        ControlProjection(appender=recorder, reader=reader, control=control).catch_up()
        control.close()
    return path


def test_good_tables_are_only_read(home: Path, database: Path) -> None:
    """Verifying makes no file and changes none, so that a read-only home can be verified."""
    before = {path.name: path.stat().st_mtime_ns for path in home.iterdir()}
    assert verify(home, database).ok
    assert {path.name: path.stat().st_mtime_ns for path in home.iterdir()} == before


def test_edited_row_is_a_fault(home: Path, database: Path) -> None:
    """A row that no event made is named, whether its writer is still there or not."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("UPDATE setting SET value = '2'")
        connection.commit()
        fault = verify(home, database).fault
    assert fault is not None
    assert (fault.place, "server.port" in fault.reason) == ("control.sqlite", True)
    assert verify(home, database).fault == fault


@pytest.mark.parametrize("content", [b"", b"no database, but as long as the head of one is" * 9])
def test_no_database_is_a_fault(home: Path, database: Path, content: bytes) -> None:
    """A file that is there and is no database of control tables is wrong."""
    database.write_bytes(content)
    fault = verify(home, database).fault
    assert fault is not None
    assert fault.place == "control.sqlite"


def test_what_the_machine_refuses_proves_nothing(home: Path, database: Path) -> None:
    """A database that cannot be opened is not one that was changed."""
    database.unlink()
    database.mkdir()
    with pytest.raises(Unavailable, match="cannot read"):
        verify(home, database)


def test_change_while_verifying_is_no_fault(
    home: Path, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a running home adds between the two steps is left to the next time."""
    real = verify_home

    def verify_then_change(*arguments: object, **settings: object) -> object:
        report = real(*arguments, **settings)  # type: ignore[arg-type]
        with Recorder.open(home) as recorder:
            change(recorder, 2)
            control = ControlStore.open(database)
            reader = RecordReader(home)
            ControlProjection(appender=recorder, reader=reader, control=control).catch_up()
            control.close()
        return report

    monkeypatch.setattr(verifying, "verify_home", verify_then_change)
    assert verify(home, database).ok
