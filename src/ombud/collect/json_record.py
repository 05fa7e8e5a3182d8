"""JSON record: typed values out of one JSON object, whatever its producer made of keys and types.

Keys are compared by their letters and digits alone, so `action_name`, `actionName`
and `ACTION_NAME` are one: vendors deliver the same record in all three.  A value
of the wrong type is empty and named in `flags`; nothing here raises but `read`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from ombud.collect.json_text import parse_object
from ombud.core.errors import EventError
from ombud.core.instants import INT64_MAX, INT64_MIN, parse_iso, parse_number

ITEMS_MAX = 256  # Items of a list that are looked at: bounds what one record costs.
_DRIFT_MAX = 8  # Flags for values of an unexpected type; one record needs few to be noticed.
_KEYS_MAX = 8_192  # Keys remembered; a source has some hundreds, a hostile one any number.
_KEY_SIZE_MAX = 64
_DIGITS_MAX = 19  # Longer numbers may not fit in 64 bits.
_SEPARATORS = re.compile(r"[^a-z0-9]+")
_DIGITS = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]+)?")
_TRUTHS = {"true": True, "false": False}
# A bare number is seconds below the first bound, then milli-, micro- and nanoseconds.
_UNITS = ((1e11, 1e3), (1e14, 1.0), (1e17, 1e-3), (float("inf"), 1e-6))

T = TypeVar("T")
_decode = msgspec.json.Decoder().decode
_keys: dict[str, str] = {}


def fold(key: str) -> str:
    """Return a key's letters and digits in lower case: the name it is looked up by."""
    known = _keys.get(key)
    if known is None:
        known = _SEPARATORS.sub("", key.lower())
        if len(key) <= _KEY_SIZE_MAX and len(_keys) < _KEYS_MAX:
            _keys[key] = known
    return known


def _folded(document: dict[str, Any]) -> dict[str, Any]:
    known = _keys
    return {known.get(key) or fold(key): value for key, value in document.items()}


