"""Source: where events come from, and how its bytes become events.

A source knows three things: how its input is cut into records, what a record
means, and what it promises about itself (a sequence, a heartbeat).  It never
does I/O and never reads the clock.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from ombud.attribution.attribution import Attribution
from ombud.collect.cut import Cutter
from ombud.core.batch import Row
from ombud.core.event import Event


class Source(Protocol):
    """One kind of source.

    `kind` names it in every event.  `has_sequence` says that its events carry
    numbers without gaps, counted within each value of the event's attribute
    `sequence_scope` (None: the whole source).  `heartbeat_seconds` is the longest
    silence that is normal; None when it may be silent for ever.
    `has_native_ids` says that no record of it lacks an id of its own.
    `file_patterns` are the names that files of it bear in a folder.
    """

    kind: str
    has_sequence: bool
    sequence_scope: str | None
    heartbeat_seconds: int | None
    has_native_ids: bool
    file_patterns: tuple[str, ...]

    def cutter(self) -> Cutter:
        """Return a new cutter for one input of this source."""
        ...

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one record; `now_ms` stands in for a time it does not have.

        Raises `EventError` only when `raw` is not a record of this source at all.
        """
        ...


@runtime_checkable
class FastPath(Protocol):
    """What a source has that goes from a record to canonical bytes without an `Event`."""

    def canonical(self, raw: bytes) -> Row | None:
        """Return the row of a record, or None when `parse` has to look at it.

        Invariant: the bytes are those that the event of `parse` encodes to.
        """
        ...


@runtime_checkable
class Attributable(Protocol):
    """What a source has whose records carry statements of PostgreSQL."""

    def attribute(self, attribution: Attribution) -> None:
        """Name persons and data subjects, as declared, in every event from now on."""
        ...
