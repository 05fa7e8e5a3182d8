"""Retaining: the index goes back so many days, the record to its beginning.

What the index no longer holds is still in the record, under its proofs; a search
that asks for everything is answered from an index made aside for it.
"""

from __future__ import annotations

import shutil
import threading
from pathlib import Path
from typing import Any

from ombud.core.clock import Clock
from ombud.record.reader import RecordReader
from ombud.services.follow import IndexFollower
from ombud.store.index import Index
from ombud.store.lasting import LastingIndex
from ombud.store.retention import Kept

DAY_MS = 86_400_000
WHOLE_NAME = "whole.duckdb"


def first_recorded(reader: RecordReader, size: int, since_ms: int) -> Kept | None:
    """Return the first event recorded at or after an instant, by its place in the log.

    None when there is none.  Times of recording never decrease.
    """
    low, high, found = 0, size, 0
    while low < high:
        middle = (low + high) // 2
        (event,) = reader.fetch([middle], raw=False)
        recorded = event.ingested_at or 0
        if recorded >= since_ms:
            high, found = middle, recorded
        else:
            low = middle + 1
    return Kept(low, found) if low < size else None


class Retention:
    """Holds the index of a home to its days, and makes a whole one when it is asked for."""

    def __init__(
        self, reader: RecordReader, index: LastingIndex, *, days: int, folder: Path, memory_mb: int
    ) -> None:
        """Zero days keep everything; `folder` is where a whole index is made aside."""
        self._reader = reader
        self._index = index
        self._days = days
        self._path = folder / WHOLE_NAME
        self._memory_mb = memory_mb
        self._whole: Index | None = None
        self._lock = threading.Lock()

    def turn(self, size: int, clock: Clock) -> None:
        """Let go of what is older than the days that are kept."""
        if self._days:
            kept = first_recorded(self._reader, size, clock() - self._days * DAY_MS)
            if kept is not None:
                self._index.keep_from(kept)

    def since(self) -> dict[str, Any]:
        """Return what an answer says of what it could not look at: nothing, as a rule."""
        first_index, recorded_ms = self._index.kept()
        if not first_index:
            return {}
        return {"index_since": {"index": first_index, "recorded_at": recorded_ms}}

    def whole(self, size: int) -> Index:
        """Return an index of every event below `size`, made now if it has to be."""
        if not self._index.kept().first_index:
            return self._index
        with self._lock:
            if self._whole is None:
                self._path.unlink(missing_ok=True)
                self._whole = Index.open(self._path, memory_mb=self._memory_mb)
            IndexFollower(self._reader, self._whole).catch_up(size)
            return self._whole

    def close(self) -> None:
        """Remove what was made aside."""
        with self._lock:
            if self._whole is not None:
                self._whole.close()
                self._whole = None
                for path in self._path.parent.glob(f"{WHOLE_NAME}*"):
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
