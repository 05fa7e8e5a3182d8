"""Published logs through the commands: nothing lost, nothing changed, actor and action found."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest

from doubles.running_home import LOOK, rows_of
from ombud.cli.main import run

MAPPED = 0.99  # Share of the records that name one whose actor and action must be found.


def cloudtrail(vectors: Path, folder: Path) -> Path:
    """Return the CloudTrail logs as they are."""
    return vectors / "cloudtrail"


def panther(vectors: Path, folder: Path) -> Path:
    """Return the CloudTrail records among the logs of Panther's rule tests, one to a line."""
    rows = (vectors / "panther" / "rule-tests.ndjson").read_bytes().splitlines()
    tests = [orjson.loads(row) for row in rows]
    logs = [test["log"] for test in tests if "AWS.CloudTrail" in test["logtypes"]]
    file = folder / "panther.ndjson"
    file.write_bytes(b"".join(orjson.dumps(log) + b"\n" for log in logs))
    return file


def lines_of(place: Path) -> list[bytes]:
    """Return every line of a file or folder."""
    files = sorted(place.rglob("*")) if place.is_dir() else [place]
    return [line for file in files if file.is_file() for line in file.read_bytes().splitlines()]


def share(hits: list[bool]) -> float:
    """Return which part is true."""
    return sum(hits) / len(hits)


@pytest.mark.parametrize("logs", [cloudtrail, panther])
def test_published_logs_are_kept_and_mapped(
    vectors: Path, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str], logs: Any
) -> None:
    """Through `ombud ingest` and `ombud search --json`: raw identical, two facts found."""
    place = logs(vectors, tmp_path)
    lines = lines_of(place)
    assert run(["ingest", "--source", "aws.cloudtrail", str(place), "--json"]) == 0
    (receipt,) = rows_of(capsys.readouterr().out)
    why = ["--why", LOOK["why"], "--case", LOOK["case"]]
    assert run(["search", "source:aws.cloudtrail", "--json", *why]) == 0
    events = rows_of(capsys.readouterr().out)

    assert receipt["read"] == len(lines)
    assert (receipt["quarantined"], receipt["recorded"]) == (0, len(events))
    assert {event["raw_data"].encode() for event in events} == set(lines)
    expected = Counter(lines)
    assert receipt["duplicate"] == len(lines) - len(events)
    assert Counter(e["raw_data"].encode() for e in events).keys() == expected.keys()
    with_actor = [e for e in events if orjson.loads(e["raw_data"]).get("userIdentity")]
    with_name = [e for e in events if orjson.loads(e["raw_data"]).get("eventName")]
    assert share(["uid" in e.get("actor", {}).get("user", {}) for e in with_actor]) >= MAPPED
    assert share([e["ombud"]["action"] != "other" for e in with_name]) >= MAPPED
    assert run(["record", "verify"]) == 0
