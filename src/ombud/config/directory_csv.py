"""CSV: one kind of directory row in a file, with a header of column names.

The delimiter is the one that makes the header say most; quoted fields may hold
line feeds.  Every line that is wrong is a fault of its own.
"""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterator, Sequence

from ombud.config.directory_values import BadValueError, ValueReader
from ombud.directory.faults import Faults
from ombud.directory.kinds import Column, Kind, Row

DELIMITERS = (",", ";", "\t")
COLUMNS_MAX = 100  # A dozen are known; where there are more, the first line is no header.
_NAME_MAX = 60  # Characters of an unknown column's name that are told.
ROWS_MAX = 2_000_000  # Of one load: bounds memory; four times the largest foreseen.


def read_csv(text: str, kind: Kind, *, file: str, values: ValueReader, faults: Faults) -> list[Row]:
    """Return the rows of a file, those without fault, and add every fault with its line."""
    lines = _lines(text, _delimiter(text, kind), file, faults)
    header = next(lines, None)
    if header is None:
        if not faults:
            faults.add(file, 1, f"no header: the first line must name the columns of {kind.name}")
        return []
    places = _places(header[1], kind, file, faults)
    if places is None:
        return []
    rows: list[Row] = []
    width = len(header[1])
    for line, fields in lines:
        if not any(fields):
            continue  # As spreadsheets leave them behind.
        if len(fields) != width:
            faults.add(file, line, f"has {len(fields)} fields, and the header has {width}")
            continue
        row = read_row(places, fields, file=file, line=line, values=values, faults=faults)
        if row is not None:
            rows.append(row)
        if len(rows) > ROWS_MAX:
            faults.add(file, line, f"more than {ROWS_MAX} rows; load the kinds one by one")
            break
    return rows


def read_row(
    places: Sequence[tuple[Column, int | None]],
    fields: Sequence[str],
    *,
    file: str,
    line: int,
    values: ValueReader,
    faults: Faults,
) -> Row | None:
    """Return one row from the fields at the places of its columns, or none with its faults."""
    found = []
    is_good = True
    for column, place in places:
        try:
            found.append(values.read(column, "" if place is None else fields[place]))
        except BadValueError as error:
            faults.add(file, line, f"`{column.name}` {error}")
            is_good = False
    return Row(tuple(found), file, line) if is_good else None


def column_fault(name: str, kind: Kind, faults: Faults) -> str:
    """Return what is wrong with a column name that the kind does not have."""
    if faults.is_full:
        return "unknown column"  # To find a near one takes 0.1 ms, and nobody reads of it.
    name = name[:_NAME_MAX]
    near = difflib.get_close_matches(name, kind.names, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"there are {', '.join(kind.names)}"
    return f"unknown column `{name}` of {kind.name}: {hint}"


def normal(name: str) -> str:
    """Return a column name as it is known: case, blanks and hyphens do not matter."""
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def _delimiter(text: str, kind: Kind) -> str:
    end = text.find("\n")
    header = text if end < 0 else text[:end]

    def known(delimiter: str) -> int:
        names = [normal(name.strip('"\r ')) for name in header.split(delimiter)]
        return sum(name in kind.names for name in names) * 100 + len(names)

    return max(DELIMITERS, key=known)


def _lines(text: str, delimiter: str, file: str, faults: Faults) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the line it begins at; blank lines are none."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for fields in reader:
            if fields:
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        faults.add(file, line, f"not CSV: {error}")


def _places(
    header: Sequence[str], kind: Kind, file: str, faults: Faults
) -> list[tuple[Column, int | None]] | None:
    """Return each column of the kind with its place in the file, or none with the faults."""
    if len(header) > COLUMNS_MAX:
        faults.add(file, 1, f"the first line names {len(header)} columns of {kind.name}")
        return None
    places: dict[str, int] = {}
    before = faults.count
    for place, written in enumerate(header):
        name = normal(written)
        if name in places:
            faults.add(file, 1, f"column `{name}` stands twice")
        elif name not in kind.names:
            faults.add(file, 1, column_fault(name, kind, faults))
        places[name] = place
    for column in kind.columns:
        if column.is_required and column.name not in places:
            faults.add(file, 1, f"column `{column.name}` of {kind.name} is missing")
    if faults.count > before:
        return None
    return [(column, places.get(column.name)) for column in kind.columns]
