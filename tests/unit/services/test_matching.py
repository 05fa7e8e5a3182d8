"""Lines put to rules by one process or several: the same matches, and every fault is told."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from doubles.word_lines import WordLines, refuse
from ombud.core.batch import RAW_SIZE_MAX
from ombud.core.errors import InputError, RuleError, Unavailable
from ombud.services import matching
from ombud.services.matching import Fault, Hit, LinePool, MatchedPart


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts of a hundred bytes, so that a small file has many."""
    monkeypatch.setattr(matching, "PART_SIZE", 100)
    monkeypatch.setattr(matching, "PART_SIZE_MIN", 1)


@pytest.fixture
def pair() -> Iterator[LinePool]:
    """Return a pool of two workers."""
    with LinePool(WordLines, jobs=2) as pool:
        yield pool


def write(path: Path, text: bytes) -> Path:
    """Write a file and return its path."""
    path.write_bytes(text)
    return path


def told(parts: list[MatchedPart]) -> tuple[list[Hit], list[Fault], int, int]:
    """Return what parts say together: hits, faults, lines and bytes."""
    return (
        [hit for part in parts for hit in part.hits],
        [fault for part in parts for fault in part.faults],
        sum(part.line_count for part in parts),
        sum(part.size for part in parts),
    )


def plainly(text: bytes) -> tuple[list[Hit], list[Fault], int, int]:
    """Return what a reader of the whole file at once would find."""
    lines = text.split(b"\n")
    if not lines[-1]:
        lines.pop()
    hits = [
        Hit(number, rule)
        for number, line in enumerate(lines, start=1)
        for rule, word in enumerate((b"alpha", b"beta"))
        if word in line and line.startswith(b"{")
    ]
    faults = [
        Fault(number, "no JSON object")
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.startswith(b"{")
    ]
    return hits, faults, len(lines), len(text)


LINES = st.sampled_from(
    [
        b"",
        b" ",
        b"\r",
        b"alpha",
        b'{"a": "alpha beta"}',
        b'{"b": "beta"}\r',
        b"{}",
        b"{" + b"x" * 99,
    ]
)


@given(lines=st.lists(LINES, max_size=40), is_ended=st.booleans())
def test_parts_are_the_file(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], is_ended: bool
) -> None:
    """Whatever the lines, parts of any cut tell what the whole file holds, in order."""
    text = b"\n".join(lines) + (b"\n" if is_ended and lines else b"")
    path = write(tmp_path_factory.getbasetemp() / "lines", text)

    with LinePool(WordLines) as pool:
        parts = list(pool.match(path))

    assert told(parts) == plainly(text)
    assert [part.first_line for part in parts] == [
        1 + sum(part.line_count for part in parts[:number]) for number in range(len(parts))
    ]


def test_two_processes_tell_the_same(tmp_path: Path, pair: LinePool) -> None:
    """Parts done by several processes come back in order of lines."""
    words = (b'"alpha"', b'"beta"', b'"alpha beta"', b"1")
    text = b"".join(b'{"n": %d, "w": %s}\n' % (n, words[n * n % 4]) for n in range(2_000))
    path = write(tmp_path / "lines", text)

    together = list(pair.match(path, keeps_lines=True))

    assert len(together) > 100
    assert told(together) == plainly(text)
    lines = text.splitlines()
    for part in together:
        assert part.lines == {hit.line: lines[hit.line - 1] for hit in part.hits}


def test_pool_is_used_again(tmp_path: Path, pair: LinePool) -> None:
    """What somebody asked for and did not read is not told to the next who asks."""
    first = write(tmp_path / "first", b'{"w": "alpha"}\n' * 500)
    second = write(tmp_path / "second", b'{"w": "beta"}\n' * 3)

    reading = pair.match(first)
    next(reading)
    reading.close()  # type: ignore[attr-defined]

    assert told(list(pair.match(second)))[0] == [Hit(1, 1), Hit(2, 1), Hit(3, 1)]


