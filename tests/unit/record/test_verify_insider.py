"""Verify convicts who may sign and seal, names the event, and bears with every crash."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from doubles.record_home import (
    START_MS,
    append,
    make_batch,
    make_event,
    open_recorder,
    rotated,
    seal,
    write_segment,
)
from ombud.core.batch import BatchBuilder
from ombud.core.canonical import encode_groups
from ombud.record.paths import Home
from ombud.record.recorder import Recorder
from ombud.record.sealing import sealing_event
from ombud.record.segment import SEGMENT_SCHEMA, file_sha256
from ombud.record.verify import verify_home
from ombud.record.wal import encode_file_head, encode_frame, read_frames, read_head

SEGMENT = "segments/00000000000000000000-300.parquet"


def fault_of(home: Path) -> tuple[str, str]:
    """Return place and reason of the fault, which there must be."""
    fault = verify_home(home).fault
    assert fault is not None
    return fault.place, fault.reason


def seal_edited(home: Path, edit: Callable[[dict[str, Any]], None], row: int) -> None:
    """Record 300 events, and have a segment sealed in which one row was edited before."""
    with open_recorder(home) as recorder:
        append(recorder, 0, 300)
        recorder.rotate()
        (segment,) = rotated(recorder.home)
        write_segment(recorder.home, segment)
        rows = pq.read_table(segment.path).to_pylist()
        edit(rows[row])
        pq.write_table(pa.Table.from_pylist(rows, SEGMENT_SCHEMA), segment.path)
        recorder.sealed(segment, file_sha256(segment.path))


def set_actor(row: dict[str, Any]) -> None:
    """Say that somebody else acted, in the column only."""
    row["actor"]["user"]["uid"] = "somebody else"


def set_place(row: dict[str, Any]) -> None:
    """Change a value three levels down."""
    row["ombud"]["place"]["lat"] = 1.5


def set_subjects(row: dict[str, Any]) -> None:
    """Take a data subject away."""
    row["ombud"]["data_subjects"] = []


def set_index(row: dict[str, Any]) -> None:
    """Claim another index."""
    row["metadata"]["uid"] += 1


@pytest.mark.parametrize(
    ("edit", "column"),
    [
        (set_actor, "actor"),
        (set_place, "ombud"),
        (set_subjects, "ombud"),
        (set_index, "metadata"),
    ],
)
def test_a_column_edited_before_sealing_is_found(
    tmp_path: Path, edit: Callable[[dict[str, Any]], None], column: str
) -> None:
    """The columns must follow from the canonical bytes, whatever the sealing event says."""
    seal_edited(tmp_path, edit, row=234)

    assert fault_of(tmp_path) == (
        f"{SEGMENT}: event 234",
        f"column `{column}` is not what the canonical bytes give",
    )


def test_a_column_edited_after_sealing_is_found(tmp_path: Path) -> None:
    """Written again as Parquet with one other value, a segment is not the one sealed."""
    with open_recorder(tmp_path) as recorder:
        append(recorder, 0, 300)
        seal(recorder)
    rows = pq.read_table(tmp_path / SEGMENT).to_pylist()
    set_actor(rows[7])
    pq.write_table(pa.Table.from_pylist(rows, SEGMENT_SCHEMA), tmp_path / SEGMENT)

    place, reason = fault_of(tmp_path)
    assert place == SEGMENT
    assert "SHA-256" in reason


def edit_raw(row: dict[str, Any]) -> None:
    """Change the original."""
    row["raw_data"] = b"another"


def edit_salt(row: dict[str, Any]) -> None:
    """Change a salt."""
    row["salts"] = bytes(64)


def edit_time(row: dict[str, Any]) -> None:
    """Change the time of recording, which is in the leaf entry."""
    row["metadata"]["logged_time"] -= 1


@pytest.mark.parametrize("edit", [edit_raw, edit_salt, edit_time])
@pytest.mark.parametrize("row", [3, 299], ids=["in a full tile", "in the partial tile"])
def test_an_event_edited_before_sealing_is_named(
    tmp_path: Path, edit: Callable[[dict[str, Any]], None], row: int
) -> None:
    """The published tiles lead to the signed root, so the event is to blame and not they."""
    seal_edited(tmp_path, edit, row)
    place, reason = fault_of(tmp_path)

    assert place == f"{SEGMENT}: event {row}"
    assert "signed tree head" in reason or "before the event ahead" in reason


def test_a_segment_that_is_no_parquet_or_another_is_found(tmp_path: Path) -> None:
    """What was sealed must be a segment of these events, not only the same bytes."""
    forgeries: tuple[Callable[[Path], object], ...] = (
        lambda path: path.write_bytes(b"PAR1 nothing of the kind PAR1"),
        lambda path: pq.write_table(pa.table({"a": [1]}), path),
        lambda path: pq.write_table(pq.read_table(path).slice(1), path),
    )
    for number, forge in enumerate(forgeries):
        home = tmp_path / str(number)
        with open_recorder(home) as recorder:
            append(recorder, 0, 30)
            recorder.rotate()
            (segment,) = rotated(recorder.home)
            write_segment(recorder.home, segment)
            forge(segment.path)
            recorder.sealed(segment, file_sha256(segment.path))
        assert fault_of(home)[0] == "segments/00000000000000000000-30.parquet"


def rewrite_wal(home: Path, change: Callable[[Any], dict[str, Any]], number: int) -> str:
    """Change one frame of the only write-ahead file, its checksum made to fit; return its place."""
    (path,) = (home / "wal").iterdir()
    head = read_head(path)
    pieces = [encode_file_head(head.first_index, head.edge)]
    place = ""
    for count, frame in enumerate(list(read_frames(path))):
        values: dict[str, Any] = {
            "first_index": frame.first_index,
            "recorded_ms": frame.recorded_ms,
            "note": frame.note,
            "salts": frame.salts,
            "parts": frame.batch.to_parts(),
        }
        if count == number:
            values |= change(frame)
            place = f"wal/{path.name}: byte {sum(map(len, pieces))}"
        pieces += encode_frame(**values)
    path.write_bytes(b"".join(pieces))
    return place


def make_tail(home: Path) -> None:
    """Make a record of 40 events in one write-ahead file."""
    with open_recorder(home) as recorder:
        append(recorder, 0, 40, step=10)


def other_raws(frame: Any) -> list[bytes]:
    """Return the frame's batch with other originals, of fitting digests."""
    events = [make_event(frame.first_index + row) for row in range(frame.batch.count)]
    builder = BatchBuilder()
    for event in events:
        builder.add_canonical(
            event.class_uid or 0,
            *encode_groups(event),
            b"other",
            source=event.source,
            native_id=event.native_id,
        )
    return builder.take().to_parts()


