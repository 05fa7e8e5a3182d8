"""Alerts as a person reads them."""

from __future__ import annotations

import json
from pathlib import Path

import orjson
import pytest

from ombud.cli.main import run
from ombud.cli.output import WIDTH_UNSEEN, shortened, stdout, to_minute, to_second

EXPORT = {
    "time": 1_795_305_600_000,
    "class_uid": 6005,
    "activity_id": 1,
    "actor": {"user": {"uid": "ana"}},
    "resources": [{"name": "plates", "namespace": "archive"}],
    "ombud": {"action": "export", "rows_returned": 9_000},
}


@pytest.fixture
def home_with_alerts(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home in which Ana exported too much, twice, and room to print it."""
    monkeypatch.setattr(stdout, "width", WIDTH_UNSEEN)  # The runner's terminal may be narrow.
    log = home.parent / "events.ndjson"
    log.write_bytes(b"".join(orjson.dumps(EXPORT | {"count": n}) + b"\n" for n in (1, 2)))
    assert run(["ingest", "--source", "ocsf", str(log)]) == 0
    return home


def test_list_and_one(home_with_alerts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The list names an alert by the beginning of its id; that opens it."""
    capsys.readouterr()
    assert run(["alerts", "--json"]) == 0
    alerts = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    bulk = next(alert for alert in alerts if alert["level"] == "high")

    assert run(["alerts"]) == 0
    listed = capsys.readouterr()
    assert f" {bulk['id'][:8]}  high " in listed.out
    assert "9000 rows of plates were exported" in listed.out
    assert "shows one" in listed.err

    assert run(["alerts", bulk["id"][:8], "--why", "a hint"]) == 0
    shown = capsys.readouterr().out
    for text in (bulk["id"], "What to do", "What it does not see", "rows.returned=9000"):
        assert text in shown
    assert run(["alerts", bulk["id"], "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["alert"]["event_count"], len(answer["events"])) == (2, 2)


def test_unknown_alert(home_with_alerts: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An id that is none is a "no" that says where to look."""
    assert run(["alerts", "zzz"]) == 1
    assert "`ombud alerts` lists" in capsys.readouterr().err


def test_shapes() -> None:
    """Times are short and in UTC; long names keep their end, where they differ."""
    assert to_minute(1_795_305_600_000) == "2026-11-22 00:00"
    assert to_second(1_795_305_600_000) == "2026-11-22 00:00:00"
    assert shortened("arn:aws:iam::1:user/ana", 9) == "…user/ana"
    assert shortened("ana", 9) == "ana"
