"""Projection: the decoder of a set of field names, and the columns of what it decoded.

One struct for each object on the way to a field, with the parts that are asked
for and nothing else; msgspec skips the rest without making anything of it.  A
key that was never seen is declared with a type that no value has: it costs no
column, and an event that carries it is refused here and read whole instead.
So is whatever else the structs could get wrong; they never guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, Meta, Struct

from ombud.detect.columnar.exact import INTEGER, REFUSALS, decode_all
from ombud.detect.columnar.gathered import At, Gathered
from ombud.detect.columnar.places import Place, Seen, Way, branches, ways_of

_FEW = 6  # Fields that are sooner taken one after the other than together.
_Never = Annotated[int, Meta(ge=1, le=0)]
_SCALAR = str | INTEGER | float | bool | None
_VALUE = _SCALAR | list[Any] | dict[str, Any]
_PASSED: Any = str | int | float | bool | None  # Leads nowhere, whatever it is.


class _Dotted:
    """Keys with dots: those seen anywhere are declared, the others only listed.

    Declared, each would cost every event as much as a field that is asked for.
    """

    __slots__ = ("unwatched", "watched")

    def __init__(self, seen: Iterable[Place]) -> None:
        self.watched = {place[-1] for place in seen if "." in place[-1]}
        self.unwatched: set[str] = set()


class _Leaf(NamedTuple):
    names: list[str]
    has_boxes: bool


class _Child(NamedTuple):
    node: _Node
    ways: list[Way]
    is_leaf: bool  # Whether names end here too: then it comes as an object, not as a struct.
    has_lists: bool


class _Node:
    """The struct of one object and how its columns are taken."""

    def __init__(
        self, ways: Iterable[Way], place: Place, seen: Mapping[Place, Seen], dotted: _Dotted
    ) -> None:
        self._is_top = not place
        self._leaves: list[_Leaf] = []
        self._children: list[_Child] = []
        declared: list[tuple[str, Any]] = []
        leaf_fields, child_fields = [], []
        for key, branch in branches(ways).items():
            what = seen.get((*place, key))
            if "." in key and key not in dotted.watched:
                dotted.unwatched.add(key)
                continue
            field = f"f{len(declared)}"
            kind: Any = _Never
            if what is not None:
                has_boxes = Seen.BOX in what
                if branch.ends:
                    kind = _VALUE if has_boxes else _SCALAR
                    leaf_fields.append(field)
                    self._leaves.append(_Leaf(branch.ends, has_boxes))
                if branch.through and (has_boxes or not branch.ends):
                    node = _Node(branch.through, (*place, key), seen, dotted)
                    if not branch.ends:
                        kind = node.struct | (_PASSED | list[Any] if has_boxes else _PASSED)
                    child_fields.append(field)
                    self._children.append(
                        _Child(node, branch.through, bool(branch.ends), has_boxes)
                    )
            declared.append((key, kind))
        fields = [(f"f{number}", kind, UNSET) for number, (_, kind) in enumerate(declared)]
        keys = {f"f{number}": key for number, (key, _) in enumerate(declared)}
        self.struct: Any = msgspec.defstruct(
            "Part", fields, rename=keys, frozen=True, gc=False, eq=False
        )
        self.empty: Struct = self.struct()
        self._fields = (*leaf_fields, *child_fields)
        self.is_whole = all(kind is not _Never for _, kind in declared)
        is_few = len(self._fields) <= _FEW
        self._takes = [attrgetter(field) for field in self._fields] if is_few else []
        self._take: Any = None if is_few else attrgetter(*self._fields)

    def gather(self, objects: Sequence[Any], rows: At, gathered: Gathered) -> None:
        """Add the columns of this object's fields and of all below it."""
        if not self._fields or not objects:
            return
        columns: list[Sequence[Any]] = [list(map(take, objects)) for take in self._takes]
        if self._take is not None:
            columns = [*zip(*map(self._take, objects), strict=True)]
        if self._is_top:
            gathered.note_missing(columns)
        for leaf, column in zip(self._leaves, columns, strict=False):
            if leaf.has_boxes:
                gathered.doubt_boxes(column, rows)
            gathered.add(leaf.names, column, rows)
        for child, column in zip(self._children, columns[len(self._leaves) :], strict=True):
            if child.is_leaf:
                parts, at = child.node.converted(column, rows, gathered, child.ways)
            else:
                if child.has_lists:
                    gathered.doubt_boxes(column, rows)
                    _open_lists(column, rows, gathered, child.ways)
                parts, at = child.node.held(column, rows)
            child.node.gather(parts, at, gathered)

    def held(self, column: Sequence[Any], rows: At) -> tuple[Sequence[Any], At]:
        """Return what of a column is this struct, with its rows; all rows if that is cheaper."""
        struct = self.struct
        parts = [x for x in column if x.__class__ is struct]
        if not parts or len(parts) == len(column):
            return parts, rows
        if 2 * len(parts) > len(column):  # Less work than to spread each of its columns.
            empty = self.empty
            return [x if x.__class__ is struct else empty for x in column], rows
        return parts, [row for row, x in _placed(column, rows) if x.__class__ is struct]

    def converted(
        self, column: Sequence[Any], rows: At, gathered: Gathered, ways: Iterable[Way]
    ) -> tuple[Sequence[Any], At]:
        """Return the objects of a column made into this struct, with their rows; open its lists."""
        parts, at = [], []
        convert, struct = msgspec.convert, self.struct
        for row, cell in _placed(column, rows):
            if cell.__class__ is dict:
                try:
                    parts.append(convert(cell, struct))
                except REFUSALS:
                    gathered.doubtful.add(row)
                else:
                    at.append(row)
            elif cell.__class__ is list:
                gathered.open_list(cell, row, ways)
        return parts, at


def _placed(column: Sequence[Any], rows: At) -> Iterable[tuple[int, Any]]:
    return enumerate(column) if rows is None else zip(rows, column, strict=True)


def _open_lists(column: Sequence[Any], rows: At, gathered: Gathered, ways: Iterable[Way]) -> None:
    for row, cell in _placed(column, rows):
        if cell.__class__ is list:
            gathered.open_list(cell, row, ways)


class Projection:
    """Decodes originals into columns of cells of the names given; immutable.

    `seen` is what has been seen so far.  `dotted` are the keys with dots in
    them that the names might mean and that are not watched for here: an event
    that has such a key must not be put to this projection.  `is_whole` says that
    every key without a dot of the object itself is one that was seen.
    """

    def __init__(self, names: frozenset[str], seen: Mapping[Place, Seen]) -> None:
        self.names = names
        self.ways = ways_of(names)
        dotted = _Dotted(seen)
        self._top = _Node(self.ways, (), seen, dotted)
        self.dotted = frozenset(dotted.unwatched)
        self.is_whole = self._top.is_whole
        self._decode = msgspec.json.Decoder(self._top.struct).decode

    def decode(self, raws: Sequence[bytes | memoryview]) -> tuple[list[Any], list[int]]:
        """Return the originals as objects, and the rows of those that were refused."""
        return decode_all(self._decode, raws, self._top.empty)

    def columns(self, objects: Sequence[Any], long_numbers: Callable[[], set[int]]) -> Gathered:
        """Return the columns of objects that `decode` returned."""
        gathered = Gathered(len(objects), long_numbers)
        self._top.gather(objects, None, gathered)
        return gathered
