"""Commands `policy`: shown before they act, told apart by exit status, and the same in JSON."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import orjson
import pytest

from ombud.app.home import open_here
from ombud.cli.main import run
from ombud.services.asker import Asker, local_owner
from ombud.services.policy_wanted import PolicyWanted

WHY = ["--why", "a test", "--case", "C-1"]
PURPOSES = """
when_no_purpose: thefts
datasets: {plates: {}}
purposes:
  thefts:
    title: Find thieves
    audience: {types: [person]}
    standing: true
    scope: [{name: all, actions: [read], resources: [plates]}]
"""
NO_EXPORT = "prohibitions: {no-export: {reason: never, actions: [export]}}\n"
READ = ["person:ana", "read", "dataset:plates"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a policy."""
    made = tmp_path / "policy"
    made.mkdir()
    (made / "purposes.yaml").write_text(PURPOSES)
    (made / "rules.yaml").write_text(NO_EXPORT)
    return made


def told(capsys: pytest.CaptureFixture[str], *words: str) -> Any:
    """Run a command that succeeds and return the JSON that it printed."""
    capsys.readouterr()
    assert run(["policy", *words, "--json"]) == 0
    return [orjson.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_policy_from_folder_to_history(
    home: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Applied after its difference is shown; shown, listed and written out again as it was."""
    (plan,) = told(capsys, "plan", str(folder))
    assert (plan["compared_with"], plan["alone"]) == (0, "first")
    (done,) = told(capsys, "apply", str(folder), "--yes", "--why", "first")
    assert done["applied"]["state"] == "applied"
    (status,) = told(capsys, "status")
    assert status["in_force"]["id"] == done["applied"]["id"]
    assert [row["reason"] for row in told(capsys, "history")] == ["first"]
    assert run(["policy", "show", "--into", str(tmp_path / "out")]) == 0
    assert (tmp_path / "out" / "purposes.yaml").read_text() == PURPOSES
    assert run(["policy", "apply", str(folder), "--yes"]) == 1  # In force already.


def test_what_lowers_oversight_is_proposed(
    home: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says who must confirm; its owner may not, and may take it back."""
    assert run(["policy", "apply", str(folder), "--yes"]) == 0
    (folder / "rules.yaml").unlink()
    capsys.readouterr()
    assert run(["policy", "apply", str(folder), "--yes"]) == 0
    printed = capsys.readouterr()
    assert "! policy, prohibition no-export: is gone (loosened)" in printed.out
    assert "from another unit must confirm it" in printed.err
    (row,) = told(capsys, "proposals")
    assert run(["policy", "confirm", row["id"]]) == 1
    assert "whoever proposes a change does not confirm it" in capsys.readouterr().err
    assert run(["policy", "refuse", row["id"], "--why", "a mistake"]) == 0
    assert told(capsys, "proposals") == []
    assert [one["state"] for one in told(capsys, "proposals", "--ended")] == ["refused"]


def test_explanation_and_simulation(
    home: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What would be is an exit status too; a folder stands in for the policy in force."""
    assert run(["policy", "explain", *READ, *WHY]) == 1
    assert run(["policy", "explain", *READ, "--policy", str(folder), *WHY]) == 0
    assert "permitted" in capsys.readouterr().out
    (answer,) = told(capsys, "simulate", str(folder), "--last", "7d", *WHY)
    assert (answer["days"], answer["says"]) == (7, "would have denied nothing in 7 days")
    assert run(["policy", "simulate", str(folder), *WHY]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["simulate", "FOLDER", "--last", "soon", *WHY], "no number of days"),
        (["simulate", "FOLDER"], "looking needs a reason"),
        (["explain", "ana", "read", "dataset:plates", *WHY], "`actor` is `type:id`"),
        (["explain", *READ, "--context", "[]", *WHY], "not a JSON object"),
        (["explain", *READ, "--context", "{", *WHY], "not JSON"),
        (["explain", *READ, "--at", "noon", *WHY], "`noon` is no time"),
        (["apply", "FOLDER"], "nobody can be asked here"),
        (["show"], "no policy is in force"),
    ],
)
def test_wrong_words_are_refused(
    home: Path, folder: Path, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With what is wrong, and nothing changed."""
    assert run(["policy", *[str(folder) if word == "FOLDER" else word for word in words]]) in {1, 2}
    assert said in capsys.readouterr().err


def test_version_is_written_into_its_folder_alone(
    home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file name that leads elsewhere is refused, whoever applied it."""
    with open_here(home) as opened:
        files = {"../evil.yaml": PURPOSES}
        opened.access.policy.policies.apply(PolicyWanted(files), asker=local_owner())
    assert run(["policy", "show", "--into", str(tmp_path / "out")]) == 2
    assert "would lie outside" in capsys.readouterr().err
    assert not (tmp_path / "evil.yaml").exists()


def test_folder_of_the_settings(
    home: Path, folder: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Applied at the start; what is refused or waits is said aloud, and the old one stays."""
    (home / "settings.yaml").write_text(f"policy: {folder}\n")

    def begin() -> tuple[str | None, str, list[str]]:
        caplog.clear()
        with open_here(home) as opened, caplog.at_level(logging.INFO):
            opened.apply_configured()
            status = opened.access.policy.policies.status(
                asker=Asker(person="cy", scopes=frozenset({"admin"}))
            )
            return status["configured"], status["in_force"]["id"], opened.services.notes()

    configured, first, notes = begin()
    assert (configured, notes) == (None, [])
    assert begin()[:2] == (None, first)  # Nothing to do.
    (folder / "rules.yaml").unlink()
    configured, stands, notes = begin()
    assert str(configured).startswith("waits for a second person")
    assert (stands, notes) == (first, ["the policy that the settings name is not in force"])
    assert "stays" in caplog.text
    assert "is proposed already" in str(begin()[0])
    (folder / "rules.yaml").write_text("prohibitions: [\n")
    assert str(begin()[0]).startswith("is refused")
    (home / "settings.yaml").write_text("policy: /no/such/folder\n")
    assert "is not a folder" in str(begin()[0])
