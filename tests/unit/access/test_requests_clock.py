"""Request clock: working days as the statute counts them, and ends that are ends."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from ombud.access.requests_clock import DAY_MS, grant_end, working_deadline
from ombud.core.instants import to_ms


def instant(text: str) -> int:
    """Return an ISO time in UTC as milliseconds."""
    return to_ms(datetime.fromisoformat(text).replace(tzinfo=UTC))


@pytest.mark.parametrize(
    ("start", "days", "zone", "holidays", "expected"),
    [
        ("2026-11-23T09:00", 3, "UTC", (), "2026-11-27T00:00"),  # Monday: Tue, Wed, Thu.
        ("2026-11-23T23:59", 3, "UTC", (), "2026-11-27T00:00"),
        ("2026-11-26T09:00", 3, "UTC", (), "2026-12-02T00:00"),  # Thursday: Fri, Mon, Tue.
        ("2026-11-21T09:00", 3, "UTC", (), "2026-11-26T00:00"),  # Saturday: Mon, Tue, Wed.
        ("2026-12-23T09:00", 3, "UTC", ("2026-12-25", "2026-12-28"), "2026-12-31T00:00"),
        ("2026-11-23T23:30", 1, "Europe/Berlin", (), "2026-11-25T23:00"),  # Tuesday there.
        ("2026-03-27T12:00", 1, "Europe/Dublin", (), "2026-03-30T23:00"),  # Clocks go forward.
        ("2026-10-23T12:00", 1, "Europe/Dublin", (), "2026-10-27T00:00"),  # And back.
        ("2026-11-23T09:00", 0, "UTC", (), "2026-11-25T00:00"),  # Never at once.
    ],
)
def test_working_deadline(
    start: str, days: int, zone: str, holidays: tuple[str, ...], expected: str
) -> None:
    """The end of the so-manieth working day after that of the act, in the policy's zone."""
    found = working_deadline(instant(start), days, zone=zone, holidays=holidays)
    assert found == instant(expected)


def test_a_calendar_without_working_days_has_an_end() -> None:
    """A fault in the calendar makes no endless search."""
    every = {datetime.fromordinal(n).date().isoformat() for n in range(739_000, 745_000)}
    assert working_deadline(instant("2026-11-23T09:00"), 3, zone="UTC", holidays=every) > 0


def test_a_grant_ends_with_its_purpose() -> None:
    """Neither later than asked nor later than the purpose."""
    assert grant_end(5, 2, until=None) == 5 + 2 * DAY_MS
    assert grant_end(5, 2, until=DAY_MS) == DAY_MS