def refiled(frame: Any, attribute: str) -> list[bytes]:
    """Return the frame's batch with one column altered that no leaf commits to."""
    batch = frame.batch
    parts = batch.to_parts()
    place = {"classes": 1, "raw_digests": 3}[attribute]
    return [*parts[:place], bytes(byte ^ 1 for byte in parts[place]), *parts[place + 1 :]]


@pytest.mark.parametrize(
    ("change", "event", "reason"),
    [
        (lambda frame: {"parts": other_raws(frame)}, 20, "signed tree head"),
        (lambda frame: {"salts": bytes(len(frame.salts))}, 20, "signed tree head"),
        (lambda frame: {"recorded_ms": 5}, 20, "before the event ahead"),
        (lambda frame: {"recorded_ms": frame.recorded_ms + 1}, 20, "signed tree head"),
        (lambda frame: {"note": frame.note[:-1]}, None, "no tree head of ours"),
        (lambda frame: {"parts": refiled(frame, "classes")}, 20, "another class"),
        (lambda frame: {"parts": refiled(frame, "raw_digests")}, 20, "another digest"),
    ],
)
def test_a_frame_with_a_fitting_checksum_is_found(
    tmp_path: Path, change: Callable[[Any], dict[str, Any]], event: int | None, reason: str
) -> None:
    """A checksum proves nothing against who can compute it."""
    make_tail(tmp_path)
    place = rewrite_wal(tmp_path, change, 2)
    found, why = fault_of(tmp_path)

    assert found == (place if event is None else f"{place}: event {event}")
    assert reason in why


def test_a_frame_with_the_note_of_another_is_found(tmp_path: Path) -> None:
    """Each frame has the tree head of its own end."""
    make_tail(tmp_path)
    (path,) = (tmp_path / "wal").iterdir()
    other = next(read_frames(path)).note
    place = rewrite_wal(tmp_path, lambda _frame: {"note": other}, 2)

    assert fault_of(tmp_path) == (place, "frame ends at event 30, but its tree head is of 10")


def test_another_right_edge_is_found(tmp_path: Path) -> None:
    """The tree at the start of a write-ahead file is the one that the events give."""
    with open_recorder(tmp_path) as recorder:
        append(recorder, 0, 300)
        seal(recorder)
    (path,) = (tmp_path / "wal").iterdir()
    head, frames = read_head(path), path.read_bytes()[read_head(path).size :]
    edge = bytes([head.edge[0] ^ 1]) + head.edge[1:]
    path.write_bytes(encode_file_head(head.first_index, edge) + frames)

    assert fault_of(tmp_path) == (
        f"wal/{path.name}",
        "starts with another right edge of the tree",
    )


