"""Arriving: events applied to an index at a steady rate in a thread, as the server does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from typing import Self

from ombud.core.batch import Committed
from ombud.store.index import Index

PER_SECOND = 5_000
TURN_SECONDS = 0.2  # How often a server applies what has arrived.


class Arriving:
    """A context in which events arrive; `applied` counts them.

    `seconds` are the times that each turn took.
    """

    def __init__(self, index: Index, chunks: Sequence[Committed]) -> None:
        self.applied = 0
        self.seconds: list[float] = []
        self._index = index
        self._chunks = chunks
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write, name="arriving events", daemon=True)

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End after the turn at hand."""
        self._stopping.set()
        self._thread.join()

    def _write(self) -> None:
        begin = time.perf_counter()
        for number, chunks in enumerate(self._turns()):
            wait = begin + number * TURN_SECONDS - time.perf_counter()
            if self._stopping.wait(max(0.0, wait)):
                return
            start = time.perf_counter()
            self._index.apply_all(chunks)
            self.seconds.append(time.perf_counter() - start)
            self.applied += sum(chunk.count for chunk in chunks)
            self._index.seal()

    def _turns(self) -> Iterator[list[Committed]]:
        """Yield what arrives in each turn: as many chunks as come nearest to the rate."""
        waiting: list[Committed] = []
        due = 0.0
        for chunk in self._chunks:
            waiting.append(chunk)
            due -= chunk.count
            if due <= 0:
                yield waiting
                waiting = []
                due += PER_SECOND * TURN_SECONDS
        if waiting:
            yield waiting
