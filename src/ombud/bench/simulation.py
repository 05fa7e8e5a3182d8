"""Benchmark `simulate`: how fast a county writes its logs."""

from __future__ import annotations

from ombud.bench.load import END, SEED
from ombud.bench.meter import Meter
from ombud.bench.report import Figures, Limit, Options, Report, repeat
from ombud.simulate.county import simulate

LIMITS = (Limit("cpu_us_per_event", 60.0),)


def run(options: Options) -> Report:
    """Generate a county without writing it down; one process."""

    def once(_: int) -> Figures:
        with Meter() as meter:
            lines = sizes = 0
            for _kind, line in simulate(SEED, end=END, events=options.events):
                lines += 1
                sizes += len(line)
        return {
            "cpu_us_per_event": meter.cpu_seconds / lines * 1e6,
            "events_per_second": lines / meter.wall_seconds,
            "bytes_per_event": sizes / lines,
        }

    return repeat(Report("simulate", options, limits=LIMITS), once)
