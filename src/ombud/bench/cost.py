"""Benchmark `cost`: bytes an event on disk, and memory of all processes of a home.

The events are CloudTrail records and a county's, half each, so that the figure
is not flattered by lines that repeat.  The home is served, rules and API
included; memory is the highest seen while events come in or after.
"""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path

from ombud.bench.events import mixed_batches
from ombud.bench.meter import folder_bytes
from ombud.bench.report import Figures, Limit, Options, Report, repeat
from ombud.bench.served import ServedHome
from ombud.record.paths import Home

LIMITS = (Limit("bytes_per_event", 480.0), Limit("pss_mb", 1_500.0))
SENT_TOGETHER = 8
LOOK_EVERY = 16  # Calls between two looks at memory, which takes milliseconds itself.


def run(options: Options) -> Report:
    """Fill a home, let it come to rest, and look at its files and processes."""

    def once(rep: int) -> Figures:
        root = options.folder / f"home-{rep}"
        raw = peak = number = 0
        with ServedHome(root) as home:
            batches = mixed_batches(options.vectors, options.events)
            while together := list(islice(batches, SENT_TOGETHER)):
                home.client.append(together)
                raw += sum(len(batch.blobs[-1]) for batch in together)
                number += 1
                if number % LOOK_EVERY == 0:
                    peak = max(peak, sum(home.pss_bytes().values()))
            home.client.rotate()
            home.wait_until_caught_up()
            size = home.client.head()[0]
            pss = home.pss_bytes()
            peak = max(peak, sum(pss.values()))
        figures = _sizes(root, size)
        figures["raw_bytes_per_event"] = raw / size
        figures["pss_mb"] = peak / 1e6
        figures.update({f"{name}_rest_pss_mb": value / 1e6 for name, value in pss.items()})
        shutil.rmtree(root)
        return figures

    return repeat(Report("cost", options, limits=LIMITS), once)


def _sizes(root: Path, events: int) -> Figures:
    home = Home(root)
    parts = {
        "segments": folder_bytes(home.segments),
        "tree": folder_bytes(home.log),
        "duplicate_keys": folder_bytes(home.duplicates),
        "unsealed": folder_bytes(home.wal),
        "index": folder_bytes(root / "index"),
    }
    figures = {f"{name}_bytes_per_event": size / events for name, size in parts.items()}
    return {"bytes_per_event": sum(parts.values()) / events, **figures}
