"""Ordinals: which of several identical originals of one input this is.

Without an id of its own, an event is told from its twin only by the order of
the two within their input.  Counts live in a small dictionary that is folded
into sorted arrays of 12 bytes an original, so that a file of ten million lines
costs 120 MB and not a gigabyte.
"""

from __future__ import annotations

import hashlib

import numpy as np
import numpy.typing as npt

_HOT_MAX = 65_536  # Originals counted in the dictionary before it is folded.
_KEY_SIZE = 8


class Ordinals:
    """Counts identical originals of one input."""

    def __init__(self) -> None:
        self._hot: dict[int, int] = {}
        self._keys: npt.NDArray[np.uint64] = np.empty(0, dtype=np.uint64)
        self._counts: npt.NDArray[np.uint32] = np.empty(0, dtype=np.uint32)

    def next(self, raw: bytes) -> int:
        """Return how many originals with these bytes came before, and count this one."""
        key = int.from_bytes(hashlib.sha256(raw).digest()[:_KEY_SIZE], "little")
        count = self._hot.get(key)
        if count is None:
            count = self._folded(key)
            if len(self._hot) >= _HOT_MAX:
                self._fold()
        self._hot[key] = count + 1
        return count

    def _folded(self, key: int) -> int:
        if not len(self._keys):
            return 0
        place = int(np.searchsorted(self._keys, np.uint64(key)))
        if place < len(self._keys) and int(self._keys[place]) == key:
            return int(self._counts[place])
        return 0

    def _fold(self) -> None:
        """Move the dictionary into the arrays; its counts are the newer ones."""
        hot = np.fromiter(self._hot.keys(), dtype=np.uint64, count=len(self._hot))
        counts = np.fromiter(self._hot.values(), dtype=np.uint32, count=len(self._hot))
        keys = np.concatenate((hot, self._keys))
        # `unique` gives the first of equal keys: that of the dictionary.
        self._keys, first = np.unique(keys, return_index=True)
        self._counts = np.concatenate((counts, self._counts))[first]
        self._hot.clear()
