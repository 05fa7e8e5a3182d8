"""Suspicion: which originals a projection must not be trusted with, by their bytes alone.

A projection looks for keys as they are written and skips what it is not asked
for unread.  So these are read whole: what is not UTF-8 throughout; a key with a
space, which rules name without, where the key without is missing; a key with a
dot that might stand for a way; an escape that may hide such a key; and what is
nested too deep.  A suspicion that is wrong costs time, nothing else.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from itertools import accumulate, repeat
from operator import add
from typing import Any

from ombud.detect.columnar.exact import long_runs, too_deep
from ombud.detect.columnar.places import ways_of
from ombud.detect.columnar.plain_text import latin_pattern

Raw = bytes | memoryview


def _quoted(text: str) -> bytes:
    """Return a pattern of the bytes of a text, whatever they are."""
    return b"".join(b"\\x%02x" % byte for byte in text.encode("utf-8", "surrogatepass"))


def _letters(names: Iterable[str]) -> set[str]:
    """Return the letters of every key by which the names can lead on, spaces left out."""
    heads = {
        ".".join(parts[:end]) for _, parts in ways_of(names) for end in range(1, len(parts) + 1)
    }
    return set("".join(heads)) - {" "}


def _spaced(letters: Iterable[str]) -> bytes:
    """Return the pattern of a key that may be a head when its spaces are left out.

    After its last space, it has letters of heads only.
    """
    return b" (?:" + b"|".join(map(_quoted, sorted(letters))) + b')*"\\s*:'


def _hidden(letters: set[str], dotted: Iterable[str]) -> list[bytes]:
    """Return the patterns of keys with dots, with and without spaces, and of escapes.

    Each begins with a byte of its own, which is found far sooner than alternatives.
    """
    patterns = []
    tails = {key.partition(".")[2] for key in dotted}
    if tails:
        spaced = [b" *".join(map(_quoted, ("", *tail, ""))) for tail in sorted(tails)]
        patterns.append(b"\\.(?:" + b"|".join(spaced) + b')"\\s*:')
    units = {unit for letter in letters | {" "} for unit in _units(letter)}
    escapes = b"|".join(b"%04x" % unit for unit in sorted(units))
    patterns.append(b"\\\\u(?i:" + escapes + b")")
    if "/" in letters:
        patterns.append(b"\\\\/")
    return patterns


def _units(letter: str) -> list[int]:
    """Return the UTF-16 units of one character: what JSON can escape it as."""
    data = letter.encode("utf-16-be", "surrogatepass")
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


class Originals:
    """Some originals, to be looked through as one text; `blob`, if given, has all of them."""

    __slots__ = ("_ends", "_is_joined", "_long_numbers", "blob", "raws")

    def __init__(self, raws: Sequence[Raw], blob: bytes | None = None) -> None:
        self.raws = raws
        self.blob = b"\n".join(raws) if blob is None else blob
        self._is_joined = blob is None
        self._ends: list[int] = []
        self._long_numbers: set[int] | None = None

    def rows_with(self, pattern: Any) -> set[int]:
        """Return the rows in which a pattern is found, seldom as it is."""
        found = pattern.search(self.blob)
        if not found:
            return set()
        if not self._is_joined:
            self._join()
            found = pattern.search(self.blob)
        rows: set[int] = set()
        while found:
            row = bisect_right(self._row_ends(), found.start())
            rows.add(row)
            # A pattern may go on in the next row: from its start, it is looked for again.
            at = self._row_ends()[row]
            found = pattern.search(self.blob, at) if at < len(self.blob) else None
        return rows

    def rows_of_long_numbers(self) -> set[int]:
        """Return the rows that may hold an integer beyond 64 bits, which has 19 digits or more."""
        if self._long_numbers is None:
            self._join()
            self._long_numbers = self._rows_at(long_runs(self.blob))
        return self._long_numbers

    def _join(self) -> None:
        if not self._is_joined:  # The blob given may have others between.
            self.blob = b"\n".join(self.raws)
            self._is_joined = True

    def _rows_at(self, positions: Sequence[int]) -> set[int]:
        return {bisect_right(self._row_ends(), position) for position in positions}

    def _row_ends(self) -> list[int]:
        if not self._ends:
            self._ends = list(accumulate(map(add, map(len, self.raws), repeat(1))))
        return self._ends


class Suspicion:
    """Finds the originals not to be trusted to a projection of these names."""

    def __init__(self, names: Collection[str], dotted: Iterable[str]) -> None:
        letters = _letters(names)
        self._hidden = [latin_pattern(pattern) for pattern in _hidden(letters, dotted)]
        self._spaced = latin_pattern(_spaced(letters))

    def rows(self, originals: Originals) -> set[int]:
        """Return the suspicious rows, but for keys with spaces."""
        suspicious = too_deep(originals.raws)
        if not originals.blob.isascii():
            suspicious |= _not_utf8(originals.raws)
        for pattern in self._hidden:
            suspicious |= originals.rows_with(pattern)
        return suspicious

    def spaced(self, originals: Originals, rows: Collection[int]) -> set[int]:
        """Return which of some rows may have a key with spaces that stands for one without."""
        if not rows:
            return set()
        if 2 * len(rows) > len(originals.raws):
            return originals.rows_with(self._spaced)
        order = sorted(rows)
        some = Originals([originals.raws[row] for row in order])
        return {order[place] for place in some.rows_with(self._spaced)}


def _not_utf8(raws: Sequence[Raw]) -> set[int]:
    rows = set()
    for row, raw in enumerate(raws):
        try:
            bytes(raw).decode()
        except UnicodeDecodeError:
            rows.add(row)
    return rows
