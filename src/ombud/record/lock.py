"""Lock: there is one writer of a home, and the operating system knows which."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from ombud.core.errors import Unavailable
from ombud.record import files

_PID_SIZE_MAX = 32
_RETRY_SECONDS = 0.02


def acquire_lock(path: Path, *, patience_seconds: float = 0.0) -> int:
    """Return the descriptor that holds the lock until it is closed.

    A process that ended in whatever way holds nothing; one that is about to end is
    waited for, for as long as `patience_seconds`.  Raises `Unavailable` with the
    holder's process id.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT, files.FILE_MODE)
    deadline = time.monotonic() + patience_seconds
    while not _try_lock(fd):
        if time.monotonic() >= deadline:
            os.close(fd)
            raise Unavailable(
                f"`{path.parent}` is being written by process {lock_owner(path) or 'unknown'}",
                hint="wait for it or stop it; a home that `ombud serve` runs takes every command",
            )
        time.sleep(_RETRY_SECONDS)
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def _try_lock(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def lock_owner(path: Path) -> int | None:
    """Return the process that took the lock last, which may have ended; None if none did.

    Takes no lock itself, so that asking never keeps a writer out.
    """
    try:
        text = path.read_bytes()[:_PID_SIZE_MAX].strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isdigit() else None


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
