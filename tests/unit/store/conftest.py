"""What tests of the index share: an empty index, and how to fill it with events."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doubles.layouts import commit_events, fill_index
from ombud.core.batch import Committed
from ombud.store.index import Index

Commit = Callable[..., Committed]


@pytest.fixture(scope="module")
def fill(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Index]:
    """Return how to get an index with these events in this layout: `fill(events, layout)`."""
    folder = tmp_path_factory.mktemp("indices")
    number = iter(range(10**6))
    return lambda events, layout: fill_index(folder / f"{next(number)}.duckdb", events, layout)


@pytest.fixture(scope="session")
def commit() -> Commit:
    """Return how the record would hand over events: `commit(events, first_index)`."""
    return commit_events


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    """Return an empty index."""
    opened = Index.open(tmp_path / "index.duckdb", memory_mb=256)
    yield opened
    opened.close()
