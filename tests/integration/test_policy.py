"""Policy across processes: kill -9 in mid-apply, a folder at the start, and what commands see."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from doubles.running_home import RunningHome, ombud
from ombud.cli.main import run

Make = Callable[[Path], RunningHome]
PURPOSES = """
datasets: {plates: {}}
purposes:
  thefts:
    title: Find thieves
    audience: {types: [person]}
    standing: true
    scope: [{name: all, actions: [read], resources: [plates]}]
"""
NO_EXPORT = "prohibitions: {no-export: {reason: never, actions: [export]}}\n"
# The command, killed from within when it makes its so-manieth batch of a policy durable.
KILLED = """
import os, signal, sys
from ombud.cli.main import run
from ombud.services import policy_events as pe
from ombud.store import policy_texts as pt
record, left = pe.record_events, [int(sys.argv[1])]
def killing(appender, events):
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    return record(appender, events)
pe.record_events, pe.APPEND_SIZE, pt.CHUNK_SIZE = killing, 1, 60
run(["policy", "apply", sys.argv[2], "--yes"])
"""


@pytest.mark.parametrize("batches", [1, 3])
def test_kill_between_texts_and_their_end(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], batches: int
) -> None:
    """Killed between the texts and what makes them count: the old policy stands, also anew."""
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "a.yaml").write_text(PURPOSES)
    assert run(["policy", "apply", str(folder), "--yes"]) == 0

    def status() -> str:
        capsys.readouterr()
        assert run(["policy", "status", "--json"]) == 0
        return capsys.readouterr().out

    stands = status()
    (folder / "b.yaml").write_text(NO_EXPORT)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(batches), str(folder)],
        check=False,
        capture_output=True,
        timeout=120,
    )

    assert killed.returncode == -signal.SIGKILL
    assert status() == stands
    assert run(["record", "verify"]) == 0
    assert run(["reindex"]) == 0
    assert status() == stands
    assert run(["policy", "apply", str(folder), "--yes"]) == 0
    assert status() != stands
    assert run(["record", "verify"]) == 0


def test_command_and_server(tmp_path: Path, running: Make) -> None:
    """The folder of the settings is in force at the start; a command changes it in the server."""
    home, folder = tmp_path / "home", tmp_path / "policy"
    for made in (home, folder):
        made.mkdir()
    (folder / "a.yaml").write_text(PURPOSES)
    (home / "settings.yaml").write_text(f"policy: {folder}\n")
    served = running(home).start()
    served.own_token()
    token = served.make_token("asks", "decide")
    said = {
        "subject": {"type": "person", "id": "ana"},
        "action": {"name": "export"},
        "resource": {"type": "dataset", "id": "plates"},
        "context": {"purpose": "thefts"},
    }

    def reasons() -> list[str]:
        answer = served.ask("POST", "/access/v1/evaluation", orjson.dumps(said), token=token)
        return list(answer.body["context"]["reasons"])

    assert reasons() == ["out_of_scope"]
    (folder / "b.yaml").write_text(NO_EXPORT)
    applied = ombud(home, "policy", "apply", str(folder), "--yes", "--why", "law", "--json")
    assert applied.returncode == 0, applied.stderr
    assert reasons() == ["prohibited:no-export"]
    (folder / "b.yaml").unlink()
    proposed = ombud(home, "policy", "apply", str(folder), "--yes", "--json")
    assert orjson.loads(proposed.stdout)["applied"]["state"] == "waiting"
    assert served.end() == 0

    # The folder is not in force any more, and says so; the prohibition stays.
    served.start()
    assert reasons() == ["prohibited:no-export"]
    assert "is proposed already" in served.said()
    assert served.ask("GET", "/readyz", token="").body["notes"] == [
        "the policy that the settings name is not in force"
    ]
    assert ombud(home, "policy", "status").returncode == 1
    shown = ombud(home, "status", "--json")
    assert orjson.loads(shown.stdout)["notes"] == [
        "the policy that the settings name is not in force"
    ]
