"""Crashes: the power goes at every single step of a record's life, and nothing is lost.

One life of a record goes through every kind of write.  It is cut off at each
step in turn, in three ways: all writes reached the disk, none that was not
synced did, or chance decides.  Then the record is opened again and must hold
every acknowledged event exactly once, under heads that continue those given out.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from doubles.record_batches import batch_of, make_event
from doubles.record_checks import check_published, open_head, published_entries, raws, root_at
from doubles.record_disk import Crash, Disk
from ombud.core.batch import Batch
from ombud.record.paths import Home
from ombud.record.recorder import Recorder
from ombud.record.sealer import Sealer

SURVIVAL: dict[str, Callable[[random.Random], bool]] = {
    "all survives": lambda _: True,
    "nothing unsynced survives": lambda _: False,
    "chance": lambda chance: chance.random() < 0.5,
}
BATCHES = [batch_of(0, 100), batch_of(100, 160), batch_of(260, 3), batch_of(263, 270)]


class Life:
    """One life of a record, and what it was told before it ended."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.acknowledged: list[bytes] = []
        self.heads: list[tuple[int, bytes]] = []
        self.recorder: Recorder | None = None

    def live(self) -> None:
        """Append, publish, rotate, seal, restart: every kind of write, several times."""
        self._open()
        self._append(BATCHES[0])
        self._publish()
        self._append(BATCHES[1])
        self._seal()
        self._append(BATCHES[2])
        self._close()
        self._open()
        self._append(BATCHES[3])
        self._seal()
        self._append(BATCHES[0])
        self._close()

    def _open(self) -> None:
        self.recorder = Recorder.open(self.home, clock=lambda: 1000)

    def _append(self, batch: Batch) -> None:
        assert self.recorder is not None
        self.recorder.append([batch])
        self.acknowledged += [batch.group(4, row) for row in range(batch.count)]
        self.heads.append(self.recorder.head())

    def _publish(self) -> None:
        assert self.recorder is not None
        self.recorder.publish()
        self.heads.append(self.recorder.head())

    def _seal(self) -> None:
        assert self.recorder is not None
        Sealer(self.home, self.recorder, clock=lambda: 1000).seal_all()
        self.heads.append(self.recorder.head())

    def _close(self) -> None:
        assert self.recorder is not None
        self.recorder.close()
        self.recorder = None

    def abandon(self) -> None:
        """Let go of what a dead process would have let go of."""
        if self.recorder is not None and self.recorder._lock >= 0:
            os.close(self.recorder._lock)
            self.recorder = None


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a folder in memory if there is one: no real disk is asked for anything here."""
    shared = Path("/dev/shm")
    if not os.access(shared, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=shared) as name:
        yield Path(name)


def own_events(found: list[bytes]) -> list[bytes]:
    """Return the originals that are not sealing events."""
    return [raw for raw in found if b'"sha256"' not in raw]


def check_after(life: Life, *, seals: bool) -> None:
    """Open the record again and check that it kept every promise."""
    with Recorder.open(life.home) as recorder:
        found = own_events(raws(life.home, recorder.size))
        assert len(found) == len(set(found))
        assert set(found) >= set(life.acknowledged)
        receipts = [recorder.append([batch])[0] for batch in BATCHES]
        assert sum(receipt.recorded for receipt in receipts) == 533 - len(found)
        assert all(receipt.id_conflict == 0 for receipt in receipts)
        if seals:
            Sealer(life.home, recorder).seal_all()
        size = recorder.size
    everything = own_events(raws(life.home, size))
    assert sorted(everything) == sorted(make_event(number).raw for number in range(533))
    head = check_published(life.home)
    assert head.size == size
    entries = published_entries(life.home)
    for released, note in life.heads:
        assert open_head(life.home, note).root == root_at(entries, released)
    left = {path.name for path in Home(life.home).tmp.iterdir()}
    assert left <= (set() if seals else {"sealer-segment", "sealer-run"})


def count_steps(folder: Path) -> list[str]:
    """Return the names of the steps of a whole life."""
    disk = Disk()
    with pytest.MonkeyPatch.context() as patch:
        disk.install(patch)
        Life(folder / "whole").live()
    return disk.names


def test_a_life_takes_every_kind_of_step(folder: Path) -> None:
    """The steps that are cut off below are all there are."""
    names = count_steps(folder)

    assert set(names) == {
        "write",
        "sync",
        "reserve",
        "truncate",
        "sync_path",
        "sync_filesystem",
        "create",
        "replace",
        "remove",
    }


@pytest.mark.parametrize("survival", SURVIVAL)
def test_nothing_acknowledged_is_lost_at_any_step(folder: Path, survival: str) -> None:
    """Cut off anywhere, the record goes on by itself with all that it had promised."""
    steps = count_steps(folder)
    ways = list(SURVIVAL)
    # Each step in one of the three ways, in turn: a third of the runs of each.
    for step in range(1 + ways.index(survival), len(steps) + 1, len(ways)):
        life = Life(folder / f"home-{step}")
        disk = Disk(crash_at=step, seed=step, survives=SURVIVAL[survival])
        with pytest.MonkeyPatch.context() as patch:
            disk.install(patch)
            with pytest.raises(Crash):
                life.live()
            life.abandon()
            disk.power_cut()
            Disk().install(patch)
            try:
                check_after(life, seals=step % 4 == 0)
            except BaseException as error:
                error.add_note(f"cut off at step {step}, {steps[step - 1]}: {survival}")
                raise
        shutil.rmtree(life.home)
