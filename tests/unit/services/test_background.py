"""Background: turns that failed wait, and turns that are paced do not wait twice."""

from __future__ import annotations

import threading

import pytest

from ombud.core.errors import Unavailable
from ombud.services import background
from ombud.services.background import FAILURE_PAUSE_SECONDS, Background, rest_of


@pytest.mark.parametrize(
    ("pause", "spent", "rest"),
    [(0.5, 0.0, 0.5), (0.5, 0.125, 0.375), (0.5, 0.5, 0.0), (0.5, 9, 0.0)],
)
def test_time_spent_is_part_of_the_pause(pause: float, spent: float, rest: float) -> None:
    """A turn that took longer than the pause is followed by the next at once."""
    assert rest_of(pause, spent) == rest


class _Recorded(threading.Event):
    """Remembers how long was waited, waits never, and is set after so many turns."""

    def __init__(self, turns: int) -> None:
        super().__init__()
        self.pauses: list[float] = []
        self._turns = turns

    def wait(self, timeout: float | None = None) -> bool:
        """Return whether that was enough."""
        self.pauses.append(timeout or 0.0)
        return len(self.pauses) > self._turns


@pytest.mark.parametrize(
    ("is_paced", "fails", "wanted"),
    [
        (False, False, 0.5),
        (True, False, 0.0),  # The turn is said to take seconds.
        (True, True, FAILURE_PAUSE_SECONDS),
    ],
)
def test_pause_after_a_turn(
    monkeypatch: pytest.MonkeyPatch, *, is_paced: bool, fails: bool, wanted: float
) -> None:
    """Only a paced turn that did not fail takes its time from the pause."""
    moments = iter(range(0, 100, 5))
    monkeypatch.setattr(background, "time", type("Clock", (), {"monotonic": lambda: next(moments)}))
    standing = Background()
    stopping = standing.stopping = _Recorded(1)

    def turn() -> None:
        if fails:
            raise Unavailable("no room")

    standing.repeat("work", turn, every_seconds=0.5, is_paced=is_paced)
    standing.stop()

    assert stopping.pauses == [0.5, wanted]
