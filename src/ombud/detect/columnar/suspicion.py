"""Suspicion: which originals a projection must not be trusted with, by their bytes alone.

A projection looks for keys as they are written and skips what it is not asked
for unread.  So these are read whole: what is not UTF-8 throughout; a key with a
space, which rules name without; a key with a dot that might stand for a way;
an escape that may hide such a key; and what is nested too deep.  A suspicion
that is wrong costs time, nothing else.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any

import msgspec
import re2  # type: ignore[import-untyped]

from ombud.detect.columnar.places import ways_of

Raw = bytes | memoryview

DEPTH_MAX = 1024  # Levels at which orjson refuses a document.

_TOO_DEEP = b'{"":' + b"[" * DEPTH_MAX + b"]" * DEPTH_MAX + b"}"


class _Nothing(msgspec.Struct):
    """An object of which nothing is asked."""


_skip = msgspec.json.Decoder(_Nothing).decode


def _quoted(text: str) -> bytes:
    """Return a pattern of the bytes of a text, whatever they are."""
    return b"".join(b"\\x%02x" % byte for byte in text.encode("utf-8", "surrogatepass"))


def _compiled(pattern: bytes) -> Any:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1  # One byte, one character.
    options.log_errors = False
    return re2.compile(pattern, options)


_LONG_NUMBER = _compiled(rb"[:\[,\s-][0-9]{19}")  # 2^63 has 19 digits.


def _patterns(names: Iterable[str], dotted: Iterable[str]) -> list[Any]:
    heads = {
        ".".join(parts[:end]) for _, parts in ways_of(names) for end in range(1, len(parts) + 1)
    }
    letters = set("".join(heads)) - {" "}
    letter = b"|".join(map(_quoted, sorted(letters)))
    # After its last space, a key that is a head when spaces are left out has letters of heads only.
    patterns = [b" (?:" + letter + b')*"\\s*:']
    tails = {key.partition(".")[2] for key in dotted}
    if tails:
        patterns.append(b"\\.(?:" + b"|".join(map(_quoted, sorted(tails))) + b')"\\s*:')
    units = {unit for letter in letters | {" "} for unit in _units(letter)}
    escapes = b"u(?i:" + b"|".join(b"%04x" % unit for unit in sorted(units)) + b")"
    if "/" in letters:
        escapes += b"|/"
    patterns.append(b"\\\\(?:" + escapes + b")")
    return patterns


def _units(letter: str) -> list[int]:
    """Return the UTF-16 units of one character: what JSON can escape it as."""
    data = letter.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


class Originals:
    """Some originals, to be looked through as one text; `blob`, if given, has all of them."""

    __slots__ = ("_ends", "_is_joined", "blob", "raws")

    def __init__(self, raws: Sequence[Raw], blob: bytes | None = None) -> None:
        self.raws = raws
        self.blob = b"\n".join(raws) if blob is None else blob
        self._is_joined = blob is None
        self._ends: list[int] = []

    def rows_with(self, pattern: Any) -> set[int]:
        """Return the rows in which a pattern is found, seldom as it is."""
        if not pattern.search(self.blob):
            return set()
        if not self._is_joined:  # The blob may have others between.
            self.blob = b"\n".join(self.raws)
            self._is_joined = True
        if not self._ends:
            self._ends = list(accumulate(len(raw) + 1 for raw in self.raws))
        ends = self._ends
        return {bisect_right(ends, found.start()) for found in pattern.finditer(self.blob)}

    def rows_of_long_numbers(self) -> set[int]:
        """Return the rows that may hold an integer beyond 64 bits."""
        return self.rows_with(_LONG_NUMBER)


class Suspicion:
    """Finds the originals not to be trusted to a projection of these names."""

    def __init__(self, names: Iterable[str], dotted: Iterable[str]) -> None:
        self._patterns = [_compiled(pattern) for pattern in _patterns(names, dotted)]

    def rows(self, originals: Originals) -> set[int]:
        """Return the suspicious rows."""
        suspicious = _too_deep(originals.raws)
        if not originals.blob.isascii():
            suspicious |= _not_utf8(originals.raws)
        for pattern in self._patterns:
            suspicious |= originals.rows_with(pattern)
        return suspicious


def _not_utf8(raws: Sequence[Raw]) -> set[int]:
    rows = set()
    for row, raw in enumerate(raws):
        try:
            bytes(raw).decode()
        except UnicodeDecodeError:
            rows.add(row)
    return rows


def _too_deep(raws: Sequence[Raw]) -> set[int]:
    """Return what may be nested deeper than orjson goes, if decoding here would go as deep.

    How deep that is, hangs on Python's version and on how it is set.
    """
    if max(map(len, raws), default=0) < 2 * DEPTH_MAX:
        return set()
    try:
        _skip(_TOO_DEEP)
    except RecursionError:
        return set()
    return {
        row
        for row, raw in enumerate(raws)
        if len(raw) >= 2 * DEPTH_MAX
        and (whole := bytes(raw)).count(b"[") + whole.count(b"{") >= DEPTH_MAX
    }
