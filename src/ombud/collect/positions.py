"""Positions: what was read of which file, kept across restarts.

One small JSON file, replaced as a whole and synced, so that it is either the
old or the new one.  What others saved meanwhile stays in it: several followers
of one kind of source share a file.  What is read again is recognised as
duplicate; but a file that was rotated away is only found by its position.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path

from ombud.collect.place import Position
from ombud.core.errors import Unavailable

_FILES_MAX = 100_000  # Positions kept; the oldest are forgotten first.


class Positions:
    """The positions of one source in one home; without a path they last as long as the process."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._by_id: dict[str, Position] = {}
        self._by_head: dict[str, str] = {}
        self._head_sizes: set[int] = set()
        self._own: set[str] = set()  # Files committed here; of the others the file knows better.
        self._saved: tuple[int, int] | None = None  # The file as it was written here last.
        if path is not None:
            for position in _load(path):
                self._keep(position)

    def find(self, file_id: str) -> Position | None:
        """Return the position of a file by device and inode."""
        return self._by_id.get(file_id)

    def find_head(self, head: str) -> Position | None:
        """Return the position of the file that begins with the bytes of this digest."""
        return self._by_id.get(self._by_head.get(head, ""))

    def head_sizes(self) -> set[int]:
        """Return over how many first bytes the known files were recognised."""
        return self._head_sizes

    def of_path(self, path: str) -> list[Position]:
        """Return the positions of all files that bore this path, oldest first."""
        return [position for position in self._by_id.values() if position.path == path]

    def commit(self, position: Position) -> None:
        """Remember a position whose events are durable; `save` makes it last."""
        self._own.add(position.file_id)
        self._keep(position)

    def _keep(self, position: Position) -> None:
        self._by_id.pop(position.file_id, None)
        self._by_id[position.file_id] = position
        if position.head_size:
            self._by_head[position.head] = position.file_id
            self._head_sizes.add(position.head_size)
        while len(self._by_id) > _FILES_MAX:
            forgotten = self._by_id.pop(next(iter(self._by_id)))
            self._by_head.pop(forgotten.head, None)

    def save(self) -> None:
        """Write all positions, synced; raises `Unavailable` when there is no room.

        Then what was read since is read again, and recognised.
        """
        if self._path is None:
            return
        try:
            self._save(self._path)
        except OSError as error:
            raise Unavailable(
                f"cannot write `{self._path}`: {error.strerror}", retry_seconds=5.0
            ) from error

    def _save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)  # Other threads and processes save, too.
            self._take_others(path)
            rows = json.dumps([position.to_dict() for position in self._by_id.values()])
            temporary = path.with_suffix(".new")
            with temporary.open("w", encoding="utf-8") as file:
                file.write(rows)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
            self._saved = _version(path)
        finally:
            os.close(lock)

    def _take_others(self, path: Path) -> None:
        """Take over what others saved; what was committed here comes last, as the newest."""
        if _version(path) == self._saved:
            return
        own = [position for key, position in self._by_id.items() if key in self._own]
        for position in _load(path):
            if position.file_id not in self._own:
                self._keep(position)
        for position in own:
            self._keep(position)


def _version(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except FileNotFoundError:
        return None
    return status.st_ino, status.st_mtime_ns


def _load(path: Path) -> list[Position]:
    try:
        return [Position.from_dict(row) for row in json.loads(path.read_bytes())]
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return []  # None yet, or unreadable: everything is read again and recognised.
