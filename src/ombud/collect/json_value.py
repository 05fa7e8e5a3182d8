"""JSON values: one value of a decoded object, taken without trust in its type.

For what lies deep inside a record or has no fixed place in it; members with
names are read by `ombud.collect.json_record`.  Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ombud.core.instants import INT64_MAX

_DIGITS_MAX = 18  # Longer numbers may not fit in 64 bits.
_PORT_DIGITS_MAX = 5
_ADDRESS_CHARACTERS = frozenset("0123456789abcdefABCDEF:.%")


def text_of(value: Any) -> str | None:
    """Return a text, number or truth as text; None for nothing, an empty text or a structure."""
    if value.__class__ is str:
        return value or None
    if value.__class__ is bool:
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    return None


def record_of(value: Any) -> dict[str, Any]:
    """Return an object, or an empty one."""
    return value if value.__class__ is dict else {}


def items_of(value: Any) -> list[Any]:
    """Return a list, one value as a list of it, or an empty list for nothing."""
    if value.__class__ is list:
        return value
    return [] if value is None or value == "" else [value]


def records_of(value: Any) -> list[dict[str, Any]]:
    """Return the objects of a list, or one object as a list of it."""
    return [item for item in items_of(value) if item.__class__ is dict]


def count_of(value: Any) -> int | None:
    """Return a count of 64 bits that is not negative, also written as text; else None."""
    if value.__class__ is str:
        is_number = value.isascii() and value.isdigit() and len(value) <= _DIGITS_MAX
        return int(value) if is_number else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    is_count = value.__class__ is int and 0 <= value <= INT64_MAX
    return value if is_count else None


def truth_of(value: Any) -> bool | None:
    """Return a truth, also written as text; else None."""
    if value.__class__ is bool:
        return bool(value)
    if value.__class__ is str:
        return {"true": True, "false": False}.get(value.lower())
    return None


def first_text(values: Iterable[Any]) -> str | None:
    """Return the first of the values that has a text."""
    for value in values:
        found = text_of(value)
        if found is not None:
            return found
    return None


def address_of(text: str | None) -> tuple[str | None, str | None]:
    """Return the address and the name that a text is, of which one is None.

    Takes `192.0.2.1:443` and `[2001:db8::1]:443` apart; what is no address is a name.
    """
    if text is None:
        return None, None
    plain = text.strip()
    if plain.startswith("["):
        plain = plain[1:].partition("]")[0]
    host, colon, port = plain.rpartition(":")
    if colon and "." in host and port.isdigit() and len(port) <= _PORT_DIGITS_MAX:
        plain = host
    if "." in plain and plain.replace(".", "").isdigit():
        return plain, None
    is_address = plain.count(":") > 1 and set(plain) <= _ADDRESS_CHARACTERS
    return (plain, None) if is_address else (None, text)
