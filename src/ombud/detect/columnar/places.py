"""Places: where in an object a field name can lead, key by key.

A place is the keys on the way.  `a.b` leads to `("a", "b")` and, since keys may
contain dots, to `("a.b",)`.  Only the places at which something was seen cost
anything; what is nowhere seen is watched for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import IntFlag
from typing import Any

from ombud.detect.matching.paths import EventView

PLACES_MAX = 8192  # Places remembered of one source; with more, events beyond are read whole.

Place = tuple[str, ...]
Way = tuple[str, tuple[str, ...]]  # A field name, and what is left of its parts.


class Seen(IntFlag):
    """What was seen at a place."""

    VALUE = 1  # Something, be it null.
    BOX = 2  # A list; or, where no name leads on, a list or an object.


def ways_of(names: Iterable[str]) -> list[Way]:
    """Return the names as ways from the top."""
    return [(name, tuple(name.split("."))) for name in sorted(names)]


class Branch:
    """One key below a node: the names that end at it, and those that lead on through it."""

    __slots__ = ("ends", "through")

    def __init__(self) -> None:
        self.ends: list[str] = []
        self.through: list[Way] = []


def branches(ways: Iterable[Way]) -> dict[str, Branch]:
    """Return every key by which the ways can go on from here."""
    found: dict[str, Branch] = {}
    for name, parts in ways:
        for end in range(len(parts), 0, -1):
            branch = found.setdefault(".".join(parts[:end]), Branch())
            if end == len(parts):
                branch.ends.append(name)
            else:
                branch.through.append((name, parts[end:]))
    return found


def places_in(ways: Iterable[Way], view: EventView) -> Iterator[tuple[Place, Seen]]:
    """Yield the places of the ways at which an event carries something."""
    stack: list[tuple[Place, Iterable[Way], EventView]] = [((), ways, view)]
    while stack:
        place, here, node = stack.pop()
        for key, branch in branches(here).items():
            if key not in node:
                continue
            value: Any = node[key]
            is_box = isinstance(value, list) or (bool(branch.ends) and isinstance(value, dict))
            yield (*place, key), Seen.VALUE | Seen.BOX if is_box else Seen.VALUE
            if branch.through and isinstance(value, dict):
                stack.append(((*place, key), branch.through, value))
