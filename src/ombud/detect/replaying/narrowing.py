"""Narrowing: which events a rule can match at all, told from columns that are stored apart.

From the tree of a rule follows for every column what its values leave possible; a row
that is left over must still be put to the rule.  Invariant: no row that the rule
matches is ever left out.  Every predicate is asked by its own plain meaning about
each distinct value once; nothing here folds case or compares by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from msgspec import UNSET

from ombud.detect.matching.atoms import FieldExists, FieldIs, FieldsAgree, Node
from ombud.detect.matching.predicates import Compare
from ombud.detect.matching.tree import All, Not, Some

Rows = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
OUTCOMES_MAX = 200_000  # Distinct values remembered for one condition: some 30 MB of short texts.
FIELDS_MAX = 2  # Fields of one condition; more would have too many combinations.

_NONE, _OPEN = -1, -2  # No value that could agree with another; one that must be asked.
_TABLE_MAX = 1 << 20  # Pairs looked up in a table; more are sorted.
_EXACT_MAX = 2**53  # Beyond it a double skips integers.
_COMPARISONS: Mapping[str, Callable[[Any, float], Any]] = {
    "lt": np.less,
    "lte": np.less_equal,
    "gt": np.greater,
    "gte": np.greater_equal,
    "neq": np.not_equal,
}


@dataclass(frozen=True, slots=True)
class OneOf:
    """A cell that is one of these; nobody knows which without reading the event."""

    cells: tuple[Any, ...]


class _Anything:
    """A cell of which nothing is known."""


ANYTHING = _Anything()


class Cells(NamedTuple):
    """For each row asked for, the place of its cell in `cells`.

    A cell is UNSET for a missing field, else a value as the event has it, a `OneOf`,
    or ANYTHING.  `numbers` are the same by row, where all are fractions or missing (NaN).
    """

    codes: np.ndarray[Any, np.dtype[Any]]
    cells: Sequence[Any]
    numbers: np.ndarray[Any, np.dtype[np.float64]] | None = None


class Elements(NamedTuple):
    """Texts of lists, one after the other: the place of the row asked for, and of its text."""

    places: np.ndarray[Any, np.dtype[Any]]
    codes: np.ndarray[Any, np.dtype[Any]]
    texts: Sequence[str | None]


class Columns(Protocol):
    """What is stored apart of consecutive events."""

    def elements(self, field: str, rows: Rows) -> Elements | None:
        """Return a field whose values are lists of text, and nothing else; None for others."""

    def cells(self, field: str, rows: Rows) -> Cells | None:
        """Return a field of these rows; None if it is not stored apart."""

    def cost(self, field: str) -> int:
        """Return how dear it is to ask for, 0 for the cheapest."""


class Narrowing:
    """What one tree leaves possible; it remembers what it was told of values."""

    def __init__(self, tree: Node) -> None:
        self._tree = tree
        self._conditions: dict[int, _Condition] = {}

    def rows(self, columns: Columns, rows: Rows) -> Rows:
        """Return those of the rows, in order, that may match."""
        return self._may(self._tree, columns, rows, wanted=True)

    def split(self, columns: Columns, rows: Rows) -> tuple[Rows, Rows]:
        """Return the rows that match for certain, and the others that may."""
        may = self.rows(columns, rows)
        is_open = self._may(self._tree, columns, may, wanted=False)
        return np.setdiff1d(may, is_open, assume_unique=True), is_open

    def _may(self, node: Node, columns: Columns, rows: Rows, *, wanted: bool) -> Rows:
        """Return the rows of which the node may be as wanted."""
        if not len(rows):
            return rows
        if isinstance(node, Not):
            return self._may(node.part, columns, rows, wanted=not wanted)
        if isinstance(node, All | Some):
            parts = sorted(node.parts, key=lambda part: _cost(part, columns))
            if isinstance(node, All) is wanted:
                for part in parts:
                    rows = self._may(part, columns, rows, wanted=wanted)
                return rows
            return self._any(parts, columns, rows, wanted=wanted)
        condition = self._conditions.get(id(node))
        if condition is None:
            condition = self._conditions[id(node)] = _Condition(node)
        return condition.rows(columns, rows, wanted=wanted)

    def _any(self, parts: list[Node], columns: Columns, rows: Rows, *, wanted: bool) -> Rows:
        found: list[Rows] = [rows[:0]]
        left = rows
        for part in parts:
            some = self._may(part, columns, left, wanted=wanted)
            found.append(some)
            if len(some) == len(left):
                break
            left = np.setdiff1d(left, some, assume_unique=True)
        return np.sort(np.concatenate(found))


def _cost(node: Node, columns: Columns) -> int:
    return max((columns.cost(name) for name in node.fields()), default=0)


class _Condition:
    """One atom of a tree, asked about distinct values."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._test = node.compiled()
        self._fields = tuple(dict.fromkeys(node.fields()))
        self._known: dict[Hashable, tuple[bool, bool]] = {}
        self._passes = _of_text(node)
        self._texts: dict[str, bool] = {}

    def rows(self, columns: Columns, rows: Rows, *, wanted: bool) -> Rows:
        """Return the rows of which the condition may be as wanted."""
        if not 1 <= len(self._fields) <= FIELDS_MAX:
            return rows
        may = self._by_text(columns, rows, wanted=wanted)
        if may is None:
            told: list[Cells] = []
            for name in self._fields:
                stored = columns.cells(name, rows)
                if stored is None:
                    return rows
                told.append(stored)
            may = self._by_number(*told, wanted=wanted)
            may = self._by_value(*told, wanted=wanted) if may is None else may
        left: Rows = rows[may]
        return left

    def _by_number(self, first: Cells, *_other: Cells, wanted: bool) -> Flags | None:
        """Compare fractions all at once; None where the condition is another.

        Python and numpy compare two doubles in the same way (IEEE 754).
        """
        node, numbers = self._node, first.numbers
        if numbers is None or not isinstance(node, FieldIs):
            return None
        demand = node.predicate
        if not isinstance(demand, Compare) or demand.part is not None:
            return None
        compare = _COMPARISONS.get(demand.operator)
        if compare is None or abs(demand.bound) >= _EXACT_MAX:
            return None
        is_met: Flags = compare(numbers, float(demand.bound)) & ~np.isnan(numbers)
        return is_met if wanted else ~is_met

    def _by_text(self, columns: Columns, rows: Rows, *, wanted: bool) -> Flags | None:
        """Compare a list of texts with one text, folded; None where the condition is another."""
        node = self._node
        if not isinstance(node, FieldsAgree) or node.starts_with or node.ends_with:
            return None
        lists = columns.elements(node.field, rows)
        name = node.other
        if lists is None:
            lists, name = columns.elements(node.other, rows), node.field
        single = None if lists is None else columns.cells(name, rows)
        if lists is None or single is None:
            return None
        places: dict[str, int] = {}
        text_of_row = _texts(single, places)
        texts = [None if one is None else places.get(one.lower()) for one in lists.texts]
        by_text = np.array([_NONE if one is None else one for one in texts], np.int64)
        agrees = by_text[lists.codes] == text_of_row[lists.places]
        is_met = np.zeros(len(rows), np.bool_)
        is_met[lists.places[agrees & (by_text[lists.codes] >= 0)]] = True
        may: Flags = (is_met if wanted else ~is_met) | (text_of_row == _OPEN)
        return may

    def _by_value(self, first: Cells, second: Cells | None = None, *, wanted: bool) -> Flags:
        codes, cells = first.codes, first.cells
        pairs: Sequence[Any] = ()
        if second is not None:
            places, codes = distinct(codes, second.codes, len(second.cells))
            pairs = [(cells[left], second.cells[right]) for left, right in places]
        # Values that no row has are not asked about: a column may know many more.
        count = len(pairs) if second is not None else len(cells)
        is_used = np.zeros(count, np.bool_)
        is_used[codes] = True
        may = np.zeros(count, np.bool_)
        known, place_of = self._known, not wanted
        used: Sequence[int] = np.flatnonzero(is_used).tolist()
        if second is None:
            used = self._by_single_text(cells, used, may, wanted=wanted)
        if isinstance(self._node, FieldExists) and second is None:
            # Lists say it without being asked: no two of them need be the same.
            lists = [place for place in used if cells[place].__class__ is list]
            may[lists] = self._node.exists is wanted
            used = [place for place in used if cells[place].__class__ is not list]
        for place in used:
            told = (cells[place],) if second is None else pairs[place]
            key = _key(told[0]) if second is None else _keys(told)
            outcome = None if key is None else known.get(key)
            if outcome is None:
                outcome = self._ask(told)
                if key is not None:
                    if len(known) >= OUTCOMES_MAX:
                        known.clear()
                    known[key] = outcome
            may[place] = outcome[place_of]
        by_row: Flags = may[codes]
        return by_row

    def _by_single_text(
        self, cells: Sequence[Any], used: Sequence[int], may: Flags, *, wanted: bool
    ) -> list[int]:
        """Note of which used cells that are texts it may be as wanted; returns the others.

        Of texts there are many, and each of them says for certain whether it passes.
        """
        passes, known = self._passes, self._texts
        if passes is None:
            return list(used)
        if len(known) + len(used) > OUTCOMES_MAX:
            known.clear()
        left, met = [], []
        for place in used:
            cell = cells[place]
            if cell.__class__ is not str:
                left.append(place)
                continue
            outcome = known.get(cell)
            if outcome is None:
                outcome = known[cell] = passes(cell)
            if outcome is wanted:
                met.append(place)
        may[met] = True
        return left

    def _ask(self, cells: tuple[Any, ...]) -> tuple[bool, bool]:
        if ANYTHING in cells:
            return True, True
        for place, cell in enumerate(cells):
            if isinstance(cell, OneOf):
                before, after = cells[:place], cells[place + 1 :]
                every = [self._ask((*before, one, *after)) for one in cell.cells]
                return any(may for may, _ in every), any(may_not for _, may_not in every)
        view = {
            name: cell for name, cell in zip(self._fields, cells, strict=True) if cell is not UNSET
        }
        outcome = self._test(view)
        return outcome, not outcome


