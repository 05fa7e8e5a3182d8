"""Verified write-ahead files: the unsealed tail, and what seals and signs the rest.

First a scan: checksums, the signature of every frame's tree head, sealing
events.  Then, once the sealed events are in the tree, the frames themselves:
leaves, the right edge at the start of each file, and the columns that no leaf
commits to.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

from ombud.core.batch import RAW_DIGEST_SIZE
from ombud.core.errors import TamperError
from ombud.record.paths import Home, WalFile
from ombud.record.verify_events import Events
from ombud.record.verify_sealings import Sealings
from ombud.record.verify_tiles import PublishedLog
from ombud.record.wal import Frame, FrameError, find_frames_after, read_frames, read_head
from ombud.tlog.tree_head import TreeHead

_ATTEMPTS = 3  # A frame that is being written becomes good while it is being read.

OpenHead = Callable[[bytes, str], TreeHead]


class ScannedFile(NamedTuple):
    """A write-ahead file and where its last good frame ends."""

    file: WalFile
    end: int


class Scan(NamedTuple):
    """The write-ahead files, and the place of a torn frame after the last good one, if any."""

    files: list[ScannedFile]
    torn: str | None

    @property
    def end(self) -> int:
        """How many events are durable."""
        return self.files[-1].end


class WalScanner:
    """Scans the write-ahead files of a home, as often as they grow."""

    def __init__(
        self, home: Home, log: PublishedLog, sealings: Sealings, open_head: OpenHead
    ) -> None:
        """Tell `log` the tree heads of new frames and `sealings` their sealing events."""
        self.frame_count = 0
        self._home = home
        self._log = log
        self._sealings = sealings
        self._open_head = open_head
        self._seen = 0  # Frames up to this index have been scanned.

    def scan(self, let_out: int) -> Scan:
        """Return the files as they are; raises `TamperError`, `FileNotFoundError` when one goes.

        `let_out` is the largest size of which a tree head was let out: a torn frame
        below it is a fault, beyond it one that was never acknowledged.
        """
        wal_files = self._home.wal_files()
        if not wal_files:
            raise TamperError("the write-ahead log is gone", origin=str(self._home.wal))
        scanned: list[ScannedFile] = []
        torn = None
        for file in wal_files:
            if scanned and scanned[-1].end != file.first_index:
                reason = f"ends at event {scanned[-1].end}, the next file at {file.first_index}"
                raise TamperError(reason, origin=str(scanned[-1].file.path))
            if read_head(file.path).first_index != file.first_index:
                raise TamperError("does not start where its name says", origin=str(file.path))
            end, torn = self._scan_file(file, let_out if file == wal_files[-1] else None)
            scanned.append(ScannedFile(file, end))
        self._seen = max(self._seen, scanned[-1].end)
        return Scan(scanned, torn)

    def _scan_file(self, file: WalFile, let_out: int | None) -> tuple[int, str | None]:
        """Return where the good frames of a file end, and the place of a torn one after them.

        Only the last file, for which `let_out` is given, may end in a torn frame.
        """
        end = file.first_index
        start: tuple[int, int] | None = None
        attempts = 0
        while True:
            try:
                for frame in read_frames(file.path, start=start):
                    self._take(frame, file)
                    end, start, attempts = frame.end, (frame.end, frame.next_offset), 0
            except FrameError as error:
                is_last_write = (
                    let_out is not None
                    and end >= let_out
                    and (start is None or error.offset == start[1])
                )
                if is_last_write and not self._is_followed(file, error.offset, end):
                    return end, error.origin
                attempts += 1
                if attempts == _ATTEMPTS:
                    raise
            else:
                return end, None

    def _take(self, frame: Frame, file: WalFile) -> None:
        if frame.end <= self._seen:
            return
        place = f"{file.path}: byte {frame.offset}"
        head = self._open_head(frame.note, place)
        if head.size != frame.end:
            reason = f"frame ends at event {frame.end}, but its tree head is of {head.size}"
            raise TamperError(reason, origin=place)
        self._log.expect(head, place)
        self._sealings.add_frame(frame)
        self.frame_count += 1

    def _is_followed(self, file: WalFile, offset: int, end: int) -> bool:
        """Whether a good frame of ours lies beyond a bad one, which was then no torn write."""
        for frame in find_frames_after(file.path, offset):
            try:
                head = self._open_head(frame.note, "")
            except TamperError:
                continue
            if head.size == frame.end > end:
                return True
        return False


def check_edge(file: WalFile, log: PublishedLog) -> None:
    """Check the right edge with which a file starts; raises `TamperError`."""
    if read_head(file.path).edge != log.edge(file.first_index):
        log.blame_unfinished()
        raise TamperError("starts with another right edge of the tree", origin=str(file.path))


def frame_events(file: WalFile, until: int) -> Iterator[tuple[Frame, Events]]:
    """Yield the frames of a file up to an index, with their events."""
    for frame in read_frames(file.path, until=until):
        groups = tuple(
            [blob[start:end] for start, end in pairwise(offsets)]
            for offsets, blob in zip(frame.batch.offsets, frame.batch.blobs, strict=True)
        )
        place = f"{file.path}: byte {frame.offset}"
        recorded_ms = [frame.recorded_ms] * frame.batch.count
        yield frame, Events(place, frame.first_index, recorded_ms, groups, frame.salts)


def check_columns(frame: Frame, events: Events, entries: list[bytes]) -> None:
    """Check the class and raw digest columns of a frame; raises `TamperError`."""
    digests = frame.batch.raw_digests
    for row, (class_uid, entry) in enumerate(zip(frame.batch.classes, entries, strict=True)):
        if class_uid != int.from_bytes(entry[1:3], "big"):
            raise events.fault(row, "is filed under another class than its content says")
        digest = digests[row * RAW_DIGEST_SIZE : (row + 1) * RAW_DIGEST_SIZE]
        if hashlib.sha256(events.groups[3][row]).digest()[:RAW_DIGEST_SIZE] != digest:
            raise events.fault(row, "is filed under another digest than its original has")
