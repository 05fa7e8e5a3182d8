"""Scanning: the records inside a JSON document that is too large or too wide to decode.

Follows brackets and strings only, checks that they fit the grammar closely
enough to notice a stranger, and holds no more than one record.
"""

from __future__ import annotations

import functools
import re

from ombud.collect.cut import HEAD_KEPT, Cuts, too_long
from ombud.core.batch import RAW_SIZE_MAX

_DEPTH_MAX = 512  # Deeper than any record of a source, and than what JSON readers accept.
_NOWHERE = _DEPTH_MAX + 1

# Everything up to the next bracket outside a string; possessive, so never backtracks.
_PLAIN = rb'(?:[^"{}\[\]]++|"(?:[^"\\]++|\\.)*+")*+'
_BRACKET = re.compile(_PLAIN + rb"([{}\[\]])", re.DOTALL)
_UNFINISHED = re.compile(_PLAIN + rb'("?)', re.DOTALL)
_STRING_REST = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_OPENING, _CLOSING = b"{[", b"}]"
_PAIR = {b"}": b"{", b"]": b"["}


@functools.cache
def _holds_records(member: str) -> re.Pattern[bytes]:
    """Return what stands before the list in which a document holds its records."""
    return re.compile(rb'"%s"\s*:\s*$' % re.escape(member.encode()))


class ElementScanner:
    """Scans one document: an object, an array of objects, or `{member: [objects]}`.

    `line` is the line of the first byte that is not cut yet.  When `feed` returns
    a position, `failed` says that the document was none; the position is then
    where its unfinished record starts.
    """

    def __init__(self, line: int, member: str = "Records") -> None:
        self.line = line
        self._holds_records = _holds_records(member)
        self.failed = False
        self.element_count = 0
        self.kept = b""  # The unfinished record, as far as it was fed.
        self._scanned = 0  # How far into `kept` brackets were followed.
        self._stack = bytearray()
        self._previous = b""
        self._level = -1  # Depth at which records stand; -1 while the document itself may be one.
        self._inside = False  # Whether a record has started and not ended.
        self._dropped = 0  # Bytes of a record too long to be kept that went by.
        self._dropped_head = b""
        self._in_string = False  # Whether the dropped bytes broke off inside a string.

    @property
    def is_inside(self) -> bool:
        """Whether a record has started and not ended."""
        return self._inside

    def feed(self, data: bytes, position: int, cuts: Cuts) -> tuple[bytes, int] | None:
        """Scan on; return the data and where the document ended, or None for more."""
        base = position
        if self.kept:
            data, base, position = self.kept + data[position:], 0, self._scanned
            self._dropped -= len(self.kept) if self._dropped else 0
            self.kept = b""
        if self._in_string:
            position = self._leave_string(data, position)
            if self._in_string:
                self._dropped += len(data) - base
                return None
        strict = not self._dropped
        while (match := _BRACKET.match(data, position)) is not None:
            at = match.end() - 1
            bracket = data[at : at + 1]
            if strict and not self._fits(data[position:at].strip(), bracket):
                self.failed = True
                return data, base
            if not strict and bracket in _CLOSING and _PAIR[bracket] != self._stack[-1:]:
                self.failed = True
                return data, base
            strict, position = True, at + 1
            if bracket in _OPENING:
                base = self._open(data, at, bracket, base)
            else:
                self._stack.pop()
                base = self._close(data, position, base, cuts)
            self._previous = bracket
            if not self._stack:
                return data, self._advance(data, base, position)
        self._hold(data, base, position)
        return None

    def _hold(self, data: bytes, base: int, position: int) -> None:
        """Keep what is unfinished, or let it go by when it is too long to be a record."""
        if not self._inside:
            base = self._advance(data, base, position)
        if len(data) - base <= RAW_SIZE_MAX and not self._dropped:
            self.kept, self._scanned = data[base:], position - base
            return
        if not self._dropped:
            self._dropped_head = data[base : base + HEAD_KEPT]
        rest = _UNFINISHED.match(data, position)
        self._in_string = rest is not None and rest[1] == b'"'
        self._dropped += len(data) - base
        if self._in_string and rest is not None:
            self._leave_string(data, rest.end())

    def _leave_string(self, data: bytes, position: int) -> int:
        """Skip to the end of a string, which may lie in data to come."""
        rest = _STRING_REST.match(data, position)
        end = rest.end() if rest is not None else position
        if data[end : end + 1] == b'"':
            self._in_string = False
            return end + 1
        self.kept, self._scanned = data[end:], 0  # Nothing, or a lone backslash.
        return end

    def _fits(self, between: bytes, bracket: bytes) -> bool:
        """Whether a bracket may stand here, given what is between it and the one before."""
        depth = len(self._stack)
        if not depth:
            return bracket in _OPENING and not between
        container = bytes(self._stack[-1:])
        if depth >= _DEPTH_MAX or (bracket in _CLOSING and _PAIR[bracket] != container):
            return False
        if depth == self._level:  # Between records: nothing but a comma.
            comma = b"," if self._previous == b"}" else b""
            return between == (b"" if bracket == b"]" else comma) and bracket in b"{]"
        return self._is_value(between, bracket, container)

    def _is_value(self, between: bytes, bracket: bytes, container: bytes) -> bool:
        """Whether what is between two brackets inside a record leads from one to the other."""
        if between and self._previous in _CLOSING and not between.startswith(b","):
            return False
        if bracket in _CLOSING:
            return not between.endswith(b",")
        if container == b"{":
            return between.endswith(b":") and between.lstrip(b", \t\r\n").startswith(b'"')
        return not between or between.endswith(b",")

    def _open(self, data: bytes, at: int, bracket: bytes, base: int) -> int:
        depth = len(self._stack)
        self._stack += bracket
        if not depth and bracket == b"[":
            self._level = 1
            return self._advance(data, base, at + 1)
        if depth == max(self._level, 0):
            self._inside = True
            return self._advance(data, base, at)
        may_hold = depth == 1 and self._level == -1 and bracket == b"[" and not self._dropped
        if may_hold and self._holds_records.search(data, max(base, at - HEAD_KEPT), at):
            self._level, self._inside = 2, False
            return self._advance(data, base, at + 1)
        return base

    def _close(self, data: bytes, end: int, base: int, cuts: Cuts) -> int:
        depth = len(self._stack)
        if self._inside and depth == max(self._level, 0):
            if self._dropped:
                size = self._dropped + end - base
                cuts.fault(self.line, too_long(), self._dropped_head, size)
                self._dropped = 0
            else:
                cuts.add(data[base:end], self.line)
            self._inside = False
            self.element_count += 1
        elif depth == self._level - 1 and depth:
            self._level = _NOWHERE  # What follows `Records` in its document is no record.
        return base if self._inside else self._advance(data, base, end)

    def _advance(self, data: bytes, base: int, to: int) -> int:
        self.line += data.count(b"\n", base, to)
        return to
