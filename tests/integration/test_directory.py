"""Directory across processes: kill -9 in mid-load, and a command that asks a running home."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from doubles.audit_logs import look_up
from doubles.running_home import RunningHome, ombud
from ombud.cli.main import run
from ombud.services.verifying import verify

Make = Callable[[Path], RunningHome]
# The command, killed from within when it makes its so-manieth batch of a load durable.
KILLED = """
import os, signal, sys
from ombud.cli.main import run
from ombud.services import directory_events as de
record, left = de.record_events, [int(sys.argv[1])]
def killing(appender, events):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return record(appender, events)
de.record_events, de.CHUNK_ROWS, de.APPEND_COUNT = killing, 1, 1
run(["directory", "load", sys.argv[2], "--yes"])
"""


@pytest.mark.parametrize("batches", [1, 2])
def test_kill_between_rows_and_their_end(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], batches: int
) -> None:
    """Killed between the rows and after them: the old directory stands, also made anew."""
    people = tmp_path / "person.csv"

    def status() -> str:
        capsys.readouterr()
        assert run(["directory", "status", "--json"]) == 0
        return capsys.readouterr().out

    people.write_text("person\nold\n")
    assert run(["directory", "load", str(people), "--yes"]) == 0
    stands = status()
    people.write_text("person\nold\nana\nben\n")

    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(batches), str(people)],
        check=False,
        capture_output=True,
        timeout=120,
    )

    assert killed.returncode == -signal.SIGKILL
    assert status() == stands
    assert run(["record", "verify"]) == 0
    assert run(["reindex"]) == 0
    assert status() == stands
    assert run(["directory", "load", str(people), "--yes"]) == 0
    assert '"rows":{"person":3}' in status()


def test_command_and_server(tmp_path: Path, running: Make) -> None:
    """A load by a command over the socket is in force in the server at once."""
    served = running(tmp_path / "home").start()
    served.own_token()
    served.deliver("ocsf", map(look_up, range(12)))
    before = served.look("/v1/directory/unmatched")["accounts"]
    assert sum(one["events"] for one in before) == 12

    people, account = tmp_path / "person.csv", tmp_path / "account.csv"
    people.write_bytes("person,name\np1,Müller\n".encode("cp1252"))
    account.write_text(f"account,system,person\n{before[0]['account']},,p1\n")
    options = ("--encoding", "windows-1252", "--yes", "--why", "first")
    loaded = ombud(served.home, "directory", "load", str(people), str(account), *options)
    assert loaded.returncode == 0, loaded.stderr

    after = served.look("/v1/directory/unmatched")["accounts"]
    assert [one["account"] for one in after] == [one["account"] for one in before[1:]]
    assert served.look("/v1/directory/people/p1")["name"] == "Müller"
    assert served.look("/v1/directory")["rows"] == {"person": 1, "account": 1}
    report = verify(served.home, served.home / "index" / "control.sqlite")
    assert report.ok, report.fault
