"""Tree: what a query means, as frozen values.

The parser builds it, `render` writes it back as text, `sql` compiles it, and the
store asks it.  Times stay relative (`Ago`) until they are compiled, so a saved
query means the same thing tomorrow.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SECOND_MS = 1_000
MINUTE_MS = 60 * SECOND_MS
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS
WEEK_MS = 7 * DAY_MS


@dataclass(frozen=True, slots=True)
class Moment:
    """A date or a time of a date: `span_ms` milliseconds from `ms` on.

    A date spans its day; a time spans its hour, minute, second or millisecond,
    whichever was the last one written.  `ms` is what a clock shows, counted as if
    it were UTC; which clock, the query's zone says, unless the text named an offset:
    then it `is_fixed`, and `ms` is the instant itself.
    """

    ms: int
    span_ms: int
    is_fixed: bool = False


@dataclass(frozen=True, slots=True)
class Ago:
    """The moment `ms` milliseconds before the query is asked."""

    ms: int


Value = str | int | float | bool | Moment | Ago


@dataclass(frozen=True, slots=True)
class Equals:
    """The field is this value; a sentence contains it; a list has it as an element."""

    value: Value


@dataclass(frozen=True, slots=True)
class Prefix:
    """The field, or an element of a list, begins with this text."""

    text: str


@dataclass(frozen=True, slots=True)
class Pattern:
    """The regular expression (RE2) is found in the field, or in an element of a list."""

    text: str


One = Equals | Prefix | Pattern


@dataclass(frozen=True, slots=True)
class AnyOf:
    """One of two or more tests holds."""

    tests: tuple[One, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """The field is beyond a value: `operator` is `>`, `>=`, `<` or `<=`."""

    operator: str
    value: int | float | Moment | Ago


@dataclass(frozen=True, slots=True)
class Between:
    """The field lies from `low` to `high`, both included."""

    low: int | float | Moment | Ago
    high: int | float | Moment | Ago


Test = One | AnyOf | Compare | Between


@dataclass(frozen=True, slots=True)
class Match:
    """A field passes a test; `field` is a name of the event model."""

    field: str
    test: Test


@dataclass(frozen=True, slots=True)
class Subject:
    """The event is about the data subject of this kind with this key."""

    kind: str
    key: One | AnyOf


@dataclass(frozen=True, slots=True)
class Has:
    """The field is there and is not blank."""

    field: str


@dataclass(frozen=True, slots=True)
class Is:
    """A named condition of `flags` holds."""

    flag: str


@dataclass(frozen=True, slots=True)
class Word:
    """The text stands somewhere in the event, upper and lower case alike."""

    text: str


@dataclass(frozen=True, slots=True)
class WordPattern:
    """The regular expression (RE2) is found somewhere in the event, in any case."""

    text: str


@dataclass(frozen=True, slots=True)
class Near:
    """The place searched touches the circle of `metres` around a point, in degrees."""

    lat: float
    lon: float
    metres: float


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """It happened between two times of the day; past midnight when `start` is later.

    Minutes of the day, `end` not included; `offset` is the zone, minutes east of UTC.
    Without it the zone is the query's, or else that of the account's unit then, or UTC.
    """

    start: int
    end: int
    offset: int | None = None


@dataclass(frozen=True, slots=True)
class Weekdays:
    """It happened on one of these days, 0 for Monday, in the zone of `TimeOfDay`."""

    days: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold; an absent field fails every test, so `Not` holds for it."""

    part: Node


@dataclass(frozen=True, slots=True)
class And:
    """All of two or more parts hold."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of two or more parts holds."""

    parts: tuple[Node, ...]


Leaf = Match | Subject | Has | Is | Word | WordPattern | Near | TimeOfDay | Weekdays
Node = Leaf | Not | And | Or


@dataclass(frozen=True, slots=True)
class Query:
    """A whole query: which events (all, when `where` is none), and how to count them.

    `count_by` is empty for a list of events.  With `top`, only so many rows are
    wanted, those with most of `measure`.  `zone` is the IANA name of the zone in which
    dates, days and times of the day are meant.
    """

    where: Node | None = None
    count_by: tuple[str, ...] = ()
    top: int | None = None
    measure: str = "events"
    zone: str | None = None


def leaves(node: Node | None) -> Iterator[Leaf]:
    """Yield the tests of a tree from left to right; flags stay as they are."""
    match node:
        case None:
            return
        case Not(part):
            yield from leaves(part)
        case And(parts) | Or(parts):
            for part in parts:
                yield from leaves(part)
        case _:
            yield node


def has_word(node: Node | None) -> bool:
    """Whether a free word is among the parts: the one test that reads long texts."""
    return any(isinstance(leaf, Word | WordPattern) for leaf in leaves(node))
