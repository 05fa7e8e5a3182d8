"""Verify finds every changed byte under `log/` and `segments/` and names its file."""

from __future__ import annotations

import errno
import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from doubles.record_home import (
    ORIGIN,
    SIGNER,
    append,
    make_home,
    open_recorder,
    published_files,
    seal,
)
from ombud.core.errors import InputError, NotFound, Unavailable
from ombud.record.verify import verify_home
from ombud.record.verify_report import VerifyReport
from ombud.tlog.note import Signer, encode_base64, sign_note
from ombud.tlog.tree_head import TreeHead

FLIPS = 200


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an intact home, which no test may change."""
    return make_home(tmp_path_factory.mktemp("whole") / "home")


@pytest.fixture
def home(whole: Path, tmp_path: Path) -> Path:
    """Return a copy of the intact home, to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "home"))


def place_of(report: VerifyReport) -> str:
    """Return the place of the fault, which there must be."""
    assert report.fault is not None
    assert not report.ok
    assert report.fault.reason
    return report.fault.place


def assert_names(home: Path, path: Path) -> None:
    """Check that the fault that is found is in this file."""
    place = place_of(verify_home(home))
    name = path.relative_to(home).as_posix()
    assert place == name or place.startswith(f"{name}:"), (place, name)


def test_an_intact_record_verifies(whole: Path) -> None:
    """Everything holds, and the report says what was looked at."""
    seen: list[tuple[int, int]] = []
    report = verify_home(whole, progress=lambda done, total: seen.append((done, total)))

    assert report.fault is None
    assert report.torn is None
    assert report.size == report.published_size == report.counts["events"] > 600
    assert report.counts["segments"] == 3
    assert report.counts["tiles"] == report.counts["bundles"] == 2
    assert report.counts["partial_files"] > 3
    assert (report.origin, report.vkey) == (ORIGIN, SIGNER.vkey)
    assert seen[-1] == (report.size, report.size)
    assert json.loads(json.dumps(report.to_dict()))["ok"] is True


def test_verifying_changes_nothing(home: Path, whole: Path) -> None:
    """What is verified is only read."""
    verify_home(home)

    for path in whole.rglob("*"):
        if path.is_file():
            assert (home / path.relative_to(whole)).read_bytes() == path.read_bytes()


def test_one_flipped_bit_is_found_anywhere(home: Path) -> None:
    """Every file once, the rest at random over all bytes: each is found, in its file."""
    chance = random.Random(7)
    files = published_files(home)
    sizes = [path.stat().st_size for path in files]
    chosen = [*files, *chance.choices(files, sizes, k=FLIPS)]
    assert len(chosen) >= FLIPS
    for path in chosen:
        data = path.read_bytes()
        bit = chance.randrange(8 * len(data))
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        path.write_bytes(altered)
        assert_names(home, path)
        path.write_bytes(data)
    assert verify_home(home).ok


def shorten(path: Path) -> None:
    """Take the last byte away."""
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    """Take all bytes away."""
    path.write_bytes(b"")


def lengthen(path: Path) -> None:
    """Add a byte."""
    path.write_bytes(path.read_bytes() + b"\0")


def lengthen_much(path: Path) -> None:
    """Add more than is ever read."""
    path.write_bytes(path.read_bytes() + b"\0" * 20_000)


@pytest.mark.parametrize("damage", [Path.unlink, shorten, empty, lengthen, lengthen_much])
def test_every_file_counts(home: Path, damage: Callable[[Path], None]) -> None:
    """A file that is gone, shorter or longer is found, whichever it is.

    A stale partial tile may be gone: no published tree head needs it.
    """
    report = verify_home(home)
    size = report.published_size
    for path in published_files(home):
        data = path.read_bytes()
        damage(path)
        is_stale = ".p/" in str(path) and path.name not in {str(size % 256), str(size >> 8)}
        if damage is Path.unlink and is_stale:
            assert verify_home(home).ok
        else:
            assert_names(home, path)
        path.write_bytes(data)
    assert verify_home(home).ok


@pytest.mark.parametrize("damage", [Path.unlink, shorten, empty])
def test_state_and_write_ahead_log_count(home: Path, damage: Callable[[Path], None]) -> None:
    """What was let out is known to `state`, so that the tail cannot be cut off."""
    for path in (home / "state", *(home / "wal").iterdir()):
        data = path.read_bytes()
        damage(path)
        place = place_of(verify_home(home)).partition(":")[0]
        assert place in {path.relative_to(home).as_posix(), "wal"}
        path.write_bytes(data)


def test_every_bit_of_the_write_ahead_log_counts(home: Path) -> None:
    """A bit of the unsealed tail is found as well, and its file named."""
    (path,) = (home / "wal").iterdir()
    data = path.read_bytes()
    chance = random.Random(3)
    for _ in range(60):
        bit = chance.randrange(8 * len(data))
        altered = bytearray(data)
        altered[bit // 8] ^= 1 << bit % 8
        path.write_bytes(altered)
        assert_names(home, path)


@pytest.mark.parametrize("folder", ["segments", "log/tile/0", "log/tile/entries"])
def test_swapped_files_are_found(home: Path, folder: str) -> None:
    """Right bytes under the wrong name are wrong."""
    one, other = sorted(path for path in (home / folder).iterdir() if path.is_file())[:2]
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)

    assert place_of(verify_home(home)).startswith(f"{folder}/")


