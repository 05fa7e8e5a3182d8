"""Write-ahead files: batches with the signed tree head after each, one fsync a frame.

A file starts with a head: the index of its first event and the right edge of
the tree there (the partial tiles by level, then the leaf entries of the partial
bundle), so that the tree restarts from this file alone.  Frames follow, each
`head | note | salts | batch | zeros to a multiple of 8`, all little-endian, with
a CRC-32C over all but magic and CRC.  Zeros to the end of the file are reserved
space; any other byte that is not part of a good frame is an error.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import google_crc32c

from ombud.core.batch import COUNT_MAX, SIZE_MAX, Batch
from ombud.core.commitment import LEAF_ENTRY_SIZE, SALT_SIZE
from ombud.core.errors import EventError, TamperError, Unavailable
from ombud.record import files
from ombud.tlog.merkle import HASH_SIZE
from ombud.tlog.tile import TILE_WIDTH, tile_widths

VERSION = 1
SALTS_SIZE = 4 * SALT_SIZE  # One salt for each field group of an event.
NOTE_SIZE_MAX = 16 << 10  # A signed tree head with some cosignatures is under 4 KB.
RESERVE_SIZE = 4 << 20  # Reserved at a time: fsync of reserved space is cheaper, and
# a full disk is noticed before anything is signed.

_FILE_MAGIC = b"OMBUDWAL"
_FRAME_MAGIC = 0x464C4157  # "WALF"
_FILE_HEAD = struct.Struct("<8sIIQII")  # magic, version, crc, first index, edge size, 0
_FRAME_START = struct.Struct("<II")  # magic, crc
_FRAME_REST = struct.Struct("<IIQQII")  # body size, count, first index, ms, note size, 0
_FRAME_HEAD_SIZE = _FRAME_START.size + _FRAME_REST.size
_BODY_SIZE_MAX = NOTE_SIZE_MAX + SIZE_MAX + (COUNT_MAX + 1) * (SALTS_SIZE + 64)
_ZEROS_STEP = 1 << 20


def no_room(error: OSError, path: Path) -> Unavailable:
    """Return what a disk that takes nothing means for whoever wants to record."""
    return Unavailable(
        f"no room for events: `{path}`: {error.strerror}",
        retry_seconds=5.0,
        hint="free space on that disk: recording goes on by itself; nothing acknowledged is lost",
    )


class FrameError(TamperError):
    """A frame that is not good; `offset` is where it starts in its file."""

    def __init__(self, message: str, path: Path, offset: int) -> None:
        super().__init__(message, origin=f"{path}: byte {offset}")
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Frame:
    """One group commit: events `[first_index, end)` and the tree head after them."""

    first_index: int
    recorded_ms: int
    note: bytes
    salts: bytes
    batch: Batch
    offset: int
    next_offset: int

    @property
    def end(self) -> int:
        """Index after the last event: the tree size that `note` signs."""
        return self.first_index + self.batch.count


@dataclass(frozen=True, slots=True)
class FileHead:
    """The head of a file: where it starts and the right edge of the tree there."""

    first_index: int
    edge: bytes
    size: int


def edge_size(tree_size: int) -> int:
    """Return the bytes of the right edge of a tree: partial tiles and partial bundle."""
    hashes = sum(width for _, _, width in tile_widths(tree_size)) * HASH_SIZE
    return hashes + tree_size % TILE_WIDTH * LEAF_ENTRY_SIZE


def _padding(size: int) -> bytes:
    return bytes(-size % 8)


def encode_file_head(first_index: int, edge: bytes) -> bytes:
    """Return the first bytes of a file."""
    crc = google_crc32c.value(struct.pack("<QII", first_index, len(edge), 0) + edge)
    head = _FILE_HEAD.pack(_FILE_MAGIC, VERSION, crc, first_index, len(edge), 0)
    return head + edge + _padding(len(edge))


def encode_frame(
    first_index: int, recorded_ms: int, note: bytes, salts: bytes, parts: Sequence[bytes]
) -> list[bytes]:
    """Return the pieces of a frame, in order; `parts` are those of its batch."""
    body = [note, salts, *parts]
    size = sum(map(len, body))
    count = len(salts) // SALTS_SIZE
    rest = _FRAME_REST.pack(size, count, first_index, recorded_ms, len(note), 0)
    crc = google_crc32c.value(rest)
    for part in body:
        crc = google_crc32c.extend(crc, part)
    return [_FRAME_START.pack(_FRAME_MAGIC, crc), rest, *body, _padding(size)]


def frame_size_max(count: int, parts: Sequence[bytes]) -> int:
    """Return the bytes that a frame takes at most, before its note is known."""
    return _FRAME_HEAD_SIZE + NOTE_SIZE_MAX + SALTS_SIZE * count + sum(map(len, parts)) + 8


def _read_head(file: BinaryIO, path: Path) -> FileHead:
    head = file.read(_FILE_HEAD.size)
    if len(head) < _FILE_HEAD.size:
        raise FrameError("write-ahead file is shorter than its head", path, 0)
    magic, version, crc, first_index, size, zero = _FILE_HEAD.unpack(head)
    if magic != _FILE_MAGIC or version != VERSION:
        raise FrameError("not a write-ahead file of version 1", path, 0)
    if size != edge_size(first_index):
        raise FrameError("right edge of the tree has the wrong size", path, 0)
    edge = file.read(size)
    padding = file.read(len(_padding(size)))
    if (
        crc != google_crc32c.value(struct.pack("<QII", first_index, size, zero) + edge)
        or padding != _padding(size)
        or zero
    ):
        raise FrameError("head of the write-ahead file is damaged", path, 0)
    return FileHead(first_index, edge, _FILE_HEAD.size + size + len(padding))


def read_head(path: Path) -> FileHead:
    """Return the head of a file; raises `FrameError` when it is not good."""
    with path.open("rb") as file:
        return _read_head(file, path)


def _check_zeros(file: BinaryIO, path: Path, offset: int) -> None:
    file.seek(offset)
    while chunk := file.read(_ZEROS_STEP):
        if chunk.count(0) != len(chunk):
            raise FrameError("bytes after the last frame", path, offset)


class _Head(NamedTuple):
    crc: int
    checked: bytes  # What of the head the checksum covers.
    body_size: int
    events: int
    first_index: int
    recorded_ms: int
    note_size: int


def _read_frame_head(file: BinaryIO, path: Path, offset: int) -> _Head | None:
    """Return the head of the frame at an offset, or None where only zeros follow."""
    file.seek(offset)
    head = file.read(_FRAME_HEAD_SIZE)
    if head.count(0) == len(head):
        _check_zeros(file, path, offset)
        return None
    if len(head) < _FRAME_HEAD_SIZE:
        raise FrameError("frame ends early", path, offset)
    magic, crc = _FRAME_START.unpack_from(head)
    checked = head[_FRAME_START.size :]
    size, count, first_index, recorded_ms, note_size, zero = _FRAME_REST.unpack(checked)
    if magic != _FRAME_MAGIC:
        raise FrameError("frame does not start with its magic", path, offset)
    if size > _BODY_SIZE_MAX or note_size > NOTE_SIZE_MAX or not 0 < count <= COUNT_MAX or zero:
        raise FrameError("frame has an impossible size", path, offset)
    return _Head(crc, checked, size, count, first_index, recorded_ms, note_size)


def _read_frame(file: BinaryIO, path: Path, offset: int) -> Frame | None:
    """Return the frame at an offset, or None where only zeros follow."""
    head = _read_frame_head(file, path, offset)
    if head is None:
        return None
    size = head.body_size
    padding = _padding(size)
    body = file.read(size + len(padding))
    if len(body) < size + len(padding):
        raise FrameError("frame ends early", path, offset)
    covered = body[:size] if padding else body
    if head.crc != google_crc32c.extend(google_crc32c.value(head.checked), covered):
        raise FrameError("frame does not match its checksum", path, offset)
    batch_start = head.note_size + SALTS_SIZE * head.events
    if body[size:] != padding or batch_start > size:
        raise FrameError("frame is malformed", path, offset)
    try:
        batch = Batch.from_bytes(memoryview(body)[batch_start:size])
    except EventError as error:
        raise FrameError(f"frame holds no batch: {error}", path, offset) from error
    if batch.count != head.events:
        raise FrameError("frame and its batch disagree on the number of events", path, offset)
    return Frame(
        head.first_index,
        head.recorded_ms,
        body[: head.note_size],
        body[head.note_size : batch_start],
        batch,
        offset,
        offset + _FRAME_HEAD_SIZE + len(body),
    )


def find_offsets(
    path: Path, start: tuple[int, int] | None, until: int
) -> Iterator[tuple[int, int, int]]:
    """Yield (first index, end, offset) of frames up to an index, from their heads alone.

    `start` is an (index, offset) as for `read_frames`.
    """
    with path.open("rb") as file:
        if start is None:
            file_head = _read_head(file, path)
            start = (file_head.first_index, file_head.size)
        index, offset = start
        while index < until:
            head = _read_frame_head(file, path, offset)
            if head is None:
                return
            if head.first_index != index:
                raise FrameError(f"event {index} is missing", path, offset)
            yield index, index + head.events, offset
            index += head.events
            offset += _FRAME_HEAD_SIZE + head.body_size + len(_padding(head.body_size))


def read_frames(
    path: Path,
    *,
    start: tuple[int, int] | None = None,
    until: int | None = None,
) -> Iterator[Frame]:
    """Yield the frames of a file in order; raises `FrameError` at the first that is not good.

    `start` is the (index, offset) of a frame to begin with, from an earlier
    frame's `end` and `next_offset`.  With `until`, nothing past the frame that
    reaches that index is looked at: the way to read a file that is being
    written, up to what is known to be durable.  `FileNotFoundError` passes.
    """
    with path.open("rb") as file:
        if start is None:
            head = _read_head(file, path)
            start = (head.first_index, head.size)
        index, offset = start
        while until is None or index < until:
            frame = _read_frame(file, path, offset)
            if frame is None:
                return
            if frame.first_index != index:
                message = f"frame starts at event {frame.first_index}, not {index}"
                raise FrameError(message, path, offset)
            yield frame
            index, offset = frame.end, frame.next_offset


def find_frames_after(path: Path, offset: int) -> Iterator[Frame]:
    """Yield every good frame beyond a bad one, wherever it starts."""
    magic = struct.pack("<I", _FRAME_MAGIC)
    with path.open("rb") as file:
        file.seek(offset)
        tail = file.read()  # At most a frame and the reserved space.
        position = 0
        while (position := tail.find(magic, position + 1)) >= 0:
            with suppress(FrameError):
                frame = _read_frame(file, path, offset + position)
                if frame is not None:
                    yield frame


class WalWriter:
    """The write-ahead file that is being written; owned by the recorder alone."""

    def __init__(self, path: Path, fd: int, first_index: int, size: int) -> None:
        self.path = path
        self.first_index = first_index
        self.size = size  # Where the next frame starts.
        self._fd = fd
        self._reserved = size

    @classmethod
    def create(cls, path: Path, temporary: Path, first_index: int, edge: bytes) -> WalWriter:
        """Start a new file durably: it appears whole or not at all."""
        head = encode_file_head(first_index, edge)
        files.write_durably(path, head, temporary)
        return cls(path, os.open(path, os.O_RDWR), first_index, len(head))

    @classmethod
    def resume(cls, path: Path, first_index: int, size: int) -> WalWriter:
        """Go on after the last good frame; what lies beyond is cut off, and all made durable."""
        fd = os.open(path, os.O_RDWR)
        files.truncate(fd, size)
        files.sync(fd, path)
        return cls(path, fd, first_index, size)

    def reserve(self, size: int) -> None:
        """Make room for a frame; raises `Unavailable` when the disk is full."""
        needed = self.size + size
        if needed <= self._reserved:
            return
        room = -(-(needed - self._reserved) // RESERVE_SIZE) * RESERVE_SIZE
        try:
            files.reserve(self._fd, self._reserved, room)
        except OSError as error:
            raise no_room(error, self.path) from error
        self._reserved += room

    def append(self, parts: list[bytes]) -> None:
        """Write one frame and make it durable; an error ends the process."""
        files.write(self._fd, parts, self.size, self.path)
        files.sync(self._fd, self.path)
        self.size += sum(map(len, parts))

    def close(self) -> None:
        """Give back the reserved space and let go of the file."""
        files.truncate(self._fd, self.size)
        files.sync(self._fd, self.path)
        os.close(self._fd)

    def abandon(self) -> None:
        """Let go of the file as it is."""
        os.close(self._fd)
