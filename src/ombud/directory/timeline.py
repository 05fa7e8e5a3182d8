"""Timeline: who is above a unit, who answers for it and in which zone it lies, over time.

Units come and go and change their parents, so that "above" is a question of an
instant.  Units are worked from the top down, each once; only those that were above
one another the other way round at another time are climbed one by one.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ombud.directory.kinds import Row, begins_of, ends_of
from ombud.directory.span import BEGINNING, END

DEPTH_MAX = 64  # Units above one another; no organisation is deeper, and a path stays short.
PIECES_MAX = 2_000_000  # Pieces of all timelines: bounds memory where everything changes daily.


class Stretch(NamedTuple):
    """Something that holds from `begins` up to `ends`, and the row that says so."""

    begins: int
    ends: int
    value: str | None
    row: Row


class Piece(NamedTuple):
    """What holds of a unit for a while.

    `units`: itself and every unit above.  `answering`: who answers for it, and the
    next other person above, for nobody answers for themself.
    """

    begins: int
    ends: int
    units: tuple[str, ...]
    answering: tuple[str, ...]
    zone: str | None


NOWHERE = Row((), "", 0)


class TooManyPiecesError(Exception):
    """The timelines have more pieces than `PIECES_MAX`."""


def disjoint(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return stretches in order; of two that overlap, which is a fault, the earlier holds."""
    kept: list[Stretch] = []
    end = BEGINNING
    for begins, ends, value, row in sorted(stretches, key=lambda one: (one.begins, one.ends)):
        first = max(begins, end)
        if first < ends:
            kept.append(Stretch(first, ends, value, row))
            end = ends
    return kept


class Clipper:
    """Stretches in order, of which those within a time are asked for."""

    def __init__(self, parts: list[Stretch]) -> None:
        self._parts = parts
        self._begins = [part.begins for part in parts]

    def within(self, begins: int, ends: int) -> Iterator[Stretch]:
        """Yield the stretches that fill `[begins, ends)`, gaps with the value none."""
        place = max(0, bisect_right(self._begins, begins) - 1)
        at = begins
        for number in range(place, len(self._parts)):
            part = self._parts[number]
            if part.begins >= ends:
                break
            if part.ends <= at:
                continue
            if at < part.begins:
                yield Stretch(at, part.begins, None, NOWHERE)
            first, at = max(at, part.begins), min(ends, part.ends)
            yield Stretch(first, at, part.value, part.row)
        if at < ends:
            yield Stretch(at, ends, None, NOWHERE)


def override(regular: list[Stretch], acting: list[Stretch]) -> list[Stretch]:
    """Return the stretches of both: while somebody is acting, the regular one is not there."""
    if not acting:
        return regular
    clipper = Clipper(acting)
    free = [
        Stretch(gap.begins, gap.ends, one.value, one.row)
        for one in regular
        for gap in clipper.within(one.begins, one.ends)
        if gap.value is None
    ]
    return sorted([*acting, *free], key=lambda one: one.begins)


_NOBODY = Clipper([])


