"""Directory events: a load as events, the rows first and at the very end that they count."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import msgspec

from ombud.core.event import Event
from ombud.directory.diff import KindDiff
from ombud.services.asker import Asker
from ombud.services.directory_plan import Plan
from ombud.services.own_events import own_event
from ombud.services.record_port import Appender, record_events
from ombud.store.control_events import CONTROL, DIRECTORY_LOADED, DIRECTORY_ROWS
from ombud.store.directory_loads import encode_rows

CHUNK_ROWS = 1_000
CHUNK_SIZE = 4 << 20  # Bytes of rows after which a chunk ends: an original has 16 MB at most.
APPEND_COUNT = 32  # Chunks made durable together.

Bodies = dict[str, list[str]]


def record_load(
    appender: Appender, plan: Plan, *, asker: Asker, reason: str | None, now: int
) -> int:
    """Make a load durable and return the index of its last event.

    Should this end before it does, nothing has been loaded.
    """
    load = secrets.token_hex(8)
    count = 0
    waiting: list[Event] = []
    for original, rows in _chunks(load, plan.diffs):
        waiting.append(
            _rows_event(now, asker, load=load, number=count, rows=rows, original=original)
        )
        count += 1
        if len(waiting) == APPEND_COUNT:
            record_events(appender, waiting)
            waiting = []
    if waiting:
        record_events(appender, waiting)
    event = own_event(
        time=now,
        source=CONTROL,
        action="configure",
        operation=DIRECTORY_LOADED,
        actor_id=asker.person,
        actor_type="person",
        justification_text=reason,
        attributes={
            "load": load,
            "sha256": plan.sha256,
            "counts": plan.counts,
            "files": plan.files,
            "base": plan.base,
            "chunk_count": count,
            "reason": reason,
            "via": asker.via,
        },
    )
    receipt = record_events(appender, [event])
    return receipt.last_index if receipt.last_index is not None else -1


def _rows_event(
    now: int, asker: Asker, *, load: str, number: int, rows: int, original: bytes
) -> Event:
    """Return an event whose original is the rows, and which says them nowhere else.

    Names and accounts are personal data; the original can be erased by itself.
    """
    event = own_event(
        time=now,
        source=CONTROL,
        action="configure",
        operation=DIRECTORY_ROWS,
        native_id=f"{load}-{number}",
        actor_id=asker.person,
        actor_type="person",
        attributes={"load": load, "number": number, "rows": rows, "via": asker.via},
    )
    return msgspec.structs.replace(event, raw=original)


def _chunks(load: str, diffs: list[KindDiff]) -> Iterator[tuple[bytes, int]]:
    """Yield the original of each chunk and how many rows it changes."""
    number = rows = size = 0
    put: Bodies = {}
    drop: Bodies = {}
    for into, kind, text in _changes(diffs):
        (put if into else drop).setdefault(kind, []).append(text)
        rows, size = rows + 1, size + len(text)
        if rows == CHUNK_ROWS or size >= CHUNK_SIZE:
            yield encode_rows(load, number, put, drop), rows
            number, rows, size, put, drop = number + 1, 0, 0, {}, {}
    if rows:
        yield encode_rows(load, number, put, drop), rows


def _changes(diffs: list[KindDiff]) -> Iterator[tuple[bool, str, str]]:
    """Yield what is put (true, its body) and dropped (false, its id), kind by kind."""
    for diff in diffs:
        for id_ in (*diff.added, *diff.changed):
            yield True, diff.kind.name, diff.offered[id_]
        for id_ in diff.removed:
            yield False, diff.kind.name, id_
