"""Cell codes: a small number for each distinct cell of a field, so that it is looked at once.

Cells are distinct as JSON is: 1, 1.0, true and "1" are four.  Texts, null and
missing stand for themselves; every other cell is known by its class and its
spelling, since Python takes 1 for True.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from sys import getsizeof
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import UNSET

from ombud.detect.columnar.rows import Absent

Codes = npt.NDArray[np.int32]

ENTRY_SIZE = 200  # Bytes that an entry takes besides its text, roughly.
TEXT_SIZE = 76  # Bytes that a text takes besides its characters, at most.
DEEP_SIZE = 16 << 20  # Bytes of a cell that cannot be spelt: as many as an original may have.


class CellCodes(dict[Any, int], ABC):
    """The codes given so far; `weight` is about how many bytes they hold."""

    # Bytes for each character of a list or object that is kept itself: `{'': 0}, ` has 190.
    box_size = 0

    def __init__(self) -> None:
        super().__init__()
        self.weight = 0

    def column(self, cells: Sequence[Any]) -> Codes:
        """Return the code of every cell, giving new ones where needed."""
        count = len(cells)
        if isinstance(cells, Absent):
            return np.full(count, self[UNSET], np.int32)
        try:
            new = set(cells).difference(self)
        except TypeError:  # A list or an object: each cell is looked at by itself.
            return np.fromiter(map(self._code, cells), np.int32, count)
        texts = [cell for cell in new if cell.__class__ is str]
        if texts:
            self._learn(texts)
            # Their sizes in one step: one by one would cost as much as finding them.
            self.weight += (ENTRY_SIZE + TEXT_SIZE) * len(texts) + getsizeof("".join(texts))
        return np.fromiter(map(self.__getitem__, cells), np.int32, count)

    def __missing__(self, cell: Any) -> int:
        """Return the code of a cell that does not stand for itself, or is new."""
        if cell.__class__ is not str and cell is not None and cell is not UNSET:
            return self._code(cell)
        code = self[cell] = self._new(cell)
        self.weight += ENTRY_SIZE + getsizeof(cell)
        return code

    def _code(self, cell: Any) -> int:
        kind = cell.__class__
        if kind is str or cell is None or cell is UNSET:
            return self[cell]
        try:
            key = (kind, cell if kind is int or kind is bool else repr(cell))
        except RecursionError:  # Nested so deeply that it is looked at every time.
            self.weight += DEEP_SIZE
            return self._new(cell)
        code = self.get(key)
        if code is None:
            code = self[key] = self._new(cell)
            self.weight += ENTRY_SIZE + getsizeof(key[1])
            if isinstance(cell, list | tuple | dict):
                self.weight += self.box_size * len(str(key[1]))
        return code

    @abstractmethod
    def _learn(self, texts: Sequence[str]) -> None:
        """Give a code to each of these texts, none of which was seen before."""

    @abstractmethod
    def _new(self, cell: Any) -> int:
        """Return the code of a cell that was not seen before."""

    def forget(self) -> None:
        """Forget every cell; codes given out before mean nothing any more."""
        self.clear()
        self.weight = 0
