"""Batch: events on their way into the record, laid out by column.

The layout is that of a write-ahead frame and of an Arrow binary array (32-bit
offsets and one blob per group), so that neither the socket nor the sealer has to
touch a single event.  A batch says nothing about time of recording, salts or
indices: the record assigns those.
"""

from __future__ import annotations

import hashlib
import struct
import sys
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from ombud.core.canonical import decode_groups, encode_groups
from ombud.core.errors import EventError
from ombud.core.event import Event

IDENTITY_SIZE = 8
RAW_DIGEST_SIZE = 16
GROUP_COUNT = 4
COUNT_MAX = 16_384  # Events in one batch: bounds the memory of the writer.
SIZE_MAX = 64 << 20  # Bytes of all groups of one batch.
RAW_SIZE_MAX = 16 << 20  # Bytes of one original; what is larger goes to quarantine.

_HEAD = struct.Struct("<II4I")  # magic, count, bytes of each blob
_MAGIC = 0x31424D4F  # "OMB1"

# An event as canonical bytes, what a fast path gives: class, the three mapped
# groups in order, native id.  A plain tuple: one is made for every event.
Row = tuple[int, bytes, bytes, bytes, str | None]

if sys.byteorder != "little":  # Columns are written as they lie in memory.
    raise ImportError("the record is written on little-endian machines only")


@dataclass(frozen=True, slots=True)
class Batch:
    """Events in columns; all columns have `count` rows.

    `classes`: u16.  `identities`: 8 bytes a row, the hash of source and native
    id.  `raw_digests`: 16 bytes a row, the head of the SHA-256 of the original.
    `offsets[g]`: `count + 1` int32 into `blobs[g]`, for the groups in order.
    """

    count: int
    classes: array[int]
    identities: bytes
    raw_digests: bytes
    offsets: tuple[array[int], ...]
    blobs: tuple[bytes, ...]

    def group(self, number: int, row: int) -> bytes:
        """Return the bytes of group `number` (from 1) of one row."""
        offsets = self.offsets[number - 1]
        return self.blobs[number - 1][offsets[row] : offsets[row + 1]]

    def to_parts(self) -> list[bytes]:
        """Return the encoded batch as the pieces that make it up, in order."""
        head = _HEAD.pack(_MAGIC, self.count, *(len(blob) for blob in self.blobs))
        return [
            head,
            self.classes.tobytes(),
            self.identities,
            self.raw_digests,
            *(offsets.tobytes() for offsets in self.offsets),
            *self.blobs,
        ]

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> Batch:
        """Return the batch that `to_parts` wrote; raises `EventError` on any other bytes."""
        view = memoryview(data)
        if len(view) < _HEAD.size:
            raise EventError("batch is shorter than its header")
        magic, count, *sizes = _HEAD.unpack_from(view)
        columns = (2, IDENTITY_SIZE, RAW_DIGEST_SIZE)
        expected = _HEAD.size + count * sum(columns) + 4 * 4 * (count + 1) + sum(sizes)
        if magic != _MAGIC or not 0 < count <= COUNT_MAX or len(view) != expected:
            raise EventError("batch is malformed: its header does not fit its length")
        position = _HEAD.size

        def take(size: int) -> bytes:
            nonlocal position
            piece = bytes(view[position : position + size])
            position += size
            return piece

        classes = array("H", take(2 * count))
        identities = take(IDENTITY_SIZE * count)
        raw_digests = take(RAW_DIGEST_SIZE * count)
        offsets = tuple(array("i", take(4 * (count + 1))) for _ in range(GROUP_COUNT))
        blobs = tuple(take(size) for size in sizes)
        for ends, blob in zip(offsets, blobs, strict=True):
            if ends[0] != 0 or ends[-1] != len(blob) or sorted(ends) != ends.tolist():
                raise EventError("batch is malformed: its offsets do not fit its bytes")
        return cls(count, classes, identities, raw_digests, offsets, blobs)


