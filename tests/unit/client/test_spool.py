"""The spool: what it took is there after any end, in order, or it was refused."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.client import SpoolFull
from ombud.client import spool as module
from ombud.client.spool import Mark, Spool
from ombud.core.errors import InputError, Unavailable


def document(number: int) -> bytes:
    """Return one of many documents."""
    return b'{"n":%d}' % number


def everything(spool: Spool) -> list[bytes]:
    """Return all that waits."""
    return spool.take(count_max=10_000, size_max=1 << 30)[0]


def test_what_was_taken_is_there_after_reopening(tmp_path: Path) -> None:
    """In its order, until it is done; what is done does not come back."""
    spool = Spool(tmp_path / "s")
    for number in range(5):
        spool.append(document(number))
    first, mark = spool.take(count_max=2, size_max=1 << 20)
    spool.done(mark)
    spool.close()

    spool = Spool(tmp_path / "s")
    assert first == [document(0), document(1)]
    assert everything(spool) == [document(2), document(3), document(4)]
    _, mark = spool.take(count_max=99, size_max=1 << 20)
    spool.done(mark)
    assert (everything(spool), spool.pending) == ([], 0)
    spool.append(document(9))
    assert everything(spool) == [document(9)]
    spool.close()


def test_a_delivery_has_bounds(tmp_path: Path) -> None:
    """So many documents, so many bytes; one that is larger goes alone."""
    spool = Spool(tmp_path)
    for number in range(5):
        spool.append(document(number))

    assert len(spool.take(count_max=3, size_max=1 << 20)[0]) == 3
    assert len(spool.take(count_max=9, size_max=len(document(0)) * 2)[0]) == 2
    assert len(spool.take(count_max=9, size_max=1)[0]) == 1
    spool.close()


@pytest.mark.parametrize("cut", range(1, 17))
def test_a_torn_end_is_cut_off(tmp_path: Path, cut: int) -> None:
    """What was being written when the program ended was promised to nobody."""
    spool = Spool(tmp_path)
    spool.append(document(1))
    spool.append(document(2))
    spool.close()
    (path,) = tmp_path.glob("*.spool")
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])

    spool = Spool(tmp_path)
    spool.append(document(3))

    assert everything(spool) == [document(1), document(3)]
    assert spool.aside() == {}
    spool.close()


def test_damage_is_put_aside_and_said(tmp_path: Path) -> None:
    """A line that is not what was written is kept, counted, and holds up nothing."""
    spool = Spool(tmp_path)
    for number in range(3):
        spool.append(document(number))
    (path,) = tmp_path.glob("*.spool")
    data = bytearray(path.read_bytes())
    data[data.index(b'"n":1') + 4] ^= 1
    path.write_bytes(data)

    for _ in range(2):  # The server was away.
        spool.take(count_max=9, size_max=1 << 20)
    documents, mark = spool.take(count_max=9, size_max=1 << 20)
    spool.done(mark)

    assert documents == [document(0), document(2)]
    assert spool.aside() == {"damaged.lines": 1}
    assert b'{"n":0}' in (tmp_path / "damaged.lines").read_bytes()
    spool.close()


def test_files_are_removed_when_they_are_done(tmp_path: Path) -> None:
    """The spool does not grow with what went through it."""
    with patch.object(module, "SEGMENT_MAX", 60):
        spool = Spool(tmp_path)
        for number in range(20):
            spool.append(document(number))
        assert len(list(tmp_path.glob("*.spool"))) > 5
        assert everything(spool) == [document(number) for number in range(20)]
        _, mark = spool.take(count_max=99, size_max=1 << 20)
        spool.done(mark)
        assert len(list(tmp_path.glob("*.spool"))) == 1
        spool.done(Mark(0, 0))  # Going back changes nothing.
        spool.append(document(20))
        spool.close()
        spool = Spool(tmp_path)
        assert everything(spool) == [document(20)]
        spool.close()


def test_without_room_it_refuses(tmp_path: Path) -> None:
    """What is refused is said; what was taken before stays; room that is made is used."""
    spool = Spool(tmp_path, size_max=50)
    spool.append(document(1))
    spool.append(document(2))
    with pytest.raises(SpoolFull):
        spool.append(document(3))
    assert everything(spool) == [document(1), document(2)]

    spool.done(spool.take(count_max=1, size_max=99)[1])
    spool.append(document(3))
    assert everything(spool) == [document(2), document(3)]
    spool.close()


@pytest.mark.parametrize("call", ["write", "fdatasync"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_is_said(tmp_path: Path, call: str, number: int) -> None:
    """No half line is left, and the next event is taken when the disk takes it."""
    spool = Spool(tmp_path)
    spool.append(document(1))
    with (
        patch.object(os, call, side_effect=OSError(number, os.strerror(number))),
        pytest.raises(Unavailable, match=os.strerror(number)),
    ):
        spool.append(document(2))
    real = os.write
    written: list[int] = []

    def half(file: int, data: memoryview) -> int:
        if written:
            raise OSError(number, os.strerror(number))
        written.append(real(file, data[:5]))
        return 5

    with patch.object(os, "write", half), pytest.raises(Unavailable):
        spool.append(document(2))
    spool.append(document(3))

    assert everything(spool) == [document(1), document(3)]
    assert spool.aside() == {}
    spool.close()


def test_a_folder_is_of_one_process(tmp_path: Path) -> None:
    """A second one is refused; a child of a fork, too; a closed one takes nothing."""
    spool = Spool(tmp_path)
    with pytest.raises(Unavailable, match="another process"):
        Spool(tmp_path)
    with (
        patch.object(os, "getpid", return_value=os.getpid() + 1),
        pytest.raises(Unavailable, match="belongs to the process"),
    ):
        spool.append(document(1))
    spool.close()
    spool.close()
    with pytest.raises(Unavailable, match="closed"):
        spool.append(document(1))
    Spool(tmp_path).close()


@pytest.mark.parametrize("position", [b"", b"{}", b"[1]", b"[9,9]", b"[0,1000000]", b"\xff"])
def test_a_lost_position_sends_again(tmp_path: Path, position: bytes) -> None:
    """The server knows what it has: sending twice does no harm, leaving out would."""
    spool = Spool(tmp_path)
    spool.append(document(1))
    spool.done(spool.take(count_max=1, size_max=99)[1])
    spool.append(document(2))
    spool.close()
    (tmp_path / "position").write_bytes(position)

    spool = Spool(tmp_path)
    assert everything(spool) == [document(1), document(2)]
    spool.close()


def test_an_event_is_one_line(tmp_path: Path) -> None:
    """What is none, or too large, is refused before anything is written."""
    spool = Spool(tmp_path)
    for wrong in (b"{\n}", b"x" * (module.LINE_MAX + 1)):
        with pytest.raises(InputError):
            spool.append(wrong)
    assert spool.pending == 0
    spool.close()


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """A file in its place is said."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="cannot use"):
        Spool(tmp_path / "file" / "s")


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.sampled_from(["append", "take", "done", "reopen", "crash"]), min_size=1, max_size=30
    )
)
def test_nothing_is_lost_whatever_happens(
    tmp_path_factory: pytest.TempPathFactory, steps: list[str]
) -> None:
    """What is taken out, in order, is what was put in, but for repeats after a lost `done`."""
    folder = tmp_path_factory.mktemp("spool")
    with patch.object(module, "SEGMENT_MAX", 40):
        spool = Spool(folder)
        waiting: list[bytes] = []
        taken: tuple[list[bytes], Mark] | None = None
        for number, step in enumerate(steps):
            if step == "append":
                spool.append(document(number))
                waiting.append(document(number))
            elif step == "take":
                taken = spool.take(count_max=2, size_max=99)
                assert taken[0] == waiting[: len(taken[0])]
            elif step == "done" and taken is not None:
                spool.done(taken[1])
                waiting, taken = waiting[len(taken[0]) :], None
            elif step in {"reopen", "crash"}:
                spool.close()
                if step == "crash":
                    last = max(folder.glob("*.spool"))
                    last.write_bytes(last.read_bytes() + b'0badc0de {"torn')
                spool, taken = Spool(folder), None
            assert everything(spool) == waiting
        assert spool.aside() == {}
        spool.close()
