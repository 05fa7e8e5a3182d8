"""Cycles: who is above themself, over others and at one and the same instant.

That A was above B last year and B is above A now is no cycle.  What can reach no
cycle is put aside first, and only the rest is walked, instant by instant.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ombud.directory.timeline import Stretch

STEPS_MAX = 1_000_000  # Of all walks: a tangle that is larger is refused as such.
_SHOWN_MAX = 10  # Names of a cycle that are kept; one of thousands is not read to its end.


class Cycle(NamedTuple):
    """One cycle: from when, the names from the first back to itself, and the row that closes it."""

    begins: int
    names: tuple[str, ...]
    stretch: Stretch


class EntangledError(Exception):
    """The walks took more steps than `STEPS_MAX`."""


def find_cycles(above: Mapping[str, Sequence[Stretch]]) -> Iterator[Cycle]:
    """Yield each cycle once; `above` gives each name's stretches whose value is who is above.

    Raises `EntangledError` when it cannot be said within bounds.
    """
    core = _core(above)
    budget = STEPS_MAX
    in_cycle: set[str] = set()
    for start in sorted(core):
        if start in in_cycle:
            continue
        cycle, steps = _walk(start, core, budget)
        budget -= steps
        if cycle is not None:
            in_cycle.update(cycle.names)
            yield cycle


def _core(above: Mapping[str, Sequence[Stretch]]) -> dict[str, list[Stretch]]:
    """Return the names from which, times aside, there is a way back to themselves."""
    left = {name: [one for one in parts if one.value in above] for name, parts in above.items()}
    below: dict[str, set[str]] = defaultdict(set)
    for name, parts in left.items():
        for one in parts:
            below[str(one.value)].add(name)
    ups = {name: {str(one.value) for one in parts} for name, parts in left.items()}
    _strip(ups, below)
    _strip(below, ups)
    return {
        name: [one for one in parts if one.value in ups]
        for name, parts in left.items()
        if ups.get(name) and below.get(name)
    }


def _strip(graph: dict[str, set[str]], reverse: dict[str, set[str]]) -> None:
    """Take out of both graphs the names that lead nowhere, again and again."""
    ends = [name for name in {*graph, *reverse} if not graph.get(name)]
    while ends:
        end = ends.pop()
        graph.pop(end, None)
        for name in reverse.pop(end, ()):
            onward = graph.get(name)
            if onward is not None:
                onward.discard(end)
                if not onward:
                    ends.append(name)


class _Step(NamedTuple):
    name: str
    begins: int
    ends: int
    before: _Step | None
    length: int


def _walk(
    start: str, core: Mapping[str, Sequence[Stretch]], budget: int
) -> tuple[Cycle | None, int]:
    steps = 0
    first = min((one.begins for one in core[start]), default=0)
    last = max((one.ends for one in core[start]), default=0)
    waiting = [_Step(start, first, last, None, 1)]
    while waiting:
        step = waiting.pop()
        for stretch in core.get(step.name, ()):
            steps += 1
            if steps > budget:
                raise EntangledError
            begins, ends = max(step.begins, stretch.begins), min(step.ends, stretch.ends)
            if begins >= ends:
                continue
            if stretch.value == start:
                return Cycle(begins, (*_names(step), start), stretch), steps
            # Longer than all names: round and round in a cycle that `start` is not in.
            if step.length < len(core):
                waiting.append(_Step(str(stretch.value), begins, ends, step, step.length + 1))
    return None, steps


def _names(step: _Step) -> tuple[str, ...]:
    names: list[str] = []
    at: _Step | None = step
    while at is not None:
        names.append(at.name)
        at = at.before
    names.reverse()
    return tuple(names)


def shown(names: Sequence[str]) -> str:
    """Return the names of a cycle as one text."""
    some = [f"`{name}`" for name in names]
    if len(some) > _SHOWN_MAX:
        some[_SHOWN_MAX - 1 : -1] = ["…"]
    return " > ".join(some)
