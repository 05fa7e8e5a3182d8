"""Table cutting: the rows of a CSV file, which may span lines, without its header.

A row ends at a line end outside quotes.  A quote that is never closed costs its
own line.  The header names columns and is no record, so it is left out like the
brackets around a list of records.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from ombud.collect.csv_text import split_csv
from ombud.collect.cut import Cuts
from ombud.collect.cut_csv import CsvCutter

_ANY_LINE = re.compile(rb"")
Row = list[str]


class TableCutter(CsvCutter):
    """Cuts rows; `is_row` and `is_header` judge fields, each told apart by what they hold."""

    def __init__(
        self,
        is_row: Callable[[Row], bool],
        is_header: Callable[[Row], bool],
        *,
        delimiter: str = ",",
    ) -> None:
        super().__init__(frozenset(), starts=_ANY_LINE)
        self._is_row = is_row
        self._is_header = is_header
        self._delimiter = delimiter
        self._is_first = True

    def _fields(self, raw: bytes) -> Row | None:
        return split_csv(raw.decode("utf-8", "replace"), delimiter=self._delimiter)

    def _is_whole(self, raw: bytes) -> bool:
        fields = self._fields(raw)
        return fields is not None and self._is_row(fields)

    def _take(self, block: bytes, tail: bytes, cuts: Cuts) -> bytes:
        if self._is_first:
            line, newline, rest = block.partition(b"\n")
            if self._drop_header(line):
                if rest:
                    return super()._take(rest, tail, cuts)
                self._keep(tail)
                return b""
            block = line + newline + rest
        return super()._take(block, tail, cuts)

    def _drop_header(self, line: bytes) -> bool:
        """Leave out the first line of the input if it is the header."""
        self._is_first = False
        fields = self._fields(line.removesuffix(b"\r"))
        if fields is None or not self._is_header(fields):
            return False
        self.line += 1
        return True

    def finish(self, cuts: Cuts, *, reason: str = "") -> None:
        """Take the end of the input; a file of a header alone holds nothing."""
        if self._is_first and self._parts and not self._skipped:
            line = self._strip(self._join())
            if not self._drop_header(line):
                self._keep(line)
        super().finish(cuts, reason=reason)
