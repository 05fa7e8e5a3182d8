"""Live policy: what stands now, at once after each change, and nothing when it cannot be told."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ombud.access.attempt import Attachment, Attempt, Grant
from ombud.access.decide import decide
from ombud.access.snapshot import Snapshot
from ombud.app.home import OpenHome, open_here
from ombud.core.errors import TamperError, Unavailable
from ombud.services import published
from ombud.services.asker import Asker
from ombud.services.directory_wanted import DirectoryWanted, WantedFile
from ombud.services.live_policy import LivePolicy
from ombud.services.policy_wanted import PolicyWanted
from ombud.services.published import Published, publish
from ombud.services.token_publishing import FOLDER
from ombud.services.worker_state import NeedsHome, WorkerState
from ombud.store import policy_texts

CY = Asker(person="cy", scopes=frozenset({"admin"}))
NOW = 1_795_305_600_000  # 2026-11-22T00:00:00Z
HOUR = 3_600_000
POLICY = """
datasets:
  plates: {system: anpr}
purposes:
  thefts:
    title: Find thieves
    audience: {units: [patrol]}
    standing: true
    scope: [{name: look, actions: [read], resources: [plates]}]
  frauds:
    title: Find frauds
    approval: {approvers: {actors: [person:ben]}}
    scope: [{name: look, actions: [read], resources: [plates]}]
"""
PEOPLE = "person\nana\nben\n"
UNITS = "unit,parent\ncounty,\npatrol,county\n"
MEMBERS = "person,unit,role,from,to\nana,patrol,officer,,2026-11-22T01:00Z\n"
ACCOUNTS = "account,system,person,from\nadm,db,ana,\nadm,hr,ben,2026-11-22T00:30Z\n"
ANA = Attempt("person", "ana", "read", "dataset", "plates", purpose="thefts")


class Granted:
    """Grants that a test changes by hand."""

    def __init__(self) -> None:
        self.index = 0
        self.all: tuple[Grant, ...] = ()

    def stamp(self) -> int:
        """Return what changes with them."""
        return self.index

    def grants(self) -> tuple[Grant, ...]:
        """Return them."""
        return self.all

    def attachments(self) -> tuple[Attachment, ...]:
        """Return none."""
        return ()


class Home:
    """An open home with a live policy whose clock and grants are moved by hand."""

    def __init__(self, opened: OpenHome) -> None:
        self.opened = opened
        self.now = NOW
        self.granted = Granted()
        self.live = LivePolicy(
            control=opened.control,
            granted=self.granted,
            fetch=opened.reader.fetch,
            clock=lambda: self.now,
        )

    def apply(self, text: str = POLICY) -> None:
        """Put a policy in force."""
        self.opened.access.policy.policies.apply(PolicyWanted({"p.yaml": text}), asker=CY)

    def load(self, **files: str) -> None:
        """Load a directory."""
        wanted = [WantedFile(f"{kind}.csv", text=text) for kind, text in files.items()]
        self.opened.directory.load(DirectoryWanted(wanted, force=True), asker=CY)

    def permits(self, attempt: Attempt = ANA) -> bool:
        """Decide by the snapshot that stands."""
        return decide(attempt, self.live.snapshot(), self.now).permit


@pytest.fixture
def one(home: Path) -> Iterator[Home]:
    """Return a home without a policy."""
    with open_here(home) as opened:
        yield Home(opened)


def test_without_a_policy_everything_is_denied(one: Home) -> None:
    """There is a snapshot, and it permits nothing."""
    decision = decide(ANA, one.live.snapshot(), one.now)

    assert (decision.permit, decision.reasons) == (False, ("purpose_unknown",))
    assert one.live.policy().purposes == ()


def test_snapshot_stands_until_something_changes(one: Home) -> None:
    """The same value as long as nothing it is made of changes; another one at once when it does."""
    one.apply()
    first, epoch = one.live.snapshot(), one.live.epoch()
    one.opened.services.token_create({"name": "t", "scopes": ["search"]}, asker=CY)
    assert one.live.snapshot() is first
    assert one.live.epoch() == epoch

    one.load(person=PEOPLE, unit=UNITS, membership=MEMBERS)
    second = one.live.snapshot()
    assert (second is first, one.live.epoch()) == (False, epoch + 1)
    assert one.permits()
    one.apply(POLICY.replace("    standing", "    until: 2020-01-01\n    standing"))
    assert one.live.epoch() == epoch + 2
    assert not one.permits()


def test_membership_ends_by_itself(one: Home) -> None:
    """The directory is that of the instant: nothing is recorded when somebody's time is over."""
    one.apply()
    one.load(person=PEOPLE, unit=UNITS, membership=MEMBERS)
    one.now = NOW + HOUR - 1
    assert one.permits()
    one.now += 1

    assert not one.permits()


def test_grant_counts_at_once_and_ends_by_itself(one: Home) -> None:
    """A grant needs a new snapshot, its end none."""
    one.apply()
    ana = Attempt("person", "ana", "read", "dataset", "plates", purpose="frauds")
    assert not one.permits(ana)
    one.granted.all = (Grant("g1", "person", "ana", "frauds", NOW, NOW + HOUR),)
    one.granted.index = 1
    one.opened.services.token_create({"name": "t", "scopes": ["search"]}, asker=CY)
    assert one.permits(ana)
    standing = one.live.snapshot()
    one.now += HOUR

    assert not one.permits(ana)
    assert one.live.snapshot() is standing


