"""Values: numbers, sizes, durations, dates and times as they are written in a query.

Functions return none for text that is not such a value; the parser says where.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from ombud.query.tree import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    SECOND_MS,
    WEEK_MS,
    Ago,
    Moment,
    TimeOfDay,
)

INTEGER_MAX = (1 << 63) - 1  # What a field of the event can hold.
AGO_MAX = 200 * 366 * DAY_MS  # Beyond two centuries it is a slip of the key.

MOMENT_MIN = -62_104_060_800_000  # Year 2, and
MOMENT_MAX = 253_402_210_800_000  # the last day of 9999: any offset stays within the calendar.

_MULTIPLES = {
    "": 1,
    "b": 1,
    "k": 10**3,
    "kb": 10**3,
    "m": 10**6,
    "mb": 10**6,
    "g": 10**9,
    "gb": 10**9,
    "t": 10**12,
    "tb": 10**12,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
    "tib": 1 << 40,
}
_DURATIONS = {
    "s": SECOND_MS,
    "m": MINUTE_MS,
    "min": MINUTE_MS,
    "h": HOUR_MS,
    "d": DAY_MS,
    "w": WEEK_MS,
    "y": 365 * DAY_MS,
}
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

_INTEGER = re.compile(r"(-?\d{1,19})(?:\.(\d{1,9}))?([A-Za-z]{0,3})", re.ASCII)
_REAL = re.compile(r"-?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?", re.ASCII)
_DURATION = re.compile(r"(\d{1,9})(s|min|m|h|d|w|y)", re.ASCII)
_MOMENT = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)"
    r"(?:[Tt](\d\d)(?::(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?)?([Zz]|[+-]\d\d:?\d\d)?)?",
    re.ASCII,
)
_TIME_OF_DAY = re.compile(r"(\d{1,2}):(\d\d)\.\.(\d{1,2}):(\d\d)([Zz]|[+-]\d\d:?\d\d)?", re.ASCII)
_LENGTH = re.compile(r"(\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?)(m|km|mi)", re.ASCII)
_METRES = {"m": 1.0, "km": 1_000.0, "mi": 1_609.344}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_integer(text: str) -> int | None:
    """Return a whole number such as `12`, `5k`, `1.5MB` (10^6) or `2MiB` (2^20)."""
    found = _INTEGER.fullmatch(text)
    if found is None or found[3].lower() not in _MULTIPLES:
        return None
    multiple = _MULTIPLES[found[3].lower()]
    fraction = found[2] or ""
    scaled = int(found[1] + fraction) * multiple
    number, rest = divmod(abs(scaled), int(10 ** len(fraction)))
    if rest or number > INTEGER_MAX:
        return None
    return -number if scaled < 0 else number


def parse_real(text: str) -> float | None:
    """Return a decimal number such as `52.37` or `-1e3`."""
    return float(text) if _REAL.fullmatch(text) else None


def parse_length(text: str) -> float | None:
    """Return a length such as `800m`, `5km` or `3.5mi` (1,609.344 m) in metres."""
    found = _LENGTH.fullmatch(text)
    return float(found[1]) * _METRES[found[2]] if found else None


def parse_duration(text: str) -> Ago | None:
    """Return a duration such as `90s`, `30m`, `12h`, `30d`, `6w` or `1y` before now."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    ms = int(found[1]) * _DURATIONS[found[2]]
    return Ago(ms) if ms <= AGO_MAX else None


def _offset_minutes(text: str | None) -> int | None:
    """Return minutes east of UTC; UTC when nothing is written."""
    if text is None or text in "Zz":
        return 0
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 14 or minutes > 59:
        return None
    return (hours * 60 + minutes) * (-1 if text[0] == "-" else 1)


def parse_moment(text: str) -> Moment | None:
    """Return a date or time of ISO 8601, to the hour or finer, of a zone's clock or fixed."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    offset = _offset_minutes(found[8])
    if offset is None:
        return None
    try:
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    ms = (moment - _EPOCH) // timedelta(milliseconds=1) - offset * MINUTE_MS
    spans = ((found[7], 1), (found[6], SECOND_MS), (found[5], MINUTE_MS), (found[4], HOUR_MS))
    span = next((span for part, span in spans if part is not None), DAY_MS)
    ms += int((found[7] or "0").ljust(3, "0"))
    is_fixed = found[8] is not None
    return Moment(ms, span, is_fixed) if MOMENT_MIN <= ms <= MOMENT_MAX else None


def parse_instant(text: str) -> Moment | Ago | None:
    """Return a date, a time, or how long ago."""
    return parse_moment(text) or parse_duration(text)


def parse_time_of_day(text: str) -> TimeOfDay | None:
    """Return a time of day such as `22:00..06:00` or `08:00..17:30+01:00`."""
    found = _TIME_OF_DAY.fullmatch(text)
    if found is None:
        return None
    offset = _offset_minutes(found[5])
    is_fixed = found[5] is not None
    start_hour, start_minute, end_hour, end_minute = (int(part) for part in found.groups()[:4])
    start, end = start_hour * 60 + start_minute, end_hour * 60 + end_minute
    if offset is None or start_minute > 59 or end_minute > 59 or start == end:
        return None
    if start >= 24 * 60 or end > 24 * 60:
        return None
    return TimeOfDay(start, end, offset if is_fixed else None)


def format_moment(moment: Moment) -> str:
    """Return the text that `parse_moment` reads as this moment."""
    offset = (-moment.ms // MINUTE_MS) % 60 if moment.span_ms == HOUR_MS else 0
    when = _EPOCH + timedelta(milliseconds=moment.ms + offset * MINUTE_MS)
    length = {DAY_MS: 10, HOUR_MS: 13, MINUTE_MS: 16, SECOND_MS: 19}.get(moment.span_ms)
    text = when.isoformat(timespec="milliseconds")[: length or 23]
    if not moment.is_fixed:
        return text
    return text + (f"+00:{offset:02d}" if offset else "Z")


def format_duration(ago: Ago) -> str:
    """Return the text that `parse_duration` reads as this duration."""
    units = ((WEEK_MS, "w"), (DAY_MS, "d"), (HOUR_MS, "h"), (MINUTE_MS, "m"))
    for size, unit in units:
        if ago.ms and ago.ms % size == 0:
            return f"{ago.ms // size}{unit}"
    return f"{ago.ms // SECOND_MS}s"
