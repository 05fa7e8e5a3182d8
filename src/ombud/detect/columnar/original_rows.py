"""Original rows: originals of one source as cells, at the price of the fields asked for.

Equal to `view_of_original` and the paths, event for event: what the fast way
cannot promise is read whole, that event alone.  A projector learns which of the
names a source ever uses; it starts by knowing none.

Decoding makes tuples by the thousand, none of them in a cycle: a caller that
puts many batches through does well to call `gc.freeze()` first and to keep the
collector off (or its first threshold high) meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import UNSET

from ombud.detect.columnar.gathered import Gathered
from ombud.detect.columnar.places import PLACES_MAX, Place, Seen, places_in
from ombud.detect.columnar.plain_text import plain_texts
from ombud.detect.columnar.projection import Projection
from ombud.detect.columnar.rows import Absent, Cells, cell_of
from ombud.detect.columnar.suspicion import Originals, Raw, Suspicion
from ombud.detect.matching.paths import EventView
from ombud.detect.originals import NAMED
from ombud.detect.view import view_of_original

SETS_MAX = 256  # Sets of names whose decoders are kept; asked for by rules, which are finite.
LESSONS_MAX = 32  # Events of one batch that are learned from; the next batch brings more.

Whole = Callable[[int], EventView]


class _Lens:
    """A projection of a set of names, and whom not to trust it with."""

    __slots__ = ("_suspicion", "projection")

    def __init__(self, names: frozenset[str], seen: Mapping[Place, Seen]) -> None:
        self.projection = Projection(frozenset(filter(_is_fit, names)), seen)
        self._suspicion = Suspicion(self.projection.names, self.projection.dotted)

    def look(self, originals: Originals) -> tuple[set[int], list[Any], list[int]]:
        """Return the suspicious rows, the objects, and the rows that were refused."""
        return self._suspicion.rows(originals), *self.projection.decode(originals.raws)

    def spaced(self, originals: Originals, gathered: Gathered) -> set[int]:
        """Return the rows in which a key with spaces may stand for one that is missing."""
        missing = gathered.missing if self.projection.is_whole else range(gathered.count)
        return self._suspicion.spaced(originals, missing)


class OriginalProjector:
    """What is known of one source: its decoders by set of names, and the places it uses."""

    def __init__(self, source: str | None = None) -> None:
        self.source = source
        self._seen: dict[Place, Seen] = {}
        self._lenses: dict[frozenset[str], _Lens] = {}

    def cells(self, originals: Originals, names: frozenset[str], whole: Whole) -> Cells:
        """Return the cells of originals; `whole` gives the view of one of them by row."""
        count = len(originals.raws)
        if not count:
            return {name: Absent(0) for name in names}
        if self.source in NAMED:
            return cells_of_views(map(whole, range(count)), names)
        lens = self._lens_of(names)
        suspicious, objects, refused = lens.look(originals)
        if (suspicious or refused) and self._learn(lens, suspicious.union(refused), whole):
            lens = self._lenses[names] = _Lens(names, self._seen)
            suspicious, objects, refused = lens.look(originals)
        gathered = lens.projection.columns(objects, originals.rows_of_long_numbers)
        gathered.doubtful |= lens.spaced(originals, gathered)
        if gathered.doubtful and self._learn(lens, gathered.doubtful, whole):
            del self._lenses[names]  # The next batch gets a better one.
        columns = {name: gathered.column(name) for name in lens.projection.names}
        _mend(columns, gathered.doubtful.union(suspicious, refused), whole)
        if len(columns) < len(names):
            columns.update(cells_of_views(map(whole, range(count)), names - columns.keys()))
        return columns

    def _lens_of(self, names: frozenset[str]) -> _Lens:
        lens = self._lenses.get(names)
        if lens is None:
            if len(self._lenses) >= SETS_MAX:
                self._lenses.clear()
            lens = self._lenses[names] = _Lens(names, self._seen)
        return lens

    def _learn(self, lens: _Lens, rows: set[int], whole: Whole) -> bool:
        """Remember where the names lead in these events; say whether that was news."""
        is_news = False
        for row in sorted(rows)[:: len(rows) // LESSONS_MAX + 1]:
            for place, what in places_in(lens.projection.ways, whole(row)):
                known = self._seen.get(place)
                if known == what or (known is None and len(self._seen) >= PLACES_MAX):
                    continue
                merged = what if known is None else known | what
                is_news |= merged != known
                self._seen[place] = merged
        return is_news


class OriginalRows:
    """Originals of one source; `blob`, if given, has all of them in it and saves a copy."""

    __slots__ = ("_blob", "_projector", "_raws", "count")

    def __init__(
        self, raws: Sequence[Raw], projector: OriginalProjector, *, blob: bytes | None = None
    ) -> None:
        self.count = len(raws)
        self._raws = raws
        self._projector = projector
        self._blob = blob

    def cells(self, names: frozenset[str], rows: Sequence[int] | None = None) -> Cells:
        """Return a column of cells for each name."""
        if rows is None:
            return self._projector.cells(Originals(self._raws, self._blob), names, self.view)
        originals = Originals([self._raws[row] for row in rows])
        return self._projector.cells(originals, names, lambda place: self.view(rows[place]))

    def view(self, row: int) -> EventView:
        """Return one original whole."""
        return view_of_original(bytes(self._raws[row]), self._projector.source)

    def texts(self, rows: Sequence[int]) -> Sequence[Raw] | None:
        """Return the texts of some originals; None where names are added to them."""
        if self._projector.source in NAMED:
            return None
        return plain_texts([self._raws[row] for row in rows])


def cells_of_views(views: Iterable[EventView], names: Iterable[str]) -> Cells:
    """Return the cells of views, one view at a time."""
    asked = sorted(names)
    columns: dict[str, list[Any]] = {name: [] for name in asked}
    for view in views:
        for name in asked:
            columns[name].append(cell_of(view, name))
    return columns


def _is_fit(name: str) -> bool:
    """Whether a name can be a key of a struct."""
    return name.isprintable() and not set(name) & {'"', "\\"}


def _mend(columns: dict[str, Sequence[Any]], rows: set[int], whole: Whole) -> None:
    """Put the cells of events read whole in the place of what the fast way made of them."""
    order = sorted(rows)
    if not order:
        return
    for name, right in cells_of_views(map(whole, order), columns).items():
        column = columns[name]
        if isinstance(column, Absent) and all(cell is UNSET for cell in right):
            continue
        mended = list(column)
        for row, cell in zip(order, right, strict=True):
            mended[row] = cell
        columns[name] = mended