@pytest.mark.parametrize("jobs", [1, 2])
def test_long_line_is_a_fault(tmp_path: Path, jobs: int) -> None:
    """A line longer than an original may be is told and skipped; the rest is matched."""
    text = b'{"w": "alpha"}\n' + b"{" + b"x" * (RAW_SIZE_MAX + 500) + b"\n" + b'{"w": "beta"}\n'
    path = write(tmp_path / "lines", text)

    with LinePool(WordLines, jobs=jobs) as pool:
        found = told(list(pool.match(path)))

    assert found == ([Hit(1, 0), Hit(3, 1)], [Fault(2, "longer than 16 MiB")], 3, len(text))


def test_nothing_to_read(tmp_path: Path, pair: LinePool) -> None:
    """An empty file has no parts; what is no file is refused."""
    assert list(pair.match(write(tmp_path / "empty", b""))) == []
    with pytest.raises(InputError, match="is no file"):
        list(pair.match(tmp_path))


@pytest.mark.parametrize("jobs", [0, 65])
def test_jobs_have_a_bound(jobs: int) -> None:
    """No job is as wrong as a thousand."""
    with pytest.raises(InputError, match="there can be 1 to 64"):
        LinePool(WordLines, jobs=jobs)


@pytest.mark.parametrize(
    ("word", "error", "message"),
    [
        pytest.param(b"give up", RuleError, "a rule gave up", id="error"),
        pytest.param(b"column", Unavailable, "no error that can be pickled", id="not picklable"),
        pytest.param(b"die", Unavailable, "ended with status -9", id="killed"),
    ],
)
def test_fault_of_a_worker_is_raised(
    tmp_path: Path, word: bytes, error: type[Exception], message: str
) -> None:
    """What a worker raises, or that it died, ends the reading; no process is left."""
    path = write(tmp_path / "lines", b'{"w": "alpha"}\n' * 50 + b'{"w": "%s"}\n' % word)

    with pytest.raises(error, match=message), LinePool(WordLines, jobs=2) as pool:
        list(pool.match(path))

    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("jobs", [1, 2])
def test_fault_at_the_start_is_raised(jobs: int) -> None:
    """Rules that cannot be made are a fault of starting, whoever makes them."""
    with pytest.raises(RuleError, match="no rule can run"), LinePool(refuse, jobs=jobs):
        pytest.fail("it started")

    assert multiprocessing.active_children() == []


def test_interrupt_ends_all(tmp_path: Path) -> None:
    """Ctrl-C while workers are at a slow part ends them and leaves nothing."""
    began = tmp_path / "began"
    line = b'{"sleep": "%s"}\n' % os.fsencode(began)
    path = write(tmp_path / "lines", line * 40)

    def interrupt() -> None:
        while not began.exists():
            pass
        os.kill(os.getpid(), signal.SIGINT)

    # Started in the background of a shell, this process would not hear the signal.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with LinePool(WordLines, jobs=2) as pool:
            pids = pool.pids
            watcher = threading.Thread(target=interrupt)
            watcher.start()
            with pytest.raises(KeyboardInterrupt):
                list(pool.match(path))
            watcher.join()
    finally:
        signal.signal(signal.SIGINT, before)

    assert len(pids) == 2
    assert multiprocessing.active_children() == []
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]


def test_parts_not_read_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader who waits does not make the workers run through the file."""
    made: list[int] = []
    cut = matching._cut

    def counted(*args: object, **options: object) -> Iterator[object]:
        for part in cut(*args, **options):  # type: ignore[arg-type]
            made.append(part.number)
            yield part

    monkeypatch.setattr(matching, "_cut", counted)
    path = write(tmp_path / "lines", b'{"w": "alpha"}\n' * 5_000)
    with LinePool(WordLines, jobs=2) as pool:
        next(pool.match(path))

        assert len(made) <= matching.UNREAD_MAX * 2 + 1
