"""Credentials: hashes in a file of one's own, waits after wrong answers, and no in doubt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from doubles.memory_record import MemoryRecord
from ombud.core.errors import Forbidden, InputError, Unauthenticated, Unavailable
from ombud.services import credentials
from ombud.services.asker import Asker
from ombud.services.credentials import LOCK_MS, TRIES, Credentials

ANA = Asker(person="ana", scopes=frozenset({"request"}))
CY = Asker(person="cy", scopes=frozenset({"admin"}))
SECRET = "correct horse"
NOW = 1_795_305_600_000


class Kept:
    """Credentials of a home, at a time that tests set."""

    def __init__(self, home: Path) -> None:
        self.record = MemoryRecord()
        self.now = NOW
        self.path = home / "credentials.json"
        self.all = Credentials(home, appender=self.record, clock=lambda: self.now)  # type: ignore[arg-type]

    def set(self, secret: str = SECRET, *, asker: Asker = ANA, **other: Any) -> dict[str, object]:
        """Set ana's secret."""
        return self.all.set("ana", secret, asker=asker, is_own=asker is ANA, **other)

    def check(self, secret: str = SECRET, person: str = "ana") -> str:
        """Check a secret."""
        return self.all.check(person, secret, asker=ANA)

    def operations(self) -> list[str | None]:
        """Return what is on record."""
        return [one.operation for one in self.record.events]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """Return credentials whose hashing is quick."""
    monkeypatch.setattr(credentials, "SCRYPT_N", 2)
    monkeypatch.setattr(credentials, "SCRYPT_P", 1)
    return Kept(tmp_path)


def test_hash_is_slow_and_the_parameters_are_kept(tmp_path: Path) -> None:
    """What is in the file is scrypt at 32 MB, salted, and no secret."""
    kept = Kept(tmp_path)
    kept.set()
    text = kept.path.read_text()

    assert (kept.path.stat().st_mode & 0o777) == 0o600
    assert '"n":32768' in text
    assert SECRET not in text
    assert kept.check() == "ana"


def test_right_and_wrong(kept: Kept) -> None:
    """Only the same characters, in whichever form a keyboard gives them."""
    kept.set("Stra\u00dfe f\u00fcnf")
    assert kept.check("Stra\u00dfe fu\u0308nf") == "ana"
    for wrong in ("strasse fuenf", "", "x" * 5_000, "\ud800"):
        with pytest.raises(Unauthenticated):
            kept.check(wrong)
    with pytest.raises(Unauthenticated):
        kept.check(SECRET, person="nobody")
    assert set(kept.operations()) == {"credential.set", "credential.refused"}
    assert all(SECRET.encode() not in one.raw for one in kept.record.events)


def test_who_may_set(kept: Kept) -> None:
    """One's own with the one before, or an administrator; the setter is told with each proof."""
    kept.set()
    with pytest.raises(Unauthenticated):
        kept.set("another secret")
    kept.set("another secret", current=SECRET)
    with pytest.raises(Forbidden):
        kept.all.set("ben", "another secret", asker=ANA, is_own=False)
    assert kept.set("a third secret", asker=CY)["replaced"] is True
    assert kept.check("a third secret") == "cy"
    assert kept.all.set_by("ana") == "cy"
    assert kept.all.set_by("ben") is None


def test_an_administrators_token_does_not_prove_itself(kept: Kept) -> None:
    """Who administers proves their own secret before another; else a stolen token would do."""
    own = Asker(person="ana", scopes=frozenset({"request", "admin"}))
    kept.all.set("ana", SECRET, asker=own, is_own=True)
    with pytest.raises(Unauthenticated):
        kept.all.set("ana", "another secret", asker=own, is_own=True)
    kept.all.set("ana", "another secret", asker=own, is_own=True, current=SECRET)
    owner = Asker(person="ana", scopes=own.scopes, via="cli")
    kept.all.set("ana", "a third secret", asker=owner, is_own=True)
    assert kept.check("a third secret") == "ana"


@pytest.mark.parametrize("secret", ["", "short", "x" * 1_001])
def test_length(kept: Kept, secret: str) -> None:
    """Long enough that guessing is work, short enough that hashing is not."""
    with pytest.raises(InputError, match="characters"):
        kept.set(secret)


def test_wrong_answers_wait(kept: Kept) -> None:
    """After some in a row even the right one must wait, twice as long each time."""
    kept.set()
    for _ in range(TRIES):
        with pytest.raises(Unauthenticated):
            kept.check("wrong")
    with pytest.raises(Unavailable, match="too many"):
        kept.check()
    assert kept.operations().count("credential.locked") == 1
    kept.now += LOCK_MS
    with pytest.raises(Unauthenticated):
        kept.check("wrong")
    kept.now += LOCK_MS
    with pytest.raises(Unavailable):
        kept.check()
    kept.now += LOCK_MS
    assert kept.check() == "ana"
    for _ in range(TRIES - 1):  # What was wrong before counts no more.
        with pytest.raises(Unauthenticated):
            kept.check("wrong")
    assert kept.check() == "ana"


def test_wait_outlasts_a_restart(kept: Kept, tmp_path: Path) -> None:
    """Nobody gets more tries by making the server start again."""
    kept.set()
    for _ in range(TRIES):
        with pytest.raises(Unauthenticated):
            kept.check("wrong")
    with pytest.raises(Unavailable):
        Kept(tmp_path).check()


def test_nothing_is_set_that_is_not_on_record(kept: Kept) -> None:
    """Without the event there is no secret."""
    kept.record.fail = Unavailable("disk full")
    with pytest.raises(Unavailable):
        kept.set()
    assert not kept.path.exists()


def test_misses_that_cannot_be_recorded_are_no_yes(kept: Kept) -> None:
    """A wrong answer stays wrong, and counts, when the record takes nothing."""
    kept.set()
    kept.record.fail = Unavailable("disk full")
    for _ in range(TRIES):
        with pytest.raises(Unavailable, match="disk full"):
            kept.check("wrong")
    with pytest.raises(Unavailable, match="too many"):
        kept.check()


@pytest.mark.parametrize("spoil", ["mode", "json", "shape", "link", "folder", "size", "numbers"])
def test_file_that_proves_nothing(
    kept: Kept, spoil: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Readable by others, damaged, led elsewhere: then nobody is who they say they are."""
    kept.set()
    if spoil == "mode":
        kept.path.chmod(0o640)
    elif spoil == "json":
        kept.path.write_text("{")
    elif spoil == "shape":
        kept.path.write_text('{"ana": {"salt": 1}}')
    elif spoil == "link":
        kept.path.rename(tmp_path / "other")
        kept.path.symlink_to(tmp_path / "other")
    elif spoil == "folder":
        kept.path.unlink()
        kept.path.mkdir(mode=0o700)
    elif spoil == "size":
        monkeypatch.setattr(credentials, "FILE_SIZE_MAX", 1)
    else:
        kept.path.write_text(kept.path.read_text().replace('"n":2', '"n":3'))
    with pytest.raises((Unavailable, Unauthenticated)):
        kept.check()
    if spoil != "numbers":
        with pytest.raises(Unavailable):
            kept.set("another secret", asker=CY)
