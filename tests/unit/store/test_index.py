"""The index stands exactly where its watermark says, whatever happened to it."""

from __future__ import annotations

import subprocess
import sys
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from doubles.layouts import write_segment
from ombud.core.batch import Committed
from ombud.core.canonical import encode_groups
from ombud.core.errors import Conflict, EventError, Unavailable
from ombud.core.event import Event
from ombud.core.fields import CONTENT_FIELDS
from ombud.query.columns import EVENT_TABLE, SUBJECT_TABLE
from ombud.query.parse import parse_query
from ombud.store import index as index_module
from ombud.store.index import Index


def act(number: int, **fields: Any) -> Event:
    """Return an event that says its number."""
    values = {
        "action": "read",
        "actor_id": f"actor {number % 3}",
        "subjects": (("plate", f"7A{number % 5}"), ("person", "né")),
        "query_text": f"SELECT {number} FROM T",
        "columns_projected": ("a", "b"),
        "place_lat": 52.25,
        "attributes": {"shift": "late", "n": number},
        "native_id": f"n{number}",
        "unmapped": {"x": 1} if number % 2 else None,
        **fields,
    }
    return Event(time=1000 * number, source="s", **values)


def rows(index: Index) -> list[Any]:
    """Return everything the index holds."""
    cursor = index._connection.cursor()
    return [
        cursor.execute(f"SELECT * FROM {table} ORDER BY ALL").fetchall()
        for table in (EVENT_TABLE, SUBJECT_TABLE)
    ]


def test_each_event_once(index: Index, commit: Callable[..., Any]) -> None:
    """Batches that come again, or overlap, add only what is new."""
    events = [act(number) for number in range(30)]
    index.apply(commit(events[:10]))
    index.apply(commit(events[:10]))
    index.apply(commit(events[5:20], 5))
    index.apply(commit(events[12:15], 12))
    index.apply(commit(events, 0))

    assert index.watermark() == 30
    assert [row[0] for row in rows(index)[0]] == list(range(30))
    assert len(rows(index)[1]) == 60


def test_chunks_in_one_transaction(index: Index, commit: Callable[..., Any]) -> None:
    """Several chunks are applied as one, all or none."""
    events = [act(number) for number in range(30)]
    index.apply(commit(events[:4]))
    index.apply_all([commit(events[:10]), commit(events[10:12], 10), commit(events[12:], 12)])
    index.apply_all([])

    assert [row[0] for row in rows(index)[0]] == list(range(30))
    with pytest.raises(EventError, match="events 30 to 32 are not all there"):
        index.apply_all([commit(events[:1], 30), commit(events[:1], 32)])
    assert index.watermark() == 30


def test_gap_is_refused(index: Index, commit: Callable[..., Any]) -> None:
    """Events are applied in log order, without a gap."""
    with pytest.raises(Conflict, match="index has events below 0 and cannot take 1 next"):
        index.apply(commit([act(1)], 1))

    assert index.watermark() == 0


def _with_content(committed: Committed, content: bytes) -> Committed:
    offsets = (*committed.offsets[:2], array("i", [0, len(content)]), committed.offsets[3])
    blobs = (*committed.blobs[:2], content, committed.blobs[3])
    return Committed(committed.first_index, 1, committed.recorded_ms, offsets, blobs)


@pytest.mark.parametrize("content", [b"[2,3]", b"[1,", b"{}", b"[1,\xff]"])
def test_failed_batch_leaves_nothing(
    index: Index, commit: Callable[..., Any], content: bytes
) -> None:
    """What cannot be read is refused whole, and the next batch is as good as ever."""
    index.apply(commit([act(0)]))
    before = rows(index)

    with pytest.raises(Unavailable, match="index cannot take events"):
        index.apply(_with_content(commit([act(1)], 1), content))

    assert (index.watermark(), rows(index)) == (1, before)
    index.apply(commit([act(1)], 1))
    assert index.watermark() == 2


