"""Comparisons: a column of numbers against the bounds of rules, all cells at once.

Numbers are often each other than the last (a time since, a size, a distance), so
that knowing a cell again helps little.  Whatever could differ from the plain
comparison of one number is left to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import UnsetType

from ombud.detect.matching.predicates import Compare, Predicate

PREDICATES_MAX = 16  # Bounds on one field; more are looked at cell by cell.

_EXACT_MAX = 1 << 53  # Integers up to here are what they are as doubles.
_OPERATORS = {
    "lt": np.less,
    "lte": np.less_equal,
    "gt": np.greater,
    "gte": np.greater_equal,
    "neq": np.not_equal,
}
_NOTHING = {UnsetType, type(None)}

Met = npt.NDArray[np.int64]


class Comparisons:
    """Comparisons by number, from 0."""

    def __init__(self, predicates: Sequence[Compare]) -> None:
        self._predicates = tuple(predicates)

    @classmethod
    def of(cls, predicates: Sequence[Predicate]) -> Comparisons | None:
        """Return the comparisons that these predicates are; None if some is another."""
        comparisons = [
            one
            for one in predicates
            if isinstance(one, Compare) and one.part is None and abs(one.bound) <= _EXACT_MAX
        ]
        if len(comparisons) < len(predicates) or not 0 < len(comparisons) <= PREDICATES_MAX:
            return None
        return cls(comparisons)

    def met(self, cells: Sequence[Any]) -> Met | None:
        """Return for every cell which comparisons it meets, as bits; None if some is no number.

        Null and missing meet none.
        """
        kinds = set(map(type, cells))
        if not kinds <= {int, float, *_NOTHING}:
            return None
        is_nothing = np.zeros(len(cells), np.bool_)
        if kinds & _NOTHING:
            is_nothing = np.fromiter((cell.__class__ in _NOTHING for cell in cells), np.bool_)
            cells = [0 if cell.__class__ in _NOTHING else cell for cell in cells]
        if int in kinds and any(abs(cell) > _EXACT_MAX for cell in cells):
            return None
        numbers = np.fromiter(cells, np.float64, len(cells))
        bits = np.zeros(len(cells), np.int64)
        for place, one in enumerate(self._predicates):
            bits |= _OPERATORS[one.operator](numbers, float(one.bound)).astype(np.int64) << place
        bits[is_nothing] = 0
        return bits

    def places(self, bits: int) -> list[int]:
        """Return the comparisons that are set."""
        return [place for place in range(len(self._predicates)) if bits >> place & 1]
