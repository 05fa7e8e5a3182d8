"""Sealer: turns rotated write-ahead files into segments, each in an order that loses nothing.

Segment durable under its name, tiles durable, duplicate keys durable; then the
recorder is told, records the segment's SHA-256, and only then removes the
write-ahead file.  Stopped anywhere, the next sealer starts that file again.
Run as `python -m ombud.record.sealer HOME`; ends as the recorder process does.
"""

from __future__ import annotations

import argparse
import gc
import logging
import os
import select
import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from ombud.core.clock import Clock, now_ms
from ombud.core.errors import OmbudError, TamperError, Unavailable
from ombud.record import files
from ombud.record.client import RecorderClient
from ombud.record.lock import lock_folder, release_lock
from ombud.record.paths import Home, SegmentFile, WalFile
from ombud.record.receipt import Receipt
from ombud.record.runs import list_runs, merge_runs, runs_to_merge, write_run
from ombud.record.segment import ROW_GROUP_SIZE, SegmentWriter, file_sha256
from ombud.record.stopping import StopSignal
from ombud.record.wal import FrameError, read_frames
from ombud.tlog.tile import TILE_HEIGHT, entries_path, tile_path

POLL_SECONDS = 1.0
RETRY_SECONDS = 5.0
# A quiet log is sealed when a row group is full, and at the latest after a day: a
# segment has some 40 KB of its own, which few events do not justify.
SEAL_AFTER_MS = 10 * 60 * 1000
SEAL_EVENTS_MIN = ROW_GROUP_SIZE
SEAL_LATEST_MS = 24 * 60 * 60 * 1000
SEAL_LATEST_EVENTS_MIN = 16  # More than sealing events alone.
NICENESS = 5  # The recorder answers first.
COLLECT_AFTER = 50_000  # Rows are plain tuples: looking for cycles among them is in vain.
EXIT_OK, EXIT_PROBLEM, EXIT_COULD_NOT = 0, 1, 3

log = logging.getLogger("ombud.record")


class SealingRecorder(Protocol):
    """What the sealer asks: a `Recorder`, or a `RecorderClient`."""

    def head(self) -> tuple[int, bytes]:
        """Return the durable size and its signed tree head."""

    def rotate(self) -> bool:
        """Start a new write-ahead file; False when the current one is empty."""

    def sealed(self, segment: SegmentFile, sha256: str) -> Receipt:
        """Record that a write-ahead file is sealed, then remove it."""


