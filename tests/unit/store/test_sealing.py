"""Hot or sealed, fed by batches or from segments: the answers are the same and exact."""

from __future__ import annotations

import threading
from array import array
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from doubles.layouts import LAYOUTS, commit_events, fill_index, write_segment
from ombud.core.batch import Committed
from ombud.core.errors import Unavailable
from ombud.core.event import Event
from ombud.directory.span import BEGINNING, END, AccountSpan
from ombud.query.columns import (
    HOT_EVENTS,
    SEALED_EVENTS,
    SEALED_SUBJECTS,
    SPAN_TABLE,
    TOKEN_TABLE,
)
from ombud.query.parse import parse_query
from ombud.query.words import is_one_word, longest_part
from ombud.store import index as index_module
from ombud.store import narrowing, pieces, sealing
from ombud.store import spans as spans_module
from ombud.store.index import SPILL_SUFFIX, Index
from ombud.store.statement import Statement
from ombud.store.visibility import Visibility

NOW = 10_000_000
QUERIES = (
    "",
    "late",
    '"late shift"',
    "shi -witness",
    '"c-1"',
    "witness OR 7abc",
    "person:P-1",
    "subject:plate:7ABC1",
    "subject:plate:7A*",
    "-has:subject",
    "account:ana",
    "actor:svc has:on_behalf_of",
    "nowhere",
    "| count by actor",
    "late | count by account, case",
)


def act(number: int) -> Event:
    """Return one of a varied crowd of events."""
    return Event(
        time=1000 * ((number * 7) % 50),
        source="s",
        action="export" if number % 5 == 0 else "read",
        actor_id="svc" if number % 4 == 0 else ("ana", "ben", "cho")[number % 3],
        on_behalf_of=("ana",) if number % 8 == 0 else None,
        actor_organisation=f"unit {number % 2}",
        session_id=f"s{number % 6}" if number % 7 else None,
        resource_system="x",
        case=f"C-{number % 3}" if number % 2 else None,
        subjects=(("plate", f"7ABC{number % 4}"),) * (number % 3),
        query_text=f"SELECT '{number}' FROM t WHERE a=1" if number % 3 == 0 else None,
        justification_text="Late shift, witness." if number % 3 == 1 else "late-shift",
    )


EVENTS = [act(number) for number in range(60)]
SPANS = [
    AccountSpan("ana", None, BEGINNING, 20_000, "P-1", units=("u",)),
    AccountSpan("ana", None, 20_000, END, "P-2", units=("u",)),
]


def answers(index: Index, visibility: Visibility) -> list[Any]:
    """Return what an index tells, in every way there is to ask."""
    index.set_spans(SPANS, stamp=7)
    told: list[Any] = []
    for text in QUERIES:
        page = index.search(parse_query(text), limit=200, now_ms=NOW, visibility=visibility)
        told.append((text, page.indices, page.rows))
    sessions = index.sessions(parse_query(""), limit=50, now_ms=NOW, visibility=visibility)
    told.append(sessions)
    told += [index.session(row["id"], visibility=visibility) for row in sessions]
    told += [index.who("plate", f"7ABC{n}", visibility=visibility) for n in range(5)]
    told.append(index.visible(range(70), visibility))
    return told


VISIBLE = (
    Visibility(),
    Visibility(systems=("x",), actors=("ana", "svc"), below=45),
    Visibility(units=("unit 1",)),
)


@pytest.mark.parametrize("layout", LAYOUTS[1:])
def test_sealed_answers_are_those_of_hot_ones(tmp_path: Path, layout: Any) -> None:
    """How often events were sealed changes no answer, whoever asks."""
    hot = fill_index(tmp_path / "hot.duckdb", EVENTS, LAYOUTS[0])
    sealed = fill_index(tmp_path / "sealed.duckdb", EVENTS, layout)

    for visibility in VISIBLE:
        assert answers(sealed, visibility) == answers(hot, visibility)

    hot.close()
    sealed.close()


