"""Recorder: the only writer of a record.

`append` answers when its events are durable and under a signed tree head, and
not before.  Order of every commit: check duplicates, reserve room, hash, sign,
one frame, one fsync; only then is a key known or a receipt given.  Of what is
let out (`publish`), the tree head is durable in `state` first, so that no start
ever signs another root for its size.
"""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Sequence
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Self

from ombud.core.batch import Batch, BatchBuilder
from ombud.core.clock import Clock, now_ms
from ombud.core.errors import NotFound, Unavailable
from ombud.core.event import Event
from ombud.record import files
from ombud.record.duplicates import Verdict
from ombud.record.keys import create_key, load_key, publish_key
from ombud.record.leaves import make_leaves
from ombud.record.lock import acquire_lock, release_lock
from ombud.record.log_writer import LogWriter
from ombud.record.merging import merge_batches, select_rows, split_frames
from ombud.record.paths import Home, SegmentFile
from ombud.record.receipt import Receipt
from ombud.record.recovery import Recovered, Recovery
from ombud.record.sealing import sealing_event, sealing_key
from ombud.record.segment import file_sha256
from ombud.record.standing import check_may_sign, check_version, write_version
from ombud.record.wal import (
    SALTS_SIZE,
    WalWriter,
    encode_file_head,
    encode_frame,
    frame_size_max,
    no_room,
)
from ombud.tlog.note import Signer
from ombud.tlog.tree_head import TreeHead

ROTATE_EVENTS = 50_000  # A segment: some 14 MB, sealed in half a second.
ROTATE_SIZE = 128 << 20
FRAME_EVENTS = 8_192  # Bounds how long one fsync keeps others waiting.
FRAME_SIZE = 16 << 20  # A single larger batch still goes into one frame.
ROOM_SIZE = 1 << 20  # What there must be for a recorder to say that it takes events.
WAITING_SIZE_MAX = 64 << 20  # Tiles that cannot be written: then the disk is full.


