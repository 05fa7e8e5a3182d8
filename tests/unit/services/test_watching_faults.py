"""Watching, stopped at every step between finding and saving: nothing is lost, nothing doubled."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ombud.core.batch import Batch, BatchBuilder, Committed
from ombud.core.event import Event
from ombud.core.stretch import slice_committed
from ombud.detect.alerting.alert import AlertChange
from ombud.detect.loading.rule_set import RuleSet, load_rules
from ombud.record.receipt import Receipt
from ombud.services import watching
from ombud.services.watching import Watch
from ombud.store.alerts import AlertStore

NOON = 1_795_348_800_000
MINUTE, HOUR = 60_000, 3_600_000
RULES = b"""
title: Export
id: export
logsource: {product: ombud}
detection: {s: {action: export}, condition: s}
---
title: Read
id: read
logsource: {product: ombud}
detection: {s: {action: read}, condition: s}
---
title: Many reads
id: many
level: high
correlation: {type: event_count, rules: [read], group-by: [actor.id], timespan: 5m,
              condition: {gte: 3}}
ombud: {explain: "{count} records opened"}
---
title: Few exports
id: few
correlation: {type: event_count, rules: [export], group-by: [actor.id], timespan: 5m,
              condition: {lt: 2}, generate: true}
"""
STEPS = ("feed", "append", "appended", "save", "saved")
CHUNK = 4


class Crash(Exception):  # noqa: N818 - no error: the end of the process.
    """The process ends here."""


def rule_set(text: bytes = RULES) -> RuleSet:
    """Return the rules and correlations of a text, none refused."""
    found = load_rules([("t.yml", text)])
    assert not found.refusals
    assert len(found.correlations) == 2
    return found


def record() -> Committed:
    """Return acts of three actors: ten in ten minutes every two hours, some of them exports."""
    builder = BatchBuilder()
    times = array("q")
    for number in range(48):
        time = NOON + number * MINUTE + number // 10 * 2 * HOUR
        builder.add(
            Event(
                time=time,
                source="county",
                action="export" if number % 7 == 0 else "read",
                actor_id="ana" if number < 20 else ("ben", "cy")[number % 2],
                resource_id=f"r{number}",
                raw=b"%d" % number,
            )
        )
        times.append(time)
    batch = builder.take()
    return Committed(0, batch.count, times, batch.offsets, batch.blobs)


class Recorder:
    """Takes findings as the recorder does: one that is there already is a duplicate."""

    def __init__(self) -> None:
        self.findings: dict[bytes, bytes] = {}

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Keep findings by identity; the same identity must be the same finding."""
        for batch in batches:
            for row in range(batch.count):
                identity = batch.identities[8 * row : 8 * row + 8]
                finding = b"".join(batch.group(number, row) for number in (1, 2, 3, 4))
                assert self.findings.setdefault(identity, finding) == finding
        return [Receipt(0, 0, batch.count, 0, 0, 0) for batch in batches]


class FailingStore(AlertStore):
    """A store of alerts at whose door a process can end."""

    step: Callable[[str], None]

    def save(
        self, changes: Sequence[AlertChange], *, watermark: int, state: bytes | None = None
    ) -> None:
        """Save what the engine found."""
        self.step("save")
        super().save(changes, watermark=watermark, state=state)
        self.step("saved")


