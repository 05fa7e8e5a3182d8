"""Write-ahead files: what was written is read, and nothing else is."""

from __future__ import annotations

from pathlib import Path

import pytest

from doubles.record_batches import batch_of
from ombud.core.batch import Batch
from ombud.core.errors import Unavailable
from ombud.record import files
from ombud.record.wal import (
    SALTS_SIZE,
    FrameError,
    WalWriter,
    edge_size,
    encode_file_head,
    encode_frame,
    find_frames_after,
    find_offsets,
    read_frames,
    read_head,
)


def frame_parts(first_index: int, batch: Batch) -> list[bytes]:
    """Return a frame with a note and salts that only this frame has."""
    salts = bytes([first_index % 256]) * (SALTS_SIZE * batch.count)
    note = b"note %d" % first_index
    return encode_frame(first_index, 1000 + first_index, note, salts, batch.to_parts())


def write_file(path: Path, counts: list[int], *, tail: bytes = b"") -> list[int]:
    """Write a file of frames with so many events each; return where the frames start."""
    data = bytearray(encode_file_head(0, b""))
    offsets = []
    first_index = 0
    for count in counts:
        offsets.append(len(data))
        data += b"".join(frame_parts(first_index, batch_of(first_index, count)))
        first_index += count
    path.write_bytes(bytes(data) + tail)
    return offsets


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the file lies."""
    return tmp_path / "file.wal"


def test_frames_are_read_as_they_were_written(path: Path) -> None:
    """Batch, salts, note, time and index come back, with the place of the next frame."""
    write_file(path, [3, 1, 5])

    frames = list(read_frames(path))

    assert [frame.first_index for frame in frames] == [0, 3, 4]
    assert [frame.end for frame in frames] == [3, 4, 9]
    assert [frame.note for frame in frames] == [b"note 0", b"note 3", b"note 4"]
    assert [frame.recorded_ms for frame in frames] == [1000, 1003, 1004]
    assert frames[2].batch == batch_of(4, 5)
    assert frames[2].salts == b"\x04" * (SALTS_SIZE * 5)
    assert [frame.offset % 8 for frame in frames] == [0, 0, 0]


def test_reserved_space_is_only_zeros(path: Path) -> None:
    """Zeros after the last frame are reserved space; any other byte is an error."""
    write_file(path, [3], tail=bytes(5000))
    assert len(list(read_frames(path))) == 1

    for place in (0, 7, 39, 40, 4999):
        tail = bytearray(5000)
        tail[place] = 1
        write_file(path, [3], tail=bytes(tail))
        with pytest.raises(FrameError):
            list(read_frames(path))


def test_reading_starts_and_stops_where_it_is_told(path: Path) -> None:
    """With `until`, what lies behind the frame that reaches it is not even looked at."""
    offsets = write_file(path, [3, 4, 5], tail=b"not a frame")

    read = list(read_frames(path, start=(3, offsets[1]), until=7))

    assert [frame.first_index for frame in read] == [3]
    assert [frame.first_index for frame in read_frames(path, until=8)] == [0, 3, 7]
    assert list(find_offsets(path, None, 12)) == [
        (0, 3, offsets[0]),
        (3, 7, offsets[1]),
        (7, 12, offsets[2]),
    ]


def test_every_flipped_byte_is_found(path: Path) -> None:
    """No byte of a file can change without an error that names the file."""
    write_file(path, [1, 1])
    good = path.read_bytes()

    for place in range(len(good)):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x10]) + good[place + 1 :])
        with pytest.raises(FrameError, match=r"file\.wal: byte"):
            list(read_frames(path))


def test_every_cut_but_between_frames_is_found(path: Path) -> None:
    """A file that ends in the middle of a frame, or of its head, is not good."""
    offsets = write_file(path, [1, 2])
    good = path.read_bytes()

    for size in range(len(good)):
        path.write_bytes(good[:size])
        if size in offsets:
            assert len(list(read_frames(path))) == offsets.index(size)
        else:
            with pytest.raises(FrameError):
                list(read_frames(path))


def test_good_frames_beyond_a_bad_one_are_found(path: Path) -> None:
    """They tell damage in the middle from a torn end."""
    offsets = write_file(path, [2, 2, 2])
    data = bytearray(path.read_bytes())
    data[offsets[1] + 60] ^= 1
    path.write_bytes(bytes(data))

    assert [frame.first_index for frame in find_frames_after(path, offsets[1])] == [4]
    assert list(find_frames_after(path, offsets[2])) == []


def test_frame_of_another_index_is_refused(path: Path) -> None:
    """A frame that was moved or repeated does not fit its place."""
    head = encode_file_head(0, b"")
    frame = b"".join(frame_parts(0, batch_of(0, 2)))
    path.write_bytes(head + frame + frame)

    with pytest.raises(FrameError, match="starts at event 0, not 2"):
        list(read_frames(path))


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        pytest.param(0, 0, id="empty"),
        pytest.param(5, 5 * 32 + 5 * 43, id="one level"),
        pytest.param(256, 32, id="full tile"),
        pytest.param(70_000, (112 + 17 + 1) * 32 + 112 * 43, id="three levels"),
    ],
)
def test_right_edge_has_one_size(size: int, expected: int) -> None:
    """The index at which a file starts says how long the right edge in its head is."""
    assert edge_size(size) == expected


def test_head_is_checked(path: Path) -> None:
    """A head with the edge of another size, or damaged, is refused."""
    path.write_bytes(encode_file_head(5, bytes(edge_size(5))))
    assert read_head(path).first_index == 5

    path.write_bytes(encode_file_head(5, bytes(3)))
    with pytest.raises(FrameError, match="wrong size"):
        read_head(path)


def test_writer_appends_reserves_and_resumes(path: Path) -> None:
    """Frames follow each other; resuming cuts off what is beyond the last good one."""
    writer = WalWriter.create(path, path.with_suffix(".tmp"), 0, b"")
    for first_index in (0, 2):
        parts = frame_parts(first_index, batch_of(first_index, 2))
        writer.reserve(sum(map(len, parts)))
        writer.append(parts)
    end = writer.size
    writer.abandon()
    assert path.stat().st_size > end
    assert [frame.next_offset for frame in read_frames(path)][-1] == end

    with path.open("r+b") as file:
        file.seek(end)
        file.write(b"torn")
    resumed = WalWriter.resume(path, 0, end)
    resumed.append(frame_parts(4, batch_of(4, 1)))
    resumed.close()

    assert [frame.first_index for frame in read_frames(path)] == [0, 2, 4]
    assert path.stat().st_size == resumed.size


def test_full_disk_is_known_before_anything_is_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reserving is what fails, and it says so as `Unavailable`."""
    writer = WalWriter.create(path, path.with_suffix(".tmp"), 0, b"")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files, "reserve", full)
    with pytest.raises(Unavailable, match="No space left"):
        writer.reserve(100)
    assert path.stat().st_size == writer.size
