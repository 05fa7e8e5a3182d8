"""Follow: what is derived from the record catches up with it, in log order.

A follower never holds up an acknowledgement: it reads what is already durable.
`catch_up` may be called from any thread; one at a time does the work.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator
from typing import Protocol

from ombud.core.batch import Committed
from ombud.core.errors import OmbudError
from ombud.core.stretch import join_committed
from ombud.record.reader import RecordReader
from ombud.store.index import Index

STEP = 50_000  # Events asked of the reader at once: bounds how long the lock is held.
INDEX_STEP = 10_000  # Events of one transaction of the index: each costs some milliseconds.
JOIN_EVENTS = 10_000  # Events joined for one transaction of the alerts, at most about.
JOIN_BYTES = 32 << 20  # Their bytes, originals included: they are copied, and held meanwhile.


class Reader(Protocol):
    """What is read of the record."""

    def read(self, first_index: int, limit: int) -> Iterator[Committed]:
        """Yield what is durable from an index on, in log order."""


class Derived(Protocol):
    """What is derived: it knows how far it has come."""

    def watermark(self) -> int:
        """Return the index of the next event to apply."""

    def apply(self, committed: Committed) -> None:
        """Apply events and move the watermark, in one transaction."""


class Follower:
    """Feeds one derived thing from the record."""

    def __init__(self, reader: Reader, derived: Derived) -> None:
        self._reader = reader
        self._derived = derived
        self._lock = threading.Lock()

    def lag(self, size: int) -> int:
        """Return how many durable events are not yet applied."""
        return max(0, size - self._derived.watermark())

    def catch_up(self, size: int) -> None:
        """Apply everything below `size`."""
        while self._derived.watermark() < size:
            with self._lock:
                self._advance(size)

    def _advance(self, size: int) -> None:
        start = self._derived.watermark()
        if start >= size:
            return
        for committed in self._reader.read(start, min(STEP, size - start)):
            self._derived.apply(committed)


class JoiningFollower(Follower):
    """Feeds what costs much a chunk: the small chunks of a commit come as one large one.

    The further it is behind, the larger they are and the less an event costs.
    """

    def _advance(self, size: int) -> None:
        start = self._derived.watermark()
        if start >= size:
            return
        for joined in _joined(self._reader.read(start, min(STEP, size - start))):
            self._derived.apply(joined)


def _joined(chunks: Iterator[Committed]) -> Iterator[Committed]:
    """Yield consecutive chunks joined, also those that come before one that cannot be read."""
    held: list[Committed] = []
    events = size = 0
    fault: OmbudError | None = None
    while fault is None:
        try:
            chunk = next(chunks, None)
        except OmbudError as error:
            chunk, fault = None, error
        if chunk is not None:
            held.append(chunk)
            events += chunk.count
            size += sum(len(blob) for blob in chunk.blobs)
        if held and (chunk is None or events >= JOIN_EVENTS or size >= JOIN_BYTES):
            yield join_committed(held)
            held, events, size = [], 0, 0
        if chunk is None:
            break
    if fault is not None:
        raise fault


class IndexFollower(Follower):
    """Feeds the index: whole segments by the engine itself, the unsealed tail in large steps.

    The index holds no originals, so they are not even read.
    """

    def __init__(self, reader: RecordReader, index: Index) -> None:
        super().__init__(reader, index)
        self._record = reader
        self._index = index

    def _advance(self, size: int) -> None:
        start = self._index.watermark()
        if start >= size:
            return
        segments = self._record.segments()
        place = bisect_right([segment.first_index for segment in segments], start) - 1
        if place >= 0 and start < segments[place].end <= size:
            path, first_index, count = segments[place]
            self._index.apply_segment(path, first_index, count)
            return
        self._index.apply_all(
            list(self._record.read(start, min(INDEX_STEP, size - start), raw=False))
        )
