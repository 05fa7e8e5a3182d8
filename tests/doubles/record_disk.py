"""A disk that stops the world at a chosen step, and forgets what was not made durable.

Stands in for the functions of `ombud.record.files`, which are all the ways in
which the record writes.  Nothing here waits for a real disk.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ombud.record import files

SECTOR = 512


class Crash(BaseException):
    """The power is gone; nothing may catch it."""


@dataclass
class Disk:
    """Counts steps, crashes at `crash_at` (from 1), and then undoes unsynced writes.

    `survives(random)` decides for each unsynced change whether it reached the disk.
    """

    crash_at: int = 0
    seed: int = 0
    survives: Callable[[random.Random], bool] = lambda _: True
    steps: int = 0
    names: list[str] = field(default_factory=list)
    _undo: list[tuple[str, int | Path, Callable[[], None]]] = field(default_factory=list)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of the real steps."""
        for name in (
            "write",
            "sync",
            "reserve",
            "truncate",
            "sync_path",
            "sync_filesystem",
            "create",
            "replace",
            "remove",
        ):
            monkeypatch.setattr(files, name, getattr(self, name))

    def _step(self, name: str) -> bool:
        """Count a step; return whether the world ends in the middle of it."""
        self.steps += 1
        self.names.append(name)
        return self.steps == self.crash_at

    def power_cut(self) -> None:
        """Leave on disk what was durable, and of the rest what happened to survive."""
        chance = random.Random(self.seed)
        for _, _, undo in reversed(self._undo):
            if not self.survives(chance):
                undo()
        self._undo.clear()

    def _forget(self, *keys: object) -> None:
        self._undo = [entry for entry in self._undo if entry[1] not in keys]

    def write(self, fd: int, parts: Sequence[bytes], offset: int, path: Path) -> None:
        """Write some or, at the crash, a part of the bytes."""
        data = b"".join(parts)
        crashes = self._step("write")
        if crashes:
            data = data[: random.Random(self.seed).randrange(len(data) + 1)]
        inode = os.fstat(fd).st_ino
        old = os.pread(fd, len(data), offset).ljust(len(data), b"\0")
        os.pwrite(fd, data, offset)
        for start in range(0, len(data), SECTOR):
            piece = old[start : start + SECTOR]
            place = offset + start

            def undo(place: int = place, piece: bytes = piece) -> None:
                if path.exists():
                    with path.open("r+b") as file:
                        file.seek(place)
                        file.write(piece)

            self._undo.append(("content", inode, undo))
        if crashes:
            raise Crash

    def sync(self, fd: int, path: Path) -> None:
        """Make what was written to a file durable."""
        if self._step("sync"):
            raise Crash
        self._forget(os.fstat(fd).st_ino)

    def reserve(self, fd: int, offset: int, size: int) -> None:
        """Reserve a little zeroed space."""
        if self._step("reserve"):
            raise Crash
        os.ftruncate(fd, offset + min(size, 1 << 16))

    def truncate(self, fd: int, size: int) -> None:
        """Cut a file to a size, durably."""
        if self._step("truncate"):
            raise Crash
        os.ftruncate(fd, size)

    def sync_path(self, path: Path) -> None:
        """Make a file, or the names in a folder, durable."""
        if self._step("sync_path"):
            raise Crash
        self._forget(path if path.is_dir() else path.stat().st_ino)

    def sync_filesystem(self, path: Path) -> None:
        """Make everything durable."""
        if self._step("sync_filesystem"):
            raise Crash
        self._undo.clear()

    def create(self, path: Path, data: bytes, *, mode: int = 0o600) -> None:
        """Create a file, half of it at the crash."""
        crashes = self._step("create")
        half = data[: len(data) // 2]
        path.unlink(missing_ok=True)
        path.write_bytes(half if crashes else data)
        inode = path.stat().st_ino

        def undo() -> None:
            for candidate in (path, *self._moved.get(inode, ())):
                if candidate.exists() and candidate.stat().st_ino == inode:
                    candidate.write_bytes(half)

        self._undo.append(("content", inode, undo))
        if crashes:
            raise Crash

    @property
    def _moved(self) -> dict[int, list[Path]]:
        moved: dict[int, list[Path]] = self.__dict__.setdefault("moved", {})
        return moved

    def replace(self, temporary: Path, path: Path) -> None:
        """Rename a file."""
        if self._step("replace"):
            raise Crash
        old = path.read_bytes() if path.exists() else None
        self._moved.setdefault(temporary.stat().st_ino, []).append(path)
        temporary.replace(path)

        def undo() -> None:
            if old is None:
                path.unlink(missing_ok=True)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(old)

        self._undo.append(("name", path.parent, undo))

    def remove(self, path: Path) -> None:
        """Remove a file."""
        if self._step("remove"):
            raise Crash
        if not path.exists():
            return
        old = path.read_bytes()
        path.unlink()

        def undo() -> None:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(old)

        self._undo.append(("name", path.parent, undo))
