"""Values: what one value of a rule demands of one value of an event.

Every value has a text: numbers as JSON writes them, booleans as `true` and
`false`, an object as its compact JSON.  Strings of rules are compared with that
text, without regard to case unless `cased`, case being folded by `str.lower` on
both sides.  Numbers of rules are compared with numbers as numbers and with
strings as text, never with booleans.  No check here sees null or missing.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson
import re2  # type: ignore[import-untyped]
from sigma.policy import SigmaPolicy
from sigma.policy.regex_engine import RegexEngine, RegexPattern
from sigma.types import (
    CompareOperators,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
    SigmaType,
    SpecialChars,
    TimestampPart,
)

from ombud.core.errors import RuleError

Check = Callable[[Any], bool]

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?", re.ASCII)
_EXACT_MAX = 2**53  # Beyond it a double skips integers.
_NUMBER_LENGTH_MAX = 64  # Longer text is an identifier, not a quantity.


class _QuietRe2(RegexEngine):
    """RE2, which cannot explode, without its habit of writing faults to standard error."""

    _FLAGS = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"))

    def __init__(self) -> None:
        self._options = re2.Options()
        self._options.log_errors = False

    def compile(self, pattern: str, flags: int = 0) -> RegexPattern:
        letters = "".join(letter for flag, letter in self._FLAGS if flags & flag)
        prefix = f"(?{letters})" if letters else ""
        try:
            compiled: RegexPattern = re2.compile(prefix + pattern, self._options)
        except re2.error as error:
            reason = error.args[0]
            raise re2.error(
                reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
            ) from error
        return compiled

    @property
    def error(self) -> type[Exception]:
        kind: type[Exception] = re2.error
        return kind


REGEX_ENGINE = _QuietRe2()
POLICY = SigmaPolicy(regex_engine=REGEX_ENGINE)


def text_of(value: Any) -> str:
    """Return the text of one value; an object nested beyond 254 levels has none."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value)
    try:
        return orjson.dumps(value).decode()
    except (TypeError, ValueError):  # orjson.JSONEncodeError is a TypeError.
        return ""


