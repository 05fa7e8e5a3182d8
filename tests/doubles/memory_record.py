"""Memory record: keeps events and recognises duplicates as the record does, without a disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ombud.core.batch import Batch
from ombud.core.canonical import decode_groups
from ombud.core.event import Event


@dataclass(frozen=True)
class MemoryReceipt:
    """The receipt of one batch."""

    first_index: int | None
    last_index: int | None
    recorded: int
    duplicate: int


@dataclass
class MemoryRecord:
    """Keeps events, and recognises duplicates as the record does."""

    events: list[Event] = field(default_factory=list)
    known: set[tuple[bytes, bytes]] = field(default_factory=set)
    fail: Exception | None = None

    def append(self, batches: Sequence[Batch]) -> list[MemoryReceipt]:
        """Take batches whole; return a receipt for each."""
        if self.fail is not None:
            raise self.fail
        return [self._take(batch) for batch in batches]

    def _take(self, batch: Batch) -> MemoryReceipt:
        first = len(self.events)
        for row in range(batch.count):
            identity = batch.identities[8 * row : 8 * row + 8]
            key = (identity, batch.raw_digests[16 * row : 16 * row + 16])
            if key in self.known:
                continue
            self.known.add(key)
            values = decode_groups(*(batch.group(number, row) for number in (1, 2, 3)))
            self.events.append(Event(**values, raw=batch.group(4, row)))
        recorded = len(self.events) - first
        last = len(self.events) - 1
        return MemoryReceipt(
            first if recorded else None,
            last if recorded else None,
            recorded,
            batch.count - recorded,
        )
