"""Detection live: from an event that is durable to its alert at the API, under load.

A home is served with its rules on; CloudTrail records come in at a steady rate,
whatever the receipts take.  Now and then one is by an actor whom a rule names:
it counts from its receipt to the first answer of `/v1/alerts` that tells of it.
Alerts are asked for twenty times a second, each time an event too.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from ombud.bench.detection_rules import AWS, RULES
from ombud.bench.events import to_batches
from ombud.bench.load import cloudtrail_lines
from ombud.bench.meter import quantile
from ombud.bench.report import Figures, Limit, Options, Report
from ombud.bench.served import ServedHome
from ombud.collect.sources import get_source
from ombud.config.settings import FILE_NAME
from ombud.core.batch import Batch
from ombud.core.errors import Unavailable
from ombud.simulate.act import CLOUDTRAIL

PER_SECOND = 5_000
BATCH_EVENTS = 50
PROBE_EVERY = 40  # Batches: two and a half a second, which the alerts asked for hold for long.
POLL_SECONDS = 0.05
LIMIT = 200
PATIENCE_SECONDS = 60.0
WARM_UP_SHARE = 0.1
LIMITS = (Limit("live_p99_ms", 1_000.0),)
_RULE_ID = "8a1f64f6-54c2-4d6f-9a08-0d5b3f2f7e10"
_RULE = f"""
title: Benchmark Probe
id: {_RULE_ID}
logsource: {{product: aws, service: cloudtrail}}
detection: {{probe: {{eventName: BenchmarkProbe}}, condition: probe}}
level: informational
ombud: {{group_by: [eventID]}}
"""


def live(options: Options, report: Report) -> Callable[[int], Figures]:
    """Serve a home, offer 5,000 events a second, and look at its alerts."""
    batches = list(_batches(options))
    report.notes.append(
        f"live: {PER_SECOND:,} events a second offered, {len(batches) // PROBE_EVERY} of them"
        " probes; shipped rules"
        + (" and the published ones about AWS" if options.vectors is not None else "")
    )

    events = sum(batch.count for batch in batches)

    def once(rep: int) -> Figures:
        root = options.folder / f"live-{rep}"
        _settle_rules(root, options)
        with ServedHome(root) as home:
            watch = _Watch(home)
            before, start = home.cpu_seconds(), time.perf_counter()
            with watch:
                _offer(home, batches, watch)
                watch.wait()
            spent = time.perf_counter() - start
            cpu = home.cpu_seconds() - before
        times = watch.times[int(len(watch.times) * WARM_UP_SHARE) :]
        return {
            "live_p50_ms": quantile(times, 0.5),
            "live_p99_ms": quantile(times, 0.99),
            "live_max_ms": max(times),
            "live_probes": float(len(times)),
            "live_cpu_us_per_event": cpu / events * 1e6,
            "live_events_per_second": events / spent,
        }

    return once


def _batches(options: Options) -> Iterator[Batch]:
    """Yield batches, of which some end with a probe."""
    lines = list(cloudtrail_lines(options.vectors, options.events))
    for number in range(_probe_at(0), len(lines), BATCH_EVENTS * PROBE_EVERY):
        lines[number] = b'{"eventVersion":"1.08","eventName":"BenchmarkProbe",' + (
            b'"eventSource":"benchmark","eventTime":"2026-11-22T00:00:00Z","eventID":"probe-%d"}'
            % number
        )
    sources = {CLOUDTRAIL: get_source(CLOUDTRAIL)}
    return to_batches(sources, ((CLOUDTRAIL, line) for line in lines), rows=BATCH_EVENTS)


def _probe_at(batch: int) -> int:
    return (batch + 1) * BATCH_EVENTS - 1


def _settle_rules(root: Path, options: Options) -> None:
    root.mkdir(mode=0o700)
    folders = [root.parent / f"{root.name}.yml"]
    folders[0].write_text(_RULE)
    if options.vectors is not None:
        folders += [(options.vectors / RULES / folder).resolve() for folder in AWS]
    listed = ", ".join(f"'{folder}'" for folder in folders)
    (root / FILE_NAME).write_text(f"rules.folders: [{listed}]\n")


class _Watch:
    """Asks for alerts again and again in a thread; knows when each probe was first told."""

    def __init__(self, home: ServedHome) -> None:
        self.times: list[float] = []
        self._home = home
        self._due: dict[int, float] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._look, name="alerts", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._thread.join()

    def expect(self, index: int) -> None:
        """Say that the probe at this index is durable now."""
        with self._lock:
            self._due[index] = time.perf_counter()

    def wait(self) -> None:
        """Return when every probe was told; raises `Unavailable` if one never is."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while self._due:
            if self._error is not None:
                raise self._error
            if time.monotonic() > deadline:
                raise Unavailable(f"{len(self._due)} events raised no alert in time")
            time.sleep(POLL_SECONDS)

    def _look(self) -> None:
        try:
            with closing(self._home.connect()) as connection:
                while not self._stopping.wait(POLL_SECONDS):
                    self._take(self._home.alerts(connection, limit=LIMIT), time.perf_counter())
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits.
            self._error = error

    def _take(self, alerts: list[dict[str, object]], now: float) -> None:
        told = {alert["first_index"] for alert in alerts if alert["rule_id"] == _RULE_ID}
        with self._lock:
            for index in [index for index in self._due if index in told]:
                self.times.append((now - self._due.pop(index)) * 1000)


def _offer(home: ServedHome, batches: list[Batch], watch: _Watch) -> None:
    """Send batches when they are due, and tell of the probes in them."""
    begin = time.perf_counter()
    for number, batch in enumerate(batches):
        due = begin + number * BATCH_EVENTS / PER_SECOND
        time.sleep(max(0.0, due - time.perf_counter()))
        (receipt,) = home.client.append([batch])
        if number % PROBE_EVERY == 0 and receipt.last_index is not None:
            watch.expect(receipt.last_index)
