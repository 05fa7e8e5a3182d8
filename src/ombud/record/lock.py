"""Lock: there is one writer of a home, and the operating system knows which."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ombud.core.errors import Unavailable
from ombud.record import files

_PID_SIZE_MAX = 32


def acquire_lock(path: Path) -> int:
    """Return the descriptor that holds the lock until it is closed.

    A process that ended in whatever way holds nothing.  Raises `Unavailable`
    with the holder's process id.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, files.FILE_MODE)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        pid = os.pread(fd, _PID_SIZE_MAX, 0).decode(errors="replace").strip()
        os.close(fd)
        raise Unavailable(
            f"`{path.parent}` is being written by process {pid or 'unknown'}",
            hint="wait for it or stop it; a home that `ombud serve` runs takes every command",
        ) from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def lock_folder(path: Path) -> int:
    """Return the descriptor that holds a lock on a folder; raises `Unavailable` if it is held."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise Unavailable(f"another process works on `{path}`") from None
    return fd


def release_lock(fd: int) -> None:
    """Let the next writer in."""
    os.close(fd)
