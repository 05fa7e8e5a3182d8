"""Inputs: one open file, plain or gzip, given out block by block with its positions.

Never holds more than one chunk and one record.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ombud.collect.cut import Cuts
from ombud.collect.place import Block, Position, next_input_id
from ombud.collect.source import Source
from ombud.collect.unpack import GZIP_MAGIC, Unpacker
from ombud.core.errors import NotFound, Unavailable

CHUNK_SIZE = 256 << 10
HEAD_SIZE = 256  # Bytes that recognise a file.
TAIL_SIZE = 256  # Bytes before a position that recognise what was read.


def digest(data: bytes) -> str:
    """Return the digest by which bytes of a file are recognised."""
    return hashlib.sha256(data).hexdigest()[:32]


def file_id(status: os.stat_result) -> str:
    """Return what a file keeps when it is renamed."""
    return f"{status.st_dev}:{status.st_ino}"


def open_file(path: Path) -> BinaryIO:
    """Open a file; raises `NotFound` or `Unavailable` with its name."""
    try:
        return path.open("rb", buffering=0)
    except FileNotFoundError:
        raise NotFound(f"no such file: `{path}`") from None
    except OSError as error:
        raise Unavailable(f"cannot read `{path}`: {error.strerror}") from None


class Input:
    """One file of a source, read from where it was left."""

    def __init__(self, source: Source, path: Path, file: BinaryIO, start: Position | None) -> None:
        status = os.fstat(file.fileno())
        self.path = path
        self.file_id = file_id(status)
        self.input_id = next_input_id()
        self.file = file
        self._cutter = source.cutter()
        self._head = os.pread(file.fileno(), HEAD_SIZE, 0)
        self._unpacker = Unpacker() if self._head[:2] == GZIP_MAGIC else None
        self.is_packed = self._unpacker is not None
        self._known = 0  # Bytes that are given out as known: read before.
        self._skip = 0  # Unpacked bytes that are read before and not given out at all.
        self._fed = 0  # Bytes the cutter was fed, or that lie before those.
        if start is not None and start.offset:
            self._resume(start, count_known=not source.has_native_ids)

    def _resume(self, start: Position, *, count_known: bool) -> None:
        if count_known:
            self._known = start.offset
            return
        self._cutter.line = start.line
        self._fed = start.offset
        if self._unpacker is not None:
            self._skip = start.offset
        else:
            self.file.seek(start.offset)

    @property
    def offset(self) -> int:
        """How many bytes of the file were read (of a plain file)."""
        return self._fed

    @property
    def has_pending(self) -> bool:
        """Whether bytes were read that belong to no finished record."""
        return self._cutter.pending > 0

    def position(self, *, packed_size: int = 0) -> Position:
        """Return the position after the last finished record."""
        offset = self._fed - self._cutter.pending
        tail = b""
        if self._unpacker is None and offset:
            size = min(TAIL_SIZE, offset)
            tail = os.pread(self.file.fileno(), size, offset - size)
        if len(self._head) < HEAD_SIZE:  # The file was shorter when it was opened.
            self._head = os.pread(self.file.fileno(), HEAD_SIZE, 0)
        return Position(
            path=str(self.path),
            file_id=self.file_id,
            offset=offset,
            line=self._cutter.line,
            head_size=len(self._head),
            head=digest(self._head),
            tail_size=len(tail),
            tail=digest(tail),
            packed_size=packed_size,
        )

    def blocks(self) -> Iterator[Block]:
        """Yield what there is to read up to the present end of the file."""
        while data := self._read():
            if self._unpacker is None:
                yield from self._feed(data, len(data))
                continue
            size = len(data)
            for piece in self._unpacker.feed(data):
                yield from self._feed(piece, size)
                size = 0

    def _read(self) -> bytes:
        try:
            return self.file.read(CHUNK_SIZE) or b""
        except OSError as error:
            raise Unavailable(f"cannot read `{self.path}`: {error.strerror}") from None

    def _feed(self, data: bytes, size: int) -> Iterator[Block]:
        if self._skip:
            dropped = min(self._skip, len(data))
            self._skip -= dropped
            data = data[dropped:]
        if self._fed < self._known:
            known, data = data[: self._known - self._fed], data[self._known - self._fed :]
            yield self._block(known, size, is_known=True)
            size = 0
        if data:
            yield self._block(data, size, is_known=False)

    def _block(self, data: bytes, size: int, *, is_known: bool) -> Block:
        cuts = Cuts()
        self._cutter.feed(data, cuts)
        self._fed += len(data)
        if is_known:
            return self._give(Cuts(cuts.raws, cuts.lines), None, is_known=True, size=size)
        return self._give(cuts, self.position(), size=size)

    def _give(
        self,
        cuts: Cuts,
        position: Position | None,
        *,
        size: int = 0,
        is_known: bool = False,
        is_last: bool = False,
    ) -> Block:
        return Block(
            str(self.path),
            cuts.raws,
            cuts.lines,
            cuts.faults,
            position,
            input_id=self.input_id,
            is_known=is_known,
            is_last=is_last,
            size=size,
        )

    def finish(self) -> Iterator[Block]:
        """Yield the end of the input: an unfinished last record, or the fault of a break.

        The position stays before an unfinished record, so that it is read as a
        whole should the file grow.
        """
        reason = ""
        if self._unpacker is not None:
            for piece in self._unpacker.finish():
                yield from self._feed(piece, 0)
            reason = self._unpacker.fault
        whole = os.fstat(self.file.fileno()).st_size if self.is_packed and not reason else 0
        position = self.position(packed_size=whole)
        cuts = Cuts()
        line = self._cutter.line
        self._cutter.finish(cuts, reason=reason)
        if reason and not cuts.faults:
            cuts.fault(line, reason, b"", 0)
        yield self._give(cuts, position, is_last=True)

    def settle(self) -> Block:
        """Give out a last line without terminator; only for one that is known to be whole."""
        cuts = Cuts()
        self._cutter.finish(cuts)
        return self._give(cuts, self.position())

    def unfinished(self) -> bytes:
        """Return the last line when it has no terminator yet."""
        return self._cutter.unfinished()

    def close(self) -> Block:
        """Close the file; return the word that nothing more comes of this input."""
        self.file.close()
        return self._give(Cuts(), None, is_last=True)
