"""The directory's tables follow from its loads, whole or not at all, and tell who edited them."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ombud.core.batch import BatchBuilder, Committed
from ombud.core.errors import TamperError, Unavailable
from ombud.core.event import Event
from ombud.directory.kinds import KINDS, body_of, row_id
from ombud.store.control import ControlStore
from ombud.store.control_events import CONTROL
from ombud.store.control_schema import PROJECTIONS
from ombud.store.control_snapshot import Snapshot
from ombud.store.directory_loads import encode_rows

T0 = 1_795_305_600_000
ANA, BEN = ("ana", "Ana"), ("ben", None)
FIRST_TABLES = {"token", "setting", "rule_state", "source_state", "control_fault"}  # Version 1.

ADM = ("adm", None, "ana", 0, None)


class Record:
    """Events in memory, given to readers without their originals, as the record does."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def add(self, operation: str, raw: bytes = b"{}", **attributes: Any) -> int:
        """Add a control event and return its index."""
        self.events.append(
            Event(
                time=T0 + len(self.events),
                source=CONTROL,
                action="configure",
                operation=operation,
                actor_id="Cy",
                attributes=attributes,
                id=len(self.events),
                raw=raw,
            )
        )
        return len(self.events) - 1

    def rows(self, load: str, number: int = 0, *, drop: Sequence[str] = (), **put: Any) -> int:
        """Add a chunk: rows to put by kind, and ids of persons to drop."""
        bodies = {kind: [body_of(row) for row in rows] for kind, rows in put.items()}
        original = encode_rows(load, number, bodies, {"person": list(drop)} if drop else {})
        return self.add("directory.rows", original, load=load, number=number)

    def loaded(self, load: str, *, base: int = 0, chunks: int = 1, **other: Any) -> int:
        """Add what makes the chunks of a load count."""
        said = {"sha256": "ab", "counts": {}, "files": ["f"], "reason": None, **other}
        return self.add("directory.loaded", load=load, base=base, chunk_count=chunks, **said)

    def fetch(self, indices: Sequence[int]) -> list[Event]:
        """Return events with their originals."""
        return [self.events[index] for index in indices]

    def committed(self, first: int = 0) -> Committed:
        """Return the events from an index on, without their originals."""
        builder = BatchBuilder()
        for event in self.events[first:]:
            builder.add(event)
        batch = builder.take()
        none = array("i", bytes(4 * (batch.count + 1)))
        return Committed(
            first,
            batch.count,
            array("q", [T0] * batch.count),
            (*batch.offsets[:3], none),
            (*batch.blobs[:3], b""),
        )


@pytest.fixture
def record() -> Record:
    """Return a record in which two people and an account were loaded, in two chunks."""
    made = Record()
    made.rows("one", 0, person=[ANA, BEN])
    made.rows("one", 1, account=[ADM])
    made.loaded("one", chunks=2, counts={"person": 2, "account": 1})
    return made


@pytest.fixture
def store(record: Record, tmp_path: Path) -> Iterator[ControlStore]:
    """Return a store that has followed the record."""
    opened = ControlStore.open(tmp_path / "control.sqlite", fetch=record.fetch)
    opened.apply(record.committed())
    yield opened
    opened.close()


def people(store: ControlStore) -> set[str]:
    """Return the ids of the people that are there."""
    return {row.values[0] for row in store.directory.rows(["person"])["person"]}


def test_load_stands_whole(store: ControlStore) -> None:
    """Rows of both chunks are there, and which load it was."""
    assert people(store) == {"ana", "ben"}
    assert store.directory.counts() == {"person": 2, "account": 1}
    assert store.directory.stamp() == 2
    load = store.directory.last_load()
    assert load is not None
    assert (load.loaded_by, load.sha256, load.files) == ("Cy", "ab", ("f",))
    assert load.counts == {"person": 2, "account": 1}


