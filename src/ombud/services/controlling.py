"""Controlling: the control tables follow the record themselves.

They do not lean on the index: a token that was revoked must not go on working
because the index is behind, full or broken.  Almost no event is a control event,
and the rest costs a search for a few bytes.
"""

from __future__ import annotations

import threading

from ombud.record.reader import RecordReader
from ombud.services.record_port import Appender
from ombud.store.control import ControlStore


class ControlProjection:
    """Brings the control tables up to the last durable event."""

    def __init__(self, *, appender: Appender, reader: RecordReader, control: ControlStore) -> None:
        self._appender = appender
        self._reader = reader
        self._control = control
        self._lock = threading.Lock()

    def catch_up(self) -> None:
        """Apply every control event that is durable."""
        size, _ = self._appender.head()
        with self._lock:
            start = self._control.watermark()
            if start < size:
                for committed in self._reader.read(start, size - start, raw=False):
                    self._control.apply(committed)

    def rebuild(self) -> None:
        """Make the tables anew from every event of the record."""
        size, _ = self._appender.head()
        with self._lock:
            self._control.rebuild(self._reader.read(0, size, raw=False))
