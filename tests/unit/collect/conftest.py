"""A record in memory, and the ways into it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from doubles.memory_record import MemoryRecord
from ombud.collect.intake import Intake, IntakeResult
from ombud.collect.quarantine import Quarantine
from ombud.collect.reading import read_paths
from ombud.collect.source import Source

NOW_MS = 1_790_000_000_000


@pytest.fixture
def sink() -> MemoryRecord:
    """Return an empty record in memory."""
    return MemoryRecord()


@pytest.fixture
def quarantine(tmp_path: Path) -> Quarantine:
    """Return an empty quarantine."""
    return Quarantine(tmp_path / "quarantine")


@pytest.fixture
def intake(sink: MemoryRecord, quarantine: Quarantine) -> Intake:
    """Return an intake into the record in memory, at a fixed time."""
    return Intake(sink, quarantine, clock_ms=lambda: NOW_MS)


@pytest.fixture
def feed(intake: Intake, tmp_path: Path) -> Callable[..., IntakeResult]:
    """Return a function that ingests bytes as a file and checks that nothing is lost."""

    def ingest(source: Source, data: bytes, name: str = "input") -> IntakeResult:
        path = tmp_path / name
        path.write_bytes(data)
        result = intake.ingest(source, read_paths(source, [str(path)]))
        assert result.read == result.recorded + result.duplicate + result.quarantined
        return result

    return ingest
