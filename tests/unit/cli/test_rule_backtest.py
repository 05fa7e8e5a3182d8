"""The command `rules backtest`: what it asks, prints, and exits with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ombud.cli import rule_backtest
from ombud.cli.main import run
from ombud.services.backtest_wanted import BacktestWanted

RULE = """\
title: Export
id: export
level: high
logsource: {product: ombud}
detection: {s: {action: export, rows.returned|gte: 100}, condition: s}
"""
EXAMPLE = {
    "alert": "a1", "index": 7, "time": 1_795_305_600_000, "actor_id": "ana",
    "group": {}, "sentence": "500 rows \x1b[2J",
}  # fmt: skip
ROW: dict[str, Any] = {
    "id": "export", "version": "v", "title": "Export", "level": "high", "runs_here": "same",
    "matches": 12345, "alerts": 3, "actors": 2, "groups": 1, "first_at": 1_795_305_600_000,
    "last_at": 1_795_309_200_000, "examples": [EXAMPLE], "cannot_fire": None,
    "is_feeding": False,
    "recorded": {"alerts": 3, "same": 1, "new": 2, "lost": 1, "new_ids": [], "lost_ids": []},
}  # fmt: skip
SILENT = ROW | {
    "id": "x", "title": "Silent", "matches": 0, "alerts": 0, "actors": 0, "first_at": None,
    "last_at": None, "examples": [], "recorded": None, "cannot_fire": "no event carries case",
}  # fmt: skip
ANSWER: dict[str, Any] = {
    "since": 1_787_529_600_000, "until": 1_795_305_600_000, "events": 10_000, "sealed": 9_000,
    "unsealed": 1_000, "read_whole": 500, "skipped": 0, "decoded": 1_600, "seconds": 0.25,
    "events_per_second": 40_000, "matches": 12_345, "alerts": 3, "unreadable": 0,
    "rules": [ROW, SILENT], "refused": [],
}  # fmt: skip


class Door:
    """A home that answers, and remembers what it was asked."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.asked: list[BacktestWanted] = []

    def backtest(self, wanted: BacktestWanted, *, on_progress: Any) -> dict[str, Any]:
        """Tell how far it is, and answer."""
        self.asked.append(wanted)
        on_progress(50, 100)
        on_progress(100, 100)
        return self.answer


@pytest.fixture
def door(monkeypatch: pytest.MonkeyPatch) -> Door:
    """Return the door that the command comes to."""
    one = Door(ANSWER)

    @contextmanager
    def opened(_home: Path) -> Iterator[Door]:
        yield one

    monkeypatch.setattr(rule_backtest, "open_door", opened)
    return one


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a rule and the events that ship with it."""
    (tmp_path / "export.yml").write_text(RULE)
    (tmp_path / "export.tests.yml").write_text("matches: []")
    (tmp_path / "placeholders.yml").write_text("robots: [svc-a]")
    return tmp_path


def test_what_is_asked(door: Door, folder: Path, home: Path) -> None:
    """Files and folders by their text, everything else as an id; the time as it was said."""
    names = [str(folder), "62f3287d", "--home", str(home), "--last", "30d", "--json"]
    assert run(["rules", "backtest", *names, "--since", "2026-11-01", "--why", "w"]) == 0

    (wanted,) = door.asked
    assert wanted.files == {str(folder / "export.yml"): RULE}
    assert (wanted.rules, wanted.days, wanted.why) == (["62f3287d"], 30, "w")
    assert wanted.since == 1_793_491_200_000
    assert wanted.placeholders == {"robots": ["svc-a"]}
    assert not wanted.whole


def test_placeholders_that_are_none(door: Door, folder: Path, home: Path) -> None:
    """Are refused before anything is asked."""
    (folder / "placeholders.yml").write_text("[]")
    assert run(["rules", "backtest", str(folder), "--home", str(home)]) == 2
    assert door.asked == []


def test_table(door: Door, folder: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each rule with its figures, the first alert of each, and how much was looked at."""
    assert run(["rules", "backtest", str(folder), "--home", str(home)]) == 0

    out, err = capfd.readouterr()
    for said in ("12,345", "1 the same", "2026-11-22 00:00", "500 rows \\u001b[2J",
                 "1,600 read whole; 1,000 of them not sealed yet; 500 in segments that must be",
                 "40,000 events/s"):  # fmt: skip
        assert said in out
    assert "cannot fire: Silent: no event carries case" in err
    assert door.asked[0].days == 90


def test_json_and_refusals(
    door: Door, folder: Path, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A refused rule makes the exit status 1, and is named."""
    refused = {"path": "b.yml", "rule_id": None, "reason": "`title` is missing"}
    door.answer = ANSWER | {"refused": [refused]}
    assert run(["rules", "backtest", str(folder), "--home", str(home), "--json"]) == 1
    assert json.loads(capfd.readouterr().out) == door.answer
    assert run(["rules", "backtest", str(folder), "--home", str(home)]) == 1
    assert "refused b.yml: `title` is missing" in capfd.readouterr().err


@pytest.mark.parametrize(
    "more", [["--last", "soon"], ["--since", "yesterday"], ["--until", "32-13"]]
)
def test_wrong_times(door: Door, folder: Path, home: Path, more: list[str]) -> None:
    """Are refused before anything is asked."""
    assert run(["rules", "backtest", str(folder), "--home", str(home), *more]) == 2
    assert door.asked == []


def test_a_file_that_is_no_text(door: Door, tmp_path: Path, home: Path) -> None:
    """Is refused by name."""
    (tmp_path / "bad.yml").write_bytes(b"title: \xff")
    assert run(["rules", "backtest", str(tmp_path / "bad.yml"), "--home", str(home)]) == 2
    assert door.asked == []


def test_of_a_real_home(home: Path, folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Which holds what its own opening recorded."""
    asked = ["rules", "backtest", str(folder), "--why", "w", "--case", "c", "--json"]
    assert run([*asked, "--home", str(home)]) == 0
    answer = json.loads(capfd.readouterr().out)
    assert answer["rules"][0]["matches"] == 0
    assert answer["events"] == answer["unsealed"]
