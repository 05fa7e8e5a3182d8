"""Stored columns: the fields of the events of one segment, read one by one and only if asked.

Reading two columns of a segment costs a hundredth of reading its events.  Only
segments that say that their columns are exact are asked here: in others a value
may be missing that the canonical bytes hold.
"""

from __future__ import annotations

from array import array
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ombud.core.batch import Committed
from ombud.core.fields import BY_NAME, Field, Kind
from ombud.record.paths import SegmentFile
from ombud.record.segment import EXACT, EXACT_KEY, GROUP_COLUMNS, TIME_COLUMN

Codes = np.ndarray[Any, np.dtype[np.int32]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]
_LISTS = frozenset({Kind.TEXTS, Kind.SUBJECTS})
TIME = BY_NAME["time"].ocsf
NOTHING = Committed(
    0, 0, array("q"), (array("i", [0]),) * len(GROUP_COLUMNS), (b"",) * len(GROUP_COLUMNS)
)
_FEW = 8  # Times as many rows are encoded at once as are looked up one by one.


class Column(NamedTuple):
    """One field of consecutive events: for each row the place of its value in `values`.

    Absent values are None; a map is its JSON text.
    """

    codes: Codes
    values: list[Any]


class Elements(NamedTuple):
    """Texts of lists: for each the place of its row among those asked for, and of its value."""

    places: Numbers
    codes: Codes
    texts: list[str | None]


def _path(field: Field) -> str:
    """Return the Parquet path of the leaves of a field."""
    head, dot, rest = field.ocsf.partition(".")
    return f"{head}.list.element.{rest}" if dot and head == "resources" else field.ocsf


def _leaf(column: Any) -> Any:
    """Return the one column inside structs, and inside the list of one resource."""
    while True:
        kind = column.type
        if pa.types.is_struct(kind) and kind.num_fields == 1:
            column = column.field(0)
        elif pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
            if kind.value_type.num_fields != 1:
                return column
            column = column.flatten()
        else:
            return column


class StoredSegment:
    """One sealed segment, column by column; what was read is kept."""

    def __init__(self, segment: SegmentFile, metadata: pq.FileMetaData) -> None:
        self.path: Path = segment.path
        self.first_index = segment.first_index
        self.count = segment.count
        self._metadata = metadata
        self._arrays: dict[str, Any] = {}
        self._columns: dict[str, Column] = {}

    @property
    def is_exact(self) -> bool:
        """Whether the columns say all that the canonical bytes do."""
        said = self._metadata.metadata or {}
        return bool(said.get(EXACT_KEY.encode()) == EXACT.encode())

    def _read(self, path: str) -> Any:
        known = self._arrays.get(path)
        if known is None:
            with pq.ParquetFile(self.path, metadata=self._metadata) as file:
                table = file.read(columns=[path], use_threads=False)
            known = self._arrays[path] = _leaf(table.column(0).combine_chunks())
        return known

    def recorded(self) -> Numbers:
        """Return when each event was recorded, ms."""
        return np.asarray(self._read(TIME_COLUMN))

    def times(self) -> Numbers:
        """Return when each event happened, ms; where it does not say, when it was recorded."""
        times = self._read(_path(BY_NAME["time"]))
        return np.asarray(pc.coalesce(times, self._read(TIME_COLUMN)))

    def time_bounds(self) -> tuple[int, int]:
        """Return the earliest and the latest of the times, ms, as the footer has them."""
        first = self._metadata.row_group(0)
        paths = [first.column(place).path_in_schema for place in range(first.num_columns)]
        place = paths.index(TIME)
        bounds: list[int] = []
        for number in range(self._metadata.num_row_groups):
            told = self._metadata.row_group(number).column(place).statistics
            if told is None or not told.has_min_max or told.null_count != 0:
                return int(self.times().min()), int(self.times().max())
            bounds += [int(told.min or 0), int(told.max or 0)]
        return min(bounds), max(bounds)

    def column(self, field: Field, rows: Numbers | None = None) -> Column:
        """Return one field of these rows, or of all events; of few it costs less."""
        known = self._columns.get(field.name)
        if known is not None:
            return known if rows is None else Column(known.codes[rows], known.values)
        path = _path(field) + (".list.element" if field.kind in _LISTS else "")
        values = self._read(path)
        if rows is not None and len(rows) * _FEW < self.count:
            return _encoded(values.take(pa.array(rows)), field.kind)
        column = self._columns[field.name] = _encoded(values, field.kind)
        return column if rows is None else Column(column.codes[rows], column.values)

    def elements(self, field: Field, rows: Numbers, part: int | None = None) -> Elements:
        """Return the texts of a list of each row, or one part of each of its elements."""
        column = self._read(_path(field) + ".list.element").take(pa.array(rows))
        lengths = np.asarray(pc.fill_null(pc.list_value_length(column), 0))
        flat = column.flatten()
        encoded = (flat if part is None else flat.flatten()[part]).dictionary_encode()
        texts = encoded.dictionary.to_pylist()
        codes = np.asarray(pc.fill_null(encoded.indices, len(texts)))
        return Elements(np.repeat(np.arange(len(rows)), lengths), codes, [*texts, None])

    def gather(self, rows: Numbers, *, raw: bool) -> Committed:
        """Return the content of these rows, in order, as a chunk of its own.

        Its first index says nothing.  Without `raw` the originals are empty.  Row
        groups without any of the rows are not read.
        """
        if not len(rows):
            return NOTHING
        starts = [0]
        for number in range(self._metadata.num_row_groups):
            starts.append(starts[-1] + self._metadata.row_group(number).num_rows)
        groups = np.unique(np.searchsorted(starts, rows, side="right") - 1).tolist()
        names = GROUP_COLUMNS if raw else GROUP_COLUMNS[:-1]
        pieces = []
        with pq.ParquetFile(self.path, metadata=self._metadata) as file:
            for number in groups:
                table = file.read_row_group(number, columns=[*names], use_threads=False)
                here = rows[(rows >= starts[number]) & (rows < starts[number + 1])]
                pieces.append(table.take(pa.array(here - starts[number])))
        columns = [_binary(pa.concat_tables(pieces).column(name)) for name in names]
        if not raw:
            columns.append((array("i", bytes(4 * (len(rows) + 1))), memoryview(b"")))
        return Committed(
            0,
            len(rows),
            array("q", self.recorded()[rows].tobytes()),
            tuple(offsets for offsets, _ in columns),
            tuple(blob for _, blob in columns),
        )


