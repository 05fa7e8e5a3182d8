"""Record port: what services need of the record, in process or over its socket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from ombud.core.batch import Batch, BatchBuilder
from ombud.core.event import Event
from ombud.record.receipt import Receipt


class Appender(Protocol):
    """Where batches become durable: a `Recorder`, or a `RecorderClient` to a running one."""

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Return one receipt per batch, after every event in them is durable."""

    def head(self) -> tuple[int, bytes]:
        """Return the durable size of the log and its signed tree head."""


class Record(Appender, Protocol):
    """A record that a home is opened with."""

    def ping(self) -> bool:
        """Whether events are taken now: not by a full disk, and not by a copy of a home."""


def record_events(appender: Appender, events: Sequence[Event]) -> Receipt:
    """Make a few events durable and return their receipt."""
    builder = BatchBuilder()
    for event in events:
        builder.add(event)
    return appender.append([builder.take()])[0]
