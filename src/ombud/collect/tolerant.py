"""Tolerance: typed values out of a document whose types have drifted.

The strict decoder refuses a record for one flag that came as text.  This slow
way takes the record apart value by value, converts what has an obvious meaning,
finds keys in whatever case, and names what it could not use.
"""

from __future__ import annotations

import functools
import types
import typing
from typing import Any, TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)
_ITEMS_MAX = 64  # Items of a list looked at; only the first few can name what was touched.
_DIGITS_MAX = 18  # Longer numbers may not fit in 64 bits.
_TRUTHS = {"true": True, "false": False}


@functools.cache
def _plan(struct: type[msgspec.Struct]) -> tuple[tuple[str, tuple[Any, ...]], ...]:
    plan = []
    for field in msgspec.structs.fields(struct):
        hint = field.type
        options: tuple[Any, ...] = (hint,)
        if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
            options = tuple(arg for arg in typing.get_args(hint) if arg is not types.NoneType)
        plan.append((field.encode_name, options))
    return tuple(plan)


def tolerant(struct: type[S], document: dict[str, Any], faults: list[str], path: str = "") -> S:
    """Return what can be used of a document; add the path of all else to `faults`."""
    lowered: dict[str, Any] = {}
    for key, value in document.items():
        lowered.setdefault(key.lower(), value)
    values: dict[str, Any] = {}
    for name, options in _plan(struct):
        value = document.get(name)
        if value is None:
            value = lowered.get(name.lower())
        if value is None:
            continue
        place = f"{path}{name}"
        usable = _convert(options, value, faults, f"{place}.")
        if usable is None:
            faults.append(place)
        else:
            values[name] = usable
    return struct(**values)


def _convert(options: tuple[Any, ...], value: Any, faults: list[str], place: str) -> Any:
    first = options[0]
    if isinstance(first, type) and issubclass(first, msgspec.Struct):
        return tolerant(first, value, faults, place) if isinstance(value, dict) else None
    if typing.get_origin(first) is list:
        return _items(typing.get_args(first)[0], value, faults, place)
    for accepts, convert in _SCALARS:
        if isinstance(value, accepts):
            return convert(options, value)
    return None


def _from_bool(options: tuple[Any, ...], value: bool) -> bool | str | None:
    if bool in options:
        return value
    return str(value).lower() if str in options else None


def _from_text(options: tuple[Any, ...], value: str) -> str | bool | int | None:
    if str in options:
        return value
    if bool in options:
        return _TRUTHS.get(value.lower())
    is_number = value.isascii() and value.isdigit() and len(value) <= _DIGITS_MAX
    return int(value) if int in options and is_number else None


def _from_number(options: tuple[Any, ...], value: float) -> float | str | None:
    if int in options:
        return value
    return str(value) if str in options else None


# In this order: a truth is an integer, too.
_SCALARS: tuple[tuple[Any, Any], ...] = (
    (bool, _from_bool),
    (str, _from_text),
    ((int, float), _from_number),
)


def _items(struct: type[S], value: Any, faults: list[str], place: str) -> list[S] | None:
    if not isinstance(value, list):
        return None
    return [
        tolerant(struct, item, faults, place)
        for item in value[:_ITEMS_MAX]
        if isinstance(item, dict)
    ]
