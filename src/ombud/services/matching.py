"""Matching: the lines of a file put to rules, by as many processes as are wanted.

A file is cut at line ends into parts; each worker takes the next part, reads it
itself and tells what it found, and the parts come back in the order of the file.
Invariant: how many processes there are changes no match, only the time.  A fault
in a worker is raised here, and whoever stops reading stops the workers.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any, NamedTuple, Protocol, Self

from ombud.core.batch import RAW_SIZE_MAX
from ombud.core.errors import InputError
from ombud.services.workers import Worker

PART_SIZE = 2 << 20  # Bytes: some thousand events, so that columns pay and fit the cache.
PART_SIZE_MIN = 256 << 10  # Smaller parts cost more in turns than another process gains.
PARTS_PER_JOB = 4  # Of a small file, so that one slow part does not leave the others idle.
AHEAD = 2  # Parts a worker has: one at hand and one waiting, so that it never does.
UNREAD_MAX = 4  # Parts for each worker that may be done before the first of them is read.
JOBS_MAX = 64  # More is a mistake: each has the whole rules in memory.

Found = Sequence[tuple[int, int]]  # Row of the lines given, position of the rule.
Faults = Sequence[tuple[int, str]]  # Row of the lines given, why no rule was put to it.


class PartLines(list[bytes]):
    """Lines with the text that they were cut from, which holds nothing else but line ends."""

    def __init__(self, text: bytes) -> None:
        super().__init__(text.split(b"\n"))
        if not self[-1]:
            self.pop()
        self.text = text


class Lines(Protocol):
    """What lines are put to; each process has one of its own, used for part after part."""

    def match(self, lines: Sequence[bytes]) -> tuple[Found, Faults]:
        """Return what matched and what could not be read, both in order of lines."""


class Hit(NamedTuple):
    """A line, from 1, and the position of the rule that matches it."""

    line: int
    rule: int


class Fault(NamedTuple):
    """A line, from 1, that no rule was put to, and why."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class MatchedPart:
    """What was found in consecutive lines of a file.

    `first_line` counts from 1, `size` is in bytes; `cpu_seconds` is what the
    process that did it spent.  `lines` are those that matched, if they were asked for.
    """

    first_line: int
    line_count: int
    size: int
    hits: tuple[Hit, ...]
    faults: tuple[Fault, ...]
    cpu_seconds: float
    lines: dict[int, bytes] = field(default_factory=dict, repr=False)


class _Part(NamedTuple):
    number: int
    path: str
    start: int
    end: int
    keeps_lines: bool


class LinePool:
    """Processes that put lines to rules; a context manager, which starts and ends them.

    `make` is called once in each worker, and so must be something that can be
    pickled: a class or function of a module, or a `partial` of one.  A single job
    needs no process but this one.
    """

    def __init__(self, make: Callable[[], Lines], *, jobs: int = 1) -> None:
        if not 1 <= jobs <= JOBS_MAX:
            raise InputError(f"`{jobs}` jobs: there can be 1 to {JOBS_MAX}")
        self._make = make
        self._jobs = jobs
        self._lines: Lines | None = None
        self._workers: list[Worker] = []

    def __enter__(self) -> Self:
        """Start; returns when every worker is ready, its rules compiled."""
        if self._jobs == 1:
            self._lines = self._make()
            return self
        try:
            self._workers = [Worker(partial(_answering, self._make)) for _ in range(self._jobs)]
            for worker in self._workers:
                worker.receive()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """End every worker, whatever it is at."""
        self._stop()

    def _stop(self) -> None:
        for worker in self._workers:
            worker.process.terminate()
        for worker in self._workers:
            worker.close()
        self._workers = []
        self._lines = None

    @property
    def pids(self) -> list[int]:
        """The processes that do the work."""
        return [worker.process.pid or 0 for worker in self._workers] or [os.getpid()]

    def match(self, path: Path, *, keeps_lines: bool = False) -> Iterator[MatchedPart]:
        """Yield what is found in a file of lines, in order.

        Only what was in the file when this began is read.  Raises `InputError` if
        it is no file, `Unavailable` if a worker dies, and what a worker raised.
        """
        if not path.is_file():
            raise InputError(f"`{path}` is no file")
        parts = _cut(path, self._jobs, keeps_lines=keeps_lines)
        if self._lines is None and not self._workers:
            raise RuntimeError("a pool is used inside its context")
        found = self._here(parts) if self._lines is not None else self._spread(parts)
        line = 1
        for part in found:
            yield _numbered(part, line)
            line += part.line_count

    def _here(self, parts: Iterator[_Part]) -> Iterator[_Answer]:
        assert self._lines is not None  # noqa: S101 - said to the type checker.
        for part in parts:
            yield _match_part(self._lines, part)

    def _spread(self, parts: Iterator[_Part]) -> Iterator[_Answer]:
        """Give parts to whoever has room, and yield the answers in order of the parts."""
        for worker in self._workers:  # What somebody before asked for and did not read.
            while worker.waiting:
                worker.receive()
        done: dict[int, _Answer] = {}
        wanted = given = 0
        while True:
            while (
                given - wanted < UNREAD_MAX * self._jobs
                and (idlest := min(self._workers, key=_waiting)).waiting < AHEAD
                and (part := next(parts, None)) is not None
            ):
                idlest.send(part)
                given += 1
            if wanted in done:
                yield done.pop(wanted)
                wanted += 1
                continue
            busy: dict[Any, Worker] = {
                each.connection: each for each in self._workers if each.waiting
            }
            if not busy:
                return
            for ready in wait(list(busy)):
                answer = busy[ready].receive()
                done[answer.number] = answer


