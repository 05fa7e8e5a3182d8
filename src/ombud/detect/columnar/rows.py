"""Rows: a batch of events, decoded into cells for exactly the fields asked for.

A cell is what one event holds under one field name, as `ombud.detect.matching.paths`
finds it: UNSET when the event does not carry the field; the value itself when
it is found once, be it None, a list or an object; a list of the values when it
is found several times.  Opened like a list (`values_of`) a cell is
`find_values`, and `is not UNSET` is `is_present`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from msgspec import UNSET

from ombud.detect.matching.paths import EventView, find, flatten

Cells = Mapping[str, Sequence[Any]]


class Absent(Sequence[Any]):
    """A column in which every cell is UNSET: told by its class, so that nobody has to look."""

    __slots__ = ("_length",)

    def __init__(self, length: int) -> None:
        self._length = length

    def __len__(self) -> int:  # noqa: D105 - a sequence.
        return self._length

    def __getitem__(self, index: Any) -> Any:  # noqa: D105 - a sequence.
        places = range(self._length)[index]
        return Absent(len(places)) if isinstance(places, range) else UNSET


class Rows(Protocol):
    """Events as rules see them, `count` of them, by row from 0."""

    @property
    def count(self) -> int:
        """How many events there are."""

    def cells(self, names: frozenset[str], rows: Sequence[int] | None = None) -> Cells:
        """Return a column of cells for each name: for all rows, or for those given, in order.

        Columns are lists, tuples or `Absent`; they are the caller's to read, not to change.
        """

    def view(self, row: int) -> EventView:
        """Return one event whole, as the plain matcher sees it."""

    def texts(self, rows: Sequence[int]) -> Sequence[bytes | memoryview] | None:
        r"""Return the texts of some events, or None if they have none: then look at the views.

        Every run of printable ASCII without `"`, `/` and `\` in a text of the view
        stands there, but for the case of its letters, and so do `true` and `false`.
        A number may be written otherwise (`1.50`, `1e2`).
        """


def cell_of(event: EventView, name: str) -> Any:
    """Return the cell of one event under one name: the plain form, and the oracle."""
    found = find(event, name)
    if not found:
        return UNSET
    return found[0] if len(found) == 1 else found


def values_of(cell: Any) -> Sequence[Any]:
    """Return the values of a cell as `find_values` gives them."""
    if cell is UNSET:
        return ()
    return flatten(cell) if isinstance(cell, list | tuple) else (cell,)


class ViewRows:
    """Rows that are views already."""

    __slots__ = ("_views", "count")

    def __init__(self, views: Sequence[EventView]) -> None:
        self.count = len(views)
        self._views = views

    def cells(self, names: frozenset[str], rows: Sequence[int] | None = None) -> Cells:
        """Return the cells of the views, found one by one."""
        views = self._views if rows is None else [self._views[row] for row in rows]
        return {name: [cell_of(view, name) for view in views] for name in names}

    def view(self, row: int) -> EventView:
        """Return the view itself."""
        return self._views[row]

    def texts(self, rows: Sequence[int]) -> Sequence[bytes | memoryview] | None:  # noqa: ARG002
        """Return None: a view has no text of its own."""
        return None
