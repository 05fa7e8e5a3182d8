"""Verified segments: each file as sealed, and each of its columns as its events give it.

The bytes of a file must have the SHA-256 that its sealing event names before
anything in them is read as Parquet.  Then every row group is rebuilt from its
canonical bytes and compared, column by column.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ombud.core.errors import TamperError
from ombud.record.columns import OCSF_SCHEMA, columns_from_canonical
from ombud.record.paths import SegmentFile
from ombud.record.segment import COLUMN_STEP, GROUP_COLUMNS, SALTS_COLUMN, SEGMENT_SCHEMA
from ombud.record.verify_events import Events
from ombud.record.verify_files import read_whole

SEGMENT_SIZE_MAX = 1 << 30  # A write-ahead file is sealed at 64 MB or one batch more.
# What Arrow raises for bytes that are not Parquet: none of it is the machine's failure,
# because it is given bytes and not a file.
ARROW_ERRORS = (pa.ArrowException, OSError, ValueError, TypeError, KeyError)


class Segment:
    """The bytes of one segment, which are those that were sealed, opened as Parquet."""

    def __init__(self, file: SegmentFile, sha256s: AbstractSet[str]) -> None:
        """Read the file; raises `TamperError` unless it has one of the SHA-256 given (hex)."""
        self.file = file
        data = read_whole(file.path, SEGMENT_SIZE_MAX)
        found = hashlib.sha256(data).hexdigest()
        if found not in sha256s:
            reason = f"has the SHA-256 {found}, not the one of its sealing"
            raise TamperError(reason, origin=str(file.path))
        try:
            self.parquet = pq.ParquetFile(pa.BufferReader(data))
            schema = self.parquet.schema_arrow
        except ARROW_ERRORS as error:
            raise self.undecodable(error) from error
        if not schema.equals(SEGMENT_SCHEMA):
            raise TamperError("has not the columns of a segment", origin=str(file.path))
        rows = self.parquet.metadata.num_rows
        if rows != file.count:
            raise TamperError(f"holds {rows} events, not {file.count}", origin=str(file.path))

    def undecodable(self, error: Exception) -> TamperError:
        """Return the error that says that the bytes are not Parquet."""
        reason = " ".join(str(error).split())
        return TamperError(f"cannot be read as Parquet: {reason}", origin=str(self.file.path))

    def table(self, number: int, columns: list[str] | None = None) -> pa.Table:
        """Return one row group; raises `TamperError` when it cannot be decoded."""
        try:
            return self.parquet.read_row_group(number, columns=columns, use_threads=False)
        except ARROW_ERRORS as error:
            raise self.undecodable(error) from error

    def events(self) -> Iterator[Events]:
        """Yield the events, some thousand at a time, each column compared.

        Raises `TamperError` for the first column that is not what the canonical
        bytes of its rows give.
        """
        index = self.file.first_index
        for number in range(self.parquet.num_row_groups):
            table = self.table(number)
            for start in range(0, table.num_rows, COLUMN_STEP):
                part = table.slice(start, COLUMN_STEP)
                yield _compared(str(self.file.path), part, index)
                index += part.num_rows


def _compared(place: str, part: pa.Table, first_index: int) -> Events:
    metadata: Any = part.column("metadata").combine_chunks()
    recorded_ms = metadata.field("logged_time").to_pylist()
    columns: list[Any] = [part.column(name) for name in (*GROUP_COLUMNS, SALTS_COLUMN)]
    for values in (recorded_ms, *(column.to_pylist() for column in columns if column.null_count)):
        if None in values:
            place = f"{place}: event {first_index + values.index(None)}"
            raise TamperError("lacks what its leaf commits to", origin=place)
    *groups, salts = [column.to_pylist() for column in columns]
    events = Events(place, first_index, recorded_ms, tuple(groups), b"".join(salts))
    rebuilt = columns_from_canonical(*groups[:3], first_index=first_index, recorded_ms=recorded_ms)
    for field in OCSF_SCHEMA:
        found: Any = part.column(field.name)
        wanted: Any = pa.chunked_array([rebuilt.column(field.name)])
        if not found.equals(wanted):
            reason = f"column `{field.name}` is not what the canonical bytes give"
            raise events.fault(_first_difference(found, wanted), reason)
    return events


def _first_difference(found: Any, wanted: Any) -> int:
    pairs = enumerate(zip(found.to_pylist(), wanted.to_pylist(), strict=True))
    return next((row for row, (one, other) in pairs if one != other), 0)
