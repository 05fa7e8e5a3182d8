"""Batches: what goes in comes out, and bytes that are not a batch are refused."""

from __future__ import annotations

import struct
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.core.batch import COUNT_MAX, Batch, BatchBuilder, Committed
from ombud.core.canonical import encode_groups
from ombud.core.errors import EventError
from ombud.core.event import Event

HEAD_SIZE = 24


def event(raw: bytes, native_id: str | None = None) -> Event:
    """Return a small event."""
    return Event(
        time=7,
        source="s",
        action="read",
        class_uid=6005,
        native_id=native_id,
        raw=raw,
        actor_id="ana",
    )


def batch_of(*events: Event) -> Batch:
    """Return the batch of some events."""
    builder = BatchBuilder()
    for each in events:
        builder.add(each)
    return builder.take()


def encoded(*raws: bytes) -> bytearray:
    """Return the bytes of a batch with these originals."""
    return bytearray(b"".join(batch_of(*map(event, raws)).to_parts()))


def test_round_trip() -> None:
    """A batch is the same after its bytes were written and read."""
    batch = batch_of(event(b"one"), event(b""), event(b"\x00\xff" * 9, "n"))

    again = Batch.from_bytes(b"".join(batch.to_parts()))

    assert again == batch
    assert [again.group(4, row) for row in range(3)] == [b"one", b"", b"\x00\xff" * 9]
    assert again.group(1, 2) == encode_groups(event(b""))[0]


@given(raws=st.lists(st.binary(max_size=40), min_size=1, max_size=20))
def test_any_originals_round_trip(raws: list[bytes]) -> None:
    """Originals come out byte for byte and in order."""
    batch = Batch.from_bytes(bytes(encoded(*raws)))

    assert [batch.group(4, row) for row in range(batch.count)] == raws


def test_taking_starts_anew() -> None:
    """A builder that was taken from is empty."""
    builder = BatchBuilder()
    builder.add(event(b"one"))
    builder.take()
    builder.add(event(b"two"))

    assert builder.take().group(4, 0) == b"two"


def test_many_at_a_time_are_the_same_as_one_by_one() -> None:
    """Rows added together give the batch that they give one after another."""
    rows = [(6003, b"[1]", b"[2]" * n, b"[3]", f"n-{n}é") for n in range(5)]
    raws = [b"raw" * n for n in range(5)]
    together, single = BatchBuilder(), BatchBuilder()
    together.add(event(b"before"))
    together.add_rows(rows, raws, source="s")
    single.add(event(b"before"))
    for (class_uid, actor, subject, content, native_id), raw in zip(rows, raws, strict=True):
        single.add_canonical(
            class_uid, actor, subject, content, raw, source="s", native_id=native_id
        )

    assert (together.count, together.size) == (single.count, single.size)
    assert together.take() == single.take()


def test_full_at_the_bound() -> None:
    """A builder says that it is full at the bound on events."""
    builder = BatchBuilder()
    canonical = encode_groups(event(b"x"))
    for _ in range(COUNT_MAX):
        assert not builder.is_full
        builder.add_canonical(0, *canonical, b"x", source="s", native_id=None)

    assert builder.is_full


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        pytest.param(("s", "n", 0), ("s", "n", 0), True, id="same native id"),
        pytest.param(("s", "n", 0), ("s", "n", 1), True, id="a native id needs no ordinal"),
        pytest.param(("s", "n", 0), ("t", "n", 0), False, id="other source"),
        pytest.param(("s", "n", 0), ("s", "m", 0), False, id="other native id"),
        pytest.param(("s", None, 0), ("s", None, 0), True, id="same original, read again"),
        pytest.param(("s", None, 0), ("s", None, 1), False, id="identical line, further on"),
        pytest.param(("s", None, 0), ("s", "", 0), False, id="an empty id is an id"),
    ],
)
def test_identity(
    first: tuple[str, str | None, int], second: tuple[str, str | None, int], same: bool
) -> None:
    """Identity is source and native id, or without one source, original and ordinal."""
    builder = BatchBuilder()
    canonical = encode_groups(event(b"x"))
    for source, native_id, ordinal in (first, second):
        builder.add_canonical(
            0, *canonical, b"x", source=source, native_id=native_id, ordinal=ordinal
        )
    identities = builder.take().identities

    assert (identities[:8] == identities[8:]) is same


def spoil(data: bytearray, position: int, value: int) -> bytes:
    """Return the bytes with one 32-bit number written over."""
    struct.pack_into("<I", data, position, value)
    return bytes(data)


# Two events: header, 2 classes, 2 identities, 2 digests, then the offsets of the actor group.
FIRST_OFFSETS = HEAD_SIZE + 2 * (2 + 8 + 16)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(bytes(encoded(b"a")[: HEAD_SIZE - 1]), id="shorter than its header"),
        pytest.param(bytes(encoded(b"a")[:-1]), id="cut short"),
        pytest.param(bytes(encoded(b"a") + b"\0"), id="trailing byte"),
        pytest.param(spoil(encoded(b"a"), 0, 0), id="wrong magic"),
        pytest.param(spoil(encoded(b"a"), 4, 2), id="count beyond its length"),
        pytest.param(spoil(encoded(b"a"), 4, 2**32 - 1), id="count beyond the bound"),
        pytest.param(spoil(encoded(b"a"), 8, 2**32 - 1), id="blob beyond its length"),
        pytest.param(spoil(encoded(b"a", b"b"), FIRST_OFFSETS, 1), id="offsets start late"),
        pytest.param(spoil(encoded(b"a", b"b"), FIRST_OFFSETS + 4, 2**31 - 1), id="offsets fall"),
        pytest.param(spoil(encoded(b"a", b"b"), FIRST_OFFSETS + 4, 2**32 - 5), id="offset below 0"),
        pytest.param(spoil(encoded(b"a", b"b"), FIRST_OFFSETS + 8, 1), id="offsets end early"),
    ],
)
def test_refuses_what_is_not_a_batch(data: bytes) -> None:
    """Bytes from a socket are checked whole before a column is believed."""
    with pytest.raises(EventError, match="batch is"):
        Batch.from_bytes(data)


def test_no_batch_of_nothing() -> None:
    """A batch without events is not one: the writer never writes an empty frame."""
    empty = bytes(struct.pack("<II4I", 0x31424D4F, 0, 0, 0, 0, 0) + bytes(16))

    with pytest.raises(EventError, match="batch is malformed"):
        Batch.from_bytes(empty)


def test_committed_events_know_their_place() -> None:
    """Readers are given index and time of recording with each event."""
    batch = batch_of(event(b"one"), event(b"two"))
    committed = Committed(40, 2, array("q", [100, 101]), batch.offsets, batch.blobs)

    second = committed.event(1)

    assert (second.id, second.ingested_at, second.time) == (41, 101, 7)
    assert (second.raw, second.actor_id) == (b"two", "ana")
