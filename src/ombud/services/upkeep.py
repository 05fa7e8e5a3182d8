"""Upkeep: log time for the engines, and what a home says about its own health."""

from __future__ import annotations

from ombud.core.clock import Clock
from ombud.services.own_events import tick_event
from ombud.services.record_port import Appender, record_events


class Ticker:
    """Records log time, at most once a period, also across restarts.

    A tick's native id is its period, so two servers in one period, or a restart
    in the middle of it, leave one tick and one duplicate.
    """

    def __init__(self, appender: Appender, clock: Clock, *, period_seconds: int) -> None:
        self._appender = appender
        self._clock = clock
        self._period_ms = period_seconds * 1000
        self._last: int | None = None

    def turn(self) -> None:
        """Record a tick if a new period has begun."""
        period = self._clock() // self._period_ms
        if period != self._last:
            record_events(self._appender, [tick_event(period * self._period_ms)])
            self._last = period
