"""Spool: events on their way to the server, on disk before anybody relies on them.

Append-only files of lines, each with its checksum.  What `append` took is there
after a crash, and is sent again until the server has it; the server knows an event
by its id, so that it is recorded once.  When there is no room, events are refused.
"""

from __future__ import annotations

import fcntl
import os
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import orjson

from ombud.core.errors import InputError, Unavailable

SEGMENT_MAX = 4 << 20  # Bytes of one file; a file that was sent is removed as a whole.
SIZE_MAX = 256 << 20
LINE_MAX = 1 << 20  # Bytes of one event.
DAMAGED = "damaged.lines"
REFUSED = "refused.lines"
_POSITION = "position"
_SUFFIX = ".spool"


class SpoolFull(Unavailable):
    """There is no room for another event: what the program did cannot be told now."""

    code = "spool_full"


class Mark(NamedTuple):
    """A place in the spool: everything before it is done."""

    segment: int
    offset: int


class Spool:
    """The spool of one program; another process may not use the same folder."""

    def __init__(self, folder: Path, *, size_max: int = SIZE_MAX) -> None:
        """Open or make the spool and repair what a crash left; raises `Unavailable`."""
        self._folder = folder
        self._size_max = size_max
        self._lock = threading.Lock()
        self._pid = os.getpid()
        self._end = self._aside = Mark(0, 0)
        self.arrived = threading.Condition()
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._held = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"cannot use `{folder}`: {error.strerror}") from error
        try:
            fcntl.flock(self._held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._begin = self._read_position()
            segments = self._segments()
            number = segments[-1] if segments else self._begin.segment
            self._drop_torn_end(self._path(number))
            self._open(number)
            if self._begin > self._end:  # Files are gone: send what there is, twice if need be.
                self._begin = Mark(min(self._segments()), 0)
        except BlockingIOError as error:
            os.close(self._held)
            raise Unavailable(
                f"`{folder}` is used by another process", hint="give each its own folder"
            ) from error
        except OSError as error:
            os.close(self._held)
            raise Unavailable(f"cannot use `{folder}`: {error.strerror}") from error

    def close(self) -> None:
        """Let the folder go; what was not sent stays in it."""
        with self._lock:
            if self._held >= 0:
                os.close(self._file)
                os.close(self._held)  # Ends the lock.
                self._held = -1

    def append(self, document: bytes) -> None:
        """Keep one JSON document; returns when it is on disk.

        Raises `SpoolFull` without room, `Unavailable` when the disk refuses it.
        """
        if b"\n" in document or len(document) > LINE_MAX:
            raise InputError(f"an event is one line of at most {LINE_MAX} bytes")
        line = b"%08x %b\n" % (zlib.crc32(document), document)
        with self._lock:
            self._check_mine()
            if self._pending_bytes() + len(line) > self._size_max:
                raise SpoolFull(
                    f"`{self._folder}` holds {self._size_max} bytes that were not sent",
                    hint="the server is away or refuses them; its log and ours say why",
                )
            try:
                if self._end.offset and self._end.offset + len(line) > SEGMENT_MAX:
                    os.close(self._file)
                    self._open(self._end.segment + 1)
                self._write(line)
            except OSError as error:
                raise Unavailable(f"cannot write `{self._folder}`: {error.strerror}") from error
        with self.arrived:
            self.arrived.notify_all()

    def _write(self, line: bytes) -> None:
        segment, offset = self._end
        try:
            view = memoryview(line)
            while view:
                view = view[os.write(self._file, view) :]
            os.fdatasync(self._file)
        except OSError:
            with suppress(OSError):  # Half a line would be taken for damage.
                os.ftruncate(self._file, offset)
            raise
        self._end = Mark(segment, offset + len(line))

    @property
    def pending(self) -> int:
        """How many bytes wait to be sent."""
        with self._lock:
            return self._pending_bytes()

    def take(self, *, count_max: int, size_max: int) -> tuple[list[bytes], Mark]:
        """Return the oldest documents and the place after them; an empty list for none.

        A line whose checksum is wrong is put aside into `damaged.lines`.
        """
        with self._lock:
            self._check_mine()
            documents: list[bytes] = []
            size, mark = 0, self._begin
            for line, after in self._lines():
                document = _document(line)
                if document is None:
                    if after > self._aside:  # Once, however often it is taken.
                        self._put_aside(DAMAGED, line)
                        self._aside = after
                elif documents and size + len(document) > size_max:
                    break
                else:
                    documents.append(document)
                    size += len(document)
                mark = after
                if len(documents) >= count_max:
                    break
            return documents, mark

    def done(self, mark: Mark) -> None:
        """Forget everything before a place: the server has it."""
        with self._lock:
            self._check_mine()
            if mark <= self._begin:
                return
            temporary = self._folder / f"{_POSITION}.new"
            with temporary.open("wb") as file:
                file.write(orjson.dumps(list(mark)))
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(self._folder / _POSITION)
            self._sync_folder()
            self._begin = mark
            for number in self._segments():
                if number < mark.segment:
                    self._path(number).unlink(missing_ok=True)

    def refuse(self, documents: list[bytes]) -> None:
        """Put documents aside that the server will never take; they stay in the folder."""
        with self._lock:
            for document in documents:
                self._put_aside(REFUSED, document + b"\n")

    def aside(self) -> dict[str, int]:
        """Return how many lines were put aside, by the name of their file."""
        found = {}
        for name in (DAMAGED, REFUSED):
            with suppress(FileNotFoundError):
                found[name] = (self._folder / name).read_bytes().count(b"\n")
        return found

    def _lines(self) -> Iterator[tuple[bytes, Mark]]:
        segment, offset = self._begin
        while segment <= self._end.segment:
            with suppress(FileNotFoundError), self._path(segment).open("rb") as file:
                file.seek(offset)
                while line := file.readline(LINE_MAX + 16):
                    offset += len(line)
                    yield line, Mark(segment, offset)
            segment, offset = segment + 1, 0

    def _put_aside(self, name: str, line: bytes) -> None:
        with (self._folder / name).open("ab") as file:
            file.write(line if line.endswith(b"\n") else line + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _check_mine(self) -> None:
        if self._held < 0:
            raise Unavailable(f"`{self._folder}` is closed")
        if self._pid != os.getpid():
            raise Unavailable(
                f"`{self._folder}` belongs to the process that opened it",
                hint="make the client after the fork",
            )

    def _pending_bytes(self) -> int:
        total = -self._begin.offset
        for number in self._segments():
            if number >= self._begin.segment:
                total += self._path(number).stat().st_size
        return max(0, total)

    def _segments(self) -> list[int]:
        names = (path.stem for path in self._folder.glob(f"*{_SUFFIX}"))
        return sorted(int(name) for name in names if name.isdecimal())

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:012d}{_SUFFIX}"

    def _open(self, number: int) -> None:
        path = self._path(number)
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._file = os.open(path, flags, 0o600)
        self._sync_folder()
        self._end = Mark(number, path.stat().st_size)

    def _sync_folder(self) -> None:
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _read_position(self) -> Mark:
        """Return where to go on; without a position everything is sent, which does no harm."""
        with suppress(OSError, ValueError, TypeError):
            segment, offset = orjson.loads((self._folder / _POSITION).read_bytes())
            return Mark(int(segment), int(offset))
        return Mark(min(self._segments(), default=0), 0)

    def _drop_torn_end(self, path: Path) -> None:
        """Cut off what was being written when the program ended: nobody was told that it is kept.

        A last line that is whole stays, also one that was not yet acknowledged.
        """
        with suppress(FileNotFoundError), path.open("r+b") as file:
            file.seek(max(0, path.stat().st_size - LINE_MAX - 16))
            start = file.tell()
            tail = file.read()
            if tail and not tail.endswith(b"\n"):
                file.truncate(start + tail.rfind(b"\n") + 1)
                os.fsync(file.fileno())


def _document(line: bytes) -> bytes | None:
    """Return what a line holds; None when it is damaged."""
    checksum, _, document = line.rstrip(b"\n").partition(b" ")
    is_whole = line.endswith(b"\n") and b"%08x" % zlib.crc32(document) == checksum
    return document if is_whole else None