def _binary(column: Any) -> tuple[array[int], memoryview]:
    """Return a column of bytes as ends and one blob."""
    values = column.combine_chunks()
    _, ends, blob = values.buffers()
    offsets = np.frombuffer(ends, np.int32)[values.offset : values.offset + len(values) + 1]
    first, last = int(offsets[0]), int(offsets[-1])
    view = memoryview(blob)[first:last] if blob is not None else memoryview(b"")
    return array("i", (offsets - np.int32(first)).tobytes()), view


def _encoded(column: Any, kind: Kind) -> Column:
    if kind in _LISTS:
        return _listed(column, kind)
    encoded = column.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    codes = np.asarray(pc.fill_null(encoded.indices, len(values)))
    return Column(codes, [*values, None])


def _listed(column: Any, kind: Kind) -> Column:
    """Return a column of lists; most rows have none, and most others one element."""
    codes = np.zeros(len(column), np.int32)
    lengths = np.asarray(pc.fill_null(pc.list_value_length(column), -1))
    elements = column.flatten()
    parts = elements.flatten() if kind is Kind.SUBJECTS else [elements]
    starts = np.cumsum(np.maximum(lengths, 0)) - np.maximum(lengths, 0)
    ones = np.flatnonzero(lengths == 1)
    values: list[Any] = [None]
    if len(ones):
        alone = [part.take(pa.array(starts[ones])).dictionary_encode() for part in parts]
        joined = np.zeros(len(ones), np.int64)
        for one in alone:
            told = pc.fill_null(one.indices, len(one.dictionary))
            joined = joined * (len(one.dictionary) + 1) + np.asarray(told)
        _, first, inverse = np.unique(joined, return_index=True, return_inverse=True)
        codes[ones] = inverse + 1
        values += _lists(column, ones[first], kind)
    several = np.flatnonzero((lengths >= 0) & (lengths != 1))
    codes[several] = np.arange(len(values), len(values) + len(several))
    return Column(codes, values + _lists(column, several, kind))


def _lists(column: Any, rows: Numbers, kind: Kind) -> list[Any]:
    found = column.take(pa.array(rows))
    if kind is not Kind.SUBJECTS:
        return list(found.to_pylist())
    # Texts one after the other cost a fifth of an object for each pair of them.
    kinds, keys = (part.to_pylist() for part in found.flatten().flatten())
    pairs = list(zip(kinds, keys, strict=True))
    ends = np.cumsum(np.asarray(pc.list_value_length(found))).tolist()
    return [pairs[start:end] for start, end in zip([0, *ends], ends, strict=False)]
