"""Copying: files taken over in small synced steps, hashed on the way.

What is written is made durable every few megabytes: a copy that leaves gigabytes
to the kernel makes everybody else's fsync wait for them, the recorder's too.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from ombud.core.errors import Unavailable
from ombud.record import files
from ombud.record.backup_manifest import BackupFile

STEP = 1 << 20
SYNC_STEP = 4 << 20


class Copier:
    """Copies files below a folder and remembers each with its SHA-256."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: set[Path] = set()
        self.files: dict[str, BackupFile] = {}

    def _place(self, name: str) -> Path:
        path = self._folder / name
        if path.parent not in self._made:
            path.parent.mkdir(mode=files.FOLDER_MODE, parents=True, exist_ok=True)
            self._made.add(path.parent)
        return path

    def copy(self, source: Path, name: str, *, limit: int | None = None) -> BackupFile:
        """Copy a file under a name, at most `limit` bytes; raises `FileNotFoundError`."""
        fd = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return self.copy_open(fd, name, limit=limit)
        finally:
            os.close(fd)

    def copy_open(self, fd: int, name: str, *, limit: int | None = None) -> BackupFile:
        """Copy an open file, from its start to the size it has now."""
        path = self._place(name)
        size = os.fstat(fd).st_size if limit is None else limit
        is_public = name.startswith("log/") or name.endswith(".vkey")
        mode = files.SERVED_FILE_MODE if is_public else files.FILE_MODE
        digest, done, unsynced = hashlib.sha256(), 0, 0
        out = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
        try:
            while done < size and (chunk := os.pread(fd, min(STEP, size - done), done)):
                _write(out, chunk, path)
                digest.update(chunk)
                done += len(chunk)
                unsynced += len(chunk)
                if unsynced >= SYNC_STEP:
                    os.fdatasync(out)
                    unsynced = 0
        finally:
            os.close(out)
        self.files[name] = BackupFile(name, done, digest.hexdigest())
        return self.files[name]

    def link(self, known: BackupFile, source: Path) -> bool:
        """Take over a file that never changes from an earlier backup; False if it cannot be."""
        try:
            if source.stat().st_size != known.size:
                return False
            self._place(known.path).hardlink_to(source)
        except OSError:
            return False
        self.files[known.path] = known
        return True


def _write(fd: int, data: bytes, path: Path) -> None:
    view = memoryview(data)
    try:
        while view:
            view = view[os.write(fd, view) :]
    except OSError as error:
        raise Unavailable(
            f"cannot write `{path}`: {error.strerror}",
            hint="what was backed up before is untouched; free space there and begin again",
        ) from error
