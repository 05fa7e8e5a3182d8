"""Keys: how one value is written, whatever form of constant or cast the statement gave it."""

from __future__ import annotations

import re
from typing import Any

# Digits of a number that is written out plainly; a longer one is no key of anybody.
DIGITS_MAX = 256
_NUMBER = re.compile(r"([0-9]*)(?:\.([0-9]*))?(?:[eE]([+-]?[0-9]{1,3}))?")
_BLANK = " \t\n\r\f\v"

# Casts of a column under which two different keys stay different, and keep their writing.
_SAME_KEY = frozenset({"text", "varchar", "bpchar", "int2", "int4", "int8", "numeric", "uuid"})
_INTEGERS = frozenset({"int2", "int4", "int8"})
_ROUNDED = frozenset({"numeric", "float4", "float8", "money"})
_SHORTENED = frozenset({"char", "name"})


def number_key(sign: str, number: str) -> str:
    """Return a number without zeros, point and exponent that say nothing."""
    if number[0] != "0" and number.isdecimal():
        return sign + number
    is_short = len(number) <= DIGITS_MAX or not number.strip("0")
    match = _NUMBER.fullmatch(number) if is_short else None
    if match is None:
        return sign + number
    whole, fraction, exponent = match[1] or "", match[2] or "", int(match[3] or 0)
    if exponent > 0:
        moved = fraction[:exponent].ljust(exponent, "0")
        whole, fraction = whole + moved, fraction[exponent:]
    elif exponent < 0:
        padded = whole.rjust(-exponent, "0")
        whole, fraction = padded[:exponent], padded[exponent:] + fraction
    whole, fraction = whole.lstrip("0"), fraction.rstrip("0")
    if not whole and not fraction:
        return "0"
    return sign + (whole or "0") + ("." + fraction if fraction else "")


def is_odd_key(key: str) -> bool:
    """Whether the server may read a text as another key.

    It takes blanks around a number and a plus before it for nothing, and spaces
    behind a text of type `char`.
    """
    if key[-1] == " ":
        return True
    number = key.strip(_BLANK).removeprefix("+")
    return len(number) < len(key) and number.lstrip("-").replace(".", "").isdecimal()


def keeps_key(types: list[dict[str, Any]], node: dict[str, Any]) -> bool:
    """Whether casts to these types, innermost last, leave the key of what is cast as it is."""
    if any("typmods" in kind for kind in types):  # `char(3)` cuts off, `numeric(5, 2)` rounds.
        return False
    names = [_type_name(kind) for kind in types]
    if "ColumnRef" in node:
        return _SAME_KEY.issuperset(names)
    if not _SHORTENED.isdisjoint(names):
        return False
    is_fraction = "fval" in node.get("A_Const", {}) or not _ROUNDED.isdisjoint(names)
    return not (is_fraction and not _INTEGERS.isdisjoint(names))


def _type_name(kind: dict[str, Any]) -> str:
    names = kind.get("names") or [{}]
    return str(names[-1].get("String", {}).get("sval", ""))
