"""Recorder: receipts tell the truth, heads only grow, and nothing else may write."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from doubles.record_batches import batch_of, make_batch, make_event
from doubles.record_checks import check_published, open_head, published_entries, raws
from doubles.record_disk import Disk
from ombud.core.batch import Batch
from ombud.core.commitment import parse_leaf_entry
from ombud.core.errors import Conflict, NotFound, TamperError, Unavailable
from ombud.core.event import Event
from ombud.record import files
from ombud.record import recorder as recorder_module
from ombud.record.keys import load_key, read_vkey
from ombud.record.paths import Home, SegmentFile
from ombud.record.reader import RecordReader
from ombud.record.receipt import Receipt
from ombud.record.recorder import Recorder
from ombud.record.recovery import Recovery
from ombud.record.sealer import Sealer
from ombud.record.segment import file_sha256
from ombud.record.wal import read_frames


def test_receipts_say_where_each_batch_lies(home: Path) -> None:
    """Batches of one append get indices without gaps, and a head that covers them."""
    with Recorder.open(home) as recorder:
        receipts = recorder.append([batch_of(0, 3), batch_of(3, 2)])
        size, note = recorder.head()

        assert receipts == [Receipt(0, 2, 3, 0, 0, 5), Receipt(3, 4, 2, 0, 0, 5)]
        assert size == recorder.size == open_head(home, note).size == 5
    assert raws(home, 5) == [make_event(number).raw for number in range(5)]


@pytest.mark.parametrize("sealed", [False, True], ids=["unsealed", "sealed"])
@pytest.mark.parametrize("reopened", [False, True], ids=["open", "reopened"])
@pytest.mark.parametrize(
    ("event", "expected"),
    [
        pytest.param(make_event(1), (0, 1, 0), id="same id, same bytes"),
        pytest.param(make_event(1, raw=b"other"), (1, 0, 1), id="same id, other bytes"),
        pytest.param(make_event(9, raw=make_event(1).raw), (1, 0, 0), id="other id, same bytes"),
        pytest.param(make_event(1, source="test2"), (1, 0, 0), id="same id of another source"),
        pytest.param(make_event(1, time=0, outcome="failure"), (0, 1, 0), id="mapped otherwise"),
    ],
)
def test_duplicates_and_conflicts(
    home: Path, event: Event, expected: tuple[int, int, int], *, sealed: bool, reopened: bool
) -> None:
    """Duplicate means same source, id and bytes; other bytes are a new event with a flag."""
    recorder = Recorder.open(home)
    recorder.append([batch_of(0, 3)])
    if sealed:
        Sealer(home, recorder).seal_all()
    if reopened:
        recorder.close()
        recorder = Recorder.open(home)
    before = recorder.size

    receipt = recorder.record_event(event)

    assert (receipt.recorded, receipt.duplicate, receipt.id_conflict) == expected
    assert recorder.size == before + expected[0]
    if expected[2]:
        assert RecordReader(home).fetch([before])[0].flags == ("id_conflict",)
        again = recorder.record_event(event)
        assert (again.recorded, again.duplicate) == (0, 1)
    recorder.close()
    check_published(home)


@pytest.mark.parametrize("sealed", [False, True], ids=["unsealed", "sealed and rebuilt"])
def test_identical_originals_without_an_id_are_told_apart(home: Path, *, sealed: bool) -> None:
    """Two identical lines are two events; the same file again is none."""
    line = make_event(1, native_id=None)
    batch = make_batch([line, line, make_event(2)], ordinals={1: 1})
    recorder = Recorder.open(home)
    first = recorder.append([batch])[0]
    if sealed:
        Sealer(home, recorder).seal_all()
        recorder.record_event(make_event(3))
        recorder.close()
        for path in Home(home).duplicates.iterdir():
            path.unlink()
        recorder = Recorder.open(home)

    second = recorder.append([batch])[0]
    third = recorder.append([make_batch([line] * 3, ordinals={1: 1, 2: 2})])[0]
    recorder.close()

    assert (first.recorded, first.duplicate) == (3, 0)
    assert (second.recorded, second.duplicate) == (0, 3)
    assert (second.first_index, second.last_index) == (None, None)
    assert (third.recorded, third.duplicate, third.id_conflict) == (1, 2, 0)


def test_receipts_of_mixed_batches(home: Path) -> None:
    """Duplicates within and between the batches of one frame are counted where they are."""
    with Recorder.open(home) as recorder:
        recorder.append([batch_of(0, 2)])
        other = make_event(3, raw=b"other")
        receipts = recorder.append(
            [
                batch_of(1, 3),
                make_batch([make_event(0), make_event(1)]),
                make_batch([other, make_event(4), other]),
            ]
        )

    assert receipts == [
        Receipt(2, 3, 2, 1, 0, 6),
        Receipt(None, None, 0, 2, 0, 6),
        Receipt(4, 5, 2, 1, 1, 6),
    ]


def test_time_of_recording_never_goes_back(home: Path) -> None:
    """A clock that goes back is held, also across a restart."""
    times = iter([100, 50, 200, 10, 300])
    recorder = Recorder.open(home, clock=lambda: next(times))
    for number in range(3):
        recorder.record_event(make_event(number))
    recorder.close()
    with Recorder.open(home, clock=lambda: next(times)) as recorder:
        for number in range(3, 5):
            recorder.record_event(make_event(number))

    entries = [parse_leaf_entry(entry) for entry in published_entries(home)]
    assert [unix_ms for _, unix_ms, _ in entries] == [100, 100, 200, 200, 300]
    assert [class_uid for class_uid, _, _ in entries] == [6005] * 5


def test_second_writer_is_refused_and_told_whom_to_ask(home: Path) -> None:
    """The lock names its holder, and is free as soon as the holder is gone."""
    with Recorder.open(home), pytest.raises(Unavailable, match=f"process {os.getpid()}"):
        Recorder.open(home)
    Recorder.open(home).close()


def test_lock_of_a_killed_process_is_free(home: Path) -> None:
    """Nothing has to be cleaned up after kill -9."""
    code = (
        "import os, pathlib, sys; from ombud.record.recorder import Recorder;"
        "Recorder.open(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(home)], check=False, timeout=60)

    assert killed.returncode == -9
    Recorder.open(home).close()


def test_key_is_private_and_kept(home: Path) -> None:
    """The key is made once, readable by its owner alone, under the origin asked for."""
    with Recorder.open(home, origin="log.example.org/2026") as recorder:
        vkey = recorder.vkey
        _, note = recorder.head()
    keys = Home(home).keys

    assert vkey.startswith("log.example.org/2026+")
    assert note.startswith(b"log.example.org/2026\n0\n")
    assert (keys / "record.key").stat().st_mode & 0o777 == 0o600
    assert read_vkey(Home(home)) == vkey
    with Recorder.open(home) as recorder:
        assert recorder.vkey == vkey
    with pytest.raises(Conflict, match=r"log\.example\.org/2026"):
        Recorder.open(home, origin="elsewhere.example.org")
    (keys / "record.key").unlink()
    with pytest.raises(Unavailable, match="signing key"):
        Recorder.open(home)
    assert read_vkey(Home(home)) == vkey


def test_log_is_published_as_tiles_with_a_head(home: Path) -> None:
    """Every published size has its tiles and bundles; full ones take the place of partial."""
    with Recorder.open(home) as recorder:
        for start, count in ((0, 1), (1, 254), (255, 1), (256, 44), (300, 212), (512, 3)):
            recorder.append([batch_of(start, count)])
            assert not recorder.is_published
            recorder.publish()
            assert recorder.is_published
            assert check_published(home).size == start + count
    assert check_published(home).size == 515
    assert Home(home).state.read_bytes() == Home(home).checkpoint.read_bytes()


def test_unpublished_head_is_published_at_the_next_start(home: Path) -> None:
    """After a crash the tiles are those of everything that is durable."""
    recorder = Recorder.open(home)
    recorder.append([batch_of(0, 300)])
    crash(recorder)

    Recorder.open(home).close()

    assert check_published(home).size == 300


def crash(recorder: Recorder) -> None:
    """Leave a recorder as a killed process would."""
    recorder._wal.abandon()
    os.close(recorder._lock)


def test_full_disk_refuses_and_loses_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was refused for lack of room is new when it comes again, not a duplicate."""
    with Recorder.open(home) as recorder:
        recorder.append([batch_of(0, 2)])

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(files, "reserve", full)
            recorder._wal._reserved = 0
            with pytest.raises(Unavailable, match="No space left"):
                recorder.append([batch_of(2, 2)])
        assert recorder.size == 2
        assert recorder.append([batch_of(2, 2)])[0].recorded == 2
    assert check_published(home).size == 4


