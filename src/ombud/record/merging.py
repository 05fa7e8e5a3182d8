"""Merging: several batches made the one batch of a frame, less the duplicates."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence

import numpy as np
import orjson

from ombud.core.batch import (
    COUNT_MAX,
    GROUP_COUNT,
    IDENTITY_SIZE,
    RAW_DIGEST_SIZE,
    SIZE_MAX,
    Batch,
)
from ombud.core.canonical import with_flag
from ombud.core.errors import EventError
from ombud.core.fields import Group

ID_CONFLICT = "id_conflict"
_CONTENT = Group.CONTENT - 1


def batch_size(batch: Batch) -> int:
    """Return the bytes of all groups of a batch."""
    return sum(map(len, batch.blobs))


def split_frames(
    batches: Sequence[Batch], *, count_max: int = COUNT_MAX, size_max: int = SIZE_MAX
) -> Iterator[list[Batch]]:
    """Yield runs of batches that fit one frame each, in order; a batch is never split."""
    frame: list[Batch] = []
    count = size = 0
    for batch in batches:
        added = batch_size(batch)
        if frame and (count + batch.count > count_max or size + added > size_max):
            yield frame
            frame, count, size = [], 0, 0
        frame.append(batch)
        count += batch.count
        size += added
    if frame:
        yield frame


def _join_offsets(columns: Sequence[array[int]]) -> array[int]:
    ends = [np.zeros(1, np.int32)]
    shift = 0
    for column in columns:
        ends.append(np.frombuffer(column, np.int32)[1:] + np.int32(shift))
        shift += column[-1]
    return array("i", np.concatenate(ends).tobytes())


def merge_batches(batches: Sequence[Batch]) -> Batch:
    """Return one batch of the rows of all, in order."""
    if len(batches) == 1:
        return batches[0]
    classes = array("H")
    for batch in batches:
        classes += batch.classes
    return Batch(
        len(classes),
        classes,
        b"".join(batch.identities for batch in batches),
        b"".join(batch.raw_digests for batch in batches),
        tuple(
            _join_offsets([batch.offsets[group] for batch in batches])
            for group in range(GROUP_COUNT)
        ),
        tuple(b"".join(batch.blobs[group] for batch in batches) for group in range(GROUP_COUNT)),
    )


def _flagged(content: bytes) -> bytes:
    try:
        return with_flag(content, ID_CONFLICT)
    except (EventError, orjson.JSONDecodeError, IndexError, TypeError):
        return content  # Not canonical: kept as it came rather than lost.


def select_rows(batch: Batch, dropped: Sequence[int], flagged: Sequence[int]) -> Batch | None:
    """Return a batch without some rows and with a flag on others, or None if none are left."""
    if not dropped and not flagged:
        return batch
    without, marked = set(dropped), set(flagged)
    rows = [row for row in range(batch.count) if row not in without]
    if not rows:
        return None
    offsets, blobs = [], []
    for group in range(GROUP_COUNT):
        parts = [batch.group(group + 1, row) for row in rows]
        if group == _CONTENT:
            parts = [
                _flagged(part) if row in marked else part
                for row, part in zip(rows, parts, strict=True)
            ]
        ends = np.cumsum([0, *map(len, parts)], dtype=np.int32)
        offsets.append(array("i", ends.tobytes()))
        blobs.append(b"".join(parts))
    return Batch(
        len(rows),
        array("H", [batch.classes[row] for row in rows]),
        _pick(batch.identities, IDENTITY_SIZE, rows),
        _pick(batch.raw_digests, RAW_DIGEST_SIZE, rows),
        tuple(offsets),
        tuple(blobs),
    )


def _pick(column: bytes, width: int, rows: Sequence[int]) -> bytes:
    return b"".join(column[row * width : (row + 1) * width] for row in rows)
