"""Benchmark `ack-latency`: from the moment an event should be sent to its receipt.

Events are offered at a steady rate, whatever the receipts take: a batch that
waits because the one before it was late counts from when it was due, so that a
stall is not hidden by the pause it causes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

from ombud.bench.events import cloudtrail_batches
from ombud.bench.load import cloudtrail_lines
from ombud.bench.meter import Meter, quantile
from ombud.bench.processes import RunningHome
from ombud.bench.report import Figures, Limit, Options, Report, repeat
from ombud.bench.served import ServedHome
from ombud.core.batch import Batch
from ombud.record.client import RecorderClient
from ombud.record.paths import Home
from ombud.simulate.act import CLOUDTRAIL

Send = Callable[[int], object]

OFFERED_PER_SECOND = 10_000
SENDERS = 8  # Connections, each waiting for its own receipts.
BATCH_EVENTS = 25  # So each sender sends 50 batches a second.
HTTP_EVENTS = 100  # Of one delivery.
WARM_UP_SHARE = 0.1  # Of the batches, at the start: not counted.
LIMITS = (Limit("quiet_p99_ms", 25.0), Limit("sealing_p99_ms", 50.0))


def run(options: Options) -> Report:
    """Offer 10,000 events a second over the recorder's socket, and over HTTP to a served home."""
    batches = list(cloudtrail_batches(options.vectors, options.events, rows=BATCH_EVENTS))
    lines = list(cloudtrail_lines(options.vectors, options.events))
    bodies = [
        b"\n".join(lines[start : start + HTTP_EVENTS])
        for start in range(0, len(lines), HTTP_EVENTS)
    ]
    report = Report("ack-latency", options, limits=LIMITS)
    report.notes.append(
        f"{SENDERS} connections, batches of {BATCH_EVENTS}, {OFFERED_PER_SECOND:,} events a"
        f" second offered; over HTTP deliveries of {HTTP_EVENTS}, rules and index running"
    )

    def once(rep: int) -> Figures:
        figures: Figures = {}
        for name, sealer in (("quiet", False), ("sealing", True)):
            root = options.folder / f"{name}-{rep}"
            with RunningHome(root, sealer=sealer) as home, Meter(home.pids) as meter:
                times = over_socket(root, batches)
            figures |= _quantiles(name, times)
            figures[f"{name}_recorder_cpu_share"] = meter.cpu["recorder"] / meter.wall_seconds
        root = options.folder / f"http-{rep}"
        with ServedHome(root) as served:
            before, start = served.cpu_seconds(), time.perf_counter()
            figures |= _quantiles("http", over_http(served, bodies))
            served.wait_until_caught_up()
            spent = served.cpu_seconds() - before
            figures["http_cpu_us_per_event"] = spent / (len(bodies) * HTTP_EVENTS) * 1e6
            figures["http_cpu_share"] = spent / (time.perf_counter() - start)
        return figures

    return repeat(report, once)


def _quantiles(name: str, times: list[float]) -> Figures:
    return {
        f"{name}_p50_ms": quantile(times, 0.5),
        f"{name}_p99_ms": quantile(times, 0.99),
        f"{name}_p999_ms": quantile(times, 0.999),
        f"{name}_max_ms": max(times),
    }


def over_socket(root: Path, batches: Sequence[Batch]) -> list[float]:
    """Offer batches to the recorder of a home."""

    @contextmanager
    def sender() -> Iterator[Send]:
        client = RecorderClient(Home(root).recorder_socket)
        with closing(client):
            yield lambda number: client.append([batches[number]])

    return offer(sender, len(batches), BATCH_EVENTS)


def over_http(home: ServedHome, bodies: Sequence[bytes]) -> list[float]:
    """Offer deliveries to the API of a served home."""

    @contextmanager
    def sender() -> Iterator[Send]:
        with closing(home.connect()) as connection:
            yield lambda number: home.deliver(connection, CLOUDTRAIL, bodies[number])

    return offer(sender, len(bodies), HTTP_EVENTS)


def offer(
    make_sender: Callable[[], AbstractContextManager[Send]], count: int, events: int
) -> list[float]:
    """Send at the rate offered and return the milliseconds each took from when it was due.

    `make_sender` gives each thread what sends a batch by its number; a batch has
    so many `events`.
    """
    times: list[list[float]] = [[] for _ in range(SENDERS)]
    errors: list[BaseException] = []
    begin = time.perf_counter() + 0.2
    interval = events / OFFERED_PER_SECOND

    def run_sender(sender: int) -> None:
        try:
            with make_sender() as send:
                for number in range(sender, count, SENDERS):
                    due = begin + number * interval
                    time.sleep(max(0.0, due - time.perf_counter()))
                    send(number)
                    times[sender].append((time.perf_counter() - due) * 1000)
        except BaseException as error:  # noqa: BLE001 - told by the thread that waits.
            errors.append(error)

    senders = [threading.Thread(target=run_sender, args=(number,)) for number in range(SENDERS)]
    for thread in senders:
        thread.start()
    for thread in senders:
        thread.join()
    if errors:
        raise errors[0]
    warm = int(count * WARM_UP_SHARE / SENDERS)
    return [value for sent in times for value in sent[warm:]] or [0.0]
