"""Backups: consistent at one durable size, whole or none, shared where nothing changes."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest

from doubles.record_checks import raws
from doubles.record_home import append, make_home, open_recorder, seal
from ombud.core.errors import Conflict, InputError, NotFound, TamperError, Unavailable
from ombud.record import backup as backup_module
from ombud.record.backup import back_up
from ombud.record.backup_manifest import (
    MANIFEST_NAME,
    find_backup,
    list_backups,
    read_manifest,
)
from ombud.record.paths import Home
from ombud.record.restore import verify_backup
from ombud.record.verify import verify_home

NOW_MS = 1_795_305_600_000


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home of three segments and a tail, with things beside the record."""
    home = make_home(tmp_path_factory.mktemp("backed") / "home")
    (home / "settings.yaml").write_text("server:\n  port: 9000\n")
    for name, text in (
        ("positions/ocsf.json", "[]"),
        ("positions/ocsf.lock", ""),
        ("quarantine/quarantine.ndjson", '{"id": "a"}\n'),
        ("mappings/ward.yaml", "source: ward\n"),
        ("index/index.duckdb", "derived"),
        ("duplicates/stray", "derived"),
    ):
        (home / name).parent.mkdir(exist_ok=True)
        (home / name).write_text(text)
    return home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """Return a home of one's own."""
    shutil.copytree(made, tmp_path / "home")
    return tmp_path / "home"


def make(home: Path, target: Path, *, now_ms: int = NOW_MS, **options: Any) -> Path:
    """Back up a home that rests."""
    options.setdefault("durable_size", lambda: None)
    return back_up(home, target, now_ms=now_ms, **options).path


def assert_good(target: Path, size: int) -> None:
    """See that the newest backup verifies and has so many events."""
    _, manifest, report = verify_backup(target)
    assert report.fault is None
    assert (report.size, manifest.size) == (size, size)


def names_in(backup: Path) -> set[str]:
    """Return the files of a backup."""
    return {file.path for file in read_manifest(backup).files}


def test_a_backup_is_the_home(home: Path, tmp_path: Path) -> None:
    """It verifies, reads the same, and holds what cannot be had again, but not the key."""
    backup = make(home, tmp_path / "b")

    assert_good(tmp_path / "b", verify_home(home).size)
    size = verify_home(home).size
    assert raws(backup, size) == raws(home, size)
    names = names_in(backup)
    beside = {
        "settings.yaml",
        "positions/ocsf.json",
        "quarantine/quarantine.ndjson",
        "mappings/ward.yaml",
        "keys/record.vkey",
        "version",
        "state",
        "copy.json",
    }
    assert beside <= names
    assert not [name for name in names if name.startswith(("index/", "duplicates/", "tmp/"))]
    assert "keys/record.key" not in names
    assert "positions/ocsf.lock" not in names
    assert not (backup / "keys" / "record.key").exists()


def test_the_key_only_when_asked_for(home: Path, tmp_path: Path) -> None:
    """Then with the mode of a key."""
    backup = make(home, tmp_path / "b", with_key=True)

    assert read_manifest(backup).has_key
    assert (backup / "keys" / "record.key").stat().st_mode & 0o777 == 0o600


def test_what_never_changes_is_shared(home: Path, tmp_path: Path) -> None:
    """The second backup links segments and full tiles, and both are whole."""
    target = tmp_path / "b"
    first = make(home, target)
    with open_recorder(home) as recorder:
        append(recorder, 5_000, 5_300)
        seal(recorder)
        size = recorder.size
    report = back_up(home, target, durable_size=lambda: None, now_ms=NOW_MS + 1)

    assert report.linked == len([n for n in names_in(first) if n.startswith("segments/")]) + 4
    segment = next((first / "segments").iterdir())
    assert segment.stat().st_ino == (report.path / "segments" / segment.name).stat().st_ino
    assert_good(target, size)
    assert verify_backup(first)[2].ok
    assert report.copied_bytes < sum(file.size for file in report.manifest.files)


def test_old_backups_go(home: Path, tmp_path: Path) -> None:
    """The newest stay, and what they share with those removed."""
    target = tmp_path / "b"
    made = [make(home, target, now_ms=NOW_MS + number, keep=2) for number in range(4)]

    assert list_backups(target) == made[-2:]
    assert_good(target, read_manifest(made[-1]).size)


