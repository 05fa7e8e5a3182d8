"""Reader: what was appended is what is read, sealed or not, whole or in part."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doubles.record_batches import batch_of, make_event
from doubles.record_disk import Disk
from ombud.core.errors import NotFound, TamperError
from ombud.record import segment
from ombud.record.paths import Home, WalFile
from ombud.record.reader import RecordReader
from ombud.record.recorder import Recorder
from ombud.record.sealer import Sealer

SLOW = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
OPERATIONS = st.lists(
    st.one_of(st.integers(1, 40), st.just("rotate"), st.just("seal")), min_size=1, max_size=8
)


def read_raws(reader: RecordReader, first_index: int, limit: int) -> list[bytes]:
    """Return originals in order, checking that chunks lie end to end."""
    found: list[bytes] = []
    for chunk in reader.read(first_index, limit):
        assert chunk.first_index == first_index + len(found)
        assert chunk.count == len(chunk.recorded_ms) > 0
        assert all(offsets[0] == 0 and len(offsets) == chunk.count + 1 for offsets in chunk.offsets)
        found += [chunk.group(4, row) for row in range(chunk.count)]
    return found


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW)
@given(OPERATIONS, st.data())
def test_reading_gives_what_was_appended(
    tmp_path_factory: pytest.TempPathFactory, operations: list[int | str], data: st.DataObject
) -> None:
    """Any mix of write-ahead files and segments reads as one log, from any index on."""
    home = tmp_path_factory.mktemp("mix")
    expected: list[bytes] = []
    number = 0
    with pytest.MonkeyPatch.context() as patch, Recorder.open(home) as recorder:
        Disk().install(patch)
        patch.setattr(segment, "ROW_GROUP_SIZE", 16)
        for operation in operations:
            if isinstance(operation, int):
                batch = batch_of(number, operation)
                recorder.append([batch])
                number += operation
                expected += [batch.group(4, row) for row in range(operation)]
            elif operation == "rotate":
                recorder.rotate()
            else:
                before = recorder.size
                Sealer(home, recorder).seal_all()
                expected += [b"sealed"] * (recorder.size - before)
        size = recorder.size
        reader = RecordReader(home)
        found = read_raws(reader, 0, size)
        assert [raw if b"sha256" not in raw else b"sealed" for raw in found] == expected
        first = data.draw(st.integers(0, size))
        limit = data.draw(st.integers(0, size - first))
        assert read_raws(reader, first, limit) == found[first : first + limit]
        if size:
            indices = data.draw(st.lists(st.integers(0, size - 1), max_size=10))
            events = reader.fetch(indices)
            assert [event.id for event in events] == indices
            assert [event.raw for event in events] == [found[index] for index in indices]


@pytest.mark.parametrize("sealed", [False, True], ids=["unsealed", "sealed"])
def test_events_come_back_whole(home: Path, *, sealed: bool) -> None:
    """Every field, the index and the time of recording are there."""
    event = make_event(0, subjects=(("person", "dee"),), attributes={"a": [1]}, flags=("x",))
    with Recorder.open(home, clock=lambda: 77) as recorder:
        recorder.record_event(event)
        if sealed:
            Sealer(home, recorder, clock=lambda: 77).seal_all()

        (found,) = RecordReader(home).fetch([0])

    assert found == type(event)(
        **{name: getattr(event, name) for name in event.__struct_fields__}
        | {"id": 0, "ingested_at": 77}
    )


@pytest.mark.parametrize("sealed", [False, True], ids=["unsealed", "sealed"])
def test_originals_can_be_left_out(home: Path, *, sealed: bool) -> None:
    """Without `raw` the other groups are the same and the original is empty."""
    with Recorder.open(home) as recorder:
        recorder.append([batch_of(0, 5)])
        if sealed:
            Sealer(home, recorder).seal_all()
        reader = RecordReader(home)
        (chunk,) = reader.read(0, 5, raw=False)
        (whole,) = reader.read(0, 5)
        (event,) = reader.fetch([3], raw=False)

    for row in range(5):
        assert [chunk.group(group, row) for group in (1, 2, 3)] == [
            whole.group(group, row) for group in (1, 2, 3)
        ]
        assert chunk.group(4, row) == b""
    assert event.native_id == "native-3"


def test_index_beyond_the_log_is_not_found(home: Path) -> None:
    """Also before the first event, and after everything was sealed."""
    with Recorder.open(home) as recorder:
        reader = RecordReader(home)
        for index in (0, 7, -1):
            with pytest.raises(NotFound, match=f"`{index}`"):
                reader.fetch([index])
        recorder.append([batch_of(0, 3)])
        assert len(reader.fetch([2, 0, 2])) == 3
        Sealer(home, recorder).seal_all()
        for index in (4, 100, -1):
            with pytest.raises(NotFound, match=f"`{index}`"):
                reader.fetch([0, index])
    assert list(reader.read(0, 0)) == []
    assert reader.fetch([]) == []


def test_segments_are_listed_in_log_order(home: Path) -> None:
    """Path, first index and count of each, for queries over whole files."""
    with Recorder.open(home) as recorder:
        for number in range(3):
            recorder.append([batch_of(10 * number, 10)])
            Sealer(home, recorder).seal_all()
        listed = RecordReader(home).segments()

    assert [(first, count) for _, first, count in listed] == [(0, 10), (10, 11), (21, 11)]
    assert all(path.is_file() for path, _, _ in listed)


def test_file_may_be_sealed_while_it_is_read(home: Path) -> None:
    """A reader in the middle of a file goes on, whether or not the file is still there."""
    with Recorder.open(home) as recorder:
        for number in range(6):
            recorder.append([batch_of(10 * number, 10)])
        reader = RecordReader(home)
        chunks = reader.read(0, 60)
        first = next(chunks)
        Sealer(home, recorder).seal_all()
        assert not Home(home).wal_path(0).exists()
        rest = list(chunks)

    assert sum(chunk.count for chunk in (first, *rest)) == 60


def test_file_may_be_sealed_after_it_was_listed(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reader then finds the segment, for reading in order and by index."""
    with Recorder.open(home) as recorder:
        recorder.append([batch_of(0, 10)])
        listed: list[WalFile] = Home(home).wal_files()
        reader = RecordReader(home)
        Sealer(home, recorder).seal_all()
        monkeypatch.setattr(Home, "wal_files", lambda _: listed)

        assert read_raws(reader, 2, 5) == [make_event(number).raw for number in range(2, 7)]
        assert reader.fetch([4])[0].raw == make_event(4).raw


