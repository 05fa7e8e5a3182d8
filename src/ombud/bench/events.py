"""Events: input of benchmarks as batches and committed chunks, by the real sources."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

from ombud.bench.load import END, SEED, cloudtrail_lines
from ombud.collect.source import Source
from ombud.collect.sources import get_source
from ombud.core.batch import Batch, BatchBuilder, Committed
from ombud.simulate.act import CLOUDTRAIL, MAPPING, SOURCE_KINDS
from ombud.simulate.county import mapping_path, simulate

BATCH_EVENTS = 512  # Larger batches cost page faults and gain nothing.
_NOW_MS = int(END.timestamp() * 1000)


def cloudtrail_batches(
    vectors: Path | None, count: int, *, start: int = 0, rows: int = BATCH_EVENTS
) -> Iterator[Batch]:
    """Yield CloudTrail events in batches of `rows`."""
    source = get_source(CLOUDTRAIL)
    lines = ((CLOUDTRAIL, line) for line in cloudtrail_lines(vectors, count, start=start))
    return to_batches({CLOUDTRAIL: source}, lines, rows=rows)


def county_batches(count: int, *, days: int = 60) -> Iterator[Batch]:
    """Yield a county's events of all its sources in batches."""
    return to_batches(county_sources(), simulate(SEED, end=END, events=count, days=days))


def mixed_batches(vectors: Path | None, count: int) -> Iterator[Batch]:
    """Yield CloudTrail's and a county's events, half each, in turn."""
    half = count // 2
    county = county_batches(half)
    for batch in cloudtrail_batches(vectors, count - half):
        yield batch
        yield from islice(county, 1)
    yield from county


def county_sources() -> dict[str, Source]:
    """Return the sources of the county's lines, by kind."""
    return {
        kind: get_source(kind, mapping=mapping_path() if kind == MAPPING else None)
        for kind in SOURCE_KINDS
    }


def to_batches(
    sources: dict[str, Source], lines: Iterable[tuple[str, bytes]], *, rows: int = BATCH_EVENTS
) -> Iterator[Batch]:
    """Turn lines into events and yield them in batches of `rows`."""
    builder = BatchBuilder()
    for kind, line in lines:
        builder.add(sources[kind].parse(line, now_ms=_NOW_MS))
        if builder.count == rows:
            yield builder.take()
    if builder.count:
        yield builder.take()


def to_committed(batches: Iterable[Batch], *, first_index: int = 0) -> Iterator[Committed]:
    """Yield batches as readers of the record are given them, a millisecond apart."""
    index = first_index
    for number, batch in enumerate(batches):
        times = array("q", [_NOW_MS + number]) * batch.count
        yield Committed(index, batch.count, times, batch.offsets, batch.blobs)
        index += batch.count
