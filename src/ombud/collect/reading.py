"""Reading: files, folders and standard input, once, from where they were left.

Folders are read recursively in the order of names, hidden files left out.
`follow` in `ombud.collect.follow` goes on for ever.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import BinaryIO

from ombud.collect.inputs import CHUNK_SIZE, Input, digest, file_id, open_file
from ombud.collect.place import Block, Position
from ombud.collect.positions import Positions
from ombud.collect.source import Source
from ombud.collect.streams import stream_blocks
from ombud.core.errors import NotFound, Unavailable

STANDARD_INPUT = "-"


def files_of(path: Path, patterns: tuple[str, ...] = ("*",)) -> Iterator[Path]:
    """Yield a file itself, or the files of a folder and all below it that fit a pattern.

    Raises `NotFound` when there is nothing of that name.
    """
    if not path.is_dir():
        if not path.exists():
            raise NotFound(f"no such file or folder: `{path}`")
        yield path
        return
    try:
        entries = sorted(os.scandir(path), key=lambda entry: entry.name)
    except OSError as error:
        raise Unavailable(f"cannot read `{path}`: {error.strerror}") from None
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from files_of(Path(entry.path), patterns)
        elif entry.is_file() and any(fnmatch(entry.name, pattern) for pattern in patterns):
            yield Path(entry.path)


def resume_at(file: BinaryIO, positions: Positions) -> Position | None:
    """Return how far an open file was read before, under whatever name.

    None when it is new, or was emptied and filled anew.
    """
    status = os.fstat(file.fileno())
    position = positions.find(file_id(status))
    if position is not None and is_same(file, status.st_size, position):
        return position
    head = os.pread(file.fileno(), max(positions.head_sizes(), default=0), 0)
    for size in sorted(positions.head_sizes(), reverse=True):
        position = positions.find_head(digest(head[:size])) if len(head) >= size else None
        if position is not None and is_same(file, status.st_size, position):
            return position
    return None


def is_same(file: BinaryIO, size: int, position: Position) -> bool:
    """Whether a file begins as the position says, and holds what was read before it."""
    head = os.pread(file.fileno(), position.head_size, 0)
    if len(head) != position.head_size or digest(head) != position.head:
        return False
    if not position.tail_size:
        return True
    if size < position.offset:
        return False
    tail = os.pread(file.fileno(), position.tail_size, position.offset - position.tail_size)
    return digest(tail) == position.tail


def read_file(source: Source, path: Path, positions: Positions) -> Iterator[Block]:
    """Yield the blocks of one file, from where it was left."""
    with open_file(path) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            yield from stream_blocks(source, str(path), iter(lambda: file.read(CHUNK_SIZE), b""))
            return
        start = resume_at(file, positions)
        if start is not None and start.packed_size and start.packed_size == status.st_size:
            return  # A compressed file that was read to its end.
        opened = Input(source, path, file, start)
        yield from opened.blocks()
        yield from opened.finish()


def read_paths(
    source: Source,
    paths: Iterable[str],
    *,
    positions: Positions | None = None,
    standard_input: BinaryIO | None = None,
) -> Iterator[Block]:
    """Yield the blocks of files, folders and standard input (`-`), in the order given.

    Every path is looked up before the first is read.  Raises `NotFound` and
    `Unavailable`, naming the path.
    """
    known = positions if positions is not None else Positions()
    listed = list(paths)
    for text in listed:
        if text != STANDARD_INPUT and not Path(text).exists():
            raise NotFound(f"no such file or folder: `{text}`")
    return _read_all(source, listed, known, standard_input)


def _read_all(
    source: Source, paths: list[str], positions: Positions, standard_input: BinaryIO | None
) -> Iterator[Block]:
    for text in paths:
        if text != STANDARD_INPUT:
            for path in files_of(Path(text), source.file_patterns):
                yield from read_file(source, path, positions)
        elif standard_input is not None:
            chunks = iter(lambda: _read_some(standard_input), b"")
            yield from stream_blocks(source, STANDARD_INPUT, chunks)


def _read_some(stream: BinaryIO) -> bytes:
    """Read what a pipe has, without waiting for it to fill a whole chunk."""
    read_one = getattr(stream, "read1", stream.read)
    return bytes(read_one(CHUNK_SIZE))


def size_of(source: Source, paths: Iterable[str]) -> int | None:
    """Return how many bytes there are to read, for a progress bar; None when it is unknown."""
    total = 0
    for text in paths:
        if text == STANDARD_INPUT:
            return None
        for path in files_of(Path(text), source.file_patterns):
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                return None
            total += status.st_size
    return total
