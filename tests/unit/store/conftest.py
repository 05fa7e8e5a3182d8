"""What tests of the index share: an empty index, and how to fill it with events."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from ombud.core.batch import BatchBuilder, Committed
from ombud.core.event import Event
from ombud.store.index import Index

Commit = Callable[..., Committed]


def _commit(events: Sequence[Event], first_index: int = 0) -> Committed:
    builder = BatchBuilder()
    for event in events:
        builder.add(event)
    batch = builder.take()
    recorded = array("q", (1_000_000 + first_index + row for row in range(batch.count)))
    return Committed(first_index, batch.count, recorded, batch.offsets, batch.blobs)


@pytest.fixture(scope="session")
def commit() -> Commit:
    """Return how the record would hand over events: `commit(events, first_index)`."""
    return _commit


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """Return an empty index."""
    opened = Index.open(tmp_path / "index.duckdb", memory_mb=256)
    yield opened
    opened.close()
