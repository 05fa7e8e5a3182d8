"""A disk without room at each step of a record: refused, never lost, and then it goes on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from doubles.record_batches import batch_of
from doubles.record_checks import raws
from ombud.core.errors import Unavailable
from ombud.record import files
from ombud.record.recorder import Recorder
from ombud.record.sealer import Sealer
from ombud.record.verify import verify_home

STEPS = ("create", "reserve", "replace")  # Those that ask a disk for room.


class FullDisk:
    """Refuses every step that needs room from the n-th on, until there is room again."""

    def __init__(self, patch: pytest.MonkeyPatch, *, first: int) -> None:
        self.is_full = False
        self.steps = 0
        self._first = first
        for name in STEPS:
            patch.setattr(files, name, self._refusing(getattr(files, name)))

    def _refusing(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*given: Any, **named: Any) -> Any:
            if self.is_full:
                self.steps += 1
                if self.steps >= self._first:
                    raise OSError(28, "No space left on device", str(given[0]))
            return real(*given, **named)

        return step


@pytest.mark.parametrize("first", range(1, 16))
def test_nothing_is_lost_and_work_goes_on(
    home: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    """Appending, publishing, rotating and sealing, refused at whichever step, are done later."""
    acknowledged: set[bytes] = set()

    def append(recorder: Recorder, number: int) -> None:
        batch = batch_of(number, 30)
        recorder.append([batch])
        acknowledged.update(batch.group(4, row) for row in range(batch.count))

    with monkeypatch.context() as patch:
        disk = FullDisk(patch, first=first)
        with Recorder.open(home, clock=lambda: 1000) as recorder:
            sealer = Sealer(home, recorder, clock=lambda: 1000)
            append(recorder, 0)
            recorder.publish()
            disk.is_full = True
            recorder._wal._reserved = recorder._wal.size
            for number in range(30, 300, 30):
                for act in (
                    lambda number=number: append(recorder, number),
                    recorder.publish,
                    recorder.rotate,
                    sealer.seal_next,
                ):
                    try:
                        act()
                    except (OSError, Unavailable) as error:
                        disk.steps += 0 if "No space left" in str(error) else 1_000
            assert disk.steps < 1_000
            disk.is_full = False
            assert recorder.ping()
            for number in range(0, 330, 30):
                append(recorder, number)
            sealer.seal_all()
            size = recorder.size
    found = [raw for raw in raws(home, size) if b'"sha256"' not in raw]

    assert verify_home(home).fault is None
    assert len(found) == len(set(found))
    assert set(found) == acknowledged
    with Recorder.open(home) as again:
        assert again.size == size


def test_a_full_disk_is_known_before_it_is_met(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks is told that events would be refused, and when they no longer are."""
    with Recorder.open(home) as recorder, monkeypatch.context() as patch:
        assert recorder.ping()
        disk = FullDisk(patch, first=1)
        disk.is_full = True
        recorder._wal._reserved = recorder._wal.size
        assert not recorder.ping()
        disk.is_full = False
        assert recorder.ping()


def test_a_record_closes_on_a_full_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The events are durable; the next start publishes them."""
    with monkeypatch.context() as patch:
        disk = FullDisk(patch, first=1)
        with Recorder.open(home) as recorder:
            recorder.append([batch_of(0, 10)])
            disk.is_full = True
    with Recorder.open(home) as again:
        assert again.size == 10
    assert verify_home(home).fault is None
