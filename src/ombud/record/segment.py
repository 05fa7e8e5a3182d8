"""Segments: sealed Parquet files that hold the content of consecutive events.

Beside the OCSF columns lie what they derive from and what the leaves commit to:
the canonical bytes of the three field groups, the original, and the salts.  One
event is one row, in log order; a row group is small enough that one event can be
read cheaply.  The bytes of a segment depend only on its events (and the version
of the Parquet library).
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import google_crc32c
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ombud.core.errors import TamperError
from ombud.record.columns import OCSF_SCHEMA, judged_columns
from ombud.record.wal import SALTS_SIZE, Frame

ROW_GROUP_SIZE = 4096  # Rows: some 0.6 MB of originals, read in a few milliseconds.
COLUMN_STEP = 1024  # Rows turned into columns at a time: their objects fit the cache.
# Measured on CloudTrail: pages of 128 KB cost 35 bytes an event more than of 1 MB, and
# level 3 of zstd costs 1.3 µs an event more than level 1 for no gain.
PAGE_SIZE = 1 << 20
COMPRESSION_LEVEL = 1

# The field groups in the order in which a leaf commits to them.
GROUP_COLUMNS = ("canonical_actor", "canonical_data_subject", "canonical_content", "raw_data")
SALTS_COLUMN = "salts"
TIME_COLUMN = "metadata.logged_time"
# In the footer of a segment whose OCSF columns say all that its canonical bytes do, so that
# whoever asks may look at the columns alone.  Older segments do not say so.
EXACT_KEY, EXACT = "ombud.columns", "exact"

SEGMENT_SCHEMA = pa.schema(
    [
        *OCSF_SCHEMA,
        *(pa.field(name, pa.binary(), nullable=False) for name in GROUP_COLUMNS),
        pa.field(SALTS_COLUMN, pa.binary(SALTS_SIZE), nullable=False),
    ]
)
_CONTENT_SCHEMA = pa.schema([SEGMENT_SCHEMA.field(name) for name in (*GROUP_COLUMNS, SALTS_COLUMN)])
_INCOMPRESSIBLE = (SALTS_COLUMN,)
_RISING = ("time", "metadata.uid", TIME_COLUMN)
# Nearly every row has another value: a dictionary would be built and thrown away.
_UNIQUE = ("metadata.original_event_uid", "query_info.uid", "canonical_content", "raw_data")


def _leaf_paths(field: Any, prefix: str = "") -> Iterator[str]:
    path = prefix + field.name
    kind = field.type
    if pa.types.is_struct(kind):
        for child in kind:
            yield from _leaf_paths(child, path + ".")
    elif pa.types.is_list(kind):
        yield from _leaf_paths(kind.value_field.with_name("element"), path + ".list.")
    else:
        yield path


_LEAVES = tuple(path for field in SEGMENT_SCHEMA for path in _leaf_paths(field))
_WRITER_OPTIONS: dict[str, Any] = {
    "compression": {path: "NONE" if path in _INCOMPRESSIBLE else "ZSTD" for path in _LEAVES},
    "compression_level": {
        path: COMPRESSION_LEVEL for path in _LEAVES if path not in _INCOMPRESSIBLE
    },
    "use_dictionary": [
        path for path in _LEAVES if path not in {*_INCOMPRESSIBLE, *_RISING, *_UNIQUE}
    ],
    "write_statistics": list(_RISING),
    "data_page_size": PAGE_SIZE,
    "version": "2.6",
}


def _binary(offsets: array[int], blob: bytes) -> Any:
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(blob)]
    return pa.Array.from_buffers(pa.binary(), len(offsets) - 1, buffers)


def _fixed(data: bytes, width: int) -> Any:
    return pa.Array.from_buffers(pa.binary(width), len(data) // width, [None, pa.py_buffer(data)])


def _rows(offsets: array[int], blob: bytes) -> list[bytes]:
    return [blob[first:last] for first, last in pairwise(offsets.tolist())]


def _content(frame: Frame) -> pa.RecordBatch:
    """Return the groups and salts of a frame as columns, not copied."""
    groups = zip(frame.batch.offsets, frame.batch.blobs, strict=True)
    arrays = [*(_binary(*group) for group in groups), _fixed(frame.salts, SALTS_SIZE)]
    return pa.RecordBatch.from_arrays(arrays, schema=_CONTENT_SCHEMA)


class SegmentWriter:
    """Writes the frames of one write-ahead file to one segment, in order."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer = pq.ParquetWriter(path, SEGMENT_SCHEMA, **_WRITER_OPTIONS)
        self._written = _Sums()
        self._is_exact = True
        # What waits for its row group to be full, by row but for the content.
        self._first_index = 0
        self._content: list[pa.RecordBatch] = []
        self._canonical: tuple[list[bytes], ...] = ([], [], [])
        self._recorded_ms: list[int] = []

    def add(self, frame: Frame) -> None:
        """Add the events of a frame."""
        if not self._recorded_ms:
            self._first_index = frame.first_index
        self._written.add_frame(frame)
        self._content.append(_content(frame))
        for number, rows in enumerate(self._canonical):
            rows.extend(_rows(frame.batch.offsets[number], frame.batch.blobs[number]))
        self._recorded_ms += [frame.recorded_ms] * frame.batch.count
        while len(self._recorded_ms) >= ROW_GROUP_SIZE:
            self._write(ROW_GROUP_SIZE)

    @property
    def count(self) -> int:
        """Events added so far."""
        return self._written.count

    def _write(self, count: int) -> None:
        """Write the first rows that wait as one row group."""
        content = pa.Table.from_batches(self._content)
        ocsf = pa.Table.from_batches(
            [
                self._ocsf(start, min(start + COLUMN_STEP, count))
                for start in range(0, count, COLUMN_STEP)
            ]
        )
        arrays = [*ocsf.columns, *content.slice(0, count).columns]
        table = pa.Table.from_arrays(arrays, schema=SEGMENT_SCHEMA)
        self._writer.write_table(table, row_group_size=count)
        self._first_index += count
        self._content = content.slice(count).to_batches()
        for rows in self._canonical:
            del rows[:count]
        del self._recorded_ms[:count]

    def _ocsf(self, start: int, end: int) -> pa.RecordBatch:
        columns, is_exact = judged_columns(
            *(rows[start:end] for rows in self._canonical),
            first_index=self._first_index + start,
            recorded_ms=self._recorded_ms[start:end],
        )
        self._is_exact &= is_exact
        return columns

    def close(self) -> None:
        """Write what is left and the footer, read all of it back, and compare.

        Raises `TamperError` if it differs: the only copy of events is not removed
        on the word of the library that wrote the other one.
        """
        if self._recorded_ms:
            self._write(len(self._recorded_ms))
        if self._is_exact:
            self._writer.add_key_value_metadata({EXACT_KEY: EXACT})
        self._writer.close()
        found = _Sums()
        with pq.ParquetFile(self._path) as file:
            for number in range(file.num_row_groups):
                columns = [*GROUP_COLUMNS, SALTS_COLUMN]
                found.add_table(file.read_row_group(number, columns=columns, use_threads=False))
        if (found.count, found.sums) != (self._written.count, self._written.sums):
            raise TamperError("segment differs from its events", origin=str(self._path))


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Sums:
    """Checksums of the content columns, however their rows come in pieces."""

    def __init__(self) -> None:
        self.sums = [0] * (2 * len(GROUP_COLUMNS) + 1)
        self.count = 0

    def add_group(self, number: int, offsets: Any, blob: bytes) -> None:
        """Add rows of one field group, counted from 0."""
        lengths = np.diff(np.frombuffer(offsets, np.int32)).tobytes()
        self.sums[2 * number] = google_crc32c.extend(self.sums[2 * number], lengths)
        self.sums[2 * number + 1] = google_crc32c.extend(self.sums[2 * number + 1], blob)

    def add_salts(self, salts: bytes) -> None:
        """Add the salts of rows, and count them."""
        self.sums[-1] = google_crc32c.extend(self.sums[-1], salts)
        self.count += len(salts) // SALTS_SIZE

    def add_frame(self, frame: Frame) -> None:
        """Add what the write-ahead file holds."""
        for number, offsets in enumerate(frame.batch.offsets):
            self.add_group(number, offsets, frame.batch.blobs[number])
        self.add_salts(frame.salts)

    def add_table(self, table: Any) -> None:
        """Add what a segment holds."""
        for number, name in enumerate(GROUP_COLUMNS):
            for chunk in table.column(name).chunks:
                _, offsets, blob = chunk.buffers()
                ends = np.frombuffer(offsets, np.int32)[chunk.offset :][: len(chunk) + 1]
                size = int(ends[-1] - ends[0])
                data = blob.slice(int(ends[0]), size).to_pybytes() if size else b""
                self.add_group(number, ends, data)
        for chunk in table.column(SALTS_COLUMN).chunks:
            data = chunk.buffers()[1].slice(chunk.offset * SALTS_SIZE, len(chunk) * SALTS_SIZE)
            self.add_salts(data.to_pybytes())
