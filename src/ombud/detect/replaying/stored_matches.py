"""Stored matches: matches of rules that columns decide alone, so that no event need be read.

What correlations take of them is told for each combination of values once, and not
for each event.  Plain data: it can be pickled.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np

from ombud.detect.columnar.rows import values_of
from ombud.detect.correlation.model import RuleMatch
from ombud.detect.correlation.reading import Reading
from ombud.detect.matching.matcher import VALUES_MAX, Told, cut
from ombud.detect.replaying.narrowing import ANYTHING, Cells, Columns, Flags, OneOf, Rows

ACTOR = "actor.id"
Numbers = np.ndarray[Any, np.dtype[np.int64]]
Readings = Mapping[int, Reading]


@dataclass(frozen=True, slots=True)
class Column:
    """One field of some matches: for each the place of its cell."""

    codes: Numbers
    cells: Sequence[Any]


@dataclass(frozen=True, slots=True)
class StoredMatches:
    """Matches of one rule in log order.

    `fields` are those that correlations read.
    """

    rule_id: str
    fields: tuple[str, ...]
    indices: Numbers
    times: Numbers
    recorded: Numbers
    columns: Mapping[str, Column]
    parts: Column

    def matches(self) -> Iterator[tuple[RuleMatch, StoredRow]]:
        """Yield the matches as the correlator takes them, and what is kept of their events."""
        parts = self.parts.cells
        rows = zip(
            self.indices.tolist(),
            self.times.tolist(),
            self.recorded.tolist(),
            self.parts.codes.tolist(),
            strict=True,
        )
        for place, (index, time, recorded, code) in enumerate(rows):
            said = StoredRow(self, place)
            yield RuleMatch(self.rule_id, index, time, recorded, said, parts[code]), said


class StoredRow(msgspec.Struct, frozen=True, gc=False):
    """One stored match, which answers for its event as far as correlations ask."""

    matches: StoredMatches
    place: int

    def _cell(self, name: str) -> Any:
        column = self.matches.columns[name]
        return column.cells[column.codes[self.place]]

    def __call__(self, name: str) -> Sequence[Any]:
        """Return the values of a field, lists opened."""
        return values_of(self._cell(name))

    def actor(self) -> str | None:
        """Return who acted."""
        cell = self._cell(ACTOR)
        return cell if cell.__class__ is str else None

    def told(self) -> Told:
        """Return the fields that correlations read, cut to what a person reads."""
        return {
            name: [cut(value) for value in self(name)[:VALUES_MAX]] for name in self.matches.fields
        }


class Seen(NamedTuple):
    """Rows of consecutive stored events, with the times of each of them, ms."""

    columns: Columns
    rows: Rows
    first_index: int
    times: Numbers
    recorded: Numbers


def is_told(columns: Columns, rows: Rows, names: Collection[str]) -> Flags:
    """Return for each row whether columns say for certain what it has in these fields."""
    told = np.ones(len(rows), np.bool_)
    for name in names:
        stored = columns.cells(name, rows)
        if stored is None:
            return np.zeros(len(rows), np.bool_)
        certain = np.array(
            [cell is not ANYTHING and cell.__class__ is not OneOf for cell in stored.cells],
            np.bool_,
        )
        told &= certain[stored.codes]
    return told


def matches_of(
    rule_id: str, fields: Collection[str], readings: Readings, seen: Seen
) -> StoredMatches:
    """Return the matches that a rule has in these rows, which tell all of `fields`."""
    names = tuple(sorted(fields))
    columns = {name: _compact(seen.columns.cells(name, seen.rows)) for name in (*names, ACTOR)}
    return StoredMatches(
        rule_id,
        names,
        seen.rows + seen.first_index,
        seen.times,
        seen.recorded,
        columns,
        _parts(columns, readings, len(seen.rows)),
    )


def _parts(columns: Mapping[str, Column], readings: Readings, count: int) -> Column:
    """Return for each match what correlations take of it, told once for the same values."""
    joined = np.zeros(count, np.int64)
    first = joined[:1]
    for name in sorted(frozenset().union(*(one.fields for one in readings.values()))):
        column = columns[name]
        both = joined * len(column.cells) + column.codes
        _, first, joined = np.unique(both, return_index=True, return_inverse=True)
    parts = []
    for place in first.tolist():
        values = {name: values_of(one.cells[one.codes[place]]) for name, one in columns.items()}
        parts.append({at: one.part(values.__getitem__) for at, one in readings.items()})
    return Column(joined, parts)


def _compact(stored: Cells | None) -> Column:
    """Return a column that holds no cell but those of its rows."""
    if stored is None:
        raise ValueError("a field that is told is stored")
    used, codes = np.unique(stored.codes, return_inverse=True)
    return Column(codes, [stored.cells[code] for code in used.tolist()])
