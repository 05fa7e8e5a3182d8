"""Reindex: what is derived is the same, whether it followed live, was stopped, or is made anew."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import groupby, islice
from operator import itemgetter
from pathlib import Path
from typing import Any

import pytest

from doubles.running_home import LOOK, RunningHome, rows_of, wait_until
from ombud.cli.main import run
from ombud.collect.mapping_file import load_mapping
from ombud.simulate.county import mapping_path, simulate

Make = Callable[[Path], RunningHome]
END = datetime(2026, 11, 22, tzinfo=UTC)
EVENTS = 4_000
# Every way to judge: as events come, when the window closed, when nothing came, one on another.
CORRELATED = """
title: Read
id: own-read
logsource: {product: ombud, service: records}
detection:
  s: {action: [read, search]}
  look: {source|startswith: ombud}
  condition: s and not look
---
title: Export
id: own-export
logsource: {product: ombud, service: records}
detection: {s: {action: export}, condition: s}
---
title: Much Read
id: own-much
correlation: {type: event_count, rules: [own-read], group-by: [actor.id], timespan: 1h,
              condition: {gte: 5}}
---
title: Few Read
id: own-few
correlation: {type: value_count, rules: [own-read], group-by: [actor.id], timespan: 8h,
              condition: {field: resource.dataset, eq: 2}}
---
title: Exported Unread
id: own-unread
correlation: {type: temporal, rules: [own-read, own-export], group-by: [actor.id],
              timespan: 1h, condition: own-export and not own-read}
---
title: Much, Again And Again
id: own-again
correlation: {type: event_count, rules: [own-much], timespan: 1d, condition: {gte: 2},
              generate: true}
"""
OWN = {"own-much", "own-again"}  # The others are judged hours later.
QUERIES = (
    "source:aws.cloudtrail",
    "action:export",
    "has:actor -source:ombud* | count by actor",
    "has:actor -source:ombud* outcome:denied",
    "has:actor -source:ombud* | count by source, action",
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home that knows the mapping of the county's cases."""
    home = tmp_path_factory.mktemp("reindexed") / "home"
    (home / "mappings").mkdir(parents=True, mode=0o700)
    (home / "own.yml").write_text(CORRELATED)
    (home / "settings.yaml").write_text(f"rules: {{folders: ['{home}/own.yml']}}\n")
    shutil.copy(mapping_path(), home / "mappings")
    return home


def alerts_of(served: RunningHome) -> list[dict[str, Any]]:
    """Return all alerts, when the rules have seen everything."""

    def has_seen_all() -> bool:
        return "ombud_rules_lag_events 0.0\n" in served.ask("GET", "/metrics").body

    wait_until(has_seen_all, "the rules caught up")
    return served.look("/v1/alerts", limit=10_000)["alerts"]  # type: ignore[no-any-return]


def answers(home: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, list[dict[str, Any]]]:
    """Return what the commands answer to every query."""
    found = {}
    why = ["--why", LOOK["why"], "--case", LOOK["case"], "--json", "--home", str(home)]
    asked = [("search", query) for query in QUERIES] + [("sessions", "has:actor -source:ombud*")]
    for command, query in asked:
        capsys.readouterr()
        assert run([command, query, *why]) == 0
        found[f"{command} {query}"] = rows_of(capsys.readouterr().out)
    assert run(["alerts", "--limit", "10000", "--json", "--home", str(home)]) == 0
    return found | {"alerts": rows_of(capsys.readouterr().out)}


def test_live_stopped_and_replayed_are_the_same(
    home: Path, running: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same events and alerts: delivered live with a restart in the middle, then reindexed."""
    mapped = load_mapping(mapping_path()).source
    lines = simulate(3, people=60, days=7, end=END, events=EVENTS)
    served = running(home).start()
    served.own_token()
    delivered, has_restarted = 0, False
    while chunk := list(islice(lines, 500)):
        for kind, group in groupby(sorted(chunk, key=itemgetter(0)), key=itemgetter(0)):
            name = mapped if kind == "mapping" else kind
            receipt = served.deliver(name, [raw for _, raw in group]).body
            assert receipt["quarantined"] == 0
            delivered += receipt["recorded"]
        if delivered >= EVENTS // 2 and not has_restarted:
            assert served.end() == 0
            served.start()
            has_restarted = True
    live = alerts_of(served)
    assert len(live) >= 3
    assert {alert["rule_id"] for alert in live} >= OWN
    assert served.end() == 0
    stopped = answers(home, capsys)

    shutil.rmtree(home / "index")
    assert run(["reindex", "--home", str(home)]) == 0
    capsys.readouterr()
    replayed = answers(home, capsys)

    assert stopped["alerts"] == live
    assert replayed == stopped
    assert all(stopped.values())


def test_reindex_beside_a_server_is_refused(
    home: Path, running: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    """The server owns what is derived."""
    running(home).start()

    assert run(["reindex", "--home", str(home)]) == 1
    assert "stop `ombud serve`" in capsys.readouterr().err