def test_account_stands_for_its_person_alone(one: Home) -> None:
    """What stands for two people is nobody's from then on, and gets nothing."""
    one.apply()
    one.load(person=PEOPLE, unit=UNITS, membership=MEMBERS, account=ACCOUNTS)
    account = Attempt("user", "adm", "read", "dataset", "plates", purpose="thefts")
    assert one.live.actors().people["adm"] == "ana"
    assert one.permits(account)
    one.now += HOUR // 2

    assert not one.permits(account)
    assert "adm" not in one.live.actors().people
    assert one.permits()


def test_policy_that_cannot_be_read_permits_nothing(
    one: Home, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The one before does not go on; it is tried again later, and then stands."""
    one.apply()
    one.live.snapshot()
    real = policy_texts.hash_texts
    monkeypatch.setattr(policy_texts, "hash_texts", lambda files: "0" * 64)
    with caplog.at_level(logging.ERROR):
        one.apply(POLICY + "# changed\n")
        with pytest.raises(Unavailable, match="nothing is permitted"):
            one.live.snapshot()
    with pytest.raises(Unavailable, match="have SHA-256"):
        one.live.policy()
    assert "everything is denied" in caplog.text

    monkeypatch.setattr(policy_texts, "hash_texts", real)
    one.now += 5_000
    assert one.live.policy().purposes


def test_workers_see_each_snapshot(one: Home, tmp_path: Path) -> None:
    """They find what the server found, under another epoch, as soon as it was changed."""
    folder = tmp_path / "published"
    folder.mkdir()
    one.apply()
    one.live.publish_into(folder)
    with Published(folder) as worker:
        epoch, packed = worker.current()
        assert Snapshot.unpack(packed or b"").version == one.live.snapshot().version
        assert worker.current() == (epoch, None)
        one.opened.projection.tell(one.live.follow)
        one.apply(POLICY.replace("    standing", "    until: 2020-01-01\n    standing"))
        later, packed = worker.current()
        assert later > epoch == worker.epoch() - 2
        assert Snapshot.unpack(packed or b"").version == one.live.snapshot().version
    assert len(list(folder.glob("snapshot-*"))) == 2


def test_worker_finds_nothing_where_there_is_no_policy(
    one: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be read is told as nothing at all, and not as what was before."""
    one.apply()
    one.live.publish_into(tmp_path)
    monkeypatch.setattr(policy_texts, "hash_texts", lambda files: "0" * 64)
    one.opened.projection.tell(one.live.follow)
    one.apply(POLICY + "# changed\n")

    with Published(tmp_path) as worker:
        assert worker.current()[1] == b""


def test_worker_asks_its_home_when_the_directory_says_something_else(
    one: Home, tmp_path: Path
) -> None:
    """Nothing is recorded when a membership ends: until it is told anew, a worker knows nothing."""
    one.apply()
    one.load(person=PEOPLE, unit=UNITS, membership=MEMBERS)
    (tmp_path / FOLDER).mkdir()
    publish(tmp_path / FOLDER, b"", 1)
    one.live.publish_into(tmp_path)
    worker = WorkerState(tmp_path, clock=lambda: one.now)
    try:
        one.now = NOW + HOUR - 1
        assert decide(ANA, worker.snapshot(), one.now).permit
        one.now += 1
        with pytest.raises(NeedsHome):
            worker.snapshot()
        one.live.epoch()  # As the home looks at it for each decision.
        assert not decide(ANA, worker.snapshot(), one.now).permit
    finally:
        worker.close()


def test_another_server_counts_on_where_the_one_before_ended(one: Home, tmp_path: Path) -> None:
    """A worker that outlives its server for a moment never takes one snapshot for another."""
    publish(tmp_path, b"of the server before", 7)
    with Published(tmp_path) as worker:
        epoch, _ = worker.current()
        one.live.publish_into(tmp_path)

        assert worker.epoch() > epoch
        assert Snapshot.unpack(worker.current()[1] or b"").version == one.live.snapshot().version


def test_file_that_a_crash_spoilt_is_written_again(tmp_path: Path) -> None:
    """Of the same name and size, and of other bytes: a power failure can leave such a one."""
    publish(tmp_path, b"first", 1)
    next(tmp_path.glob("snapshot-*")).write_bytes(bytes(5))
    publish(tmp_path, b"first", 2)

    with Published(tmp_path) as worker:
        assert worker.current() == (4, b"first")


def test_disk_that_takes_nothing_stops_the_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They do not go on with what was there before."""
    publish(tmp_path, b"first", 1)
    with Published(tmp_path) as worker:
        assert worker.current() == (2, b"first")

        def full(*_: Any) -> int:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patched:
            patched.setattr(Path, "write_bytes", full)
            with pytest.raises(Unavailable, match="No space left"):
                publish(tmp_path, b"second", 2)
        with pytest.raises(Unavailable, match="half written"):
            worker.current()
        publish(tmp_path, b"second", 2)
        assert worker.current() == (4, b"second")


def test_writer_that_died_in_between_is_noticed(tmp_path: Path) -> None:
    """An odd epoch, or a file of other bytes, is answered by nobody."""
    publish(tmp_path, b"first", 1)
    path = tmp_path / published.EPOCH_NAME
    with Published(tmp_path) as worker, path.open("r+b") as file:
        file.write((3).to_bytes(8, "little"))
        file.flush()
        with pytest.raises(Unavailable, match="half written"):
            worker.current()
    publish(tmp_path, b"first", 2)
    next(tmp_path.glob("snapshot-*")).write_bytes(b"other")
    with Published(tmp_path) as worker, pytest.raises(TamperError, match="what its name says"):
        worker.current()
    publish(tmp_path, b"second", 3)
    with Published(tmp_path) as worker:
        assert worker.current() == (6, b"second")


def test_nothing_is_published_at_first(tmp_path: Path) -> None:
    """A worker does not begin without a snapshot."""
    with pytest.raises(Unavailable, match="no snapshot"):
        Published(tmp_path)
