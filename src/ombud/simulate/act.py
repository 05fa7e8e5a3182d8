"""Act: one thing an actor does, before any system has written it down.

Acts are what routines and stories yield and what the writers of the systems'
logs take; `Seat` is where the actor sits while doing it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ombud.simulate.people import Actor

# The systems of the county, and the kind of source each one's log is read by.
CASEBOOK = "casebook"
CHARTBOOK = "chartbook"
DATAWORKS = "dataworks"
PLATELINE = "plateline"
RECORDS = "records"
PLATFORM = "platform"

MAPPING = "mapping"
OCSF = "ocsf"
PGAUDIT = "postgres.pgaudit"
CLOUDTRAIL = "aws.cloudtrail"
SOURCE_KINDS = (MAPPING, PGAUDIT, OCSF, CLOUDTRAIL)


class Label(msgspec.Struct, kw_only=True, gc=False):
    """What really happened: the answer no detector may read.

    `misuse` is false for honest oddities; `variant` is `slow` for what takes its
    time.  `native_ids` are by kind of source; `first` and `last` are milliseconds
    since the epoch, None until something was written down.
    """

    kind: str
    variant: str
    actor: str
    misuse: bool
    note: str
    native_ids: dict[str, list[str]] = {}
    first: int | None = None
    last: int | None = None

    def see(self, source_kind: str, native_id: str, time: int) -> None:
        """Take up one line that belongs to this label."""
        self.native_ids.setdefault(source_kind, []).append(native_id)
        self.first = time if self.first is None else self.first
        self.last = time


class Seat(msgspec.Struct, kw_only=True):
    """Where an actor sits during one session on one system."""

    actor: Actor
    system: str
    session: str
    started: int
    ip: str
    device: str
    agent: str
    port: int
    pid: int = 0
    database: str = ""
    account: str = ""
    line: int = 0
    statement: int = 0


class Act(msgspec.Struct, kw_only=True):
    """One act; what the system it is done on does not log is simply left out there."""

    time: int
    seat: Seat
    operation: str
    dataset: str | None = None
    type: str | None = None
    object_id: str | None = None
    subjects: tuple[tuple[str, str], ...] = ()
    query: str | None = None
    place: tuple[float, float, float] | None = None
    area: str | None = None
    purpose: str | None = None
    case: str | None = None
    reason: str | None = None
    request: str | None = None
    agreement: str | None = None
    workflow: str | None = None
    on_behalf_of: tuple[str, ...] = ()
    outcome: str = "success"
    rows: int | None = None
    size: int | None = None
    columns: tuple[str, ...] = ()
    recipient: str | None = None
    destination: str | None = None
    attributes: dict[str, Any] | None = None
    label: Label | None = None
