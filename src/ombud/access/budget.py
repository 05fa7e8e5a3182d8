"""Budget: how much an actor may still take, of a query and of a day."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ombud.access.attempt import Spent
from ombud.access.decision import Reason
from ombud.access.model import Limits

_NAMES = ("rows", "bytes", "subjects")
_AMOUNTS = frozenset(_NAMES)
UNSPENT = Spent()


class Bounds:
    """The narrowest of some limits; None where nothing bounds."""

    __slots__ = ("is_daily", "per_day", "per_query")

    def __init__(self, *limits: Limits) -> None:
        self.per_query = (
            _least(each.rows_per_query for each in limits),
            _least(each.bytes_per_query for each in limits),
        )
        self.per_day = (
            _least(each.rows_per_day for each in limits),
            _least(each.bytes_per_day for each in limits),
            _least(each.subjects_per_day for each in limits),
        )
        self.is_daily = self.per_day != (None, None, None)

    def __bool__(self) -> bool:
        """Whether anything is bounded."""
        return self.is_daily or self.per_query != (None, None)

    def spend(
        self, context: Mapping[str, Any], spent: Spent
    ) -> tuple[tuple[str, ...], int | None, int | None]:
        """Return why the act is too much, and how many rows and bytes it may take.

        `context` says how many `rows`, `bytes` and `subjects` it would take, as far as
        the asking program knows.  A number that is none is more than there is left.
        """
        reasons = []
        most: list[int | None] = []
        used = (spent.rows, spent.bytes, spent.subjects)
        for name, day, done, query in zip(
            _NAMES, self.per_day, used, (*self.per_query, None), strict=True
        ):
            left = None if day is None else max(0, day - done)
            bound = query if left is None else left if query is None else min(query, left)
            most.append(bound)
            if bound is None:
                continue
            asked = context.get(name)
            is_count = type(asked) is int and asked >= 0
            if left == 0 or (asked is not None and not (is_count and asked <= bound)):
                reasons.append(f"{Reason.BUDGET_SPENT.value}:{name}")
        return tuple(reasons), most[0], most[1]


def takes_amounts(context: Mapping[str, Any]) -> bool:
    """Whether the asking program says how much the act would take of what is bounded."""
    return bool(context) and not _AMOUNTS.isdisjoint(context)


def _least(values: Any) -> int | None:
    return min((value for value in values if value is not None), default=None)
