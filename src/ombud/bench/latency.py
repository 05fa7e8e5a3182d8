"""Benchmark `ack-latency`: from the moment an event should be sent to its receipt.

Events are offered at a steady rate, whatever the receipts take: a batch that
waits because the one before it was late counts from when it was due, so that a
stall is not hidden by the pause it causes.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from ombud.bench.events import cloudtrail_batches
from ombud.bench.meter import Meter, quantile
from ombud.bench.processes import RunningHome
from ombud.bench.report import Figures, Limit, Options, Report, repeat
from ombud.core.batch import Batch
from ombud.record.client import RecorderClient
from ombud.record.paths import Home

OFFERED_PER_SECOND = 10_000
SENDERS = 8  # Connections, each waiting for its own receipts.
BATCH_EVENTS = 25  # So each sender sends 50 batches a second.
WARM_UP_SHARE = 0.1  # Of the batches, at the start: not counted.
LIMITS = (Limit("quiet_p99_ms", 25.0), Limit("sealing_p99_ms", 50.0))


def run(options: Options) -> Report:
    """Offer 10,000 events a second over the recorder's socket, quiet and while sealing."""
    batches = list(cloudtrail_batches(options.vectors, options.events, rows=BATCH_EVENTS))
    report = Report("ack-latency", options, limits=LIMITS)
    report.notes.append(
        f"{SENDERS} connections, batches of {BATCH_EVENTS}, {OFFERED_PER_SECOND:,} events a"
        " second offered; with the sealer about every fifth second"
    )

    def once(rep: int) -> Figures:
        figures: Figures = {}
        for name, sealer in (("quiet", False), ("sealing", True)):
            root = options.folder / f"{name}-{rep}"
            with RunningHome(root, sealer=sealer) as home, Meter(home.pids) as meter:
                times = offer(root, batches)
            shutil.rmtree(root)
            for label, share in (("p50", 0.5), ("p99", 0.99), ("p999", 0.999)):
                figures[f"{name}_{label}_ms"] = quantile(times, share)
            figures[f"{name}_max_ms"] = max(times)
            figures[f"{name}_recorder_cpu_share"] = meter.cpu["recorder"] / meter.wall_seconds
        return figures

    return repeat(report, once)


def offer(root: Path, batches: Sequence[Batch]) -> list[float]:
    """Send batches at the rate offered and return the milliseconds each took from when due."""
    times: list[list[float]] = [[] for _ in range(SENDERS)]
    errors: list[BaseException] = []
    begin = time.perf_counter() + 0.2
    interval = BATCH_EVENTS / OFFERED_PER_SECOND

    def send(sender: int) -> None:
        client = RecorderClient(Home(root).recorder_socket)
        try:
            for number in range(sender, len(batches), SENDERS):
                due = begin + number * interval
                wait = due - time.perf_counter()
                if wait > 0:
                    time.sleep(wait)
                client.append([batches[number]])
                times[sender].append((time.perf_counter() - due) * 1000)
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits.
            errors.append(error)

    senders = [threading.Thread(target=send, args=(number,)) for number in range(SENDERS)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    if errors:
        raise errors[0]
    warm = int(len(batches) * WARM_UP_SHARE / SENDERS)
    return [value for sent in times for value in sent[warm:]] or [0.0]
