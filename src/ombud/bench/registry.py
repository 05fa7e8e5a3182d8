"""Registry: the benchmarks by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ombud.bench import (
    attribution,
    authzen,
    cost,
    decide,
    detection,
    directory,
    latency,
    oracle,
    record_path,
    rules,
    search,
    simulation,
    verify,
    whole_path,
)
from ombud.bench.report import Options, Report
from ombud.core.errors import InputError


@dataclass(frozen=True)
class Benchmark:
    """One benchmark: what it measures, how, and with how many events unless told."""

    summary: str
    run: Callable[[Options], Report]
    events: int
    reps: int = 3
    parts: tuple[str, ...] = ()

    def check_parts(self, names: Sequence[str]) -> None:
        """Raise `InputError` for a part that it does not have."""
        for name in names:
            if name not in self.parts:
                known = ", ".join(self.parts) or "none"
                raise InputError(f"there is no part `{name}`", hint=f"its parts: {known}")


BENCHMARKS: dict[str, Benchmark] = {
    "record-path": Benchmark("a log line to a durable event", record_path.run, 200_000),
    "whole-path": Benchmark("all a home does with a log line", whole_path.run, 200_000),
    "ack-latency": Benchmark("from due to receipt at 10,000/s", latency.run, 200_000),
    "search": Benchmark("answers while events arrive", search.run, 1_000_000, 1),
    "cost": Benchmark("bytes an event, memory of all processes", cost.run, 1_000_000, 1),
    "verify": Benchmark("re-deriving the whole record", verify.run, 200_000),
    "attribution": Benchmark(
        "whose data a statement touched, and who acted", attribution.run, 50_000
    ),
    "authzen": Benchmark("decisions over HTTP, recorded before they leave", authzen.run, 40_000),
    "rules": Benchmark("matcher and alert engine", rules.run, 50_000),
    "detection": Benchmark(
        "rules over lines, in a home and over what is stored",
        detection.run,
        400_000,
        parts=tuple(detection.PARTS),
    ),
    "directory": Benchmark("a load of a directory, in rows", directory.run, 500_000, 1),
    "decide": Benchmark("a decision on access, beside Cedar's", decide.run, 200_000),
    "oracle": Benchmark("random decisions that differ from Cedar's", oracle.run, 100_000, 1),
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
