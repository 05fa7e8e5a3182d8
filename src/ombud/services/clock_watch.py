"""Clock watch: a clock that is set while a home runs, or while it rests, is an event.

Events keep the time that their source gave them; the time of recording never
decreases, whatever the clock does.  That somebody set the clock is worth knowing:
who controls it could make a late act look early.
"""

from __future__ import annotations

from collections.abc import Callable

from ombud.core.clock import Clock, format_instant
from ombud.core.event import Event
from ombud.services.own_events import own_event
from ombud.services.record_port import Appender, record_events

CLOCK = "ombud.clock"
STEPPED = "clock.stepped"
STEP_MS = 5_000  # Smaller steps are what time services do each day.


class ClockWatch:
    """Compares the clock with one that cannot be set, from turn to turn."""

    def __init__(
        self,
        appender: Appender,
        clock: Clock,
        steady: Callable[[], float],
        *,
        recorded_ms: int = 0,
    ) -> None:
        """`steady` counts seconds and is never set; `recorded_ms` is of the last event there is."""
        self._appender = appender
        self._clock = clock
        self._steady = steady
        self._recorded_ms = recorded_ms
        self._seen: tuple[int, float] | None = None

    def turn(self) -> None:
        """Record a step of the clock since the last turn; one that could not be is tried again."""
        now, steady = self._clock(), self._steady()
        if self._seen is None:
            expected = max(now, self._recorded_ms)
        else:
            expected = self._seen[0] + round((steady - self._seen[1]) * 1000)
        if abs(now - expected) >= STEP_MS:
            record_events(self._appender, [_event(now, expected, self._seen is None)])
        self._seen = (now, steady)


def _event(now: int, expected: int, was_at_rest: bool) -> Event:
    return own_event(
        time=now,
        source=CLOCK,
        action="other",
        operation=STEPPED,
        actor_id="ombud",
        actor_type="service",
        attributes={
            "expected": format_instant(expected),
            "found": format_instant(now),
            "seconds": round((now - expected) / 1000),
            "while": "at rest" if was_at_rest else "running",
        },
    )
