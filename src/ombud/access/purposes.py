"""Purposes: their tree as sets of bits, and who is allowed what by it.

Byun and Li, "Purpose based access control for privacy protection in relational
database systems" (VLDB Journal 17, 2008), §3: data carries allowed and prohibited
intended purposes; an access purpose complies when it lies at or below an allowed
one and neither at, above nor below a prohibited one.  Prohibition wins.
"""

from __future__ import annotations

from collections.abc import Iterable

from ombud.access.model import Purpose
from ombud.core.errors import InputError

DEPTH_MAX = 32  # Deeper than this is a mistake, never a taxonomy; it bounds each decision.
PURPOSES_MAX = 10_000  # Sets are integers of so many bits; each dataset holds some.


class PurposeTree:
    """The purposes of one policy, each of them one bit; immutable.

    Raises `InputError` on a purpose that is declared twice, has an undeclared parent,
    or lies in a circle.

    Invariant: every lineage begins with the purpose itself and ends at a root.
    """

    def __init__(self, purposes: Iterable[Purpose]) -> None:
        parents: dict[str, str | None] = {}
        for purpose in purposes:
            if purpose.id in parents:
                raise InputError(f"purpose `{purpose.id}` is declared twice")
            parents[purpose.id] = purpose.parent
        if len(parents) > PURPOSES_MAX:
            raise InputError(f"{len(parents):,} purposes are more than {PURPOSES_MAX:,}")
        self.lineages = {name: _lineage(name, parents) for name in parents}
        self.bits = {name: 1 << place for place, name in enumerate(parents)}
        self.everything = (1 << len(parents)) - 1
        self._below = dict.fromkeys(parents, 0)
        self._above = dict.fromkeys(parents, 0)
        for name, lineage in self.lineages.items():
            for ancestor in lineage:
                self._below[ancestor] |= self.bits[name]
                self._above[name] |= self.bits[ancestor]

    def allowed_by(self, intended: Iterable[str]) -> int:
        """Return the purposes that data intended for these allows: they and all below."""
        bits = 0
        for name in intended:
            bits |= self._get(self._below, name)
        return bits

    def barred_by(self, prohibited: Iterable[str]) -> int:
        """Return the purposes that data prohibits: these, all below and all above."""
        bits = 0
        for name in prohibited:
            bits |= self._get(self._below, name) | self._above[name]
        return bits

    def covers(self, granted: str, stated: str) -> bool:
        """Whether a grant for one purpose lets one act for another."""
        return granted in self.lineages.get(stated, ())

    @staticmethod
    def _get(sets: dict[str, int], name: str) -> int:
        try:
            return sets[name]
        except KeyError:
            raise InputError(f"there is no purpose `{name}`") from None


def _lineage(name: str, parents: dict[str, str | None]) -> tuple[str, ...]:
    lineage = [name]
    parent = parents[name]
    while parent is not None:
        if parent not in parents:
            raise InputError(f"purpose `{lineage[-1]}` has the parent `{parent}`, which is not one")
        lineage.append(parent)
        if parent == name or len(lineage) > DEPTH_MAX:
            raise InputError(
                f"purpose `{name}` lies below itself, or deeper than {DEPTH_MAX}",
                hint="follow its parents; one of them names a purpose below it",
            )
        parent = parents[parent]
    return tuple(lineage)
