"""Reference files: CSV and Parquet of the organisation, read within bounds."""

from __future__ import annotations

import csv
import io
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from ombud.access.reference import Origin, ReferenceTable
from ombud.collect.reference_values import Read, SourceRow, checked_columns, read_rows
from ombud.core.errors import InputError, Unavailable
from ombud.directory.faults import Faults

SIZE_MAX = 1 << 30  # Bytes of a file: a CSV of ten million rows has some 600 MB.
EXPANDED_MAX = 4 << 30  # Bytes that the columns of a Parquet file say they expand to.
LINE_MAX = 1 << 20  # Characters: a thousand columns of bounded values.
COLUMNS_MAX = 1_000  # Of a header.
_AT_ONCE = 10_000  # Rows of a Parquet file held as values.


def read_file(table: ReferenceTable, *, home: Path) -> Read:
    """Return the facts of a file; a relative path is one within the home.

    Raises `InputError` or `Unavailable` when it cannot be read at all.
    """
    path = home / (table.path or "")
    faults = Faults()
    if table.origin is Origin.PARQUET:
        return _read_parquet(table, path, faults)
    encoding = "utf-8-sig" if table.encoding == "utf-8" else table.encoding
    with io.TextIOWrapper(_opened(path), encoding=encoding, newline="") as lines:
        try:
            return read_rows(table, _csv_rows(table, lines, faults), faults=faults)
        except UnicodeError:
            raise InputError(
                f"`{path}` is not {table.encoding} throughout",
                hint="declare its `encoding`; it is never guessed",
            ) from None


def _opened(path: Path) -> IO[bytes]:
    """Return an ordinary file of bounded size, open: a pipe would keep us waiting for ever."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Unavailable(f"cannot read `{path}`: {reason.lower()}") from None
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_size > SIZE_MAX:
        os.close(descriptor)
        is_file = stat.S_ISREG(found.st_mode)
        said = f"is larger than {SIZE_MAX} bytes" if is_file else "is no ordinary file"
        raise InputError(f"`{path}` {said}")
    return os.fdopen(descriptor, "rb")


def _csv_rows(
    table: ReferenceTable, lines: io.TextIOWrapper, faults: Faults
) -> Iterator[SourceRow]:
    reader = csv.reader(_bounded(lines), delimiter=table.delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        if len(header) > COLUMNS_MAX:
            faults.add(table.name, 1, f"the first line names {len(header)} columns")
            return
        if not checked_columns(table, header, faults):
            return
        line = reader.line_num + 1
        for fields in reader:
            if len(fields) == len(header):
                yield line, dict(zip(header, fields, strict=True))
            elif any(fields):
                said = f"has {len(fields)} fields, and the header has {len(header)}"
                faults.add(table.name, line, said)
            line = reader.line_num + 1
    except csv.Error as error:
        faults.add(table.name, reader.line_num, f"not CSV: {error}")


def _bounded(lines: io.TextIOWrapper) -> Iterator[str]:
    """Yield lines; one that is endless is no CSV, and must not be held in memory."""
    while line := lines.readline(LINE_MAX):
        if len(line) >= LINE_MAX:
            raise csv.Error(f"a line is longer than {LINE_MAX} characters")
        yield line


def _read_parquet(table: ReferenceTable, path: Path, faults: Faults) -> Read:
    with _opened(path) as binary:
        try:
            file = pq.ParquetFile(binary)
            if not checked_columns(table, file.schema_arrow.names, faults):
                return Read([], faults)
            _check_size(file, path)
            return read_rows(table, _parquet_rows(table, file), faults=faults)
        except (pa.ArrowException, OSError, UnicodeError) as error:
            raise InputError(
                f"`{path}` cannot be read as Parquet: {type(error).__name__}"
            ) from None


def _check_size(file: pq.ParquetFile, path: Path) -> None:
    groups = (file.metadata.row_group(number) for number in range(file.metadata.num_row_groups))
    if sum(group.total_byte_size for group in groups) > EXPANDED_MAX:
        raise InputError(f"`{path}` expands to more than {EXPANDED_MAX} bytes")


def _parquet_rows(table: ReferenceTable, file: pq.ParquetFile) -> Iterator[SourceRow]:
    number = 0
    columns = list(dict.fromkeys(table.columns.values()))
    for batch in file.iter_batches(batch_size=_AT_ONCE, columns=columns):
        for row in batch.to_pylist():
            number += 1
            yield number, row
