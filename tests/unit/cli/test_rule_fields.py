"""The command `rules fields`: over a file, and of a home."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ombud.app.home import open_here
from ombud.cli.main import run
from ombud.core.event import Event
from ombud.services.record_port import record_events

RULE = """\
title: Stopped
id: stopped
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventNme: StopLogging}, condition: s}
"""
TRAIL = (
    '{"eventVersion": "1.08", "eventTime": "2026-11-22T12:00:00Z", "eventID": "1", '
    '"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"}\n'
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a misspelled rule and a trail."""
    (tmp_path / "stopped.yml").write_text(RULE)
    (tmp_path / "trail.ndjson").write_text(TRAIL + "nonsense\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMBUD_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_over_a_file(capfd: pytest.CaptureFixture[str]) -> None:
    """Fields with counts, what they might have meant, and rules that cannot fire."""
    arguments = ["rules", "fields", "stopped.yml", "--events", "trail.ndjson"]
    assert run([*arguments, "--source", "aws.cloudtrail"]) == 0
    captured = capfd.readouterr()
    assert "eventNme  aws.cloudtrail  0 of 1  1      eventName" in captured.out
    assert "no event carries eventNme" in captured.out
    assert captured.out.endswith("0 of 1 rule can fire here\n")
    assert "1 lines were skipped" in captured.err

    assert run([*arguments, "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["rules"], told["elsewhere"], told["event_count"]) == (1, 0, 1)
    assert told["fields"][0]["close"] == ["eventName"]
    assert told["silent"][0]["rule_id"] == "stopped"


@pytest.mark.usefixtures("folder")
def test_shipped_rules_over_a_file(capfd: pytest.CaptureFixture[str]) -> None:
    """Without RULES those that come with Ombud are asked, over the events the lines become."""
    arguments = ["rules", "fields", "--events", "trail.ndjson", "--source", "aws.cloudtrail"]
    assert run([*arguments, "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    counts = {row["field"]: row["event_count"] for row in told["fields"]}
    assert counts["action"] == 1
    assert not any(field.startswith("derived.") for field in counts)


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        ([], 3, "no home at"),
        (["--source", "aws.cloudtrail"], 2, "add --events FILE"),
        (["none.yml", "--events", "trail.ndjson"], 2, "does not exist"),
        (["stopped.yml", "--events", "none.ndjson"], 2, "is no file"),
        (["stopped.yml", "--events", "trail.ndjson", "--source", "okta.systemlog"], 2, "no rule"),
    ],
    ids=str,
)
def test_refused(
    arguments: list[str], status: int, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is not there is said."""
    assert run(["rules", "fields", *arguments]) == status
    assert message in capfd.readouterr().err


def test_of_a_home(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Of a home it is told what all its events carried; RULES narrow what is told."""
    home = folder / "home"
    home.mkdir()
    (home / "settings.yaml").write_text('rules:\n  folders: ["stopped.yml"]\n')
    event = Event(
        time=1_795_305_600_000,
        source="aws.cloudtrail",
        action="configure",
        native_id="1",
        raw=TRAIL.encode(),
    )
    with open_here(home) as opened:
        record_events(opened.appender, [event])

    assert run(["rules", "fields", "stopped.yml"]) == 0
    out = capfd.readouterr().out
    assert "aws.cloudtrail 1" in out
    assert "eventNme" in out
    assert "no event has carried eventNme" in out
    assert out.endswith("0 of 1 rule can fire here\n")
    other = folder / "other.yml"
    other.write_text(Path("stopped.yml").read_text().replace("id: ", "id: other-") + "---\n[]\n")
    assert run(["rules", "fields", str(other)]) == 0
    out, err = capfd.readouterr()
    assert out.endswith("0 of 0 rules can fire here\n")
    assert "1 rule not of this home" in err
    assert "refused" in err
    assert run(["rules", "fields", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["rules"] > 10