def as_text(value: Any) -> str | None:
    """Return a scalar as text, or None."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else None


def as_instant(value: Any) -> int | None:
    """Return milliseconds since the epoch of a text or a number of any unit, or None."""
    if isinstance(value, str):
        if not _DIGITS.fullmatch(value):
            return parse_iso(value)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        size = abs(float(value))
    except (ValueError, OverflowError):
        return None
    return next((parse_number(value, unit_ms=unit) for bound, unit in _UNITS if size < bound), None)


def _as_integer(value: Any) -> int | None:
    if isinstance(value, str):
        digits = value.removeprefix("-")
        is_number = digits.isascii() and digits.isdigit() and len(digits) <= _DIGITS_MAX
        value = int(value) if is_number else None
    if isinstance(value, float):
        value = int(value) if abs(value) < INT64_MAX and value.is_integer() else None
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if INT64_MIN <= value <= INT64_MAX else None


def _as_truth(value: Any) -> bool | None:
    if isinstance(value, str):
        return _TRUTHS.get(value.lower())
    return value if isinstance(value, bool) else None


def _unpacked(value: Any, opening: str) -> Any:
    """Return a value that may have been delivered as the JSON text of itself."""
    if not isinstance(value, str) or value[:1] != opening:
        return value
    try:
        return _decode(value)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return value


class JsonRecord:
    """One object; `flags` is shared with the objects inside it."""

    __slots__ = ("_document", "_path", "_values", "flags")

    def __init__(self, document: dict[str, Any], flags: list[str], path: str = "") -> None:
        self._document = document
        self._values = _folded(document)
        self._path = path
        self.flags = flags

    @classmethod
    def read(cls, raw: bytes) -> JsonRecord:
        """Return the object that the bytes are; raises `EventError` when they are none."""
        document, noticed = parse_object(raw)
        return cls(document, list(noticed))

    @property
    def document(self) -> dict[str, Any]:
        """The object as it was written, for what has no name of its own."""
        return self._document

    def __bool__(self) -> bool:
        """Whether there is anything in it."""
        return bool(self._values)

    def has(self, *names: str) -> bool:
        """Whether one of the members is there and not null."""
        return any(self._values.get(name) is not None for name in names)

    def require(self, source: str, *names: str) -> None:
        """Raise `EventError` unless one of the members is there that tell such a record."""
        if not any(name in self._values for name in names):
            raise EventError(
                f"JSON, but not a record of {source}",
                hint=f"such a record has one of: {', '.join(names)}",
            )

    def value(self, name: str) -> Any:
        """Return a member as it is."""
        return self._values.get(name)

    def fault(self, name: str) -> None:
        """Flag a member that could not be used."""
        if len(self.flags) < _DRIFT_MAX:
            written = next((key for key in self._document if fold(key) == name), name)
            flag = f"unmappable:{self._path}{written[:_KEY_SIZE_MAX]}"
            if flag not in self.flags:
                self.flags.append(flag)

    def text(self, *names: str) -> str | None:
        """Return the first of the members that is not empty, as text."""
        values = self._values
        for name in names:
            value = values.get(name)
            if value is None or value == "":
                continue
            if type(value) is str:
                return value
            found = as_text(value)
            if found is not None:
                return found
            self.fault(name)
        return None

    def integer(self, *names: str) -> int | None:
        """Return the first of the members as an integer of 64 bits."""
        return self._first(names, _as_integer)

    def count(self, *names: str) -> int | None:
        """Return the first of the members as a number of things: not negative."""
        number = self.integer(*names)
        return number if number is not None and number >= 0 else None

    def truth(self, *names: str) -> bool | None:
        """Return the first of the members as true or false."""
        return self._first(names, _as_truth)

    def instant(self, *names: str) -> int | None:
        """Return the first usable of the members as milliseconds since the epoch."""
        return self._first(names, as_instant)

    def _first(self, names: Sequence[str], convert: Callable[[Any], T | None]) -> T | None:
        for name in names:
            value = self._values.get(name)
            if value is None or value == "":
                continue
            found = convert(value)
            if found is not None:
                return found
            self.fault(name)
        return None

    def object(self, *names: str) -> JsonRecord:
        """Return the first of the members that is an object, also as JSON text; else none."""
        for name in names:
            value = self._values.get(name)
            if value is None or value == "":
                continue
            value = _unpacked(value, "{")
            if isinstance(value, dict):
                return JsonRecord(value, self.flags, f"{self._path}{name}.")
            self.fault(name)
        return _EMPTY

    def _list(self, name: str) -> list[Any]:
        value = self._values.get(name)
        if value is None or value == "":
            return []
        value = _unpacked(value, "[")
        if isinstance(value, list):
            return value[:ITEMS_MAX]
        self.fault(name)
        return []

    def objects(self, name: str) -> list[JsonRecord]:
        """Return the objects of a list, also of one that is JSON text."""
        found = self._list(name)
        path = f"{self._path}{name}." if found else ""
        return [JsonRecord(item, self.flags, path) for item in found if isinstance(item, dict)]

    def texts(self, name: str) -> list[str]:
        """Return the scalars of a list as text; of a list of objects, nothing."""
        value = self._values.get(name)
        if isinstance(value, str) and value and value[:1] != "[":
            return [value]
        return [text for item in self._list(name) if (text := as_text(item)) is not None]

    def declared(self, **names: str) -> dict[str, Any]:
        """Return the members that are there, as text, truth or number, under declared names."""
        values = self._values
        found = {}
        for name, member in names.items():
            value = values.get(member)
            if value is None or value == "":
                continue
            if isinstance(value, str | bool) or _as_integer(value) is not None:
                found[name] = value
            elif (text := as_text(value)) is not None:
                found[name] = text
            else:
                self.fault(member)
        return found


_EMPTY = JsonRecord({}, [])  # Of which nothing can be read, so nothing is ever flagged in it.
