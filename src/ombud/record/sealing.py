"""Sealing events: the record's own word on which bytes a segment has.

The original of such an event is canonical JSON with the segment's path, SHA-256,
first index and count, so that whoever holds the log can check the segments.
"""

from __future__ import annotations

import hashlib

import orjson

from ombud.core.batch import IDENTITY_SIZE, RAW_DIGEST_SIZE
from ombud.core.event import Action, Event
from ombud.record.paths import SegmentFile

SOURCE = "ombud.record"
OPERATION = "segment.sealed"
_API_ACTIVITY = 6003  # OCSF class.
_ACTIVITY_OTHER = 99


def sealing_event(segment: SegmentFile, sha256: str, *, time: int) -> Event:
    """Return the event that carries a segment's SHA-256 (hex)."""
    path = f"{segment.path.parent.name}/{segment.path.name}"
    raw = orjson.dumps(
        {
            "count": segment.count,
            "first_index": segment.first_index,
            "path": path,
            "sha256": sha256,
        },
        option=orjson.OPT_SORT_KEYS,
    )
    return Event(
        time=time,
        source=SOURCE,
        action=Action.OTHER,
        native_id=path,
        operation=OPERATION,
        class_uid=_API_ACTIVITY,
        activity_id=_ACTIVITY_OTHER,
        actor_id="ombud",
        actor_type="service",
        resource_system="ombud",
        resource_type="segment",
        resource_id=path,
        outcome="success",
        raw=raw,
    )


def sealing_key(event: Event) -> tuple[bytes, bytes]:
    """Return identity and raw digest of a sealing event, as its batch would have them."""
    identity = event_identity(event.source, event.native_id, 0, b"")
    return identity, raw_digest(event.raw)


def raw_digest(raw: bytes) -> bytes:
    """Return the digest of an original that a duplicate must share."""
    return hashlib.sha256(raw).digest()[:RAW_DIGEST_SIZE]


def event_identity(source: str, native_id: str | None, ordinal: int, digest: bytes) -> bytes:
    """Return the identity that `BatchBuilder` gives an event; a test compares them."""
    text = (
        f"{source}\0{native_id}".encode()
        if native_id is not None
        else f"{source}\0\0{ordinal}\0".encode() + digest
    )
    return hashlib.sha256(text).digest()[:IDENTITY_SIZE]
