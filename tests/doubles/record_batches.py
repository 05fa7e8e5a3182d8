"""Made-up batches for tests of the record: small, distinct, and the same every time."""

from __future__ import annotations

from collections.abc import Iterable

from ombud.core.batch import Batch, BatchBuilder
from ombud.core.event import Event

START_MS = 1_795_305_600_000


def make_event(number: int, **changes: object) -> Event:
    """Return event `number` of a made-up source."""
    fields: dict[str, object] = {
        "time": START_MS + number,
        "source": "test",
        "action": "read",
        "class_uid": 6005,
        "native_id": f"native-{number}",
        "actor_id": f"actor-{number % 7}",
        "resource_id": f"file-{number}",
        "operation": "open",
        "raw": b'{"number": %d}' % number,
    }
    fields.update(changes)
    return Event(**fields)  # type: ignore[arg-type]


def make_batch(events: Iterable[Event], *, ordinals: dict[int, int] | None = None) -> Batch:
    """Return one batch of events; `ordinals` tells identical originals apart, by row."""
    builder = BatchBuilder()
    for row, event in enumerate(events):
        builder.add(event, ordinal=(ordinals or {}).get(row, 0))
    return builder.take()


def batch_of(start: int, count: int) -> Batch:
    """Return the batch of the made-up events `[start, start + count)`."""
    return make_batch(make_event(number) for number in range(start, start + count))
