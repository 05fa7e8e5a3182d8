"""Checkpoint uses: a justification for one act is used once, by the permit that it let through.

Uses are kept in memory, for such a justification lasts minutes.  What was met before
this process began may have been used before, too: the record says so, and where that
is too much to look through it counts as used.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator

from ombud.core.batch import Committed
from ombud.store.checkpoint import FulfilmentRow

DECISION = "ombud.decision"  # The source of decisions.
LOOKED_THROUGH_MAX = 200_000  # Events since it was met: some tenths of a second to search.
KEPT_MAX = 100_000  # Uses remembered; those that are past are forgotten first.
_GROUPS = 3  # All but the original.

Read = Callable[[int, int], Iterator[Committed]]  # First index and count, without originals.


class CheckpointUses:
    """Which justifications for one act were used, and by which attempt."""

    def __init__(self, *, opened_at: int, size: int, read: Read) -> None:
        """`size` is that of the record when this process opened the home."""
        self._opened_at = opened_at
        self._size = size
        self._read = read
        self._lock = threading.Lock()
        self._once: dict[str, int] = {}  # Id, and until when it lasts.
        self._used: dict[str, str] = {}  # Id, and the attempt.

    def is_free(self, row: FulfilmentRow, *, now: int) -> bool:
        """Whether a justification for one act is still to be used."""
        with self._lock:
            if row.id not in self._once:
                if row.met_at <= self._opened_at and self._was_used(row):
                    self._used[row.id] = ""
                self._once[row.id] = row.until
                self._forget(now)
            return row.id not in self._used

    def claim(self, ids: Iterable[str], attempt: str) -> bool:
        """Take justifications for an attempt that was permitted; False if one is used already.

        Then none is taken.  Ids of those that last longer count for nothing here.
        """
        with self._lock:
            wanted = [id_ for id_ in ids if id_ in self._once]
            if any(self._used.get(id_, attempt) != attempt for id_ in wanted):
                return False
            self._used.update(dict.fromkeys(wanted, attempt))
            return True

    def _was_used(self, row: FulfilmentRow) -> bool:
        count = self._size - row.event_index - 1
        if count > LOOKED_THROUGH_MAX:
            return True
        needle = re.compile(re.escape(row.id.encode()))
        return count > 0 and any(
            _names(committed, needle) for committed in self._read(row.event_index + 1, count)
        )

    def _forget(self, now: int) -> None:
        if len(self._once) > KEPT_MAX:
            for id_ in [id_ for id_, until in self._once.items() if until <= now]:
                del self._once[id_]
                self._used.pop(id_, None)


def _names(committed: Committed, needle: re.Pattern[bytes]) -> bool:
    """Whether a decision among these events names an id."""
    if not any(needle.search(blob) for blob in committed.blobs[:_GROUPS]):
        return False
    for row in range(committed.count):
        groups = (committed.group(number, row) for number in range(1, _GROUPS + 1))
        is_named = any(needle.search(group) for group in groups)
        if is_named and committed.event(row).source == DECISION:
            return True
    return False