def number_of(value: Any) -> int | float | None:
    """Return a value as a number, text included; None for what is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and len(value) <= _NUMBER_LENGTH_MAX and _NUMBER.fullmatch(value):
        try:
            return int(value)
        except ValueError:
            return float(value)
    return None


def is_same(left: Any, right: Any) -> bool:
    """Whether two values of an event are the same: as numbers if both are, else as text."""
    if isinstance(left, str) and isinstance(right, str):
        return left.lower() == right.lower()
    if _is_number(left) and _is_number(right):
        return bool(left == right)
    return text_of(left).lower() == text_of(right).lower()


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_of(value: SigmaType) -> Check:
    """Return the check for one value of a rule; raises `RuleError` when there is none.

    Null, existence, references and expansions are not values in this sense:
    the tree of the rule handles them.
    """
    for kind, build in _BUILDERS:
        if isinstance(value, kind):
            return build(value)
    raise RuleError(f"values of kind `{type(value).__name__}` cannot be evaluated")


def plain_text(value: SigmaType) -> str | None:
    """Return the lower-case text a value demands to equal exactly; None if it is not so simple."""
    if not isinstance(value, SigmaString) or isinstance(value, SigmaCasedString):
        return None
    if not all(isinstance(part, str) for part in value.s):
        return None
    return "".join(str(part) for part in value.s).lower()


def keyword_check(value: SigmaType) -> Check:
    """Return the check of a keyword: it may stand anywhere in the text of a value."""
    if isinstance(value, SigmaString):
        parts = [SpecialChars.WILDCARD_MULTI, *value.s, SpecialChars.WILDCARD_MULTI]
        return _pattern(parts, cased=isinstance(value, SigmaCasedString))
    if isinstance(value, SigmaNumber | SigmaBool):
        needle = text_of(value.to_plain())
        return lambda found: needle in text_of(found).lower()
    if isinstance(value, SigmaRegularExpression):
        return _regex(value)
    raise RuleError(f"values of kind `{type(value).__name__}` cannot be keywords")


def _string(value: SigmaString) -> Check:
    return _pattern(list(value.s), cased=isinstance(value, SigmaCasedString))


def _pattern(parts: Sequence[Any], *, cased: bool) -> Check:
    """Return the check of a string with wildcards; `*` alone takes any value."""
    pieces = _pieces(parts, cased=cased)
    fold = text_of if cased else lower_text_of
    if len(pieces) > 1 and not any(piece.text for piece in pieces):
        return lambda _value: True
    if any(piece.holes for piece in pieces):
        return lambda value: _is_like(fold(value), pieces)
    texts = [piece.text for piece in pieces]
    if len(texts) == 1:
        only = texts[0]
        return lambda value: fold(value) == only
    if len(texts) == 3 and not texts[0] and not texts[2]:
        needle = texts[1]
        return lambda value: needle in fold(value)
    return lambda value: _is_like(fold(value), pieces)


def lower_text_of(value: Any) -> str:
    """Return the text of one value as it is compared without regard to case."""
    return value.lower() if isinstance(value, str) else text_of(value).lower()


@dataclass(frozen=True, slots=True)
class _Piece:
    """What stands between two `*`: as long as `text`, which is exact unless there are `holes`."""

    text: str
    holes: re.Pattern[str] | None

    def is_at(self, text: str, position: int) -> bool:
        if self.holes is None:
            return text.startswith(self.text, position)
        return self.holes.match(text, position) is not None

    def find(self, text: str, position: int) -> int:
        if self.holes is None:
            return text.find(self.text, position)
        found = self.holes.search(text, position)
        return found.start() if found else -1


def _pieces(parts: Sequence[Any], *, cased: bool) -> list[_Piece]:
    """Return the pieces between the `*` of a string, of which a `?` is a hole."""
    pieces: list[_Piece] = []
    current: list[str | None] = []  # None stands for one arbitrary character.

    def close() -> None:
        text = "".join("?" if part is None else part for part in current)
        body = "".join("." if part is None else re.escape(part) for part in current)
        pieces.append(_Piece(text, re.compile(body, re.DOTALL) if None in current else None))
        current.clear()

    for part in parts:
        if isinstance(part, str):
            current.append(part if cased else part.lower())
        elif part is SpecialChars.WILDCARD_SINGLE:
            current.append(None)
        elif part is SpecialChars.WILDCARD_MULTI:
            close()
        else:
            raise RuleError(f"placeholder `%{part.name}%` has no value")
    close()
    return pieces


def _is_like(text: str, pieces: Sequence[_Piece]) -> bool:
    """Whether the text is the pieces in order with anything between them.

    The leftmost place is always the best for a piece that is not the last, so
    there is no backtracking and no text that takes long.
    """
    first, last = pieces[0], pieces[-1]
    if len(pieces) == 1:
        return len(text) == len(first.text) and first.is_at(text, 0)
    if not first.is_at(text, 0):
        return False
    position = len(first.text)
    for piece in pieces[1:-1]:
        start = piece.find(text, position)
        if start < 0:
            return False
        position = start + len(piece.text)
    tail = len(text) - len(last.text)
    return tail >= position and last.is_at(text, tail)


def _number(value: SigmaNumber) -> Check:
    number = value.number
    if isinstance(number, float) and abs(number) >= _EXACT_MAX:
        # pySigma keeps integers that a double cannot hold as the nearest double.
        raise RuleError(f"number {number:.0f} is too large to be exact: write it in quotes")
    text = text_of(number)

    def check(found: Any) -> bool:
        if _is_number(found):
            return bool(found == number)
        return isinstance(found, str) and found.lower() == text

    return check


def _bool(value: SigmaBool) -> Check:
    truth = value.boolean
    text = text_of(truth)

    def check(found: Any) -> bool:
        if isinstance(found, bool):
            return found is truth
        return isinstance(found, str) and found.lower() == text

    return check


def _regex(value: SigmaRegularExpression) -> Check:
    flags = 0
    for flag in value.flags:
        flags |= SigmaRegularExpression.sigma_to_python_flags[flag]
    search = REGEX_ENGINE.compile(str(value.regexp), flags).search
    return lambda found: search(text_of(found)) is not None


def _cidr(value: SigmaCIDRExpression) -> Check:
    network = value.network

    def check(found: Any) -> bool:
        if not isinstance(found, str):
            return False
        try:
            address = ipaddress.ip_address(found)
        except ValueError:
            return False
        if network.version == 4 and isinstance(address, ipaddress.IPv6Address):
            # Servers that listen on both families write an IPv4 peer as ::ffff:a.b.c.d.
            mapped = address.ipv4_mapped
            return mapped is not None and mapped in network
        return address in network

    return check


_COMPARISONS: dict[CompareOperators, Callable[[Any, Any], bool]] = {
    CompareOperators.LT: lambda found, bound: bool(found < bound),
    CompareOperators.LTE: lambda found, bound: bool(found <= bound),
    CompareOperators.GT: lambda found, bound: bool(found > bound),
    CompareOperators.GTE: lambda found, bound: bool(found >= bound),
    CompareOperators.NEQ: lambda found, bound: bool(found != bound),
}


def _comparison(value: SigmaCompareExpression) -> Check:
    compare = _COMPARISONS[value.op]
    bound = value.number.number
    part = value.number.timestamp_part if isinstance(value.number, SigmaTimestampPart) else None

    def check(found: Any) -> bool:
        number = number_of(found) if part is None else _time_part(found, part)
        return number is not None and compare(number, bound)

    return check


def _timestamp(value: SigmaTimestampPart) -> Check:
    part, number = value.timestamp_part, value.number
    return lambda found: _time_part(found, part) == number


_PARTS: dict[TimestampPart, Callable[[datetime], int]] = {
    TimestampPart.MINUTE: lambda moment: moment.minute,
    TimestampPart.HOUR: lambda moment: moment.hour,
    TimestampPart.DAY: lambda moment: moment.day,
    TimestampPart.WEEK: lambda moment: moment.isocalendar().week,
    TimestampPart.MONTH: lambda moment: moment.month,
    TimestampPart.YEAR: lambda moment: moment.year,
}


def _time_part(found: Any, part: TimestampPart) -> int | None:
    """Return one part of an instant: milliseconds in UTC, ISO 8601 text as it is written."""
    try:
        if isinstance(found, str):
            return _PARTS[part](datetime.fromisoformat(found))
        if isinstance(found, int) and not isinstance(found, bool):
            return _PARTS[part](datetime.fromtimestamp(found / 1000, UTC))
    except (ValueError, OverflowError, OSError):
        return None
    return None


# In this order: a part of a time is also a number, and a cased string a string.
_BUILDERS: tuple[tuple[type[SigmaType], Callable[[Any], Check]], ...] = (
    (SigmaTimestampPart, _timestamp),
    (SigmaString, _string),
    (SigmaNumber, _number),
    (SigmaBool, _bool),
    (SigmaRegularExpression, _regex),
    (SigmaCIDRExpression, _cidr),
    (SigmaCompareExpression, _comparison),
)
