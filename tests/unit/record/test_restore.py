"""Restored homes: laid out whole, signing nothing until resumed, and never over another."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from doubles.record_batches import batch_of
from doubles.record_checks import raws
from doubles.record_home import append, make_home, open_recorder
from ombud.core.errors import Conflict, NotFound, TamperError, Unavailable
from ombud.record.backup import back_up
from ombud.record.backup_manifest import find_backup, read_manifest
from ombud.record.prove import prove
from ombud.record.recorder import Recorder
from ombud.record.resting import RestingRecord
from ombud.record.restore import restore
from ombud.record.standing import FORMAT, check_version, read_copy, read_version
from ombud.record.verify import verify_home

NOW_MS = 1_795_305_600_000


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with one backup, with its key."""
    folder = tmp_path_factory.mktemp("restored")
    home = make_home(folder / "home")
    back_up(home, folder / "b", durable_size=lambda: None, now_ms=NOW_MS, with_key=True)
    return folder / "b"


def test_a_restored_home_is_the_home_that_was(target: Path, tmp_path: Path) -> None:
    """Every event, the same root, and proofs; nothing is derived yet."""
    home = tmp_path / "new"
    copy = restore(target, home, now_ms=NOW_MS + 5)
    manifest = read_manifest(find_backup(target))
    report = verify_home(home)

    assert (report.fault, report.size, report.root) == (None, manifest.size, manifest.root)
    assert raws(home, report.size) == raws(target.parent / "home", report.size)
    assert prove(home, 300)
    assert (copy.size, copy.restored_at, copy.is_whole) == (manifest.size, NOW_MS + 5, True)
    assert read_copy(home) == copy
    assert read_version(home) == FORMAT
    assert not (home / "backup.json").exists()


def test_a_copy_signs_nothing(target: Path, tmp_path: Path) -> None:
    """Neither a recorder nor what stands in for one takes an event."""
    home = tmp_path / "new"
    restore(target, home, now_ms=NOW_MS)
    before = sorted((path, path.stat().st_mtime_ns) for path in home.rglob("*"))
    resting = RestingRecord(home)

    for act in (
        lambda: Recorder.open(home),
        lambda: resting.append([batch_of(0, 3)]),
    ):
        with pytest.raises(Unavailable, match="signs nothing until"):
            act()
    assert resting.head()[0] == verify_home(home).size
    assert not resting.ping()
    assert sorted((path, path.stat().st_mtime_ns) for path in home.rglob("*")) == before


def test_a_backup_itself_signs_nothing(target: Path, tmp_path: Path) -> None:
    """Also when it is copied by other means than ours."""
    shutil.copytree(find_backup(target), tmp_path / "copied")

    with pytest.raises(Unavailable, match="signs nothing until"):
        Recorder.open(tmp_path / "copied")


def test_it_goes_on_once_resumed(target: Path, tmp_path: Path) -> None:
    """The keys of duplicates come again from the events: nothing is recorded twice."""
    home = tmp_path / "new"
    size = restore(target, home, now_ms=NOW_MS).size
    with Recorder.open(home, resumes=True) as recorder:
        append(recorder, 0, 100)
        assert recorder.size == size
        append(recorder, 5_000, 5_010)
    (known,) = [read_manifest(find_backup(target)).tree_head.encode()]

    assert verify_home(home, known_heads=[known]).fault is None


def test_two_that_go_on_are_found_out(target: Path, tmp_path: Path) -> None:
    """A head of the one is no head of the other."""
    homes = [tmp_path / name for name in ("one", "two")]
    for number, home in enumerate(homes):
        restore(target, home, now_ms=NOW_MS)
        (home / "copy.json").unlink()
        with open_recorder(home) as recorder:
            append(recorder, 1_000 * (number + 1), 1_000 * (number + 1) + 34)
    heads = [(home / "state").read_bytes() for home in homes]

    assert [verify_home(home).fault for home in homes] == [None, None]
    assert verify_home(homes[0], known_heads=[heads[1]]).fault is not None
    assert verify_home(homes[1], known_heads=[heads[0]]).fault is not None


@pytest.mark.parametrize("name", ["state", "letter.txt", "copy.json"])
def test_nothing_is_restored_over_anything(target: Path, tmp_path: Path, name: str) -> None:
    """A folder that holds something is refused, and left alone."""
    home = tmp_path / "new"
    home.mkdir()
    (home / name).write_text("{}")

    with pytest.raises(Conflict, match="not empty"):
        restore(target, home, now_ms=NOW_MS)
    assert [path.name for path in home.iterdir()] == [name]


def test_a_damaged_backup_is_not_restored(target: Path, tmp_path: Path) -> None:
    """What is there then says that it is half, and nothing opens it."""
    shutil.copytree(target, tmp_path / "b")
    segment = next(find_backup(tmp_path / "b").glob("segments/*"))
    data = bytearray(segment.read_bytes())
    data[100] ^= 4
    segment.write_bytes(data)
    home = tmp_path / "new"

    with pytest.raises(TamperError, match="SHA-256"):
        restore(tmp_path / "b", home, now_ms=NOW_MS)
    copy = read_copy(home)
    assert copy is not None
    assert not copy.is_whole
    with pytest.raises(Unavailable, match="half restored"):
        Recorder.open(home)
    with pytest.raises(Conflict, match="not empty"):
        restore(target, home, now_ms=NOW_MS)


def test_no_backup_no_home(tmp_path: Path) -> None:
    """Nothing is made."""
    with pytest.raises(NotFound, match="no whole backup"):
        restore(tmp_path / "none", tmp_path / "new", now_ms=NOW_MS)
    assert not (tmp_path / "new").exists()


def test_a_copy_that_cannot_be_read_signs_nothing(tmp_path: Path) -> None:
    """Unknown means refused."""
    (tmp_path / "copy.json").write_text('{"id": 7}')

    with pytest.raises(TamperError, match="of what this home is a copy"):
        Recorder.open(tmp_path)


@pytest.mark.parametrize("text", ["99", "3", "99\n", "1000000000"])
def test_a_newer_home_is_refused(tmp_path: Path, text: str) -> None:
    """By recorder, verification and proof, and nothing in it is touched."""
    (tmp_path / "version").write_text(text)

    for act in (Recorder.open, verify_home, lambda home: prove(home, 0)):
        with pytest.raises(Unavailable, match=f"format {text.strip()}"):
            act(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["version"]


@pytest.mark.parametrize("text", ["", "0", "-1", "two", "1.5", "²"])
def test_a_version_that_is_none_is_refused(tmp_path: Path, text: str) -> None:
    """Rather than taken for the first."""
    (tmp_path / "version").write_text(text)

    with pytest.raises(Unavailable, match="of which format"):
        check_version(tmp_path)


def test_a_new_home_says_its_format(tmp_path: Path) -> None:
    """From its first moment."""
    open_recorder(tmp_path / "home").close()

    assert (tmp_path / "home" / "version").read_text() == f"{FORMAT}\n"
    assert check_version(tmp_path) == 1
