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


def panther(vectors: Path, folder: Path, logtype: str = "AWS.CloudTrail") -> Path:
    """Return the records of one type among the logs of Panther's rule tests, one to a line."""
    rows = (vectors / "panther" / "rule-tests.ndjson").read_bytes().splitlines()
    tests = [orjson.loads(row) for row in rows]
    logs = [test["log"] for test in tests if logtype in test["logtypes"]]
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


def ingested(
    source: str, place: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the receipt of `ombud ingest`, and what `ombud search --json` finds after it."""
    assert run(["ingest", "--source", source, str(place), "--json"]) == 0
    (receipt,) = rows_of(capsys.readouterr().out)
    why = ["--why", LOOK["why"], "--case", LOOK["case"]]
    assert run(["search", f"source:{source}", "--json", *why]) == 0
    return receipt, rows_of(capsys.readouterr().out)


@pytest.mark.parametrize("logs", [cloudtrail, panther])
def test_published_logs_are_kept_and_mapped(
    vectors: Path, tmp_path: Path, home: Path, capsys: pytest.CaptureFixture[str], logs: Any
) -> None:
    """Through `ombud ingest` and `ombud search --json`: raw identical, two facts found."""
    place = logs(vectors, tmp_path)
    lines = lines_of(place)
    receipt, events = ingested("aws.cloudtrail", place, capsys)

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


# Source, log type, how a record names its actor and its operation, and acts that are nobody's.
VENDORS = (
    ("databricks.audit", "Databricks.Audit", ("userIdentity", "email"), "actionName", ()),
    ("github.audit", "GitHub.Audit", ("actor",), "action", ("secret_scanning_alert.create",)),
    (
        "okta.systemlog",
        "Okta.SystemLog",
        ("actor", "alternateId"),
        "eventtype",
        ("rate_limit", "security.threat.detected"),
    ),
)


def named(record: dict[str, Any], path: tuple[str, ...]) -> Any:
    """Return what stands at a path, None when nothing does."""
    found: Any = record
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


@pytest.mark.parametrize(
    ("source", "logtype", "actor", "operation", "not_acts"),
    VENDORS,
    ids=[row[0] for row in VENDORS],
)
def test_records_of_vendors_are_kept_and_mapped(
    vectors: Path,
    tmp_path: Path,
    home: Path,
    capsys: pytest.CaptureFixture[str],
    source: str,
    logtype: str,
    actor: tuple[str, ...],
    operation: str,
    not_acts: tuple[str, ...],
) -> None:
    """None lost or refused, raw identical; who acted is the record's own word."""
    place = panther(vectors, tmp_path, logtype)
    lines = lines_of(place)
    receipt, events = ingested(source, place, capsys)

    assert (receipt["read"], receipt["quarantined"]) == (len(lines), 0)
    assert {event["raw_data"].encode() for event in events} == set(lines)
    assert receipt["recorded"] + receipt["duplicate"] == len(lines)
    actors, acts = [], []
    for event in events:
        record = orjson.loads(event["raw_data"])
        name = named(record, actor)
        if name == "unknown":  # As Okta calls the name of a client; its id is one.
            name = record["actor"]["id"]
        if name:
            actors.append(event["actor"]["user"].get("uid") == name)
        done = {key.lower(): value for key, value in record.items()}.get(operation.lower())
        if done and not any(word in done for word in not_acts):
            acts.append(event["ombud"]["action"] != "other")
        assert "action_unknown" not in event["ombud"].get("flags", ())
    assert share(actors) >= MAPPED
    assert share(acts) >= MAPPED
    assert run(["record", "verify"]) == 0
