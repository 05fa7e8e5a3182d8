"""Controlling: the control tables follow the record themselves.

They do not lean on the index: a token that was revoked must not go on working
because the index is behind, full or broken.  Almost no event is a control event,
and the rest costs a search for a few bytes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

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
        self._followers: list[Callable[[], None]] = []

    def tell(self, follower: Callable[[], None]) -> None:
        """From now on call this after each catching up; it must be cheap, and raise nothing."""
        self._followers.append(follower)

    def catch_up(self) -> None:
        """Apply every control event that is durable, and let what follows the tables follow."""
        size, _ = self._appender.head()
        with self._lock:
            start = self._control.watermark()
            if start < size:
                for committed in self._reader.read(start, size - start, raw=False):
                    self._control.apply(committed)
        for follower in self._followers:
            follower()

    def rebuild(self) -> None:
        """Make the tables anew from every event of the record."""
        size, _ = self._appender.head()
        with self._lock:
            self._control.rebuild(self._reader.read(0, size, raw=False))
