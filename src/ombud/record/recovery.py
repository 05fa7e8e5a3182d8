"""Recovery: from the bytes of a home to a record that may be written again.

Everything in the write-ahead files is checked again: checksums, leaves, roots
and signatures.  Only the last file may end in a torn frame, and only beyond
every tree head that was let out; anything else is refused with its place.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ombud.core.errors import TamperError
from ombud.record.duplicates import DuplicateKeys
from ombud.record.leaves import make_leaves
from ombud.record.log_writer import LogWriter
from ombud.record.paths import Home, WalFile
from ombud.record.rebuild import rebuild_runs
from ombud.record.wal import (
    Frame,
    FrameError,
    WalWriter,
    find_frames_after,
    read_frames,
    read_head,
)
from ombud.tlog.merkle import ProofError
from ombud.tlog.note import NoteError, Signer
from ombud.tlog.tile import TILE_WIDTH, TileError, tile_path
from ombud.tlog.tree import Tree
from ombud.tlog.tree_head import TreeHead, open_tree_head

WRITE_SIZE = 4 << 20  # Bytes of tiles kept back while frames are read.


@dataclass(slots=True)
class Recovered:
    """A record as it was left, ready to be written."""

    log: LogWriter
    duplicates: DuplicateKeys
    wal: WalWriter
    note: bytes | None  # The tree head of the last frame, if any frame is left.
    recorded_ms: int


class Recovery:
    """One pass over the write-ahead files of a home."""

    def __init__(self, home: Home, signer: Signer) -> None:
        self._home = home
        self._signer = signer
        self._heads: list[tuple[Path, TreeHead]] = []  # Let out, not yet met on the way.
        self._log = LogWriter(home)
        self._duplicates = DuplicateKeys(home.duplicates, home.tmp / "run")
        self._note: bytes | None = None
        self._recorded_ms = 0

    def run(self) -> Recovered:
        """Return the record; raises `TamperError` naming the first bad place."""
        home = self._home
        self._read_heads()
        wal_files = home.wal_files()
        if not wal_files:
            raise TamperError("the write-ahead log is gone", origin=str(home.wal))
        base = wal_files[0].first_index
        self._check_segments(base)
        self._restore(wal_files[0])
        self._duplicates.open_runs()
        rebuild_runs(home, self._duplicates, base)
        end = 0
        for place, file in enumerate(wal_files):
            following = wal_files[place + 1].first_index if place + 1 < len(wal_files) else None
            end = self._replay(file, following)
        if base and self._note is None:
            raise TamperError("the write-ahead log holds no event", origin=str(wal_files[0].path))
        for path, head in self._heads:
            reason = (
                "no batch ends there"
                if head.size < self._log.size
                else f"the record ends at {self._log.size}"
            )
            raise TamperError(
                f"a tree head of size {head.size} was signed, but {reason}", origin=str(path)
            )
        self._log.remove_old_partials(base)
        last = wal_files[-1]
        wal = WalWriter.resume(last.path, last.first_index, end)
        return Recovered(self._log, self._duplicates, wal, self._note, self._recorded_ms)

    def _open_note(self, note: bytes, place: str) -> TreeHead:
        try:
            return open_tree_head(note, self._signer.name, [self._signer.verifier])
        except NoteError as error:
            raise TamperError(f"tree head is not ours: {error}", origin=place) from error

    def _read_heads(self) -> None:
        for path in (self._home.state, self._home.checkpoint):
            try:
                note = path.read_bytes()
            except FileNotFoundError:
                if path == self._home.state:
                    raise TamperError(
                        "the last signed tree head is gone", origin=str(path)
                    ) from None
                continue
            self._heads.append((path, self._open_note(note, str(path))))

    def _check_segments(self, base: int) -> None:
        """Segments cover the log up to the write-ahead files; one may already go beyond."""
        end = 0
        for segment in self._home.segment_files():
            if segment.first_index != end:
                message = f"events {end} to {segment.first_index} are missing before this segment"
                raise TamperError(message, origin=str(segment.path))
            end = segment.end
        if end < base:
            message = f"segment of the events from {end} is missing"
            raise TamperError(message, origin=str(self._home.segments))

    def _restore(self, file: WalFile) -> None:
        head = read_head(file.path)
        if head.first_index != file.first_index:
            raise TamperError("file does not start where its name says", origin=str(file.path))
        try:
            self._log = LogWriter.restore(self._home, head.first_index, head.edge)
        except ProofError as error:
            raise TamperError(f"right edge is malformed: {error}", origin=str(file.path)) from error
        self._meet_heads(file.path)
        for path, tree_head in [item for item in self._heads if item[1].size < head.first_index]:
            if self._root_from_tiles(tree_head.size) != tree_head.root:
                raise TamperError("the log has another root at that size", origin=str(path))
            self._heads.remove((path, tree_head))

    def _root_from_tiles(self, size: int) -> bytes:
        def read_tile(level: int, number: int, width: int) -> bytes:
            full = self._home.log / tile_path(level, number, TILE_WIDTH)
            partial = self._home.log / tile_path(level, number, width)
            path = full if full.is_file() else partial
            try:
                return path.read_bytes()[: width * 32]
            except FileNotFoundError as error:
                raise TamperError("tile is missing", origin=str(path)) from error

        try:
            return Tree.restore(size, read_tile).root()
        except (ProofError, TileError) as error:
            raise TamperError(f"tiles do not fit: {error}", origin=str(self._home.log)) from error

    def _meet_heads(self, place: Path) -> None:
        """Compare the heads of the size that is reached now."""
        for path, head in [item for item in self._heads if item[1].size == self._log.size]:
            if head.root != self._log.root():
                raise TamperError(
                    f"the record has another root at size {head.size}, in `{place}`",
                    origin=str(path),
                )
            self._heads.remove((path, head))

    def _replay(self, file: WalFile, following: int | None) -> int:
        """Take in one file; return the offset after its last good frame."""
        file_head = read_head(file.path)
        offset = file_head.size
        if (file_head.first_index, file_head.edge) != (self._log.size, self._log.edge()):
            raise FrameError("file does not go on where the one before ends", file.path, 0)
        keep_keys = following is None or following > self._duplicates.covered
        if keep_keys:
            self._duplicates.start(file.first_index)
        try:
            for frame in read_frames(file.path):
                self._take(frame, file.path, keep_keys=keep_keys)
                offset = frame.next_offset
        except FrameError as error:
            if following is not None or not self._is_torn(file.path, error.offset, offset):
                raise
        if following is not None and self._log.size != following:
            message = f"file ends at event {self._log.size}, the next starts at {following}"
            raise FrameError(message, file.path, offset)
        return offset

    def _take(self, frame: Frame, path: Path, *, keep_keys: bool) -> None:
        entries, hashes = make_leaves(frame.batch, frame.salts, frame.recorded_ms)
        self._log.append(entries, hashes)
        head = self._open_note(frame.note, f"{path}: byte {frame.offset}")
        if (head.size, head.root) != (frame.end, self._log.root()):
            raise TamperError(
                "events are not those that the tree head signs",
                origin=f"{path}: byte {frame.offset}",
            )
        if keep_keys:
            self._duplicates.add(frame.batch.identities, frame.batch.raw_digests)
        self._note, self._recorded_ms = frame.note, frame.recorded_ms
        self._meet_heads(path)
        if self._log.waiting_size > WRITE_SIZE:
            self._log.write_full(repair=True)

    def _is_torn(self, path: Path, bad_offset: int, good_offset: int) -> bool:
        """Whether a bad frame is the last write, cut short before it was acknowledged.

        An acknowledged frame would be followed by others, or be under a tree head
        that was let out; only we can have signed a later one.
        """
        if bad_offset != good_offset or self._heads:
            return False
        for frame in find_frames_after(path, bad_offset):
            try:
                head = open_tree_head(frame.note, self._signer.name, [self._signer.verifier])
            except NoteError:
                continue
            if head.size == frame.end > self._log.size:
                return False
        return True
