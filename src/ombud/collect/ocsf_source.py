"""OCSF source: events that already speak OCSF, of any class and version.

A document may say of which source it is (`metadata.log_name`); that of Ombud's
own events is reserved, so that nobody can post an administrative act.
"""

from __future__ import annotations

import msgspec

from ombud.collect.cut import Cutter
from ombud.collect.cut_json import JsonCutter
from ombud.collect.json_text import parse_object
from ombud.core.errors import EventError
from ombud.core.event import Event
from ombud.core.ocsf import event_from_ocsf

KIND = "ocsf"
RESERVED = "ombud"
_TELLING = frozenset({"class_uid", "type_uid", "category_uid", "activity_id", "metadata", "ombud"})


def is_reserved(source: str) -> bool:
    """Whether a name of a source is Ombud's own, or could be taken for it."""
    return source.strip().lower().partition(".")[0] == RESERVED


class Ocsf:
    """The source `ocsf`."""

    kind = KIND
    has_sequence = False
    sequence_scope: str | None = None
    heartbeat_seconds: int | None = None
    has_native_ids = False
    file_patterns: tuple[str, ...] = ("*",)

    def cutter(self) -> Cutter:
        """Return a cutter of lines, arrays and documents, mixed."""
        return JsonCutter()

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one document.

        Raises `EventError` when the object has none of the attributes that tell OCSF.
        """
        document, noticed = parse_object(raw)
        if _TELLING.isdisjoint(document):
            raise EventError(
                "JSON, but not OCSF", hint="an OCSF event has `class_uid` and `metadata`"
            )
        event = event_from_ocsf(document, raw, now_ms=now_ms)
        flags = [*(event.flags or ()), *noticed]
        source = event.source
        if not source or is_reserved(source):
            flags.append("source_reserved")
            source = KIND
        if event.time_known is False and event.time == now_ms:
            flags.append("time_unknown")
        # Index and time of recording are the record's to give.
        return msgspec.structs.replace(
            event,
            source=source,
            id=None,
            ingested_at=None,
            flags=tuple(dict.fromkeys(flags)) or None,
        )
