"""Table cutting: CSV whose first record names the columns, or JSON, by the first byte.

An original must say by itself what its values are, so each record comes out as
the header and the record, both as they stand in the file, one line each.
"""

from __future__ import annotations

from collections.abc import Callable

from ombud.collect.csv_text import split_csv
from ombud.collect.cut import Cuts, Cutter, LineCutter
from ombud.collect.cut_json import RECORDS, JsonCutter
from ombud.collect.cut_sniffing import Sniffing
from ombud.core.batch import RAW_SIZE_MAX

COLUMNS_MAX = 512  # More than any log of a source has; bounds what one record costs.
IsHeader = Callable[[list[str]], bool]


def columns_of(raw: bytes) -> list[str] | None:
    """Return the fields of one record, or None when it is none."""
    return split_csv(raw.decode("utf-8", "replace"), fields_max=COLUMNS_MAX)


def split_row(raw: bytes) -> tuple[bytes, bytes] | None:
    """Return header and record of an original that `TableCutter` cut, or None."""
    end = _record_end(raw, 0)
    return None if end is None else (raw[:end].removesuffix(b"\r"), raw[end + 1 :])


def _record_end(raw: bytes, start: int) -> int | None:
    """Return where the record ends that starts there: at a line end outside quotes."""
    quotes, position = 0, start
    while (newline := raw.find(b"\n", position)) >= 0:
        quotes += raw.count(b'"', position, newline)
        if not quotes % 2:
            return newline
        position = newline + 1
    return None


class TableCutter(LineCutter):
    """Cuts CSV with a header, whose records may span lines (RFC 4180 §2.6).

    `is_header` knows a header by its columns; what stands before one comes out as
    it is.  A quote that is never closed costs the line it stands on and no other.
    """

    def __init__(self, is_header: IsHeader) -> None:
        super().__init__()
        self._is_header = is_header
        self._header = b""
        self._column_count = 0
        self._open: list[bytes] = []  # Lines of a record whose quotes are not closed yet.
        self._open_size = 0
        self._open_line = 1

    @property
    def pending(self) -> int:
        """How many bytes belong to the unfinished line or record."""
        return self._size + self._open_size

    def unfinished(self) -> bytes:
        """Return the header and the last line, when it may be a whole record."""
        line = super().unfinished()
        if not line or not self._header or self._open or line.count(b'"') % 2:
            return b""
        return self._header + b"\n" + line

    def _take(self, block: bytes, tail: bytes, cuts: Cuts) -> bytes:
        lines = block.split(b"\n")
        lines.pop()
        for line in lines:
            self._cut_line(line, cuts)
        self._keep(tail)
        return b""

    def _cut_line(self, line: bytes, cuts: Cuts) -> None:
        is_odd = line.count(b'"') % 2 == 1
        if not self._open:
            if is_odd:
                self._open, self._open_size = [line], len(line) + 1
                self._open_line = self.line
            elif line and not line.isspace():
                self._add(line.removesuffix(b"\r"), self.line, cuts)
            self.line += 1
            return
        self._open.append(line)
        self._open_size += len(line) + 1
        self.line += 1
        if is_odd:
            raw = b"\n".join(self._open).removesuffix(b"\r")
            if self._header and self._columns_of(raw) != self._column_count:
                self._give_up(cuts)
                return
            self._open, self._open_size = [], 0
            self._add(raw, self._open_line, cuts)
        elif self._open_size > RAW_SIZE_MAX:
            self._give_up(cuts)

    def _columns_of(self, raw: bytes) -> int:
        return len(columns_of(raw) or ())

    def _add(self, raw: bytes, line: int, cuts: Cuts) -> None:
        if raw == self._header:
            return  # Files joined together repeat it.
        columns = columns_of(raw) if not self._header else None
        if columns is not None and self._is_header(columns):
            self._header, self._column_count = raw, len(columns)
        else:
            cuts.add(self._header + b"\n" + raw if self._header else raw, line)

    def _give_up(self, cuts: Cuts, reason: str = "") -> None:
        """Give up the first line of an unclosed record and cut the others anew."""
        lines, self._open, self._open_size = self._open, [], 0
        lost = lines[0]
        cuts.fault(self._open_line, reason or "a quote is never closed", lost, len(lost))
        self.line = self._open_line + 1
        for line in lines[1:]:
            self._cut_line(line, cuts)

    def finish(self, cuts: Cuts, *, reason: str = "") -> None:
        """Take the end of the input: what is open is given up line by line."""
        if self._skipped:
            self._end_skipped(cuts)
        last = self._strip(self._join())
        if last and reason and not self._open:
            cuts.fault(self.line, reason, last, len(last))
            self.line += 1
        elif last:
            self._cut_line(last, cuts)
        while self._open:
            self._give_up(cuts, reason)


class SniffingTableCutter(Sniffing):
    """Cuts a log that is CSV with a header or JSON, by its first byte that is not blank.

    `member` names the list in which a JSON document of many records holds them.
    """

    def __init__(self, is_header: IsHeader, member: str = RECORDS) -> None:
        super().__init__()
        self._is_header = is_header
        self._member = member

    def choose(self, first: bytes) -> Cutter:
        """Return the cutter for JSON, or for a table."""
        is_json = first in {b"{", b"["}
        return JsonCutter(self._member) if is_json else TableCutter(self._is_header)
