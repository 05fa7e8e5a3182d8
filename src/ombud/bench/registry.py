"""Registry: the benchmarks by name."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ombud.bench import simulation
from ombud.bench.report import Options, Report
from ombud.core.errors import InputError


@dataclass(frozen=True)
class Benchmark:
    """One benchmark: what it measures, how, and with how many events unless told."""

    summary: str
    run: Callable[[Options], Report]
    events: int
    reps: int = 3


BENCHMARKS: dict[str, Benchmark] = {
    "simulate": Benchmark("writing a county's logs", simulation.run, 200_000),
}


def get_benchmark(name: str) -> Benchmark:
    """Return a benchmark by name; raises `InputError` for a name there is not."""
    try:
        return BENCHMARKS[name]
    except KeyError:
        known = ", ".join(BENCHMARKS)
        raise InputError(f"there is no benchmark `{name}`", hint=f"there are {known}") from None


def find_vectors() -> Path | None:
    """Return the folder of published logs: `OMBUD_VECTORS`, or beside the repository, or None."""
    named = os.environ.get("OMBUD_VECTORS")
    beside = Path(__file__).resolve().parents[3].parent / "shared" / "vectors"
    folder = Path(named) if named else beside
    return folder if (folder / "cloudtrail" / "stratus-run.ndjson").is_file() else None
