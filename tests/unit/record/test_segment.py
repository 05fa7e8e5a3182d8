"""Segments: the same events give the same bytes, and what was written is what was given."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from doubles.record_batches import batch_of
from ombud.core.errors import TamperError
from ombud.record import segment
from ombud.record.segment import SEGMENT_SCHEMA, SegmentWriter, file_sha256
from ombud.record.wal import SALTS_SIZE, Frame


def frames_of(counts: list[int]) -> list[Frame]:
    """Return frames with so many events each."""
    frames = []
    first_index = 0
    for count in counts:
        batch = batch_of(first_index, count)
        salts = bytes(range(64)) * count
        frames.append(Frame(first_index, 1000 + first_index, b"", salts, batch, 0, 0))
        first_index += count
    return frames


def write(path: Path, frames: list[Frame]) -> None:
    """Write a segment."""
    writer = SegmentWriter(path)
    for frame in frames:
        writer.add(frame)
    writer.close()
    assert writer.count == sum(frame.batch.count for frame in frames)


def test_events_make_the_bytes(tmp_path: Path) -> None:
    """A segment sealed again after a crash is the one that was sealed before."""
    frames = frames_of([700, 2000, 5])
    write(tmp_path / "one", frames)
    write(tmp_path / "two", frames)

    assert file_sha256(tmp_path / "one") == file_sha256(tmp_path / "two")


@pytest.mark.parametrize("counts", [[1], [5000], [100, 1, 63, 64, 65, 200], [64, 64]])
def test_content_lies_in_row_groups_in_log_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, counts: list[int]
) -> None:
    """Every event is one row with its groups, salts, index and time of recording."""
    monkeypatch.setattr(segment, "ROW_GROUP_SIZE", 64)
    frames = frames_of(counts)
    path = tmp_path / "segment.parquet"
    write(path, frames)

    file = pq.ParquetFile(path)
    total = sum(counts)
    rows = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    assert rows == [64] * (total // 64) + [total % 64] * (total % 64 > 0)
    table = file.read()
    assert table.schema.equals(SEGMENT_SCHEMA)
    expected = [
        (
            *(frame.batch.group(group, row) for group in (1, 2, 3, 4)),
            frame.salts[SALTS_SIZE * row :][:SALTS_SIZE],
            frame.first_index + row,
            frame.recorded_ms,
        )
        for frame in frames
        for row in range(frame.batch.count)
    ]
    metadata = table.column("metadata").to_pylist()
    names = [*segment.GROUP_COLUMNS, segment.SALTS_COLUMN]
    columns = [table.column(name).to_pylist() for name in names]
    found = [
        (*values, row["uid"], row["logged_time"])
        for *values, row in zip(*columns, metadata, strict=True)
    ]
    assert found == expected
    file.close()


def test_library_that_writes_something_else_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment is read back before anything is removed for it."""
    frames = frames_of([10])
    changed = frames_of([10])
    changed[0].batch.offsets[3][5] += 1
    content = segment._content
    monkeypatch.setattr(segment, "_content", lambda _: content(changed[0]))

    with pytest.raises(TamperError, match="differs from its events"):
        write(tmp_path / "segment.parquet", frames)
