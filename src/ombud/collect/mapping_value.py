"""Mapping values: how one field of an event is taken out of a JSON object.

A value is a JMESPath expression with, behind it, a value table, a default and a
time format; or a constant.  Taking one never raises: what cannot be used is
`UNUSABLE`, and the field stays empty.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from jmespath.exceptions import JMESPathError
from jmespath.parser import ParsedResult

from ombud.core.fields import Kind
from ombud.core.instants import parse_iso, parse_number, to_ms
from ombud.core.ocsf_read import coerce

UNUSABLE: Any = object()
TEXTS_MAX = 1000  # Items of one list field; a longer list is cut, the original has it all.

# Milliseconds in one unit of a numeric time format.
UNITS = {"unix_s": 1000.0, "unix_ms": 1.0, "unix_us": 1e-3, "unix_ns": 1e-6}
TEXT_FORMATS = frozenset({"iso8601", "auto"})
_EVALUATION_ERRORS = (JMESPathError, RecursionError, ValueError, TypeError, ArithmeticError,
                      AttributeError, KeyError, IndexError)  # fmt: skip
_DIGITS = re.compile(r"-?\d{1,20}(\.\d{1,9})?")
_ZONE = re.compile(r"([+-])(\d\d):?(\d\d)")


def parse_zone(text: str) -> timezone | None:
    """Return the zone `UTC` or `+02:00` names, or None."""
    if text.upper() in ("UTC", "Z"):
        return UTC
    match = _ZONE.fullmatch(text)
    if match is None:
        return None
    minutes = int(match[2]) * 60 + int(match[3])
    sign = -1 if match[1] == "-" else 1
    return timezone(sign * timedelta(minutes=minutes)) if minutes < 24 * 60 else None


def as_key(value: object) -> str | None:
    """Return a scalar as the text by which value tables know it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return str(value) if isinstance(value, str | int | float) else None


@lru_cache(maxsize=4096)
def plain_path(expression: ParsedResult) -> tuple[str, ...] | None:
    """Return the names of a path such as `user.login`, or None for any richer expression."""
    names: list[str] = []
    waiting = [expression.parsed]
    while waiting:
        node = waiting.pop()
        if node["type"] == "subexpression":
            waiting.extend(reversed(node["children"]))
        elif node["type"] == "field":
            names.append(node["value"])
        else:
            return None
    return tuple(names)


def evaluate(expression: ParsedResult, document: dict[str, Any]) -> Any:
    """Return what the expression finds; `UNUSABLE` when it fails on this document.

    Most expressions are plain paths, which need no interpreter.
    """
    path = plain_path(expression)
    if path is not None:
        found: Any = document
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return found
    try:
        return expression.search(document)
    except _EVALUATION_ERRORS:
        return UNUSABLE


@dataclass(frozen=True, slots=True)
class ValueTable:
    """Words of the source and what they mean; patterns with `*` come after exact words."""

    exact: dict[str, Any]
    patterns: tuple[tuple[Callable[[str], object], Any], ...] = ()

    @classmethod
    def of(cls, values: dict[str, Any]) -> ValueTable:
        """Return the table of a mapping's `values`."""
        patterns = tuple(
            (re.compile(fnmatch.translate(word)).match, meaning)
            for word, meaning in values.items()
            if "*" in word
        )
        return cls({word: value for word, value in values.items() if "*" not in word}, patterns)

    def find(self, word: str) -> Any:
        """Return the meaning of a word, or None."""
        if word in self.exact:
            return self.exact[word]
        return next((meaning for matches, meaning in self.patterns if matches(word)), None)


def _texts(found: Any) -> tuple[str, ...] | None:
    items = found if isinstance(found, list) else [found]
    texts = [as_key(item) for item in items[:TEXTS_MAX]]
    return tuple(text for text in texts if text is not None) if None not in texts else None


def _boolean(found: Any) -> Any:
    if isinstance(found, str):
        return {"true": True, "false": False}.get(found.lower())
    return coerce(Kind.BOOLEAN, found)


def _real(found: Any) -> Any:
    is_number = isinstance(found, str) and _DIGITS.fullmatch(found) is not None
    return float(found) if is_number else coerce(Kind.REAL, found)


# How values of JSON become those kinds of field that forgive more than OCSF does.
_FIT: dict[Kind, Callable[[Any], Any]] = {
    Kind.TEXT: as_key,
    Kind.TEXTS: _texts,
    Kind.BOOLEAN: _boolean,
    Kind.REAL: _real,
    Kind.MAP: lambda found: found,  # An attribute may be any JSON value.
}


@dataclass(frozen=True, slots=True)
class Value:
    """How one field is taken; `expression` None means the constant."""

    kind: Kind
    expression: ParsedResult | None = None
    constant: Any = None
    table: ValueTable | None = None
    default: Any = None
    time_format: str = "auto"
    zone: timezone = field(default=UTC)

    def take(self, document: dict[str, Any]) -> Any:
        """Return the field's value, None when there is none, `UNUSABLE` when it does not fit."""
        if self.expression is None:
            return self.constant
        found = evaluate(self.expression, document)
        if found is UNUSABLE:
            return self.default if self.default is not None else UNUSABLE
        if self.table is not None:
            found = self._look_up(self.table, found)
        if found is None or found == []:
            return self.default
        fitted = self._fit(found)
        if fitted is None:
            return self.default if self.default is not None else UNUSABLE
        return fitted

    def _look_up(self, table: ValueTable, found: Any) -> Any:
        if isinstance(found, list):
            words = [as_key(item) for item in found[:TEXTS_MAX]]
            return [table.find(word) or word for word in words if word is not None]
        word = as_key(found)
        return table.find(word) if word is not None else None

    def _fit(self, found: Any) -> Any:
        if self.kind is Kind.INSTANT:
            return self._instant(found)
        fit = _FIT.get(self.kind)
        return coerce(self.kind, found) if fit is None else fit(found)

    def _instant(self, found: Any) -> int | None:
        if isinstance(found, bool) or not isinstance(found, str | int | float):
            return None
        unit = UNITS.get(self.time_format)
        if unit is not None:
            return parse_number(found, unit_ms=unit)
        if self.time_format not in TEXT_FORMATS:
            return self._formatted(str(found))
        if isinstance(found, str) and not _DIGITS.fullmatch(found.strip()):
            return parse_iso(found, zone=self.zone)
        return _of_size(found)

    def _formatted(self, text: str) -> int | None:
        try:
            instant = datetime.strptime(text, self.time_format)  # noqa: DTZ007 (zoned below)
        except (ValueError, OverflowError):
            return None
        return to_ms(instant if instant.tzinfo is not None else instant.replace(tzinfo=self.zone))


def _of_size(found: float | str) -> int | None:
    """Read a bare number as seconds, or as finer units when it is too large for them."""
    try:
        size = abs(float(found))
    except (ValueError, OverflowError):
        return None
    for unit, bound in (("unix_s", 1e11), ("unix_ms", 1e14), ("unix_us", 1e17)):
        if size < bound:
            return parse_number(found, unit_ms=UNITS[unit])
    return parse_number(found, unit_ms=UNITS["unix_ns"])
