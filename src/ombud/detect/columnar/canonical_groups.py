"""Canonical groups: the arrays that events are committed by, decoded many at a time.

Every value is decoded by the type of its field and every array held to its
length and version, so that what is refused here is what the plain view looks at
again, and nothing else.  Maps that nobody asks for are checked as JSON but not
made into objects; a number beyond a double in one of these goes unnoticed,
which no encoder writes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from operator import attrgetter
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ombud.core.batch import Committed
from ombud.core.canonical import NO_DATA_SUBJECT
from ombud.core.fields import CANONICAL_VERSION, FIELDS, Group, Kind
from ombud.detect.columnar.exact import INTEGER, decode_all, is_exact, long_runs, too_deep

GROUPS = (Group.ACTOR, Group.DATA_SUBJECT, Group.CONTENT)
PLACES = {
    field.name: (group, f"f{position}")
    for group in GROUPS
    for position, field in enumerate(field for field in FIELDS if field.group is group)
}
MAPS = frozenset(field.name for field in FIELDS if field.kind is Kind.MAP)

_TYPES: dict[Kind, Any] = {
    Kind.TEXT: str | None,
    Kind.INTEGER: INTEGER | None,
    Kind.INSTANT: INTEGER | None,
    Kind.BOOLEAN: bool | None,
    Kind.REAL: float | INTEGER | None,
    Kind.TEXTS: list[str] | None,
    Kind.SUBJECTS: list[tuple[str, str]] | None,
    Kind.MAP: dict[str, Any] | None,
}
_Version = Annotated[int, Meta(ge=CANONICAL_VERSION, le=CANONICAL_VERSION)]


class _Unread(Struct, gc=False):
    """A map of which nothing is asked."""


@cache
def _decoder(group: Group, maps: frozenset[str]) -> tuple[Callable[[bytes], Any], Any]:
    """Return the decoder of a group, and what stands for a group that holds nothing."""
    fields = [field for field in FIELDS if field.group is group]
    types = [
        _Unread | None if field.name in MAPS - maps else _TYPES[field.kind] for field in fields
    ]
    struct: Any = msgspec.defstruct(
        "Canonical",
        [
            ("version", _Version),
            *((PLACES[f.name][1], t) for f, t in zip(fields, types, strict=True)),
        ],
        array_like=True,
        forbid_unknown_fields=True,
        gc=False,
    )
    nothing = struct(CANONICAL_VERSION, *([None] * len(fields)))
    return msgspec.json.Decoder(struct).decode, nothing


def decode_group(
    committed: Committed, group: Group, maps: frozenset[str]
) -> tuple[Sequence[Any], set[int]]:
    """Return one object a row, with the fields of `PLACES`, and the rows that were refused.

    Of the maps, those named are decoded; null stands for absent throughout.
    """
    offsets, blob = committed.offsets[group - 1], committed.blobs[group - 1]
    # What is erased reads like what was empty, as most are; both are skipped by the plain view.
    arrays = [bytes(blob[start:end]) or NO_DATA_SUBJECT for start, end in pairwise(offsets)]
    decode, nothing = _decoder(group, maps)
    if group is Group.ACTOR:  # Often the same.
        known = dict.fromkeys(arrays)
        distinct, wrong = decode_all(decode, list(known), nothing)
        faulty = frozenset(wrong)
        refused = {array for number, array in enumerate(known) if number in faulty}
        known = dict(zip(known, distinct, strict=True))
        objects = list(map(known.__getitem__, arrays))
        rows = {row for row, array in enumerate(arrays) if array in refused} if refused else set()
    else:
        objects, wrong = decode_all(decode, arrays, nothing)
        rows = set(wrong)
    rows = {row for row in rows if arrays[row] != NO_DATA_SUBJECT}
    if group is Group.CONTENT:
        rows |= _unfit(
            arrays, blob, offsets, [attrgetter(PLACES[name][1]) for name in maps], objects
        )
    return objects, rows


def _unfit(
    arrays: Sequence[bytes],
    blob: bytes | memoryview,
    offsets: Sequence[int],
    maps: Sequence[Callable[[Any], Any]],
    objects: Sequence[Any],
) -> set[int]:
    """Return the rows whose maps orjson would have read otherwise, or not at all."""
    unfit = too_deep(arrays)
    try:
        str(blob, "utf-8")
    except UnicodeDecodeError:
        unfit |= {row for row, array in enumerate(arrays) if not _is_utf8(array)}
    if maps:
        suspects = {bisect_right(offsets, place) - 1 for place in long_runs(blob)}
        suspects &= set(range(len(arrays)))  # A blob may have more in it.
        unfit |= {row for row in suspects if not all(is_exact(take(objects[row])) for take in maps)}
    return unfit


def _is_utf8(array: bytes) -> bool:
    try:
        array.decode()
    except UnicodeDecodeError:
        return False
    return True
