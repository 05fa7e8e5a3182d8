"""Upgrade: the golden home of format 1 becomes one of today, and a newer one is refused by all."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import document
from doubles.record_home import ROOT_OF_GOLDEN, SIGNER, SIZE_OF_GOLDEN
from doubles.running_home import LOOK, rows_of
from ombud.cli.main import run
from ombud.record.reader import RecordReader
from ombud.record.standing import FORMAT, read_version
from ombud.record.verify import verify_home
from ombud.services.verifying import verify

GOLDEN = Path(__file__).parents[1] / "golden" / "home-v1"
WHY = ["--why", LOOK["why"], "--case", LOOK["case"]]


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a home of format 1 that can be written, with settings of its time."""
    home = tmp_path / "home"
    shutil.copytree(GOLDEN, home)
    (home / "keys" / "record.key").write_text(SIGNER.private_key + "\n")
    (home / "settings.yaml").write_text("sessions:\n  idle_minutes: 20\n")
    return home


def told(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    """Run a command that must do; return the JSON it prints."""
    assert run([*words, "--json"]) == 0
    return dict(rows_of(capsys.readouterr().out)[0])


def test_a_home_of_format_1_is_upgraded(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It says what is to be done, does it, and then has nothing to do; the events stay."""
    before = [e for c in RecordReader(old).read(0, SIZE_OF_GOLDEN) for e in c.blobs[-1]]
    words = ("upgrade", "--home", str(old))
    plan = told(capsys, *words, "--dry-run")
    assert (plan["from"], plan["to"], plan["done"]) == (1, FORMAT, False)
    assert read_version(old) == 1
    done = told(capsys, *words)
    again = told(capsys, *words)

    assert done["steps"] == plan["steps"] != []
    assert done["done"] is True
    assert (again["from"], again["steps"], again["done"]) == (FORMAT, [], False)
    assert read_version(old) == FORMAT
    known = (GOLDEN / "log" / "checkpoint").read_bytes()
    report = verify_home(old, known_heads=[known])
    assert report.fault is None
    assert verify(old, old / "index" / "control.sqlite").ok
    after = [e for c in RecordReader(old).read(0, SIZE_OF_GOLDEN) for e in c.blobs[-1]]
    assert after == before
    assert ROOT_OF_GOLDEN in verify_home(GOLDEN).root
    upgraded = ["search", "operation:home.upgraded", "--home", str(old), *WHY, "--json"]
    assert run(upgraded) == 0
    (event,) = rows_of(capsys.readouterr().out)
    assert event["ombud"]["attributes"] == {"from": 1, "to": FORMAT}


def test_a_home_of_format_1_works_before(old: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Who does not upgrade loses nothing."""
    assert run(["search", "source:county", "--home", str(old), *WHY, "--json"]) == 0
    assert len(rows_of(capsys.readouterr().out)) > 20
    assert read_version(old) == 1


def test_an_upgrade_cut_short_is_begun_again(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The format comes last."""

    def cut(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("ombud.app.upgrading.write_version", cut)
        assert run(["upgrade", "--home", str(old)]) == 130
    assert read_version(old) == 1
    assert run(["upgrade", "--home", str(old)]) == 0
    assert read_version(old) == FORMAT


# What a command needs beside its home to come as far as opening it.
ARGUMENTS = {
    "ombud search": ["x"],
    "ombud session": ["x"],
    "ombud who": ["a:b"],
    "ombud ingest": ["-", "--source", "ocsf"],
    "ombud record prove": ["0"],
    "ombud quarantine show": ["x"],
    "ombud token create": ["x", "--scope", "search"],
    "ombud token revoke": ["x"],
    "ombud rules disable": ["x", "--why", "y"],
    "ombud rules enable": ["x"],
    "ombud backup make": ["TARGET"],
    "ombud restore make": ["TARGET"],
    "ombud restore resume": ["--why", "y"],
}
OPENING = [
    words
    for words, command in document.commands().items()
    if "home" in {word.name for word in document.words_of(command)} and words != "ombud demo"
]


@pytest.mark.parametrize("words", OPENING)
def test_a_newer_home_is_refused_by_every_command(
    old: Path, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With status 3, saying why; and nothing in it is touched."""
    (old / "version").write_text("99\n")
    before = sorted((path, path.stat().st_mtime_ns) for path in old.rglob("*"))
    needed = [text.replace("TARGET", str(old.parent / "b")) for text in ARGUMENTS.get(words, [])]

    assert run([*words.split()[1:], *needed, "--home", str(old)]) == 3
    said = capsys.readouterr().err
    assert "a home of format 99" in said.replace("\n", " ")
    assert sorted((path, path.stat().st_mtime_ns) for path in old.rglob("*")) == before
