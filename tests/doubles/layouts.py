"""Layouts: an index filled with events that lie hot, or sealed in one or many runs."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path

import pytest

from ombud.core.batch import Batch, BatchBuilder, Committed
from ombud.core.event import Event
from ombud.record.segment import SegmentWriter
from ombud.record.wal import SALTS_SIZE, Frame
from ombud.store import index as index_module
from ombud.store import sealing
from ombud.store.index import Index

# (events of a batch, events of a run, part of a run that is common)
Layout = tuple[int, int, int]
LAYOUTS: tuple[Layout, ...] = (
    (40, 10**6, 64),  # All hot.
    (40, 1, 1),  # All sealed, every piece listed.
    (40, 1, 64),  # All sealed, no piece listed.
    (3, 5, 1),
    (2, 4, 2),  # What half a run has is not listed there.
)


def commit_events(events: Sequence[Event], first_index: int = 0) -> Committed:
    """Return events as the record would hand them over."""
    builder = BatchBuilder()
    for event in events:
        builder.add(event)
    batch = builder.take()
    recorded = array("q", (1_000_000 + first_index + row for row in range(batch.count)))
    return Committed(first_index, batch.count, recorded, batch.offsets, batch.blobs)


def fill_index(path: Path, events: Sequence[Event], layout: Layout) -> Index:
    """Return an index with these events in this layout; it seals no more."""
    batch, seal, common = layout
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "SEAL_EVENTS", seal)
        patch.setattr(sealing, "COMMON_PART", common)
        index = Index.open(path, memory_mb=128, threads=1)
        for first in range(0, len(events), batch):
            index.apply(commit_events(events[first : first + batch], first))
            index.seal()
    return index


def write_segment(path: Path, committed: Committed) -> None:
    """Write events as the sealed segment that the record would make of them."""
    batch = Batch(
        committed.count,
        array("H", [0] * committed.count),
        bytes(8 * committed.count),
        bytes(16 * committed.count),
        committed.offsets,
        tuple(bytes(blob) for blob in committed.blobs),
    )
    salts = bytes(SALTS_SIZE * committed.count)
    writer = SegmentWriter(path)
    first, recorded_ms = committed.first_index, committed.recorded_ms[0]
    writer.add(
        Frame(
            first_index=first,
            recorded_ms=recorded_ms,
            note=b"",
            salts=salts,
            batch=batch,
            offset=0,
            next_offset=0,
        )
    )
    writer.close()
