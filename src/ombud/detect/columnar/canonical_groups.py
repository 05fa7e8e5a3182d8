"""Canonical groups: the arrays that events are committed by, decoded many at a time.

Every value is decoded by the type of its field and every array held to its
length and version, so that what is refused here is what the plain view looks at
again, and nothing else.  Maps that nobody asks for are checked as JSON but not
made into objects; a number beyond a double in one of these goes unnoticed,
which no encoder writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from ombud.core.batch import Committed
from ombud.core.canonical import NO_DATA_SUBJECT
from ombud.core.fields import CANONICAL_VERSION, FIELDS, Group, Kind
from ombud.detect.columnar.exact import INTEGER, REFUSALS, is_exact, too_deep

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
    arrays = [bytes(blob[start:end]) for start, end in pairwise(offsets)]
    decode, nothing = _decoder(group, maps)
    objects: dict[bytes, Any] = dict.fromkeys(arrays)  # Actors' are often the same.
    objects[b""] = objects[NO_DATA_SUBJECT] = nothing  # Erased, or empty as most are.
    refused: set[bytes] = set()
    for array, known in objects.items():
        if known is not None:
            continue
        try:
            objects[array] = decode(array)
        except REFUSALS:
            objects[array] = nothing
            refused.add(array)
    if group is Group.CONTENT:
        refused |= _unfit(arrays, blob, objects, maps)
    rows = {row for row, array in enumerate(arrays) if array in refused} if refused else set()
    return [objects[array] for array in arrays], rows


def _unfit(
    arrays: Sequence[bytes],
    blob: bytes | memoryview,
    objects: dict[bytes, Any],
    maps: frozenset[str],
) -> set[bytes]:
    """Return the arrays whose maps orjson would have read otherwise, or not at all."""
    unfit = set()
    try:
        str(blob, "utf-8")
    except UnicodeDecodeError:
        unfit = {array for array in arrays if not _is_utf8(array)}
    unfit.update(arrays[row] for row in too_deep(arrays))
    for name in maps:
        place = PLACES[name][1]
        for array in arrays:
            value = getattr(objects[array], place)
            if value is not None and not is_exact(value):
                unfit.add(array)
    return unfit


def _is_utf8(array: bytes) -> bool:
    try:
        array.decode()
    except UnicodeDecodeError:
        return False
    return True
