"""Verify: everything under `log/`, `segments/` and `wal/` derived anew from the bytes.

Nothing is believed: events give leaf entries, those give bundles, tiles and
roots, and each signed head must name such a root.  A segment must be what its
sealing event says, and its columns what its canonical bytes give.  Works beside
a running recorder: what grew meanwhile is verified too, until no file is left.

Not decided here: whether the newest events were cut off together with every
tree head that knew of them.  Who kept a head gives it in `known_heads`.
"""

from __future__ import annotations

import io
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any, cast

from ombud.core.errors import InputError, TamperError, Unavailable
from ombud.record.keys import read_vkey
from ombud.record.paths import Home, SegmentFile, WalFile
from ombud.record.segment import SegmentWriter
from ombud.record.standing import check_version
from ombud.record.verify_events import Events, check_times, leaf_entries
from ombud.record.verify_files import failure, read_whole
from ombud.record.verify_report import Fault, VerifyReport
from ombud.record.verify_sealings import Sealings
from ombud.record.verify_segments import SEGMENT_SIZE_MAX, Segment
from ombud.record.verify_tiles import PublishedLog, WrongEventError, difference
from ombud.record.verify_wal import Scan, WalScanner, check_columns, check_edge, frame_events
from ombud.record.wal import NOTE_SIZE_MAX, read_frames
from ombud.tlog.note import NoteError, Verifier, open_note
from ombud.tlog.tree_head import TreeHead

ROUNDS_MAX = 20  # A round takes what a running recorder did during the one before.
PLACES_MAX = 512  # A tile has 256 events, each of them in a batch of its own at worst.

Progress = Callable[[int, int], None]


def verify_home(
    home: Path,
    *,
    vkey: str | None = None,
    known_heads: Sequence[bytes] = (),
    progress: Progress | None = None,
) -> VerifyReport:
    """Return what is wrong with the record of a home, or that nothing is.

    `vkey` is the key to trust, by default the home's own; `known_heads` are signed
    tree heads kept elsewhere, which the record must extend.  `progress` is called
    with the events verified and those there are.  Raises `NotFound` when the home
    has no record, `Unavailable` when the machine does not let it be read, and
    `InputError` for a key or known head that is none.
    """
    place = Home(home.resolve())
    check_version(place.root)
    report = VerifyReport()
    try:
        verifier = Verifier.parse(read_vkey(place) if vkey is None else vkey)
    except TamperError as error:
        report.fault = Fault(_below(place, error.origin), _below(place, error.message))
        return report
    verification = _Verification(place, verifier, progress)
    for note in known_heads:
        verification.know(note)
    try:
        verification.run()
    except TamperError as error:
        report.fault = Fault(_below(place, error.origin), _below(place, error.message))
    verification.describe(report)
    return report


def _below(home: Home, text: str) -> str:
    """Return a text with paths as seen from the home, fit for JSON whatever a file is called."""
    text = text.replace(f"{home.root}/", "")
    return text.encode("utf-8", "backslashreplace").decode()


