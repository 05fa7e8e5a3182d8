"""Full and read-only disks, real ones: nothing acknowledged is lost, and work goes on by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doubles.audit_logs import trail
from doubles.record_batches import batch_of
from doubles.running_home import LOOK, RunningHome, ombud, wait_until
from doubles.small_disk import SmallDisk
from ombud.app.home import OpenHome, open_here
from ombud.collect.quarantine import Quarantine, make_item
from ombud.core.errors import Unavailable
from ombud.services.verifying import verify

Make = Callable[[Path], RunningHome]
Disk = Callable[[Path, int], SmallDisk]
LINES = 200


@pytest.fixture
def disk() -> Iterator[Disk]:
    """Return a maker of small disks, which are gone afterwards."""
    made: list[SmallDisk] = []

    def make(folder: Path, megabytes: int) -> SmallDisk:
        made.append(SmallDisk(folder, megabytes=megabytes))
        return made[-1]

    yield make
    for one in made:
        one.free()
        one.close()


def deliver(served: RunningHome, start: int) -> int:
    """Deliver numbered records; return the status."""
    return served.deliver("aws.cloudtrail", map(trail, range(start, start + LINES))).status


def is_ready(served: RunningHome) -> bool:
    """Whether every part works."""
    return served.ask("GET", "/readyz").status == 200


def test_a_home_outlives_a_full_disk(tmp_path: Path, running: Make, disk: Disk) -> None:
    """Refused with what, where and what next; taken again as soon as there is room."""
    small = disk(tmp_path / "disk", 48)
    served = running(tmp_path / "disk" / "home")
    served._log = tmp_path / "serve.log"
    served.start()
    served.own_token()
    taken = 0
    assert deliver(served, taken) == 200
    taken += LINES
    small.fill()
    while deliver(served, taken) == 200:
        taken += LINES
    answer = served.deliver("aws.cloudtrail", map(trail, range(taken, taken + LINES)))

    assert answer.status == 503
    assert "no room for events" in answer.body["error"]["message"]
    assert "No space left" in answer.body["error"]["message"]
    assert "free space" in answer.body["error"]["hint"]
    assert served.ask("GET", "/readyz").body["checks"]["record"] is False
    assert ombud(served.home, "status").returncode == 1

    small.free()
    wait_until(lambda: is_ready(served), "ready again")
    assert deliver(served, taken) == 200
    taken += LINES

    small.fill()
    assert served.end() == 0  # Whatever cannot be saved is made again.
    assert "Traceback" not in served.said()
    small.free()
    served.start()
    answer = served.deliver("aws.cloudtrail", map(trail, range(taken)))
    assert (answer.body["duplicate"], answer.body["recorded"]) == (taken, 0)
    assert served.end() == 0
    assert verify(served.home, served.home / "index" / "control.sqlite").ok


def test_a_read_only_disk_is_said(tmp_path: Path, running: Make, disk: Disk) -> None:
    """Nothing can be recorded, so nothing is shown; verifying and backing up still work."""
    small = disk(tmp_path / "disk", 48)
    home = tmp_path / "disk" / "home"
    served = running(home)
    served._log = tmp_path / "serve.log"
    served.start()
    served.own_token()
    assert deliver(served, 0) == 200
    assert served.end() == 0
    small.set_read_only(True)
    try:
        for words, status in (
            (["record", "verify"], 0),
            (["record", "prove", "3"], 0),
            (["status"], 0),
            (["backup", str(tmp_path / "b")], 0),
            (["search", "action:read", "--why", LOOK["why"], "--case", LOOK["case"]], 3),
            (["serve", "--port", "0"], 3),
        ):
            done = ombud(home, *words)
            assert (words, done.returncode) == (words, status), done.stderr
            assert b"Traceback" not in done.stderr
            assert status == 0 or b"read-only file system" in done.stderr.lower(), done.stderr
    finally:
        small.set_read_only(False)


@pytest.fixture
def opened(
    tmp_path: Path, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[OpenHome, SmallDisk]]:
    """Return an open home whose derived databases lie on a small disk of their own."""
    monkeypatch.setattr("ombud.store.index.CHECKPOINT_EVENTS", 400)
    monkeypatch.setattr("ombud.services.watching.SAVE_EVERY", 400)
    home = tmp_path / "home"
    home.mkdir()
    small = disk(home / "index", 12)
    with open_here(home) as one:
        yield one, small


def test_what_is_derived_outlives_its_full_disk(opened: tuple[OpenHome, SmallDisk]) -> None:
    """Index, control tables and alerts say so, and come up to the record again by themselves."""
    home, small = opened
    home.appender.append([batch_of(0, 300)])
    home.catch_up()
    small.fill()
    failures = set()
    for start in range(300, 4_300, 500):
        home.appender.append([batch_of(start, 500)])
        for name, follow in (("index", home.follow_index), ("rules", home.follow_rules)):
            try:
                follow()
            except Unavailable:
                failures.add(name)
    small.free()

    assert "index" in failures
    home.catch_up()
    size, _ = home.appender.head()
    assert home.index.watermark() == home.watch.watermark() == size
    rows = home.index._connection.execute('SELECT count(*), count(DISTINCT "index") FROM ix.event')
    assert rows.fetchall() == [(size, size)]


def test_quarantine_outlives_a_full_disk(tmp_path: Path, disk: Disk) -> None:
    """What waits is written once there is room, and once only."""
    small = disk(tmp_path / "disk", 1)
    quarantine = Quarantine(small.folder)
    for number in range(40):
        raw = b"%d" % number * 4_000
        quarantine.add(
            make_item(
                source="s", file="f", line=number, reason="r", time_ms=1, raw=raw, size=len(raw)
            )
        )
        if number == 10:
            quarantine.sync()
            small.fill()
    with pytest.raises(Unavailable, match="No space left"):
        quarantine.sync()
    small.free()
    quarantine.sync()

    assert [item.line for item in Quarantine(small.folder).items()] == list(range(40))
