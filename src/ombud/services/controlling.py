"""Controlling: the control tables follow the record by way of the index.

Control events are few among many: the index says where they lie, and only those
are read from the record.
"""

from __future__ import annotations

import threading
from array import array

from ombud.core.batch import BatchBuilder, Committed
from ombud.core.event import Event
from ombud.query.parse import parse_query
from ombud.record.reader import RecordReader
from ombud.services.follow import Follower
from ombud.services.record_port import Appender
from ombud.store.control import ControlStore
from ombud.store.control_events import CONTROL
from ombud.store.index import Index

PAGE = 1_000
QUERY = f"source:{CONTROL}"


def committed_event(event: Event) -> Committed:
    """Return one recorded event as the chunk that a reader of the record gives."""
    builder = BatchBuilder()
    builder.add(event)
    batch = builder.take()
    recorded = array("q", [event.ingested_at or 0])
    return Committed(event.id or 0, 1, recorded, batch.offsets, batch.blobs)


class ControlProjection:
    """Brings the control tables up to the last durable event."""

    def __init__(
        self,
        *,
        appender: Appender,
        reader: RecordReader,
        index: Index,
        follower: Follower,
        control: ControlStore,
    ) -> None:
        self._appender = appender
        self._reader = reader
        self._index = index
        self._follower = follower
        self._control = control
        self._seen = 0  # Size of the log up to which there is nothing more to project.
        self._lock = threading.Lock()

    def catch_up(self) -> None:
        """Apply every control event that is durable."""
        size, _ = self._appender.head()
        with self._lock:
            if size <= self._seen:
                return
            self._follower.catch_up(size)
            for event in self._events(max(self._seen, self._control.watermark()), size):
                self._control.apply(committed_event(event))
            self._seen = size

    def rebuild(self) -> None:
        """Make the tables anew from every control event of the record."""
        size, _ = self._appender.head()
        self._follower.catch_up(size)
        with self._lock:
            self._control.rebuild(committed_event(event) for event in self._events(0, size))
            self._seen = size

    def _events(self, first_index: int, size: int) -> list[Event]:
        """Return the control events from an index on, oldest first."""
        indices: list[int] = []
        cursor = None
        query = parse_query(QUERY)
        while True:
            page = self._index.search(query, limit=PAGE, cursor=cursor, below=size, now_ms=0)
            indices.extend(index for index in page.indices if index >= first_index)
            cursor = page.next_cursor
            if cursor is None or not page.indices or page.indices[-1] < first_index:
                break
        return self._reader.fetch(sorted(indices))
