"""Stored fields: the columns of a sealed segment as the cells that rules see.

Where a column cannot tell what exactly the event holds - a whole number kept as a
fraction, a map that does not read - the cell says so, and the event is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import orjson
from msgspec import UNSET

from ombud.core.fields import BY_NAME, Field, Kind
from ombud.detect.columnar.rows import cell_of
from ombud.detect.replaying.narrowing import ANYTHING, Cells, Elements, OneOf, Rows
from ombud.record.stored import StoredSegment

_EXACT_MAX = 2.0**53  # Beyond it a double skips integers.
_MAPS = frozenset(name for name, field in BY_NAME.items() if field.kind is Kind.MAP)
_SUBJECTS = "subjects"
_PARTS: Mapping[str, Callable[[Any], Any]] = {
    "subjects": lambda pairs: [f"{kind}:{key}" for kind, key in pairs],
    "subject.kind": lambda pairs: [kind for kind, _ in pairs] or UNSET,
    "subject.key": lambda pairs: [key for _, key in pairs] or UNSET,
}
_LISTED = {"subject.kind": 0, "subject.key": 1}
# Cheap ones first, so that dear ones are asked about few rows.
_COSTS = {Kind.BOOLEAN: 0, Kind.TEXT: 1, Kind.INTEGER: 2, Kind.REAL: 2, Kind.MAP: 3}
_DEAR, _DEAREST = 4, 5
_CHEAPEST = frozenset({"action", "source", "actor.type", "operation", "outcome"})


Derived = np.ndarray[Any, np.dtype[Any]]


def derived_cells(column: Derived) -> list[Any]:
    """Return derived values as rules see them."""
    if column.dtype == np.bool_:
        return [True if one else UNSET for one in column.tolist()]
    return [UNSET if one != one else one for one in column.tolist()]  # noqa: PLR0124 - NaN.


class StoredFields:
    """The fields of one segment by name, as `ombud.detect.replaying.narrowing` asks for them."""

    def __init__(self, segment: StoredSegment) -> None:
        self._segment = segment
        self.derived: Mapping[str, Derived] = {}
        self._cells: dict[str, tuple[list[Any], list[Any]]] = {}
        self._maps: dict[str, Any] = {}
        self._members: dict[str, tuple[Any, list[Any], Any]] = {}
        self._escaped: tuple[Any, list[int]] | None = None

    def add(self, columns: Mapping[str, Derived]) -> None:
        """Add fields that the record does not hold: fractions or NaN; true or absent."""
        self.derived = columns

    def cost(self, field: str) -> int:
        """Return how dear a field is to ask for."""
        if field in self.derived:
            return _DEAREST
        known = BY_NAME.get(field) or BY_NAME.get(field.partition(".")[0])
        if field == "time" or known is None:
            return _DEAR
        return 0 if field in _CHEAPEST else _COSTS.get(known.kind, _DEAR)

    def cells(self, field: str, rows: Rows) -> Cells | None:
        """Return a field of these rows, None for one that no event model has."""
        if field in self.derived:
            return self._derived(field, rows)
        if field == "time":
            return Cells(np.arange(len(rows)), self._segment.times()[rows].tolist())
        if field in _PARTS:
            return self._told(field, BY_NAME[_SUBJECTS], rows, _present(_PARTS[field]))
        head = field.partition(".")[0]
        if head in _MAPS:
            return self._within(head, field, rows)
        known = BY_NAME.get(field)
        return None if known is None else self._told(field, known, rows, _CELLS[known.kind])

    def _derived(self, field: str, rows: Rows) -> Cells:
        column = self.derived[field][rows]
        numbers = column if column.dtype == np.float64 else None
        return Cells(np.arange(len(rows)), derived_cells(column), numbers)

    def elements(self, field: str, rows: Rows) -> Elements | None:
        """Return a field whose values are lists of text."""
        part = _LISTED.get(field)
        known = BY_NAME.get(field)
        if part is not None:
            return Elements(*self._segment.elements(BY_NAME[_SUBJECTS], rows, part))
        if known is None or known.kind is not Kind.TEXTS:
            return None
        return Elements(*self._segment.elements(known, rows))

    def _told(self, name: str, field: Field, rows: Rows, tell: Callable[[Any], Any]) -> Cells:
        column = self._segment.column(field, rows)
        known = self._cells.get(name)
        if known is None or known[0] is not column.values:
            known = self._cells[name] = (column.values, [tell(one) for one in column.values])
        return Cells(column.codes, known[1])

    def _within(self, head: str, field: str, rows: Rows) -> Cells:
        """Return one member of a map; a map that cannot have it is not read.

        The name stands in the text as it is unless something is escaped there.
        """
        column = self._segment.column(BY_NAME[head], rows)
        known = self._members.get(field)
        if known is None or known[0] is not column.values:
            cells, places = [UNSET], np.zeros(len(column.values), np.int64)
            for place in self._having(field, head, column.values):
                text = column.values[place]
                if text is not None:
                    places[place] = len(cells)
                    cells.append(self._member(text, head, field))
            known = self._members[field] = (column.values, cells, places)
        return Cells(known[2][column.codes], known[1])

    def _having(self, field: str, head: str, texts: Sequence[str | None]) -> Iterable[int]:
        needle = field.rpartition(".")[2] + '"'
        if field == head or "\\" in needle or '"' in needle[:-1]:
            return range(len(texts))
        if self._escaped is None or self._escaped[0] is not texts:
            escaped = [place for place, one in enumerate(texts) if one and "\\" in one]
            self._escaped = (texts, escaped)
        found = [place for place, one in enumerate(texts) if one and needle in one]
        return sorted({*found, *self._escaped[1]})

    def _member(self, text: str, head: str, field: str) -> Any:
        read = self._maps.get(text)
        if read is None:
            try:
                read = orjson.loads(text)
            except orjson.JSONDecodeError:
                read = ANYTHING
            self._maps[text] = read
        return ANYTHING if read is ANYTHING else cell_of({head: read}, field)


def _present(tell: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: UNSET if value is None else tell(value)


def _real(value: float) -> Any:
    """Return what a fraction was: an integer is kept as one, too."""
    if abs(value) >= _EXACT_MAX:
        return ANYTHING
    return OneOf((value, int(value))) if value.is_integer() else value


_CELLS: Mapping[Kind, Callable[[Any], Any]] = {
    kind: _present(_real if kind is Kind.REAL else lambda value: value) for kind in Kind
}