def test_bytes_that_are_not_canonical_are_found(tmp_path: Path) -> None:
    """The same values in another spelling are other bytes, and no reader should guess."""
    canonical = encode_groups(make_event(3))
    for number, (group, altered) in enumerate(
        (
            (0, canonical[0].replace(b",", b", ", 1)),
            (1, b"[1]"),
            (2, canonical[2].replace(b"[1,", b"[2,")),
            (2, b"nothing"),
            (2, canonical[2].replace(b"6005", b"6.005e3")),
            (2, b'{"1":2}'),
        )
    ):
        home = tmp_path / str(number)
        groups = list(canonical)
        groups[group] = altered
        builder = BatchBuilder()
        builder.add(make_event(0))
        actor, data_subject, content = groups
        builder.add_canonical(
            6005, actor, data_subject, content, b"raw", source="county", native_id="x"
        )
        with open_recorder(home) as recorder:
            recorder.append([builder.take()])
            recorder.append([make_batch([make_event(5)])])
            seal(recorder)
        place, reason = fault_of(home)
        assert place == "segments/00000000000000000000-3.parquet: event 1"
        assert "canonical form" in reason


@pytest.mark.parametrize("class_uid", ["70000", "-1", "true", '"6003"', "6003.0"])
def test_a_class_that_is_no_class_is_found(tmp_path: Path, class_uid: str) -> None:
    """The class in the leaf is that of the content."""
    actor, data_subject, content = encode_groups(make_event(4))
    content = content.replace(b",6003,", f",{class_uid},".encode())
    builder = BatchBuilder()
    builder.add_canonical(6003, actor, data_subject, content, b"", source="x", native_id="x")
    with open_recorder(tmp_path) as recorder:
        recorder.append([builder.take()])

    assert "class" in fault_of(tmp_path)[1]


def test_an_event_filed_under_another_class_is_found(tmp_path: Path) -> None:
    """A batch cannot say another class than the content that it carries."""
    builder = BatchBuilder()
    builder.add_canonical(2004, *encode_groups(make_event(4)), b"", source="x", native_id="x")
    with open_recorder(tmp_path) as recorder:
        recorder.append([builder.take()])

    assert "another class" in fault_of(tmp_path)[1]


def test_time_that_goes_back_is_found(tmp_path: Path) -> None:
    """Times of recording never decrease, in segments as in the write-ahead log."""
    with open_recorder(tmp_path) as recorder:
        append(recorder, 0, 20)
        recorder._recorded_ms = 0
        recorder._clock = lambda: START_MS - 1
        append(recorder, 20, 40)
    place, reason = fault_of(tmp_path)
    assert place.endswith("event 20")
    assert "before the event ahead" in reason
    with open_recorder(tmp_path) as recorder:
        seal(recorder)
    assert fault_of(tmp_path)[0].endswith(".parquet: event 20")


# What a crash leaves behind, at each step of sealing and publishing, is no fault.


def crashed(home: Path) -> Recorder:
    """Return a recorder with two rotated files."""
    recorder = open_recorder(home)
    append(recorder, 0, 280)
    recorder.rotate()
    append(recorder, 280, 300)
    recorder.rotate()
    append(recorder, 300, 320)
    return recorder


def test_a_segment_that_waits_for_its_sealing_event(tmp_path: Path) -> None:
    """Beside its write-ahead file it is no fault, but it must be what its events give."""
    with crashed(tmp_path) as recorder:
        segments = list(rotated(recorder.home))
        for segment in segments:
            write_segment(recorder.home, segment)
            assert verify_home(tmp_path).ok
    data = segments[0].path.read_bytes()
    for altered in (data[:-1], data + b"\0", bytes([data[0] ^ 1]) + data[1:]):
        segments[0].path.write_bytes(altered)
        assert fault_of(tmp_path)[0] == f"segments/{segments[0].path.name}"


def test_a_sealed_segment_whose_write_ahead_file_is_still_there(tmp_path: Path) -> None:
    """Both hold the same events, and both are verified."""
    with crashed(tmp_path) as recorder:
        for segment in rotated(recorder.home):
            sha256 = write_segment(recorder.home, segment)
            recorder.record_event(sealing_event(segment, sha256, time=START_MS))
            assert verify_home(tmp_path).ok
        first = recorder.home.wal_files()[0].path
        frames = list(read_frames(first))
    head = read_head(first)
    pieces = [encode_file_head(head.first_index, head.edge)]
    for frame in frames:
        salts = bytes(len(frame.salts)) if frame is frames[2] else frame.salts
        parts = frame.batch.to_parts()
        pieces += encode_frame(frame.first_index, frame.recorded_ms, frame.note, salts, parts)
    first.write_bytes(b"".join(pieces))

    place, reason = fault_of(tmp_path)
    assert place.startswith(f"wal/{first.name}: byte ")
    assert place.endswith("event 34")
    assert "segment" in reason


