"""Directory at the terminal: a diff first, a question, statuses that say what happened."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from ombud.cli.main import run

Files = Callable[..., list[str]]


@pytest.fixture
def files(home: Path, tmp_path: Path) -> Files:
    """Return a maker of files by name."""

    def make(**contents: str) -> list[str]:
        paths = []
        for name, text in contents.items():
            path = tmp_path / name.replace("_", ".")
            path.write_text(text, encoding="utf-8")
            paths.append(str(path))
        return paths

    return make


GOOD = {
    "person_csv": "person,name\nana,Ana Field\nben,\n",
    "account_csv": "account,person,from\nadm,ana,2026-01-01\n",
    "unit_yaml": "unit:\n  - {unit: patrol, time_zone: UTC}\n"
    "membership:\n  - {person: ana, unit: patrol, role: officer}\n",
}
WHY = ["--why", "care", "--case", "C-1"]


def test_diff_then_load_then_show(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """What would change, that it is loaded, and what is known of a person."""
    assert run(["directory", "load", *files(**GOOD), "--yes", "--why", "first"]) == 0
    loaded = capsys.readouterr().out
    assert "+ account: account adm, person ana, from 2026-01-01 00:00" in loaded
    assert "loaded as event" in loaded

    assert run(["directory", "show", "ana", "--at", "2026-02-01", *WHY]) == 0
    shown = capsys.readouterr().out
    for text in ("Ana Field", "2026-02-01 00:00", "patrol", "officer", "adm"):
        assert text in shown
    assert run(["directory", "status"]) == 0
    status = capsys.readouterr().out
    assert "first" in status
    assert "person.csv, account.csv, unit.yaml" in status
    assert run(["directory", "unmatched"]) == 0
    assert "every account is known" in capsys.readouterr().out


def test_faults_are_all_listed(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with file and line, status 2, and nothing is loaded."""
    made = files(person_csv="person\na\na\n", leave_csv="person,from,to\na,x,y\n")

    assert run(["directory", "load", *made, "--yes"]) == 2
    said = capsys.readouterr()
    assert "person.csv:3: this person stands twice; see line 2" in said.out
    assert said.out.count("leave.csv:2:") == 2
    assert run(["directory", "status"]) == 0
    assert "no directory is loaded" in capsys.readouterr().out


def test_more_faults_than_are_shown(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """A hundred are shown, and the rest is counted."""
    rows = "".join(f"a{n},nobody\n" for n in range(1_234))
    assert run(["directory", "load", *files(account_csv="account,person\n" + rows), "--yes"]) == 2
    assert "and 1,134 more" in capsys.readouterr().out


def test_dry_run_and_no_terminal_load_nothing(
    files: Files, capsys: pytest.CaptureFixture[str]
) -> None:
    """Showing is status 0; wanting to load where nobody can be asked is 2."""
    made = files(**GOOD)
    assert run(["directory", "load", *made, "--dry-run"]) == 0
    assert run(["directory", "load", *made]) == 2
    assert "add `--yes`" in capsys.readouterr().err
    assert run(["directory", "status", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["load"] is None


@pytest.mark.parametrize(("answer", "status"), [(True, 0), (False, 1)])
def test_question_at_a_terminal(
    files: Files, monkeypatch: pytest.MonkeyPatch, answer: bool, status: int
) -> None:
    """Who is asked and says no has loaded nothing."""
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(typer, "confirm", lambda *_, **__: answer)

    assert run(["directory", "load", *files(**GOOD)]) == status


def test_all_as_json(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """Plan and load, entry, work list and state, one value a line."""
    assert run(["directory", "load", *files(**GOOD), "--yes", "--json"]) == 0
    plan, loaded = map(json.loads, capsys.readouterr().out.splitlines())
    assert plan["plan"]["kinds"]["person"]["added"] == 2
    assert loaded["loaded"]["spans"] == 1
    assert run(["directory", "show", "ana", *WHY, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unit"] == "patrol"
    assert run(["directory", "unmatched", "--json"]) == 0
    assert capsys.readouterr().out == ""


def test_options_reach_the_reader(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """Kind, zone and encoding are those that were given."""
    (made,) = files(export_csv="")
    Path(made).write_bytes("person;from;to\nana;2026-07-01;2026-07-02\n".encode("utf-16"))
    people = files(person_csv="person\nana\n")
    assert run(["directory", "load", *people, "--yes"]) == 0
    options = ["--kind", "leave", "--zone", "Europe/Berlin", "--encoding", "utf-16"]
    assert run(["directory", "load", made, *options, "--yes", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out.splitlines()[-2])["plan"]

    assert plan["kinds"]["leave"]["samples"]["added"][0]["from"] == 1_782_856_800_000
    assert run(["directory", "load", made, "--kind", "people"]) == 2


def test_look_at_nobody_and_at_no_time(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No such person is a "no"; no such time is wrong usage."""
    assert run(["directory", "show", "ana", *WHY]) == 1
    assert run(["directory", "show", "ana", "--at", "noon", *WHY]) == 2
    assert "`noon` is no time" in capsys.readouterr().err
