"""Stand-in: rows and programs in their plain form, until the columnar ones are here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from msgspec import UNSET

from ombud.core.batch import Committed
from ombud.core.errors import EventError
from ombud.detect.columnar.rows import Cells, Rows, ViewRows
from ombud.detect.paths import EventView
from ombud.detect.rule import Rule
from ombud.detect.view import view_of_original, view_of_row


class Hit(NamedTuple):
    """A row that a rule matches, by its position."""

    row: int
    rule: int


class Program:
    """Rules put to rows one by one."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.rules = tuple(rules)

    def match(self, rows: Rows) -> list[Hit]:
        """Return every match, by row and rule."""
        views = [rows.view(row) for row in range(rows.count)]
        return [
            Hit(row, place)
            for row, view in enumerate(views)
            for place, rule in enumerate(self.rules)
            if rule.matches(view)
        ]


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


class OriginalProjector:
    """Nothing to keep."""

    def __init__(self, source: str | None) -> None:
        self.source = source


class OriginalRows(ViewRows):
    """Originals of one source."""

    def __init__(self, raws: Sequence[bytes | memoryview], projector: OriginalProjector) -> None:
        super().__init__([view_of_original(bytes(raw), projector.source) for raw in raws])


__all__ = ["Cells", "Hit", "NamedRows", "OriginalProjector", "OriginalRows", "Program"]
