"""Fit: an event made so that the record can hold it, whatever its source put into it.

A value without a canonical form (a lone surrogate, an integer beyond 64 bits)
costs its own field, never the event: the field is emptied and a flag names it.
The original keeps everything.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ombud.core.canonical import encode_groups, encode_values
from ombud.core.errors import EventError
from ombud.core.event import ACTIONS, Event
from ombud.core.fields import FIELDS, Kind
from ombud.core.instants import INT64_MAX, INT64_MIN
from ombud.core.ocsf_table import CLASS_MAX

Groups = tuple[bytes, bytes, bytes]

UNMAPPABLE = "unmappable:"
_FLAGS_MAX = 64  # Flags of one event; a hostile original must not grow its event.
_NUMBERS = tuple(field.attribute for field in FIELDS if field.kind in (Kind.INTEGER, Kind.INSTANT))
_MAPS = tuple(field.attribute for field in FIELDS if field.kind is Kind.MAP)


def _encodes(value: Any) -> bool:
    try:
        encode_values((value,))
    except EventError:
        return False
    return True


def _ranges(event: Event, now_ms: int) -> dict[str, Any]:
    """Return changes that bring numbers and words back into the model."""
    changes: dict[str, Any] = {}
    for attribute in _NUMBERS:
        value = getattr(event, attribute)
        if value is not None and not INT64_MIN <= value <= INT64_MAX:
            changes[attribute] = None
    if event.class_uid is not None and not 0 <= event.class_uid <= CLASS_MAX:
        changes["class_uid"] = None
    if event.action not in ACTIONS:
        changes["action"] = "other"
    if "time" in changes:
        changes["time"], changes["time_known"] = now_ms, False
    return changes


def _texts(event: Event) -> dict[str, Any]:
    """Return changes that empty what has no canonical form."""
    changes: dict[str, Any] = {}
    for field in FIELDS:
        value = getattr(event, field.attribute)
        if value is None or _encodes(value):
            continue
        if field.attribute in _MAPS:
            value = {key: item for key, item in value.items() if _encodes({key: item})}
            changes[field.attribute] = value or None
        else:
            changes[field.attribute] = None
    return changes


def fit(event: Event, *, now_ms: int) -> tuple[Event, Groups]:
    """Return the event itself when it fits, else one without what does not; and its groups.

    The groups are the canonical bytes of actor, data subject and content.
    """
    changes = _ranges(event, now_ms)
    if changes:
        event = _flagged(event, changes)
    try:
        return event, encode_groups(event)
    except EventError:
        event = _flagged(event, _texts(event))
    return event, encode_groups(event)


def _flagged(event: Event, changes: dict[str, Any]) -> Event:
    names = [f"{UNMAPPABLE}{field.name}" for field in FIELDS if field.attribute in changes]
    stated = [flag for flag in changes.pop("flags", event.flags) or () if _encodes(flag)]
    flags = tuple(dict.fromkeys([*stated, *names]))[:_FLAGS_MAX]
    if changes.get("source", event) is None:
        changes["source"] = "unknown"
    return msgspec.structs.replace(event, **changes, flags=flags)
