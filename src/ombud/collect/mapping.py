"""Mapping source: any JSON lines or CSV, made into events by a declarative mapping."""

from __future__ import annotations

from typing import Any

from ombud.collect.cut import Cutter
from ombud.collect.cut_json import JsonCutter
from ombud.collect.cut_table import SniffingTableCutter, columns_of, split_row
from ombud.collect.json_text import INVALID_UTF8, parse_object
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
        """Return a cutter of lines, arrays and documents, mixed; or of CSV with a header."""
        columns = self._mapping.columns
        return SniffingTableCutter(columns.issubset) if columns else JsonCutter()

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one object.

        Raises `EventError` when it is not an object, or `record_if` does not hold.
        """
        document, noticed = self._read(raw)
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

    def _read(self, raw: bytes) -> tuple[dict[str, Any], tuple[str, ...]]:
        """Return an object, or what a row of CSV says under its header; empty fields left out."""
        if not self._mapping.columns or raw.lstrip()[:1] == b"{":
            return parse_object(raw)
        row = split_row(raw)
        if row is None:
            raise EventError("a line of CSV without its header", hint=self._hint())
        names, values = columns_of(row[0]), columns_of(row[1])
        if names is None or values is None or len(names) != len(values):
            raise EventError(
                f"a row of {len(values or ())} fields under a header of {len(names or ())}",
                hint="fields that hold commas or line ends need quotes",
            )
        names[0] = names[0].removeprefix("\ufeff")
        is_whole = "\ufffd" not in "".join(values)
        flags = () if is_whole else (INVALID_UTF8,)
        return {name: value for name, value in zip(names, values, strict=True) if value}, flags

    def _hint(self) -> str:
        return f"a header has {', '.join(sorted(self._mapping.columns))}"

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