def test_erased_groups_leave_the_rest(index: Index, commit: Callable[..., Any]) -> None:
    """An event whose groups are erased is still there, at its time of recording."""
    whole = commit([act(0)])
    nothing = array("i", [0, 0])
    index.apply(Committed(0, 1, array("q", [77]), (nothing,) * 4, (b"",) * 4))
    index.apply(
        Committed(
            1,
            1,
            whole.recorded_ms,
            (nothing, nothing, *whole.offsets[2:]),
            (b"", b"", *whole.blobs[2:]),
        )
    )

    found = index.search(parse_query("time:1970-01-01"), limit=5, now_ms=0)
    assert found.indices == [0, 1]
    assert index.search(parse_query("has:actor OR has:subject"), limit=5, now_ms=0).indices == []
    assert index.search(parse_query('action:other source:""'), limit=5, now_ms=0).indices == [0]


def test_hostile_values_are_held(index: Index, commit: Callable[..., Any]) -> None:
    """Values beyond 64 bits, beyond any calendar, of a wrong type or with NUL bytes do no harm."""
    events = [
        act(0, rows_returned=2**64 - 1, session_id="s"),
        act(1, rows_returned="many", session_id="s"),
        act(2, actor_id="nul\0byte", query_text="a\0b"),
        Event(time=2**63 - 1, source="s", action="read", actor_id="x"),
        Event(time=-(2**63), source="s", action="read", actor_id="x"),
        Event(time=2**64 - 1, source="s", action="read", actor_id="x"),
    ]
    index.apply(commit(events))

    assert index.search(parse_query("-has:rows"), limit=9, now_ms=0).indices[-4:] == [2, 1, 0, 4]
    assert index.search(parse_query('actor:"nul\0byte" "A\0B"'), limit=9, now_ms=0).indices == [2]
    assert index.search(parse_query("day:mon OR time:00:00..12:00"), limit=9, now_ms=0).indices
    assert len(index.sessions(parse_query(""), limit=9, now_ms=0)) == 5


def test_reopened_index_goes_on(tmp_path: Path, commit: Callable[..., Any]) -> None:
    """A closed index is opened where it was."""
    path = tmp_path / "index.duckdb"
    index = Index.open(path)
    index.apply(commit([act(number) for number in range(10)]))
    before = rows(index)
    index.close()

    index = Index.open(path)

    assert (index.watermark(), rows(index)) == (10, before)
    index.close()


KILLED = """
import os, sys
sys.path[:0] = {folders!r}
from pathlib import Path
import test_index
from doubles.layouts import commit_events
from ombud.store import index as index_module
from ombud.store.index import Index

index_module.CHECKPOINT_EVENTS = 40
index_module.HOT_EVENTS_MAX = {seal}
index = Index.open(Path(sys.argv[1]))
events = [test_index.act(number) for number in range(100)]
for first in range(0, 100, 10):
    index.apply(commit_events(events[first : first + 10], first))
os.kill(os.getpid(), 9)
"""


@pytest.mark.parametrize("seal", [10**6, 40])
def test_killed_index_is_whole(tmp_path: Path, commit: Callable[..., Any], seal: int) -> None:
    """After kill -9 the rows are those of the watermark, and feeding goes on from there."""
    path = tmp_path / "killed.duckdb"
    script = KILLED.format(folders=[str(Path(__file__).parents[up]) for up in (0, 2)], seal=seal)
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False, timeout=60)
    assert done.returncode == -9
    events = [act(number) for number in range(100)]

    index = Index.open(path)
    watermark = index.watermark()
    assert watermark == 80
    assert [row[0] for row in rows(index)[0]] == list(range(watermark))
    index.apply(commit(events[watermark:], watermark))
    rebuilt = Index.open(tmp_path / "rebuilt.duckdb")
    rebuilt.apply(commit(events))

    assert [[row[2:] for row in table] for table in rows(index)] == [
        [row[2:] for row in table] for table in rows(rebuilt)
    ]
    index.close()
    rebuilt.close()


