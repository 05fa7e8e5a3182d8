"""Parameters: the values a statement was run with, as the log lists them, and arrays as text."""

from __future__ import annotations

import re
from collections.abc import Sequence

# pgaudit writes the list as one line of CSV; NULL and the empty text are both empty.
_FIELD = re.compile(r'(?:"((?:[^"]|"")*)"|([^",]*))(,|\Z)')
# PostgreSQL 15 documentation, section 8.15.6: elements of one dimension.
_ELEMENT = re.compile(r'\s*+(?:"((?:[^"\\]|\\.)*+)"|([^",{}\\]*+))\s*+(,|\Z)', re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)

SUPPRESSED = "<long param suppressed>"  # `pgaudit.log_parameter_max_size`.


def split_parameters(listed: str) -> list[str] | None:
    """Return the values of a list of parameters; None when it is not one."""
    if '"' not in listed:
        return listed.split(",")
    values = []
    place = 0
    while (match := _FIELD.match(listed, place)) is not None:
        values.append(match[2] if match[1] is None else match[1].replace('""', '"'))
        place = match.end()
        if not match[3]:
            return values if place == len(listed) else None
    return None


def split_array(text: str) -> Sequence[str] | None:
    """Return the elements of an array of one dimension, NULL left out; None for another form."""
    text = text.strip()
    if text[:1] != "{" or text[-1:] != "}":
        return None
    inside = text[1:-1]
    if not inside.strip():
        return ()
    if inside.isascii() and inside.replace(",", "").isalnum():  # Numbers and plain words.
        return [part for part in inside.split(",") if part and part.upper() != "NULL"]
    elements = []
    place = 0
    while (match := _ELEMENT.match(inside, place)) is not None:
        if match[1] is not None:
            elements.append(_ESCAPED.sub(r"\1", match[1]))
        elif (element := match[2].rstrip()).upper() != "NULL":
            elements.append(element)
        place = match.end()
        if not match[3]:
            return elements if place == len(inside) else None
    return None