def test_rows_without_their_load_are_nothing(store: ControlStore, record: Record) -> None:
    """Chunks that nothing closes, as a crash leaves them, change nothing, also when rebuilt."""
    record.rows("two", 0, person=[("dee", None)])
    record.rows("two", 1, drop=[row_id(KINDS["person"], ANA)])
    store.apply(record.committed(3))

    assert people(store) == {"ana", "ben"}
    store.rebuild([record.committed()])
    assert people(store) == {"ana", "ben"}
    assert store.compare([record.committed()]) is None


def test_next_load_changes_and_drops(store: ControlStore, record: Record) -> None:
    """A load over the one that stands puts and drops, and is what stands then."""
    record.rows("two", 0, person=[("ben", "Ben"), ("dee", None)], drop=['person ["ana"]'])
    index = record.loaded("two", base=2)
    store.apply(record.committed(3))

    rows = {row.values for row in store.directory.rows(["person"])["person"]}
    assert rows == {("ben", "Ben"), ("dee", None)}
    assert store.directory.stamp() == index
    assert store.compare([record.committed()]) is None


REFUSED = [
    ("a chunk is missing", {"chunks": 2, "base": 2}, "1 of 2 chunks of the load are there"),
    ("another directory", {"base": 0}, "was compared with load 0, and load 2 stands"),
    ("malformed", {"base": "2"}, "Expected `int`, got `str`"),
]


@pytest.mark.parametrize(("said", "reason"), [c[1:] for c in REFUSED], ids=[c[0] for c in REFUSED])
def test_load_that_cannot_stand_is_a_visible_fault(
    store: ControlStore, record: Record, said: dict[str, Any], reason: str
) -> None:
    """What is incomplete, or was meant for another directory, changes nothing and is told."""
    record.rows("two", 0, person=[("dee", None)])
    index = record.loaded("two", **said)
    store.apply(record.committed(3))

    assert reason in store.faults()[index]
    assert people(store) == {"ana", "ben"}
    assert store.directory.stamp() == 2
    assert store.compare([record.committed()]) is None


@pytest.mark.parametrize(
    "original",
    [
        b"[]",
        b"{",
        b'{"rows":[{"kind":"nobody","columns":[],"put":[],"drop":[]}]}',
        b'{"rows":[{"kind":"person","columns":["person"],"put":[["a","b"]],"drop":[]}]}',
        b'{"rows":[{"kind":"person","columns":["person"],"put":[7],"drop":[]}]}',
    ],
)
def test_chunk_that_ombud_did_not_write(
    store: ControlStore, record: Record, original: bytes
) -> None:
    """A malformed chunk undoes the chunks before it, too."""
    record.rows("two", 0, person=[("dee", None)])
    record.add("directory.rows", original, load="two", number=1)
    index = record.loaded("two", base=2, chunks=2)
    store.apply(record.committed(3))

    assert "a chunk is not what Ombud writes" in store.faults()[index]
    assert people(store) == {"ana", "ben"}
    assert store.compare([record.committed()]) is None


def test_erased_chunk_carries_no_rows(store: ControlStore, record: Record) -> None:
    """Where the original is gone, its rows are gone with the next rebuilding, and no others."""
    first = record.events[0]
    record.events[0] = Event(
        **{f: getattr(first, f) for f in first.__struct_fields__} | {"raw": b""}
    )
    store.rebuild([record.committed()])

    assert store.directory.counts() == {"account": 1}
    assert store.faults() == {}
    assert store.compare([record.committed()]) is None


def test_rows_of_older_columns_are_read(store: ControlStore, record: Record) -> None:
    """A chunk says its columns; those that came since are empty, in their place."""
    original = b'{"rows":[{"kind":"person","columns":["person"],"put":[["old"]],"drop":[]}]}'
    record.add("directory.rows", original, load="two", number=0)
    record.loaded("two", base=2)
    store.apply(record.committed(3))

    assert ("old", None) in {row.values for row in store.directory.rows(["person"])["person"]}


