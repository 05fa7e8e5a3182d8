"""Predicates: what one value of a rule demands of one value of an event, as plain data.

Strings of rules are compared with the text of a value, without regard to case
unless cased, case being folded by `str.lower` on both sides.  Numbers of rules
are compared with numbers as numbers and with strings as text, never with
booleans.  Equal predicates demand the same; `check` gives the meaning as a
function of one value, which is never null.
"""

from __future__ import annotations

import enum
import ipaddress
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from ombud.detect.matching.expressions import REGEX_ENGINE
from ombud.detect.matching.values import is_number, lower_text_of, number_of, text_of

Check = Callable[[Any], bool]


class Wild(enum.Enum):
    """What stands in a text for something else."""

    MANY = "*"
    ONE = "?"


Tokens = tuple[str | Wild, ...]


class Predicate(ABC):
    """A demand on one value."""

    def check(self) -> Check:
        """Return whether a value, which is not null, meets the demand."""
        return self._check

    @cached_property
    def _check(self) -> Check:
        return self._build()

    @abstractmethod
    def _build(self) -> Check:
        """Return the check; called once."""

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the check, which is a function."""
        return {key: value for key, value in self.__dict__.items() if key != "_check"}


@dataclass(frozen=True)
class Text(Predicate):
    """The text of the value is this pattern; use `text_pattern` to make one.

    Neighbouring strings are one, neighbouring `*` too, and strings are in lower
    case unless `cased`.
    """

    tokens: Tokens
    cased: bool = False

    @property
    def is_any(self) -> bool:
        """Whether any value will do."""
        return self.tokens == (Wild.MANY,)

    @property
    def exact(self) -> str | None:
        """The only text that will do, if there is but one."""
        match self.tokens:
            case ():
                return ""
            case (str(text),):
                return text
        return None

    @property
    def prefix(self) -> str | None:
        """The text it must start with, if that is all it must."""
        match self.tokens:
            case (str(text), Wild.MANY):
                return text
        return None

    @property
    def suffix(self) -> str | None:
        """The text it must end with, if that is all it must."""
        match self.tokens:
            case (Wild.MANY, str(text)):
                return text
        return None

    @property
    def infix(self) -> str | None:
        """The text it must contain, if that is all it must."""
        match self.tokens:
            case (Wild.MANY, str(text), Wild.MANY):
                return text
        return None

    @property
    def literal(self) -> str:
        """The longest string that any text that will do contains; may be empty."""
        return max((token for token in self.tokens if isinstance(token, str)), key=len, default="")

    def _build(self) -> Check:
        fold = text_of if self.cased else lower_text_of
        if self.is_any:
            return lambda _value: True
        exact, infix = self.exact, self.infix
        if exact is not None:
            return lambda value: fold(value) == exact
        if infix is not None:
            return lambda value: infix in fold(value)
        pieces = _pieces(self.tokens)
        return lambda value: _is_like(fold(value), pieces)


def text_pattern(tokens: Sequence[str | Wild], *, cased: bool = False) -> Text:
    """Return the pattern of these strings and wildcards, in its one form."""
    joined: list[str | Wild] = []
    for token in tokens:
        last = joined[-1] if joined else None
        if isinstance(token, str) and isinstance(last, str):
            joined[-1] = last + token
        elif token and not (token is last is Wild.MANY):
            joined.append(token)
    folded = (token.lower() if isinstance(token, str) and not cased else token for token in joined)
    return Text(tuple(folded), cased)


@dataclass(frozen=True)
class Number(Predicate):
    """The value is the number of this text, as JSON writes it, or the text."""

    text: str

    @property
    def number(self) -> int | float:
        """The number."""
        return int(self.text) if self.text.lstrip("-").isdigit() else float(self.text)

    def _build(self) -> Check:
        number, text = self.number, self.text

        def check(found: Any) -> bool:
            if is_number(found):
                return bool(found == number)
            return isinstance(found, str) and found.lower() == text

        return check


@dataclass(frozen=True)
class NumberWithin(Predicate):
    """The text of the value contains this text of a number or a boolean."""

    text: str

    def _build(self) -> Check:
        needle = self.text
        return lambda found: needle in text_of(found).lower()


@dataclass(frozen=True)
class Truth(Predicate):
    """The value is this boolean, or its text."""

    truth: bool

    def _build(self) -> Check:
        truth, text = self.truth, text_of(self.truth)

        def check(found: Any) -> bool:
            if isinstance(found, bool):
                return found is truth
            return isinstance(found, str) and found.lower() == text

        return check


@dataclass(frozen=True)
class Regex(Predicate):
    """The text of the value has this expression somewhere; `flags` are those of `re`."""

    pattern: str
    flags: int = 0

    def _build(self) -> Check:
        search = REGEX_ENGINE.compile(self.pattern, self.flags).search
        return lambda found: search(text_of(found)) is not None


@dataclass(frozen=True)
class Network(Predicate):
    """The value is the text of an address in this network, as CIDR writes it.

    Servers that listen on both families write an IPv4 peer as `::ffff:a.b.c.d`,
    which is in a network of IPv4.
    """

    cidr: str

    def _build(self) -> Check:
        network = ipaddress.ip_network(self.cidr)

        def check(found: Any) -> bool:
            if not isinstance(found, str):
                return False
            try:
                address = ipaddress.ip_address(found)
            except ValueError:
                return False
            if network.version == 4 and isinstance(address, ipaddress.IPv6Address):
                mapped = address.ipv4_mapped
                return mapped is not None and mapped in network
            return address in network

        return check


@dataclass(frozen=True)
class Compare(Predicate):
    """The number of the value, or a part of the time it is, is less, more or other than this.

    `operator` is `lt`, `lte`, `gt`, `gte` or `neq`; `part` is as in `TimePart`.
    """

    operator: str
    bound: int | float
    part: str | None = None

    def _build(self) -> Check:
        compare, bound, part = _COMPARISONS[self.operator], self.bound, self.part

        def check(found: Any) -> bool:
            number = number_of(found) if part is None else time_part(found, part)
            return number is not None and compare(number, bound)

        return check


@dataclass(frozen=True)
class TimePart(Predicate):
    """The minute, hour, day, week, month or year of the time that the value is, is this."""

    part: str
    number: int | float

    def _build(self) -> Check:
        part, number = self.part, self.number
        return lambda found: time_part(found, part) == number


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


def _pieces(tokens: Tokens) -> list[_Piece]:
    """Return the pieces between the `*` of a pattern, of which a `?` is a hole."""
    pieces: list[_Piece] = []
    current: list[str | Wild] = []
    for token in (*tokens, Wild.MANY):
        if token is not Wild.MANY:
            current.append(token)
            continue
        text = "".join("?" if part is Wild.ONE else str(part) for part in current)
        body = "".join("." if part is Wild.ONE else re.escape(str(part)) for part in current)
        holes = re.compile(body, re.DOTALL) if Wild.ONE in current else None
        pieces.append(_Piece(text, holes))
        current.clear()
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


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "lt": lambda found, bound: bool(found < bound),
    "lte": lambda found, bound: bool(found <= bound),
    "gt": lambda found, bound: bool(found > bound),
    "gte": lambda found, bound: bool(found >= bound),
    "neq": lambda found, bound: bool(found != bound),
}


_PARTS: dict[str, Callable[[datetime], int]] = {
    "minute": lambda moment: moment.minute,
    "hour": lambda moment: moment.hour,
    "day": lambda moment: moment.day,
    "week": lambda moment: moment.isocalendar().week,
    "month": lambda moment: moment.month,
    "year": lambda moment: moment.year,
}


def time_part(found: Any, part: str) -> int | None:
    """Return one part of an instant: milliseconds in UTC, ISO 8601 text as it is written."""
    try:
        if isinstance(found, str):
            return _PARTS[part](datetime.fromisoformat(found))
        if isinstance(found, int) and not isinstance(found, bool):
            return _PARTS[part](datetime.fromtimestamp(found / 1000, UTC))
    except (ValueError, OverflowError, OSError):
        return None
    return None