def _waiting(worker: Worker) -> int:
    return worker.waiting


class _Answer(NamedTuple):
    number: int
    line_count: int
    size: int
    hits: list[tuple[int, int]]
    faults: list[tuple[int, str]]
    cpu_seconds: float
    lines: dict[int, bytes]


def _cut(path: Path, jobs: int, *, keeps_lines: bool) -> Iterator[_Part]:
    """Yield consecutive parts of a file, each but the last ended by the end of a line."""
    size = path.stat().st_size
    step = max(PART_SIZE_MIN, min(PART_SIZE, size // (jobs * PARTS_PER_JOB)))
    with path.open("rb") as file:
        start = number = 0
        while start < size:
            end = min(size, start + step)
            if end < size:
                file.seek(end - 1)
                while (piece := file.readline(step)) and not piece.endswith(b"\n"):
                    pass
                end = min(size, file.tell())
            yield _Part(number, str(path), start, end, keeps_lines)
            start, number = end, number + 1


def _answering(make: Callable[[], Lines]) -> Callable[[_Part], Iterator[_Answer]]:
    lines = make()
    return lambda part: iter((_match_part(lines, part),))


def _match_part(lines: Lines, part: _Part) -> _Answer:
    """Read a part and match its lines; rows are counted from 0."""
    begin = time.process_time()
    with Path(part.path).open("rb") as file:
        file.seek(part.start)
        # What goes beyond is the end of a line that is too long anyway.
        data = file.read(min(part.end - part.start, PART_SIZE + RAW_SIZE_MAX + 1))
    raws: list[bytes] = PartLines(data)
    count = len(raws)
    rows: Sequence[int] = range(count)
    faults: list[tuple[int, str]] = []
    if raws and (max(map(len, raws)) > RAW_SIZE_MAX or not all(map(bytes.strip, raws))):
        reason = f"longer than {RAW_SIZE_MAX >> 20} MiB"
        faults = [(row, reason) for row in rows if len(raws[row]) > RAW_SIZE_MAX]
        rows = [row for row in rows if len(raws[row]) <= RAW_SIZE_MAX and raws[row].strip()]
        raws = [raws[row] for row in rows]
    found, refused = lines.match(raws)
    faults = sorted([*faults, *((rows[row], reason) for row, reason in refused)])
    kept = {rows[row]: raws[row] for row, _ in found} if part.keeps_lines else {}
    hits = [(rows[row], rule) for row, rule in found]
    spent = time.process_time() - begin
    return _Answer(part.number, count, part.end - part.start, hits, faults, spent, kept)


def _numbered(answer: _Answer, first_line: int) -> MatchedPart:
    return MatchedPart(
        first_line,
        answer.line_count,
        answer.size,
        tuple(Hit(first_line + row, rule) for row, rule in answer.hits),
        tuple(Fault(first_line + row, reason) for row, reason in answer.faults),
        answer.cpu_seconds,
        {first_line + row: raw for row, raw in answer.lines.items()},
    )