EDITS = [
    ("DELETE FROM directory_row WHERE person = 'ben'", 'person ["ben"]', "event_index"),
    (
        "UPDATE directory_row SET body = '[\"ana\",\"Eve\"]' WHERE body GLOB '*Ana*'",
        'person ["ana"]',
        "body",
    ),
    (
        "UPDATE directory_row SET person = 'ben' WHERE kind = 'account'",
        'account ["adm",null,0]',
        "person",
    ),
    ("UPDATE directory_load SET loaded_by = 'Eve'", "one", "loaded_by"),
]


@pytest.mark.parametrize(("edit", "key", "column"), EDITS)
def test_edit_is_found(
    store: ControlStore, record: Record, tmp_path: Path, edit: str, key: str, column: str
) -> None:
    """Whoever gives an account to somebody else by another way is found, with the place."""
    with sqlite3.connect(tmp_path / "control.sqlite") as edited:
        edited.execute(edit)
    edited.close()

    difference = store.compare([record.committed()])
    assert difference is not None
    assert (difference.key, difference.column) == (key, column)


def test_row_that_is_no_row_is_tampering(store: ControlStore, tmp_path: Path) -> None:
    """What Ombud did not write is not taken for a directory."""
    with sqlite3.connect(tmp_path / "control.sqlite") as edited:
        edited.execute("UPDATE directory_row SET body = 'Eve'")
    edited.close()

    with pytest.raises(TamperError, match="row `Eve` of the directory"):
        people(store)


def test_without_a_record_no_load_is_applied(record: Record, tmp_path: Path) -> None:
    """Where originals cannot be had, applying fails and is tried again; nothing is skipped."""
    store = ControlStore.open(tmp_path / "other.sqlite")
    with pytest.raises(Unavailable, match="originals of events 0"):
        store.apply(record.committed())

    assert (store.watermark(), store.directory.stamp()) == (0, 0)
    store.close()


def test_database_of_version_1_is_no_tampering(record: Record, tmp_path: Path) -> None:
    """Verified before it was brought up, it lacks tables, and only what they would hold."""
    path = tmp_path / "old.sqlite"
    store = ControlStore.open(path, fetch=record.fetch)
    store.close()
    with sqlite3.connect(path) as edited:
        for table in PROJECTIONS.keys() - FIRST_TABLES:
            edited.execute(f"DROP TABLE {table}")
        edited.execute("UPDATE alembic_version SET version_num = '1'")
    edited.close()

    snapshot = Snapshot.open(path)
    assert snapshot.compare([record.committed()], fetch=record.fetch) is None
    snapshot.close()
    store = ControlStore.open(path, fetch=record.fetch)
    store.apply(record.committed())
    assert people(store) == {"ana", "ben"}
    store.close()


def test_missing_table_of_this_version_is_tampering(record: Record, tmp_path: Path) -> None:
    """A table that must be there and is not is a fault of the file."""
    path = tmp_path / "cut.sqlite"
    ControlStore.open(path, fetch=record.fetch).close()
    with sqlite3.connect(path) as edited:
        edited.execute("DROP TABLE directory_row")
    edited.close()

    with pytest.raises(TamperError, match="no such table"):
        Snapshot.open(path)


def test_person_with_the_units_above(store: ControlStore, record: Record) -> None:
    """What is read of one person is theirs, and of units only those they belong to and above."""
    unit = [("a", None, "b", None, None, None), ("b", None, None, None, None, None)]
    record.rows(
        "two",
        0,
        unit=[*unit, ("c", None, None, None, None, None)],
        membership=[("ana", "a", None, None, None), ("ben", "c", None, None, None)],
        supervision=[("b", "ben", False, None, None), ("c", "ana", False, None, None)],
    )
    record.loaded("two", base=2)
    store.apply(record.committed(3))
    rows = store.directory.of_person("ana")

    assert {row.values[0] for row in rows["unit"]} == {"a", "b"}
    assert [row.values[:2] for row in rows["supervision"]] == [("b", "ben")]
    assert [row.values for row in rows["account"]] == [ADM]
    assert [row.values[0] for row in store.directory.supervised_by("ana")] == ["c"]
