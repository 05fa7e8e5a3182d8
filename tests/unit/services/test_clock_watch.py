"""Clocks that are set: said as events, and nothing that ended begins again."""

from __future__ import annotations

from pathlib import Path

import pytest

from doubles.record_batches import batch_of
from ombud.core.clock import never_back
from ombud.core.errors import Unauthenticated
from ombud.core.event import Event
from ombud.record.reader import RecordReader
from ombud.record.recorder import Recorder
from ombud.record.sealer import Sealer
from ombud.record.verify import verify_home
from ombud.services.asker import local_owner
from ombud.services.clock_watch import ClockWatch
from ombud.services.controlling import ControlProjection
from ombud.services.tokens import DAY_MS, Tokens
from ombud.services.upkeep import Ticker
from ombud.store.control import ControlStore

NOON = 1_795_305_600_000
HOUR_MS = 3_600_000


class Clocks:
    """A clock that can be set, and one that cannot."""

    def __init__(self) -> None:
        self.wall = NOON
        self.steady = 100.0

    def now(self) -> int:
        """Return the time it is said to be."""
        return self.wall

    def passed(self) -> float:
        """Return seconds that passed."""
        return self.steady

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.wall += round(seconds * 1000)
        self.steady += seconds


def steps(home: Path, size: int) -> list[Event]:
    """Return the events that say that the clock was set."""
    chunks = list(RecordReader(home).read(0, size))
    events = [chunk.event(row) for chunk in chunks for row in range(chunk.count)]
    return [event for event in events if event.operation == "clock.stepped"]


@pytest.mark.parametrize(
    ("step_ms", "is_said"),
    [(DAY_MS, True), (-HOUR_MS, True), (5_000, True), (-5_000, True), (900, False), (0, False)],
)
def test_a_step_is_an_event(home: Path, step_ms: int, is_said: bool) -> None:
    """A day ahead, an hour back, and what a time service does."""
    clocks = Clocks()
    with Recorder.open(home, clock=clocks.now) as recorder:
        watch = ClockWatch(recorder, clocks.now, clocks.passed)
        for turn in range(6):
            clocks.wait(1.0)
            if turn == 3:
                clocks.wall += step_ms
            watch.turn()
        size = recorder.size
    said = steps(home, size)

    assert len(said) == is_said
    if said:
        assert said[0].attributes is not None
        assert said[0].attributes["seconds"] == step_ms // 1000
        assert said[0].attributes["while"] == "running"


@pytest.mark.parametrize(("step_ms", "is_said"), [(-HOUR_MS, True), (DAY_MS, False), (0, False)])
def test_a_clock_set_back_at_rest_is_an_event(home: Path, step_ms: int, is_said: bool) -> None:
    """Ahead cannot be told from a home that rested."""
    clocks = Clocks()
    with Recorder.open(home, clock=clocks.now) as recorder:
        clocks.wall += step_ms
        watch = ClockWatch(recorder, clocks.now, clocks.passed, recorded_ms=NOON)
        watch.turn()
        size = recorder.size
    said = steps(home, size)

    assert [event.attributes and event.attributes["while"] for event in said] == (
        ["at rest"] if is_said else []
    )


def test_no_event_is_lost_whatever_the_clock_does(home: Path) -> None:
    """Times of recording never decrease; sealing, reading and verifying go on."""
    clocks, size = Clocks(), 0
    for jump in (0, DAY_MS, -2 * HOUR_MS, -DAY_MS, 40 * 365 * DAY_MS, -60 * 365 * DAY_MS):
        clocks.wall += jump
        with Recorder.open(home, clock=clocks.now) as recorder:
            ticker = Ticker(recorder, clocks.now, period_seconds=60)
            start = recorder.size
            for number in range(3):
                recorder.append([batch_of(10 * (start + number), 5)])
                ticker.turn()
                clocks.wait(61)
            Sealer(home, recorder, clock=clocks.now).seal_all()
            size = recorder.size
    times = [time for chunk in RecordReader(home).read(0, size) for time in chunk.recorded_ms]

    assert verify_home(home).fault is None
    assert times == sorted(times)
    assert len(times) == size


def test_what_has_ended_stays_ended(home: Path, tmp_path: Path) -> None:
    """A token that expired is not good again when the clock is set back."""
    clocks = Clocks()
    with Recorder.open(home, clock=clocks.now) as recorder:
        control = ControlStore.open(tmp_path / "control.sqlite")
        projection = ControlProjection(
            appender=recorder, reader=RecordReader(home), control=control
        )
        tokens = Tokens(
            appender=recorder,
            control=control,
            project=projection.catch_up,
            clock=never_back(clocks.now),
        )
        made = tokens.create({"name": "a", "scopes": ["search"], "days": 1}, asker=local_owner())
        assert tokens.authenticate(made["token"]).token_id
        clocks.wall += 2 * DAY_MS
        with pytest.raises(Unauthenticated, match="expired"):
            tokens.authenticate(made["token"])
        clocks.wall -= 2 * DAY_MS
        with pytest.raises(Unauthenticated, match="expired"):
            tokens.authenticate(made["token"])
        control.close()


def test_a_clock_that_never_goes_back() -> None:
    """It stands still until the other one has caught up."""
    times = iter([5, 3, 4, 9, 2])
    clock = never_back(lambda: next(times), 4)

    assert [clock() for _ in range(5)] == [5, 5, 5, 9, 9]
