"""Dice: every random choice of the county, drawn from a seed.

One `random()` stream per place that draws, named by its seed parts, so that
adding a story to the county does not shuffle the days of everybody else.  Only
`random.Random.random` is used: it is the one method whose stream Python promises
to keep for ever, and it is the fast one.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """A stream of choices; the same seed parts give the same stream on every machine."""

    __slots__ = ("random",)

    def __init__(self, *seed: int | str) -> None:
        digest = hashlib.blake2b("/".join(map(str, seed)).encode(), digest_size=8).digest()
        # Not for secrets: a fictional county must be the same again tomorrow.
        self.random = random.Random(int.from_bytes(digest)).random

    def below(self, limit: int) -> int:
        """Return an integer from 0 up to, not including, `limit`."""
        return int(self.random() * limit)

    def between(self, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both included."""
        return low + int(self.random() * (high - low + 1))

    def chance(self, probability: float) -> bool:
        """Return whether something of this probability happens."""
        return self.random() < probability

    def pick(self, choices: Sequence[T]) -> T:
        """Return one of the choices; there must be one."""
        return choices[int(self.random() * len(choices))]

    def sample(self, choices: Sequence[T], count: int) -> list[T]:
        """Return `count` different choices, fewer if there are not as many."""
        pool = list(choices)
        taken = min(count, len(pool))
        for place in range(taken):
            other = place + int(self.random() * (len(pool) - place))
            pool[place], pool[other] = pool[other], pool[place]
        return pool[:taken]

    def gap(self, mean: float) -> float:
        """Return a waiting time of this mean: short mostly, long at times, at most 8 means."""
        return min(-mean * math.log(1.0 - self.random()), 8 * mean)

    def hex(self, digits: int) -> str:
        """Return so many lower-case hexadecimal digits; at most 12."""
        return f"{int(self.random() * 16**digits):0{digits}x}"

    def fork(self, *seed: int | str) -> Dice:
        """Return a stream of its own, seeded by a draw from this one."""
        return Dice(self.hex(12), *seed)
