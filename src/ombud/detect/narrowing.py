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

from ombud.detect.atoms import FieldIs, FieldsAgree, Node
from ombud.detect.predicates import Compare
from ombud.detect.tree import All, Not, Some

Rows = np.ndarray[Any, np.dtype[np.int64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]
OUTCOMES_MAX = 200_000  # Distinct values remembered for one condition: some 30 MB of short texts.
FIELDS_MAX = 2  # Fields of one condition; more would have too many combinations.

_NONE, _OPEN = -1, -2  # No value that could agree with another; one that must be asked.
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


class Columns(Protocol):
    """What is stored apart of consecutive events."""

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
        found: list[Rows] = []
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

    def rows(self, columns: Columns, rows: Rows, *, wanted: bool) -> Rows:
        """Return the rows of which the condition may be as wanted."""
        if not 1 <= len(self._fields) <= FIELDS_MAX:
            return rows
        told: list[Cells] = []
        for name in self._fields:
            stored = columns.cells(name, rows)
            if stored is None:
                return rows
            told.append(stored)
        may = self._by_number(*told, wanted=wanted)
        if may is None:
            may = self._by_text(*told, wanted=wanted)
        left: Rows = rows[self._by_value(*told, wanted=wanted) if may is None else may]
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

    def _by_text(self, *told: Cells, wanted: bool) -> Flags | None:
        """Compare two fields by the folded text of each; None where the condition is another."""
        node = self._node
        if len(told) != FIELDS_MAX or not isinstance(node, FieldsAgree):
            return None
        if node.starts_with or node.ends_with:
            return None
        places: dict[str, int] = {}
        left, right = (_texts(one, places) for one in told)
        is_met: Flags = (left == right) & (left >= 0)
        may = is_met if wanted else ~is_met
        open_rows = np.flatnonzero(((left == _OPEN) | (right == _OPEN)) & (left != _NONE))
        if len(open_rows):
            some = [Cells(one.codes[open_rows], one.cells) for one in told]
            may[open_rows] = self._by_value(*some, wanted=wanted)
        return may

    def _by_value(self, *told: Cells, wanted: bool) -> Flags:
        codes, tuples = _joined(*told)
        # Values that no row has are not asked about: a column may know many more.
        is_used = np.zeros(len(tuples), np.bool_)
        is_used[codes] = True
        may = np.zeros(len(tuples), np.bool_)
        for place in np.flatnonzero(is_used).tolist():
            may[place] = self._outcome(tuples[place])[not wanted]
        by_row: Flags = may[codes]
        return by_row

    def _outcome(self, cells: tuple[Any, ...]) -> tuple[bool, bool]:
        """Return whether the condition may be true of these cells, and whether false."""
        key = tuple(_key(cell) for cell in cells)
        if None in key:
            return self._ask(cells)
        known = self._known.get(key)
        if known is None:
            if len(self._known) >= OUTCOMES_MAX:
                self._known.clear()
            known = self._known[key] = self._ask(cells)
        return known

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


def _joined(first: Cells, second: Cells | None = None) -> tuple[Any, list[tuple[Any, ...]]]:
    """Return the combinations that rows have, and for each row the place of its own."""
    if second is None:
        return first.codes, [(cell,) for cell in first.cells]
    joined = first.codes.astype(np.int64) * len(second.cells) + second.codes
    distinct, codes = np.unique(joined, return_inverse=True)
    pairs = [divmod(one, len(second.cells)) for one in distinct.tolist()]
    return codes, [(first.cells[left], second.cells[right]) for left, right in pairs]
