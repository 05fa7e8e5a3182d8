"""Actors: when each last acted, and what that says of the next act.

The memory is of the record and not of the rules: it is kept whether a rule asks
for it or not, so that a rule that comes later finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import UNSET

ACTORS_MAX = 500_000  # Actors whose last act is remembered; the longest silent is forgotten.
FUTURE_MS_MAX = 86_400_000  # An event dated further ahead than this moves no actor's last act.

_DAY_MS = 86_400_000


class Actors:
    """The last act of every actor, longest silent first."""

    __slots__ = ("_last",)

    def __init__(self, last: Mapping[str, int] | None = None) -> None:
        self._last: dict[str, int] = dict(last or {})

    def state(self) -> list[tuple[str, int]]:
        """Return everything as JSON values, longest silent first."""
        return list(self._last.items())

    def derive(
        self,
        rows: Iterable[int],
        actors: Sequence[Any],
        times: Sequence[int],
        recorded: Sequence[int],
    ) -> dict[str, list[Any]]:
        """Take note of acts in log order and return the columns that they are given.

        `rows` are the places of acts in the columns `actors` (UNSET for none),
        `times` and `recorded` (milliseconds); a place that is no act says nothing.
        """
        idle: list[Any] = [UNSET] * len(actors)
        first: list[Any] = [UNSET] * len(actors)
        last, most = self._last, ACTORS_MAX
        for row in rows:
            actor = actors[row]
            if actor.__class__ is not str:  # UNSET, or nothing that names anybody.
                continue
            time = times[row]
            before = last.pop(actor, None)
            if before is None:
                first[row] = True
                if len(last) >= most:
                    del last[next(iter(last))]
            else:
                idle[row] = (time - before) / _DAY_MS if time > before else 0.0
            ahead = recorded[row]
            if time > ahead + FUTURE_MS_MAX:
                time = ahead
            last[actor] = time if before is None or time > before else before
        return {"derived.idle_days": idle, "derived.first_seen": first}
