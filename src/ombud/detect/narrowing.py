"""Narrowing: which events a rule can match at all, told from columns that are stored apart.

From the tree of a rule follows for every column what its values leave possible; a row
that is left over must still be put to the rule.  Invariant: no row that the rule
matches is ever left out.  Every predicate is asked by its own plain meaning about
each distinct value once; nothing here folds case or compares by itself.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from msgspec import UNSET

from ombud.detect.atoms import Node
from ombud.detect.tree import All, Not, Some

Rows = np.ndarray[Any, np.dtype[np.int64]]
OUTCOMES_MAX = 200_000  # Distinct values remembered for one condition: some 30 MB of short texts.
FIELDS_MAX = 2  # Fields of one condition; more would have too many combinations.


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
    or ANYTHING.
    """

    codes: np.ndarray[Any, np.dtype[Any]]
    cells: Sequence[Any]


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
        self._test = node.compiled()
        self._fields = tuple(dict.fromkeys(node.fields()))
        self._known: dict[Hashable, tuple[bool, bool]] = {}

    def rows(self, columns: Columns, rows: Rows, *, wanted: bool) -> Rows:
        """Return the rows of which the condition may be as wanted."""
        if not 1 <= len(self._fields) <= FIELDS_MAX:
            return rows
        stored = [columns.cells(name, rows) for name in self._fields]
        if any(one is None for one in stored):
            return rows
        told = [one for one in stored if one is not None]
        if len(told) == 1:
            codes, tuples = told[0].codes, [(cell,) for cell in told[0].cells]
        else:
            codes, tuples = _pairs(*told)
        # Values that no row has are not asked about: a column may know many more.
        is_used = np.zeros(len(tuples), np.bool_)
        is_used[codes] = True
        may = np.zeros(len(tuples), np.bool_)
        for place in np.flatnonzero(is_used).tolist():
            may[place] = self._outcome(tuples[place])[not wanted]
        return rows[may[codes]]

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
                every = [
                    self._ask((*cells[:place], one, *cells[place + 1 :])) for one in cell.cells
                ]
                return any(may for may, _ in every), any(may_not for _, may_not in every)
        view = {
            name: cell for name, cell in zip(self._fields, cells, strict=True) if cell is not UNSET
        }
        outcome = self._test(view)
        return outcome, not outcome


def _key(cell: Any) -> Hashable | None:
    """Return what tells a cell from every other; None for one that is not remembered."""
    if cell.__class__ is str or cell is UNSET:
        return cell
    if isinstance(cell, list | dict):
        return None
    return cell.__class__, cell


def _pairs(first: Cells, second: Cells) -> tuple[Any, list[tuple[Any, Any]]]:
    """Return the combinations that rows have, and for each row the place of its own."""
    joined = first.codes.astype(np.int64) * len(second.cells) + second.codes
    distinct, codes = np.unique(joined, return_inverse=True)
    pairs = [divmod(one, len(second.cells)) for one in distinct.tolist()]
    return codes, [(first.cells[left], second.cells[right]) for left, right in pairs]
