"""Fulfilments and loads follow from events; what is malformed is a fault, and never skipped."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from ombud.core.batch import BatchBuilder, Committed
from ombud.core.errors import TamperError
from ombud.core.event import Event
from ombud.store.control import ControlStore

T0 = 1_795_305_600_000


def commit(store: ControlStore, events: list[Event]) -> None:
    """Apply events as the record would hand them over."""
    builder = BatchBuilder()
    for event in events:
        builder.add(event)
    batch = builder.take()
    times = array("q", [T0] * batch.count)
    first = store.watermark()
    store.apply(Committed(first, batch.count, times, batch.offsets, batch.blobs))


def event(operation: str, raw: str, **attributes: Any) -> Event:
    """Return a control event."""
    return Event(
        time=T0, source="ombud.control", action="justify", operation=operation, raw=raw.encode(),
        purpose="theft", actor_id="ana", justification_text="a reason",
        justification_verdict="verified", justification_wording="Why?", attributes=attributes,
    )  # fmt: skip


def met(id_: str, **other: Any) -> Event:
    """Return the event of a checkpoint met."""
    said = {
        "fulfilment": id_, "actor": "person:ana", "checkpoint": "reason", "kind": "text",
        "met_at": T0, "until": T0 + 10, **other,
    }  # fmt: skip
    return event("checkpoint.met", id_, **said)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ControlStore]:
    """Return empty control tables."""
    one = ControlStore.open(tmp_path / "control.sqlite")
    yield one
    one.close()


def test_fulfilments_of_an_actor_while_they_last(store: ControlStore) -> None:
    """Kept in memory until something changes, and gone when they are past."""
    tables = store.checkpoints
    assert tables.of_actor("person:ana", now=T0) == ()
    commit(store, [met("f1"), met("f2", until=T0 + 5)])

    assert [row.id for row in tables.of_actor("person:ana", now=T0)] == ["f2", "f1"]
    assert [row.id for row in tables.of_actor("person:ana", now=T0 + 5)] == ["f1"]
    assert tables.of_actor("person:ana", now=T0 + 10) == ()
    assert tables.of_actor("user:ana", now=T0) == ()
    verdict = {
        "fulfilment": "f1", "verdict": "stale", "was": "verified", "findings": ["x"],
        "facts": {"cases": "ab"}, "verified_at": T0 + 1, "is_refused": True,
    }  # fmt: skip
    commit(store, [event("checkpoint.verdict", "v", **verdict)])
    found = {row.id: row for row in tables.of_actor("person:ana", now=T0)}
    assert (found["f1"].is_refused, found["f1"].verdict, found["f1"].text) == (
        True, "stale", "a reason",
    )  # fmt: skip
    assert tables.facts_in_use() == {("cases", "ab")}


def test_malformed_event_is_a_fault(store: ControlStore) -> None:
    """It must neither be skipped in silence nor keep a home from opening."""
    commit(store, [event("checkpoint.met", "x", fulfilment="f1"), met("f2")])

    assert "actor" in next(iter(store.faults().values()))
    assert [row.id for row in store.checkpoints.since(0, limit=5)] == ["f2"]


def test_edited_row_is_told(store: ControlStore, tmp_path: Path) -> None:
    """What is not what Ombud writes is not answered with."""
    commit(store, [met("f1")])
    with store._engine.begin() as connection:
        connection.execute(text("UPDATE fulfilment SET resources = '{'"))
    with pytest.raises(TamperError, match="f1"):
        store.checkpoints.get("f1")


def test_last_load_of_each_table(store: ControlStore) -> None:
    """The one that was recorded last stands."""
    load = {"kind": "case", "rows": 1, "origin": "csv c", "as_of": T0}
    commit(
        store,
        [
            event(
                "reference.loaded",
                f"{name}{n}",
                load=f"{name}{n}",
                table=name,
                sha256=str(n),
                **load,
            )
            for n in (1, 2)
            for name in ("cases", "roster")
        ],
    )

    assert {name: row.sha256 for name, row in store.checkpoints.last_loads().items()} == {
        "cases": "2", "roster": "2",
    }  # fmt: skip
    assert [row.id for row in store.checkpoints.loads("cases", limit=5)] == ["cases2", "cases1"]
    assert [row.id for row in store.checkpoints.several(["x"])] == []
