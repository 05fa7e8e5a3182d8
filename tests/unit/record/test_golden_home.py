"""The golden home: bytes of version 1 verify, read and prove for ever."""

from __future__ import annotations

from pathlib import Path

import pytest

from doubles.record_home import (
    GOLDEN_SEALED,
    ORIGIN,
    ROOT_OF_GOLDEN,
    SIGNER,
    SIZE_OF_GOLDEN,
    make_event,
    make_full_event,
    make_golden,
)
from ombud.core.event import Event
from ombud.record.prove import check_proof, prove
from ombud.record.reader import RecordReader
from ombud.record.verify import verify_home
from ombud.tlog.tile import decode_entries

GOLDEN = Path(__file__).parents[2] / "golden" / "home-v1"
SIZE, ROOT = SIZE_OF_GOLDEN, ROOT_OF_GOLDEN


def test_it_verifies() -> None:
    """The same events under the same root, in the same files."""
    report = verify_home(GOLDEN, vkey=SIGNER.vkey)

    assert report.fault is None
    assert (report.origin, report.size, report.root) == (ORIGIN, SIZE, ROOT)
    assert report.counts == {
        "events": SIZE,
        "segments": 1,
        "frames": 4,
        "tiles": 0,
        "bundles": 0,
        "partial_files": 10,
        "tree_heads": 4,
    }


def expected(index: int) -> Event | None:
    """Return the event that was recorded at an index; None for that of the sealing."""
    if index == 0:
        return make_full_event()
    if index < GOLDEN_SEALED:
        return make_event(index)
    return None if index == GOLDEN_SEALED else make_event(index - 1, "tail ")


def test_its_events_are_read() -> None:
    """Every field of every event has the value that was recorded."""
    chunks = list(RecordReader(GOLDEN).read(0, SIZE))
    events = [chunk.event(row) for chunk in chunks for row in range(chunk.count)]

    assert [event.id for event in events] == list(range(SIZE))
    for index, event in enumerate(events):
        wanted = expected(index)
        if wanted is None:
            assert (event.source, event.operation) == ("ombud.record", "segment.sealed")
        else:
            for name in Event.__struct_fields__:
                if name not in {"id", "ingested_at"}:
                    assert getattr(event, name) == getattr(wanted, name), (index, name)


@pytest.mark.parametrize("index", [0, GOLDEN_SEALED, SIZE - 1])
def test_its_events_are_proved(index: int) -> None:
    """A proof made from these bytes holds under the published key."""
    proof, head = check_proof(prove(GOLDEN, index), SIGNER.verifier)

    assert (proof.index, head.size, head.root.hex()) == (index, SIZE, ROOT)


def test_the_same_events_give_the_same_log(tmp_path: Path) -> None:
    """With the same salts, times and key, today's recorder writes the same leaves and heads.

    Compared up to the sealing event, which names the bytes that one version of the
    Parquet library gives.
    """
    again = make_golden(tmp_path / "home")
    for name in ("tile/entries/000.p/20", "tile/0/000.p/20"):
        assert (again / "log" / name).read_bytes() == (GOLDEN / "log" / name).read_bytes()
    bundles = [(home / "log/tile/entries/000.p/33").read_bytes() for home in (again, GOLDEN)]
    one, other = map(decode_entries, bundles)
    differing = [index for index in range(SIZE) if one[index] != other[index]]
    assert differing in ([], [GOLDEN_SEALED])
