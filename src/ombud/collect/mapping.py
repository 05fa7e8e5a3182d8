"""Mapping source: any JSON lines, made into events by a declarative mapping."""

from __future__ import annotations

from typing import Any

from ombud.collect.cut import Cutter
from ombud.collect.cut_json import JsonCutter
from ombud.collect.json_text import parse_object
from ombud.collect.mapping_file import Mapping
from ombud.collect.mapping_value import UNUSABLE, evaluate
from ombud.core.errors import EventError
from ombud.core.event import ACTIONS, ACTOR_TYPES, OUTCOMES, Event
from ombud.core.fields import BY_NAME
from ombud.core.ocsf_table import class_of

_CLOSED = (("action", ACTIONS), ("outcome", OUTCOMES), ("actor_type", ACTOR_TYPES))
_SUBJECTS_MAX = 1000  # Data subjects of one event; more are a list, not a look.
_NAMES = {field.attribute: field.name for field in BY_NAME.values()}


def _holds(found: Any) -> bool:
    """Whether JMESPath calls a value true: the number 0 is."""
    if found is UNUSABLE or found is None or found is False:
        return False
    return not isinstance(found, str | list | dict) or bool(found)


class MappedSource:
    """The source that a mapping describes; its `kind` is the mapping's `source`."""

    def __init__(self, mapping: Mapping) -> None:
        self._mapping = mapping
        self.kind = mapping.source
        self.has_sequence = "sequence" in mapping.fields
        self.sequence_scope: str | None = mapping.sequence_scope
        self.heartbeat_seconds: int | None = mapping.heartbeat_seconds
        self.has_native_ids = False
        self.file_patterns: tuple[str, ...] = ("*",)

    def cutter(self) -> Cutter:
        """Return a cutter of lines, arrays and documents, mixed."""
        return JsonCutter()

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one object.

        Raises `EventError` when it is not an object, or `record_if` does not hold.
        """
        document, noticed = parse_object(raw)
        condition = self._mapping.record_if
        if condition is not None and not _holds(evaluate(condition, document)):
            raise EventError(f"JSON, but not a record of {self.kind}: `record_if` does not hold")
        flags = list(noticed)
        values: dict[str, Any] = {}
        for attribute, value in self._mapping.fields.items():
            taken = value.take(document)
            if taken is UNUSABLE:
                flags.append(f"unmappable:{_NAMES[attribute]}")
            elif taken is not None:
                values[attribute] = taken
        for attribute, words in _CLOSED:
            if values.get(attribute) is not None and values[attribute] not in words:
                del values[attribute]
                flags.append(f"unmappable:{_NAMES[attribute]}")
        if "time" not in values:
            values["time"], values["time_known"] = now_ms, False
            flags.append("time_unknown")
        values.setdefault("action", "other")
        class_uid, activity_id = class_of(values["action"], values.get("class_uid"))
        values["class_uid"] = class_uid
        values.setdefault("activity_id", activity_id)
        values["subjects"] = self._subjects(document) or None
        values["attributes"] = self._attributes(document) or None
        values["flags"] = tuple(dict.fromkeys(flags)) or None
        return Event(**values, source=self.kind, raw=raw)

    def _subjects(self, document: dict[str, Any]) -> tuple[tuple[str, str], ...]:
        found: dict[tuple[str, str], None] = {}
        for subjects in self._mapping.subjects:
            keys = subjects.keys.take(document)
            for key in keys if isinstance(keys, tuple) else ():
                found[subjects.kind, key] = None
        return tuple(found)[:_SUBJECTS_MAX]

    def _attributes(self, document: dict[str, Any]) -> dict[str, Any]:
        attributes = {}
        for name, value in self._mapping.attributes.items():
            taken = value.take(document)
            if taken is not None and taken is not UNUSABLE:
                attributes[name] = taken
        return attributes
