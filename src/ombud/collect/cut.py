"""Cutting: a stream of bytes cut into records, each with the line it starts on.

A cutter is fed pieces of any size and holds no more than one record.  Raw bytes
are exact: only line terminators, blank lines and a byte order mark are left out.
What cannot be a record (too long, cut off) comes out as a fault with its place.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ombud.core.batch import RAW_SIZE_MAX

HEAD_KEPT = 64 << 10  # Bytes of a faulty record that are kept to show what it was.
FEED_MAX = 1 << 20  # Bytes a cutter looks at in one go; larger feeds are taken in pieces.
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Fault(NamedTuple):
    """Bytes that cannot be a record: where they start, why, their head and full size."""

    line: int
    reason: str
    head: bytes
    size: int


@dataclass(slots=True)
class Cuts:
    """Records cut so far: `raws[i]` starts on line `lines[i]` (from 1)."""

    raws: list[bytes] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def add(self, raw: bytes, line: int) -> None:
        """Add one record, or a fault when it is larger than the record takes."""
        if len(raw) > RAW_SIZE_MAX:
            self.fault(line, too_long(), raw, len(raw))
        else:
            self.raws.append(raw)
            self.lines.append(line)

    def fault(self, line: int, reason: str, head: bytes, size: int) -> None:
        """Add one fault."""
        self.faults.append(Fault(line, reason, head[:HEAD_KEPT], size))


def too_long() -> str:
    """Return the reason given for a record that is larger than the record takes."""
    return f"longer than {RAW_SIZE_MAX >> 20} MiB"


class Cutter(Protocol):
    """Cuts one input.

    `line` is the line on which the bytes start that are not cut yet, and
    `pending` how many there are: a position is what was fed less `pending`.
    """

    line: int

    @property
    def pending(self) -> int:
        """How many bytes were fed that belong to no finished record yet."""
        ...

    def unfinished(self) -> bytes:
        """Return the last line, when it may be a whole record that lacks its terminator."""
        ...

    def feed(self, data: bytes, cuts: Cuts) -> None:
        """Take the next bytes of the input."""
        ...

    def finish(self, cuts: Cuts, *, reason: str = "") -> None:
        """Take the end of the input; `reason` says that it broke off there."""
        ...


def is_cut_mark(data: bytes) -> bool:
    """Whether the first bytes of an input may go on to be a byte order mark."""
    return len(data) < len(BYTE_ORDER_MARK) and BYTE_ORDER_MARK.startswith(data)


class LineCutter:
    """Cuts lines: NDJSON and anything else of one record per line."""

    def __init__(self) -> None:
        self.line = 1
        self._parts: list[bytes] = []  # The unfinished line; joined when it ends.
        self._size = 0
        self._at_start = True
        self._skipped = False  # Whether the unfinished line is too long to be kept.

    @property
    def pending(self) -> int:
        """How many bytes the unfinished line has."""
        return self._size

    def unfinished(self) -> bytes:
        """Return the unfinished line, if it is kept."""
        return b"" if self._skipped else b"".join(self._parts)

    def feed(self, data: bytes, cuts: Cuts) -> None:
        """Take the next bytes of the input."""
        for start in range(0, len(data), FEED_MAX):
            self._feed(data[start : start + FEED_MAX] if len(data) > FEED_MAX else data, cuts)

    def _feed(self, data: bytes, cuts: Cuts) -> None:
        while data:
            data = self._step(data, cuts)

    def _step(self, data: bytes, cuts: Cuts) -> bytes:
        """Take some of the data and return what is still to be taken."""
        if self._skipped:
            end = data.find(b"\n")
            if end < 0:
                self._size += len(data)
                return b""
            self._size += end
            self._end_skipped(cuts)
            self.line += 1
            return data[end + 1 :]
        end = data.rfind(b"\n") + 1
        if not end:
            self._keep(data)
            return b""
        return self._take(self._strip(self._join() + data[:end]), data[end:], cuts)

    def _take(self, block: bytes, tail: bytes, cuts: Cuts) -> bytes:
        """Cut a block of whole lines and keep the tail; return what is still to be taken."""
        lines = block.split(b"\n")
        lines.pop()
        if len(lines[0]) <= RAW_SIZE_MAX and is_plain(block, lines):
            cuts.raws += lines
            cuts.lines += range(self.line, self.line + len(lines))
            self.line += len(lines)
        else:
            for line in lines:
                self._cut_line(line, cuts)
        self._keep(tail)
        return b""

    def _cut_line(self, line: bytes, cuts: Cuts) -> None:
        raw = line.removesuffix(b"\r")
        if raw and not raw.isspace():
            cuts.add(raw, self.line)
        self.line += 1

    def _keep(self, data: bytes) -> None:
        if not data:
            return
        self._size += len(data)
        self._parts.append(data)
        if self._size > RAW_SIZE_MAX:
            line = b"".join(self._parts)
            self._skipped = not self._is_document(line)
            self._parts = [line[:HEAD_KEPT] if self._skipped else line]

    def _is_document(self, head: bytes) -> bool:  # noqa: ARG002
        """Whether an over-long unfinished line may yet be cut into records."""
        return False

    def _join(self) -> bytes:
        """Return the unfinished line and forget it."""
        line = b"".join(self._parts)
        self._parts, self._size = [], 0
        return line

    def _strip(self, first: bytes) -> bytes:
        """Return the first bytes of the input without a byte order mark."""
        if self._at_start:
            self._at_start = False
            return first.removeprefix(BYTE_ORDER_MARK)
        return first

    def _end_skipped(self, cuts: Cuts) -> None:
        cuts.fault(self.line, too_long(), b"".join(self._parts), self._size)
        self._parts, self._size, self._skipped, self._at_start = [], 0, False, False

    def finish(self, cuts: Cuts, *, reason: str = "") -> None:
        """Take the end of the input: the last line needs no terminator."""
        if self._skipped:
            self._end_skipped(cuts)
            return
        raw = self._strip(self._join()).removesuffix(b"\r")
        if raw and not raw.isspace():
            if reason:
                cuts.fault(self.line, reason, raw, len(raw))
            else:
                cuts.add(raw, self.line)
            self.line += 1


def is_plain(block: bytes, lines: list[bytes]) -> bool:
    """Whether lines are records as they stand: none blank, no carriage return.

    Looks for single bytes only: searching a block for two costs 2 ns a byte.
    """
    return b"\r" not in block and b"" not in lines and not any(map(bytes.isspace, lines))
