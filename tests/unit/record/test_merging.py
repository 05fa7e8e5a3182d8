"""Merging: rows keep their order and their bytes."""

from __future__ import annotations

import orjson
from hypothesis import given
from hypothesis import strategies as st

from doubles.record_batches import batch_of, make_batch, make_event
from ombud.core.batch import GROUP_COUNT, Batch
from ombud.core.canonical import FLAGS_POSITION
from ombud.record.merging import merge_batches, select_rows, split_frames


def rows_of(batch: Batch) -> list[tuple[object, ...]]:
    """Return everything a batch says about each of its rows."""
    return [
        (
            batch.classes[row],
            batch.identities[8 * row : 8 * row + 8],
            batch.raw_digests[16 * row : 16 * row + 16],
            *(batch.group(group + 1, row) for group in range(GROUP_COUNT)),
        )
        for row in range(batch.count)
    ]


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_merged_batches_are_their_rows_in_order(counts: list[int]) -> None:
    """Nothing is moved, and the result is a batch that can be read back."""
    batches = [batch_of(100 * place, count) for place, count in enumerate(counts)]

    merged = merge_batches(batches)

    assert rows_of(merged) == [row for batch in batches for row in rows_of(batch)]
    assert Batch.from_bytes(b"".join(merged.to_parts())) == merged


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_selected_rows_are_those_not_dropped(dropped: set[int], flagged: set[int]) -> None:
    """Dropped rows are gone, flagged ones differ in their flags alone."""
    batch = batch_of(0, 10)

    selected = select_rows(batch, sorted(dropped), sorted(flagged))

    kept = [row for row in range(10) if row not in dropped]
    if not kept:
        assert selected is None
        return
    assert selected is not None
    assert Batch.from_bytes(b"".join(selected.to_parts())) == selected
    for place, row in enumerate(kept):
        content = orjson.loads(selected.group(3, place))
        assert content[FLAGS_POSITION] == (["id_conflict"] if row in flagged else None)
        if row not in flagged:
            assert rows_of(selected)[place] == rows_of(batch)[row]


def test_content_that_is_not_canonical_is_kept_unflagged() -> None:
    """A flag that finds no place costs no event."""
    batch = batch_of(0, 1)
    odd = Batch(
        1,
        batch.classes,
        batch.identities,
        batch.raw_digests,
        (*batch.offsets[:2], type(batch.classes)("i", [0, 3]), *batch.offsets[3:]),
        (*batch.blobs[:2], b"[1]", batch.blobs[3]),
    )

    selected = select_rows(odd, [], [0])

    assert selected is not None
    assert selected.group(3, 0) == b"[1]"


def test_frames_are_bounded_but_batches_stay_whole() -> None:
    """A batch beyond the bound has a frame of its own."""
    batches = [batch_of(0, 3), batch_of(3, 3), batch_of(6, 9), make_batch([make_event(20)])]

    frames = list(split_frames(batches, count_max=6))

    assert [[batch.count for batch in frame] for frame in frames] == [[3, 3], [9], [1]]
    assert [len(frame) for frame in split_frames(batches, size_max=1)] == [1, 1, 1, 1]
    assert list(split_frames([])) == []
