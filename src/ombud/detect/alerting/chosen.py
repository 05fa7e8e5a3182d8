"""Chosen: rows of the record with all that routing and counting ask of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from msgspec import UNSET

from ombud.core.batch import Committed
from ombud.detect.columnar.named_rows import NamedColumns, NamedRows
from ombud.detect.columnar.rows import Cells
from ombud.detect.replaying.candidates import NOT_ACTS


class Chosen:
    """Rows in log order: their content, the index of each, and which of them are acts."""

    def __init__(
        self, committed: Committed, indices: Sequence[int], names: Iterable[str] = ()
    ) -> None:
        """`names` are the fields that will be asked for."""
        self.committed = committed
        self.indices = indices
        self._columns = NamedColumns(committed, names)
        self.unreadable = self._columns.unreadable
        self.sources, self.actions, self.actors = (
            self._texts(name) for name in ("source", "action", "actor.id")
        )
        times = zip(self._columns.column("time"), committed.recorded_ms, strict=True)
        self.times = [time if time.__class__ is int else recorded for time, recorded in times]
        passed_over = set(self.unreadable)
        passed_over.update(row for row, source in enumerate(self.sources) if source in NOT_ACTS)
        self.passed_over = frozenset(passed_over)
        self.acts = [row for row in range(committed.count) if row not in passed_over]

    def _texts(self, name: str) -> list[Any]:
        """Return a field with nothing but texts and UNSET: other bytes than ours may hold more."""
        column = self._columns.column(name)
        return [cell if cell.__class__ is str else UNSET for cell in column]

    def rows(self, derived: Cells) -> NamedRows:
        """Return the rows as rules see them; `derived` has a cell for each."""
        return NamedRows(self._columns, None, derived)
