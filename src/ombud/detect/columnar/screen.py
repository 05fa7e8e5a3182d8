"""Screen: for which rules an event is worth a closer look, by the cells of one field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ombud.detect.columnar.cell_codes import CellCodes, Codes
from ombud.detect.columnar.comparisons import Comparisons
from ombud.detect.columnar.rows import Absent, values_of
from ombud.detect.columnar.scan import Scan
from ombud.detect.matching.predicates import Predicate

Numbers = npt.NDArray[np.int64]

_RULE_SIZE = 8  # Bytes of one rule in a set.


class Screen(CellCodes):
    """The code of a cell is the number of a set of rules; set 0 is empty.

    `rules` says for which rules each predicate speaks.
    """

    def __init__(self, rules: Mapping[Predicate, Sequence[int]]) -> None:
        super().__init__()
        self._scan = Scan(tuple(rules))
        self._comparisons = Comparisons.of(tuple(rules))
        self.rules = rules
        self._rules = [frozenset(numbers) for numbers in rules.values()]
        self._sets: list[Numbers] = []
        self._numbers: dict[frozenset[int], int] = {}
        self.forget()

    def forget(self) -> None:
        """Forget every cell and every set."""
        super().forget()
        self._sets = [np.empty(0, np.int64)]
        self._numbers = {frozenset(): 0}

    def column(self, cells: Sequence[Any]) -> Codes:
        """Return the set of every cell; a column of numbers is compared at once."""
        comparisons = None if isinstance(cells, Absent) else self._comparisons
        met = comparisons.met(cells) if comparisons is not None else None
        if comparisons is None or met is None:
            return super().column(cells)
        used, which = np.unique(met, return_inverse=True)
        sets = [self._number(comparisons.places(bits)) for bits in used.tolist()]
        return np.array(sets, np.int32)[which]

    def _learn(self, texts: Sequence[str]) -> None:
        self.update(dict.fromkeys(texts, 0))
        for place, found in self._scan.of_texts(texts).items():
            self[texts[place]] = self._number(found)

    def _new(self, cell: Any) -> int:
        found: set[int] = set()
        for value in values_of(cell):
            if value is not None:
                found.update(self._scan.of_value(value))
        return self._number(found)

    def _number(self, found: Iterable[int]) -> int:
        if not found:
            return 0
        key = frozenset(found)
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self._sets)
            rules = frozenset[int]().union(*(self._rules[predicate] for predicate in key))
            self._sets.append(np.fromiter(rules, np.int64, len(rules)))
            self.weight += 10 * _RULE_SIZE * (len(rules) + len(key))
        return number

    def candidates(self, codes: Codes) -> tuple[Numbers, Numbers]:
        """Return rules and, for each, the place of a cell that speaks for it."""
        places = np.flatnonzero(codes)
        if not len(places):
            return _NONE, _NONE
        used, which = np.unique(codes[places], return_inverse=True)
        sets = [self._sets[number] for number in used.tolist()]
        lengths = np.fromiter(map(len, sets), np.int64, len(sets))
        starts = np.cumsum(lengths) - lengths
        spans = lengths[which]
        before = np.cumsum(spans) - spans
        positions = np.arange(spans.sum()) + np.repeat(starts[which] - before, spans)
        return np.concatenate(sets)[positions], np.repeat(places, spans)


_NONE: Numbers = np.empty(0, np.int64)
