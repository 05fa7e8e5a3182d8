"""Verified events: leaf entries derived anew from canonical bytes and salts.

Written apart from the code that records, so that a mistake there is not
repeated here: every hash comes from `ombud.core.commitment`'s definition, and
canonical bytes must encode back to themselves.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from ombud.core.commitment import (
    COMMIT_PREFIX,
    DIGEST_DOMAIN,
    LEAF_ENTRY_VERSION,
    SALT_SIZE,
)
from ombud.core.errors import TamperError
from ombud.core.fields import (
    ACTOR_FIELDS,
    CANONICAL_VERSION,
    CONTENT_FIELDS,
    DATA_SUBJECT_FIELDS,
)

GROUP_COUNT = 4
SALTS_SIZE = GROUP_COUNT * SALT_SIZE

_NAMES = ("actor", "data subject", "content")
_LENGTHS = (len(ACTOR_FIELDS) + 1, len(DATA_SUBJECT_FIELDS) + 1, len(CONTENT_FIELDS) + 1)
_CLASS_POSITION = 1 + [field.name for field in CONTENT_FIELDS].index("class_uid")
_pack_entry = struct.Struct(">BHQ32s").pack
_pack_length = struct.Struct(">I").pack
# A hash that has taken the constant start already is cheaper to copy than to make.
_digest_start = hashlib.sha256(DIGEST_DOMAIN).copy
_commit_start = hashlib.sha256(COMMIT_PREFIX).copy


@dataclass(frozen=True, slots=True)
class Events:
    """Consecutive events as they were found, by column; `place` is the file they lie in.

    `groups` are the bytes of the four field groups, `salts` four salts an event.
    """

    place: str
    first_index: int
    recorded_ms: Sequence[int]
    groups: tuple[Sequence[bytes], ...]
    salts: bytes

    def fault(self, row: int, reason: str) -> TamperError:
        """Return the error that names one of the events."""
        return TamperError(reason, origin=f"{self.place}: event {self.first_index + row}")


def _first(canonical: Sequence[bytes], wanted: bytes) -> int:
    return next(row for row, item in enumerate(canonical) if item == wanted)


def _decoded(events: Events, group: int) -> Iterator[tuple[bytes, list[Any]]]:
    """Yield the distinct canonical bytes of a group with their values.

    Raises `TamperError` for bytes that do not encode back to themselves.
    """
    canonical = events.groups[group]
    for item in dict.fromkeys(canonical):
        try:
            value = orjson.loads(item)
            is_same = orjson.dumps(value, option=orjson.OPT_SORT_KEYS) == item
        except (TypeError, ValueError):  # What orjson raises is one of these.
            is_same, value = False, None
        if (
            not is_same
            or not isinstance(value, list)
            or len(value) != _LENGTHS[group]
            or value[0] != CANONICAL_VERSION
        ):
            reason = f"{_NAMES[group]} is not in canonical form, version {CANONICAL_VERSION}"
            raise events.fault(_first(canonical, item), reason)
        yield item, value


def _class_uids(events: Events) -> list[int]:
    """Return the OCSF class of each event, 0 where there is none."""
    for group in range(2):
        for _ in _decoded(events, group):
            pass
    classes: dict[bytes, int] = {}
    for item, value in _decoded(events, 2):
        class_uid = value[_CLASS_POSITION]
        if class_uid is None:
            class_uid = 0
        if type(class_uid) is not int or not 0 <= class_uid <= 0xFFFF:
            raise events.fault(_first(events.groups[2], item), "class is not a number of 16 bits")
        classes[item] = class_uid
    return [classes[item] for item in events.groups[2]]


def leaf_entries(events: Events) -> list[bytes]:
    """Return the leaf entry of each event; raises `TamperError` for what is not canonical."""
    count = len(events.recorded_ms)
    if len(events.salts) != count * SALTS_SIZE:
        raise events.fault(0, "salts are missing")
    heads = [bytes([number]) for number in range(1, GROUP_COUNT + 1)]
    salts = events.salts
    start = 0
    entries: list[bytes] = []
    for class_uid, unix_ms, *groups in zip(
        _class_uids(events), events.recorded_ms, *events.groups, strict=True
    ):
        commitment = _commit_start()
        for head, group in zip(heads, groups, strict=True):
            digest = _digest_start()
            digest.update(salts[start : start + SALT_SIZE] + head + _pack_length(len(group)))
            digest.update(group)
            commitment.update(digest.digest())
            start += SALT_SIZE
        entries.append(_pack_entry(LEAF_ENTRY_VERSION, class_uid, unix_ms, commitment.digest()))
    return entries


def check_times(events: Events, earliest_ms: int, start: int = 0) -> int:
    """Return the last time of recording of the events from row `start` on.

    Raises `TamperError` where time goes back.
    """
    latest = earliest_ms
    for row, unix_ms in enumerate(events.recorded_ms[start:], start):
        if unix_ms < latest:
            raise events.fault(row, f"was recorded at {unix_ms}, before the event ahead of it")
        latest = unix_ms
    return latest