@pytest.mark.parametrize("call", ["fdatasync", "pwritev", "fsync"])
def test_error_of_the_disk_ends_the_process(home: Path, call: str) -> None:
    """It is not retried: the kernel may have dropped the pages."""
    code = f"""
import os, pathlib, sys
sys.path.insert(0, {str(Path(__file__).parent.parent.parent)!r})
from doubles.record_batches import batch_of
from ombud.record.recorder import Recorder
from ombud.record.recovery import Recovery

recorder = Recorder.open(pathlib.Path(sys.argv[1]))
recorder.append([batch_of(0, 2)])

def broken(*_):
    raise OSError(5, "Input/output error")

os.{call} = broken
recorder.append([batch_of(2, 2)])
recorder.publish()
print("went on")
"""
    result = subprocess.run(
        [sys.executable, "-c", code, str(home)],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert result.returncode == 3
    assert "cannot make" in result.stderr
    assert "Input/output error" in result.stderr
    assert result.stdout == ""
    with Recorder.open(home) as recorder:
        assert recorder.size >= 2


def test_failure_in_mid_commit_stops_the_recorder(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tree may be ahead of the disk then, so nothing more is signed."""
    recorder = Recorder.open(home)
    recorder.append([batch_of(0, 2)])

    def broken(*_: object) -> bytes:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(recorder_module, "encode_frame", broken)
        with pytest.raises(MemoryError):
            recorder.append([batch_of(2, 2)])
    for step in (lambda: recorder.append([batch_of(2, 2)]), recorder.publish, recorder.rotate):
        with pytest.raises(Unavailable, match="stopped"):
            step()
    assert not recorder.ping()
    recorder.close()
    with Recorder.open(home) as again:
        assert again.size == 2


def test_frames_are_bounded(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A large append becomes several frames, each with its own durable head."""
    monkeypatch.setattr(recorder_module, "FRAME_EVENTS", 10)
    with Recorder.open(home) as recorder:
        receipts = recorder.append([batch_of(4 * number, 4) for number in range(5)])

    frames = list(read_frames(Home(home).wal_path(0)))
    assert [frame.batch.count for frame in frames] == [8, 8, 4]
    assert [receipt.first_index for receipt in receipts] == [0, 4, 8, 12, 16]


def test_files_are_rotated_when_full(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write-ahead file is one segment to be; an empty one is not rotated."""
    monkeypatch.setattr(recorder_module, "ROTATE_EVENTS", 10)
    with Recorder.open(home) as recorder:
        assert recorder.rotate() is False
        for number in range(5):
            recorder.append([batch_of(4 * number, 4)])
        assert recorder.rotate() is True
        assert recorder.rotate() is False
        starts = [file.first_index for file in Home(home).wal_files()]

    assert starts == [0, 12, 20]
    with Recorder.open(home) as recorder:
        assert recorder.size == 20


def test_sealing_needs_the_segment_and_the_rotated_file(home: Path) -> None:
    """A recorder never removes a write-ahead file on a wrong word."""
    with Recorder.open(home) as recorder:
        recorder.append([batch_of(0, 4)])
        segment = SegmentFile(Home(home).segment_path(0, 4), 0, 4)
        with pytest.raises(NotFound, match="no segment"):
            recorder.sealed(segment, "00")
        segment.path.write_bytes(b"whatever")
        with pytest.raises(NotFound, match="no rotated"):
            recorder.sealed(segment, "00")
        assert Home(home).wal_path(0).is_file()
        assert recorder.size == 4


def test_sealing_again_is_harmless(home: Path) -> None:
    """A sealer that lost the answer asks again, and nothing is recorded twice."""
    with Recorder.open(home) as recorder:
        recorder.append([batch_of(0, 4)])
        sealer = Sealer(home, recorder)
        assert sealer.seal_all() == 1
        (segment,) = RecordReader(home).segments()

        receipt = recorder.sealed(segment, file_sha256(segment.path))

        assert (receipt.recorded, receipt.duplicate, recorder.size) == (0, 1, 5)
        with pytest.raises(NotFound, match="no rotated"):
            recorder.sealed(segment, "another")


# What was changed behind the recorder's back, and the place that the refusal names.


def delete_tail(home: Path) -> None:
    """Cut the last batch off."""
    path = Home(home).wal_path(0)
    frames = list(read_frames(path))
    os.truncate(path, frames[-1].offset)


def delete_wal(home: Path) -> None:
    """Delete every write-ahead file."""
    Home(home).wal_path(0).unlink()


def delete_state(home: Path) -> None:
    """Delete the last signed head."""
    Home(home).state.unlink()


def flip_frame(home: Path) -> None:
    """Flip a bit in a frame under the published head."""
    path = Home(home).wal_path(0)
    data = bytearray(path.read_bytes())
    data[next(iter(read_frames(path))).offset + 100] ^= 1
    path.write_bytes(bytes(data))


def foreign_state(home: Path) -> None:
    """Put the head of another log in the place of ours."""
    other = home.parent / "other"
    with Recorder.open(other, origin=read_vkey(Home(home)).partition("+")[0]) as recorder:
        recorder.append([batch_of(0, 4)])
    Home(home).state.write_bytes(Home(other).state.read_bytes())


def older_files(home: Path) -> None:
    """Put an older tree head in the place of the published one, and another tile."""
    (home / "log" / "tile" / "0" / "000").write_bytes(bytes([1]) * 8192)


def foreign_file(home: Path) -> None:
    """Leave something among the write-ahead files."""
    (home / "wal" / "notes.txt").write_text("hello")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        pytest.param(delete_tail, "state", id="smaller head"),
        pytest.param(delete_wal, "wal", id="no write-ahead file"),
        pytest.param(delete_state, "state", id="no state"),
        pytest.param(flip_frame, "00000000000000000000.wal: byte", id="flipped bit"),
        pytest.param(foreign_state, "state", id="state of another log"),
        pytest.param(older_files, "tile/0/000", id="another tile"),
        pytest.param(foreign_file, "notes.txt", id="foreign file"),
    ],
)
def test_start_is_refused_on_a_mismatch(home: Path, change: object, place: str) -> None:
    """What is not what was signed is never written on, and the refusal names the place."""
    with Recorder.open(home) as recorder:
        for number in range(4):
            recorder.append([batch_of(100 * number, 100)])
    assert callable(change)
    change(home)

    with pytest.raises(TamperError, match=place):
        Recorder.open(home)
    with pytest.raises(TamperError):  # The lock was let go, and nothing was mended.
        Recorder.open(home)


def test_frame_is_torn_at_every_byte(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The last frame, cut anywhere before it was let out, is gone whole; the rest stands."""
    recorder = Recorder.open(home)
    recorder.append([batch_of(0, 2)])
    recorder.publish()
    recorder.append([make_batch([make_event(2)])])
    crash(recorder)
    path = Home(home).wal_path(0)
    last = list(read_frames(path))[-1]
    good = path.read_bytes()[: last.next_offset]
    signer = load_key(Home(home))
    assert signer is not None
    Disk().install(monkeypatch)

    for size in range(last.offset, len(good)):
        for tail in (b"", bytes(64)):
            path.write_bytes(good[:size] + tail)
            recovered = Recovery(Home(home), signer).run()
            recovered.wal.abandon()
            # Only padding is missing where zeros follow.
            is_whole = tail and not any(good[size:])
            assert recovered.log.size == (3 if is_whole else 2), size
            assert path.stat().st_size == (last.next_offset if is_whole else last.offset)


def test_record_goes_on_after_a_torn_frame(home: Path) -> None:
    """The event that was never acknowledged is new when it comes again."""
    recorder = Recorder.open(home)
    recorder.append([batch_of(0, 2)])
    recorder.append([batch_of(2, 3)])
    crash(recorder)
    os.truncate(Home(home).wal_path(0), list(read_frames(Home(home).wal_path(0)))[-1].offset + 50)

    with Recorder.open(home) as again:
        assert again.size == 2
        assert again.append([batch_of(0, 5)])[0] == Receipt(2, 4, 3, 2, 0, 5)
    assert check_published(home).size == 5


def test_damage_before_a_later_frame_is_not_torn(home: Path) -> None:
    """An unpublished frame followed by another was acknowledged: refused, not cut off."""
    recorder = Recorder.open(home)
    recorder.append([batch_of(0, 2)])
    recorder.append([batch_of(2, 2)])
    crash(recorder)
    flip_frame(home)

    with pytest.raises(TamperError, match="checksum"):
        Recorder.open(home)


def test_frame_inside_an_original_does_not_look_like_a_later_one(home: Path) -> None:
    """Bytes of a frame that somebody sends in an event do not keep a torn home shut."""
    recorder = Recorder.open(home)
    recorder.append([batch_of(0, 2)])
    path = Home(home).wal_path(0)
    frame = next(read_frames(path))
    bait = path.read_bytes()[frame.offset : frame.next_offset]
    recorder.publish()
    recorder.append([make_batch([make_event(9, raw=bait)])])
    crash(recorder)
    last = list(read_frames(path))[-1]
    os.truncate(path, last.next_offset - 16)

    with Recorder.open(home) as reopened:
        assert reopened.size == 2


def test_content_that_is_not_canonical_is_recorded_and_sealed(home: Path) -> None:
    """A client's mistake costs columns, never an event, and never the sealing of others."""
    odd = batch_of(0, 1)
    odd = Batch(
        1,
        odd.classes,
        odd.identities,
        odd.raw_digests,
        (*odd.offsets[:2], type(odd.classes)("i", [0, 3]), *odd.offsets[3:]),
        (*odd.blobs[:2], b"\xff[[", odd.blobs[3]),
    )
    with Recorder.open(home) as recorder:
        recorder.append([batch_of(5, 2), odd, batch_of(7, 2)])
        assert Sealer(home, recorder).seal_all() == 1
        size = recorder.size

    chunks = list(RecordReader(home).read(0, size))
    assert chunks[0].group(3, 2) == b"\xff[["
    assert raws(home, size)[:5] == [make_event(number).raw for number in (5, 6, 0, 7, 8)]