@pytest.mark.parametrize("step", ["write_manifest", "Copy", "read_state"])
def test_half_a_backup_is_none(
    home: Path, tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut short anywhere, it has no name; the one before stands and the next one is made."""
    target = tmp_path / "b"
    first = make(home, target)

    class Cut(BaseException):
        """The end of the process."""

    def cut(*_: object, **__: object) -> None:
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr(backup_module, step, cut)
        with pytest.raises(Cut):
            make(home, target, now_ms=NOW_MS + 1)

    assert find_backup(target) == first
    assert_good(target, read_manifest(first).size)
    half = target / "new.part"
    assert half.is_dir()
    with pytest.raises(NotFound):
        find_backup(half)
    assert make(home, target, now_ms=NOW_MS + 2) == find_backup(target)
    assert not half.exists()


def test_a_half_backup_with_a_manifest_is_none(home: Path, tmp_path: Path) -> None:
    """Only the rename makes it one."""
    backup = make(home, tmp_path / "b")
    half = backup.rename(backup.with_name("new.part"))

    with pytest.raises(InputError, match="half-made"):
        find_backup(half)
    with pytest.raises(NotFound):
        find_backup(tmp_path / "b")


FILES = [
    "settings.yaml",
    "state",
    "log/checkpoint",
    "copy.json",
    "keys/record.vkey",
    "quarantine/quarantine.ndjson",
    MANIFEST_NAME,
]


@pytest.mark.parametrize("name", [*FILES, "segments/*", "wal/*", "log/tile/0/000"])
def test_every_byte_counts(home: Path, tmp_path: Path, name: str) -> None:
    """A bit that changed in any file is found."""
    backup = make(home, tmp_path / "b")
    path = next(backup.glob(name))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.unlink()
    path.write_bytes(data)

    if name == MANIFEST_NAME:
        with pytest.raises(TamperError):
            verify_backup(tmp_path / "b")
        return
    fault = verify_backup(tmp_path / "b")[2].fault
    assert fault is not None
    assert fault.place == str(path.relative_to(backup))


def test_a_missing_file_is_found(home: Path, tmp_path: Path) -> None:
    """And named."""
    backup = make(home, tmp_path / "b")
    (backup / "settings.yaml").unlink()

    assert "missing" in str(verify_backup(backup)[2].fault)


def test_a_backup_is_held_against_heads_kept_elsewhere(home: Path, tmp_path: Path) -> None:
    """One that others signed later than this copy knows is missing from it."""
    backup = make(home, tmp_path / "b")
    known = (home / "state").read_bytes()
    with open_recorder(home) as recorder:
        append(recorder, 5_000, 5_050)
    later = (home / "state").read_bytes()

    assert verify_backup(backup, known_heads=[known])[2].ok
    assert "record ends" in str(verify_backup(backup, known_heads=[later])[2].fault)


def test_a_home_that_was_cut_is_no_continuation(home: Path, tmp_path: Path) -> None:
    """The backup before knew more: that is said, and it is kept."""
    earlier = tmp_path / "earlier"
    shutil.copytree(home, earlier)
    with open_recorder(home) as recorder:
        append(recorder, 5_000, 5_050)
    first = make(home, tmp_path / "b")

    with pytest.raises(TamperError, match="does not go on from the backup"):
        make(earlier, tmp_path / "b", now_ms=NOW_MS + 1)
    assert find_backup(tmp_path / "b") == first


@pytest.mark.parametrize("seals", [False, True])
@pytest.mark.parametrize("counts", [(50, 900), (900, 50), (900, 900)])
def test_another_history_is_no_continuation(
    home: Path, tmp_path: Path, *, seals: bool, counts: tuple[int, int]
) -> None:
    """Two homes that went on from one copy: the second is refused, whatever is sealed by then."""
    other = tmp_path / "other"
    shutil.copytree(home, other)
    for folder, start, count in zip((home, other), (5_000, 7_000), counts, strict=True):
        with open_recorder(folder) as recorder:
            append(recorder, start, start + count)
            if seals:
                seal(recorder)
    make(home, tmp_path / "b")

    with pytest.raises(TamperError, match="does not go on from the backup"):
        make(other, tmp_path / "b", now_ms=NOW_MS + 1)


def test_a_target_is_for_one_log(home: Path, tmp_path: Path) -> None:
    """Backups of another log, or other things, are not mixed with these."""
    make(home, tmp_path / "b")
    (home / "keys" / "record.key").unlink()
    vkey = (home / "keys" / "record.vkey").read_text()
    (home / "keys" / "record.vkey").write_text(
        vkey.replace("ombud.example/test", "ombud.example/t2")
    )

    with pytest.raises((Conflict, TamperError)):
        make(home, tmp_path / "b", now_ms=NOW_MS + 1)
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "letter.txt").write_text("dear")
    with pytest.raises(Conflict, match="other things"):
        make(home, tmp_path / "c")


@pytest.mark.parametrize("inner", ["home/backups", "."])
def test_a_backup_lies_apart(home: Path, tmp_path: Path, inner: str) -> None:
    """Not within the home, nor around it."""
    with pytest.raises(InputError, match="one within the other"):
        make(home, tmp_path / inner)


def test_no_home_no_backup(tmp_path: Path) -> None:
    """And none of a folder without a record."""
    with pytest.raises(NotFound):
        make(tmp_path / "none", tmp_path / "b")
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound):
        make(tmp_path / "empty", tmp_path / "b")


def test_an_empty_record_is_backed_up(tmp_path: Path) -> None:
    """A home that nobody used yet."""
    open_recorder(tmp_path / "home").close()
    make(tmp_path / "home", tmp_path / "b")

    assert_good(tmp_path / "b", 0)


def test_what_a_killed_writer_acknowledged_is_there(home: Path, tmp_path: Path) -> None:
    """Events that are durable and not published yet are backed up; a torn batch is not."""
    recorder = open_recorder(home)
    append(recorder, 5_001, 5_041, step=5)
    recorder.publish()
    append(recorder, 5_100, 5_104, step=2)
    size = recorder.size
    torn = Home(home).wal_files()[-1].path
    offset = recorder._wal.size
    os.close(recorder._lock)
    with torn.open("r+b") as file:
        file.seek(offset)
        file.write(b"WALF" + b"\x01" * 300)
    make(home, tmp_path / "b")

    assert_good(tmp_path / "b", size)


def test_a_damaged_batch_is_refused(home: Path, tmp_path: Path) -> None:
    """One that others follow was acknowledged: a backup does not leave it out in silence."""
    wal = Home(home).wal_files()[-1].path
    data = bytearray(wal.read_bytes())
    data[len(data) // 2] ^= 1
    wal.write_bytes(data)

    with pytest.raises(TamperError):
        make(home, tmp_path / "b")


def test_a_home_that_another_writes_is_taken_as_published(home: Path, tmp_path: Path) -> None:
    """Nobody can be asked for the durable size: then what was let out is taken."""
    with open_recorder(home) as recorder:
        published = recorder.size
        recorder.publish()
        append(recorder, 5_100, 5_110, step=2)
        make(home, tmp_path / "b")

    _, manifest, report = verify_backup(tmp_path / "b")
    assert report.ok
    assert published <= manifest.size <= recorder.size


def test_events_arrive_meanwhile(tmp_path: Path) -> None:
    """Each of many backups is consistent, while events come, are sealed and tiles fill up."""
    home, target = tmp_path / "home", tmp_path / "b"
    open_recorder(home).close()
    over, ready = threading.Event(), threading.Event()
    sizes: list[int] = []

    def write() -> None:
        with open_recorder(home) as recorder:
            number = 0
            while not over.is_set():
                append(recorder, number, number + 120, step=40)
                number += 120
                sizes.append(recorder.size)
                ready.set()
                if number % 480 == 0:
                    seal(recorder)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        ready.wait(10)
        for number in range(8):
            before = sizes[-1]
            make(home, target, now_ms=NOW_MS + number, durable_size=lambda: sizes[-1])
            assert read_manifest(find_backup(target)).size >= before
            assert verify_backup(target)[2].fault is None
    finally:
        over.set()
        writer.join()


def test_a_target_without_room_leaves_what_was(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says so, and the backup before is whole."""
    first = make(home, tmp_path / "b")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("ombud.record.copying.os.write", full)
        with pytest.raises(Unavailable, match="No space left"):
            make(home, tmp_path / "b", now_ms=NOW_MS + 1)
    assert find_backup(tmp_path / "b") == first
    assert verify_backup(first)[2].ok
