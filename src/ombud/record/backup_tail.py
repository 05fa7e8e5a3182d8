"""Backup tail: the unsealed events of a home, taken over at one durable size.

The write-ahead files are held open while they are copied, so that a file sealed
meanwhile loses nothing.  From the copy the tree is built again: its tiles and the
last tree head are made from the events, never taken from files that change.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ombud.core.errors import TamperError, Unavailable
from ombud.record.copying import Copier
from ombud.record.leaves import make_leaves
from ombud.record.log_writer import LogWriter
from ombud.record.paths import Home, WalFile
from ombud.record.verify_files import read_whole
from ombud.record.wal import (
    NOTE_SIZE_MAX,
    Frame,
    FrameError,
    find_frames_after,
    read_frames,
    read_head,
)
from ombud.tlog.note import NoteError, Verifier
from ombud.tlog.tree_head import TreeHead, open_tree_head

OPEN_TRIES = 10  # A file may be sealed between listing and opening; that takes seconds.
WRITE_SIZE = 4 << 20  # Bytes of tiles kept back while frames are read.


@dataclass(frozen=True, slots=True)
class OpenTail:
    """The write-ahead files of a home, held open, oldest first."""

    files: list[tuple[WalFile, int]]

    @property
    def base(self) -> int:
        """Index of the first event in them: below it lie segments."""
        return self.files[0][0].first_index

    @property
    def last(self) -> int:
        """Index of the first event of the newest file, which is still written."""
        return self.files[-1][0].first_index


@contextmanager
def open_tail(home: Home) -> Iterator[OpenTail]:
    """Hold the write-ahead files of a home open."""
    for _ in range(OPEN_TRIES):
        with ExitStack() as stack:
            listed = home.wal_files()
            if not listed:
                raise TamperError("the write-ahead log is gone", origin=str(home.wal))
            opened: list[tuple[WalFile, int]] = []
            try:
                for file in listed:
                    fd = os.open(file.path, os.O_RDONLY | os.O_CLOEXEC)
                    stack.callback(os.close, fd)
                    opened.append((file, fd))
            except FileNotFoundError:
                continue
            yield OpenTail(opened)
            return
    raise Unavailable(f"`{home.wal}` changes faster than it can be opened")


@contextmanager
def held_still(home: Home) -> Iterator[bool]:
    """Keep writers out of a home that rests; yields False, and does nothing, if one has it."""
    try:
        fd = os.open(home.lock, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True  # Nobody ever wrote here, or only a copy of it.
        return
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
    finally:
        os.close(fd)


class Tail:
    """Builds the end of a copied log from the copied write-ahead files."""

    def __init__(self, target: Home, verifier: Verifier) -> None:
        self._target = target
        self._verifier = verifier
        self._log = LogWriter(target)
        self._note = b""

    def take(
        self, tail: OpenTail, copier: Copier, state: bytes, *, until: int | None
    ) -> tuple[TreeHead, bytes]:
        """Copy the files up to a durable size, publish the tree; return its signed head.

        Without `until` the home rests, and every good frame is taken.  Raises
        `TamperError` when the events do not lead to the head in `state`.
        """
        let_out = self._open(state, "state")
        for place, (file, fd) in enumerate(tail.files):
            name = f"wal/{file.path.name}"
            copier.copy_open(fd, name)
            copied = WalFile(self._target.root / name, file.first_index)
            if place == 0:
                start = read_head(copied.path)
                self._log = LogWriter.restore(self._target, start.first_index, start.edge)
            following = tail.files[place + 1][0] if place + 1 < len(tail.files) else None
            end = self._replay(copied, let_out, None if following else until, following)
            with copied.path.open("r+b") as cut:
                cut.truncate(end)
            del copier.files[name]  # Other bytes now than were copied.
        if not self._note:
            if self._log.size != let_out.size:
                raise TamperError(
                    "the write-ahead log holds no event", origin=str(self._target.wal)
                )
            self._note = state
        head = self._open(self._note, "the last batch")
        if (head.size, head.root) != (self._log.size, self._log.root()):
            raise TamperError("events are not those that the tree head signs", origin="wal")
        if until is None and let_out.size > head.size:
            reason = f"signs {let_out.size} events, but the record ends at {head.size}"
            raise TamperError(reason, origin="state")
        self._log.publish(self._note)
        return head, self._note

    def _open(self, note: bytes, place: str) -> TreeHead:
        try:
            return open_tree_head(note, self._verifier.name, [self._verifier])
        except NoteError as error:
            raise TamperError(f"tree head is not ours: {error}", origin=place) from error

    def _replay(
        self, file: WalFile, let_out: TreeHead, until: int | None, following: WalFile | None
    ) -> int:
        """Put the events of a copied file into the tree; return where its last frame ends."""
        offset = read_head(file.path).size
        try:
            for frame in read_frames(file.path, until=until):
                self._add(frame, let_out)
                offset = frame.next_offset
        except FrameError:
            # Else it is the last write of a writer that was killed, never acknowledged.
            if following is not None or until is not None or self._is_followed(file.path, offset):
                raise
        if following is not None and self._log.size != following.first_index:
            message = f"file ends at event {self._log.size}, the next starts elsewhere"
            raise FrameError(message, file.path, offset)
        return offset

    def _add(self, frame: Frame, let_out: TreeHead) -> None:
        entries, hashes = make_leaves(frame.batch, frame.salts, frame.recorded_ms)
        self._log.append(entries, hashes)
        self._note = frame.note
        if self._log.size == let_out.size and self._log.root() != let_out.root:
            reason = f"the record has another root at size {let_out.size}"
            raise TamperError(reason, origin="state")
        if self._log.waiting_size > WRITE_SIZE:
            self._log.write_full()

    def _is_followed(self, path: Path, offset: int) -> bool:
        """Whether a signed batch lies beyond a bad one, which was then acknowledged."""
        for frame in find_frames_after(path, offset):
            try:
                head = open_tree_head(frame.note, self._verifier.name, [self._verifier])
            except NoteError:
                continue
            if head.size == frame.end > self._log.size:
                return True
        return False


def read_state(home: Home) -> bytes:
    """Return the last tree head that a home let out."""
    return read_whole(home.state, NOTE_SIZE_MAX)
