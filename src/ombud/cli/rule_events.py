"""Rule events: the lines of a file as rules see them, for trying rules without a home."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

import orjson

from ombud.core.batch import RAW_SIZE_MAX
from ombud.core.errors import InputError
from ombud.detect.view import with_short_names

STDIN = Path("-")
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its number from 1, and its JSON object."""

    number: int
    original: dict[str, Any]


def read_lines(path: Path, *, refuse: Callable[[int, str], None]) -> Iterator[Line]:
    """Yield the JSON objects of a file of lines, plain or gzip, or of standard input.

    A line that is no JSON object is given to `refuse` with the reason.
    Raises `InputError` if the file does not exist or breaks off inside its gzip.
    """
    if path != STDIN and not path.is_file():
        raise InputError(f"`{path}` is no file")
    try:
        with _opened(path) as lines:
            yield from _parsed(lines, refuse)
    except (EOFError, gzip.BadGzipFile) as error:
        raise InputError(f"`{path}` is no whole gzip file: {error}") from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if path == STDIN:
        yield sys.stdin.buffer
        return
    with path.open("rb") as opened:
        is_gzip = opened.read(len(_GZIP)) == _GZIP
        opened.seek(0)
        if not is_gzip:
            yield opened
            return
        with gzip.GzipFile(fileobj=opened) as unpacked:
            yield cast("IO[bytes]", unpacked)


def _parsed(lines: IO[bytes], refuse: Callable[[int, str], None]) -> Iterator[Line]:
    number = 0
    while raw := lines.readline(RAW_SIZE_MAX):
        number += 1
        if len(raw) == RAW_SIZE_MAX and not raw.endswith(b"\n"):
            while (rest := lines.readline(RAW_SIZE_MAX)) and not rest.endswith(b"\n"):
                pass
            refuse(number, f"longer than {RAW_SIZE_MAX >> 20} MiB")
            continue
        if not raw.strip():
            continue
        try:
            value = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            refuse(number, f"no JSON: {error}")
            continue
        if isinstance(value, dict):
            yield Line(number, with_short_names(value))
        else:
            refuse(number, "no JSON object")