def test_a_sealed_segment_that_is_gone_is_missed(tmp_path: Path) -> None:
    """Its sealing event promises it, even while the write-ahead file has its events."""
    with crashed(tmp_path) as recorder:
        segment = next(iter(rotated(recorder.home)))
        sha256 = write_segment(recorder.home, segment)
        recorder.record_event(sealing_event(segment, sha256, time=START_MS))
    segment.path.unlink()

    assert fault_of(tmp_path) == (f"segments/{segment.path.name}", "file is missing")


def test_a_segment_that_no_event_sealed_is_found(tmp_path: Path) -> None:
    """Without its write-ahead file nothing vouches for it."""
    with crashed(tmp_path) as recorder:
        segment = next(iter(rotated(recorder.home)))
        write_segment(recorder.home, segment)
        recorder.home.wal_path(0).unlink()

    assert fault_of(tmp_path) == (
        f"segments/{segment.path.name}",
        "no event says that it was sealed",
    )


def test_what_is_not_published_yet_is_no_fault(tmp_path: Path) -> None:
    """Events are durable before their tiles are written."""
    recorder = open_recorder(tmp_path)
    append(recorder, 0, 100)
    recorder.publish()
    recorder.append([make_batch([make_event(number) for number in range(100, 700)])])
    report = verify_home(tmp_path)
    recorder._log.write_full()  # As if stopped between tiles and tree head.
    again = verify_home(tmp_path)
    tile = tmp_path / "log/tile/0/001"
    tile.write_bytes(bytes(8192))
    wrong = verify_home(tmp_path)

    assert (report.ok, report.size, report.published_size) == (True, 700, 100)
    assert again.ok
    assert wrong.fault is not None
    assert wrong.fault.place == "log/tile/0/001"


def test_a_torn_last_write_is_no_fault(tmp_path: Path) -> None:
    """It was never acknowledged; but what lies before it, or after, is checked."""
    make_tail(tmp_path)
    (path,) = (tmp_path / "wal").iterdir()
    whole = path.read_bytes()
    frames = list(read_frames(path))
    last = whole[frames[-1].offset :]
    for torn in (last[:100], last[:-8], last[:60] + bytes(len(last))):
        path.write_bytes(whole + torn)
        report = verify_home(tmp_path)
        assert (report.ok, report.torn) == (True, f"wal/{path.name}: byte {len(whole)}")
    path.write_bytes(whole[: frames[1].offset] + b"\xff" + whole[frames[1].offset + 1 :])
    assert fault_of(tmp_path)[0] == f"wal/{path.name}: byte {frames[1].offset}"
    (tmp_path / "state").write_bytes(frames[0].note)
    (tmp_path / "log/checkpoint").write_bytes(frames[0].note)
    assert fault_of(tmp_path)[0] == f"wal/{path.name}: byte {frames[1].offset}"


def test_a_missing_file_in_the_middle_is_found(tmp_path: Path) -> None:
    """The write-ahead files follow each other."""
    with crashed(tmp_path) as recorder:
        second = recorder.home.wal_files()[1].path
    renamed = second.with_name("00000000000000000281.wal")
    data = second.read_bytes()
    second.unlink()
    assert fault_of(tmp_path)[0] == "wal/00000000000000000000.wal"
    renamed.write_bytes(data)
    assert fault_of(tmp_path)[0] == "wal/00000000000000000000.wal"
    renamed.rename(second)
    assert verify_home(tmp_path).ok


def test_verify_beside_a_running_recorder(tmp_path: Path) -> None:
    """While events arrive, are published and sealed, every verification is good."""
    recorder = open_recorder(tmp_path)
    append(recorder, 0, 40)
    stop = threading.Event()
    failures: list[Exception] = []

    def write() -> None:
        try:
            for turn in range(130):
                append(recorder, recorder.size, recorder.size + 150, step=50)
                if turn % 4 == 3:
                    seal(recorder)
                if stop.is_set() and turn > 3:
                    return
        except Exception as error:  # noqa: BLE001 - told to the test.
            failures.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        reports = [verify_home(tmp_path) for _ in range(8)]
    finally:
        stop.set()
        writer.join()
        recorder.close()
    assert not failures
    assert [report.fault for report in reports] == [None] * len(reports)
    assert reports[-1].size > reports[0].size
    assert Home(tmp_path).segment_files()
    assert verify_home(tmp_path).ok
