"""Stored columns: the fields of the events of one segment, read one by one and only if asked.

Reading two columns of a segment costs a hundredth of reading its events.  Only
segments that say that their columns are exact are asked here: in others a value
may be missing that the canonical bytes hold.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ombud.core.fields import BY_NAME, Field, Kind
from ombud.record.paths import SegmentFile
from ombud.record.segment import EXACT, EXACT_KEY, TIME_COLUMN

Codes = np.ndarray[Any, np.dtype[np.int32]]
Numbers = np.ndarray[Any, np.dtype[np.int64]]
_LISTS = frozenset({Kind.TEXTS, Kind.SUBJECTS})
_FEW = 8  # Times as many rows are encoded at once as are looked up one by one.


class Column(NamedTuple):
    """One field of consecutive events: for each row the place of its value in `values`.

    Absent values are None; a map is its JSON text.
    """

    codes: Codes
    values: list[Any]


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
        array = self._arrays.get(path)
        if array is None:
            with pq.ParquetFile(self.path, metadata=self._metadata) as file:
                table = file.read(columns=[path], use_threads=False)
            array = self._arrays[path] = _leaf(table.column(0).combine_chunks())
        return array

    def recorded(self) -> Numbers:
        """Return when each event was recorded, ms."""
        return np.asarray(self._read(TIME_COLUMN))

    def times(self) -> Numbers:
        """Return when each event happened, ms; where it does not say, when it was recorded."""
        times = self._read(_path(BY_NAME["time"]))
        return np.asarray(pc.coalesce(times, self._read(TIME_COLUMN)))

    def column(self, field: Field, rows: Numbers | None = None) -> Column:
        """Return one field of these rows, or of all events; of few it costs less."""
        known = self._columns.get(field.name)
        if known is not None:
            return known if rows is None else Column(known.codes[rows], known.values)
        path = _path(field) + (".list.element" if field.kind in _LISTS else "")
        array = self._read(path)
        if rows is not None and len(rows) * _FEW < self.count:
            return _encoded(array.take(pa.array(rows)), field.kind)
        column = self._columns[field.name] = _encoded(array, field.kind)
        return column if rows is None else Column(column.codes[rows], column.values)


def _encoded(array: Any, kind: Kind) -> Column:
    if kind in _LISTS:
        return _listed(array, kind)
    encoded = array.dictionary_encode()
    values = encoded.dictionary.to_pylist()
    codes = np.asarray(pc.fill_null(encoded.indices, len(values)))
    return Column(codes, [*values, None])


def _listed(array: Any, kind: Kind) -> Column:
    """Return a column of lists; most rows have none."""
    codes = np.zeros(len(array), np.int32)
    values: list[Any] = [None]
    places: dict[Any, int] = {}
    present = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
    for row, item in zip(present.tolist(), array.take(pa.array(present)).to_pylist(), strict=True):
        told = [(one["kind"], one["key"]) for one in item] if kind is Kind.SUBJECTS else item
        code = places.setdefault(tuple(told), len(values))
        if code == len(values):
            values.append(told)
        codes[row] = code
    return Column(codes, values)
