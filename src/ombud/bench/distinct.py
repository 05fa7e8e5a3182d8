r"""Distinct: records copied so that no two of the copies share a text.

An engine that tests each distinct value once is flattered by logs that repeat
themselves.  Here every text of every copy, at whatever depth, bears the number
of the copy and its place in the record:

- in a path (`C:\Windows\cmd.exe`) it is a folder after the first, so that rules about
  the end or the middle of the text match as they did;
- of an address it makes another address;
- elsewhere it stands at the end, so that rules about the beginning or the middle match
  as they did, and rules about the whole text do not.

Texts under the names in `kept` stay as they are; numbers, true, false and null too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from ipaddress import AddressValueError, IPv4Address
from itertools import count as counted
from typing import Any

import orjson

_HOLE = "\ufdd0"  # A noncharacter: no record holds it, and it is written as it is.
_ADDRESS_HOLE = "\ufdd1"
_NET = 10 << 24  # 10.0.0.0/8.


def distinct_lines(
    originals: Sequence[bytes], count: int, *, kept: Collection[str] = (), start: int = 0
) -> Iterator[bytes]:
    """Yield `count` copies of records, in turn, none of which shares a text with another."""
    cut = [_cut(original, frozenset(kept)) for original in originals]
    for number in range(start, start + count):
        pieces, addresses = cut[number % len(cut)]
        line = (b"%x" % number).join(pieces)
        if addresses:
            line = line.replace(_ADDRESS_HOLE.encode(), _address(number))
        yield line


def _address(number: int) -> bytes:
    return str(IPv4Address(_NET | (number & 0xFFFFFF))).encode()


def _cut(original: bytes, kept: frozenset[str]) -> tuple[list[bytes], bool]:
    """Return a record cut at the holes into which the number goes."""
    text = orjson.dumps(_with_holes(orjson.loads(original), kept, counted()))
    return text.split(_HOLE.encode()), _ADDRESS_HOLE.encode() in text


def _with_holes(value: Any, kept: frozenset[str], places: Iterator[int]) -> Any:
    if isinstance(value, str):
        return _text_with_hole(value, next(places))
    if isinstance(value, dict):
        return {
            key: inner if key in kept else _with_holes(inner, kept, places)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_with_holes(inner, kept, places) for inner in value]
    return value


def _text_with_hole(text: str, place: int) -> str:
    if "." in text and text[:1].isdigit():
        try:
            IPv4Address(text)
        except AddressValueError:
            pass
        else:
            return _ADDRESS_HOLE
    mark = f"{place}-{_HOLE}"
    head, slash, tail = text.partition("\\")
    return f"{head}\\{mark}\\{tail}" if slash and " " not in head else f"{text} {mark}"
