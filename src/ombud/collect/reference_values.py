"""Reference values: a row of the organisation's table as known facts, or what is wrong with it.

A day is its first instant in the zone of the table, but for `closed_at`: what was
closed on a day was open on it.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from ombud.access.reference import TEXT_MAX, Fact, ReferenceTable, Value, Values
from ombud.core.instants import to_ms
from ombud.directory.faults import Faults

FAULTY_ROWS_MAX = 1_000  # Rows with faults after which reading stops: the table is another one.
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ONE_DAY = timedelta(days=1)
# Control characters, and what turns the direction of writing: never part of a name.
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b\u2060\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
_LAST = "closed_at"

SourceRow = tuple[int, Mapping[str, Any]]  # Its number from 1, or its line, and values by column.


class _BadValueError(ValueError):
    """A value that is not what its column holds."""


class Read(NamedTuple):
    """The rows of a table without fault, each once and in order, and what was wrong."""

    rows: list[Values]
    faults: Faults


def read_rows(table: ReferenceTable, source: Iterable[SourceRow], *, faults: Faults) -> Read:
    """Return the known facts of rows as they come."""
    reader = _RowReader(table)
    found: dict[Values, None] = {}
    faulty = 0
    for count, (number, row) in enumerate(source, start=1):
        if count > table.rows_max:
            faults.add(table.name, number, f"more than {table.rows_max} rows; see `rows_max`")
            break
        values = reader.read(number, row, faults)
        if values is not None:
            found[values] = None
            continue
        faulty += 1
        if faulty >= FAULTY_ROWS_MAX:
            faults.add(table.name, number, f"{faulty} rows have faults; the rest was not read")
            break
    return Read(sorted(found, key=_order), faults)


def _order(values: Values) -> list[tuple[bool, str]]:
    return [(value is not None, str(value)) for value in values]


class _RowReader:
    """Reads rows of one table."""

    def __init__(self, table: ReferenceTable) -> None:
        self._name = table.name
        self._zone = ZoneInfo(table.zone)
        self._places = [
            (fact, table.columns.get(fact.name), table.constants.get(fact.name))
            for fact in table.facts.columns
        ]

    def read(self, number: int, row: Mapping[str, Any], faults: Faults) -> Values | None:
        values: list[Value] = []
        is_good = True
        for fact, column, constant in self._places:
            given = constant if column is None else row.get(column)
            try:
                values.append(self._value(fact, given))
            except _BadValueError as error:
                faults.add(self._name, number, f"`{column or fact.name}` {error}")
                is_good = False
        return tuple(values) if is_good else None

    def _value(self, fact: Fact, given: Any) -> Value:
        if given is None or (isinstance(given, str) and not given.strip()):
            if fact.is_required:
                raise _BadValueError("is missing")
            return None
        return self._instant(fact, given) if fact.is_instant else _text(given)

    def _instant(self, fact: Fact, given: Any) -> int:
        if isinstance(given, str):
            given = _parse_time(given.strip())
        if isinstance(given, datetime):
            aware = given if given.tzinfo else given.replace(tzinfo=self._zone)
        elif isinstance(given, date):
            try:
                day = given + _ONE_DAY if fact.name == _LAST else given
            except OverflowError:
                raise _BadValueError("is beyond the calendar") from None
            aware = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        else:
            raise _BadValueError(f"is a {type(given).__name__}, and no day or time")
        try:
            return to_ms(aware.astimezone(UTC))
        except OverflowError:
            raise _BadValueError("is beyond the calendar") from None


def _parse_time(text: str) -> date | datetime:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
        if len(text) <= 64:
            return datetime.fromisoformat(text)
    except ValueError:
        pass
    raise _BadValueError("is no day or time of ISO 8601, such as 2026-11-22 or 2026-11-22T08:00Z")


def _text(given: Any) -> str:
    if isinstance(given, bool) or not isinstance(given, str | int | Decimal | uuid.UUID):
        raise _BadValueError(f"is a {type(given).__name__}, and no text")
    if isinstance(given, int) and abs(given) >= 10**TEXT_MAX:
        raise _BadValueError("is too large a number")
    text = str(given).strip()
    if len(text) > TEXT_MAX:
        raise _BadValueError(f"is longer than {TEXT_MAX} characters")
    unseen = _UNSEEN.search(text)
    if unseen is not None:
        raise _BadValueError(f"holds U+{ord(unseen[0]):04X}, a character that cannot be seen")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _BadValueError("holds a character that is no text") from None
    return text


def checked_columns(table: ReferenceTable, there: Iterable[str], faults: Faults) -> bool:
    """Whether every column that is declared is there, once; else each fault is added."""
    names = list(there)
    before = faults.count
    for column in dict.fromkeys(table.columns.values()):
        if names.count(column) != 1:
            said = "stands twice" if column in names else "is missing"
            faults.add(table.name, 1, f"column `{column}` {said}; there are {_listed(names)}")
    return faults.count == before


def _listed(names: list[str]) -> str:
    return ", ".join(name[:60] for name in names[:20]) + (" …" if len(names) > 20 else "")


def no_rows() -> Iterator[SourceRow]:
    """Yield nothing: what a table with faulty columns gives."""
    yield from ()
