"""Replay: quarantined originals fed to their source once more.

What a better mapping now understands becomes an event and is marked; what was
an event already is marked too, so that replaying twice changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ombud.collect.fit import fit
from ombud.collect.intake import Sink
from ombud.collect.ordinals import Ordinals
from ombud.collect.quarantine import PENDING, Quarantine, QuarantineItem
from ombud.collect.source import Source
from ombud.core.batch import Batch, BatchBuilder
from ombud.core.clock import Clock, now_ms
from ombud.core.errors import EventError, InputError

_GROUP_COUNT = 64  # Items made durable together, each a batch with a receipt of its own.


@dataclass(slots=True)
class ReplayResult:
    """What became of the items: recorded, there before, still no event, or not kept whole."""

    recorded: int = 0
    duplicate: int = 0
    refused: int = 0
    incomplete: int = 0


def replay(
    quarantine: Quarantine,
    items: Iterable[QuarantineItem],
    *,
    sink: Sink,
    source_of: Callable[[str], Source],
    clock_ms: Clock = now_ms,
) -> ReplayResult:
    """Feed pending items to their sources; `source_of` may raise `InputError` for one unknown."""
    result = ReplayResult()
    ordinals: dict[tuple[str, str], Ordinals] = {}
    waiting: list[tuple[str, Batch]] = []
    for item in items:
        if item.state != PENDING:
            continue
        if not item.is_whole:
            result.incomplete += 1
            continue
        counted = ordinals.setdefault((item.source, item.file), Ordinals())
        batch = _batch(item, source_of, counted, clock_ms())
        if batch is None:
            result.refused += 1
            continue
        waiting.append((item.id, batch))
        if len(waiting) == _GROUP_COUNT:
            _record(waiting, sink, quarantine, result)
    if waiting:
        _record(waiting, sink, quarantine, result)
    return result


def _batch(
    item: QuarantineItem, source_of: Callable[[str], Source], ordinals: Ordinals, now_ms: int
) -> Batch | None:
    try:
        event = source_of(item.source).parse(item.raw, now_ms=now_ms)
    except (EventError, InputError):
        return None
    fitted, _ = fit(event, now_ms=now_ms)
    builder = BatchBuilder()
    builder.add(fitted, ordinal=ordinals.next(item.raw) if fitted.native_id is None else 0)
    return builder.take()


def _record(
    waiting: list[tuple[str, Batch]], sink: Sink, quarantine: Quarantine, result: ReplayResult
) -> None:
    receipts = sink.append([batch for _, batch in waiting])
    for (item_id, _), receipt in zip(waiting, receipts, strict=True):
        quarantine.mark_replayed(item_id, receipt.first_index)
        result.recorded += receipt.recorded
        result.duplicate += receipt.duplicate
    quarantine.sync()
    waiting.clear()
