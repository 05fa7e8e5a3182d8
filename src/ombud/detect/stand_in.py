"""Stand-in: rows and programs in their plain form, until the columnar ones are here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import UNSET

from ombud.core.batch import Committed
from ombud.core.errors import EventError
from ombud.detect.columnar.rows import ViewRows
from ombud.detect.paths import EventView
from ombud.detect.view import view_of_row


class NamedRows(ViewRows):
    """Events of the record by the names of the event model."""

    def __init__(self, committed: Committed) -> None:
        views: list[EventView] = []
        self.unreadable: list[int] = []
        for row in range(committed.count):
            try:
                views.append(view_of_row(committed, row))
            except EventError:
                views.append({})
                self.unreadable.append(row)
        super().__init__(views)

    def add(self, columns: Mapping[str, Sequence[Any]]) -> None:
        """Add fields that the record does not hold."""
        for name, column in columns.items():
            for row, cell in enumerate(column):
                if cell is not UNSET:
                    self._views[row][name] = cell


__all__ = ["NamedRows"]
