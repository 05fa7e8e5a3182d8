"""Condition lexis: bounds, text literals, instants and durations of CEL.

The lexer of the library looks for the end of a text literal by trying every way to
read its backslashes, which takes exponential time where there is no end.  So each
text is read here first, in one pass, and only one whose literals all end goes on.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from ombud.access.condition_tree import ConditionError

LENGTH_MAX = 4_000  # Characters: a condition is read by people before it is by programs.
DEPTH_MAX = 24  # Brackets within brackets; the tree is walked by recursion.
TIMESTAMP_MIN = -62_135_596_800_000_000  # Year 1 and year 9999, as CEL has them.
TIMESTAMP_MAX = 253_402_300_799_999_999
_DURATION_MAX = 315_576_000_000_000_000  # 10,000 years, as CEL has it.

_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
            '"': '"', "'": "'", "\\": "\\", "?": "?", "`": "`"}  # fmt: skip
_LINES = ("\r", "\n", "")
_CODED = {"x": 2, "X": 2, "u": 4, "U": 8}
_TOKEN = re.compile(
    r"""(?P<blank>[\t\n\f\r ]+|//[^\n]*)
      | (?P<long>[rRbB]{0,2}(?:\"\"\"|'''))
      | (?P<bytes>(?:[bB][rR]?|[rR][bB])["'])
      | (?P<text>[rR]?["'])
      | (?P<word>[_a-zA-Z][_a-zA-Z0-9]*|[0-9][0-9a-zA-Z.]*)
      | (?P<open>[(\[{])
      | (?P<close>[)\]}])
      | (?P<sign>[-!<>=&|?:.,+*/%])""",
    re.VERBOSE,
)
_TIMESTAMP = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_DURATION = re.compile(r"([-+]?)((?:\d{1,15}(?:\.\d{1,9})?(?:h|ms|us|ns|m|s))+)", re.ASCII)
_PART = re.compile(r"(\d+)(?:\.(\d+))?(h|ms|us|ns|m|s)")
_UNITS = {"h": 3_600_000_000_000, "m": 60_000_000_000, "s": 1_000_000_000,
          "ms": 1_000_000, "us": 1_000, "ns": 1}  # fmt: skip
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def check_lexis(text: str) -> None:
    """Raise `ConditionError` for a text that is too long, too deep, or not made of CEL's signs."""
    if len(text) > LENGTH_MAX:
        raise ConditionError(f"longer than {LENGTH_MAX} characters", LENGTH_MAX + 1)
    if not text.strip():
        raise ConditionError("empty", 1)
    place = depth = 0
    while place < len(text):
        found = _TOKEN.match(text, place)
        if found is None:
            raise ConditionError(f"unexpected `{text[place]!r:.12}`", place + 1)
        kind = found.lastgroup
        if kind in {"long", "bytes"}:
            what = "texts in triple quotes" if kind == "long" else "bytes"
            raise ConditionError(f"{what} are not supported", place + 1)
        depth += (kind == "open") - (kind == "close")
        if depth > DEPTH_MAX:
            raise ConditionError(f"nested more than {DEPTH_MAX} deep", place + 1)
        place = _end_of_text(text, found) if kind == "text" else found.end()


def _end_of_text(text: str, opening: re.Match[str]) -> int:
    quote = text[opening.end() - 1]
    is_raw = opening.end() - opening.start() == 2
    place = opening.end()
    while place < len(text) and text[place] not in "\r\n":
        if text[place] == quote:
            return place + 1
        if text[place] == "\\" and is_raw and text[place + 1 : place + 2] == quote:
            # The library's lexer and CEL disagree about what follows.
            raise ConditionError("a raw text cannot hold `\\` before its quote", place + 1)
        # What ends here for us must end here for the library's lexer.
        is_escape = text[place] == "\\" and not is_raw and text[place + 1 : place + 2] not in _LINES
        place += 2 if is_escape else 1
    raise ConditionError("a text that does not end", opening.start() + 1)


def read_text(written: str, at: int) -> str:
    """Return what a text literal says; raises `ConditionError` for an escape that CEL lacks."""
    if written[0] in "rR":
        return written[2:-1]
    body, said, place = written[1:-1], [], 0
    while place < len(body):
        sign = body[place]
        if sign != "\\":
            said.append(sign)
            place += 1
            continue
        char, length = _read_escape(body[place + 1 : place + 10], at + place + 2)
        said.append(char)
        place += length
    return "".join(said)


def _read_escape(after: str, column: int) -> tuple[str, int]:
    """Return the character of an escape and the length of all of it."""
    kind = after[:1]
    if kind in _ESCAPES:
        return _ESCAPES[kind], 2
    digits, base = after[1 : 1 + _CODED.get(kind, 0)], 16
    length = _CODED.get(kind, 0)
    if kind in {"0", "1", "2", "3"}:
        digits, base, length = after[:3], 8, 3
    if length and len(digits) == length and re.fullmatch(r"[0-9a-fA-F]+", digits):
        try:
            code = int(digits, base)
            if code <= 0x10FFFF and not 0xD800 <= code <= 0xDFFF:
                return chr(code), length + (1 if base == 8 else 2)
        except ValueError:
            pass
    raise ConditionError(f"unknown escape `\\{kind}`", column)


def read_timestamp(text: str) -> int | None:
    """Return the microseconds since the epoch of an RFC 3339 text, or None if it is none.

    Digits beyond the microsecond are dropped.
    """
    found = _TIMESTAMP.fullmatch(text)
    if found is None:
        return None
    day, time, fraction, zone = found.groups()
    try:
        instant = datetime.fromisoformat(f"{day}T{time}{zone.upper()}")
        micros = (instant - _EPOCH) // _MICROSECOND + int((fraction or "0")[:6].ljust(6, "0"))
    except (ValueError, OverflowError):
        return None
    return micros if TIMESTAMP_MIN <= micros <= TIMESTAMP_MAX else None


def read_duration(text: str) -> int | None:
    """Return the microseconds of a duration such as `1h30m`, or None if it is none."""
    found = _DURATION.fullmatch(text)
    if found is None:
        return None
    nanos = 0
    for whole, fraction, unit in _PART.findall(found[2]):
        nanos += int(whole) * _UNITS[unit]
        nanos += int(fraction.ljust(9, "0") or 0) * _UNITS[unit] // 1_000_000_000
    micros = nanos // 1_000
    if micros > _DURATION_MAX:
        return None
    return -micros if found[1] == "-" else micros


def write_timestamp(micros: int) -> str:
    """Return microseconds since the epoch as RFC 3339, in UTC."""
    instant = _EPOCH + timedelta(microseconds=micros)
    return instant.strftime("%Y-%m-%dT%H:%M:%S.%f").rjust(26, "0") + "Z"