@pytest.mark.parametrize("kind", ["garbage", "foreign", "older", "empty"])
def test_unusable_file_is_built_anew(tmp_path: Path, commit: Callable[..., Any], kind: str) -> None:
    """A file that is not an index of this version gives way: the record has everything."""
    path = tmp_path / "index.duckdb"
    if kind in {"garbage", "empty"}:
        path.write_bytes(b"no database" * 500 if kind == "garbage" else b"")
    elif kind == "foreign":
        with duckdb.connect(str(path)) as foreign:
            foreign.execute("CREATE TABLE t (x INTEGER)")
    else:
        index = Index.open(path)
        index.apply(commit([act(0)]))
        index._connection.execute("UPDATE ix.main.meta SET schema_version = 0")
        index.close()

    index = Index.open(path)

    assert index.watermark() == 0
    index.apply(commit([act(0)]))
    index.close()


def test_second_owner_is_refused(tmp_path: Path) -> None:
    """An index that another process owns is neither opened nor removed."""
    path = tmp_path / "index.duckdb"
    script = (
        "import sys; from pathlib import Path; from ombud.store.index import Index; "
        "index = Index.open(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    owner = subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"open\n"
        with pytest.raises(Unavailable, match="belongs to another process"):
            Index.open(path)
        assert path.exists()
    finally:
        owner.communicate()


def test_segment_gives_the_same_rows(
    index: Index, tmp_path: Path, commit: Callable[..., Any]
) -> None:
    """Sealed or not, an event has the same row."""
    events = [act(number) for number in range(50)]
    events[7] = act(7, subjects=None, query_text='\\ " ü \0 €')
    committed = commit(events)
    committed = Committed(0, 50, array("q", [5] * 50), committed.offsets, committed.blobs)
    path = tmp_path / "segment.parquet"
    write_segment(path, committed)
    index.apply(committed)
    sealed = Index.open(tmp_path / "sealed.duckdb")

    sealed.apply_segment(path, 0, 50)
    sealed.apply_segment(path, 0, 50)

    assert rows(sealed) == rows(index)
    assert sealed.watermark() == 50
    sealed.close()


def test_segment_from_the_middle(index: Index, tmp_path: Path, commit: Callable[..., Any]) -> None:
    """Of a segment only what is new is added; one that lacks events is refused whole."""
    events = [act(number) for number in range(50)]
    committed = commit(events)
    path = tmp_path / "segment.parquet"
    write_segment(path, committed)
    index.apply(commit(events[:20]))

    with pytest.raises(EventError, match="events 20 to 59 are not all there"):
        index.apply_segment(path, 0, 60)
    index.apply_segment(path, 0, 50)

    assert [row[0] for row in rows(index)[0]] == list(range(50))


def test_checkpoints_by_itself(
    index: Index, commit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a crash can undo is bounded, also while somebody reads."""
    monkeypatch.setattr(index_module, "CHECKPOINT_EVENTS", 10)
    reader = index._connection.cursor()
    reader.execute(f"BEGIN; SELECT count(*) FROM {EVENT_TABLE}")
    for number in range(30):
        index.apply(commit([act(number)], number))

    assert index.watermark() == 30
    assert reader.execute(f"SELECT count(*) FROM {EVENT_TABLE}").fetchall() == [(0,)]
    reader.execute("COMMIT")


def test_presence_is_told_by_the_last_field() -> None:
    """`has:unmapped` reads the end of the bytes, so `unmapped` must stay the last field."""
    assert CONTENT_FIELDS[-1].name == "unmapped"
    assert encode_groups(act(0))[2].endswith(b",null]")
    assert encode_groups(act(0, unmapped={}))[2].endswith(b",{}]")
    assert not encode_groups(act(1, flags=("null]",)))[2].endswith(b",null]")
