"""Exit statuses, one-line errors, and that every listed command loads."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from ombud.cli import main
from ombud.core.errors import (
    InputError,
    NotFound,
    OmbudError,
    TamperError,
    Unavailable,
)


def _raising(error: Exception) -> typer.Typer:
    app = typer.Typer()

    @app.command()
    def command() -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (InputError("bad"), 2),
        (NotFound("gone"), 1),
        (TamperError("changed", origin="log/checkpoint"), 1),
        (Unavailable("later"), 3),
        (OmbudError("else"), 3),
        (PermissionError(13, "Permission denied", "x"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_errors_become_statuses(
    monkeypatch: pytest.MonkeyPatch, error: Exception, status: int
) -> None:
    """Each kind of error has its exit status, and never a traceback."""
    monkeypatch.setattr(main, "app", _raising(error))

    assert main.run([]) == status


def test_error_in_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json` the error is JSON too, on standard error."""
    monkeypatch.setattr(main, "app", _raising(InputError("bad", origin="here", hint="do that")))

    main._report(InputError("bad", origin="here", hint="do that"), ["--json"])

    stated = json.loads(capsys.readouterr().err)
    assert stated == {
        "error": {"code": "input", "message": "bad", "origin": "here", "hint": "do that"}
    }


def test_what_the_machine_refuses_in_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An error of the machine has the same shape, with the place."""
    monkeypatch.setattr(main, "app", lambda **_: Path("/nosuch/file").read_text())

    assert main.run(["--json"]) == 3

    stated = json.loads(capsys.readouterr().err)["error"]
    assert (stated["code"], stated["origin"]) == ("unavailable", "/nosuch/file")


@pytest.mark.parametrize("name", list(main.COMMANDS))
def test_every_command_loads_and_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command of the table exists, loads, and explains itself."""
    assert isinstance(importlib.import_module(main.COMMANDS[name][0]).app, typer.Typer)
    assert main.run([name, "--help"]) == 0
    assert "Usage" in capsys.readouterr().out


def test_help_lists_every_command_under_what_it_is_for(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of the table, with what to do first on top."""
    assert main.run(["--help"]) == 0
    lines = [line.strip("│╭╮─ ") for line in capsys.readouterr().out.splitlines()]
    listed = [words[0] for line in lines if (words := line.split()) and words[0] in main.COMMANDS]
    panels = [line for line in lines if line in main.PANELS.values()]

    assert list(dict.fromkeys(listed)) == list(main.COMMANDS)
    assert panels == list(main.PANELS.values())
    assert lines.index("Begin") < next(at for at, line in enumerate(lines) if line[:4] == "demo")


def test_wrong_usage_is_2(capsys: pytest.CaptureFixture[str]) -> None:
    """Unknown commands and options are wrong usage."""
    assert main.run(["nosuch"]) == 2
    assert main.run(["settings", "--nosuch"]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("arguments", [["search", "--nosuch"], ["nosuch"], ["token", "create"]])
def test_wrong_usage_in_json(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """With `--json`, wrong usage is one JSON object on standard error, with the same status."""
    assert main.run([*arguments, "--json"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert json.loads(said.err)["error"]["code"] == "input"


def test_guesses_a_mistyped_command(capsys: pytest.CaptureFixture[str]) -> None:
    """A near miss is answered with the command that was meant, and status 2."""
    assert main.run(["serch", "x"]) == 2
    assert "no command `serch`: did you mean `search`?" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [["record", "verify"], ["record", "key"], ["backup", "target"], ["upgrade"], ["reindex"]],
)
def test_no_home(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every command says alike that there is no home, and how one is made."""
    home = tmp_path / "none"

    assert main.run([*words, "--home", str(home)]) == 3
    said = capsys.readouterr().err
    assert "no home at" in said
    assert "`ombud ingest`" in said
    assert not home.exists()


def test_settings_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`settings --json` prints one object."""
    assert main.run(["settings", "--home", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["server.port"] == 8420


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    """As `| head` does: the status is good, and nothing is said."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as output:
        done = subprocess.run(
            [sys.executable, "-m", "ombud", "settings", "--home", str(tmp_path), "--json"],
            stdout=output,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "PYTHONUNBUFFERED": "1"},
            check=False,
        )

    assert (done.returncode, done.stderr) == (0, b"")