def test_segments_and_batches_give_the_same_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rebuilt index answers as one that was fed event by event, also when reopened between."""
    monkeypatch.setattr(index_module, "SEAL_EVENTS", 13)
    monkeypatch.setattr(sealing, "COMMON_PART", 1)
    path = tmp_path / "segment.parquet"
    whole = commit_events(EVENTS)
    times = array("q", [1_000_000] * len(EVENTS))
    write_segment(path, Committed(0, len(EVENTS), times, whole.offsets, whole.blobs))
    fed, rebuilt, mixed = (
        Index.open(tmp_path / f"{name}.duckdb", memory_mb=128, threads=1)
        for name in ("fed", "rebuilt", "mixed")
    )
    for number, event in enumerate(EVENTS):
        fed.apply(commit_events([event], number))
        fed.seal()
    rebuilt.apply_segment(path, 0, len(EVENTS))
    mixed.apply(commit_events(EVENTS[:9]))
    mixed.apply(commit_events(EVENTS[9:20], 9))
    mixed.close()
    mixed = Index.open(tmp_path / "mixed.duckdb", memory_mb=128, threads=1)
    mixed.apply_segment(path, 0, 50)
    mixed.apply(commit_events(EVENTS[48:], 48))

    for visibility in VISIBLE:
        assert answers(fed, visibility) == answers(rebuilt, visibility)
        assert answers(fed, visibility) == answers(mixed, visibility)

    for index in (fed, rebuilt, mixed):
        index.close()


@pytest.mark.parametrize(
    ("module", "name", "value"),
    [
        pytest.param(sealing, "WORD_HASH", 'hash("text") % 3', id="hashes-collide"),
        pytest.param(narrowing, "PIECES_MAX", 1, id="many-pieces"),
        pytest.param(narrowing, "WORDS_MAX", 1, id="many-words"),
        pytest.param(narrowing, "RANGES_MAX", 1, id="many-ranges"),
        pytest.param(pieces, "BYTES_MAX", 0, id="pieces-beyond-memory"),
    ],
)
def test_bounds_of_the_word_index_cost_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, value: Any
) -> None:
    """Where the postings cannot tell, the texts are read."""
    hot = fill_index(tmp_path / "hot.duckdb", EVENTS, LAYOUTS[0])
    monkeypatch.setattr(module, name, value)
    sealed = fill_index(tmp_path / "sealed.duckdb", EVENTS, (2, 4, 2))

    assert answers(sealed, Visibility()) == answers(hot, Visibility())

    hot.close()
    sealed.close()


def test_merged_runs_answer_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Data subjects and pieces of several runs lie sorted as one, and none is lost or doubled."""
    hot = fill_index(tmp_path / "hot.duckdb", EVENTS, LAYOUTS[0])
    monkeypatch.setattr(sealing, "SEAL_EVENTS", 4)
    monkeypatch.setattr(sealing, "MERGE_RUNS", 3)
    merged = fill_index(tmp_path / "merged.duckdb", EVENTS, (2, 4, 2))

    assert answers(merged, Visibility()) == answers(hot, Visibility())
    for table in (SEALED_SUBJECTS, TOKEN_TABLE):
        lie = merged._connection.execute(f'SELECT "hash", "index" FROM {table}').fetchall()
        windows = [[row for row in lie if row[1] // 12 == window] for window in range(5)]
        assert lie == [row for window in windows for row in sorted(window)]

    hot.close()
    merged.close()


def test_reopened_index_knows_its_pieces(tmp_path: Path) -> None:
    """Words are found as before after the index was opened anew."""
    index = fill_index(tmp_path / "index.duckdb", EVENTS, (2, 4, 2))
    told = answers(index, Visibility())
    index.close()
    index = Index.open(tmp_path / "index.duckdb", memory_mb=128, threads=1)

    assert answers(index, Visibility()) == told

    index.close()


def test_words_are_looked_up(tmp_path: Path) -> None:
    """A word that no piece holds reads no sealed event, and one that is there only its own."""
    index = fill_index(tmp_path / "index.duckdb", EVENTS, (60, 60, 1))
    index._connection.execute(f"UPDATE {SEALED_EVENTS} SET justification_text = 'nowhere'")

    assert index.search(parse_query("nowhere"), limit=9, now_ms=NOW).indices == []
    assert index.search(parse_query("witness"), limit=99, now_ms=NOW).indices != []
    assert index.search(parse_query('"late shift"'), limit=99, now_ms=NOW).indices == []
    index.close()


def test_failed_sealing_leaves_everything_hot(
    index: Index, commit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is made whole or not at all, and what is applied stays applied."""
    monkeypatch.setattr(index_module, "SEAL_EVENTS", 20)
    index.apply(commit(EVENTS[:20]))
    with monkeypatch.context() as patch:
        broken = [*sealing.seal_statements(0, 20)[:-1], "SELECT error('disk full')"]
        patch.setattr(index_module, "seal_statements", lambda *_: broken)
        with pytest.raises(Unavailable, match=r"index cannot be sealed: .*disk full"):
            index.seal()
    assert index.watermark() == 20
    assert _counts(index) == (20, 0, 0)

    index.apply(commit(EVENTS[20:25], 20))
    index.seal()

    assert _counts(index)[:2] == (0, 25)
    index.apply(commit(EVENTS[25:30], 25))
    index.seal()
    assert _counts(index)[:2] == (5, 25)


def test_applying_seals_when_it_is_overdue(
    index: Index, commit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without anybody who seals, the hot events stay bounded."""
    monkeypatch.setattr(index_module, "HOT_EVENTS_MAX", 20)
    for number, event in enumerate(EVENTS):
        index.apply(commit([event], number))

    assert _counts(index)[:2] == (0, 60)


def test_events_arrive_while_others_are_sealed(
    index: Index, commit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sealing, applying and asking at once: each event is there once, at any moment."""
    monkeypatch.setattr(index_module, "SEAL_EVENTS", 7)
    faults: list[Any] = []
    done = threading.Event()

    def seal() -> None:
        while not done.is_set():
            index.seal()

    def look() -> None:
        while not done.is_set():
            size = index.watermark()
            found = index.search(parse_query("late"), limit=500, now_ms=NOW, below=size).indices
            if sorted(found) != list(range(size)):
                faults.append((size, found))

    threads = [threading.Thread(target=target) for target in (seal, look)]
    for thread in threads:
        thread.start()
    for first in range(0, 180, 3):
        index.apply(commit([act(number) for number in range(first, first + 3)], first))
    done.set()
    for thread in threads:
        thread.join()

    assert faults == []
    index.seal()
    hot, sealed, _ = _counts(index)
    assert hot + sealed == 180
    assert sealed > 0


def _counts(index: Index) -> tuple[int, ...]:
    cursor = index._connection.cursor()
    return tuple(
        cursor.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
        for table in (HOT_EVENTS, SEALED_EVENTS, TOKEN_TABLE)
    )


def test_spans_are_replaced_whole(tmp_path: Path) -> None:
    """The directory is that of one stamp, also after the index was opened anew."""
    path = tmp_path / "index.duckdb"
    index = Index.open(path)
    assert index.spans_stamp() == 0
    index.set_spans([*SPANS, AccountSpan("ben", "x", 0, 5, "P-3", units=("u", "v"))], stamp=4)
    index.set_spans(SPANS, stamp=9)
    index.close()

    index = Index.open(path)

    assert index.spans_stamp() == 9
    rows = index._connection.execute(
        f'SELECT "account", "begins", "person", "units", "manager" FROM {SPAN_TABLE} ORDER BY 2'
    ).fetchall()
    assert rows == [
        ("ana", BEGINNING, "P-1", ["u"], None),
        ("ana", 20_000, "P-2", ["u"], None),
    ]
    index.set_spans([], stamp=11)
    assert index.spans_stamp() == 11
    index.close()


def test_failed_spans_leave_the_old_ones(index: Index, monkeypatch: pytest.MonkeyPatch) -> None:
    """The directory changes whole or not at all."""
    index.set_spans(SPANS, stamp=4)
    monkeypatch.setattr(spans_module, "_OVERLAP", "SELECT error('disk full')")

    with pytest.raises(Unavailable, match="index cannot take the directory"):
        index.set_spans([], stamp=9)

    assert index.spans_stamp() == 4
    assert index._rows(Statement(f"SELECT count(*) FROM {SPAN_TABLE}", [])) == [(2,)]


def test_what_a_crash_left_of_sorts_is_removed(tmp_path: Path) -> None:
    """The folder for sorts that exceed the memory is empty when an index is opened."""
    spill = tmp_path / f"index.duckdb{SPILL_SUFFIX}"
    spill.mkdir()
    (spill / "duckdb_temp_storage-0.tmp").write_bytes(bytes(10))

    index = Index.open(tmp_path / "index.duckdb")

    assert not spill.exists()
    index.close()


def test_another_version_is_built_anew(tmp_path: Path) -> None:
    """A file without the side tables gives way, as any other that is not of this version."""
    path = tmp_path / "index.duckdb"
    with duckdb.connect(str(path)) as older:
        older.execute("CREATE TABLE meta AS SELECT 1 AS schema_version, version() AS engine")

    index = Index.open(path)

    assert index.watermark() == 0
    index.close()


@pytest.mark.parametrize(
    ("text", "one", "part"),
    [
        ("late", True, "late"),
        ("C-26/4.b@x", True, "C-26/4.b@x"),
        ("late shift", False, "shift"),
        ("a='x1'", False, "x1"),
        ("né", True, "né"),
        (" ", False, ""),
        ("nul\0byte", False, "byte"),
    ],
)
def test_parts_of_a_word(text: str, one: bool, part: str) -> None:
    """Texts are cut at white space, quotes, commas and brackets, and nowhere else."""
    assert is_one_word(text) is one
    assert longest_part(text) == part
