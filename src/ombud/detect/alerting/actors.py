"""Actors: when each last acted, and what that says of the next act.

The memory is of the record and not of the rules: it is kept whether a rule asks
for it or not, so that a rule that comes later finds it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from msgspec import UNSET

ACTORS_MAX = 500_000  # Actors whose last act is remembered; the longest silent is forgotten.
FUTURE_MS_MAX = 86_400_000  # An event dated further ahead than this moves no actor's last act.

_DAY_MS = 86_400_000
_EXACT_MAX = 2**52  # Below it the difference of two times is exact as a fraction.

Numbers = np.ndarray[Any, np.dtype[np.int64]]
Fractions = np.ndarray[Any, np.dtype[np.float64]]
Flags = np.ndarray[Any, np.dtype[np.bool_]]


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

    def derive_coded(
        self, rows: Numbers, codes: Numbers, names: Sequence[Any], times: Numbers, recorded: Numbers
    ) -> tuple[Fractions, Flags] | None:
        """Do what `derive` does for many acts at once; None, and nothing done, if it cannot.

        `codes` are the places of actors in `names`, each of which stands there once.
        Returns by place how long the actor was idle, NaN where that says nothing, and
        whether the act is its first.
        """
        is_named = np.array([name.__class__ is str for name in names], np.bool_)
        rows = rows[is_named[codes[rows]]]
        idle, first = np.full(len(codes), np.nan), np.zeros(len(codes), np.bool_)
        if not len(rows):
            return idle, first
        of_actor, when = codes[rows].astype(np.int64), times[rows]
        used = np.unique(of_actor).tolist()
        known_times = (self._last.get(names[code], 0) for code in used)
        most = max(abs(int(when.min())), abs(int(when.max())), *map(abs, known_times))
        is_exact = most < _EXACT_MAX
        if not is_exact or len(self._last) + len(used) > ACTORS_MAX:
            return None
        until = np.where(when > recorded[rows] + FUTURE_MS_MAX, recorded[rows], when)
        order = np.argsort(of_actor, kind="stable")
        sorted_codes, latest = of_actor[order], until[order]
        starts = np.flatnonzero(np.diff(sorted_codes, prepend=-1))
        before = np.empty(len(rows), np.int64)
        is_known = np.ones(len(rows), np.bool_)
        ends = [*starts[1:].tolist(), len(rows)]
        last: list[tuple[int, str, int]] = []
        for start, end, code in zip(starts.tolist(), ends, used, strict=True):
            known = self._last.get(names[code])
            if known is not None:
                latest[start] = max(latest[start], known)
            np.maximum.accumulate(latest[start:end], out=latest[start:end])
            before[start] = 0 if known is None else known
            is_known[start] = known is not None
            before[start + 1 : end] = latest[start : end - 1]
            last.append((int(order[end - 1]), names[code], int(latest[end - 1])))
        places = rows[order]
        gap = when[order] - before
        idle[places[is_known]] = (np.maximum(gap, 0) / _DAY_MS)[is_known]
        first[places[~is_known]] = True
        for _, name, time in sorted(last):
            self._last.pop(name, None)
            self._last[name] = time
        return idle, first
