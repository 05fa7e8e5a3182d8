"""Stand-in: named rows that are given their derived fields later, for those who read in steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ombud.core.batch import Committed
from ombud.detect.columnar.named_rows import NamedColumns
from ombud.detect.columnar.named_rows import NamedRows as Columnar
from ombud.detect.columnar.rows import Cells
from ombud.detect.paths import EventView


class NamedRows:
    """Events of the record by the names of the event model."""

    def __init__(self, committed: Committed) -> None:
        self.count = committed.count
        self._columns = NamedColumns(committed)
        self._rows = Columnar(self._columns)
        self.unreadable: list[int] = sorted(self._columns.unreadable)

    def add(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Add fields that the record does not hold."""
        self._rows = Columnar(self._columns, None, columns)

    def cells(self, names: frozenset[str], rows: Sequence[int] | None = None) -> Cells:
        """Return a column of cells for each name."""
        return self._rows.cells(names, rows)

    def view(self, row: int) -> EventView:
        """Return the named view of one row."""
        return self._rows.view(row)

    def texts(self, rows: Sequence[int]) -> Sequence[bytes | memoryview] | None:  # noqa: ARG002
        """Return None: names have no text of their own."""
        return None
