"""The intake: counts that add up, order, positions after durability, and errors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from doubles.memory_record import MemoryReceipt, MemoryRecord
from ombud.collect import intake as intake_module
from ombud.collect.cloudtrail import CloudTrail
from ombud.collect.health import Health
from ombud.collect.intake import Intake
from ombud.collect.mapping import MappedSource
from ombud.collect.mapping_file import parse_mapping
from ombud.collect.ordinals import Ordinals
from ombud.collect.place import Block
from ombud.collect.positions import Positions
from ombud.collect.quarantine import Quarantine
from ombud.collect.reading import read_paths
from ombud.collect.sources import get_source
from ombud.core.batch import Batch
from ombud.core.errors import Unavailable

SOURCE = MappedSource(
    parse_mapping(
        "source: t\nfields: {native_id: id, sequence: n, session.id: s}\n"
        "sequence_scope: session.id",
        path="m",
    )
)


def block(*raws: bytes, first_line: int = 1) -> Block:
    """Return a block of records."""
    return Block("log", list(raws), list(range(first_line, first_line + len(raws))), input_id=1)


def test_counts_add_up(intake: Intake, sink: MemoryRecord) -> None:
    """What is read is recorded, was there, or is quarantined; the indices are those recorded."""
    result = intake.ingest(
        SOURCE, [block(b'{"id":"1"}', b"no", b'{"id":"2"}', b'{"id":"1"}'), block(b'{"id":"2"}')]
    )

    assert result.to_dict() == {
        "read": 5,
        "recorded": 2,
        "duplicate": 2,
        "quarantined": 1,
        "first_index": 0,
        "last_index": 1,
        "seconds": result.to_dict()["seconds"],
    }
    assert [event.native_id for event in sink.events] == ["1", "2"]


def test_nothing(intake: Intake) -> None:
    """Nothing read is nothing, without an index."""
    result = intake.ingest(SOURCE, [])

    assert (result.read, result.first_index, result.last_index) == (0, None, None)


def test_batches_are_bounded(
    intake: Intake, sink: MemoryRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches hold a bounded number of events and bytes, in the order read."""
    counts: list[int] = []
    append = sink.append

    def counted(batches: Sequence[Batch]) -> list[MemoryReceipt]:
        counts.extend(batch.count for batch in batches)
        return append(batches)

    monkeypatch.setattr(sink, "append", counted)
    intake.ingest(SOURCE, [block(*(b'{"id":"%d"}' % n for n in range(1200)))])
    assert counts == [512, 512, 176]

    counts.clear()
    monkeypatch.setattr(intake_module, "FLUSH_SIZE", 2000)
    intake.ingest(SOURCE, [block(*(b'{"id":"x%d","y":"%s"}' % (n, b"y" * 900) for n in range(9)))])
    assert max(counts) <= 3
    assert [event.native_id for event in sink.events][-9:] == [f"x{n}" for n in range(9)]


def test_an_event_that_does_not_fit(intake: Intake, sink: MemoryRecord) -> None:
    """A value without canonical form costs its field and is named, never the event."""
    raw = b'{"eventName":"GetObject","eventSource":"s3.amazonaws.com","eventID":"\\ud800"}'

    result = intake.ingest(CloudTrail(), [block(raw)])

    assert (result.recorded, result.quarantined) == (1, 0)
    (event,) = sink.events
    assert event.raw == raw
    assert event.native_id is None
    assert event.action == "read"
    assert "unmappable:native_id" in (event.flags or ())


def test_time_unknown_is_the_time_of_recording(intake: Intake, sink: MemoryRecord) -> None:
    """Without a usable time an event is recorded at the time of ingest, and says so."""
    intake.ingest(SOURCE, [block(b'{"id":"1"}')])

    assert sink.events[0].time == 1_790_000_000_000
    assert sink.events[0].time_known is False


