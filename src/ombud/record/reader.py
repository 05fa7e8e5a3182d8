"""Reader: the events of a record in log order, or by index, while it is being written.

Reads the write-ahead files up to where the caller knows them to be durable, and
the segments below; a file that is sealed while it is being read loses nothing,
because its segment has its name before the file goes.  Never writes, takes no
lock, and may be used from several threads.
"""

from __future__ import annotations

import errno
import threading
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ombud.core.batch import Committed
from ombud.core.errors import NotFound, OmbudError, TamperError, Unavailable
from ombud.core.event import Event
from ombud.core.stretch import slice_committed
from ombud.record.paths import Home, SegmentFile
from ombud.record.segment import GROUP_COLUMNS, TIME_COLUMN
from ombud.record.wal import Frame, find_offsets, read_frames

FOOTERS_MAX = 32  # Parsed footers kept: some 0.5 MB each.
FRAMES_MAX = 4  # Whole frames kept for `fetch`: 0.7 MB each as a rule.
PLACES_MAX = 8  # Write-ahead files whose frames are remembered; there are one or two.
_RAW = len(GROUP_COLUMNS) - 1


class _Places:
    """The frames found in one write-ahead file so far."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._first_indices: list[int] = []
        self._offsets: list[int] = []
        self._end = 0

    def find(self, index: int) -> tuple[int, int]:
        """Return the (first index, offset) of the frame of an index; raises `NotFound`."""
        if index >= self._end:
            known = (self._first_indices[-1], self._offsets[-1]) if self._offsets else None
            for first, end, offset in find_offsets(self._path, known, index + 1):
                if not self._offsets or offset > self._offsets[-1]:
                    self._first_indices.append(first)
                    self._offsets.append(offset)
                self._end = end
        if index >= self._end:
            raise NotFound(f"no event `{index}`")
        row = bisect_right(self._first_indices, index) - 1
        return self._first_indices[row], self._offsets[row]


def _from_frame(frame: Frame, *, raw: bool) -> Committed:
    batch = frame.batch
    offsets, blobs = batch.offsets, batch.blobs
    if not raw:
        offsets = (*offsets[:_RAW], array("i", bytes(4 * (batch.count + 1))))
        blobs = (*blobs[:_RAW], b"")
    times = array("q", [frame.recorded_ms]) * batch.count
    return Committed(frame.first_index, batch.count, times, offsets, blobs)


def _unreadable(path: Path, error: Exception) -> OmbudError:
    """Tell a segment that is wrong from a machine that cannot read it (an `errno`)."""
    if isinstance(error, OSError) and error.errno not in (None, errno.ENOENT):
        return Unavailable(f"cannot read `{path}`: {error.strerror}")
    return TamperError(f"segment cannot be read: {error}", origin=str(path))


def _from_binary(column: Any) -> tuple[array[int], memoryview]:
    values = column.combine_chunks()
    _, offsets, blob = values.buffers()
    ends = np.frombuffer(offsets, np.int32)[values.offset : values.offset + len(values) + 1]
    first = int(ends[0])
    view = memoryview(blob)[first : int(ends[-1])] if blob is not None else memoryview(b"")
    return array("i", (ends - np.int32(first)).tobytes()), view


class _Footer(NamedTuple):
    """A parsed footer, and the row at which each row group starts."""

    metadata: pq.FileMetaData
    starts: list[int]


def _read_footer(path: Path) -> _Footer:
    """Return the footer of a segment; raises `TamperError` when it cannot be read."""
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    rows = [metadata.row_group(number).num_rows for number in range(metadata.num_row_groups)]
    return _Footer(metadata, list(accumulate(rows, initial=0))[:-1])


class RecordReader:
    """Reads the record of a home."""

    def __init__(self, home: Path) -> None:
        self._home = Home(home)
        self._lock = threading.Lock()
        self._segments: list[SegmentFile] = []
        self._footers: OrderedDict[Path, _Footer] = OrderedDict()
        self._frames: OrderedDict[tuple[Path, int], Committed] = OrderedDict()
        self._places: dict[Path, _Places] = {}

    def segments(self) -> list[SegmentFile]:
        """Return the sealed segments in log order: path, first index and count."""
        segments = self._home.segment_files()
        with self._lock:
            self._segments = segments
        return segments

    def read(self, first_index: int, limit: int, *, raw: bool = True) -> Iterator[Committed]:
        """Yield the events `[first_index, first_index + limit)` in chunks, in log order.

        All of them must be durable, which the caller knows from a receipt or the
        tree head.  Without `raw` the original is left out, as if erased, and is
        not even read from segments.  Raises `TamperError` where events are
        missing or damaged.
        """
        index, end = first_index, first_index + limit
        while index < end:
            start = index
            for committed in self._chunks(index, end, raw=raw):
                first = max(index - committed.first_index, 0)
                last = min(end - committed.first_index, committed.count)
                yield slice_committed(committed, first, last)
                index = committed.first_index + last
            if index == start:
                raise TamperError(f"event {index} is missing", origin=str(self._home.root))

    def fetch(self, indices: Sequence[int], *, raw: bool = True) -> list[Event]:
        """Return events by index, in the order asked for.

        Raises `NotFound` for an index beyond the log.
        """
        found: dict[int, Event] = {}
        wanted = sorted(set(indices))
        while wanted:
            chunk = self._chunk_of(wanted[0], raw=raw)
            end = chunk.first_index + chunk.count
            while wanted and wanted[0] < end:
                index = wanted.pop(0)
                found[index] = chunk.event(index - chunk.first_index)
        return [found[index] for index in indices]

    def _wal_bounds(self, index: int) -> tuple[Path, int | None] | None:
        """Return the write-ahead file of an index and where it ends, if that is known."""
        wal_files = self._home.wal_files()
        place = bisect_right([file.first_index for file in wal_files], index) - 1
        if place < 0:
            return None
        following = wal_files[place + 1 : place + 2]
        return wal_files[place].path, following[0].first_index if following else None

    def _find_frame(self, path: Path, index: int) -> tuple[int, int]:
        with self._lock:
            places = self._places.pop(path, None) or _Places(path)
            found = places.find(index)
            self._places[path] = places
            if len(self._places) > PLACES_MAX:
                del self._places[next(iter(self._places))]
        return found

    def _chunks(self, index: int, end: int, *, raw: bool) -> Iterator[Committed]:
        """Yield chunks from the one that holds an index on, to the end of one file."""
        bounds = self._wal_bounds(index)
        if bounds is not None:
            path, file_end = bounds
            try:
                start = self._find_frame(path, index)
                until = end if file_end is None else min(end, file_end)
                for frame in read_frames(path, start=start, until=until):
                    yield _from_frame(frame, raw=raw)
            except FileNotFoundError:
                pass  # Sealed meanwhile; its segment is there.
            else:
                return
        segment = self._segment_of(index)
        if segment is None:
            return
        footer = self._footer(segment.path)
        first_group = bisect_right(footer.starts, index - segment.first_index) - 1
        for number in range(first_group, len(footer.starts)):
            if segment.first_index + footer.starts[number] >= end:
                return
            yield self._row_group(segment, number, raw=raw)

    def _chunk_of(self, index: int, *, raw: bool) -> Committed:
        bounds = self._wal_bounds(index) if index >= 0 else None
        if bounds is not None:
            path, file_end = bounds
            try:
                if file_end is None or index < file_end:
                    return self._frame(path, index)
            except FileNotFoundError:
                pass  # Sealed meanwhile.
        segment = self._segment_of(index)
        if segment is None:
            raise NotFound(f"no event `{index}`")
        starts = self._footer(segment.path).starts
        row = index - segment.first_index
        return self._row_group(segment, bisect_right(starts, row) - 1, raw=raw)

    def _frame(self, path: Path, index: int) -> Committed:
        start = self._find_frame(path, index)
        key = (path, start[1])
        with self._lock:
            cached = self._frames.get(key)
        if cached is None:
            frame = next(read_frames(path, start=start, until=index + 1))
            cached = _from_frame(frame, raw=True)
            with self._lock:
                self._frames[key] = cached
                while len(self._frames) > FRAMES_MAX:
                    self._frames.popitem(last=False)
        return cached

    def _segment_of(self, index: int) -> SegmentFile | None:
        for segments in (self._segments, None):
            listed = self.segments() if segments is None else segments
            place = bisect_right([segment.first_index for segment in listed], index) - 1
            if place >= 0 and index < listed[place].end:
                return listed[place]
        return None

    def _footer(self, path: Path) -> _Footer:
        with self._lock:
            footer = self._footers.get(path)
            if footer is not None:
                self._footers.move_to_end(path)
                return footer
        footer = _read_footer(path)
        with self._lock:
            self._footers[path] = footer
            while len(self._footers) > FOOTERS_MAX:
                self._footers.popitem(last=False)
        return footer

    def _row_group(self, segment: SegmentFile, number: int, *, raw: bool) -> Committed:
        """Return one row group; raises `TamperError` when it cannot be read."""
        groups = GROUP_COLUMNS if raw else GROUP_COLUMNS[:_RAW]
        footer = self._footer(segment.path)
        try:
            with pq.ParquetFile(segment.path, metadata=footer.metadata) as file:
                table = file.read_row_group(
                    number, columns=[*groups, TIME_COLUMN], use_threads=False
                )
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(segment.path, error) from error
        columns = [_from_binary(table.column(name)) for name in groups]
        if not raw:
            columns.append((array("i", bytes(4 * (table.num_rows + 1))), memoryview(b"")))
        metadata: Any = table.column("metadata").combine_chunks()
        times = metadata.field("logged_time")
        return Committed(
            segment.first_index + footer.starts[number],
            table.num_rows,
            array("q", times.to_numpy(zero_copy_only=False).tobytes()),
            tuple(offsets for offsets, _ in columns),
            tuple(blob for _, blob in columns),
        )
