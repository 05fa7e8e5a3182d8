"""Ingest: one file of CloudTrail records through the path that `ombud ingest` takes.

Run as `python -m ombud.bench.ingest HOME FILE` it is the ingesting process of a
home whose recorder runs; prints what happened as one line of JSON.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import orjson

from ombud.bench.meter import Meter
from ombud.collect.intake import Intake, IntakeResult, Sink
from ombud.collect.quarantine import Quarantine
from ombud.collect.reading import read_paths
from ombud.collect.sources import get_source
from ombud.core.batch import Batch
from ombud.core.errors import Unavailable
from ombud.record.client import RecorderClient
from ombud.record.paths import Home
from ombud.record.receipt import Receipt
from ombud.simulate.act import CLOUDTRAIL


def ingest(path: Path, sink: Sink) -> IntakeResult:
    """Ingest a file; raises `Unavailable` if a record of it was not taken for one."""
    source = get_source(CLOUDTRAIL)
    elsewhere = isinstance(sink, RecorderClient)
    intake = Intake(sink, Quarantine(path.parent / "quarantine"), overlaps=elsewhere)
    result = intake.ingest(source, read_paths(source, [str(path)]))
    if result.quarantined or not result.read:
        raise Unavailable(f"{result.quarantined} of {result.read} records went to quarantine")
    return result


class Kept:
    """A sink that records nothing: it keeps the batches, or only counts them."""

    def __init__(self, *, keep: bool) -> None:
        self.batches: list[Batch] = []
        self.count = 0
        self._keep = keep

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Take batches and give receipts as if they were durable."""
        receipts = []
        for batch in batches:
            first, self.count = self.count, self.count + batch.count
            receipts.append(Receipt(first, self.count - 1, batch.count, 0, 0, self.count))
        if self._keep:
            self.batches.extend(batches)
        return receipts


def main() -> None:
    """Ingest a file into a running home."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    client = RecorderClient(Home(arguments.home).recorder_socket)
    with closing(client), Meter() as meter:
        result = ingest(arguments.file, client)
    told = {
        "recorded": result.recorded,
        "cpu_seconds": meter.cpu_seconds,
        "wall_seconds": meter.wall_seconds,
    }
    sys.stdout.buffer.write(orjson.dumps(told) + b"\n")


if __name__ == "__main__":
    main()
