"""Values: what one value of an event is to rules: its text, its number, its like.

Every value has a text: numbers as JSON writes them, booleans as `true` and
`false`, an object as its compact JSON.  Case is folded by `str.lower` on both
sides.  Nothing here sees null or missing.
"""

from __future__ import annotations

import re
from typing import Any

import orjson

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_NUMBER_LENGTH_MAX = 64  # Longer text is an identifier, not a quantity.


def text_of(value: Any) -> str:
    """Return the text of one value; an object nested beyond 254 levels has none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    try:
        return orjson.dumps(value).decode()
    except (TypeError, ValueError):  # orjson.JSONEncodeError is a TypeError.
        return ""


def lower_text_of(value: Any) -> str:
    """Return the text of one value as it is compared without regard to case."""
    return value.lower() if isinstance(value, str) else text_of(value).lower()


def number_of(value: Any) -> int | float | None:
    """Return a value as a number, text included; None for what is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and len(value) <= _NUMBER_LENGTH_MAX and _NUMBER.fullmatch(value):
        try:
            return int(value)
        except ValueError:
            return float(value)
    return None


def is_number(value: Any) -> bool:
    """Whether a value is a number; a boolean is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_same(left: Any, right: Any) -> bool:
    """Whether two values of an event are the same: as numbers if both are, else as text."""
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    if is_number(left) and is_number(right):
        return bool(left == right)
    return text_of(left).lower() == text_of(right).lower()
