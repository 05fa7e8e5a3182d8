"""Segments: a home with nothing but sealed events of a county, written as the sealer does.

Time is cut into spans, one after the other, of which each process writes whole ones:
a county of its own in each, so that no two events are the same.
"""

from __future__ import annotations

import multiprocessing
import os
from datetime import timedelta
from functools import partial
from itertools import islice
from pathlib import Path

from ombud.bench.events import county_sources, to_batches
from ombud.bench.load import END, SEED
from ombud.core.errors import Conflict
from ombud.record.paths import Home
from ombud.record.segment import SegmentWriter
from ombud.record.wal import SALTS_SIZE, Frame
from ombud.simulate.county import simulate

SPAN_EVENTS = 500_000
SPAN_DAYS = 18
PEOPLE = 400
_DAY_MS = 86_400_000
SEGMENT_EVENTS = 102_400  # As many as a write-ahead file of such events holds, about.


def make_segments(root: Path, events: int) -> int:
    """Write a home of so many events, and return how many."""
    home = Home(root)
    home.segments.mkdir(parents=True)
    starts = range(0, events, SPAN_EVENTS)
    context = multiprocessing.get_context("spawn")
    with context.Pool(len(os.sched_getaffinity(0))) as pool:
        pool.map(partial(_write_span, home, events), starts, chunksize=1)
    return events


def _write_span(home: Home, events: int, start: int) -> None:
    """Write the events from `start` on, each recorded when it happened, or nearly."""
    count = min(SPAN_EVENTS, events - start)
    end = END - timedelta(days=SPAN_DAYS) * ((events - 1 - start) // SPAN_EVENTS)
    begins = int((end - timedelta(days=SPAN_DAYS)).timestamp() * 1000)
    # A few more than are wanted: counties of so many people may do less than was asked.
    lines = simulate(
        SEED + start, end=end, events=count + count // 20, days=SPAN_DAYS, people=PEOPLE
    )
    temporary = home.root / f"span-{start}.parquet"
    writer, first, index = SegmentWriter(temporary), start, start
    for batch in to_batches(county_sources(), islice(lines, count)):
        recorded = begins + (index - start) * SPAN_DAYS * _DAY_MS // count
        salts = bytes(SALTS_SIZE * batch.count)
        writer.add(Frame(index, recorded, b"", salts, batch, 0, 0))
        index += batch.count
        if index - first >= SEGMENT_EVENTS or index == start + count:
            writer.close()
            temporary.rename(home.segment_path(first, index - first))
            if index == start + count:
                return
            writer, first = SegmentWriter(temporary), index
    raise Conflict(f"a county did {index - start:,} acts of {count:,}")
