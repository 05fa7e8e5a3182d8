"""What a home declares of persons and data subjects: in force from its opening on, and recorded."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from ombud.app.home import OpenHome, open_here
from ombud.cli.main import app
from ombud.config.attribution_file import FILE_NAME, AttributionError
from ombud.core.event import Event

DECLARED = """
systems:
  postgresql/clinic:
    subjects: {public.patients: {id: patient}}
    shared_accounts: [clinic_app]
    persons:
      - {from: comment, key: user}
"""
AUDIT = "AUDIT: SESSION,1,1,READ,SELECT,TABLE,public.patients,"


def line(number: int, text: str) -> bytes:
    """Return a line of csvlog in which the application reads something."""
    message = f'{AUDIT}""{text}"",<none>,1'
    columns = [
        "2026-03-01 10:00:00.000 UTC", "clinic_app", "clinic", "1", "10.0.0.1:1", "6a5b4c3d.1",
        str(number), "SELECT", "2026-03-01 09:00:00 UTC", f"3/{number}", "0", "LOG", "00000",
        f'"{message}"', *[""] * 8, "app", "client backend", "", "0",
    ]  # fmt: skip
    return ",".join(columns).encode() + b"\n"


def read(opened: OpenHome) -> list[Event]:
    """Return every event of the home's record."""
    size, _ = opened.appender.head()
    committed = opened.reader.read(0, size)
    return [part.event(row) for part in committed for row in range(part.count)]


def changes(opened: OpenHome) -> list[object]:
    """Return what was recorded under the setting's name, in order."""
    recorded = [event.attributes or {} for event in read(opened)]
    return [each["value"] for each in recorded if each.get("name") == "attribution"]


def test_declared_between_two_openings(home: Path) -> None:
    """A change is recorded once, before the first event it bears on; what is recorded stays."""
    with open_here(home) as opened:
        opened.ingesting.deliver("postgres.pgaudit", iter([line(1, "select id = 1")]))
        assert changes(opened) == []
    (home / FILE_NAME).write_text(DECLARED)
    text = "select * from patients where id = 8841 /*user='ana'*/"
    for number in (2, 3):
        with open_here(home) as opened:
            opened.ingesting.deliver("postgres.pgaudit", iter([line(number, text)]))

    with open_here(home) as opened:
        events = [event for event in read(opened) if event.source == "postgres.pgaudit"]
        assert [event.subjects for event in events] == [None, *2 * [(("patient", "8841"),)]]
        assert [event.account for event in events] == ["clinic_app", "ana", "ana"]
        assert {event.actor_id for event in events} == {"clinic_app"}
        (change,) = changes(opened)
    assert change == {
        "systems": {
            "postgresql/clinic": {
                "search_path": ["public"],
                "subjects": {"public.patients": {"id": "patient"}},
                "shared_accounts": ["clinic_app"],
                "persons": [{"from": "comment", "key": "user"}],
            }
        }
    }
    (home / FILE_NAME).unlink()
    with open_here(home) as opened:
        assert changes(opened)[1:] == [{"systems": {}}]


def test_ingest_and_replay_take_what_is_declared(home: Path, tmp_path: Path) -> None:
    """The command's own reading of files attributes as the server does."""
    (home / FILE_NAME).write_text(DECLARED)
    log = tmp_path / "postgresql.csv"
    log.write_bytes(line(1, "select * from patients where id = 7"))

    done = CliRunner().invoke(app, ["ingest", "--source", "postgres.pgaudit", str(log)])

    assert done.exit_code == 0, done.output
    with open_here(home) as opened:
        (event,) = [event for event in read(opened) if event.source == "postgres.pgaudit"]
    assert event.subjects == (("patient", "7"),)
    assert event.flags == ("person_unknown:shared_account",)


def test_a_faulty_file_is_refused_before_anything_is_recorded(home: Path) -> None:
    """A home whose file has a fault does not open."""
    (home / FILE_NAME).write_text("systems: {a: {x: 1}}")

    with (
        pytest.raises(AttributionError, match=r"attribution.yaml:1: `systems.a.x`"),
        open_here(home),
    ):
        pass
