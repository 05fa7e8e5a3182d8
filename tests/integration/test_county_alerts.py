"""The shipped rules over the county: each kind of misuse raises an alert, few others do."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

from ombud.bench.events import county_sources, to_batches, to_committed
from ombud.config.rule_files import read_rules, shipped_rules_folder
from ombud.detect.alerting.engine import Engine
from ombud.simulate.county import simulate
from ombud.simulate.teller import PLAIN

END = datetime(2026, 11, 22, 12, tzinfo=UTC)
ALERTS_MAX = 80


def test_each_kind_of_misuse_raises_an_alert() -> None:
    """No label is read by a rule, and no kind of misuse goes unnoticed."""
    loaded = read_rules([shipped_rules_folder()])
    rules, refusals = loaded.rules, loaded.refusals
    simulation = simulate(7, people=60, end=END, events=8_000)
    engine = Engine(rules, loaded.correlations, feeding=loaded.feeding)
    native_ids: list[str] = []
    alerts: dict[str, list[int]] = defaultdict(list)
    for committed in to_committed(to_batches(county_sources(), simulation)):
        native_ids += [committed.values(row)["native_id"] for row in range(committed.count)]
        for change in engine.feed(committed):
            alerts[change.alert_id] += [event.index for event in change.events]
    noticed = {native_ids[index] for indices in alerts.values() for index in indices}
    unnoticed = {
        label.kind
        for label in simulation.labels
        if label.misuse
        and label.variant == PLAIN
        and noticed.isdisjoint(i for ids in label.native_ids.values() for i in ids)
    }

    assert not refusals
    assert unnoticed == set()
    assert len(alerts) < ALERTS_MAX