@pytest.mark.parametrize(
    "name",
    [
        "log/notes.txt",
        "log/.hidden",
        "log/checkpoint.old",
        "log/tile/0/0000",
        "log/tile/0/000.p/0",
        "log/tile/0/000/x",
        "log/tile/5/000",
        "log/tile/0/009",
        "log/tile/0/002.p/255",
        "log/tile/entries/000.p/256",
        "log/tile/data/000",
        "segments/notes.txt",
        "segments/.hidden",
        "segments/0-1.parquet",
        "segments/00000000000000000000-1.parquet",
        "segments/00000000000000099999-1.parquet",
    ],
)
def test_a_file_that_nothing_accounts_for_is_found(home: Path, name: str) -> None:
    """No file may lie under `log/` or `segments/` unseen."""
    path = home / name
    if path.parent.is_file():
        path = path.with_name("xyz")
        path.parent.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")

    assert place_of(verify_home(home)).startswith(name.partition("/000/")[0])


def test_strange_names_and_depths_are_found(home: Path) -> None:
    """Whatever a file is called, and however deep it lies, it is named as JSON can."""
    strange = os.fsencode(home / "log") + b"/\xff\n\x01"
    Path(os.fsdecode(strange)).write_bytes(b"")
    assert json.loads(json.dumps(verify_home(home).to_dict()))["fault"]["place"].startswith("log/")
    assert place_of(verify_home(home)).encode() == b"log/\\udcff\n\x01"
    Path(os.fsdecode(strange)).unlink()
    deep = home / "log"
    for _ in range(100):
        deep = deep / "d"
        deep.mkdir()
    assert place_of(verify_home(home)) == "log" + "/d" * 13


def test_a_link_is_no_file(home: Path, tmp_path: Path) -> None:
    """Bytes that lie elsewhere can change unseen."""
    for name in ("log/checkpoint", "log/tile/0/000", "segments/more"):
        path, target = home / name, tmp_path / "target"
        data = path.read_bytes() if path.exists() else b""
        target.write_bytes(data)
        path.unlink(missing_ok=True)
        path.symlink_to(target)
        assert place_of(verify_home(home)) == name
        path.unlink()
        if data:
            path.write_bytes(data)


def test_a_folder_or_pipe_is_no_file(home: Path) -> None:
    """Only a plain file can be verified."""
    path = home / "log/tile/0/000"
    data = path.read_bytes()
    path.unlink()
    path.mkdir()
    assert place_of(verify_home(home)) == "log/tile/0/000"
    path.rmdir()
    path.write_bytes(data)
    os.mkfifo(home / "log/pipe")
    assert place_of(verify_home(home)) == "log/pipe"


def test_a_stale_partial_tile_must_verify(home: Path) -> None:
    """A partial tile of an older tree head may stay, if it is a part of the tile."""
    tile = (home / "log/tile/0/000").read_bytes()
    bundle = (home / "log/tile/entries/000").read_bytes()
    for name, data in (("0/000.p/5", tile[:160]), ("entries/000.p/7", bundle[:315])):
        path = home / "log/tile" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        assert verify_home(home).ok
        for wrong in (data[:-1] + b"\xff", data + b"\0", data[1:], tile):
            path.write_bytes(wrong)
            assert_names(home, path)
        path.write_bytes(data)


def signed(head: TreeHead, *signers: Signer) -> bytes:
    """Return a tree head under some signatures."""
    return sign_note(head.to_text(), signers or [SIGNER])


def published_head(home: Path) -> TreeHead:
    """Return the published tree head."""
    text = (home / "log/checkpoint").read_text(encoding="utf-8").rpartition("\n\n")[0]
    return TreeHead.parse(text + "\n")


MALLORY = Signer(ORIGIN, b"m" * 32)


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        (lambda head: signed(head, MALLORY), "known key"),
        (lambda head: signed(head, SIGNER, MALLORY), "unknown key"),
        (lambda head: signed(head, SIGNER, SIGNER), "unknown key"),
        (lambda head: signed(TreeHead("other", head.size, head.root)), "`other`"),
        (lambda head: signed(TreeHead(ORIGIN, head.size, bytes(32))), "root"),
        (lambda head: signed(TreeHead(ORIGIN, head.size + 1, head.root)), "is of size"),
        (lambda head: signed(TreeHead(ORIGIN, 5, head.root)), "root"),
        (lambda head: sign_note(head.to_text() + "more\n", [SIGNER]), "three lines"),
        (lambda head: signed(head).replace(b"\xe2\x80\x94", b"-"), "dash"),
    ],
    ids=[
        "another key",
        "one more key",
        "twice",
        "another log",
        "another root",
        "larger",
        "smaller with another root",
        "extension",
        "no dash",
    ],
)
def test_a_tree_head_that_is_not_ours_is_found(
    home: Path, note: Callable[[TreeHead], bytes], reason: str
) -> None:
    """The published head has one signature, ours, over a root that the events give."""
    (home / "log/checkpoint").write_bytes(note(published_head(home)))
    report = verify_home(home)

    assert place_of(report) in {"log/checkpoint", "state"}
    assert reason in report.fault.reason  # type: ignore[union-attr]


