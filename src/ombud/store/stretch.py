"""Stretch of time: between which places in the log its events lie."""

from __future__ import annotations

from ombud.query.columns import EVENT_TABLE
from ombud.store.statement import Rows, Statement

_BOUNDS = f"""
SELECT min("index"), max("index") + 1 FROM {EVENT_TABLE} WHERE "time" >= $1 AND "time" < $2
"""


def find_bounds(ask: Rows, since: int, until: int) -> tuple[int, int]:
    """Return the first index of events of a time, and the one after the last; both 0 for none.

    Other events lie between them too: what was imported later tells of earlier.
    """
    ((first, end),) = ask(Statement(_BOUNDS, [since, until]))
    return (0, 0) if first is None else (first, end)
