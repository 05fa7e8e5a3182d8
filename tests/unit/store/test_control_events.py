"""Control events: whatever one says, a home opens; what cannot stand is a visible fault."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import inspect

from doubles.memory_log import MemoryLog
from ombud.core.event import Event
from ombud.services.record_port import record_events
from ombud.store.control import ControlStore
from ombud.store.control_events import _PROJECTIONS, CONTROL, project

TRIES = 25
NUMBERS = (0, 1, -1, (1 << 53) - 1, 1 << 53, (1 << 63) - 1, 1 << 63, (1 << 64) - 1, -(1 << 63))
TEXTS = ("", "x", "\x00", "person:x", "\u00e9" * 40)

PLAIN: dict[type, tuple[Any, ...]] = {
    inspect.IntType: NUMBERS,
    inspect.StrType: TEXTS,
    inspect.BoolType: (True, False),
    inspect.FloatType: (0.0, -1.5, 1e308),
    inspect.AnyType: (None, NUMBERS[7], [[]], {"x": "y"}, "x", 1.5),
}


def make(shape: Any, chance: random.Random) -> Any:
    """Return a value of a shape, as extreme as JSON lets it be."""
    one = shape if isinstance(shape, inspect.Type) else inspect.type_info(shape)
    if isinstance(one, inspect.UnionType):
        return make(chance.choice(one.types), chance)
    if isinstance(one, inspect.StructType):
        fields = [field for field in one.fields if field.required or chance.random() < 0.7]
        return {field.name: make(field.type, chance) for field in fields}
    if isinstance(one, inspect.ListType):
        return [make(one.item_type, chance) for _ in range(chance.choice((0, 1, 3)))]
    if isinstance(one, inspect.DictType):
        return {name: make(one.value_type, chance) for name in TEXTS[: chance.randrange(3)]}
    if isinstance(one, inspect.EnumType):
        return chance.choice(list(one.cls)).value
    return chance.choice(PLAIN.get(type(one), (None,)))


@pytest.mark.parametrize("operation", sorted(_PROJECTIONS))
def test_no_event_keeps_a_home_from_opening(operation: str, tmp_path: Path) -> None:
    """Numbers that no column holds, counts of nothing: told as faults, and the rest stands."""
    chance = random.Random(operation)
    record = MemoryLog()
    events = [
        Event(
            time=chance.choice((0, 1 << 53)),
            source=CONTROL,
            action="other",
            operation=operation,
            actor_id=chance.choice(("ana", "", None)),
            attributes=make(_PROJECTIONS[operation][0], chance),
            raw=b"{}",
        )
        for _ in range(TRIES)
    ]
    record_events(record, events)
    store = ControlStore.open(tmp_path / "control.sqlite")
    for committed in record.committed:
        store.apply(committed)

    assert store.watermark() == TRIES
    assert store.compare(record.committed) is None
    store.requests.grants()
    store.requests.attachments()
    store.requests.steps(row.id for row in store.requests.requests())
    store.checkpoints.awaited(now=0)
    store.checkpoints.since(0, limit=TRIES)
    store.checkpoints.last_loads()
    store.policies.in_force()
    store.close()


def test_what_no_column_holds_is_a_fault() -> None:
    """The fault says which value it was, and nothing else of the event counts."""
    said = {
        "fulfilment": "f",
        "actor": "person:ana",
        "checkpoint": "why",
        "kind": "text",
        "met_at": 1 << 63,
        "until": 1,
    }
    event = msgspec.structs.replace(
        Event(time=1, source=CONTROL, action="justify", operation="checkpoint.met"),
        id=7,
        attributes=said,
    )
    (change,) = project(event)

    assert (change.table, change.key) == ("control_fault", "7")
    assert change.values["reason"] == "`met_at` is no number of 64 bits"
