"""Verified files: reading and listing where a missing or strange file is a proof of tampering.

A file that is not there, or is not a plain file, is `TamperError`: it proves the
record wrong.  Only what the machine refuses (permission, an I/O error) is
`Unavailable`, because it proves nothing.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from ombud.core.errors import TamperError, Unavailable

DEPTH_MAX = 12  # `tile/0/x009/x223/x372/x036/x854/x775/807.p/5` is the deepest there can be.

# What `open` and `scandir` say of a name that is not what it should be.
_NOT_THERE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO})


def failure(path: Path, error: OSError) -> TamperError | Unavailable:
    """Return what a failed look at a file means."""
    if error.errno in _NOT_THERE:
        return TamperError("file is missing", origin=str(path))
    return Unavailable(f"cannot read `{path}`: {error.strerror or error}")


def read_if_there(path: Path, size_max: int) -> bytes | None:
    """Return the bytes of a plain file, or None when there is no such name.

    Reads at most one byte beyond `size_max`.  Raises `TamperError` for what is
    not a plain file, and `Unavailable`.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise failure(path, error) from error
    try:
        with open(fd, "rb") as file:  # noqa: PTH123 - a descriptor has no path.
            return file.read(size_max + 1)
    except OSError as error:
        raise failure(path, error) from error


def read_whole(path: Path, size_max: int) -> bytes:
    """Return the bytes of a plain file; raises `TamperError` when it is missing or too large."""
    data = read_if_there(path, size_max)
    if data is None:
        raise TamperError("file is missing", origin=str(path))
    if len(data) > size_max:
        raise TamperError(f"file is larger than {size_max} bytes", origin=str(path))
    return data


def walk(folder: Path, depth: int = 0) -> Iterator[Path]:
    """Yield every file below a folder, sorted; a folder that is not there has none.

    Raises `TamperError` for what is neither a plain file nor a folder.
    """
    if depth > DEPTH_MAX:
        raise TamperError("folder does not belong here", origin=str(folder))
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    except OSError as error:
        raise failure(folder, error) from error
    for entry in entries:
        path = folder / entry.name
        if entry.is_dir(follow_symlinks=False):
            yield from walk(path, depth + 1)
        elif entry.is_file(follow_symlinks=False):
            yield path
        else:
            raise TamperError("neither a file nor a folder", origin=str(path))
