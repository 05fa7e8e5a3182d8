"""Sealed: a year of a county as segments to rebuild an index from, and what arrives after.

The segments have the columns that the index reads and no others: making whole ones
of ten million events would take longer than all that is measured.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ombud.bench.events import county_sources, to_batches, to_committed
from ombud.bench.load import END, SEED
from ombud.core.batch import Committed
from ombud.simulate.county import simulate
from ombud.simulate.dice import Dice

DAYS = 365
PEOPLE_MIN = 150
EVENTS_PER_PERSON = 5_000  # In the year: 14 a day.
SEGMENT_EVENTS = 102_400  # As many as a write-ahead file of such events holds, about.
_ROW_GROUP_EVENTS = 4_096  # As those of the sealer.
_PICKS = 4_000
_GROUPS = ("canonical_actor", "canonical_data_subject", "canonical_content")


@dataclass
class Picks:
    """Accounts, sessions, data subjects and cases that are in the events, to ask about."""

    accounts: list[str] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    subjects: list[tuple[str, str]] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)

    def take(self, chunk: Committed, row: int) -> None:
        """Take what one row names."""
        values = chunk.values(row)
        account = (values.get("on_behalf_of") or (values.get("actor_id"),))[0]
        for found, into in (
            (account, self.accounts),
            (values.get("session_id"), self.sessions),
            (values.get("case"), self.cases),
        ):
            if found is not None:
                into.append(found)
        self.subjects.extend(values.get("subjects") or ())


@dataclass
class Year:
    """Segments as (path, first index, events), what arrives after them, and whom to ask about."""

    segments: list[tuple[Path, int, int]]
    arriving: list[Committed]
    picks: Picks


def make_year(folder: Path, events: int, arriving: int) -> Year:
    """Write so many events as segments into a folder, and keep the last ones in memory."""
    people = max(PEOPLE_MIN, events // EVENTS_PER_PERSON)
    whole = events + arriving
    lines = simulate(SEED, end=END, events=whole, days=DAYS, people=people)
    year = Year([], [], Picks())
    dice = Dice("search")
    waiting: list[Committed] = []
    for chunk in to_committed(to_batches(county_sources(), lines)):
        if chunk.first_index >= events:
            # Without originals, which the index does not read: they are no memory of its own.
            year.arriving.append(replace(chunk, blobs=(*chunk.blobs[:-1], b"")))
            continue
        if dice.below(events) < _PICKS * chunk.count:
            for _ in range(1 + _PICKS * chunk.count // events):
                year.picks.take(chunk, dice.below(chunk.count))
        waiting.append(chunk)
        if sum(one.count for one in waiting) >= SEGMENT_EVENTS:
            year.segments.append(write_segment(folder, waiting))
            waiting = []
    if waiting:
        year.segments.append(write_segment(folder, waiting))
    return year


def write_segment(folder: Path, chunks: list[Committed]) -> tuple[Path, int, int]:
    """Write consecutive chunks as one file; returns its path, first index and count."""
    first, count = chunks[0].first_index, sum(chunk.count for chunk in chunks)
    path = folder / f"{first:012d}.parquet"
    pq.write_table(
        pa.concat_tables(_tables(chunks)),
        path,
        row_group_size=_ROW_GROUP_EVENTS,
        compression="zstd",
        compression_level=1,
    )
    return path, first, count


def _tables(chunks: Iterable[Committed]) -> Iterator[pa.Table]:
    for chunk in chunks:
        indices = range(chunk.first_index, chunk.first_index + chunk.count)
        times = [None, pa.py_buffer(chunk.recorded_ms)]
        arrays: list[Any] = [
            pa.StructArray.from_arrays(
                [
                    pa.array(indices, pa.int64()),
                    pa.Array.from_buffers(pa.int64(), chunk.count, times),
                ],
                names=["uid", "logged_time"],
            )
        ]
        for ends, blob in zip(chunk.offsets[:3], chunk.blobs[:3], strict=True):
            buffers = [None, pa.py_buffer(ends), pa.py_buffer(blob)]
            arrays.append(pa.Array.from_buffers(pa.binary(), chunk.count, buffers))
        yield pa.Table.from_arrays(arrays, names=["metadata", *_GROUPS])
