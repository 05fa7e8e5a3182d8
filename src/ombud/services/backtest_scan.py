"""Backtest scan: the record walked once, and only what a rule could match is read whole.

Of a sealed segment whose columns are exact the columns that rules name are read, once
for all rules; rows that none of them can match are left unread.  The unsealed tail,
and segments that are not known to be exact, are put to the rules event by event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import UNSET

from ombud.core.errors import TamperError, Unavailable
from ombud.detect.candidates import Candidates, acts_of
from ombud.detect.logsource import ROUTES
from ombud.detect.narrowing import Rows
from ombud.detect.replay import Replay, Stored
from ombud.detect.stored_matches import Seen, StoredMatches, matches_of
from ombud.record.paths import SegmentFile
from ombud.record.reader import RecordReader
from ombud.record.stored import StoredSegment
from ombud.services.stored_fields import StoredFields, derived_cells

Progress = Callable[[int, int], None]

STEP = 16_384  # Events of which the candidates are held at once: some 40 MB of originals.


@dataclass(slots=True)
class Scanned:
    """How much of the record was looked at, in events, and by which way."""

    events: int = 0
    sealed: int = 0
    unsealed: int = 0
    read_whole: int = 0  # Of the sealed: in segments whose columns are not known to be exact.
    skipped: int = 0  # Of the sealed: in segments with nothing of the time asked for.
    decoded: int = 0  # Events read whole, for a rule might match them.


class Scan:
    """One walk over the record for one replay."""

    def __init__(
        self,
        reader: RecordReader,
        replay: Replay,
        *,
        is_whole: bool = False,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """With `is_whole`, every event is put to the rules, and nothing is narrowed."""
        self.scanned = Scanned()
        self._reader = reader
        self._replay = replay
        self._since, self._until = replay.begins, replay.until
        self._is_whole = is_whole
        self._is_stopped = is_stopped
        self._told = replay.told
        self._readings = {rule_id: replay.readings(rule_id) for rule_id in self._told}
        self._candidates = Candidates(replay.rules, ROUTES, told=self._told)
        self._with_raw = any(not rule.logsource.is_own for rule in replay.rules)
        self._has_derived = replay.has_derived

    def run(self, size: int, on_progress: Progress | None = None) -> Iterator[None]:
        """Walk over the events below `size`; yields after each piece, its work being done."""
        position = 0
        for segment in self._reader.segments():
            if segment.end > size:
                break
            yield from self._unsealed(position, segment.first_index)
            yield from self._sealed(segment)
            position = segment.end
            self._tell(position, size, on_progress)
        for _ in self._unsealed(position, size):
            yield
            self._tell(self.scanned.events, size, on_progress)

    def _tell(self, position: int, size: int, on_progress: Progress | None) -> None:
        """Tell how far it is, unless nobody wants to know any more."""
        self.scanned.events = position
        if on_progress is not None:
            on_progress(position, size)
        if self._is_stopped():
            raise Unavailable("the backtest was stopped")

    def _unsealed(self, start: int, end: int) -> Iterator[None]:
        """Take events that were in no segment at the beginning; they may be by now."""
        for first in range(start, end, STEP):
            for committed in self._reader.read(first, min(STEP, end - first), raw=self._with_raw):
                self._replay.take_all(committed)
                self.scanned.unsealed += committed.count
                self.scanned.decoded += committed.count
            self.scanned.events = min(first + STEP, end)
            yield

    def _sealed(self, segment: SegmentFile) -> Iterator[None]:
        self.scanned.sealed += segment.count
        try:
            metadata = pq.read_metadata(segment.path)
            stored = StoredSegment(segment, metadata)
            first, last = stored.time_bounds()
            is_outside = last < self._since or first >= self._until
            if not self._has_derived and is_outside:
                self.scanned.skipped += segment.count
            elif self._is_whole or not stored.is_exact:
                yield from self._read_whole(segment)
            else:
                is_inside = self._since <= first and last < self._until
                yield from self._narrowed(stored, is_inside=is_inside, is_outside=is_outside)
        except (pa.ArrowException, OSError) as error:
            raise _unreadable(segment.path, error) from error

    def _read_whole(self, segment: SegmentFile) -> Iterator[None]:
        self.scanned.read_whole += segment.count
        for start in range(segment.first_index, segment.end, STEP):
            count = min(STEP, segment.end - start)
            for committed in self._reader.read(start, count, raw=self._with_raw):
                self._replay.take_all(committed)
                self.scanned.decoded += committed.count
            yield

    def _narrowed(
        self, stored: StoredSegment, *, is_inside: bool, is_outside: bool
    ) -> Iterator[None]:
        fields = StoredFields(stored)
        rows = acts_of(fields, np.arange(stored.count, dtype=np.int64))
        if self._has_derived:
            self._derive(stored, fields, rows)
        if is_outside:
            return
        if not is_inside:
            times = stored.times()[rows]
            rows = rows[(times >= self._since) & (times < self._until)]
        named, originals, matched = self._candidates.find(fields, rows)
        self._replay.watch(fields, rows)
        matches = [
            self._matches(stored, fields, rule_id, some)
            for rule_id, some in matched.items()
            if len(some)
        ]
        for start in range(0, stored.count, STEP):
            some = _between(named, start), _between(originals, start)
            end = min(start + STEP, stored.count)
            first = stored.first_index
            here = [one.between(first + start, first + end) for one in matches]
            self._take(stored, fields, *some, matches=here, end=end)
            yield

    def _matches(
        self, stored: StoredSegment, fields: StoredFields, rule_id: str, rows: Rows
    ) -> StoredMatches:
        times, recorded = stored.times()[rows], stored.recorded()[rows]
        seen = Seen(fields, rows, stored.first_index, times, recorded)
        return matches_of(rule_id, self._told[rule_id], self._readings[rule_id], seen)

    def _derive(self, stored: StoredSegment, fields: StoredFields, acts: Rows) -> None:
        """Take note of the acts, and add what earlier ones say of each."""
        column = fields.cells("actor.id", np.arange(stored.count, dtype=np.int64))
        if column is None:
            raise ValueError("the actor is stored of every event")
        times, recorded = stored.times(), stored.recorded()
        told = self._replay.actors.derive_coded(acts, column.codes, column.cells, times, recorded)
        if told is None:
            actors = [column.cells[code] for code in column.codes.tolist()]
            lists = self._replay.actors.derive(
                acts.tolist(), actors, times.tolist(), recorded.tolist()
            )
            idle = [np.nan if one is UNSET else one for one in lists["derived.idle_days"]]
            first = [one is True for one in lists["derived.first_seen"]]
            told = np.array(idle, np.float64), np.array(first, np.bool_)
        fields.add(dict(zip(("derived.idle_days", "derived.first_seen"), told, strict=True)))

    def _take(
        self,
        stored: StoredSegment,
        fields: StoredFields,
        named: Rows,
        originals: Rows,
        *,
        matches: Sequence[StoredMatches],
        end: int,
    ) -> None:
        has_rows = bool(len(named) or len(originals))
        if not has_rows and not self._replay.correlations:
            return
        derived = {name: derived_cells(column[named]) for name, column in fields.derived.items()}
        self._replay.take(
            _stored(stored, named, raw=False),
            _stored(stored, originals, raw=True),
            derived,
            matches=matches,
            log_time=int(stored.recorded()[end - 1]) if self._replay.correlations else 0,
        )
        self.scanned.decoded += len(np.union1d(named, originals))


def _between(rows: Rows, start: int) -> Rows:
    first, last = np.searchsorted(rows, [start, start + STEP])
    return rows[first:last]


def _stored(segment: StoredSegment, rows: Rows, *, raw: bool) -> Stored | None:
    if not len(rows):
        return None
    return Stored(segment.gather(rows, raw=raw), (rows + segment.first_index).tolist())


def _unreadable(path: Path, error: Exception) -> Exception:
    if isinstance(error, OSError) and error.errno is not None:
        return Unavailable(f"cannot read `{path}`: {error.strerror}")
    return TamperError(f"segment cannot be read: {error}", origin=str(path))
