"""Keys: which groups an event belongs to, and what it adds to them.

Texts are folded as rules fold them, so that `Ana` and `ana` are one.  A list
belongs to the group of each of its values; what is null or missing to none.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from itertools import product
from sys import intern
from typing import Any

import orjson

from ombud.detect.correlation.condition import NUMBER_MAX
from ombud.detect.correlation.model import Key, Number
from ombud.detect.matching.values import lower_text_of, number_of

TEXT_LENGTH_MAX = 256  # Characters of a value; of a longer one the hash tells it apart.
COUNTED_LENGTH_MAX = 48  # Characters of a text that is only counted; a longer one is its hash.
BEYOND_MAX = 1_000_000  # Counted of one event at most: eight lists have 10^20 combinations.
GROUPS_OF_EVENT_MAX = 64  # Groups that one event may belong to, by lists in its fields.
VALUES_OF_EVENT_MAX = 256  # Values that one event may add to a group.

Values = Callable[[str], Sequence[Any]]

_DIGEST_LENGTH = 32
_EXACT_MAX = 2**63  # What a column of the state can hold.


def folded(value: Any) -> str:
    """Return the text by which values are the same, of bounded length."""
    text = lower_text_of(value)
    if len(text) <= TEXT_LENGTH_MAX:
        return text
    # A text from outside may hold half a character, which has no UTF-8 but as it stands.
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    return f"{text[: TEXT_LENGTH_MAX - _DIGEST_LENGTH - 1]}#{digest}"


def keys_of(fields: Sequence[str], values: Values) -> tuple[list[Key], int]:
    """Return the groups of an event, each once, and how many were beyond the bound."""
    if len(fields) == 1:
        found = values(fields[0])
        if len(found) == 1 and found[0].__class__ is str and len(found[0]) <= TEXT_LENGTH_MAX:
            return [(_utf8(found[0].lower()),)], 0
    return _combined(fields, values, GROUPS_OF_EVENT_MAX)


def texts_of(fields: Sequence[str], values: Values) -> tuple[list[str], int]:
    """Return what an event adds to a count of values: a text for each combination."""
    keys, beyond = _combined(fields, values, VALUES_OF_EVENT_MAX)
    if len(fields) == 1:
        return [intern(_short(key[0])) for key in keys], beyond  # One value comes with many events.
    return [_short(orjson.dumps(key).decode()) for key in keys], beyond


def _short(text: str) -> str:
    """Return what tells a counted text apart: four million may be kept, and none is ever told."""
    if len(text) <= COUNTED_LENGTH_MAX:
        return text
    return "#" + hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]


def numbers_of(field: str, values: Values) -> tuple[list[Number], int]:
    """Return the numbers that an event adds, text that is a number included."""
    numbers = [number for value in values(field) if (number := _number(value)) is not None]
    beyond = max(0, len(numbers) - VALUES_OF_EVENT_MAX)
    return numbers[:VALUES_OF_EVENT_MAX], min(beyond, BEYOND_MAX)


def _combined(fields: Sequence[str], values: Values, keys_max: int) -> tuple[list[Key], int]:
    columns: list[list[str]] = []
    total = 1
    for name in fields:
        found = [_utf8(folded(value)) for value in values(name) if value is not None]
        column = list(dict.fromkeys(found))
        total *= len(column)
        columns.append(column)
    keys: list[Key] = []
    for key in product(*columns):
        if len(keys) == keys_max:
            break
        keys.append(key)
    return keys, min(total - len(keys), BEYOND_MAX)


def _utf8(text: str) -> str:
    """Return a text that can be written down: half characters become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _number(value: Any) -> Number | None:
    """Return a number such that equal ones are the same, or None for what cannot be summed."""
    number = number_of(value)
    if number is None:
        return None
    if isinstance(number, int) and -_EXACT_MAX <= number < _EXACT_MAX:
        return number
    try:
        number = float(number)
    except OverflowError:
        return None
    if not math.isfinite(number) or abs(number) > NUMBER_MAX:
        return None
    return int(number) if number.is_integer() and -_EXACT_MAX <= number < _EXACT_MAX else number