def _of_text(node: Node) -> Callable[[str], bool] | None:
    """Return the condition as one text meets it; None where that is not known beforehand."""
    if isinstance(node, FieldIs):
        check = node.predicate.check()
        return lambda text: bool(check(text))
    if isinstance(node, FieldExists):
        return lambda _: node.exists
    return None


def _texts(told: Cells, places: dict[str, int]) -> Any:
    """Return for each row the place of its one text, folded; or that it has none, or is open."""
    by_cell = np.full(len(told.cells), _OPEN, np.int64)
    for number, cell in enumerate(told.cells):
        one = cell[0] if cell.__class__ is list and len(cell) == 1 else cell
        if one.__class__ is str:
            by_cell[number] = places.setdefault(one.lower(), len(places))
        elif one is UNSET or one is None or cell == []:
            by_cell[number] = _NONE
    return by_cell[told.codes]


def _key(cell: Any) -> Hashable | None:
    """Return what tells a cell from every other; None for one that is not remembered."""
    if cell.__class__ is str or cell is UNSET:
        return cell
    if isinstance(cell, list | dict):
        return None
    # 0.0 and -0.0 are equal, and have different texts.
    return cell.__class__, repr(cell) if cell.__class__ is float else cell


def _keys(cells: tuple[Any, ...]) -> Hashable | None:
    keys = tuple(_key(cell) for cell in cells)
    return None if None in keys else keys


def distinct(
    first: np.ndarray[Any, Any], second: np.ndarray[Any, Any], width: int
) -> tuple[list[tuple[int, int]], np.ndarray[Any, Any]]:
    """Return the pairs of codes that rows have, and for each row the place of its own.

    `width` is more than any second code.
    """
    joined = first.astype(np.int64) * width + second
    most = int(joined.max()) + 1 if len(joined) else 0
    if most <= _TABLE_MAX:
        is_used = np.zeros(most, np.bool_)
        is_used[joined] = True
        found = np.flatnonzero(is_used)
        place = np.zeros(most, np.int64)
        place[found] = np.arange(len(found))
        codes = place[joined]
    else:
        found, codes = np.unique(joined, return_inverse=True)
    return [divmod(one, width) for one in found.tolist()], codes
