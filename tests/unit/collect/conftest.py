"""A record in memory, and the ways into it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from ombud.collect.intake import Intake, IntakeResult
from ombud.collect.quarantine import Quarantine
from ombud.collect.reading import read_paths
from ombud.collect.source import Source
from ombud.core.batch import Batch
from ombud.core.canonical import decode_groups
from ombud.core.event import Event

NOW_MS = 1_790_000_000_000


@dataclass(frozen=True)
class MemoryReceipt:
    """The receipt of one batch."""

    first_index: int | None
    last_index: int | None
    recorded: int
    duplicate: int


@dataclass
class MemorySink:
    """Keeps events, and recognises duplicates as the record does."""

    events: list[Event] = field(default_factory=list)
    known: set[tuple[bytes, bytes]] = field(default_factory=set)
    fail: Exception | None = None

    def append(self, batches: Sequence[Batch]) -> list[MemoryReceipt]:
        """Take batches whole; return a receipt for each."""
        if self.fail is not None:
            raise self.fail
        return [self._take(batch) for batch in batches]

    def _take(self, batch: Batch) -> MemoryReceipt:
        first = len(self.events)
        for row in range(batch.count):
            identity = batch.identities[8 * row : 8 * row + 8]
            key = (identity, batch.raw_digests[16 * row : 16 * row + 16])
            if key in self.known:
                continue
            self.known.add(key)
            values = decode_groups(*(batch.group(number, row) for number in (1, 2, 3)))
            self.events.append(Event(**values, raw=batch.group(4, row)))
        recorded = len(self.events) - first
        last = len(self.events) - 1
        return MemoryReceipt(
            first if recorded else None,
            last if recorded else None,
            recorded,
            batch.count - recorded,
        )


@pytest.fixture
def sink() -> MemorySink:
    """Return an empty record in memory."""
    return MemorySink()


@pytest.fixture
def quarantine(tmp_path: Path) -> Quarantine:
    """Return an empty quarantine."""
    return Quarantine(tmp_path / "quarantine")


@pytest.fixture
def intake(sink: MemorySink, quarantine: Quarantine) -> Intake:
    """Return an intake into the record in memory, at a fixed time."""
    return Intake(sink, quarantine, clock_ms=lambda: NOW_MS)


Feed = Callable[[Source, bytes], IntakeResult]


@pytest.fixture
def feed(intake: Intake, tmp_path: Path) -> Feed:
    """Return a function that ingests bytes as a file and checks that nothing is lost."""

    def ingest(source: Source, data: bytes, name: str = "input") -> IntakeResult:
        path = tmp_path / name
        path.write_bytes(data)
        result = intake.ingest(source, read_paths(source, [str(path)]))
        assert result.read == result.recorded + result.duplicate + result.quarantined
        return result

    return ingest


def raws(blocks: Iterable[object]) -> list[bytes]:
    """Return the originals of blocks, in order."""
    return [raw for block in blocks for raw in block.raws]  # type: ignore[attr-defined]
