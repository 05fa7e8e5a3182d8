"""kill -9 in mid-ingest: what was acknowledged over HTTP is there, and nothing is there twice.

`OMBUD_KILLS=50` kills fifty times instead of ten.
"""

from __future__ import annotations

import http.client
import os
import random
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from doubles.audit_logs import trail
from doubles.running_home import RunningHome, is_alive, wait_until
from ombud.record.reader import RecordReader
from ombud.services.verifying import verify

KILLS = int(os.environ.get("OMBUD_KILLS", "10"))
SENDERS = 3
LINES = 60  # Per delivery: many small ones, so that the kill meets every step of a commit.
NUMBERS_MAX = 10_000_000  # Of one sender; the next one's begin there.
EVENT_ID = re.compile(rb'"eventID":"00000000-0000-4000-8000-(\d+)"')


class Sender(threading.Thread):
    """Delivers numbered records and repeats what was not acknowledged, until told to stop."""

    def __init__(self, served: RunningHome, number: int, go: threading.Event) -> None:
        super().__init__(daemon=True)
        self.acknowledged = 0  # How many of its numbers were answered for.
        self.repeated = 0
        self.faults: list[str] = []
        self.first = number * NUMBERS_MAX
        self._served = served
        self._go = go
        self.is_over = threading.Event()

    def run(self) -> None:
        """Deliver."""
        while not self.is_over.is_set():
            if self._go.wait(0.2) and not self._deliver():
                self.repeated += 1
                self.is_over.wait(0.01)

    def _deliver(self) -> bool:
        start = self.first + self.acknowledged
        try:
            answer = self._served.deliver("aws.cloudtrail", map(trail, range(start, start + LINES)))
        except (OSError, http.client.HTTPException):
            return False
        if answer.status == 503:
            return False
        body = answer.body
        if answer.status != 200 or body["recorded"] + body["duplicate"] != LINES:
            self.faults.append(f"{answer.status} {body}")
        self.acknowledged += LINES
        return True


def recorded(home: Path, size: int) -> Counter[int]:
    """Return the number of every delivered record there is, counted from the bytes."""
    found: Counter[int] = Counter()
    for committed in RecordReader(home).read(0, size):
        found.update(int(match[1]) for match in EVENT_ID.finditer(committed.blobs[-1]))
    return found


def assert_whole(home: Path, senders: list[Sender]) -> int:
    """See that the record verifies, holds all that was acknowledged and nothing twice."""
    report = verify(home, home / "index" / "control.sqlite")
    assert report.ok, report.fault
    found = recorded(home, report.size)
    assert max(found.values(), default=1) == 1
    for sender in senders:
        wanted = range(sender.first, sender.first + sender.acknowledged)
        assert not [number for number in wanted if number not in found]
    return report.size


def kill(served: RunningHome, *, is_whole: bool) -> None:
    """Kill the recorder, and with it the rest if asked; return when nothing runs."""
    pids = (served.recorder, served.sealer, served.pid)
    for pid in (served.pid, *pids[:2]) if is_whole else pids[:1]:
        os.kill(pid, signal.SIGKILL)
    assert served.wait() == (-signal.SIGKILL if is_whole else 3)
    wait_until(lambda: not any(map(is_alive, pids)), "all processes ended")


def await_progress(senders: list[Sender]) -> None:
    """Return when something more was acknowledged."""
    before = sum(sender.acknowledged for sender in senders)
    wait_until(
        lambda: sum(sender.acknowledged for sender in senders) > before,
        "something was acknowledged",
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty home."""
    return tmp_path_factory.mktemp("killed") / "home"


def test_killed_in_mid_ingest(home: Path, running: Callable[[Path], RunningHome]) -> None:
    """Alternately the recorder alone and all; the sender repeats what was not answered."""
    dice = random.Random(9)
    served = running(home).start()
    served.own_token()
    go = threading.Event()
    senders = [Sender(served, number, go) for number in range(SENDERS)]
    for sender in senders:
        sender.start()
    try:
        for number in range(KILLS):
            go.set()
            await_progress(senders)
            threading.Event().wait(dice.uniform(0, 0.25))
            kill(served, is_whole=bool(number % 2))
            go.clear()
            assert_whole(home, senders)
            served.start()
    finally:
        for sender in senders:
            sender.is_over.set()
        for sender in senders:
            sender.join()
    assert [sender.faults for sender in senders] == [[]] * SENDERS
    assert sum(sender.repeated for sender in senders) > 0
    assert_whole(home, senders)
    assert served.end() == 0
    size = assert_whole(home, senders)
    assert size >= sum(sender.acknowledged for sender in senders) > 0
