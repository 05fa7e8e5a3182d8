"""Tables: the distinct cells of one field, and what each group says of each of them.

A group is put to a cell when a rule first asks, and its verdict is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from sys import getsizeof
from typing import Any

from msgspec import UNSET

from ombud.detect.columnar.cell_codes import CellCodes
from ombud.detect.columnar.groups import Group
from ombud.detect.columnar.rows import values_of
from ombud.detect.columnar.text_test import text_test

VERDICT_SIZE = 100  # Bytes that a verdict takes, roughly.


class Table(CellCodes):
    """Codes of cells, counted from 0, and the cells by code."""

    box_size = 20

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[Any] = []
        self.lowers: list[str | None] = []  # Of texts; None for other cells.
        self._verdicts: dict[Any, Verdicts] = {}

    def _learn(self, texts: Sequence[str]) -> None:
        self.update(zip(texts, count(len(self.cells)), strict=False))
        self.cells.extend(texts)
        lowers = list(map(str.lower, texts))
        self.lowers.extend(lowers)
        self.weight += sum(map(getsizeof, lowers))

    def _new(self, cell: Any) -> int:
        code = len(self.cells)
        self.cells.append(cell)
        if cell.__class__ is str:
            lower = cell.lower()
            self.lowers.append(lower)
            self.weight += getsizeof(lower)
        else:
            self.lowers.append(None)
        return code

    def forget(self) -> None:
        """Forget every cell and every verdict."""
        super().forget()
        self.cells.clear()
        self.lowers.clear()
        for verdicts in self._verdicts.values():
            verdicts.clear()

    def hits(self, group: Group) -> Verdicts:
        """Return by code whether some value of the cell meets the group."""
        found = self._verdicts.get(group)
        if found is None:
            found = self._verdicts[group] = Verdicts(self, _group_test(self, group))
        return found

    def nulls(self) -> Verdicts:
        """Return by code whether the cell is null, or has no value."""
        return self._verdicts.setdefault("null", Verdicts(self, _null_test(self)))

    def presences(self) -> Verdicts:
        """Return by code whether the field is there."""
        cells = self.cells
        return self._verdicts.setdefault(
            "exists", Verdicts(self, lambda code: cells[code] is not UNSET)
        )


class Verdicts(dict[int, bool]):
    """What is known about the cells of a table, by code."""

    __slots__ = ("_table", "_test")

    def __init__(self, table: Table, test: Callable[[int], bool]) -> None:
        super().__init__()
        self._table = table
        self._test = test

    def __missing__(self, code: int) -> bool:
        """Return the verdict on a cell that was not asked for before."""
        verdict = self[code] = self._test(code)
        self._table.weight += VERDICT_SIZE
        return verdict


def _null_test(table: Table) -> Callable[[int], bool]:
    def is_null(code: int) -> bool:
        cell = table.cells[code]
        if isinstance(cell, list | tuple):
            values = values_of(cell)
            return not values or None in values
        return cell is None or cell is UNSET

    return is_null


def _group_test(table: Table, group: Group) -> Callable[[int], bool]:
    cells, lowers = table.cells, table.lowers
    of_text = text_test(group.predicates)
    checks = [predicate.check() for predicate in group.predicates]

    def is_hit(code: int) -> bool:
        lower = lowers[code]
        if lower is not None:
            return of_text(lower, cells[code])
        for value in values_of(cells[code]):
            if isinstance(value, str):
                if of_text(value.lower(), value):
                    return True
            elif value is not None and any(check(value) for check in checks):
                return True
        return False

    return is_hit