class Home:
    """A store and a recorder that outlive the processes that use them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.store = FailingStore(connection)
        self.store.step = self._step
        self.recorder = Recorder()
        self.rules = rule_set()
        self.crash: tuple[str, int] | None = None  # At which step, from which index on.
        self._position = 0

    def start(self) -> Watch:
        """Return the watch of a new process."""
        return Watch(rule_set=self.rules, disabled=(), store=self.store, appender=self)

    def run(self, whole: Committed) -> bool:
        """Watch to the end from where the last process stopped; say whether this one got there."""
        watch = self.start()
        while watch.watermark() < whole.count:
            self._position = watch.watermark()
            end = min(self._position + CHUNK, whole.count)
            try:
                self._step("feed")
                watch.apply(slice_committed(whole, self._position, end))
            except Crash:
                return False
        watch.close()
        return True

    def _step(self, step: str) -> None:
        if self.crash is not None and step == self.crash[0] and self._position >= self.crash[1]:
            self.crash = None
            raise Crash

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Record findings."""
        self._step("append")
        receipts = self.recorder.append(batches)
        self._step("appended")
        return receipts

    def head(self) -> tuple[int, bytes]:
        """Return an empty head."""
        return 0, b""

    def told(self) -> tuple[list[dict[str, Any]], dict[bytes, bytes]]:
        """Return every alert with its events, and every finding."""
        alerts = [self.store.get(alert["id"]) for alert in self.store.find(limit=1000)]
        return sorted(alerts, key=lambda alert: str(alert["id"])), self.recorder.findings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """Return a home whose engine's state is saved now and then."""
    monkeypatch.setattr(watching, "SAVE_EVERY", 10)
    monkeypatch.setattr(watching, "SAVE_BYTES", 1 << 30)
    with duckdb.connect(str(tmp_path / "alerts.duckdb")) as connection:
        yield Home(connection)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return what is told when nothing fails."""
    path = tmp_path_factory.mktemp("whole") / "alerts.duckdb"
    with duckdb.connect(str(path)) as connection:
        home = Home(connection)
        assert home.run(record())
        told = home.told()
    kinds = {alert["rule_id"] for alert in told[0]}
    assert kinds == {"export", "many", "few"}
    assert len(told[1]) == len(told[0])
    return told


@pytest.mark.parametrize("step", STEPS)
def test_a_crash_at_every_step(home: Home, expected: Any, step: str) -> None:
    """Wherever the process ends, the next one finds what is missing and doubles nothing."""
    whole = record()
    crashes = 0
    for position in range(0, whole.count, CHUNK):
        home.crash = (step, position)
        crashes += not home.run(whole)

    home.crash = None
    assert home.run(whole)
    assert crashes > 2
    assert home.told() == expected


def test_a_changed_correlation_begins_anew(home: Home) -> None:
    """Another version has no groups of the one before; what did not change goes on."""
    whole = record()
    half = slice_committed(whole, 0, 2)
    watch = home.start()
    watch.apply(half)
    watch.close()
    home.rules = rule_set(RULES.replace(b"gte: 3", b"gte: 2"))

    changed = home.start()
    changed.apply(slice_committed(whole, 2, 3))

    # The read before the change is not counted: one more would have opened it.
    assert [alert["rule_id"] for alert in changed.alerts(limit=9)] == ["export"]
    changed.apply(slice_committed(whole, 3, 12))
    found = {alert["rule_id"]: alert for alert in changed.alerts(limit=9)}
    assert (found["many"]["first_index"], found["many"]["event_count"]) == (2, 4)
    assert found["few"]["first_index"] == 0  # Its window had opened before.


def test_a_correlation_is_switched_off_and_on(home: Home) -> None:
    """Switched off it finds nothing, and what feeds it still opens no alert of its own."""
    whole = record()
    watch = home.start()
    watch.disable(["many"])
    watch.apply(slice_committed(whole, 0, 20))

    assert {alert["rule_id"] for alert in watch.alerts(limit=9)} == {"export", "few"}
    assert [one.id for one in watch.correlations] == ["few"]

    watch.disable([])
    watch.apply(slice_committed(whole, 20, 48))

    found = [alert for alert in watch.alerts(limit=99) if alert["rule_id"] == "many"]
    assert {alert["actor_id"] for alert in found} == {"ben", "cy"}
    assert min(alert["first_index"] for alert in found) >= 20


def test_what_a_correlation_waits_for_is_told(home: Home) -> None:
    """A correlation whose rule is switched off is silent, and that is said."""
    watch = home.start()
    watch.disable(["read"])
    watch.apply(slice_committed(record(), 0, 20))

    silent = {row["rule_id"]: row["reason"] for row in watch.faults()["silent"]}

    assert silent == {"many": "it waits for read, which cannot fire or is switched off"}


def test_what_is_left_out_is_counted(home: Home) -> None:
    """Events without a value to group by raise nothing, and their number is told."""
    builder = BatchBuilder()
    for number in range(3):
        builder.add(Event(time=NOON, source="county", action="read", raw=b"%d" % number))
    batch = builder.take()
    times = array("q", [NOON] * 3)
    watch = home.start()
    watch.apply(Committed(0, 3, times, batch.offsets, batch.blobs))

    faults = watch.faults()

    (row,) = faults["left_out"]
    assert (row["rule_id"], row["no_group"], row["late"]) == ("many", 3, 0)
    assert faults["unreadable"] == 0
    assert watch.alerts(limit=9) == []
