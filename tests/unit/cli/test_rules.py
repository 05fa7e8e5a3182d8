"""The commands `rules`: what they print where, and their exit statuses."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from ombud.cli.main import run
from ombud.config.rule_files import read_rules, shipped_rules_folder

RULE = """\
title: Export
id: export
level: high
logsource: {product: ombud}
detection: {s: {action: export, rows.returned|gte: 100}, condition: s}
"""
CASES = """\
matches: [{name: many, event: {action: export, rows.returned: 100}}]
misses: [{name: few, event: {action: export, rows.returned: 99}}]
"""
BROKEN = RULE.replace("id: export", "id: broken").replace("gte", "nope")
TRAIL = (
    "title: Stopped\nid: stopped\nlogsource: {product: aws, service: cloudtrail}\n"
    "detection: {s: {eventName: StopLogging}, condition: s}\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with one rule and its events."""
    (tmp_path / "export.yml").write_text(RULE)
    (tmp_path / "export.tests.yml").write_text(CASES)
    return tmp_path


def lines_of(capsys: pytest.CaptureFixture[str]) -> tuple[list[Any], str]:
    """Return standard output as JSON values, and standard error as it is."""
    captured = capsys.readouterr()
    return [json.loads(line) for line in captured.out.splitlines()], captured.err


