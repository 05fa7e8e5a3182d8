"""Benchmark `search`: how long a supervisor waits while events keep arriving."""

from __future__ import annotations

import os
import threading
import time
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

from ombud.bench.events import county_batches, to_committed
from ombud.bench.load import END
from ombud.bench.meter import Meter, pss_bytes, quantile
from ombud.bench.report import Figures, Limit, Options, Report, repeat
from ombud.core.batch import Committed
from ombud.query.parse import parse_query
from ombud.simulate.dice import Dice
from ombud.store.index import Index

ARRIVING_PER_SECOND = 5_000
TURN_SECONDS = 0.2  # How often a server applies what has arrived.
QUESTIONS = 40  # Of each kind.
PAGE = 100
_TARGET_MS = 150.0
_CHUNK_EVENTS = 16_384
_WORDS = ("witness", "handover", "roadside", "entitlement", "discharge", "alibi")

_NOW_MS = int(END.timestamp() * 1000)
_KINDS = ("timeline", "session", "who", "tokens", "count")
LIMITS = tuple(Limit(f"{kind}_p95_ms", _TARGET_MS) for kind in _KINDS[:4])

Ask = Callable[[], object]


def run(options: Options) -> Report:
    """Fill an index, then ask while a writer applies 5,000 events a second."""
    chunks = list(join(to_committed(county_batches(options.events))))
    picks = _Picks(chunks)

    def once(rep: int) -> Figures:
        index = Index.open(options.folder / f"index-{rep}.duckdb")
        try:
            with Meter() as filling:
                for chunk in chunks:
                    index.apply(chunk)
            figures = _ask_under_load(index, picks, chunks, rep)
        finally:
            index.close()
        path = options.folder / f"index-{rep}.duckdb"
        figures["index_cpu_us_per_event"] = filling.cpu_seconds / options.events * 1e6
        figures["index_bytes_per_event"] = path.stat().st_size / figures.pop("indexed")
        _remove(path)
        return figures

    report = Report("search", options, limits=LIMITS)
    report.notes.append(
        f"{QUESTIONS} questions of each kind, one after the other, while"
        f" {ARRIVING_PER_SECOND:,} events a second are applied every {TURN_SECONDS} s"
    )
    return repeat(report, once)


def join(chunks: Iterable[Committed], rows: int = _CHUNK_EVENTS) -> Iterator[Committed]:
    """Yield larger chunks: as a reader of sealed segments is given them."""
    waiting: list[Committed] = []
    count = 0
    for chunk in chunks:
        waiting.append(chunk)
        count += chunk.count
        if count >= rows:
            yield _joined(waiting)
            waiting, count = [], 0
    if waiting:
        yield _joined(waiting)


def _joined(chunks: list[Committed]) -> Committed:
    times = array("q")
    offsets = [array("i", [0]) for _ in range(4)]
    blobs: list[list[bytes | memoryview]] = [[] for _ in range(4)]
    for chunk in chunks:
        times.extend(chunk.recorded_ms)
        for group in range(4):
            base = offsets[group][-1]
            offsets[group].extend(base + end for end in chunk.offsets[group][1:])
            blobs[group].append(chunk.blobs[group])
    return Committed(
        chunks[0].first_index,
        len(times),
        times,
        tuple(offsets),
        tuple(b"".join(parts) for parts in blobs),
    )


class _Picks:
    """Actors, sessions and data subjects that are in the events, to ask about."""

    def __init__(self, chunks: list[Committed]) -> None:
        dice = Dice("search")
        self.actors: list[str] = []
        self.sessions: list[str] = []
        self.subjects: list[tuple[str, str]] = []
        for chunk in chunks:
            for _ in range(max(1, 2_000 // len(chunks))):
                values = chunk.values(dice.below(chunk.count))
                if values.get("actor_id") is not None:
                    self.actors.append(values["actor_id"])
                if values.get("session_id") is not None:
                    self.sessions.append(values["session_id"])
                self.subjects.extend(values.get("subjects") or ())


def _questions(index: Index, picks: _Picks, dice: Dice) -> dict[str, Ask]:
    """Return one question of each kind, about somebody or something that is there."""

    def search(text: str) -> Ask:
        query = parse_query(text)
        return lambda: index.search(query, limit=PAGE, now_ms=_NOW_MS)

    kind, key = dice.pick(picks.subjects)
    session = dice.pick(picks.sessions)
    return {
        "timeline": search(f'actor:"{dice.pick(picks.actors)}" last:30d'),
        "session": lambda: index.session(session),
        "who": lambda: index.who(kind, key),
        "tokens": search(f'"{dice.pick(_WORDS)}" last:90d'),
        "count": search("action:export last:30d | count by actor"),
    }


def _ask_under_load(index: Index, picks: _Picks, chunks: list[Committed], rep: int) -> Figures:
    dice = Dice("questions", rep)
    times: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    writer = _Writer(index, chunks)
    with Meter() as meter:
        writer.start()
        for _ in range(QUESTIONS):
            for kind, ask in _questions(index, picks, dice).items():
                start = time.perf_counter()
                ask()
                times[kind].append((time.perf_counter() - start) * 1000)
        writer.stop()
    figures: Figures = {}
    for kind in _KINDS:
        figures[f"{kind}_p50_ms"] = quantile(times[kind], 0.5)
        figures[f"{kind}_p95_ms"] = quantile(times[kind], 0.95)
    figures["arrived_per_second"] = writer.applied / meter.wall_seconds
    figures["pss_mb"] = pss_bytes(os.getpid()) / 1e6
    figures["indexed"] = float(index.watermark())
    return figures


class _Writer:
    """Applies events at a steady rate in a thread, as the server's follower does."""

    def __init__(self, index: Index, chunks: list[Committed]) -> None:
        self.applied = 0
        self._index = index
        self._chunks = chunks
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._write, name="arriving events", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the batch at hand."""
        self._stopping.set()
        self._thread.join()

    def _write(self) -> None:
        size = int(ARRIVING_PER_SECOND * TURN_SECONDS)
        begin = time.perf_counter()
        for turn, batch in enumerate(_arriving(self._chunks, self._index.watermark(), size)):
            wait = begin + turn * TURN_SECONDS - time.perf_counter()
            if self._stopping.wait(max(0.0, wait)):
                return
            self._index.apply(batch)
            self.applied += batch.count


def _arriving(chunks: list[Committed], first_index: int, size: int) -> Iterator[Committed]:
    """Yield the same events again, for ever, as later ones, `size` at a time."""
    index = first_index
    while True:
        for chunk in chunks:
            for start in range(0, chunk.count, size):
                rows = min(size, chunk.count - start)
                yield Committed(index, rows, *_rows(chunk, start, start + rows))
                index += rows


def _rows(
    chunk: Committed, start: int, end: int
) -> tuple[array[int], tuple[array[int], ...], tuple[bytes | memoryview, ...]]:
    offsets = []
    blobs = []
    for ends, blob in zip(chunk.offsets, chunk.blobs, strict=True):
        base = ends[start]
        offsets.append(array("i", (value - base for value in islice(ends, start, end + 1))))
        blobs.append(blob[base : ends[end]])
    return chunk.recorded_ms[start:end], tuple(offsets), tuple(blobs)


def _remove(path: Path) -> None:
    for file in (path, path.with_name(path.name + ".wal")):
        file.unlink(missing_ok=True)
