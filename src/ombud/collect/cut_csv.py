"""CSV cutting: records of comma-separated values, which may span lines.

A record ends at a line end outside quotes (RFC 4180 §2.6).  A quote that is
never closed, as a crash leaves it, would swallow all that follows: then the
first line is given up and reading goes on at the next one that starts a record.
"""

from __future__ import annotations

import re

from ombud.collect.csv_text import split_csv
from ombud.collect.cut import Cuts, Cutter, LineCutter, is_plain
from ombud.collect.cut_sniffing import Sniffing
from ombud.core.batch import RAW_SIZE_MAX

_STARTS = re.compile(rb"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


class CsvCutter(LineCutter):
    """Cuts the csvlog of PostgreSQL: each record starts with an instant and has `columns`."""

    def __init__(self, columns: frozenset[int]) -> None:
        super().__init__()
        self._columns = columns
        self._open: list[bytes] = []  # Lines of a record whose quotes are not closed yet.
        self._open_size = 0
        self._open_line = 1

    @property
    def pending(self) -> int:
        """How many bytes belong to the unfinished line or record."""
        return self._size + self._open_size

    def unfinished(self) -> bytes:
        """Return nothing: a server ends every line that it has written."""
        return b""

    def _take(self, block: bytes, tail: bytes, cuts: Cuts) -> bytes:
        lines = block.split(b"\n")
        lines.pop()
        has_short = len(lines[0]) <= RAW_SIZE_MAX  # Only the first may be older than this block.
        is_simple = has_short and not self._open and is_plain(block, lines)
        if is_simple and not any(line.count(b'"') % 2 for line in lines):
            cuts.raws += lines
            cuts.lines += range(self.line, self.line + len(lines))
            self.line += len(lines)
        else:
            for line in lines:
                self._cut_line(line, cuts)
        self._keep(tail)
        return b""

    def _cut_line(self, line: bytes, cuts: Cuts) -> None:
        odd = line.count(b'"') % 2
        if not self._open:
            if odd and _STARTS.match(line):
                self._open, self._open_size = [line], len(line) + 1
                self._open_line = self.line
                self.line += 1
            else:
                super()._cut_line(line, cuts)
            return
        self._open.append(line)
        self._open_size += len(line) + 1
        self.line += 1
        if odd:
            raw = b"\n".join(self._open).removesuffix(b"\r")
            if not self._is_whole(raw):
                self._give_up(cuts)
                return
            self._open, self._open_size = [], 0
            cuts.add(raw, self._open_line)
        elif self._open_size > RAW_SIZE_MAX:
            self._give_up(cuts)

    def _is_whole(self, raw: bytes) -> bool:
        """Whether lines joined at their quotes are one record and not the ends of two."""
        fields = split_csv(raw.decode("latin-1"))
        return fields is not None and len(fields) in self._columns

    def _give_up(self, cuts: Cuts, reason: str = "") -> None:
        """Give up the first line of an unclosed record and cut the others anew."""
        lines, self._open, self._open_size = self._open, [], 0
        given_up = 1
        while given_up < len(lines) and not _STARTS.match(lines[given_up]):
            given_up += 1
        lost = b"\n".join(lines[:given_up])
        cuts.fault(self._open_line, reason or "a quote is never closed", lost, len(lost))
        self.line = self._open_line + given_up
        for line in lines[given_up:]:
            self._cut_line(line, cuts)

    def finish(self, cuts: Cuts, *, reason: str = "") -> None:
        """Take the end of the input: what is open is given up line by line."""
        if self._parts and not self._skipped and (self._open or self._is_odd()):
            self._cut_line(self._join(), cuts)
        while self._open:
            self._give_up(cuts, reason)
        super().finish(cuts, reason=reason)

    def _is_odd(self) -> bool:
        return b"".join(self._parts).count(b'"') % 2 == 1


class SniffingCutter(Sniffing):
    """Cuts a log that is either csvlog or jsonlog, by its first byte that is not blank."""

    def __init__(self, columns: frozenset[int]) -> None:
        super().__init__()
        self._columns = columns

    def choose(self, first: bytes) -> Cutter:
        """Return the cutter for lines of JSON, or for CSV."""
        return LineCutter() if first == b"{" else CsvCutter(self._columns)
