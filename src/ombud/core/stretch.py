"""Stretch: consecutive events of the record, cut from a chunk and joined from several.

What follows the record is given chunks as they were committed, often a few
events each; what it does with them costs so much a chunk and so much an event.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from ombud.core.batch import Committed
from ombud.core.errors import Conflict

Group = tuple["array[int]", bytes | memoryview]


def slice_committed(committed: Committed, start: int, end: int) -> Committed:
    """Return the rows `[start, end)` of a chunk, without copying their bytes."""
    if start == 0 and end == committed.count:
        return committed
    groups = [
        _slice(offsets, blob, start, end)
        for offsets, blob in zip(committed.offsets, committed.blobs, strict=True)
    ]
    return Committed(
        committed.first_index + start,
        end - start,
        committed.recorded_ms[start:end],
        tuple(offsets for offsets, _ in groups),
        tuple(blob for _, blob in groups),
    )


def join_committed(chunks: Sequence[Committed]) -> Committed:
    """Return consecutive chunks, at least one, as one chunk; raises `Conflict` at a gap.

    Their bytes together must stay below 2 GiB a group: offsets have 32 bits.
    """
    first = chunks[0]
    if len(chunks) == 1:
        return first
    end = first.first_index
    for chunk in chunks:
        if chunk.first_index != end:
            raise Conflict(f"event {end} was to follow, and {chunk.first_index} was given")
        end += chunk.count
    groups = [
        _join([(chunk.offsets[number], chunk.blobs[number]) for chunk in chunks])
        for number in range(len(first.blobs))
    ]
    times = array("q", b"".join(memoryview(chunk.recorded_ms) for chunk in chunks))
    return Committed(
        first.first_index,
        end - first.first_index,
        times,
        tuple(offsets for offsets, _ in groups),
        tuple(blob for _, blob in groups),
    )


def _slice(offsets: array[int], blob: bytes | memoryview, start: int, end: int) -> Group:
    first, last = offsets[start], offsets[end]
    some = offsets[start : end + 1]
    return _moved(some, -first), memoryview(blob)[first:last]


def _join(groups: Sequence[Group]) -> Group:
    """Return one group of several chunks, their ends moved by what lies before them."""
    ends = array("i", [0])
    for offsets, _ in groups:
        ends.extend(_moved(offsets[1:], ends[-1]))
    return ends, b"".join(blob for _, blob in groups)


def _moved(offsets: array[int], by: int) -> array[int]:
    return array("i", [offset + by for offset in offsets]) if by else offsets
