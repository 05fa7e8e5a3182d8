"""JSON text: one object out of the bytes of one record, forgiving where nothing is lost by it.

Reads what strict readers refuse and a log may hold: bytes that are not UTF-8,
lone surrogates, control characters, numbers beyond any range.  The last of
duplicate keys wins, as in every reader that a source's own tools use.
"""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from ombud.core.errors import EventError

INVALID_UTF8 = "invalid_utf8"
_INTEGER_DIGITS_MAX = 400  # Longer numbers are kept as text; no source counts that far.

_decode = msgspec.json.Decoder().decode


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _INTEGER_DIGITS_MAX else text


def _real(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def parse_object(raw: bytes) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Return the object and what was noticed about its text.

    Raises `EventError` when the bytes are not one JSON object.
    """
    flags: tuple[str, ...] = ()
    try:
        value = _decode(raw)
    except RecursionError:
        raise EventError("not JSON that can be read: nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeDecodeError):
        text, flags = _text(raw)
        try:
            value = json.loads(
                text, strict=False, parse_int=_integer, parse_float=_real, parse_constant=str
            )
        except RecursionError:
            raise EventError("not JSON that can be read: nested too deeply") from None
        except ValueError as error:
            raise EventError(f"not JSON: {error}") from None
    if not isinstance(value, dict):
        raise EventError("JSON, but not an object")
    return value, flags


def _text(raw: bytes) -> tuple[str, tuple[str, ...]]:
    try:
        return raw.decode(), ()
    except UnicodeDecodeError:
        return raw.decode("utf-8", "replace"), (INVALID_UTF8,)
