"""Copies: the same reason given again for people who have nothing to do with each other.

MinHash over shingles with banded look-up (Broder 1997; Indyk and Motwani 1998), so
that a text is compared with those few that are like it and not with all.  Figures
are masked first: another case number does not make another reason.  The hashing is
fixed, so that the same texts in the same order give the same findings.
"""

from __future__ import annotations

import re
import zlib
from collections import OrderedDict, defaultdict
from collections.abc import Collection, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from ombud.access.justification import Subject
from ombud.access.justification_text import Flaw, normal, shingles

BANDS, ROWS = 16, 4  # Of 64 values: two texts with 80 % in common meet with p = 0.9998.
NEAR = 0.7  # Estimated share of shingles in common from which texts are near-duplicates.
OWN_MAX = 200  # Latest texts of one actor that are remembered.
UNIT_MAX = 2_000  # Of one unit.
GROUPS_MAX = 50_000  # Actors and units remembered, the ones longest unheard of forgotten first.
LETTERS_MIN = 12  # A shorter text is judged as short: that two such are equal says nothing.
UNIT_COPIES = 3  # Unrelated data subjects from which the same words in a unit are remarkable.
_PRIME = (1 << 61) - 1
_FIGURES = re.compile(r"\d+")
_Signature = npt.NDArray[np.uint64]


def _coefficients(count: int) -> tuple[_Signature, _Signature]:
    """Return the numbers of the hash functions: fixed, from a linear congruence (Knuth MMIX)."""
    state, numbers = 0x9E3779B97F4A7C15, []
    for _ in range(2 * count):
        state = (state * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        numbers.append((state >> 33) | 1)
    return np.array(numbers[:count], np.uint64), np.array(numbers[count:], np.uint64)


_A, _B = _coefficients(BANDS * ROWS)


def signature(text: str) -> _Signature | None:
    """Return the MinHash of a text, none for one too short to be compared."""
    masked = _FIGURES.sub("0", normal(text))
    if sum(map(str.isalpha, masked)) < LETTERS_MIN:
        return None
    hashed = np.fromiter((zlib.crc32(one.encode()) for one in shingles(masked)), np.uint64)
    # 31-bit factors and 32-bit hashes: nothing overflows.
    mixed = (hashed[:, None] * _A[None, :] + _B[None, :]) % np.uint64(_PRIME)
    smallest: _Signature = mixed.min(axis=0)
    return smallest


def likeness(one: _Signature, other: _Signature) -> float:
    """Return the estimated share of shingles that two texts have in common."""
    return float(np.count_nonzero(one == other)) / len(one)


class Given(msgspec.Struct, frozen=True):
    """A reason as it was given: by whom, of which unit, about whom."""

    text: str
    actor: str
    unit: str | None = None
    subjects: tuple[Subject, ...] = ()
    case: str | None = None


class _Kept(msgspec.Struct):
    plain: str
    mark: _Signature
    actor: str
    subjects: frozenset[Subject]
    case: str | None


class _Group:
    """The latest texts of one actor or unit, found by what they are like."""

    def __init__(self, count_max: int) -> None:
        self._count_max = count_max
        self._kept: OrderedDict[int, _Kept] = OrderedDict()
        self._bands: dict[tuple[int, bytes], set[int]] = defaultdict(set)
        self._next = 0

    def like(self, mark: _Signature) -> list[_Kept]:
        found: set[int] = set()
        for key in _bands_of(mark):
            found |= self._bands.get(key, set())
        return [self._kept[number] for number in sorted(found)]

    def add(self, kept: _Kept) -> None:
        self._kept[self._next] = kept
        for key in _bands_of(kept.mark):
            self._bands[key].add(self._next)
        self._next += 1
        if len(self._kept) > self._count_max:
            number, gone = self._kept.popitem(last=False)
            for key in _bands_of(gone.mark):
                self._bands[key].discard(number)
                if not self._bands[key]:
                    del self._bands[key]


def _bands_of(mark: _Signature) -> list[tuple[int, bytes]]:
    return [(band, mark[band * ROWS : (band + 1) * ROWS].tobytes()) for band in range(BANDS)]


class Copies(msgspec.Struct, frozen=True):
    """What a text repeats: flaws, and of how many unrelated data subjects or cases."""

    flaws: tuple[Flaw, ...] = ()
    own: int = 0
    unit: int = 0


class History:
    """Reasons given before, by actor and by unit; bounded, and in the order they are added."""

    def __init__(self) -> None:
        self._groups: OrderedDict[str, _Group] = OrderedDict()

    def find(self, given: Given) -> Copies:
        """Return what a reason repeats of earlier ones about somebody unrelated."""
        mark = signature(given.text)
        if mark is None:
            return Copies()
        own, own_exact = self._count(f"actor {given.actor}", given, mark, others=False)
        unit, unit_exact = (0, 0)
        if given.unit is not None:
            unit, unit_exact = self._count(f"unit {given.unit}", given, mark, others=True)
        flaws = []
        if own:
            flaws.append(Flaw.COPIED if own_exact else Flaw.NEAR_COPY)
        if unit >= UNIT_COPIES:
            is_exact = unit_exact >= UNIT_COPIES
            flaws.append(Flaw.COPIED_IN_UNIT if is_exact else Flaw.NEAR_COPY_IN_UNIT)
        return Copies(tuple(flaws), own, unit)

    def add(self, given: Given) -> None:
        """Remember a reason."""
        mark = signature(given.text)
        if mark is None:
            return
        subjects = frozenset(given.subjects)
        kept = _Kept(normal(given.text), mark, given.actor, subjects, given.case)
        self._group(f"actor {given.actor}", OWN_MAX).add(kept)
        if given.unit is not None:
            self._group(f"unit {given.unit}", UNIT_MAX).add(kept)

    def _group(self, name: str, count_max: int) -> _Group:
        group = self._groups.pop(name, None) or _Group(count_max)
        self._groups[name] = group  # Now the one last heard of.
        if len(self._groups) > GROUPS_MAX:
            self._groups.popitem(last=False)
        return group

    def _count(self, name: str, given: Given, mark: _Signature, *, others: bool) -> tuple[int, int]:
        """Return about how many unrelated people the like was said before, and the very same."""
        group = self._groups.get(name)
        if group is None:
            return 0, 0
        plain = normal(given.text)
        near, exact = set(), set()
        for kept in group.like(mark):
            if others and kept.actor == given.actor:
                continue
            if not _is_unrelated(kept, given) or likeness(kept.mark, mark) < NEAR:
                continue
            about = _about(kept.subjects, kept.case)
            near.add(about)
            if kept.plain == plain:
                exact.add(about)
        return len(near), len(exact)


def _about(subjects: Collection[Subject], case: str | None) -> tuple[Sequence[Subject], str | None]:
    return tuple(sorted(subjects)), case if not subjects else None


def _is_unrelated(kept: _Kept, given: Given) -> bool:
    """Whether two reasons speak of different people: nobody in common, and not one case."""
    if given.case is not None and kept.case == given.case:
        return False
    if given.subjects and kept.subjects:
        return kept.subjects.isdisjoint(given.subjects)
    # About whom is not known: only two cases that differ are known to be unrelated.
    return given.case is not None and kept.case is not None
