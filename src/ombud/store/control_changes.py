"""Control changes: from events of the record to rows of the control tables."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlalchemy import Connection, update
from sqlalchemy.dialects.sqlite import insert

from ombud.core.batch import Committed
from ombud.core.fields import Group
from ombud.store.control_change import CONTROL, Change
from ombud.store.control_events import fault, project
from ombud.store.control_schema import PROJECTIONS
from ombud.store.directory_loads import Fetch, apply_load, no_originals
from ombud.store.policy_applying import POLICY_MATTERS, find_refusal

_NEEDLE = re.compile(b'"' + CONTROL.encode() + b'"')
_CONTENT = Group.CONTENT - 1

__all__ = ["Fetch", "apply_change", "control_changes", "no_originals"]


def control_changes(committed: Committed) -> Iterator[Change]:
    """Yield the changes that events of the record make, in log order.

    Almost no event is a control event, so the bytes are searched before any is decoded.
    """
    blob, offsets = committed.blobs[_CONTENT], committed.offsets[_CONTENT]
    row = 0
    for found in _NEEDLE.finditer(blob, offsets[0], offsets[-1]):
        if found.start() < offsets[row]:
            continue  # A second mention in the same event.
        while offsets[row + 1] <= found.start():
            row += 1
        yield from project(committed.event(row))
        row += 1
        if row == committed.count:
            return


def apply_change(connection: Connection, change: Change, fetch: Fetch) -> None:
    """Write one change; a load of the directory brings its rows, or a fault says why not."""
    if change.table == "directory_load":
        change = apply_load(connection, change, fetch)
    elif change.table in POLICY_MATTERS:
        change = _or_fault(connection, change)
    table = PROJECTIONS[change.table]
    if not change.is_whole:
        connection.execute(update(table).where(table.c.id == change.key).values(change.values))
        return
    row = {"id": change.key, **change.values}
    connection.execute(insert(table).values(row).on_conflict_do_update(["id"], set_=row))


def _or_fault(connection: Connection, change: Change) -> Change:
    """Return a change of a policy, or the fault that says why it cannot stand."""
    reason = find_refusal(connection, change)
    if not reason:
        return change
    index = change.values["event_index"]
    refused = fault(index, change.table, reason)
    refused.values["event_index"] = index
    return refused
