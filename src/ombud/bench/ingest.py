"""Ingest: one file through parse, map and canonical form into the record, timed by part.

Run as `python -m ombud.bench.ingest HOME FILE` it is the ingesting process of a
home whose recorder runs; prints what happened as one line of JSON.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import orjson

from ombud.bench.events import BATCH_EVENTS
from ombud.bench.meter import Meter
from ombud.collect.cut import Cuts
from ombud.collect.source import Source
from ombud.collect.sources import get_source
from ombud.core.batch import Batch, BatchBuilder
from ombud.record.client import RecorderClient
from ombud.record.paths import Home
from ombud.record.receipt import Receipt
from ombud.simulate.act import CLOUDTRAIL

READ_SIZE = 1 << 20
SENT_TOGETHER = 8  # Batches of one call: their frame is one fsync.

Append = Callable[[Sequence[Batch]], list[Receipt]]


def file_batches(source: Source, path: Path) -> Iterator[Batch]:
    """Yield the events of a file in batches, by the fast path where the source has one."""
    builder = BatchBuilder()
    canonical = getattr(source, "canonical", None)
    for raw in _records(source, path):
        row = canonical(raw) if canonical is not None else None
        if row is None:
            builder.add(source.parse(raw, now_ms=0))
        else:
            builder.add_canonical(
                row.class_uid,
                row.actor,
                row.data_subject,
                row.content,
                raw,
                source=source.kind,
                native_id=row.native_id,
            )
        if builder.count == BATCH_EVENTS:
            yield builder.take()
    if builder.count:
        yield builder.take()


def _records(source: Source, path: Path) -> Iterator[bytes]:
    cutter = source.cutter()
    with path.open("rb") as file:
        while data := file.read(READ_SIZE):
            cuts = Cuts()
            cutter.feed(data, cuts)
            yield from cuts.raws
    cuts = Cuts()
    cutter.finish(cuts)
    yield from cuts.raws


def ingest(path: Path, append: Append) -> tuple[int, int]:
    """Ingest a file of CloudTrail records; return how many were recorded and duplicate."""
    recorded = duplicate = 0
    waiting: list[Batch] = []
    for batch in file_batches(get_source(CLOUDTRAIL), path):
        waiting.append(batch)
        if len(waiting) == SENT_TOGETHER:
            recorded, duplicate = _send(append, waiting, recorded, duplicate)
            waiting = []
    if waiting:
        recorded, duplicate = _send(append, waiting, recorded, duplicate)
    return recorded, duplicate


def _send(append: Append, batches: list[Batch], recorded: int, duplicate: int) -> tuple[int, int]:
    for receipt in append(batches):
        recorded += receipt.recorded
        duplicate += receipt.duplicate
    return recorded, duplicate


def main() -> None:
    """Ingest a file into a running home."""
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("file", type=Path)
    arguments = parser.parse_args()
    client = RecorderClient(Home(arguments.home).recorder_socket)
    with Meter() as meter:
        recorded, duplicate = ingest(arguments.file, client.append)
    result = {
        "recorded": recorded,
        "duplicate": duplicate,
        "cpu_seconds": meter.cpu_seconds,
        "wall_seconds": meter.wall_seconds,
    }
    sys.stdout.buffer.write(orjson.dumps(result) + b"\n")


if __name__ == "__main__":
    main()
