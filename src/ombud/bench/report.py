"""Report: figures of one benchmark as medians of repeated runs, with machine and limits."""

from __future__ import annotations

import hashlib
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ombud import __version__
from ombud.bench.meter import quantile

Figures = dict[str, float]
_SYNC_COUNT = 30
_SYNC_SIZE = 64 << 10
_HASH_COUNT = 20_000
_HASH_SIZE = 1_300


@dataclass(frozen=True)
class Limit:
    """What a figure must hold: at most, or at least, so much."""

    figure: str
    value: float
    is_most: bool = True

    def holds(self, figures: Mapping[str, float]) -> bool:
        """Whether the figure is within the limit."""
        value = figures[self.figure]
        return value <= self.value if self.is_most else value >= self.value


@dataclass(frozen=True)
class Options:
    """What a benchmark is run with.

    `folder` is where homes are made, on the disk that is to be measured;
    `vectors` is the folder of published logs, None when it is absent.  `only` are the
    parts to run of a benchmark that has parts, all if empty; `zircolite` is a checkout
    of that program, with the Python to run it.
    """

    events: int
    reps: int
    folder: Path
    vectors: Path | None
    minutes: float = 0.0
    only: tuple[str, ...] = ()
    zircolite: Path | None = None
    zircolite_python: Path | None = None


@dataclass
class Report:
    """What came out; `figures` are medians, `spread` lowest and highest of the runs."""

    name: str
    options: Options
    figures: Figures = field(default_factory=dict)
    spread: dict[str, tuple[float, float]] = field(default_factory=dict)
    ratios: Figures = field(default_factory=dict)
    limits: tuple[Limit, ...] = ()
    notes: list[str] = field(default_factory=list)

    def to_document(self) -> dict[str, Any]:
        """Return the report as one JSON object."""
        return {
            "benchmark": self.name,
            "version": __version__,
            "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "machine": describe_machine(self.options.folder),
            "events": self.options.events,
            "reps": self.options.reps,
            "figures": {name: _round(value) for name, value in self.figures.items()},
            "spread": {
                name: [_round(low), _round(high)] for name, (low, high) in self.spread.items()
            },
            "ratios": {name: _round(value) for name, value in self.ratios.items()},
            "limits": [
                {
                    "figure": limit.figure,
                    "at_most" if limit.is_most else "at_least": limit.value,
                    "holds": limit.holds(self.figures),
                }
                for limit in self.limits
                if limit.figure in self.figures
            ],
            "notes": self.notes,
        }


def repeat(report: Report, run: Callable[[int], Figures]) -> Report:
    """Run as often as the options say and put medians and spread into the report."""
    runs = [run(rep) for rep in range(report.options.reps)]
    for name in runs[0]:
        values = [figures[name] for figures in runs]
        report.figures[name] = statistics.median(values)
        if len(values) > 1:
            report.spread[name] = (min(values), max(values))
    return report


def describe_machine(folder: Path) -> dict[str, Any]:
    """Return what one must know to compare figures: processor, disk, and how busy it was.

    `sha256_us` (1,300 bytes) and `fdatasync_ms` (64 KiB, median) are measured
    here and now, so that figures of two machines can be set in relation.
    """
    data = bytes(_HASH_SIZE)
    start = time.process_time()
    for _ in range(_HASH_COUNT):
        hashlib.sha256(data).digest()
    hashed = (time.process_time() - start) / _HASH_COUNT * 1e6
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 1),
        "sha256_us": round(hashed, 2),
        "fdatasync_ms": round(_sync_ms(folder), 2),
    }


def _sync_ms(folder: Path) -> float:
    block = os.urandom(_SYNC_SIZE)
    with tempfile.TemporaryFile(dir=folder) as file:
        times = []
        for _ in range(_SYNC_COUNT):
            file.write(block)
            file.flush()
            start = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append((time.perf_counter() - start) * 1000)
    return quantile(times, 0.5)


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def _round(value: float) -> float:
    """Return a figure without digits that mean nothing."""
    return round(value, 3) if abs(value) < 10 else round(value, 1)
