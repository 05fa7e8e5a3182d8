"""Files: the few steps by which the record touches a disk.

Every write of the record goes through this module, so that the tests can stop
the world at each step.  An error of fsync ends the process: the kernel may have
dropped the pages and reported it once, so that a retry would succeed on lost
data (PostgreSQL's fsync lesson of 2018).
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

_syncfs = ctypes.CDLL(None, use_errno=True).syncfs  # Not in the standard library.

EXIT_DURABILITY = 3  # "could not": the machine failed us.
FILE_MODE = 0o600
SERVED_FILE_MODE = 0o644
FOLDER_MODE = 0o700


def die(path: Path, error: OSError) -> NoReturn:
    """End the process at once, without clean-up, since the disk may have lied."""
    sys.stderr.write(f"ombud: cannot make `{path}` durable: {error}: stopping\n")
    sys.stderr.flush()
    os._exit(EXIT_DURABILITY)


def write(fd: int, parts: Sequence[bytes], offset: int, path: Path) -> None:
    """Write all parts at an offset; a failure or a short write ends the process.

    The space was reserved before, so an error here is the disk's.
    """
    expected = sum(map(len, parts))
    try:
        written = os.pwritev(fd, parts, offset)
        while written < expected:  # More than 2 GB or a signal: Linux writes less.
            rest = b"".join(parts)[written:]
            written += os.pwrite(fd, rest, offset + written)
    except OSError as error:
        die(path, error)


def sync(fd: int, path: Path) -> None:
    """Make the bytes of a file durable, or end the process."""
    try:
        os.fdatasync(fd)
    except OSError as error:
        die(path, error)


def reserve(fd: int, offset: int, size: int) -> None:
    """Reserve zeroed space; raises `OSError` when there is none."""
    os.posix_fallocate(fd, offset, size)


def truncate(fd: int, size: int) -> None:
    """Cut a file to a size."""
    os.ftruncate(fd, size)


def sync_path(path: Path) -> None:
    """Make a file or the names in a folder durable, or end the process."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.fsync(fd)
    except OSError as error:
        die(path, error)
    finally:
        os.close(fd)


def sync_filesystem(path: Path) -> None:
    """Make everything on the file system of a path durable, or end the process.

    For hundreds of small files this costs a fiftieth of syncing each (syncfs(2),
    which reports errors of writing back since Linux 5.8).
    """
    fd = os.open(path, os.O_RDONLY)
    try:
        if _syncfs(fd) != 0:
            number = ctypes.get_errno()
            die(path, OSError(number, os.strerror(number)))
    finally:
        os.close(fd)


def make_folder(path: Path) -> None:
    """Make a folder, its parents and their names durable; an existing one is left alone."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with suppress(FileExistsError):
        path.mkdir(mode=FOLDER_MODE)
    sync_path(path.parent)


def create(path: Path, data: bytes, *, mode: int = FILE_MODE) -> None:
    """Write a new file in one go, not yet durable; an old one of that name is replaced."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
    finally:
        os.close(fd)


def replace(temporary: Path, path: Path) -> None:
    """Give a complete file its name."""
    temporary.replace(path)


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    path.unlink(missing_ok=True)


def write_durably(path: Path, data: bytes, temporary: Path, *, mode: int = FILE_MODE) -> None:
    """Replace a file as a whole: temporary file, fsync, rename, fsync of the folder."""
    create(temporary, data, mode=mode)
    sync_path(temporary)
    replace(temporary, path)
    sync_path(path.parent)
