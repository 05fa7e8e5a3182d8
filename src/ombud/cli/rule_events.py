"""Rule events: the lines of a file as rules see them, for trying rules without a home."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import orjson

from ombud.cli.output import note
from ombud.collect.inputs import CHUNK_SIZE
from ombud.collect.source import Source
from ombud.collect.streams import stream_blocks
from ombud.core.batch import RAW_SIZE_MAX
from ombud.core.errors import EventError, InputError
from ombud.detect.view import view_of_event, view_of_original, with_short_names

STDIN = Path("-")
STEP_LINES = 4096  # Lines taken at once: columns pay, and nobody waits for them.
STEP_SIZE = 8 << 20  # Bytes of them: each line may have 16 MB.
BAD_LINES_SAID = 20  # Lines refused by number; the rest is only counted.
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Line:
    """One record: the line it starts on, from 1, and what rules see of it.

    `named` is the event by the names of the model; without a source there is none.
    """

    number: int
    original: dict[str, Any]
    named: dict[str, Any] | None = None


class RawStep(NamedTuple):
    """Some records in order, the line each starts on, and what was none, by line."""

    raws: list[bytes]
    lines: list[int]
    faults: list[tuple[int, str]]


def read_lines(path: Path, *, refuse: Callable[[int, str], None]) -> Iterator[Line]:
    """Yield the JSON objects of a file of lines, plain or gzip, or of standard input.

    A line that is no JSON object is given to `refuse` with the reason.
    Raises `InputError` if the file does not exist or breaks off inside its gzip.
    """
    for step in raw_lines(path):
        for number, raw in zip(step.lines, step.raws, strict=True):
            try:
                value = orjson.loads(raw)
            except orjson.JSONDecodeError as error:
                refuse(number, f"no JSON: {error}")
                continue
            if isinstance(value, dict):
                yield Line(number, with_short_names(value))
            else:
                refuse(number, "no JSON object")
        for number, reason in step.faults:
            refuse(number, reason)


def raw_lines(path: Path) -> Iterator[RawStep]:
    """Yield the lines of a file, plain or gzip, or of standard input, without blank ones.

    Raises `InputError` if the file does not exist or breaks off inside its gzip.
    """
    if path != STDIN and not path.is_file():
        raise InputError(f"`{path}` is no file")
    try:
        with _opened(path) as lines:
            yield from _steps(lines)
    except (EOFError, gzip.BadGzipFile) as error:
        raise InputError(f"`{path}` is no whole gzip file: {error}") from error


def is_gzip(path: Path) -> bool:
    """Whether a file is gzip; raises `InputError` if it does not exist."""
    if not path.is_file():
        raise InputError(f"`{path}` is no file")
    with path.open("rb") as opened:
        return opened.read(len(_GZIP)) == _GZIP


def read_document(path: Path) -> bytes | None:
    """Return all of a file, plain or gzip, or of standard input.

    None when it is larger than one event can be.

    Raises `InputError` if the file breaks off inside its gzip.
    """
    try:
        with _opened(path) as opened:
            raw = opened.read(RAW_SIZE_MAX + 1)
    except (EOFError, gzip.BadGzipFile) as error:
        raise InputError(f"`{path}` is no whole gzip file: {error}") from error
    return raw if len(raw) <= RAW_SIZE_MAX else None


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    if path == STDIN:
        yield sys.stdin.buffer
        return
    with path.open("rb") as opened:
        is_packed = opened.read(len(_GZIP)) == _GZIP
        opened.seek(0)
        if not is_packed:
            yield opened
            return
        with gzip.GzipFile(fileobj=opened) as unpacked:
            yield cast("IO[bytes]", unpacked)


def read_records(
    path: Path, source: Source, *, refuse: Callable[[int, str], None]
) -> Iterator[Line]:
    """Yield the records of a file of a source as it would be ingested, plain or gzip.

    What is no record of the source is given to `refuse` with the reason.
    Raises `InputError` if the file does not exist.
    """
    if path != STDIN and not path.is_file():
        raise InputError(f"`{path}` is no file")
    for step in raw_records(path, source):
        for number, raw in zip(step.lines, step.raws, strict=True):
            try:
                event = source.parse(raw, now_ms=0)
            except EventError as error:
                refuse(number, error.message)
                continue
            yield Line(number, view_of_original(raw, source.kind), view_of_event(event))
        for number, reason in step.faults:
            refuse(number, reason)


def raw_records(path: Path, source: Source) -> Iterator[RawStep]:
    """Yield the records of a file of a source as it would be ingested, plain or gzip.

    Raises `InputError` if the file does not exist.
    """
    if path != STDIN and not path.is_file():
        raise InputError(f"`{path}` is no file")
    with nullcontext(sys.stdin.buffer) if path == STDIN else path.open("rb") as opened:
        chunks = iter(partial(opened.read, CHUNK_SIZE), b"")
        for block in stream_blocks(source, str(path), chunks):
            faults = [(fault.line, fault.reason) for fault in block.faults]
            yield RawStep([bytes(raw) for raw in block.raws], list(block.lines), faults)


def _steps(lines: IO[bytes]) -> Iterator[RawStep]:
    step, size, number = RawStep([], [], []), 0, 0
    while raw := lines.readline(RAW_SIZE_MAX):
        number += 1
        if len(raw) == RAW_SIZE_MAX and not raw.endswith(b"\n"):
            while (rest := lines.readline(RAW_SIZE_MAX)) and not rest.endswith(b"\n"):
                pass
            step.faults.append((number, f"longer than {RAW_SIZE_MAX >> 20} MiB"))
        elif raw.strip():
            step.raws.append(raw.rstrip(b"\r\n"))
            step.lines.append(number)
            size += len(raw)
        if len(step.raws) == STEP_LINES or size >= STEP_SIZE:
            yield step
            step, size = RawStep([], [], []), 0
    yield step


class BadLines:
    """Lines that were no events, named up to a bound and counted."""

    def __init__(self) -> None:
        self.count = 0

    def add(self, number: int, reason: str) -> None:
        """Name one line."""
        self.count += 1
        if self.count <= BAD_LINES_SAID:
            note(f"line {number}: {reason}")

    def say(self) -> None:
        """Say how many there were."""
        if self.count:
            note(f"{self.count} lines were skipped")
