"""Plain file: reading what others may have put where a file is expected.

A pipe or a device could block for ever, a link lead elsewhere; only plain files are read.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC  # A pipe that nobody writes does not block.


def read_plain_file(path: Path, *, size_max: int, is_private: bool = False) -> bytes:
    """Return a file, cut one byte after `size_max`; raises `OSError` for what is no plain file.

    A private one is no link, belongs to the user of the process, and nobody else
    may write it.
    """
    handle = os.open(path, _FLAGS | os.O_NOFOLLOW if is_private else _FLAGS)
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise OSError("is no plain file")
        if is_private and (state.st_uid != os.geteuid() or state.st_mode & 0o022):
            raise PermissionError("others may write it")
        asked = min(size_max, state.st_size) + 1  # One byte more than there should be.
        data = os.read(handle, asked)
        while len(data) < min(state.st_size, asked) and (more := os.read(handle, asked)):
            data += more
    finally:
        os.close(handle)
    return data[: size_max + 1]
