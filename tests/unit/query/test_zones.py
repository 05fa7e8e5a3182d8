"""Zones: what clocks show is what Python's own calendar says, also where clocks change."""

from __future__ import annotations

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.query.tree import DAY_MS, HOUR_MS, Moment
from ombud.query.values import parse_moment
from ombud.query.zones import bounds, day_name, hour_name, offset_sql, offsets, zone_names

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# Changes at midnight, by half an hour, within Ramadan, across the date line, and never.
ZONES = (
    *("Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"),
    *("Pacific/Apia", "America/Havana", "Asia/Kathmandu", "Africa/Cairo", "Asia/Gaza", "UTC"),
)
FIRST, LAST = 0, int(datetime(2099, 12, 31, tzinfo=UTC).timestamp()) * 1000


def offset_of(ms: int, zone: str) -> int:
    """Return what the calendar says the zone is ahead at an instant, in milliseconds."""
    shown = (EPOCH + timedelta(milliseconds=ms)).astimezone(ZoneInfo(zone))
    return (shown.utcoffset() or timedelta()) // timedelta(milliseconds=1)


def instant(text: str) -> int:
    """Return the instant that a text with an offset names."""
    moment = parse_moment(text)
    assert moment is not None
    assert moment.is_fixed
    return moment.ms


@settings(deadline=None)  # The list of zones is read once.
@given(zone=st.sampled_from(ZONES), ms=st.integers(FIRST, LAST))
def test_offsets_are_those_of_the_calendar(zone: str, ms: int) -> None:
    """At any instant of 130 years."""
    stretches = offsets(zone)

    found = stretches[bisect_right(stretches, ms, key=lambda one: one[0]) - 1]
    assert found[1] == offset_of(ms, zone)


@pytest.mark.parametrize("zone", ZONES)
def test_each_change_is_exact(zone: str) -> None:
    """The last millisecond before each change, and the first after it."""
    for (_, before), (at, after) in zip(offsets(zone), offsets(zone)[1:], strict=False):
        assert (offset_of(at - 1, zone), offset_of(at, zone)) == (before, after)


@pytest.mark.parametrize("now", [-1, 0, 10**9, 1_795_305_600_000, 10**14])
@pytest.mark.parametrize("zone", ZONES)
def test_the_engine_shows_the_same(zone: str, now: int) -> None:
    """In SQL, around each change and far outside of any calendar."""
    times = [at + shift for at, _ in offsets(zone) for shift in (-1, 0, 1, HOUR_MS)]
    times += [4 * 10**18, -4 * 10**18]
    with duckdb.connect(":memory:") as engine:
        (found,) = engine.execute(
            f'SELECT list({offset_sql(zone, now)}) FROM (SELECT unnest($1::BIGINT[]) AS "time")',
            [times],
        ).fetchall()[0]

    assert found[:-2] == [offset_of(max(at, offsets(zone)[0][0]), zone) for at in times[:-2]]
    assert found[-2:] == [offsets(zone)[-1][1], offsets(zone)[0][1]]


@pytest.mark.parametrize(
    ("text", "zone", "first", "end"),
    [
        ("2026-11-01", None, "2026-11-01T00Z", "2026-11-02T00Z"),
        ("2026-11-01", "Europe/Berlin", "2026-10-31T23Z", "2026-11-01T23Z"),
        ("2026-03-29", "Europe/Berlin", "2026-03-28T23Z", "2026-03-29T22Z"),  # 23 hours.
        ("2026-10-25", "Europe/Berlin", "2026-10-24T22Z", "2026-10-25T23Z"),  # 25 hours.
        ("2026-10-25T02", "Europe/Berlin", "2026-10-25T00Z", "2026-10-25T02Z"),  # Shown twice.
        ("2026-03-29T02", "Europe/Berlin", "2026-03-29T01Z", "2026-03-29T01Z"),  # Never shown.
        ("2026-10-25T02Z", "Europe/Berlin", "2026-10-25T02Z", "2026-10-25T03Z"),
        ("2026-03-08", "America/Havana", "2026-03-08T05Z", "2026-03-09T04Z"),  # No midnight.
        ("2011-12-30", "Pacific/Apia", "2011-12-30T10Z", "2011-12-30T10Z"),  # A day left out.
    ],
)
def test_bounds(text: str, zone: str | None, first: str, end: str) -> None:
    """A date is from midnight to midnight of the zone, however long that is."""
    moment = parse_moment(text)
    assert moment is not None

    assert bounds(moment, zone, moment.span_ms) == (instant(first), instant(end))


@settings(deadline=None)  # The list of zones is read once.
@given(day=st.integers(-30_000, 47_000), zone=st.sampled_from(ZONES))
def test_days_follow_each_other(day: int, zone: str) -> None:
    """No instant lies between two days, and none in both."""
    one, next_one = (
        bounds(Moment(number * DAY_MS, DAY_MS), zone, DAY_MS) for number in (day, day + 1)
    )

    assert one[1] == next_one[0]
    assert 0 <= one[1] - one[0] <= 48 * HOUR_MS


def test_the_ends_of_the_calendar_are_held() -> None:
    """The first and last dates that can be written have bounds in every zone."""
    for text in ("0002-01-02", "9999-12-30"):
        moment = parse_moment(text)
        assert moment is not None
        for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
            first, end = bounds(moment, zone, DAY_MS)
            assert end - first == DAY_MS


def test_names() -> None:
    """Zones have the names of the database; days and hours are written as dates are."""
    assert zone_names() == available_timezones()
    assert day_name(None) is None
    assert hour_name(None) is None
    assert day_name(-1) == "1969-12-31"
    assert hour_name(25) == "1970-01-02T01"
    assert offset_sql(None) == "0"
