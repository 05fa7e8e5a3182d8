"""The command `rules explain`: every way to name a rule and an event, and what it prints."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest

from ombud.cli.main import run

RULES = """\
title: Export
id: export
logsource: {product: ombud}
detection:
  export: {action: export, rows.returned|gte: 100}
  filter_nightly: {case|cased: Nightly}
  condition: export and not filter_nightly
---
title: Stopped
id: stopped
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName: [StopLogging, DeleteTrail, a, b, c, d, e, f]}, condition: s}
"""
TRAIL = (
    '{"eventVersion": "1.08", "eventTime": "2026-11-22T12:00:00Z", "eventID": "1", '
    '"eventSource": "cloudtrail.amazonaws.com", "eventName": "StopLogging"}'
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with two rules in a file and some events, which is also the place to be."""
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "one.json").write_text(
        '{"action": "export",\n "rows.returned": 99, "case": "nightly"}'
    )
    (tmp_path / "lines.ndjson").write_text(
        '{"action": "read"}\n{"action": "export", "rows.returned": 100}\nnonsense\n'
    )
    (tmp_path / "trail.ndjson.gz").write_bytes(gzip.compress(f"\n{TRAIL}\n".encode()))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMBUD_HOME", str(tmp_path / "home"))
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_for_people(capfd: pytest.CaptureFixture[str]) -> None:
    """The tree is that of the rule, with what the event has, and what was nearly right."""
    assert run(["rules", "explain", "rules.yml#export", "one.json"]) == 1
    out = capfd.readouterr().out.splitlines()
    assert out[0].startswith("Export (export, version ")
    assert out[0].endswith("does not match the event of one.json")
    assert out[1:] == [
        (
            "sees it: not known: nothing says what source the event is of: "
            "the rule is put to it as it is"
        ),
        "✗ no  all of",
        "✗ no    export: all of",
        "✓ yes     action: export  (the event has export)",
        "✗ no      rows.returned|gte: 100  (the event has 99)",
        "✓ yes   not",
        "✗ no      filter_nightly: case|cased: Nightly  (the event has nightly)",
        "            → but for case, which `cased` minds",
    ]


@pytest.mark.usefixtures("folder")
def test_ways_to_name_an_event(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file, a line of a file, an original of a source, standard input."""
    rule = "rules.yml#export"
    assert run(["rules", "explain", rule, "lines.ndjson:2"]) == 0
    assert "matches the event of lines.ndjson line 2" in capfd.readouterr().out
    arguments = ["trail.ndjson.gz:2", "--source", "aws.cloudtrail", "--json"]
    assert run(["rules", "explain", "rules.yml#stopped", *arguments]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["sees_reason"] == "originals of source `aws.cloudtrail` are `aws/cloudtrail/*`"
    assert told["condition"]["demanded"][:2] == ["stoplogging", "deletetrail"]
    assert told["event"]["line"] == 2

    assert run(["rules", "explain", "rules.yml#stopped", *arguments[:-1], "--json"]) == 0
    capfd.readouterr()
    assert run(["rules", "explain", "rules.yml#stopped", "trail.ndjson.gz", *arguments[1:-1]]) == 0
    assert "[stoplogging, deletetrail, a, b, c, d, … 2 more]" in capfd.readouterr().out
    assert run(["rules", "explain", rule, "trail.ndjson.gz", *arguments[1:-1]]) == 1
    capfd.readouterr()

    data = io.BytesIO(b'{"action":\n"export", "rows.returned": 100}')
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(data))
    assert run(["rules", "explain", rule, "-"]) == 0
    assert "matches the event of standard input" in capfd.readouterr().out


@pytest.mark.usefixtures("folder")
def test_shipped_rule_without_a_home(capfd: pytest.CaptureFixture[str]) -> None:
    """The beginning of the id of a shipped rule is enough, and no home is made."""
    assert run(["rules", "explain", "f490ac44", "lines.ndjson:2"]) == 1
    assert "Bulk Export" in capfd.readouterr().out
    assert not Path("home").exists()


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("arguments", "status", "message"),
    [
        (["rules.yml", "one.json"], 1, "there are 2 rules: `export`, `stopped`"),
        (["rules.yml#none", "one.json"], 1, "no rule is `none`"),
        (["none.yml", "one.json"], 2, "`none.yml` is no file"),
        (["none.yml#a", "one.json"], 2, "`none.yml` is no file"),
        (["rules.yml#export", "none.json"], 2, "`none.json` is no file"),
        (["rules.yml#export", "none.json:3"], 2, "`none.json` is no file"),
        (["rules.yml#export", "lines.ndjson"], 2, "name one by its line"),
        (["rules.yml#export", "lines.ndjson:3"], 2, "lines.ndjson:3: no JSON"),
        (["rules.yml#export", "lines.ndjson:0"], 1, "no event starts at line 0"),
        (["rules.yml#export", "lines.ndjson:9"], 1, "no event starts at line 9"),
        (["rules.yml#export", "12"], 3, "no home at"),
        (["rules.yml#export", "one.json", "--source", "odd"], 2, "odd"),
    ],
    ids=str,
)
def test_refused(
    arguments: list[str], status: int, message: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """What is not there is said with where it was looked for."""
    assert run(["rules", "explain", *arguments]) == status
    assert message in capfd.readouterr().err


@pytest.mark.usefixtures("folder")
def test_correlation(capfd: pytest.CaptureFixture[str]) -> None:
    """A correlation is told with its rules, its group, and that one event does not meet it."""
    assert run(["rules", "explain", "guessed_sign_in_then_export", "lines.ndjson:2"]) == 0
    captured = capfd.readouterr()
    assert captured.out.startswith("Export After Guessed Sign-In (")
    assert "the event of lines.ndjson line 2 counts for it" in captured.out
    assert "its actor.id is missing, so it is in no group" in captured.out
    assert "Records Left The System" in captured.out
    assert "`ombud rules backtest`" in captured.err
    assert run(["rules", "explain", "guessed_sign_in_then_export", "lines.ndjson:1"]) == 1
