"""Backtest scan: the record walked once, and only what a rule could match is read whole.

Of a sealed segment whose columns are exact the columns that rules name are read, once
for all rules; rows that none of them can match are left unread.  The unsealed tail,
and segments that are not known to be exact, are put to the rules event by event.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import UNSET

from ombud.core.errors import Unavailable
from ombud.detect.replaying.candidates import acts_of
from ombud.detect.replaying.replay import Replay
from ombud.record.paths import SegmentFile
from ombud.record.reader import RecordReader
from ombud.record.stored import StoredSegment
from ombud.services.looking import Looking
from ombud.services.segment_look import Carried, Task, unreadable
from ombud.services.stored_fields import Derived, StoredFields

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
        jobs: int = 1,
    ) -> None:
        """With `is_whole`, every event is put to the rules, and nothing is narrowed.

        With more than one job so many other processes look at segments.
        """
        self.scanned = Scanned()
        self._reader = reader
        self._replay = replay
        self._since, self._until = replay.begins, replay.until
        self._is_whole = is_whole
        self._is_stopped = is_stopped
        self._looking = Looking(replay.rules, replay.correlations, replay.told, jobs=jobs)
        self._with_raw = any(not rule.logsource.is_own for rule in replay.rules)
        self._has_derived = replay.has_derived

    def run(self, size: int, on_progress: Progress | None = None) -> Iterator[None]:
        """Walk over the events below `size`; yields after each piece, its work being done."""
        try:
            yield from self._run(size, on_progress)
        finally:
            self._looking.close()

    def _run(self, size: int, on_progress: Progress | None) -> Iterator[None]:
        position = 0
        for segment in self._reader.segments():
            if segment.end > size:
                break
            if segment.first_index > position:
                yield from self._looked()
                yield from self._unsealed(position, segment.first_index)
            yield from self._sealed(segment)
            position = segment.end
            self._tell(position, size, on_progress)
        yield from self._looked()
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
                yield from self._looked()
                yield from self._read_whole(segment)
            else:
                derived = self._derive(stored) if self._has_derived else {}
                if not is_outside:
                    yield from self._look(Task(segment, self._since, self._until, derived, STEP))
        except (pa.ArrowException, OSError) as error:
            raise unreadable(segment.path, error) from error

    def _read_whole(self, segment: SegmentFile) -> Iterator[None]:
        self.scanned.read_whole += segment.count
        for start in range(segment.first_index, segment.end, STEP):
            count = min(STEP, segment.end - start)
            for committed in self._reader.read(start, count, raw=self._with_raw):
                self._replay.take_all(committed)
                self.scanned.decoded += committed.count
            yield

    def _look(self, task: Task) -> Iterator[None]:
        """Have a segment looked at, and take what was told of the first if nobody is free."""
        self._looking.give(task)
        if self._looking.is_full:
            yield from self._take()

    def _looked(self) -> Iterator[None]:
        """Take all that is still to be told."""
        while self._looking.is_waiting:
            yield from self._take()

    def _take(self) -> Iterator[None]:
        for one in self._looking.answers():
            if isinstance(one, Carried):
                self._replay.note(one.sources, one.fields)
            else:
                self._replay.take(
                    one.named,
                    one.originals,
                    one.derived,
                    matches=one.matches,
                    log_time=one.log_time,
                )
                self.scanned.decoded += one.decoded
            yield

    def _derive(self, stored: StoredSegment) -> dict[str, Derived]:
        """Take note of the acts, and return what earlier ones say of each."""
        fields, every = StoredFields(stored), np.arange(stored.count, dtype=np.int64)
        acts, column = acts_of(fields, every), fields.cells("actor.id", every)
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
        return dict(zip(("derived.idle_days", "derived.first_seen"), told, strict=True))
