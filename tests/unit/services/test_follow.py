"""Follow: what is derived is given every event once, in chunks that are worth their cost."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

import pytest

from ombud.core.batch import BatchBuilder, Committed
from ombud.core.errors import TamperError
from ombud.core.event import Event
from ombud.services import follow
from ombud.services.follow import JoiningFollower


def chunk(first_index: int, count: int) -> Committed:
    """Return consecutive events, as one commit has them."""
    builder = BatchBuilder()
    for number in range(first_index, first_index + count):
        builder.add(Event(time=number, source="county", action="read", raw=b"%d" % number))
    batch = builder.take()
    times = array("q", [first_index] * count)
    return Committed(first_index, count, times, batch.offsets, batch.blobs)


class Chunks:
    """A reader of small chunks, damaged from some index on."""

    def __init__(self, size: int, *, rows: int = 3, damaged: int | None = None) -> None:
        self.damaged = size + 1 if damaged is None else damaged
        self._rows = rows

    def read(self, first_index: int, limit: int) -> Iterator[Committed]:
        """Yield chunks up to the damage."""
        end = first_index + limit
        for start in range(first_index, end, self._rows):
            if start >= self.damaged:
                raise TamperError(f"event {start} is missing")
            yield chunk(start, min(self._rows, end - start))


class Taken:
    """Something derived that notes what it was given."""

    def __init__(self) -> None:
        self.raws: list[bytes] = []
        self.counts: list[int] = []

    def watermark(self) -> int:
        """Return how much it has."""
        return len(self.raws)

    def apply(self, committed: Committed) -> None:
        """Take events that follow."""
        assert committed.first_index == len(self.raws)
        self.raws += [committed.group(4, row) for row in range(committed.count)]
        self.counts.append(committed.count)


def test_small_chunks_come_as_one() -> None:
    """All that is there is one chunk, and nothing is lost or doubled by joining."""
    taken = Taken()

    JoiningFollower(Chunks(20), taken).catch_up(20)

    assert taken.raws == [b"%d" % number for number in range(20)]
    assert taken.counts == [20]


@pytest.mark.parametrize("bound", ["JOIN_EVENTS", "JOIN_BYTES"])
def test_what_is_joined_is_bounded(monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    """Beyond so many events or bytes another chunk begins."""
    monkeypatch.setattr(follow, bound, 7)
    taken = Taken()

    JoiningFollower(Chunks(20), taken).catch_up(20)

    assert taken.raws == [b"%d" % number for number in range(20)]
    assert len(taken.counts) > 1
    assert max(taken.counts) < 7 + 3


def test_what_comes_before_damage_is_applied() -> None:
    """A record that cannot be read further is followed up to there, and the fault is told."""
    taken = Taken()

    with pytest.raises(TamperError, match="event 9 is missing"):
        JoiningFollower(Chunks(20, damaged=9), taken).catch_up(20)

    assert taken.watermark() == 9
