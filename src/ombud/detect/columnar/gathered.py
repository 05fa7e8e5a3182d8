"""Gathered: the columns of one batch as they come together, place by place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import compress, repeat
from operator import is_
from typing import Any

from msgspec import UNSET

from ombud.detect.columnar.exact import is_exact
from ombud.detect.columnar.places import Way
from ombud.detect.columnar.rows import Absent
from ombud.detect.matching.paths import find

At = Sequence[int] | None  # The rows whose cells a column holds; None for all of them.


class Gathered:
    """Columns of `count` rows: for each name those of all places it leads to.

    `long_numbers` gives the rows whose numbers may exceed 64 bits: asked only
    when there are lists or objects to be looked through for them.  `doubtful`
    are the rows that must be read whole, `missing` those without some key of the
    object itself.
    """

    __slots__ = ("_columns", "_found", "_long_numbers", "count", "doubtful", "missing")

    def __init__(self, count: int, long_numbers: Callable[[], set[int]]) -> None:
        self.count = count
        self.doubtful: set[int] = set()
        self.missing: set[int] = set()
        self._columns: dict[str, list[Sequence[Any]]] = {}
        self._found: dict[str, dict[int, Any]] = {}  # What lists on the way led to, by row.
        self._long_numbers = long_numbers

    def add(self, names: Iterable[str], column: Sequence[Any], rows: At) -> None:
        """Add what one place holds, to which all these names lead."""
        if rows is not None:
            spread: list[Any] = [UNSET] * self.count
            for row, cell in zip(rows, column, strict=True):
                spread[row] = cell
            column = spread
        for name in names:
            self._columns.setdefault(name, []).append(column)

    def note_missing(self, columns: Iterable[Sequence[Any]]) -> None:
        """Note the rows in which one of these columns of all rows has nothing."""
        for column in columns:
            self.missing.update(compress(range(self.count), map(is_, column, repeat(UNSET))))

    def doubt_boxes(self, column: Sequence[Any], rows: At) -> None:
        """Doubt the rows whose lists and objects hold what orjson would have read otherwise."""
        suspects = self._long_numbers()
        cells: Iterable[tuple[int, Any]] = (
            ((row, column[row]) for row in suspects)
            if rows is None
            else ((row, cell) for row, cell in zip(rows, column, strict=True) if row in suspects)
        )
        for row, cell in cells if suspects else ():
            is_box = cell.__class__ is dict or cell.__class__ is list
            if is_box and not is_exact(cell):
                self.doubtful.add(row)

    def open_list(self, items: list[Any], row: int, ways: Iterable[Way]) -> None:
        """Add what the ways lead to inside a list."""
        for name, parts in ways:
            found = find({"": items}, ".".join(("", *parts)))
            if not found:
                continue
            by_row = self._found.setdefault(name, {})
            if row in by_row:
                self.doubtful.add(row)
            by_row[row] = found[0] if len(found) == 1 else found

    def column(self, name: str) -> Sequence[Any]:
        """Return the cells of a name; a row that holds it at several places is doubtful."""
        columns = self._columns.get(name)
        column: Sequence[Any] = Absent(self.count) if columns is None else columns[0]
        for other in columns[1:] if columns else ():
            column = [
                mine if theirs is UNSET else self._either(row, mine, theirs)
                for row, (mine, theirs) in enumerate(zip(column, other, strict=True))
            ]
        found = self._found.get(name)
        if found:
            column = list(column)
            for row, cell in found.items():
                column[row] = self._either(row, column[row], cell)
        return column

    def _either(self, row: int, mine: Any, theirs: Any) -> Any:
        if mine is not UNSET:
            self.doubtful.add(row)
        return theirs
