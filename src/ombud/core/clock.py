"""Clock: the one place from which services take the time; engines never do."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], int]


def now_ms() -> int:
    """Return the time in milliseconds since the epoch, UTC."""
    return time.time_ns() // 1_000_000


def format_instant(unix_ms: int) -> str:
    """Return an instant as RFC 3339 in UTC with milliseconds."""
    instant = datetime.fromtimestamp(unix_ms / 1000, UTC)
    return instant.isoformat(timespec="milliseconds").replace("+00:00", "Z")