class Timelines:
    """The timelines of all units."""

    def __init__(self, units: Iterable[Row], supervision: Iterable[Row]) -> None:
        """Take the rows of the kinds `unit` and `supervision`."""
        by_unit: dict[str, list[Stretch]] = defaultdict(list)
        for row in units:
            unit, _, parent, _, from_, to = row.values
            by_unit[unit].append(Stretch(begins_of(from_), ends_of(to), parent, row))
        self.stretches = {unit: disjoint(rows) for unit, rows in by_unit.items()}
        self._answering = _answering(supervision)
        self._pieces: dict[str, list[Piece]] = {}
        self._count = 0
        self.too_deep: list[Row] = []
        self._work_down()

    def of(self, unit: str) -> list[Piece]:
        """Return the pieces of a unit in order of time: none where it is not valid."""
        known = self._pieces.get(unit)
        if known is None:
            climbed = self._climb(unit, BEGINNING, END, (unit,))
            known = self._pieces[unit] = self._keep(climbed)
        return known

    def within(self, unit: str, begins: int, ends: int) -> Iterator[Piece]:
        """Yield the pieces of a unit within a time, and pieces of no unit between them."""
        return _fill(self.of(unit), begins, ends)

    def _work_down(self) -> None:
        """Make the pieces of every unit all of whose parents can be made before it."""
        below: dict[str, set[str]] = defaultdict(set)
        waiting: dict[str, int] = {}
        for unit, rows in self.stretches.items():
            parents = {row.value for row in rows if row.value in self.stretches}
            waiting[unit] = len(parents)
            for parent in parents:
                below[str(parent)].add(unit)
        ready = deque(unit for unit, count in waiting.items() if not count)
        while ready:
            unit = ready.popleft()
            self._pieces[unit] = self._keep(self._climb(unit, BEGINNING, END, (unit,)))
            for child in below[unit]:
                waiting[child] -= 1
                if not waiting[child]:
                    ready.append(child)

    def _climb(self, unit: str, begins: int, ends: int, path: tuple[str, ...]) -> Iterator[Piece]:
        """Yield the pieces of a unit; above a unit that is on the path already there is nothing."""
        answering = self._answering.get(unit, _NOBODY)
        for start, end, parent, row in self.stretches.get(unit, ()):
            first, last = max(begins, start), min(ends, end)
            if first >= last:
                continue
            for above in self._above(parent, first, last, path):
                if len(above.units) >= DEPTH_MAX:
                    self.too_deep.append(row)
                    above = above._replace(units=())  # noqa: PLW2901 - what is cut off.
                zone = row.values[3] or above.zone
                units = (unit, *above.units)
                for at, until, who, _ in answering.within(above.begins, above.ends):
                    others = [one for one in above.answering if one != who]
                    answers = above.answering if who is None else (who, *others[:1])
                    yield Piece(at, until, units, answers, zone)

    def _above(
        self, parent: str | None, begins: int, ends: int, path: tuple[str, ...]
    ) -> Iterable[Piece]:
        if parent is None or parent in path or parent not in self.stretches:
            return (Piece(begins, ends, (), (), None),)
        known = self._pieces.get(parent)
        if known is None:
            if len(path) > DEPTH_MAX:
                return (Piece(begins, ends, (), (), None),)
            known = _joined(self._climb(parent, begins, ends, (*path, parent)))
        return _fill(known, begins, ends)

    def _keep(self, pieces: Iterable[Piece]) -> list[Piece]:
        kept = _joined(pieces)
        self._count += len(kept)
        if self._count > PIECES_MAX:
            raise TooManyPiecesError
        return kept


def _answering(supervision: Iterable[Row]) -> dict[str, Clipper]:
    regular: dict[str, list[Stretch]] = defaultdict(list)
    acting: dict[str, list[Stretch]] = defaultdict(list)
    for row in supervision:
        unit, supervisor, is_acting, from_, to = row.values
        of = acting if is_acting else regular
        of[unit].append(Stretch(begins_of(from_), ends_of(to), supervisor, row))
    return {
        unit: Clipper(override(disjoint(regular[unit]), disjoint(acting[unit])))
        for unit in {*regular, *acting}
    }


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    """Return the pieces, those that follow each other and say the same as one."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and joined[-1].ends == piece.begins and joined[-1][2:] == piece[2:]:
            joined[-1] = joined[-1]._replace(ends=piece.ends)
        else:
            joined.append(piece)
    return joined


def _fill(pieces: list[Piece], begins: int, ends: int) -> Iterator[Piece]:
    """Yield pieces that fill `[begins, ends)`, those of no unit where there is none."""
    place = max(0, bisect_right(pieces, begins, key=lambda piece: piece.begins) - 1)
    at = begins
    for number in range(place, len(pieces)):
        piece = pieces[number]
        if piece.begins >= ends:
            break
        if piece.ends <= at:
            continue
        if at < piece.begins:
            yield Piece(at, piece.begins, (), (), None)
        first, at = max(at, piece.begins), min(ends, piece.ends)
        yield Piece(first, at, *piece[2:])
    if at < ends:
        yield Piece(at, ends, (), (), None)
