"""What tests with real processes share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doubles.running_home import RunningHome

Make = Callable[[Path], RunningHome]


@pytest.fixture(scope="module")
def running() -> Iterator[Make]:
    """Return a maker of homes that run; what still runs at the end is ended."""
    made: list[RunningHome] = []

    def make(home: Path) -> RunningHome:
        made.append(RunningHome(home))
        return made[-1]

    yield make
    for one in made:
        one.close()