class _Verification:
    """One verification, in rounds until nothing is left."""

    def __init__(self, home: Home, verifier: Verifier, progress: Progress | None) -> None:
        self._home = home
        self._verifier = verifier
        self._progress = progress
        self._log = PublishedLog(home)
        self._sealings = Sealings()
        self._scanner = WalScanner(home, self._log, self._sealings, self._open_head)
        self._published: TreeHead | None = None
        self._torn: str | None = None
        self._latest_ms = 0
        self._searched: set[Path] = set()  # Segments whose sealing events are known.
        self._verified: set[Path] = set()  # Segments that are verified.
        # Where the events lie that the unfinished tile is made of, and some before them.
        self._places: deque[tuple[int, str]] = deque(maxlen=PLACES_MAX)
        self._wal_ends: dict[Path, int] = {}  # Where the verified part of each file ends.

    def know(self, note: bytes) -> None:
        """Take a tree head that was kept elsewhere."""
        try:
            head = self._open_head(note, "known tree head")
        except TamperError as error:
            raise InputError(str(error)) from error
        self._log.expect(head, f"known tree head of size {head.size}")

    def describe(self, report: VerifyReport) -> None:
        """Put what was done into a report."""
        log = self._log
        report.origin, report.vkey = self._verifier.name, self._verifier.vkey
        report.size, report.root = log.tree.size, log.tree.root().hex()
        report.published_size = self._published.size if self._published else 0
        report.torn = self._torn and _below(self._home, self._torn)
        report.counts = {
            "events": log.tree.size,
            "segments": len(self._verified),
            "frames": self._scanner.frame_count,
            "tiles": log.tile_count,
            "bundles": log.bundle_count,
            "partial_files": log.partial_count,
            "tree_heads": log.head_count,
        }

    def run(self) -> None:
        """Verify everything; raises `TamperError` naming the first bad place."""
        known: list[Path] = []
        for _ in range(ROUNDS_MAX):
            try:
                is_done, beyond = self._round()
            except FileNotFoundError:
                continue  # A write-ahead file was sealed meanwhile: its segment is there.
            except OSError as error:
                raise failure(Path(error.filename or self._home.root), error) from error
            if is_done:
                return
            # Events are durable before their tiles are there: who saw a tile must then
            # find its events.
            stray = [path for path in beyond if path in known]
            if stray:
                reason = f"lies beyond the {self._log.tree.size} events of the record"
                raise TamperError(reason, origin=str(stray[0]))
            known = beyond
        raise Unavailable("the record changes faster than it can be verified")

    def _round(self) -> tuple[bool, list[Path]]:
        """Verify what is there and was not yet; return whether that was all, and files beyond."""
        published, let_out = self._read_heads()
        scan = self._scanner.scan(let_out)
        self._torn = scan.torn
        segments = self._home.segment_files()
        unsealed = self._find_sealings(scan, segments)
        _check_cover(self._home, segments, scan.files[0].file.first_index)
        work: list[tuple[int, int, SegmentFile | WalFile, int]] = [
            (file.first_index, 0, file, file.end)
            for file in segments
            if file.path not in self._verified and file not in unsealed
        ]
        work += [(file.first_index, 1, file, end) for file, end in scan.files]
        for _, _, file, end in sorted(work):
            if isinstance(file, SegmentFile):
                self._check_segment(file, scan.end)
            else:
                self._check_wal_file(file, end, scan.end)
        for file in unsealed:
            self._check_unsealed(file)
        self._check_reached()
        return self._check_published(published)

    def _open_head(self, note: bytes, place: str) -> TreeHead:
        """Return the tree head of a note of ours, in which no byte is without authority."""
        try:
            opened = open_note(note, [self._verifier])
            head = TreeHead.parse(opened.text)
        except NoteError as error:
            raise TamperError(f"is no tree head of ours: {error}", origin=place) from error
        if opened.unknown or len(opened.signatures) != 1:
            raise TamperError("carries a signature by an unknown key", origin=place)
        if head.origin != self._verifier.name:
            raise TamperError(f"is a tree head of `{head.origin}`", origin=place)
        return head

    def _read_head(self, path: Path) -> TreeHead:
        head = self._open_head(read_whole(path, NOTE_SIZE_MAX), str(path))
        self._log.expect(head, str(path))
        return head

    def _read_heads(self) -> tuple[TreeHead, int]:
        """Return the published head and the largest size that was let out."""
        published = self._read_head(self._home.checkpoint)
        state = self._read_head(self._home.state)
        if state.size < published.size:
            reason = f"is of size {state.size}, but {published.size} events are published"
            raise TamperError(reason, origin=str(self._home.state))
        self._log.publish(published)
        self._published = published
        return published, state.size

    def _find_sealings(self, scan: Scan, segments: Sequence[SegmentFile]) -> list[SegmentFile]:
        """Search segments from the newest for sealing events; return those without their own.

        A segment that is not sealed yet lies beside its write-ahead file.
        """
        sealed = self._sealings.sha256s
        wal_bounds = {(file.first_index, end) for file, end in scan.files}
        unsealed: list[SegmentFile] = []
        stray: SegmentFile | None = None
        for file in reversed(segments):
            if file.path.name in sealed:
                if file.path not in self._searched:
                    self._sealings.add_segment(Segment(file, sealed[file.path.name]))
                    self._searched.add(file.path)
            elif (file.first_index, file.end) in wal_bounds:
                unsealed.append(file)
            else:
                stray = file
        names = {file.path.name for file in segments}
        for name in sorted(sealed):
            if name not in names:
                raise TamperError("file is missing", origin=str(self._home.segments / name))
        if stray is not None:
            raise TamperError("no event says that it was sealed", origin=str(stray.path))
        return unsealed

    def _check_segment(self, file: SegmentFile, total: int) -> None:
        segment = Segment(file, self._sealings.sha256s[file.path.name])
        for events in segment.events():
            self._take(events, leaf_entries(events), total)
        self._verified.add(file.path)

    def _check_wal_file(self, file: WalFile, end: int, total: int) -> None:
        done = self._wal_ends.get(file.path)
        if done is None:
            with self._naming():
                check_edge(file, self._log)
        for frame, events in frame_events(file, end):
            if done is None or frame.end > done:
                entries = leaf_entries(events)
                check_columns(frame, events, entries)
                self._take(events, entries, total)
                self._wal_ends[file.path] = frame.end

    def _take(self, events: Events, entries: list[bytes], total: int) -> None:
        """Add events to the tree, or compare those that are in it already."""
        known = self._log.tree.size - events.first_index
        if known < 0:
            raise events.fault(0, f"comes after event {self._log.tree.size - 1}")
        differing = self._log.compare(events.first_index, entries[:known])
        if differing is not None:
            reason = "is not the same in the write-ahead log and in its segment"
            raise events.fault(differing - events.first_index, reason)
        if known < len(entries):
            self._latest_ms = check_times(events, self._latest_ms, known)
            self._places.append((events.first_index, events.place))
            with self._naming():
                self._log.append(entries[known:])
        if self._progress is not None:
            self._progress(self._log.tree.size, total)

    @contextmanager
    def _naming(self) -> Iterator[None]:
        """Name the file of an event that is found to be wrong."""
        try:
            yield
        except WrongEventError as error:
            row = bisect_right(self._places, error.index, key=itemgetter(0)) - 1
            place = f"{self._places[row][1]}: event {error.index}"
            raise TamperError(error.message, origin=place) from error

    def _check_unsealed(self, file: SegmentFile) -> None:
        """Compare a segment that no event vouches for with one made anew from its events."""
        sink = io.BytesIO()
        writer = SegmentWriter(cast("Any", sink))
        for frame in read_frames(self._home.wal_path(file.first_index), until=file.end):
            writer.add(frame)
        writer.close()
        found = read_whole(file.path, SEGMENT_SIZE_MAX)
        if found != sink.getvalue():
            raise TamperError(difference(found, sink.getvalue()), origin=str(file.path))
        self._verified.add(file.path)

    def _check_reached(self) -> None:
        unreached = self._log.unreached()
        if unreached is not None:
            size, place = unreached
            reason = f"signs {size} events, but the record ends after {self._log.tree.size}"
            raise TamperError(reason, origin=place)

    def _check_published(self, published: TreeHead) -> tuple[bool, list[Path]]:
        try:
            beyond = self._log.check_files(published)
        except TamperError:
            if self._read_head(self._home.checkpoint) == published:
                raise
            return False, []  # Tidied up behind a newer tree head.
        is_published = self._read_head(self._home.checkpoint) == published
        names = {file.path for file in self._home.segment_files()}
        return not beyond and is_published and names <= self._verified, beyond


def _check_cover(home: Home, segments: Sequence[SegmentFile], base: int) -> None:
    """Check that segments follow each other and reach the write-ahead files."""
    end = 0
    for file in segments:
        if file.first_index != end:
            reason = f"starts at event {file.first_index}, the one before ends at {end}"
            raise TamperError(reason, origin=str(file.path))
        end = file.end
    if end < base:
        raise TamperError(f"events {end} to {base - 1} are missing", origin=str(home.segments))