class Sealer:
    """Seals the files of one home, oldest first."""

    def __init__(self, home: Path, recorder: SealingRecorder, *, clock: Clock = now_ms) -> None:
        """Take the home and the recorder to tell."""
        self._home = Home(home.resolve())
        self._recorder = recorder
        self._clock = clock

    def seal_all(self) -> int:
        """Rotate, then seal everything that is in write-ahead files; return the segments made."""
        self._recorder.rotate()
        count = 0
        while self.seal_next():
            count += 1
        return count

    def rotate_if_due(self) -> bool:
        """Rotate the current file if it has waited long enough for what it holds."""
        current = self._home.wal_files()[-1]
        count = self._recorder.head()[0] - current.first_index
        if count < SEAL_LATEST_EVENTS_MIN:
            return False
        try:
            frame = next(read_frames(current.path, until=current.first_index + 1))
        except (FrameError, FileNotFoundError, StopIteration):
            return False  # Rotated or sealed just now.
        age = self._clock() - frame.recorded_ms
        if age > SEAL_LATEST_MS or (age > SEAL_AFTER_MS and count >= SEAL_EVENTS_MIN):
            return self._recorder.rotate()
        return False

    def seal_next(self) -> SegmentFile | None:
        """Seal the oldest rotated file and return its segment, or None if there is none."""
        for file, following in pairwise(self._home.wal_files()):
            lock = lock_folder(self._home.segments)
            try:
                return self._seal(file, following.first_index)
            finally:
                release_lock(lock)
        return None

    def _seal(self, file: WalFile, end: int) -> SegmentFile:
        count = end - file.first_index
        segment = SegmentFile(
            self._home.segment_path(file.first_index, count), file.first_index, count
        )
        temporary = self._home.tmp / "sealer-segment"
        identities, digests = self._write_segment(file, temporary, count)
        files.sync_path(temporary)
        sha256 = file_sha256(temporary)
        files.replace(temporary, segment.path)
        files.sync_path(segment.path.parent)
        run = self._home.tmp / "sealer-run"
        bounds = (file.first_index, end)
        write_run(self._home.duplicates, run, bounds, identities, digests)
        self._check_tiles(file.first_index, end)
        files.sync_filesystem(self._home.log)
        self._recorder.sealed(segment, sha256)
        self._merge_runs(run)
        return segment

    def _write_segment(self, file: WalFile, temporary: Path, count: int) -> tuple[bytes, bytes]:
        """Write the segment of a file; return its identities and raw digests."""
        identities, digests = bytearray(), bytearray()
        writer = SegmentWriter(temporary)
        for frame in read_frames(file.path):
            writer.add(frame)
            identities += frame.batch.identities
            digests += frame.batch.raw_digests
        writer.close()
        if writer.count != count:
            message = f"file holds {writer.count} events, the next starts after {count}"
            raise TamperError(message, origin=str(file.path))
        return bytes(identities), bytes(digests)

    def _check_tiles(self, first_index: int, end: int) -> None:
        """See that the tiles and bundles which these events completed are there.

        The unfinished ones can be made again from the next write-ahead file, whose
        head holds the right edge of the tree at its start.
        """
        level = 0
        while end >> (shift := TILE_HEIGHT * (level + 1)):
            for number in range(first_index >> shift, end >> shift):
                paths = [tile_path(level, number)]
                if level == 0:
                    paths.append(entries_path(number))
                for path in (self._home.log / path for path in paths):
                    if not path.is_file():
                        raise Unavailable(f"`{path}` is not published yet")
            level += 1

    def _merge_runs(self, temporary: Path) -> None:
        chosen, others = list_runs(self._home.duplicates)
        merged = runs_to_merge(chosen)
        if merged:
            try:
                merge_runs(self._home.duplicates, temporary, merged)
            except FileNotFoundError:
                return  # A recorder that started meanwhile has tidied up.
        for run in (*merged, *others):
            files.remove(run.path)


class SealerProcess:
    """The loop around one sealer."""

    def __init__(self, home: Path, stop_fds: Sequence[int]) -> None:
        """Find the recorder of the home by its socket; stop when a given one is readable."""
        self._sealer = Sealer(home, RecorderClient(Home(home.resolve()).recorder_socket))
        self._stop_fds = stop_fds

    def run(self) -> None:
        """Seal what is rotated, until told to stop."""
        waited = 0.0
        while not select.select(self._stop_fds, [], [], waited)[0]:
            waited = POLL_SECONDS
            try:
                if self._sealer.seal_next() or self._sealer.rotate_if_due():
                    waited = 0.0
            except (Unavailable, OSError) as error:  # The record goes on without us.
                log.warning("sealing waits: %s", error)
                waited = RETRY_SECONDS


def serve(home: Path) -> int:
    """Run the sealer of a home until it is told to stop; return the exit status."""
    os.nice(NICENESS)
    gc.set_threshold(COLLECT_AFTER)
    process = SealerProcess(home, StopSignal().fds)
    try:
        process.run()
    except OmbudError as error:
        log.critical("stopped: %s", error)
        return EXIT_PROBLEM if isinstance(error, TamperError) else EXIT_COULD_NOT
    return EXIT_OK


def main() -> int:
    """Parse the command line and serve."""
    parser = argparse.ArgumentParser(prog="python -m ombud.record.sealer")
    parser.add_argument("home", type=Path)
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="sealer: %(message)s")
    return serve(arguments.home)


if __name__ == "__main__":
    sys.exit(main())
