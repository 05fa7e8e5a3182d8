"""Clock: the one place from which services take the time; engines never do."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], int]


def now_ms() -> int:
    """Return the time in milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


def never_back(clock: Clock, start: int = 0) -> Clock:
    """Return a clock that stands still while another one is set back.

    What has ended by it stays ended: a token, when somebody sets the clock back.
    """
    latest = start

    def now() -> int:
        nonlocal latest
        latest = max(latest, clock())
        return latest

    return now


def format_instant(unix_ms: int) -> str:
    """Return an instant as RFC 3339 in UTC with milliseconds."""
    instant = datetime.fromtimestamp(unix_ms / 1000, UTC)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