class Recorder:
    """Writes the record of one home; not safe for use by two threads."""

    def __init__(
        self, home: Home, signer: Signer, lock: int, recovered: Recovered, clock: Clock
    ) -> None:
        """Use `Recorder.open`."""
        self._home = home
        self._signer = signer
        self._lock = lock
        self._clock = clock
        self._log = recovered.log
        self._duplicates = recovered.duplicates
        self._wal = recovered.wal
        self._recorded_ms = recovered.recorded_ms
        self._note = recovered.note or self._sign()
        self._published = -1  # Size of the tree head that was let out by this writer.
        self._is_open = True

    @classmethod
    def open(
        cls,
        home: Path,
        *,
        origin: str | None = None,
        clock: Clock = now_ms,
        patience_seconds: float = 0.0,
        resumes: bool = False,
    ) -> Recorder:
        """Open the record of a home for writing, or make it.

        `origin` names the log in its tree heads; by default a new record makes one
        up.  Another writer is waited for, for as long as `patience_seconds`.  Raises
        `Unavailable` when it does not end, `TamperError` when what is there is not
        what was signed, `Conflict` for another origin.  A copy of a home is refused
        (`Unavailable`) unless it `resumes` the home it was copied from.
        """
        place = Home(home.resolve())
        check_version(place.root)
        if not resumes:
            check_may_sign(place.root)
        for folder in (place.log, place.segments, place.wal, place.duplicates, place.keys):
            files.make_folder(folder)
        files.make_folder(place.tmp)
        lock = acquire_lock(place.lock, patience_seconds=patience_seconds)
        try:
            return cls._open(place, origin, lock, clock)
        except BaseException:
            release_lock(lock)
            raise

    @classmethod
    def _open(cls, home: Home, origin: str | None, lock: int, clock: Clock) -> Recorder:
        for name in ("key", "state", "wal", "tile", "run"):  # The sealer's are its own.
            files.remove(home.tmp / name)
        signer = load_key(home, origin)
        if _is_new(home):
            signer = signer or create_key(home, origin)
            _create(home, signer)
        if signer is None:
            raise Unavailable(
                f"the signing key of `{home.root}` is gone",
                hint="without it the record can be verified, but nothing can be added",
            )
        publish_key(home, signer)
        recorder = cls(home, signer, lock, Recovery(home, signer).run(), clock)
        recorder._publish(repair=True)
        recorder._finish_sealing()
        return recorder

    @property
    def home(self) -> Home:
        """The home that is written."""
        return self._home

    @property
    def size(self) -> int:
        """How many events are durable."""
        return self._log.size

    @property
    def vkey(self) -> str:
        """The public key as text."""
        return self._signer.vkey

    @property
    def is_published(self) -> bool:
        """Whether the published tree head covers everything."""
        return self._published == self._log.size

    def head(self) -> tuple[int, bytes]:
        """Return the durable size and the signed tree head of that size."""
        return self._log.size, self._note

    def ping(self) -> bool:
        """Whether the recorder takes events: it is open, and the disk has room."""
        try:
            self._check_open()
            self._wal.reserve(ROOM_SIZE)
        except Unavailable:
            return False
        return True

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Return one receipt per batch, after every event in them is durable.

        A failure leaves whole batches recorded or not; appending them again is
        safe.  Raises `Unavailable` when there is no room.
        """
        receipts: list[Receipt] = []
        for frame in split_frames(batches, count_max=FRAME_EVENTS, size_max=FRAME_SIZE):
            receipts += self._commit(frame)
        return receipts

    def record_event(self, event: Event) -> Receipt:
        """Make one event durable."""
        builder = BatchBuilder()
        builder.add(event)
        return self.append([builder.take()])[0]

    def _commit(self, batches: Sequence[Batch]) -> list[Receipt]:
        self._check_open()
        merged = merge_batches(batches)
        verdict = self._duplicates.check(merged.identities, merged.raw_digests)
        batch = select_rows(merged, verdict.duplicates, verdict.conflicts)
        first_index = self._log.size
        if batch is not None:
            if self._is_file_full():
                self.rotate()
            self._write(batch)
            self._duplicates.add(
                batch.identities, batch.raw_digests, repeated=bool(verdict.conflicts)
            )
        return _receipts(batches, verdict, first_index, self._log.size)

    def _write(self, batch: Batch) -> None:
        parts = batch.to_parts()
        self._wal.reserve(frame_size_max(batch.count, parts))
        first_index = self._log.size
        recorded_ms = max(self._clock(), self._recorded_ms)
        salts = os.urandom(SALTS_SIZE * batch.count)
        entries, hashes = make_leaves(batch, salts, recorded_ms)
        # Invariant: from here on the tree is ahead of the disk until the frame is
        # durable; a failure in between must not be followed by another commit.
        self._is_open = False
        self._log.append(entries, hashes)
        note = self._sign()
        self._wal.append(encode_frame(first_index, recorded_ms, note, salts, parts))
        self._note, self._recorded_ms = note, recorded_ms
        self._is_open = True

    def _sign(self) -> bytes:
        return TreeHead(self._signer.name, self._log.size, self._log.root()).sign(self._signer)

    def _check_open(self) -> None:
        if not self._is_open:
            raise Unavailable("the recorder has stopped", hint="open the record again")
        if self._log.waiting_size > WAITING_SIZE_MAX:
            raise Unavailable("tiles cannot be written", retry_seconds=5.0)

    def _is_file_full(self) -> bool:
        count = self._log.size - self._wal.first_index
        return count >= ROTATE_EVENTS or self._wal.size >= ROTATE_SIZE

    def publish(self) -> None:
        """Let the newest tree head out: first in `state`, then tiles, then `checkpoint`."""
        if not self.is_published:
            self._check_open()
            self._publish()

    def _publish(self, *, repair: bool = False) -> None:
        size, note = self.head()
        if not self._home.state.exists() or self._home.state.read_bytes() != note:
            files.write_durably(self._home.state, note, self._home.tmp / "state")
        self._log.publish(note, repair=repair)
        self._published = size

    def rotate(self) -> bool:
        """Start a new write-ahead file, so that the sealer may take the old one.

        Returns False, and does nothing, when the current one is empty.
        """
        self._check_open()
        if self._log.size == self._wal.first_index:
            return False
        first_index = self._log.size
        path, temporary = self._home.wal_path(first_index), self._home.tmp / "wal"
        try:
            self.publish()
            # The new file first: without room for it, the old one is still there to go on with.
            following = WalWriter.create(path, temporary, first_index, self._log.edge())
        except OSError as error:
            if path.exists():  # Invariant: a file starts where the one before it ends.
                files.remove(path)
                files.sync_path(self._home.wal)
            raise no_room(error, self._home.root) from error
        self._is_open = False
        full, self._wal = self._wal, following
        full.close()
        self._duplicates.start(first_index)
        self._is_open = True
        return True

    def sealed(self, segment: SegmentFile, sha256: str) -> Receipt:
        """Record that a write-ahead file is sealed in a segment, then remove the file.

        The segment and the tiles below its end are durable already.  Asking again
        is harmless.  Raises `NotFound` unless both files are there and fit.
        """
        if not segment.path.is_file():
            raise NotFound(f"no segment `{segment.path}`")
        event = sealing_event(segment, sha256, time=self._clock())
        starts = {file.first_index for file in self._home.wal_files()}
        is_rotated = starts >= {segment.first_index, segment.end}
        if not is_rotated and not self._is_recorded(event):
            raise NotFound(f"no rotated write-ahead file holds `{segment.path}`")
        receipt = self.record_event(event)
        if is_rotated:
            self._remove_sealed(segment)
        return receipt

    def _is_recorded(self, event: Event) -> bool:
        identity, digest = sealing_key(event)
        return digest in self._duplicates.digests(identity)

    def _remove_sealed(self, segment: SegmentFile) -> None:
        """Remove the rotated file of a segment whose sealing event is durable."""
        self.publish()
        self._duplicates.seal(segment.first_index, segment.end)
        files.remove(self._home.wal_path(segment.first_index))
        files.sync_path(self._home.wal)

    def _finish_sealing(self) -> None:
        """Remove write-ahead files whose sealing was recorded before a crash."""
        starts = [file.first_index for file in self._home.wal_files()]
        for first_index, end in pairwise(starts):
            path = self._home.segment_path(first_index, end - first_index)
            if not path.is_file():
                return
            segment = SegmentFile(path, first_index, end - first_index)
            if not self._is_recorded(sealing_event(segment, file_sha256(path), time=0)):
                return
            self._remove_sealed(segment)

    def close(self) -> None:
        """Publish, give back reserved room, and let the next writer in."""
        if self._lock < 0:
            return
        try:
            if self._is_open:
                with suppress(OSError):  # A full disk: the next start publishes.
                    self.publish()
                self._wal.close()
            else:
                self._wal.abandon()
        finally:
            self._is_open = False
            release_lock(self._lock)
            self._lock = -1

    def __enter__(self) -> Self:
        """Return the recorder; it is closed at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the record."""
        self.close()


def _is_new(home: Home) -> bool:
    """Whether nothing was ever recorded; a crash may have left the first, empty file."""
    if home.state.exists() or any(home.log.iterdir()) or any(home.segments.iterdir()):
        return False
    first = home.wal_path(0)
    return all(
        path == first and path.read_bytes() == encode_file_head(0, b"")
        for path in home.wal.iterdir()
    )


def _create(home: Home, signer: Signer) -> None:
    """Make an empty record: `state` comes last, so that a crash before it starts anew."""
    log = LogWriter(home)
    write_version(home.root, home.tmp / "state")
    WalWriter.create(home.wal_path(0), home.tmp / "wal", 0, log.edge()).abandon()
    note = TreeHead(signer.name, 0, log.root()).sign(signer)
    files.write_durably(home.state, note, home.tmp / "state")


def _receipts(
    batches: Sequence[Batch], verdict: Verdict, first_index: int, size: int
) -> list[Receipt]:
    receipts = []
    start = 0
    index = first_index
    for batch in batches:
        end = start + batch.count
        duplicate = bisect_left(verdict.duplicates, end) - bisect_left(verdict.duplicates, start)
        conflict = bisect_left(verdict.conflicts, end) - bisect_left(verdict.conflicts, start)
        recorded = batch.count - duplicate
        receipts.append(
            Receipt(
                index if recorded else None,
                index + recorded - 1 if recorded else None,
                recorded,
                duplicate,
                conflict,
                size,
            )
        )
        start, index = end, index + recorded
    return receipts