def test_check(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A folder whose rules all run is good; a refused one is named on standard error."""
    assert run(["rules", "check", str(folder)]) == 0
    assert capfd.readouterr() == ("1 rule can run, 0 refused\n", "")

    (folder / "broken.yml").write_text(BROKEN)
    assert run(["rules", "check", str(folder), "--json"]) == 1
    (found,), err = lines_of(capfd)
    assert found["rules"] == 1
    assert found["refused"][0]["rule_id"] == "broken"
    assert "broken.yml: `broken`: unknown modifier 'nope'" in err
    assert run(["rules", "check", str(folder / "none.yml")]) == 2


FILTER = """\
title: Robots
id: robots
logsource: {product: ombud}
filter: {rules: any, robot: {actor.id|startswith: svc_}, condition: not robot}
"""
CORRELATION = """\
title: Many exports
id: many
correlation: {type: event_count, rules: [export], timespan: 1h, condition: {gte: 5}}
"""


def test_check_says_to_what_filters_are_put(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Filters and correlations are counted, and a filter is named with its rules."""
    (folder / "robots.yml").write_text(FILTER)
    (folder / "many.yml").write_text(CORRELATION)
    assert run(["rules", "check", str(folder)]) == 0
    assert capfd.readouterr().out == (
        "filter `robots` is put to 1 rule\n1 rule, 1 correlation, 1 filter can run, 0 refused\n"
    )

    assert run(["rules", "check", str(folder), "--json"]) == 0
    (found,), _ = lines_of(capfd)
    assert found["correlations"] == 1
    assert [(one["filter_id"], one["rules"]) for one in found["filters"]] == [
        ("robots", ["export"])
    ]


def test_check_with_the_shipped_rules(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A filter for a shipped rule fits nothing alone; with --shipped it does."""
    shipped = min(read_rules([shipped_rules_folder()]).rules, key=lambda rule: rule.id)
    (folder / "robots.yml").write_text(FILTER.replace("any", f"[{shipped.id}]"))
    assert run(["rules", "check", str(folder)]) == 1
    assert "which is no rule that runs" in capfd.readouterr().err

    assert run(["rules", "check", str(folder), "--shipped"]) == 0
    assert "filter `robots` is put to 1 rule\n1 rule, 1 filter can run" in capfd.readouterr().out
    assert run(["rules", "check", str(shipped_rules_folder()), "--shipped"]) == 0
    assert "0 refused" in capfd.readouterr().out


def test_list_says_which_filters_apply(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A rule is listed with its filters, a correlation with its rules, and who opens alerts."""
    (folder / "robots.yml").write_text(FILTER)
    (folder / "many.yml").write_text(CORRELATION)
    assert run(["rules", "list", str(folder), "--json"]) == 0
    rows = {row["rule_id"]: row for row in lines_of(capfd)[0]}
    assert rows["export"]["filters"] == ["robots"]
    assert rows["export"]["opens_alerts"] is False
    assert (rows["many"]["correlates"], rows["many"]["opens_alerts"]) == (["export"], True)

    assert run(["rules", "list", str(folder)]) == 0
    out = capfd.readouterr().out
    assert "robots" in out
    assert "feeds" in out


def test_of_no_rules(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """A folder without rules is a mistake, not a check that passes."""
    for word in ("check", "test"):
        assert run(["rules", word, str(tmp_path)]) == 2
        assert f"no rules at `{tmp_path}`" in capfd.readouterr().err


def test_test(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Each rule is put to its events; a failed case is named and makes status 1."""
    assert run(["rules", "test", str(folder)]) == 0
    assert capfd.readouterr().out == "1 rule, 2 cases, 0 failed\n"

    (folder / "export.tests.yml").write_text(CASES.replace("99", "101"))
    (folder / "bare.yml").write_text(TRAIL)
    assert run(["rules", "test", str(folder)]) == 1
    captured = capfd.readouterr()
    assert "finds `few`" in captured.out
    assert captured.out.endswith("2 rules, 2 cases, 1 failed\n")
    assert "bare.yml: no events ship with it" in captured.err

    assert run(["rules", "test", str(folder), "--json"]) == 1
    found, _ = lines_of(capfd)
    assert [(row["case"], row["passed"]) for row in found] == [("many", True), ("few", False)]

    (folder / "export.tests.yml").write_text("matches: [{event: {actoin: x}}]")
    assert run(["rules", "test", str(folder)]) == 2
    assert "unknown field `actoin`" in capfd.readouterr().err


def test_list(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The shipped rules are listed, and those of further folders."""
    assert run(["rules", "list", str(folder), "--json"]) == 0
    found, _ = lines_of(capfd)
    head = {"rule_id", "version", "title", "level", "status", "path"}
    assert set(found[0]) == head | {"logsource", "filters", "opens_alerts"}
    assert "export" in {row["rule_id"] for row in found}
    assert len(found) > 10
    assert run(["rules", "list"]) == 0
    assert "Bulk Export" in capfd.readouterr().out


def test_run(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """One line for each match, lines counted from 1; what is no event is told and skipped."""
    (folder / "broken.yml").write_text(BROKEN)
    events = folder / "events.ndjson"
    events.write_text(
        '{"action": "export", "rows.returned": 100}\n\nnonsense\n[1]\n'
        '{"action": "EXPORT", "rows": {"returned": "200"}}\n{"action": "read"}'
    )

    assert run(["rules", "run", str(folder), "--events", str(events), "--json"]) == 0
    found, err = lines_of(capfd)
    assert found == [{"rule_id": "export", "line": 1}, {"rule_id": "export", "line": 5}]
    assert "refused" in err
    assert "line 3: no JSON" in err
    assert "line 4: no JSON object" in err
    assert "2 lines were skipped" in err

    assert run(["rules", "run", str(folder), "--events", str(events)]) == 0
    assert "line 1: Export (high): matched by action = export" in capfd.readouterr().out


def test_run_on_a_source(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With a source, lines are its originals: rules see those, or the events they become."""
    (folder / "trail.yml").write_text(TRAIL)
    (folder / "windows.yml").write_text(
        TRAIL.replace("aws, service: cloudtrail", "windows").replace("id: stopped", "id: w")
    )
    (folder / "named.yml").write_text(
        TRAIL.replace("aws, service: cloudtrail", "ombud")
        .replace("id: stopped", "id: named")
        .replace("eventName", "operation")
    )
    record = (
        '{"eventVersion": "1.08", "eventTime": "2026-11-22T12:00:00Z", "eventID": "1", '
        '"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"}'
    )
    events = folder / "events.ndjson.gz"
    events.write_bytes(gzip.compress(f"\n{record}\nnonsense\n{record}".encode()))
    arguments = ["rules", "run", str(folder), "--events", str(events), "--json"]

    assert run([*arguments, "--source", "aws.cloudtrail"]) == 0
    found, err = lines_of(capfd)
    assert [(row["line"], row["rule_id"]) for row in found] == [
        (2, "named"),
        (2, "stopped"),
        (4, "named"),
        (4, "stopped"),
    ]
    assert "line 3:" in err
    assert "1 rules are for other sources than aws.cloudtrail" in err
    assert run([*arguments, "--source", "odd"]) == 2
    arguments[4] = str(folder / "none")
    assert run([*arguments, "--source", "aws.cloudtrail"]) == 2


def test_run_counts(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """With --summary only the matches of each rule are counted; any --jobs say the same."""
    (folder / "trail.yml").write_text(TRAIL)
    record = (
        '{"eventVersion": "1.08", "eventTime": "2026-11-22T12:00:00Z", "eventID": "%d", '
        '"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"}\n'
    )
    events = folder / "events.ndjson"
    events.write_text("".join(record % number for number in range(40)) + "nonsense\n")
    arguments = ["rules", "run", str(folder), "--events", str(events), "--source", "aws.cloudtrail"]

    assert run([*arguments, "--summary", "--json"]) == 0
    found, err = lines_of(capfd)
    assert found == [{"rule_id": "stopped", "title": "Stopped", "matches": 40}]
    assert "41 lines read, 40 matches of 1 rule" in err
    assert run([*arguments, "--summary"]) == 0
    assert "stopped  medium  40" in capfd.readouterr().out

    assert run(arguments) == 0
    alone = capfd.readouterr()
    assert run([*arguments, "--jobs", "2"]) == 0
    shared = capfd.readouterr()
    assert shared.out == alone.out
    assert shared.err.splitlines()[:-1] == alone.err.splitlines()[:-1]
    assert "line 41:" in shared.err

    assert run([*arguments[:4], "-", *arguments[5:], "--jobs", "2"]) == 2
    assert "plain file" in capfd.readouterr().err


def test_run_from_standard_input(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events may come through a pipe."""
    data = io.BytesIO(b'{"action": "export", "rows.returned": 100}')
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(data))

    assert run(["rules", "run", str(folder), "--events", "-", "--json"]) == 0
    assert lines_of(capfd)[0] == [{"rule_id": "export", "line": 1}]


def test_run_refuses(
    folder: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing to run, no events and a broken archive are wrong input; a long line is skipped."""
    events = folder / "events.ndjson"
    events.write_bytes(gzip.compress(b'{"a": 1}\n' * 1000)[:-9])
    arguments = ["rules", "run", str(folder), "--events", str(events)]
    assert run(arguments) == 2
    assert "no whole gzip file" in capfd.readouterr().err
    assert run(["rules", "run", str(folder), "--events", str(folder / "none")]) == 2

    monkeypatch.setattr("ombud.cli.rule_events.RAW_SIZE_MAX", 64)
    events.write_text("x" * 200 + '\n{"action": "export", "rows.returned": 100}\n')
    capfd.readouterr()
    assert run([*arguments, "--json"]) == 0
    assert lines_of(capfd)[0] == [{"rule_id": "export", "line": 2}]

    (folder / "export.yml").write_text(BROKEN)
    assert run(arguments) == 2
    assert "no rule can run" in capfd.readouterr().err
