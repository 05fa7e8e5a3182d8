"""Benchmark `whole-path`: everything a home does with a log line, in its real processes.

An ingesting process reads the file and sends batches over the socket; the
recorder checks duplicates, writes and signs; the sealer writes Parquet segments;
a follower keeps the index, as the server does.  CPU is that of all four until
the index has everything and the sealer rests.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import orjson

from ombud.bench.load import write_cloudtrail
from ombud.bench.meter import Meter
from ombud.bench.processes import RunningHome
from ombud.bench.record_path import duplicate_us_per_event
from ombud.bench.report import Figures, Limit, Options, Report, repeat
from ombud.core.errors import Unavailable

LIMITS = (
    Limit("cpu_us_per_event", 36.0),
    Limit("events_per_second", 28_000.0, is_most=False),
)


def run(options: Options) -> Report:
    """Ingest a file of CloudTrail records into a running home and wait until all have it."""
    path = options.folder / "cloudtrail.ndjson"
    write_cloudtrail(path, options.vectors, options.events)

    def once(rep: int) -> Figures:
        root = options.folder / f"home-{rep}"
        with RunningHome(root, sealer=True, follower=True) as home:
            with Meter(home.pids) as meter:
                told = ingest_in_process(root, path)
                home.wait_for_index(int(told["recorded"]))
                home.wait_for_seal()
            pss = home.pss_bytes()
        recorded = told["recorded"]
        cpu = meter.cpu | {"ingest": told["cpu_seconds"]}
        figures = {
            "cpu_us_per_event": (sum(cpu.values())) / recorded * 1e6,
            "events_per_second": recorded / meter.wall_seconds,
            "acknowledged_per_second": recorded / told["wall_seconds"],
        }
        for name in ("ingest", "recorder", "sealer", "follower"):
            figures[f"{name}_cpu_us_per_event"] = cpu[name] / recorded * 1e6
            if name in pss:
                figures[f"{name}_pss_mb"] = pss[name] / 1e6
        keys = duplicate_us_per_event(options.folder / f"keys-{rep}", path)
        figures["duplicate_check_cpu_us_per_event"] = keys
        return figures

    return repeat(Report("whole-path", options, limits=LIMITS), once)


def ingest_in_process(root: Path, path: Path) -> dict[str, float]:
    """Run an ingesting process to its end and return what it tells."""
    done = subprocess.run(  # noqa: S603 - fixed words, no shell.
        [sys.executable, "-m", "ombud.bench.ingest", str(root), str(path)],
        check=False,
        stdout=subprocess.PIPE,
    )
    if done.returncode:
        raise Unavailable(f"the ingesting process ended with status {done.returncode}")
    told: dict[str, float] = orjson.loads(done.stdout)
    return told
