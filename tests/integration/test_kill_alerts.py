"""kill -9 with correlations under way: no alert is lost, none is doubled, ids stay.

Each person's three events lie in different lives of the home, so that no alert of
the correlation comes about without what an earlier life knew.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from doubles.audit_logs import trail
from doubles.running_home import RunningHome, is_alive, rows_of, wait_until
from ombud.cli.main import run
from ombud.config.settings import FILE_NAME
from ombud.record.reader import RecordReader
from ombud.services.verifying import verify

PEOPLE = 40
ROUNDS = 4
PLAIN, CORRELATION = "killed-plain", "killed-correlation"
RULES = f"""
title: Read
id: {PLAIN}
logsource: {{product: aws, service: cloudtrail}}
detection: {{read: {{eventName: GetObject}}, condition: read}}
level: low
ombud: {{group_by: [userIdentity.userName]}}
---
title: Read Thrice
id: {CORRELATION}
correlation:
  type: event_count
  rules: [{PLAIN}]
  group-by: [userIdentity.userName]
  timespan: 1h
  condition: {{gte: 3}}
  generate: true
level: high
"""
FOUND = re.compile(rb'"alert_id":"([0-9a-f]+)"')


def round_of(number: int) -> list[bytes]:
    """Return the events of one round, in which each fourth person does nothing."""
    return [
        trail(number * PEOPLE + person, userIdentity={"userName": f"p{person}"})
        for person in range(PEOPLE)
        if person % ROUNDS != number
    ]


def await_rules(served: RunningHome) -> None:
    """Return when the rules have seen everything."""

    def has_seen_all() -> bool:
        return "ombud_rules_lag_events 0.0\n" in served.ask("GET", "/metrics").body

    wait_until(has_seen_all, "the rules caught up")


def kill(served: RunningHome) -> None:
    """Kill all processes at once and return when none runs."""
    pids = (served.pid, served.recorder, served.sealer)
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    assert served.wait() == -signal.SIGKILL
    wait_until(lambda: not any(map(is_alive, pids)), "all processes ended")


def alerts_of(home: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Return the alerts of the two rules as a home at rest tells them."""
    capsys.readouterr()
    assert run(["alerts", "--limit", "10000", "--json", "--home", str(home)]) == 0
    alerts = rows_of(capsys.readouterr().out)
    return [one for one in alerts if one["rule_id"] in {PLAIN, CORRELATION}]


def findings(home: Path) -> Counter[str]:
    """Return how often the record tells that each alert opened."""
    report = verify(home, home / "index" / "control.sqlite")
    assert report.ok, report.fault
    found: Counter[str] = Counter()
    for committed in RecordReader(home).read(0, report.size):
        found.update(match[1].decode() for match in FOUND.finditer(committed.blobs[-1]))
    return found


def test_killed_with_groups_open(
    tmp_path: Path, running: Callable[[Path], RunningHome], capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed with open groups that nothing has saved, with saved ones, on opening, and after it."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (tmp_path / "rules.yml").write_text(RULES)
    (home / FILE_NAME).write_text(f"rules.folders: ['{tmp_path / 'rules.yml'}']\n")
    served = running(home)
    for number in range(ROUNDS):
        served.start()
        served.own_token()
        answer = served.deliver("aws.cloudtrail", round_of(number))
        assert answer.body["recorded"] == PEOPLE * (ROUNDS - 1) // ROUNDS
        if number == 1:
            assert served.end() == 0  # The groups are open in what is saved.
            continue
        if number != 2:  # In the third round the kill meets the opening of alerts.
            await_rules(served)
        kill(served)
    served.start()
    served.own_token()
    await_rules(served)
    assert served.end() == 0

    alerts = alerts_of(home, capsys)
    assert Counter(one["rule_id"] for one in alerts) == {PLAIN: PEOPLE, CORRELATION: PEOPLE}
    assert {one["event_count"] for one in alerts} == {ROUNDS - 1}
    told = findings(home)
    assert {one["id"]: 1 for one in alerts}.items() <= told.items()
    assert max(told.values()) == 1

    shutil.rmtree(home / "index")
    assert run(["reindex", "--home", str(home)]) == 0
    assert alerts_of(home, capsys) == alerts
    assert findings(home) == told