def test_readers_follow_a_writer(home: Path) -> None:
    """Threads that read up to each durable size see every event, while files are sealed."""
    done = threading.Event()
    sizes = [0]
    failures: list[BaseException] = []

    def follow() -> None:
        try:
            reader = RecordReader(home)
            index = 0
            while not done.is_set() or index < sizes[-1]:
                size = sizes[-1]
                for chunk in reader.read(index, size - index):
                    index += chunk.count
                    reader.fetch([chunk.first_index])
        except BaseException as error:  # noqa: BLE001 - reported by the test's own thread.
            failures.append(error)

    with Recorder.open(home) as recorder:
        threads = [threading.Thread(target=follow) for _ in range(2)]
        for thread in threads:
            thread.start()
        for number in range(40):
            recorder.append([batch_of(5 * number, 5)])
            if number % 10 == 9:
                Sealer(home, recorder).seal_all()
            sizes.append(recorder.size)
        done.set()
        for thread in threads:
            thread.join(timeout=30)
    assert failures == []


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda path: path.unlink(), id="gone"),
        pytest.param(lambda path: path.write_bytes(b""), id="empty"),
        pytest.param(lambda path: os.truncate(path, 500), id="cut"),
        pytest.param(lambda path: path.write_bytes(b"PAR1" * 200), id="garbage"),
    ],
)
def test_unreadable_segment_is_named(home: Path, damage: object) -> None:
    """A segment that is gone or is no Parquet is a tampered record."""
    with Recorder.open(home) as recorder:
        recorder.append([batch_of(0, 10)])
        Sealer(home, recorder).seal_all()
        reader = RecordReader(home)
        path = reader.segments()[0].path
        assert callable(damage)
        damage(path)

        with pytest.raises((TamperError, NotFound), match=r"0000-10\.parquet|no event|missing"):
            list(reader.read(0, 10))