@dataclass(frozen=True, slots=True)
class Committed:
    """Events of the record in log order, by column: what readers of the record are given.

    Row `r` is the event of index `first_index + r`, recorded at `recorded_ms[r]`.
    `offsets` and `blobs` are those of `Batch`; an erased group is empty.
    """

    first_index: int
    count: int
    recorded_ms: array[int]
    offsets: tuple[array[int], ...]
    blobs: tuple[bytes | memoryview, ...]

    def group(self, number: int, row: int) -> bytes:
        """Return the bytes of group `number` (from 1) of one row."""
        offsets = self.offsets[number - 1]
        return bytes(self.blobs[number - 1][offsets[row] : offsets[row + 1]])

    def values(self, row: int) -> dict[str, Any]:
        """Return the fields of one row by attribute, without the original."""
        return decode_groups(*(self.group(number, row) for number in (1, 2, 3)))

    def event(self, row: int) -> Event:
        """Return one row as an event, with `id`, `ingested_at` and the original."""
        values: dict[str, Any] = {"time": self.recorded_ms[row], "source": "", "action": "other"}
        values.update(self.values(row))
        return Event(
            **values,
            id=self.first_index + row,
            ingested_at=self.recorded_ms[row],
            raw=self.group(4, row),
        )


class BatchBuilder:
    """Collects events until the batch is full or taken."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self.count = 0
        self.size = 0
        self._classes = array("H")
        self._identities: list[bytes] = []
        self._raw_digests: list[bytes] = []
        self._groups: tuple[list[bytes], ...] = ([], [], [], [])

    @property
    def is_full(self) -> bool:
        """Whether the batch must be taken before another event is added."""
        return self.count >= COUNT_MAX or self.size >= SIZE_MAX - RAW_SIZE_MAX

    def add(self, event: Event, *, ordinal: int = 0) -> None:
        """Add one event; `ordinal` tells identical originals without a native id apart."""
        actor, data_subject, content = encode_groups(event)
        self.add_canonical(
            event.class_uid or 0,
            actor,
            data_subject,
            content,
            event.raw,
            source=event.source,
            native_id=event.native_id,
            ordinal=ordinal,
        )

    def add_canonical(
        self,
        class_uid: int,
        actor: bytes,
        data_subject: bytes,
        content: bytes,
        raw: bytes,
        *,
        source: str,
        native_id: str | None,
        ordinal: int = 0,
    ) -> None:
        """Add one event given as canonical bytes: the path of sources in a hurry."""
        raw_digest = hashlib.sha256(raw).digest()[:RAW_DIGEST_SIZE]
        identity = (
            f"{source}\0{native_id}".encode()
            if native_id is not None
            else f"{source}\0\0{ordinal}\0".encode() + raw_digest
        )
        self._classes.append(class_uid)
        self._identities.append(hashlib.sha256(identity).digest()[:IDENTITY_SIZE])
        self._raw_digests.append(raw_digest)
        actors, data_subjects, contents, raws = self._groups
        actors.append(actor)
        data_subjects.append(data_subject)
        contents.append(content)
        raws.append(raw)
        self.count += 1
        self.size += len(raw) + len(actor) + len(data_subject) + len(content)

    def add_rows(self, rows: Sequence[Row], raws: Sequence[bytes], *, source: str) -> None:
        """Add events that all have a native id: many at a time cost half of one by one."""
        classes, *groups, native_ids = zip(*rows, strict=True)
        sha256 = hashlib.sha256
        # A hash object that has taken the constant head is cheaper to copy than to make.
        start = sha256(f"{source}\0".encode()).copy
        for native_id in native_ids:
            identity = start()
            identity.update(native_id.encode())
            self._identities.append(identity.digest()[:IDENTITY_SIZE])
        self._raw_digests += [sha256(raw).digest()[:RAW_DIGEST_SIZE] for raw in raws]
        self._classes.extend(classes)
        for parts, added in zip(self._groups, (*groups, raws), strict=True):
            parts.extend(added)
            self.size += sum(map(len, added))
        self.count += len(rows)

    def take(self) -> Batch:
        """Return what was added as a batch and start anew; there must be an event."""
        batch = Batch(
            self.count,
            self._classes,
            b"".join(self._identities),
            b"".join(self._raw_digests),
            tuple(array("i", accumulate(map(len, parts), initial=0)) for parts in self._groups),
            tuple(b"".join(parts) for parts in self._groups),
        )
        self._clear()
        return batch