def test_sink_that_fails(intake: Intake, sink: MemoryRecord, tmp_path: Path) -> None:
    """An error of the record passes through, and no position goes past what is not durable."""
    path = tmp_path / "log"
    path.write_bytes(b"".join(b'{"id":"%d"}\n' % n for n in range(2000)))
    positions = Positions(tmp_path / "positions.json")
    sink.fail = Unavailable("the record is away")

    with pytest.raises(Unavailable):
        intake.ingest(
            SOURCE, read_paths(SOURCE, [str(path)], positions=positions), positions=positions
        )
    assert Positions(tmp_path / "positions.json").head_sizes() == set()

    sink.fail = None
    result = intake.ingest(
        SOURCE, read_paths(SOURCE, [str(path)], positions=positions), positions=positions
    )
    assert result.recorded == 2000


def test_progress(intake: Intake, tmp_path: Path) -> None:
    """Progress is told in bytes of the input, all of them."""
    path = tmp_path / "log"
    path.write_bytes(b"".join(b'{"id":"%d"}\n' % n for n in range(10_000)))
    sizes: list[int] = []

    result = intake.ingest(
        SOURCE,
        read_paths(SOURCE, [str(path)]),
        on_progress=lambda _, size: sizes.append(size),
    )
    assert sum(sizes) == path.stat().st_size
    assert result.recorded == 10_000


def test_waiting_source_is_made_durable(intake: Intake, sink: MemoryRecord) -> None:
    """A block without a file means waiting: what came before is durable before the next."""
    seen: list[int] = []

    def blocks() -> object:
        yield block(b'{"id":"1"}')
        yield Block("")
        seen.append(len(sink.events))

    intake.ingest(SOURCE, blocks())  # type: ignore[arg-type]
    assert seen == [1]


def test_gap_is_an_event(sink: MemoryRecord, quarantine: Quarantine) -> None:
    """A gap in a sequence is recorded beside the events, and not counted among them."""
    health = Health()
    intake = Intake(sink, quarantine, clock_ms=lambda: 5, health=health)
    rows = [(1, "a"), (2, "a"), (5, "a"), (6, "a"), (1, "b"), (3, "b"), (3, "b")]
    raws = [b'{"id":"%d%s","n":%d,"s":"%s"}' % (n, s.encode(), n, s.encode()) for n, s in rows]

    result = intake.ingest(SOURCE, [block(*raws)])

    assert (result.read, result.recorded, result.duplicate) == (7, 6, 1)
    gaps = [event for event in sink.events if event.source == "ombud.collect"]
    assert [(gap.operation, gap.resource_system) for gap in gaps] == [("source.gap", "t")] * 2
    assert [gap.attributes and gap.attributes["missing"] for gap in gaps] == [2, 1]


def test_request_and_file_give_the_same_events(
    intake: Intake, sink: MemoryRecord, tmp_path: Path
) -> None:
    """By whatever way the same records come, they are the same events."""
    log = Path(__file__).resolve().parents[2] / "golden" / "sources" / "aws.cloudtrail"
    source = get_source("aws.cloudtrail")
    first = intake.ingest(source, read_paths(source, [str(log / "records.json")]))
    again = intake.ingest(source, read_paths(source, [str(log / "records.json")]))

    assert (first.recorded, again.duplicate) == (5, 5)


def test_ordinals_beyond_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts are right before and after they are folded away."""
    monkeypatch.setattr("ombud.collect.ordinals._HOT_MAX", 3)
    ordinals = Ordinals()
    raws = [b"%d" % (number % 7) for number in range(70)]

    assert [ordinals.next(raw) for raw in raws] == [number // 7 for number in range(70)]


def test_within_one_process_all_is_the_same(sink: MemoryRecord, quarantine: Quarantine) -> None:
    """Without overlapping, the same is recorded in the same order, and errors pass."""
    blocks = [block(*(b'{"id":"%d"}' % n for n in range(1_200)), b"no")]
    overlapped = MemoryRecord()
    Intake(overlapped, quarantine).ingest(SOURCE, blocks)
    result = Intake(sink, quarantine, overlaps=False).ingest(SOURCE, blocks)

    assert (result.read, result.recorded, result.quarantined) == (1_201, 1_200, 1)
    assert [event.raw for event in sink.events] == [event.raw for event in overlapped.events]
