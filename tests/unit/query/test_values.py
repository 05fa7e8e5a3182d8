"""What is a number, a size, a duration, a time; and what is not."""

from __future__ import annotations

import pytest

from ombud.query.tree import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS, Ago, Moment, TimeOfDay
from ombud.query.values import (
    format_duration,
    format_moment,
    parse_duration,
    parse_integer,
    parse_length,
    parse_moment,
    parse_real,
    parse_time_of_day,
)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-5", -5),
        ("5k", 5_000),
        ("10MB", 10_000_000),
        ("10mb", 10_000_000),
        ("2KiB", 2_048),
        ("1.5G", 1_500_000_000),
        ("-0.5k", -500),
        ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", None),
        ("9999999999T", None),
        ("0.5", None),
        ("1.0001k", None),
        ("5x", None),
        ("", None),
        ("k", None),
        ("٣", None),
    ],
)
def test_integer(text: str, number: int | None) -> None:
    """Whole numbers within 64 bits, with decimal and binary multiples."""
    assert parse_integer(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [("52.37", 52.37), ("-1e3", -1000.0), ("nan", None), ("inf", None), ("1e", None)],
)
def test_real(text: str, number: float | None) -> None:
    """Decimal numbers that are numbers."""
    assert parse_real(text) == number


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("90s", 90 * SECOND_MS),
        ("30m", 30 * MINUTE_MS),
        ("30min", 30 * MINUTE_MS),
        ("12h", 12 * HOUR_MS),
        ("2w", 14 * DAY_MS),
        ("1y", 365 * DAY_MS),
        ("999y", None),
        ("5", None),
        ("-5d", None),
        ("5D", None),
    ],
)
def test_duration(text: str, ms: int | None) -> None:
    """Durations have a unit and stay within two centuries."""
    found = parse_duration(text)

    assert found == (None if ms is None else Ago(ms))
    assert found is None or parse_duration(format_duration(found)) == found


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-02", Moment(DAY_MS, DAY_MS)),
        ("1970-01-01T01", Moment(HOUR_MS, HOUR_MS)),
        ("1970-01-01T01:30", Moment(90 * MINUTE_MS, MINUTE_MS)),
        ("1970-01-01T00:00:01Z", Moment(1000, SECOND_MS, is_fixed=True)),
        ("1970-01-01T00:00:01.5", Moment(1500, 1)),
        ("1970-01-01T01+00:30", Moment(30 * MINUTE_MS, HOUR_MS, is_fixed=True)),
        ("1969-12-31T23:00-0100", Moment(0, MINUTE_MS, is_fixed=True)),
        ("1970-01-01T01Z", Moment(HOUR_MS, HOUR_MS, is_fixed=True)),
        ("9999-01-01", Moment(253_370_764_800_000, DAY_MS)),
        ("9999-12-31T23", None),
        ("0001-01-01", None),
        ("2026-02-30", None),
        ("2026-11-01T25", None),
        ("2026-11-01T08+15:00", None),
        ("2026-11-01T08+01:60", None),
        ("2026-11", None),
        ("2026-11-01Z", None),
    ],
)
def test_moment(text: str, moment: Moment | None) -> None:
    """Dates and times of ISO 8601, of a clock or with an offset, and written back the same."""
    assert parse_moment(text) == moment
    assert moment is None or parse_moment(format_moment(moment)) == moment


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("22:00..06:00", TimeOfDay(1320, 360)),
        ("8:00..24:00", TimeOfDay(480, 1440)),
        ("08:00..17:30+01:00", TimeOfDay(480, 1050, 60)),
        ("08:00..17:30Z", TimeOfDay(480, 1050, 0)),
        ("08:00..08:00", None),
        ("24:00..06:00", None),
        ("08:60..09:00", None),
        ("08:00..24:01", None),
        ("08:00..09:00+20:00", None),
        ("0800..0900", None),
    ],
)
def test_time_of_day(text: str, span: TimeOfDay | None) -> None:
    """Times of day, past midnight too."""
    assert parse_time_of_day(text) == span


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("5km", 5000.0),
        ("0.5km", 500.0),
        ("800m", 800.0),
        ("3mi", 4828.032),
        ("1e3m", 1000.0),
        ("5", None),
        ("-5km", None),
        ("5KM", None),
        ("5ft", None),
        ("nankm", None),
    ],
)
def test_length(text: str, metres: float | None) -> None:
    """Lengths have a unit."""
    assert parse_length(text) == metres
