"""Prefetched: rows whose columns that several will ask for are decoded once."""

from __future__ import annotations

from collections.abc import Sequence

from ombud.detect.columnar.rows import Cells, Rows
from ombud.detect.matching.paths import EventView


class Prefetched:
    """Rows as they are, with the columns of some names at hand."""

    __slots__ = ("_columns", "_rows", "count")

    def __init__(self, rows: Rows, names: frozenset[str]) -> None:
        self.count = rows.count
        self._rows = rows
        self._columns: Cells = rows.cells(names) if names else {}

    def cells(self, names: frozenset[str], rows: Sequence[int] | None = None) -> Cells:
        """Return a column of cells for each name; decodes only what is not at hand."""
        if rows is not None or not names <= self._columns.keys():
            return self._rows.cells(names, rows)
        return {name: self._columns[name] for name in names}

    def view(self, row: int) -> EventView:
        """Return one event whole."""
        return self._rows.view(row)

    def texts(self, rows: Sequence[int]) -> Sequence[bytes | memoryview] | None:
        """Return the texts of some events, None if they are not to be had."""
        return self._rows.texts(rows)
