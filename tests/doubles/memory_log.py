"""Memory log: a record that keeps batches in memory, in log order, and fails when told."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from ombud.core.batch import Batch, Committed
from ombud.core.errors import Unavailable
from ombud.core.event import Event
from ombud.record.receipt import Receipt


class MemoryLog:
    """An appender whose batches are durable at once, or not at all."""

    def __init__(self) -> None:
        self.committed: list[Committed] = []
        self.size = 0
        self.fails: str | None = None  # "before" or "after" the batch is durable.

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Keep the batches."""
        if self.fails == "before":
            raise Unavailable("no room")
        receipts = []
        for batch in batches:
            times = array("q", [0] * batch.count)
            self.committed.append(
                Committed(self.size, batch.count, times, batch.offsets, batch.blobs)
            )
            first, self.size = self.size, self.size + batch.count
            receipts.append(Receipt(first, self.size - 1, batch.count, 0, 0, self.size))
        if self.fails == "after":
            raise Unavailable("the recorder went away")
        return receipts

    def head(self) -> tuple[int, bytes]:
        """Return the size."""
        return self.size, b""

    def since(self, index: int) -> list[Committed]:
        """Return the batches from an index on."""
        return [one for one in self.committed if one.first_index >= index]

    def events(self) -> list[Event]:
        """Return every event."""
        return [each.event(row) for each in self.committed for row in range(each.count)]
