"""Intake: the one loop that turns blocks of records into durable events.

The command line and the HTTP API share it.  Invariant: what was read is what
was recorded, was there before, or lies in quarantine; and a position is
committed only after everything before it is durable.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, Protocol, TypeGuard

from ombud.collect.cut import Fault
from ombud.collect.fit import fit
from ombud.collect.health import Health
from ombud.collect.ordinals import Ordinals
from ombud.collect.place import Block, Position
from ombud.collect.positions import Positions
from ombud.collect.quarantine import Quarantine, make_item
from ombud.collect.source import FastPath, Source
from ombud.core.batch import Batch, BatchBuilder, Row
from ombud.core.clock import Clock, now_ms
from ombud.core.errors import EventError

FLUSH_COUNT = 512  # Events in a batch: larger ones cost more in page faults than they save.
SAVE_SECONDS = 1.0  # Between writings of the positions while much is read; losing some costs time.
FLUSH_SIZE = 8 << 20  # Bytes of a batch: bounds memory when records are large.

_native_id: Callable[[Any], object] = itemgetter(4)  # Of a row.


class Receipt(Protocol):
    """What the record promises for one batch."""

    @property
    def first_index(self) -> int | None:
        """Index of the first event recorded, if any was."""
        ...

    @property
    def last_index(self) -> int | None:
        """Index of the last event recorded, if any was."""
        ...

    @property
    def recorded(self) -> int:
        """How many events were recorded."""
        ...

    @property
    def duplicate(self) -> int:
        """How many events were there before."""
        ...


class Sink(Protocol):
    """Whatever makes batches durable: the record, or a client of it."""

    def append(self, batches: Sequence[Batch]) -> Sequence[Receipt]:
        """Make the batches durable; return one receipt for each, in order."""
        ...


@dataclass(slots=True)
class IntakeResult:
    """What became of what was read: `read = recorded + duplicate + quarantined`."""

    read: int = 0
    recorded: int = 0
    duplicate: int = 0
    quarantined: int = 0
    first_index: int | None = None
    last_index: int | None = None
    seconds: float = 0.0

    def to_dict(self) -> dict[str, int | float | None]:
        """Return the result as the API and the command line give it."""
        return {
            "read": self.read,
            "recorded": self.recorded,
            "duplicate": self.duplicate,
            "quarantined": self.quarantined,
            "first_index": self.first_index,
            "last_index": self.last_index,
            "seconds": round(self.seconds, 6),
        }


@dataclass(slots=True)
class _Flight:
    """A batch on its way, and what becomes true when it has arrived."""

    receipts: Future[Sequence[Receipt]] | None
    count: int
    quarantined: int
    positions: list[Position] = field(default_factory=list)


class _Now(Executor):
    """Does at once what it is given."""

    def submit(self, task: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """Return the finished work; what it raises is raised here already."""
        done: Future[Any] = Future()
        done.set_result(task(*arguments, **named))
        return done


class Intake:
    """Takes in what a source gives and makes it durable in a sink."""

    def __init__(
        self,
        sink: Sink,
        quarantine: Quarantine,
        *,
        clock_ms: Clock = now_ms,
        health: Health | None = None,
        overlaps: bool = True,
    ) -> None:
        """`overlaps` parses on while the sink works: for a sink in another process.

        Within one process the two would only hand the interpreter to and fro.
        """
        self._overlaps = overlaps
        self._sink = sink
        self._quarantine = quarantine
        self._clock_ms = clock_ms
        self._health = health

    def ingest(
        self,
        source: Source,
        blocks: Iterable[Block],
        *,
        positions: Positions | None = None,
        on_progress: Callable[[IntakeResult, int], None] | None = None,
    ) -> IntakeResult:
        """Take in all blocks and return what became of them, all of it durable.

        A block without records means that the source is waiting: what was read so
        far is then made durable at once.  `on_progress` is given the result so far
        and the bytes read since.  Errors of the sink pass through; what was not
        acknowledged is read again from the committed positions.
        """
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="intake") as threads:
            pool = threads if self._overlaps else _Now()
            run = _Run(source, self._sink, self._quarantine, pool, self._health)
            for block in blocks:
                if block.raws or block.faults:
                    run.take(block, self._clock_ms())
                run.reach(block)
                if not block.file:
                    run.settle()
                run.commit(positions, at_once=not block.file)
                if on_progress is not None:
                    on_progress(run.result, block.size)
            run.settle()
            run.commit(positions, at_once=True)
        return run.result


def _are_whole(rows: Sequence[Row | None]) -> TypeGuard[Sequence[Row]]:
    """Whether every record has a row with a native id."""
    return all(rows) and all(map(_native_id, rows))


class _Run:
    """One call of `ingest`: parsing goes on while the batch before is made durable."""

    def __init__(
        self,
        source: Source,
        sink: Sink,
        quarantine: Quarantine,
        pool: Executor,
        health: Health | None,
    ) -> None:
        self.result = IntakeResult()
        self._source = source
        self._canonical = source.canonical if isinstance(source, FastPath) else None
        self._sink = sink
        self._quarantine = quarantine
        self._pool = pool
        self._health = health
        self._started = time.monotonic()
        self._builder = BatchBuilder()
        self._findings = BatchBuilder()
        self._ordinals: dict[int, Ordinals] = {}
        self._quarantined = 0
        self._reached: list[Position] = []
        self._durable: list[Position] = []
        self._flight: _Flight | None = None
        self._unsaved = False
        self._saved = self._started

    def take(self, block: Block, now_ms: int) -> None:
        """Add the records of a block, flushing whenever a batch is full."""
        if block.is_known:
            for raw in block.raws:
                self._ordinal(block, raw)
            return
        if self._health is not None:
            self._health.saw(self._source, now_ms=now_ms)
        raws, lines, start = block.raws, block.lines, 0
        while start < len(raws):
            end = start + FLUSH_COUNT - self._builder.count
            self._take(raws[start:end], lines[start:end], block, now_ms)
            start = end
        for fault in block.faults:
            self._set_aside(block, fault, now_ms)

    def _take(self, raws: list[bytes], lines: list[int], block: Block, now_ms: int) -> None:
        """Add no more records than the batch has room for; flush when it is full."""
        builder, canonical, kind = self._builder, self._canonical, self._source.kind
        rows = [canonical(raw) for raw in raws] if canonical is not None else [None] * len(raws)
        is_small = builder.size + sum(map(len, raws)) < FLUSH_SIZE
        if is_small and _are_whole(rows):
            builder.add_rows(rows, raws, source=kind)
            if builder.count >= FLUSH_COUNT:
                self._flush()
            return
        for raw, line, row in zip(raws, lines, rows, strict=True):
            if row is None:
                self._parse(raw, line, block, now_ms)
            else:
                class_uid, actor, data_subject, content, native_id = row
                builder.add_canonical(
                    class_uid, actor, data_subject, content, raw, source=kind, native_id=native_id,
                    ordinal=self._ordinal(block, raw) if native_id is None else 0,
                )  # fmt: skip
            if builder.count >= FLUSH_COUNT or builder.size >= FLUSH_SIZE:
                self._flush()

    def _ordinal(self, block: Block, raw: bytes) -> int:
        ordinals = self._ordinals.get(block.input_id)
        if ordinals is None:
            ordinals = self._ordinals[block.input_id] = Ordinals()
        return ordinals.next(raw)

    def _parse(self, raw: bytes, line: int, block: Block, now_ms: int) -> None:
        try:
            event = self._source.parse(raw, now_ms=now_ms)
        except EventError as error:
            reason = f"{error} ({error.hint})" if error.hint else str(error)
            self._set_aside(block, Fault(line, reason, raw, len(raw)), now_ms)
            return
        event, (actor, data_subject, content) = fit(event, now_ms=now_ms)
        self._builder.add_canonical(
            event.class_uid or 0,
            actor,
            data_subject,
            content,
            raw,
            source=event.source,
            native_id=event.native_id,
            ordinal=self._ordinal(block, raw) if event.native_id is None else 0,
        )
        if self._health is not None and self._source.has_sequence:
            gap = self._health.number(self._source, event, now_ms=now_ms)
            if gap is not None:
                self._findings.add(gap)

    def _set_aside(self, block: Block, fault: Fault, now_ms: int) -> None:
        item = make_item(
            source=self._source.kind,
            file=block.file,
            line=fault.line,
            reason=fault.reason,
            time_ms=now_ms,
            raw=fault.head,
            size=fault.size,
        )
        self._quarantine.add(item)
        self._quarantined += 1

    def reach(self, block: Block) -> None:
        """Note the position after a block whose records were all added."""
        if block.position is not None:
            file_id = block.position.file_id
            self._reached = [known for known in self._reached if known.file_id != file_id]
            self._reached.append(block.position)
        if block.is_last:
            self._ordinals.pop(block.input_id, None)

    def _flush(self) -> None:
        """Send the batch off, once the one before has arrived."""
        self._land()
        count = self._builder.count
        batches = [builder.take() for builder in (self._builder, self._findings) if builder.count]
        future = self._pool.submit(self._sink.append, batches) if batches else None
        self._flight = _Flight(future, count, self._quarantined, self._reached)
        self._quarantined, self._reached = 0, []

    def _land(self) -> None:
        """Wait for the batch on its way and take its receipt."""
        flight, self._flight = self._flight, None
        if flight is None:
            return
        receipts = flight.receipts.result() if flight.receipts is not None else ()
        self._quarantine.sync()
        result = self.result
        if flight.count:
            receipt = receipts[0]  # A second one is that of the findings.
            result.recorded += receipt.recorded
            result.duplicate += receipt.duplicate
            if receipt.first_index is not None and result.first_index is None:
                result.first_index = receipt.first_index
            if receipt.last_index is not None:
                result.last_index = receipt.last_index
        result.quarantined += flight.quarantined
        result.read += flight.count + flight.quarantined
        result.seconds = time.monotonic() - self._started
        self._durable += flight.positions

    def settle(self) -> None:
        """Make everything taken so far durable."""
        self._land()
        if self._builder.count or self._findings.count or self._quarantined or self._reached:
            self._flush()
            self._land()
        self.result.seconds = time.monotonic() - self._started

    def commit(self, positions: Positions | None, *, at_once: bool) -> None:
        """Commit the positions before which everything is durable; write them now and then."""
        durable, self._durable = self._durable, []
        if positions is None:
            return
        for position in durable:
            positions.commit(position)
        self._unsaved = self._unsaved or bool(durable)
        due = at_once or time.monotonic() - self._saved >= SAVE_SECONDS
        if self._unsaved and due:
            positions.save()
            self._unsaved, self._saved = False, time.monotonic()
