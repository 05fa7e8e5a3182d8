"""Restore drill: backed up while events arrive, killed, restored elsewhere, and nothing is lost."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from doubles.audit_logs import trail
from doubles.running_home import LOOK, RunningHome, is_alive, ombud, rows_of, wait_until
from ombud.record.reader import RecordReader
from ombud.services.verifying import verify

Make = Callable[[Path], RunningHome]
LINES = 200  # Per delivery.
EVENT_ID = re.compile(rb'"eventID":"00000000-0000-4000-8000-(\d+)"')
WHY = ["--why", LOOK["why"], "--case", LOOK["case"]]


class Sender(threading.Thread):
    """Delivers numbered records, one delivery after the other, until told to stop."""

    def __init__(self, served: RunningHome) -> None:
        super().__init__(daemon=True)
        self.acknowledged = 0
        self.is_over = threading.Event()
        self._served = served

    def run(self) -> None:
        """Deliver."""
        while not self.is_over.wait(0.05):
            start = self.acknowledged
            answer = self._served.deliver("aws.cloudtrail", map(trail, range(start, start + LINES)))
            assert answer.status == 200, answer.body
            self.acknowledged += LINES

    def await_more(self) -> None:
        """Return when some more was acknowledged."""
        before = self.acknowledged
        wait_until(lambda: self.acknowledged > before + 5 * LINES, "events arrived")


def recorded(home: Path, size: int) -> Counter[int]:
    """Return the number of every delivered record there is, counted from the bytes."""
    found: Counter[int] = Counter()
    for committed in RecordReader(home).read(0, size):
        found.update(int(match[1]) for match in EVENT_ID.finditer(committed.blobs[-1]))
    return found


class Drill:
    """What happened to a home before it was restored."""

    def __init__(self, folder: Path, running: Make) -> None:
        self.old = folder / "old"
        self.target = folder / "backups"
        self.new = folder / "new"
        self.running = running
        self.old_head = b""
        self.sent = 0
        self.key = folder / "safe.key"

    def live_and_die(self) -> None:
        """Back a running home up twice while events arrive, then kill it."""
        served = self.running(self.old).start()
        served.own_token()
        sender = Sender(served)
        sender.start()
        try:
            for _ in range(2):
                before = sender.acknowledged
                sender.await_more()
                done = ombud(self.old, "backup", str(self.target), "--json")
                assert done.returncode == 0, done.stderr
                assert rows_of(done.stdout)[0]["events"] > before
            sender.await_more()
        finally:
            sender.is_over.set()
            sender.join()
        self.sent = sender.acknowledged
        self.key.write_bytes((self.old / "keys" / "record.key").read_bytes())
        pids = (served.recorder, served.sealer, served.pid)
        wait_until(lambda: b"\n" in (self.old / "log" / "checkpoint").read_bytes(), "published")
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        served.wait()
        wait_until(lambda: not any(map(is_alive, pids)), "all processes ended")
        self.old_head = (self.old / "log" / "checkpoint").read_bytes()


@pytest.fixture(scope="module")
def drill(tmp_path_factory: pytest.TempPathFactory, running: Make) -> Drill:
    """Return a drill at the point where there is only the backup, restored into a new folder."""
    one = Drill(tmp_path_factory.mktemp("drill"), running)
    one.live_and_die()
    done = ombud(one.new, "restore", str(one.target), "--json")
    assert done.returncode == 0, done.stderr
    return one


def test_the_backup_is_whole(drill: Drill) -> None:
    """Taken while events arrived, it verifies from its bytes."""
    done = ombud(drill.new, "backup", "verify", str(drill.target), "--json")

    assert done.returncode == 0, done.stdout
    assert rows_of(done.stdout)[0]["ok"] is True
    assert len(list(drill.target.iterdir())) == 2


def test_a_restored_home_says_so(drill: Drill) -> None:
    """Every command says it; verifying and proving work; looking, which is an event, does not."""
    for words, status in (
        (["record", "verify"], 0),
        (["record", "prove", "3"], 0),
        (["status"], 1),
        (["search", "action:read", *WHY], 3),
        (["alerts"], 3),
        (["ingest", "--source", "aws.cloudtrail", "-"], 3),
    ):
        done = ombud(drill.new, *words, stdin=trail(0))
        assert (done.returncode, words) == (status, words), done.stderr
        assert b"is a copy of" in done.stderr, words
        assert b"Traceback" not in done.stderr


def test_a_restored_home_serves_its_state_alone(drill: Drill) -> None:
    """Monitors are told; neither events nor looks are taken."""
    served = drill.running(drill.new).start()
    try:
        ready = served.ask("GET", "/readyz")
        refused = served.deliver("aws.cloudtrail", [trail(0)])
        looked = ombud(drill.new, "search", "action:read", *WHY)
        head = ombud(drill.new, "record", "head")
    finally:
        assert served.end() == 0

    assert ready.status == 503
    assert ready.body["checks"]["resumed"] is False
    assert ready.body["checks"]["record"] is False
    assert refused.status in {401, 503}
    assert looked.returncode == 3
    assert b"signs nothing until" in looked.stderr
    assert head.returncode == 0


def test_resumed_it_goes_on_and_nothing_is_lost(drill: Drill) -> None:
    """With the key, a reason, and an event; what is delivered again is there once."""
    backed_up = verify(drill.new, drill.new / "index" / "control.sqlite").size
    without = ombud(drill.new, "restore", "resume", "--why", "the disk died")
    known = drill.target.parent / "known.head"
    known.write_bytes(drill.old_head)
    words = ["restore", "resume", "--why", "the disk died", "--json"]
    done = ombud(drill.new, *words, "--key", str(drill.key), "--known-head", str(known))
    again = ombud(drill.new, *words)

    assert without.returncode == 1
    assert b"no key to sign with" in without.stderr
    assert done.returncode == 0, done.stderr
    said = rows_of(done.stdout)[0]
    assert (said["event"], said["size"]) == (backed_up, backed_up)
    assert said["abandoned_size"] > backed_up
    assert again.returncode == 1
    assert b"is no restored copy" in again.stderr

    served = drill.running(drill.new).start()
    served.own_token()
    total: Counter[str] = Counter()
    for start in range(0, drill.sent, LINES):
        lines = map(trail, range(start, start + LINES))
        body = served.deliver("aws.cloudtrail", lines).body
        total.update({name: body[name] for name in ("recorded", "duplicate")})
    (event,) = served.search("operation:home.restored")
    assert event["ombud"]["justification"]["text"] == "the disk died"
    assert event["ombud"]["attributes"]["abandoned_size"] == said["abandoned_size"]
    assert served.ask("GET", "/readyz").status == 200
    assert served.end() == 0

    report = verify(drill.new, drill.new / "index" / "control.sqlite")
    assert report.ok, report.fault
    found = recorded(drill.new, report.size)
    assert set(found) == set(range(drill.sent))
    assert set(found.values()) == {1}
    assert total["recorded"] + total["duplicate"] == drill.sent
    assert total["duplicate"] > 0
    assert total["recorded"] > 0


def test_heads_tell_the_copy_from_a_fork(drill: Drill) -> None:
    """Heads up to the backup hold in the new home; those the old one signed after it do not."""
    manifest = ombud(drill.new, "backup", "list", str(drill.target), "--json")
    newest = Path(rows_of(manifest.stdout)[-1]["backup"])
    fork = drill.target.parent / "old.head"
    fork.write_bytes(drill.old_head)
    words = ["record", "verify", "--known-head"]
    good = ombud(drill.new, *words, str(newest / "log" / "checkpoint"))
    bad = ombud(drill.new, *words, str(fork))
    backup = ombud(drill.new, "backup", str(drill.target))
    forked = ombud(drill.old, "backup", str(drill.target))

    assert good.returncode == 0, good.stdout
    assert bad.returncode == 1
    assert b"known tree head" in bad.stdout
    assert backup.returncode == 0, backup.stderr
    assert forked.returncode == 1
    assert b"does not go on from the backup" in forked.stderr
