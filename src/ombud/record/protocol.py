"""Protocol: what goes over the recorder's socket, one reply to each request.

Both are `magic | size | code | body`, little-endian.  An append carries batches,
each behind its size; every other body is JSON.  A reply's code says whether its
body is the answer or an error of `ombud.core.errors`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from enum import IntEnum
from pathlib import Path
from typing import Any

import orjson

from ombud.core import errors
from ombud.core.batch import COUNT_MAX, SIZE_MAX, Batch
from ombud.core.errors import EventError, InputError, OmbudError, Unavailable
from ombud.record.receipt import Receipt

HEAD_SIZE = 12
# A batch at its limits with its columns; larger appends go in several requests.
REQUEST_SIZE_MAX = SIZE_MAX + 128 * COUNT_MAX + 4096
SOCKET_PATH_SIZE_MAX = 107  # Of `sun_path`, which ends with a zero byte.
_MAGIC = 0x424D4F52  # "ROMB"
_HEAD = struct.Struct("<IIB3x")
_SIZE = struct.Struct("<I")


class Operation(IntEnum):
    """What may be asked."""

    APPEND = 1
    HEAD = 2
    ROTATE = 3
    SEALED = 4
    PING = 5


class Status(IntEnum):
    """How a reply begins."""

    DONE = 0
    ERROR = 1


def encode_head(code: int, size: int) -> bytes:
    """Return the head of a message."""
    return _HEAD.pack(_MAGIC, size, code)


def parse_head(head: bytes | bytearray) -> tuple[int, int]:
    """Return code and body size; raises `InputError` when it is not a head of ours."""
    magic, size, code = _HEAD.unpack(head)
    if magic != _MAGIC or size > REQUEST_SIZE_MAX:
        raise InputError("not a message of the recorder's protocol")
    return code, size


def encode_batches(batches: Sequence[Batch]) -> list[bytes]:
    """Return the pieces of the body of an append."""
    parts = []
    for batch in batches:
        pieces = batch.to_parts()
        parts.append(_SIZE.pack(sum(map(len, pieces))))
        parts += pieces
    return parts


def parse_batches(body: memoryview) -> list[Batch]:
    """Return the batches of an append; raises `EventError`."""
    batches = []
    position = 0
    while position < len(body):
        if position + _SIZE.size > len(body):
            raise EventError("append ends early")
        (size,) = _SIZE.unpack_from(body, position)
        position += _SIZE.size
        batches.append(Batch.from_bytes(body[position : position + size]))
        position += size
    return batches


def encode_receipts(receipts: Sequence[Receipt]) -> bytes:
    """Return the body of the reply to an append."""
    return orjson.dumps(
        [
            (r.first_index, r.last_index, r.recorded, r.duplicate, r.id_conflict, r.size)
            for r in receipts
        ]
    )


def parse_receipts(body: bytes) -> list[Receipt]:
    """Return the receipts of a reply."""
    return [Receipt(*values) for values in orjson.loads(body)]


def encode_error(error: OmbudError) -> bytes:
    """Return the body of a reply that says no."""
    retry = error.retry_seconds if isinstance(error, Unavailable) else 0.0
    return orjson.dumps(
        {
            "kind": type(error).__name__,
            "message": str(error),
            "hint": error.hint,
            "retry_seconds": retry,
        }
    )


def parse_error(body: bytes) -> OmbudError:
    """Return the error of a reply; one that is not known here is `Unavailable`."""
    values: dict[str, Any] = orjson.loads(body)
    message, hint = values["message"], values["hint"]
    kind = getattr(errors, values["kind"], None)
    if isinstance(kind, type) and issubclass(kind, OmbudError) and kind is not Unavailable:
        with suppress(TypeError):  # A kind that asks for more than a message.
            return kind(message, hint=hint)
    return Unavailable(message, retry_seconds=values["retry_seconds"] or 1.0, hint=hint)


class SocketAddress:
    """A path as the address of a Unix socket, also when it is too long for one."""

    def __init__(self, path: Path) -> None:
        """Use as a context manager; the address holds within it."""
        self._path = path
        self._fd = -1

    def __enter__(self) -> str:
        """Return the address."""
        if len(os.fsencode(self._path)) <= SOCKET_PATH_SIZE_MAX:
            return str(self._path)
        self._fd = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY)
        return f"/proc/self/fd/{self._fd}/{self._path.name}"

    def __exit__(self, *_: object) -> None:
        """Let go of the folder."""
        if self._fd >= 0:
            os.close(self._fd)
