"""Following: files and folders that grow, across rotation and restart.

Watched by polling, because that works on every file system.  A file that was
renamed is read until it rests; one that was copied and emptied is noticed by
the bytes before the position, and the copy is read from where the original was
left.  What is read twice is recognised as duplicate.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ombud.collect.inputs import Input, file_id, open_file
from ombud.collect.place import Block, Position
from ombud.collect.positions import Positions
from ombud.collect.reading import files_of, is_same, resume_at
from ombud.collect.source import Source
from ombud.core.errors import EventError, NotFound, Unavailable

POLL_SECONDS = 0.25
_REST_POLLS = 8  # Polls without growth after which a file rests: two seconds.
_PER_FILE_SECONDS = 1e-4  # Looking at a file takes a tenth of that: folders of many rest longer.
_OPEN_MAX = 256  # Files kept open; those that rested longest are closed first.


class _Watched:
    """One file that is followed."""

    def __init__(self, opened: Input) -> None:
        self.opened = opened
        self.rest_count = 0
        self.last: Position | None = None  # After what was read last.

    def was_replaced(self) -> bool:
        """Whether the file no longer holds what was read of it."""
        if self.last is None or self.opened.is_packed:
            return False
        size = os.fstat(self.opened.file.fileno()).st_size
        return size < self.opened.offset or not is_same(self.opened.file, size, self.last)


class Follower:
    """Follows the files and folders of one source.

    `wait` is called between polls with the seconds to wait and returns True to
    stop.  `positions` are those committed: a position handed out with a block is
    committed by whoever made the block durable.
    """

    def __init__(
        self,
        source: Source,
        paths: Iterable[str],
        *,
        positions: Positions,
        wait: Callable[[float], bool],
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._source = source
        self._paths = [Path(path) for path in paths]
        self._positions = positions
        self._wait = wait
        self._poll_seconds = poll_seconds
        self._watched: dict[str, _Watched] = {}
        self._done: dict[str, tuple[int, int]] = {}  # Closed at this size and time of change.
        self._arriving: dict[str, tuple[int, int]] = {}  # Packed: size, and polls without growth.

    def blocks(self) -> Iterator[Block]:
        """Yield blocks for ever; one without a file after each poll."""
        try:
            for path in self._paths:
                for position in self._positions.of_path(str(path)):
                    yield from self._rest_of(path, position)
            while True:
                seen: set[str] = set()
                for path in self._discover():
                    yield from self._look(path, seen)
                yield from self._end_unseen(seen)
                yield from self._close_surplus()
                yield Block("")
                if self._wait(max(self._poll_seconds, len(seen) * _PER_FILE_SECONDS)):
                    return
        finally:
            for watched in self._watched.values():
                watched.opened.close()

    def _discover(self) -> Iterator[Path]:
        for path in self._paths:
            try:
                yield from files_of(path, self._source.file_patterns)
            except (NotFound, Unavailable):
                continue  # Not there now, as between rename and create.

    def _rest_of(self, path: Path, position: Position) -> Iterator[Block]:
        """Read on where a file was left that bears another name now, or was copied away."""
        if path.is_dir() or not path.parent.is_dir():
            return
        for other in sorted(path.parent.glob(f"{path.name}*")):
            try:
                with open_file(other) as file:
                    size = os.fstat(file.fileno()).st_size
                    if other.is_file() and position.head_size and is_same(file, size, position):
                        if other == path:
                            return  # It is what it was.
                        opened = Input(self._source, other, file, position)
                        yield from opened.blocks()
                        yield from opened.finish()
                        return
            except (NotFound, Unavailable):
                continue

    def _look(self, path: Path, seen: set[str]) -> Iterator[Block]:
        """Read what a file has grown by."""
        try:
            status = path.stat()
        except OSError:
            return
        identity = file_id(status)
        seen.add(identity)
        if not status.st_size or self._done.get(identity) == (status.st_size, status.st_mtime_ns):
            return
        watched = self._watched.get(identity)
        if watched is not None and watched.was_replaced():
            if watched.last is not None:
                yield from self._rest_of(path, watched.last)
            yield self._close(identity)
            watched = None
        if watched is None:
            watched = self._open(path, identity)
            if watched is None:
                return
        watched.opened.path = path
        if not watched.opened.is_packed:
            yield from self._grow(watched)
        elif self._has_arrived(identity, status.st_size):
            yield from watched.opened.blocks()
            yield from watched.opened.finish()
            self._done[identity] = (status.st_size, status.st_mtime_ns)
            yield self._close(identity)

    def _has_arrived(self, identity: str, size: int) -> bool:
        """Whether a packed file has stopped growing, so that its end is its end."""
        known, count = self._arriving.get(identity, (-1, 0))
        self._arriving[identity] = (size, count + 1 if known == size else 0)
        if known != size or count + 1 < _REST_POLLS:
            return False
        del self._arriving[identity]
        return True

    def _open(self, path: Path, identity: str) -> _Watched | None:
        try:
            file = open_file(path)
        except (NotFound, Unavailable):
            return None
        status = os.fstat(file.fileno())
        start = resume_at(file, self._positions)
        if start is not None and start.packed_size and start.packed_size == status.st_size:
            self._done[identity] = (status.st_size, status.st_mtime_ns)
            file.close()
            return None
        watched = _Watched(Input(self._source, path, file, start))
        self._watched[identity] = watched
        return watched

    def _grow(self, watched: _Watched) -> Iterator[Block]:
        has_grown = False
        for block in watched.opened.blocks():
            has_grown = True
            yield block
        if has_grown:
            watched.rest_count = 0
            watched.last = watched.opened.position()
            return
        watched.rest_count += 1
        if watched.rest_count == _REST_POLLS:
            line = watched.opened.unfinished()
            if line and self._is_record(line):
                yield watched.opened.settle()
                watched.last = watched.opened.position()

    def _is_record(self, raw: bytes) -> bool:
        try:
            self._source.parse(raw, now_ms=0)
        except EventError:
            return False
        return True

    def _end_unseen(self, seen: set[str]) -> Iterator[Block]:
        """Read files that no longer bear a followed name until they rest, then end them."""
        for identity in [known for known in self._watched if known not in seen]:
            watched = self._watched[identity]
            if not watched.was_replaced() and not watched.opened.is_packed:
                yield from self._grow(watched)
                if watched.rest_count < _REST_POLLS:
                    continue
                yield from watched.opened.finish()
            yield self._close(identity)

    def _close(self, identity: str) -> Block:
        return self._watched.pop(identity).opened.close()

    def _close_surplus(self) -> Iterator[Block]:
        """Close the files that rested longest; they are opened again when they change."""
        surplus = len(self._watched) - _OPEN_MAX
        if surplus <= 0:
            return
        rested = sorted(self._watched.items(), key=lambda item: -item[1].rest_count)
        for identity, watched in rested[:surplus]:
            if watched.rest_count and not watched.opened.has_pending:
                status = os.fstat(watched.opened.file.fileno())
                self._done[identity] = (status.st_size, status.st_mtime_ns)
                yield self._close(identity)
