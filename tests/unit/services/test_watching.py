"""Watching: no alert is lost by a failure in between, and none by how many open at once."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import duckdb
import pytest

from ombud.core.batch import COUNT_MAX, Batch, BatchBuilder, Committed
from ombud.core.errors import Unavailable
from ombud.core.event import Event
from ombud.detect.loading.rule_set import RuleSet
from ombud.detect.rule import Rule, parse_rules
from ombud.record.receipt import Receipt
from ombud.services.watching import Watch
from ombud.store.alerts import AlertStore

NOON = 1_795_348_800_000
EXPORTS = """
title: Export {number}
id: export-{number}
logsource: {{product: ombud}}
detection:
  s: {{action: export}}
  condition: s
level: high
"""


def rules_of(count: int) -> list[Rule]:
    """Return rules that each match every export."""
    rules = []
    for number in range(count):
        found, refusals = parse_rules(EXPORTS.format(number=number), path=f"{number}.yml")
        assert not refusals
        rules += found
    return rules


def exports(actors: Sequence[str], *, first_index: int = 0) -> Committed:
    """Return a stretch of the record in which each actor exports once."""
    builder = BatchBuilder()
    for number, actor in enumerate(actors):
        builder.add(
            Event(time=NOON, source="county", action="export", actor_id=actor, raw=b"%d" % number)
        )
    batch = builder.take()
    times = array("q", [NOON] * batch.count)
    return Committed(first_index, batch.count, times, batch.offsets, batch.blobs)


class Findings:
    """A recorder that takes what the real one takes, and fails when told to."""

    def __init__(self) -> None:
        self.counts: list[int] = []
        self.fail: Exception | None = None

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Take batches as they come over the socket."""
        if self.fail is not None:
            raise self.fail
        self.counts += [Batch.from_bytes(b"".join(b.to_parts())).count for b in batches]
        return [Receipt(0, 0, batch.count, 0, 0, 0) for batch in batches]

    def head(self) -> tuple[int, bytes]:
        """Return an empty head."""
        return 0, b""


@pytest.fixture
def findings() -> Findings:
    """Return a recorder of findings."""
    return Findings()


@pytest.fixture
def watch_of(tmp_path: Path, findings: Findings) -> Iterator[Callable[..., Watch]]:
    """Return a function that opens a watch over one store of alerts."""
    with duckdb.connect(str(tmp_path / "alerts.duckdb")) as connection:
        store = AlertStore(connection)

        def build(rules: Sequence[Rule], disabled: Sequence[str] = ()) -> Watch:
            return Watch(
                rule_set=RuleSet(tuple(rules)),
                disabled=disabled,
                store=store,
                appender=findings,
            )

        yield build


def test_alert_survives_a_recorder_that_fails(
    watch_of: Callable[..., Watch], findings: Findings
) -> None:
    """What opened while nothing could be recorded opens when the events are given again."""
    watch = watch_of(rules_of(1))
    findings.fail = Unavailable("no room")
    with pytest.raises(Unavailable):
        watch.apply(exports(["ana"]))
    findings.fail = None

    assert watch.watermark() == 0
    watch.apply(exports(["ana"]))

    assert [alert["actor_id"] for alert in watch.alerts(limit=10)] == ["ana"]
    assert findings.counts == [1]


def test_failure_does_not_forget_what_was_found_before(
    watch_of: Callable[..., Watch], findings: Findings
) -> None:
    """After a failure the engine stands where it was last saved; what follows is found again."""
    watch = watch_of(rules_of(1))
    watch.apply(exports(["ana"]))
    findings.fail = Unavailable("no room")
    with pytest.raises(Unavailable):
        watch.apply(exports(["ben"], first_index=1))
    findings.fail = None

    watch.apply(exports(["ana", "ben"]))

    alerts = watch.alerts(limit=10)
    assert {alert["actor_id"]: alert["event_count"] for alert in alerts} == {"ana": 1, "ben": 1}


def test_more_alerts_than_a_batch_holds(watch_of: Callable[..., Watch], findings: Findings) -> None:
    """Many actors and rules at once are many findings, and still no batch too large."""
    watch = watch_of(rules_of(3))
    actors = [f"actor-{number}" for number in range(COUNT_MAX // 3 + 99)]

    watch.apply(exports(actors))

    assert sum(findings.counts) == 3 * len(actors)
    assert max(findings.counts) <= COUNT_MAX


def test_switching_a_rule_off_does_not_reach_back(watch_of: Callable[..., Watch]) -> None:
    """Events watched before a rule was switched on are not put to it after a restart."""
    rules = rules_of(1)
    watch = watch_of(rules, disabled=["export-0"])
    watch.apply(exports(["ana"]))
    watch.disable([])

    again = watch_of(rules)

    assert again.watermark() == 1
    assert again.alerts(limit=10) == []
