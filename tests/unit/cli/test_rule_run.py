"""The command `rules run` with correlations: over the file, in the order of its times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ombud.cli.main import run

RULES = """\
title: Read
id: read
name: read
logsource: {product: ombud}
detection: {s: {action: read}, condition: s}
---
title: Many people
id: many
level: high
correlation: {type: value_count, rules: [read], group-by: [actor.id], timespan: 1h,
  condition: {field: subject.key, gte: 3}}
---
title: Many again
id: again
correlation: {type: event_count, rules: [many], group-by: [actor.id], timespan: 1d,
  condition: {gte: 1}}
"""
NOON = 1_795_348_800_000
EVENTS: list[dict[str, Any]] = [
    {
        "action": "read",
        "actor.id": actor,
        "subject.key": key,
        "time": 1_795_348_800_000 + 60_000 * at,
    }
    for at, (actor, key) in enumerate(
        [("ana", "p1"), ("ben", "p1"), ("ana", "p2"), ("ana", "p2"), ("ana", "p3"), ("ben", "p2")]
    )
]


def lines(events: list[dict[str, Any]]) -> str:
    """Return events as lines."""
    return "".join(json.dumps(event) + "\n" for event in events)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a chain of correlations."""
    (tmp_path / "r.yml").write_text(RULES)
    return tmp_path


def found_in(
    folder: Path, events: list[dict[str, Any]], capfd: pytest.CaptureFixture[str], *more: str
) -> tuple[list[Any], str]:
    """Return what is printed of events, and what is said."""
    (folder / "e.ndjson").write_text(lines(events))
    arguments = ["rules", "run", str(folder / "r.yml"), "--events", str(folder / "e.ndjson")]
    assert run([*arguments, "--json", *more]) == 0
    captured = capfd.readouterr()
    return [json.loads(line) for line in captured.out.splitlines()], captured.err


def test_correlated(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """What feeds a correlation is not printed, a chain is followed, lines are those of the file."""
    found, _ = found_in(folder, EVENTS, capfd)
    assert [row["rule_id"] for row in found] == ["again"]
    assert found[0]["group"] == {"actor.id": "ana"}
    assert found[0]["line"] == 5


def test_order_of_the_file(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A file that begins with the newest says the same, under the lines it has them on."""
    found, _ = found_in(folder, EVENTS[::-1], capfd)
    assert [(row["rule_id"], row["line"]) for row in found] == [("again", 2)]
    shared, _ = found_in(folder, EVENTS[::-1], capfd, "--jobs", "2")
    assert shared == found


def test_without_a_time(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Events that say no time cannot be correlated, and are counted; ISO 8601 is a time too."""
    bare = [{key: value for key, value in one.items() if key != "time"} for one in EVENTS]
    found, err = found_in(folder, bare, capfd)
    assert found == []
    assert "6 matches say no `time` and are not correlated" in err
    written = [{**one, "time": f"2026-11-22T12:0{at}:00Z"} for at, one in enumerate(bare)]
    assert found_in(folder, written, capfd)[0] == found_in(folder, EVENTS, capfd)[0]


def test_for_people_and_counted(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A line for people names the group and where it began; a summary counts correlations too."""
    (folder / "r.yml").write_text(RULES.rpartition("---")[0])
    found, err = found_in(folder, EVENTS, capfd, "--summary")
    assert found == [{"rule_id": "many", "title": "Many people", "matches": 1}]
    assert "6 lines read, 1 match of 1 rule" in err
    arguments = ["rules", "run", str(folder / "r.yml"), "--events", str(folder / "e.ndjson")]
    assert run(arguments) == 0
    out = capfd.readouterr().out
    assert out.startswith("line 5: Many people (high): value_count reached 3; ")
    assert out.endswith(" events of actor.id ana, from line 1\n")
