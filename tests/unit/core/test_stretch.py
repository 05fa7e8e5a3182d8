"""Stretch: what is cut and joined again is the record as it was."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.core.batch import BatchBuilder, Committed
from ombud.core.errors import Conflict
from ombud.core.event import Event
from ombud.core.stretch import join_committed, slice_committed


def committed(texts: Sequence[str], *, first_index: int = 0) -> Committed:
    """Return a chunk of one event for each text."""
    builder = BatchBuilder()
    for number, text in enumerate(texts):
        builder.add(
            Event(time=number, source=text, action="read", actor_id=text, raw=text.encode())
        )
    batch = builder.take()
    times = array("q", range(batch.count))
    return Committed(first_index, batch.count, times, batch.offsets, batch.blobs)


def rows(chunk: Committed) -> list[tuple[int, int, tuple[bytes, ...]]]:
    """Return index, time and groups of every event."""
    return [
        (
            chunk.first_index + row,
            chunk.recorded_ms[row],
            tuple(chunk.group(number, row) for number in (1, 2, 3, 4)),
        )
        for row in range(chunk.count)
    ]


@given(
    texts=st.lists(st.text(max_size=3), min_size=1, max_size=9),
    first=st.integers(0, 5),
    data=st.data(),
)
def test_what_is_cut_and_joined_is_the_same(
    texts: list[str], first: int, data: st.DataObject
) -> None:
    """Any cuts, joined again, hold the same events under the same indices."""
    whole = committed(texts, first_index=first)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(texts)))) | {0, len(texts)})
    pieces = [slice_committed(whole, start, end) for start, end in pairwise(cuts)]

    assert [row for piece in pieces for row in rows(piece)] == rows(whole)
    assert rows(join_committed(pieces)) == rows(whole)


def test_a_gap_is_refused() -> None:
    """Chunks that do not follow each other are no stretch."""
    with pytest.raises(Conflict, match="event 1 was to follow, and 2 was given"):
        join_committed([committed(["a"]), committed(["b"], first_index=2)])
