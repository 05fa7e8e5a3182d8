"""Overlaps: queries of one actor that are nearly the same, which is how single persons are found.

Two counts that differ in one condition, or in a few people, tell about these few.
What is found here is a tripwire for review and prevents nothing: who asks slowly,
in other words or as two persons, is not seen (policy facts in `docs/budgets.md`).
Kept in memory for a day and forgotten at a restart.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict, deque
from collections.abc import Sequence

import msgspec

from ombud.access.attempt import Attempt

FEW = 5  # Result sets that differ by fewer data subjects than this single people out.
REMEMBERED_MAX = 64  # Queries of one actor, purpose and dataset that are compared.
PLACES_MAX = 20_000  # Actors with a purpose and dataset; the longest quiet is forgotten.
QUERY_MAX = 20_000  # Characters of a statement that are looked at.
CONSTANTS_MAX = 200  # A statement with more is compared as it is.
SUBJECTS_MAX = 1_000  # Result sets beyond this are not compared: they single nobody out.

_CONSTANT = re.compile(r"'(?:[^']|'')*'|\b\d+(?:\.\d+)?\b")
_BLANK = re.compile(r"\s+")


class Query(msgspec.Struct, frozen=True):
    """What is compared of a query: its shape, its constants, whom it was about."""

    template: bytes | None
    constants: tuple[bytes, ...]
    subjects: frozenset[bytes] | None


class Overlaps:
    """The latest queries of everyone today; the caller holds a lock."""

    def __init__(self) -> None:
        self._places: OrderedDict[tuple[str, ...], deque[Query]] = OrderedDict()

    def clear(self) -> None:
        """Forget everything: another day has begun."""
        self._places.clear()

    def note(
        self, attempt: Attempt, purpose: str, subjects: Sequence[tuple[str, str]]
    ) -> tuple[str, ...]:
        """Remember a query and return `overlap:N` when N before it are nearly the same."""
        query = query_of(attempt, subjects)
        if query is None:
            return ()
        place = (
            attempt.actor_type,
            attempt.actor_id,
            purpose,
            attempt.resource_type,
            attempt.resource_id,
        )
        before = self._places.setdefault(place, deque(maxlen=REMEMBERED_MAX))
        self._places.move_to_end(place)
        if len(self._places) > PLACES_MAX:
            self._places.popitem(last=False)
        count = sum(is_near(query, other) for other in before)
        before.append(query)
        return (f"overlap:{count}",) if count else ()


def query_of(attempt: Attempt, subjects: Sequence[tuple[str, str]]) -> Query | None:
    """Return what is compared of an attempt; None when it says nothing of a query.

    `context.query` is a statement; `context.fingerprint` stands for its shape where the
    asking program knows that better.
    """
    text, fingerprint = attempt.context.get("query"), attempt.context.get("fingerprint")
    template: bytes | None = None
    constants: tuple[bytes, ...] = ()
    if isinstance(text, str) and text:
        template, constants = shape_of(text[:QUERY_MAX])
    if isinstance(fingerprint, str) and fingerprint:
        template = _digest(fingerprint)
    about = None
    if 0 < len(subjects) <= SUBJECTS_MAX:
        about = frozenset(_digest(f"{kind}\0{key}") for kind, key in subjects)
    return None if template is None and about is None else Query(template, constants, about)


def shape_of(text: str) -> tuple[bytes, tuple[bytes, ...]]:
    """Return the digest of a statement without its constants, and those of the constants."""
    constants = _CONSTANT.findall(text)
    if len(constants) > CONSTANTS_MAX:
        return _digest(text), ()
    shape = _BLANK.sub(" ", _CONSTANT.sub("?", text)).strip().casefold()
    return _digest(shape), tuple(map(_digest, constants))


def is_near(one: Query, other: Query) -> bool:
    """Whether two queries differ so little that their difference may be about few people."""
    if one.subjects is not None and other.subjects is not None:
        # Who is known to be apart was looked up, one after the other: that is ordinary work.
        if one.subjects.isdisjoint(other.subjects):
            return False
        if 0 < len(one.subjects ^ other.subjects) < FEW:
            return True
    if one.template is None or one.template != other.template:
        return False
    if len(one.constants) != len(other.constants):
        return False
    differing = sum(a != b for a, b in zip(one.constants, other.constants, strict=True))
    return differing == 1


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest()
