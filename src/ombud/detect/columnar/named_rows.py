"""Named rows: events of the record as cells, exactly as `view_of_row` names them.

`NamedColumns` reads a stretch of the record once, and says what of it is no
event; `NamedRows` are those of its rows that are put to rules, with what the
engine derives beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from msgspec import UNSET

from ombud.core.batch import Committed
from ombud.core.errors import EventError
from ombud.core.fields import Group
from ombud.detect.columnar.canonical_groups import GROUPS, MAPS, PLACES, decode_group
from ombud.detect.columnar.rows import Absent, Cells, cell_of
from ombud.detect.matching.paths import EventView
from ombud.detect.view import view_of_row

_SUBJECTS: Mapping[str, Callable[[Any, Any], str]] = {
    "subjects": lambda kind, key: f"{kind}:{key}",
    "subject.kind": lambda kind, _: kind,
    "subject.key": lambda _, key: key,
}

_NO_MAP: dict[str, Any] = {}


class NamedColumns:
    """A stretch of the record by column; `names`, if known, are what will be asked for.

    `unreadable` are the rows whose bytes are no event: their cells are UNSET.
    """

    def __init__(self, committed: Committed, names: Iterable[str] = ()) -> None:
        self.committed = committed
        self._columns: dict[str, Sequence[Any]] = {}
        self._dicts: dict[str, list[dict[str, Any]]] = {}  # Maps, empty where there is none.
        self._maps = frozenset(filter(None, map(_map_of, names)))
        self._objects: dict[Group, Sequence[Any]] = {}
        self._views: dict[int, EventView] = {}  # Of rows that only the plain view can read.
        self.unreadable: frozenset[int] = frozenset()
        refused: set[int] = set()
        for group in GROUPS:
            self._objects[group], rows = decode_group(committed, group, self._maps)
            refused |= rows
        self._look_again(refused)

    def _look_again(self, refused: Iterable[int]) -> None:
        """Put what was refused to the plain view, which decides."""
        for row in refused:
            try:
                self._views[row] = view_of_row(self.committed, row)
            except EventError:
                self.unreadable |= {row}

    def column(self, name: str) -> Sequence[Any]:
        """Return the cells of one field, a cell for each row of the record's stretch."""
        column = self._columns.get(name)
        if column is None:
            column = self._mended(name, self._plain(name))
            self._columns[name] = column
        return column

    def _plain(self, name: str) -> Sequence[Any]:
        if name in _SUBJECTS:
            return self._subjects(name)
        if name in PLACES:
            self._need(name)
            group, place = PLACES[name]
            values = map(attrgetter(place), self._objects[group])
            if name == "time":
                recorded = self.committed.recorded_ms
                return [recorded[row] if x is None else x for row, x in enumerate(values)]
            return [UNSET if value is None else value for value in values]
        if _map_of(name) is None:
            return Absent(self.committed.count)
        map_name, _, rest = name.partition(".")
        maps = self._dicts.get(map_name)
        if maps is None:
            maps = [x if x.__class__ is dict else _NO_MAP for x in self.column(map_name)]
            self._dicts[map_name] = maps
        if "." in rest:
            return [cell_of(x, rest) for x in maps]
        return [x.get(rest, UNSET) for x in maps]

    def _subjects(self, name: str) -> Sequence[Any]:
        group, place = PLACES["subjects"]
        said = _SUBJECTS[name]
        nobody: Any = [] if name == "subjects" else UNSET
        return [
            UNSET
            if (subjects := getattr(one, place)) is None
            else [said(kind, key) for kind, key in subjects] or nobody
            for one in self._objects[group]
        ]

    def _need(self, name: str) -> None:
        """Read the content again, with a map that was not foreseen."""
        if name not in MAPS - self._maps:
            return
        self._maps |= {name}
        self._objects[Group.CONTENT], refused = decode_group(
            self.committed, Group.CONTENT, self._maps
        )
        self._look_again(refused - self._views.keys() - self.unreadable)

    def _mended(self, name: str, column: Sequence[Any]) -> Sequence[Any]:
        if not self._views and not self.unreadable:
            return column
        mended = list(column)
        for row in self.unreadable:
            mended[row] = UNSET
        for row, view in self._views.items():
            mended[row] = cell_of(view, name)
        return mended


class NamedRows:
    """Rows of a stretch of the record, in the order given, and their derived cells.

    `chosen` are rows of the stretch; without, all are there, and whoever puts them
    to rules leaves out those that are unreadable.
    `derived` has a column for each derived field: a cell for each chosen row.
    """

    __slots__ = ("_columns", "_derived", "chosen", "count")

    def __init__(
        self,
        columns: NamedColumns,
        chosen: Sequence[int] | None = None,
        derived: Cells | None = None,
    ) -> None:
        self._columns = columns
        self.chosen: Sequence[int] = range(columns.committed.count) if chosen is None else chosen
        self._derived: Cells = {} if derived is None else derived
        self.count = len(self.chosen)

    def cells(self, names: frozenset[str], rows: Sequence[int] | None = None) -> Cells:
        """Return a column of cells for each name."""
        return {name: self._cells(name, rows) for name in names}

    def _cells(self, name: str, rows: Sequence[int] | None) -> Sequence[Any]:
        derived = self._derived.get(name)
        if derived is not None:
            return derived if rows is None else [derived[row] for row in rows]
        column = self._columns.column(name)
        if isinstance(column, Absent):
            return Absent(self.count if rows is None else len(rows))
        chosen = self.chosen if rows is None else [self.chosen[row] for row in rows]
        if chosen == range(len(column)):
            return column
        return [column[row] for row in chosen]

    def view(self, row: int) -> EventView:
        """Return the named view of one row, with what is derived."""
        view = view_of_row(self._columns.committed, self.chosen[row])
        derived = {name: column[row] for name, column in self._derived.items()}
        view.update({name: cell for name, cell in derived.items() if cell is not UNSET})
        return view

    def texts(self, rows: Sequence[int]) -> Sequence[bytes | memoryview] | None:  # noqa: ARG002
        """Return None: the three groups have no text of their own."""
        return None


def _map_of(name: str) -> str | None:
    """Return the map that a field name leads into or is."""
    first = name.partition(".")[0]
    return first if first in MAPS else None
