"""Values: what is written in a directory file, as what a row holds.

A day is its first instant in the zone given, which is not midnight where clocks
are put forward at midnight.  A time of day without an offset must exist, and only
once: an hour that a clock shows twice is two hours.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from ombud.core.errors import InputError
from ombud.core.instants import to_ms
from ombud.directory.kinds import TEXT_MAX, Column, Type

_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_INSTANT = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:?\d\d)?", re.ASCII
)
_YES = frozenset({"yes", "y", "true", "1", "x"})
_NO = frozenset({"no", "n", "false", "0"})
# Control characters, line separators and what turns the direction of writing: never part
# of a name, and on a screen they make one look like another.
_UNSEEN = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200b\u2060\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]"
)
_SEEN_MAX = 100_000  # Instants remembered: the same few days stand in most rows.


class BadValueError(ValueError):
    """A value that is not what its column holds; the message says why."""


def zone_names() -> frozenset[str]:
    """Return the names of the time zones that this machine knows."""
    return frozenset(available_timezones())


def get_zone(name: str) -> ZoneInfo:
    """Return a time zone; raises `InputError`."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(
            f"unknown time zone `{name}`", hint="a name such as `Europe/Berlin` or `UTC`"
        ) from error


class ValueReader:
    """Reads values; days and times without an offset are of one zone."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._instants: dict[str, int] = {}
        self._texts: dict[str, str] = {}  # Each once: most name what another row is about.

    def read(self, column: Column, written: str) -> Any:
        """Return the value of a column, none for an empty one; raises `BadValueError`."""
        text = written.strip()
        if not text:
            if column.is_required:
                raise BadValueError("is missing")
            return False if column.type is Type.FLAG else None
        if len(text) > TEXT_MAX:
            raise BadValueError(f"is longer than {TEXT_MAX} characters")
        unseen = _UNSEEN.search(text)
        if unseen is not None:
            raise BadValueError(f"holds U+{ord(unseen[0]):04X}, a character that cannot be seen")
        if column.type is Type.INSTANT:
            return self.instant(text)
        if column.type is Type.FLAG:
            return _flag(text)
        return self._texts.setdefault(text, text)

    def instant(self, text: str) -> int:
        """Return a day or an instant in milliseconds since the epoch; raises `BadValueError`."""
        known = self._instants.get(text)
        if known is None:
            known = self._instant(text)
            if len(self._instants) < _SEEN_MAX:
                self._instants[text] = known
        return known

    def _instant(self, text: str) -> int:
        if not (_DAY.fullmatch(text) or _INSTANT.fullmatch(text)):
            raise BadValueError(
                f"`{text}` is neither a day such as `2026-11-01` nor an instant such as"
                " `2026-11-01T08:00:00+01:00`"
            )
        try:
            at = datetime.fromisoformat(text)
            if at.tzinfo is None:
                at = self._local(at, is_day=len(text) == 10)
            return to_ms(at.astimezone(UTC))
        except (ValueError, OverflowError) as error:
            raise BadValueError(f"`{text}` is no time there is: {error}") from error

    def _local(self, at: datetime, *, is_day: bool) -> datetime:
        early, late = at.replace(tzinfo=self._zone), at.replace(tzinfo=self._zone, fold=1)
        if is_day or early.utcoffset() == late.utcoffset():
            # Fold 0 is the offset before a change: of a midnight that is skipped, the
            # instant of the change, and of one that comes twice, the first.
            return early
        exists = early.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) == at
        how = "comes twice" if exists else "is skipped"
        raise ValueError(f"it {how} in {self._zone.key}; write it as `{early.isoformat()}`")


def _flag(text: str) -> bool:
    word = text.lower()
    if word in _YES:
        return True
    if word in _NO:
        return False
    raise BadValueError(f"`{text}` is neither `yes` nor `no`")
