"""Segment look: what rules can match in one sealed segment, by its columns.

Segments can be looked at apart from each other, by other processes too: what follows
from earlier events - when actors last acted - is given with each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import UNSET

from ombud.core.errors import TamperError, Unavailable
from ombud.detect.correlation.model import Correlation
from ombud.detect.correlation.reading import Reading
from ombud.detect.logsource import ROUTES
from ombud.detect.replaying.candidates import Candidates, acts_of
from ombud.detect.replaying.narrowing import Rows
from ombud.detect.replaying.replay import Stored
from ombud.detect.replaying.stored_matches import Seen, StoredMatches, matches_of
from ombud.detect.rule import Rule
from ombud.record.paths import SegmentFile
from ombud.record.stored import StoredSegment
from ombud.services.stored_fields import Derived, StoredFields, derived_cells


class Task(NamedTuple):
    """One segment, the time asked for in ms, and the derived fields of its events.

    `step` is how many events are told of at once.
    """

    segment: SegmentFile
    since: int
    until: int
    derived: Mapping[str, Derived]
    step: int


class Stretch(NamedTuple):
    """What is to be put to rules of consecutive events, as `Replay.take` wants it."""

    named: Stored | None
    originals: Stored | None
    derived: Mapping[str, Sequence[Any]]
    matches: Sequence[StoredMatches]
    log_time: int
    decoded: int


class Carried(NamedTuple):
    """What the acts of a segment carry: how many are of each source, and which fields they have."""

    sources: Mapping[str, int]
    fields: frozenset[str]


class SegmentLook:
    """Looks at segments for some rules; it remembers what it was told of values."""

    def __init__(
        self,
        rules: Sequence[Rule],
        correlations: Sequence[Correlation],
        told: Mapping[str, frozenset[str]],
    ) -> None:
        """`told` are the rules of which only correlations want to know, with what these read."""
        self._candidates = Candidates(rules, ROUTES, told=told)
        self._told = told
        self._readings = {
            rule_id: {
                position: Reading(one, rule_id)
                for position, one in enumerate(correlations)
                if rule_id in one.rules
            }
            for rule_id in told
        }
        self._has_correlations = bool(correlations)
        own = [rule for rule in rules if rule.logsource.is_own]
        self._unseen = {field for rule in own for field in rule.fields}

    def look(self, task: Task) -> Iterator[Stretch | Carried]:
        """Yield the stretches of a segment with anything to tell, and then what it carries.

        Raises `TamperError` or `Unavailable` if it cannot be read.
        """
        try:
            yield from self._look(task)
        except (pa.ArrowException, OSError) as error:
            raise unreadable(task.segment.path, error) from error

    def _look(self, task: Task) -> Iterator[Stretch | Carried]:
        stored = StoredSegment(task.segment, pq.read_metadata(task.segment.path))
        fields = StoredFields(stored)
        fields.add(task.derived)
        rows = acts_of(fields, np.arange(stored.count, dtype=np.int64))
        first, last = stored.time_bounds()
        if not task.since <= first <= last < task.until:
            times = stored.times()[rows]
            rows = rows[(times >= task.since) & (times < task.until)]
        chances = self._candidates.find(fields, rows)
        for start in range(0, stored.count, task.step):
            end = min(start + task.step, stored.count)
            named = _between(chances.named, start, end)
            originals = _between(chances.originals, start, end)
            if not self._has_correlations and not len(named) and not len(originals):
                continue
            yield Stretch(
                _stored(stored, named, raw=False),
                _stored(stored, originals, raw=True),
                {name: derived_cells(column[named]) for name, column in fields.derived.items()},
                [
                    self._matches(stored, fields, rule_id, some)
                    for rule_id, matched in chances.matches.items()
                    if len(some := _between(matched, start, end))
                ],
                int(stored.recorded()[end - 1]),
                len(np.union1d(named, originals)),
            )
        yield self._carried(fields, rows)

    def _matches(
        self, stored: StoredSegment, fields: StoredFields, rule_id: str, rows: Rows
    ) -> StoredMatches:
        times, recorded = stored.times()[rows], stored.recorded()[rows]
        seen = Seen(fields, rows, stored.first_index, times, recorded)
        return matches_of(rule_id, self._told[rule_id], self._readings[rule_id], seen)

    def _carried(self, fields: StoredFields, rows: Rows) -> Carried:
        """Return the sources of rows, and the fields not carried before that they carry."""
        if not len(rows):
            return Carried({}, frozenset())
        told = fields.cells("source", rows)
        sources: dict[str, int] = {}
        if told is not None:
            counts = np.bincount(told.codes, minlength=len(told.cells)).tolist()
            pairs = zip(told.cells, counts, strict=True)
            sources = {one: count for one, count in pairs if count and one.__class__ is str}
        carried = set()
        for field in self._unseen:
            cells = fields.cells(field, rows)
            if cells is None or any(
                cells.cells[code] is not UNSET for code in np.unique(cells.codes).tolist()
            ):
                carried.add(field)
        self._unseen -= carried
        return Carried(sources, frozenset(carried))


def _between(rows: Rows, start: int, end: int) -> Rows:
    first, last = np.searchsorted(rows, [start, end])
    return rows[first:last]


def _stored(segment: StoredSegment, rows: Rows, *, raw: bool) -> Stored | None:
    if not len(rows):
        return None
    return Stored(segment.gather(rows, raw=raw), (rows + segment.first_index).tolist())


def unreadable(path: Path, error: Exception) -> Exception:
    """Return what is wrong with a segment that could not be read."""
    if isinstance(error, OSError) and error.errno is not None:
        return Unavailable(f"cannot read `{path}`: {error.strerror}")
    return TamperError(f"segment cannot be read: {error}", origin=str(path))
