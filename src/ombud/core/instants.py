"""Instants: times as sources write them, turned into milliseconds since the epoch.

Pure and forgiving: whatever is not a time is `None`, never an exception, because
an event without a usable time is still an event.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

INT64_MIN, INT64_MAX = -(1 << 63), (1 << 63) - 1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_TEXT_MAX = 64  # No written time is longer; bounds what the parser is given.
_MICROSECONDS = 26  # Characters of a time with six fractional digits.
_FRACTION = re.compile(r"([.,]\d{6})\d+")
_SPACED_ZONE = re.compile(r"^(\S+[ T]\S+?) ?([A-Za-z]{1,5}|[+-]\d\d(?::?\d\d)?)$")

# Abbreviations that PostgreSQL's own default set resolves, minutes east of UTC;
# an abbreviation that is not here leaves the time unknown rather than wrong.
ZONES = {
    "UTC": 0, "GMT": 0, "Z": 0, "UCT": 0, "WET": 0, "WEST": 60, "BST": 60, "CET": 60,
    "MEZ": 60, "CEST": 120, "MESZ": 120, "EET": 120, "EEST": 180, "MSK": 180, "EST": -300,
    "EDT": -240, "CST": -360, "CDT": -300, "MST": -420, "MDT": -360, "PST": -480, "PDT": -420,
    "AKST": -540, "AKDT": -480, "HST": -600, "BRT": -180, "SAST": 120, "JST": 540, "KST": 540,
    "SGT": 480, "HKT": 480, "AWST": 480, "AEST": 600, "AEDT": 660, "ACST": 570, "NZST": 720,
    "NZDT": 780,
}  # fmt: skip


def to_ms(instant: datetime) -> int:
    """Return an aware datetime as milliseconds since the epoch, rounded down."""
    return (instant - _EPOCH) // _MILLISECOND


def parse_iso(text: str, *, zone: timezone = UTC) -> int | None:
    """Return the milliseconds of an ISO 8601 text, or None; `zone` is for texts without one.

    Accepts a blank instead of `T`, any number of fractional digits, and the zone
    abbreviations of `ZONES` behind a blank.
    """
    if len(text) > _TEXT_MAX:
        return None
    text = text.strip()
    if text.endswith(" UTC"):  # As a server writes it that was told to.
        text, zone = text[:-4], UTC
    if len(text) > _MICROSECONDS:
        text = _FRACTION.sub(r"\1", text)
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        return _parse_with_zone(text)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=zone)
    return to_ms(instant)


def _parse_with_zone(text: str) -> int | None:
    match = _SPACED_ZONE.match(text)
    if match is None:
        return None
    minutes = ZONES.get(match[2].upper())
    written = match[1] if minutes is not None else f"{match[1]}{match[2]}"
    try:
        instant = datetime.fromisoformat(written)
    except ValueError:
        return None
    if instant.tzinfo is None:
        if minutes is None:
            return None
        instant = instant.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    return to_ms(instant)


def parse_number(value: float | str, *, unit_ms: float) -> int | None:
    """Return the milliseconds of a count of units since the epoch, or None beyond 64 bits."""
    try:
        number = float(value) if isinstance(value, str) else value
        ms = int(number * unit_ms)
    except (ValueError, OverflowError):
        return None
    return ms if INT64_MIN <= ms <= INT64_MAX else None