def test_base64_has_one_spelling_in_tree_heads(home: Path) -> None:
    """Bits that base64 decoders drop are not free for the taking."""
    path = home / "log/checkpoint"
    note = path.read_bytes()
    root = encode_base64(published_head(home).root).encode()
    loose = root[:-2] + bytes([root[-2] + 1]) + b"="
    for altered in (note.replace(root, loose), note[:-1] + b"=\n", note.replace(b"=\n\n", b"\n\n")):
        path.write_bytes(altered)
        assert_names(home, path)


def test_state_may_lead_but_not_lag(home: Path) -> None:
    """A tree head is durable in `state` before it is published."""
    old = (home / "log/checkpoint").read_bytes()
    with open_recorder(home) as recorder:
        append(recorder, recorder.size, recorder.size + 20)
    new = (home / "log/checkpoint").read_bytes()

    (home / "log/checkpoint").write_bytes(old)
    assert verify_home(home).ok
    (home / "log/checkpoint").write_bytes(new)
    (home / "state").write_bytes(old)
    assert_names(home, home / "state")


def make_shorter(home: Path, end: int, word: str = "") -> Path:
    """Make a record of fewer events under the same key."""
    with open_recorder(home) as recorder:
        append(recorder, 0, end, word=word)
        seal(recorder)
    return home


def test_history_written_anew_with_the_real_key_is_found_by_an_older_head(
    home: Path, tmp_path: Path
) -> None:
    """Who holds the key can write another history, but not under a head that was kept."""
    kept = (home / "log/checkpoint").read_bytes()
    rewritten = make_home(tmp_path / "again")  # Other salts, so another root of each size.
    shorter = make_shorter(tmp_path / "shorter", 100)
    assert verify_home(rewritten).ok
    assert verify_home(home, known_heads=[kept]).ok

    for other, reason in ((rewritten, "another root"), (shorter, "ends after")):
        report = verify_home(other, known_heads=[kept])
        assert "known tree head" in place_of(report) + report.fault.reason  # type: ignore[union-attr]
        assert reason in report.fault.reason  # type: ignore[union-attr]
    (rewritten / "log/checkpoint").write_bytes(kept)
    assert place_of(verify_home(rewritten)) in {"log/checkpoint", "state"}


def test_an_older_head_left_in_place_convicts_a_new_history(home: Path, tmp_path: Path) -> None:
    """The published head of the old history does not fit the new one, though it is smaller."""
    shorter = make_shorter(tmp_path / "shorter", 100)
    (home / "log/checkpoint").write_bytes((shorter / "log/checkpoint").read_bytes())
    report = verify_home(home)

    assert place_of(report) == "log/checkpoint"
    assert "root" in report.fault.reason  # type: ignore[union-attr]


def test_a_key_to_trust_may_be_given(home: Path) -> None:
    """An auditor does not take the key from the home."""
    assert verify_home(home, vkey=SIGNER.vkey).ok
    assert not verify_home(home, vkey=MALLORY.vkey).ok
    with pytest.raises(InputError):
        verify_home(home, vkey="nonsense")
    with pytest.raises(InputError):
        verify_home(home, known_heads=[b"nonsense"])


def test_only_the_public_key_is_needed(home: Path) -> None:
    """Who verifies need not hold what signs."""
    (home / "keys/record.key").unlink()

    assert verify_home(home).ok


def test_no_record_is_not_a_wrong_record(tmp_path: Path) -> None:
    """An empty folder proves nothing."""
    with pytest.raises(NotFound):
        verify_home(tmp_path / "nothing")


@pytest.mark.parametrize("content", [None, b"nonsense\n", b"\xff\n"])
def test_a_key_that_is_gone_or_no_key_is_a_fault(home: Path, content: bytes | None) -> None:
    """Missing or unreadable as its format, like any other file of the record."""
    shutil.rmtree(home / "keys")
    (home / "keys").mkdir()
    if content is not None:
        (home / "keys/record.vkey").write_bytes(content)

    assert place_of(verify_home(home)) == "keys/record.vkey"
    assert verify_home(home, vkey=SIGNER.vkey).ok


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
@pytest.mark.parametrize("name", ["checkpoint", "00000000000000000000-130.parquet", "000"])
def test_what_the_machine_refuses_proves_nothing(
    home: Path, monkeypatch: pytest.MonkeyPatch, number: int, name: str
) -> None:
    """No permission and a failing disk are not tampering."""
    real = os.open

    def refusing(path: Any, *arguments: Any, **settings: Any) -> int:
        if Path(path).name == name:
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *arguments, **settings)

    monkeypatch.setattr(os, "open", refusing)
    with pytest.raises(Unavailable, match=name):
        verify_home(home)
