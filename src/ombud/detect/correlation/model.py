"""Model: what a correlation demands, what it is given, and what it finds.

All of it is plain data.  A correlation that was parsed names other rules as its
author wrote them; one that was linked holds their ids.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import Any, NamedTuple

import msgspec

from ombud.detect.guidance import Guidance

RULES_MAX = 64  # Rules of one correlation; the public ones have at most five.
INDICES_MAX = 100  # Contributing events that a match names; it counts all.

Number = int | float
Key = tuple[str, ...]  # The values of a group, in the order of `group_by`.


class CorrelationType(StrEnum):
    """What is asked of the events of one group (Sigma correlation rules 2.1.0)."""

    EVENT_COUNT = "event_count"
    VALUE_COUNT = "value_count"
    TEMPORAL = "temporal"
    TEMPORAL_ORDERED = "temporal_ordered"
    VALUE_SUM = "value_sum"
    VALUE_AVG = "value_avg"
    VALUE_PERCENTILE = "value_percentile"
    VALUE_MEDIAN = "value_median"

    @property
    def is_temporal(self) -> bool:
        """Whether it asks which rules matched, and not how much."""
        return self in {CorrelationType.TEMPORAL, CorrelationType.TEMPORAL_ORDERED}

    @property
    def is_count(self) -> bool:
        """Whether what is reached is a number of things, so 1 at least."""
        return self.is_temporal or self in {
            CorrelationType.EVENT_COUNT,
            CorrelationType.VALUE_COUNT,
        }


class Judging(Enum):
    """When a condition is judged.

    `SLIDING`: at each event, over the timespan that ends there.  `CLOSING`: once for
    each window, which the first event of a group opens, when the window has closed.
    `ABSENCE`: for each event, when a timespan has passed after it as well.
    """

    SLIDING = "sliding"
    CLOSING = "closing"
    ABSENCE = "absence"


class Operator(StrEnum):
    """How a number is compared with a bound."""

    GT = "gt"
    GTE = "gte"
    LT = "lt"
    LTE = "lte"
    EQ = "eq"
    NEQ = "neq"


@dataclass(frozen=True, slots=True)
class Bound:
    """One comparison; several on one condition must all hold."""

    operator: Operator
    value: Number

    def holds(self, reached: Number) -> bool:
        """Whether what was reached is within the bound."""
        match self.operator:
            case Operator.GT:
                return reached > self.value
            case Operator.GTE:
                return reached >= self.value
            case Operator.LT:
                return reached < self.value
            case Operator.LTE:
                return reached <= self.value
            case Operator.EQ:
                return reached == self.value
        return reached != self.value


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to meet a temporal condition: positions in `rules`.

    All of `needed` must match (in this order for `temporal_ordered`), none of `absent`.
    """

    needed: tuple[int, ...]
    absent: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Correlation:
    """One correlation rule, with the same head as a `Rule`.

    `aliases` gives for each name its field under each rule: (name, (rule, field) ...).
    A temporal condition is met by any of `alternatives`, or if there are none by the
    number of rules that matched; any other by its `bounds`.
    """

    id: str
    version: str
    title: str
    level: str
    path: str
    type: CorrelationType
    rules: tuple[str, ...]
    timespan_ms: int
    group_by: tuple[str, ...] = ()
    bounds: tuple[Bound, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    fields: tuple[str, ...] = ()
    percentile: Number | None = None
    aliases: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = ()
    generate: bool = False
    name: str | None = None
    guidance: Guidance = field(default_factory=Guidance, repr=False)
    status: str | None = None
    tags: tuple[str, ...] = ()

    @property
    def judging(self) -> Judging:
        """When the condition is judged; it follows from what is asked."""
        if any(one.absent for one in self.alternatives):
            return Judging.ABSENCE
        if all(bound.operator in {Operator.GT, Operator.GTE} for bound in self.bounds):
            return Judging.SLIDING
        return Judging.CLOSING

    def field_of(self, name: str, rule_id: str) -> str:
        """Return the field that holds a name of `group_by` or `fields` under one rule."""
        for alias, places in self.aliases:
            if alias == name:
                return dict(places).get(rule_id, name)
        return name


class Part(NamedTuple):
    """What a correlation takes of a match: groups, and the values that it adds to each.

    No groups if it lacks a field that names them, no values if it lacks those; `beyond`
    is how many of both a bound kept out.
    """

    keys: Sequence[Key]
    values: Sequence[Any]
    beyond: int


class RuleMatch(msgspec.Struct, frozen=True, gc=False):
    """One match of a rule that correlations refer to.

    `time` is the event's own, `recorded` that of its recording, both in milliseconds;
    `values` returns the values of a field in the view that the rule saw, lists opened.
    `parts` are what correlations take of these, by position, if that is known already.
    """

    rule_id: str
    index: int
    time: int
    recorded: int
    values: Callable[[str], Sequence[Any]]
    parts: Mapping[int, Part] | None = None


@dataclass(frozen=True, slots=True)
class CorrelationMatch:
    """A condition met for the first time in an episode of one group.

    `indices` are the first contributing events by time, `count` is of all of them.
    `value` is what was reached: a count, a sum, the number of rules ...  `index` is the
    event that completed it, and names the episode: no two matches of one correlation
    and group have the same.  `recorded` is the log time at which it was certain, which
    for conditions that are judged later is later than that of the event.
    """

    correlation_id: str
    group: tuple[tuple[str, str], ...]
    indices: tuple[int, ...]
    count: int
    first_time: int
    last_time: int
    value: Number
    index: int
    recorded: int

    @property
    def episode(self) -> int:
        """The index that tells this episode of the group from every other."""
        return self.index


@dataclass(slots=True)
class Counters:
    """What one correlation has seen, and what it could not use."""

    matches: int = 0  # Matches of its rules that it was given.
    fired: int = 0  # Episodes told.
    quiet: int = 0  # Times that a condition was met, or an event fell, within an episode.
    late: int = 0  # Events dated longer ago than what came with them is kept for.
    future: int = 0  # Events dated after their recording; their time is that of recording.
    no_group: int = 0  # Events without a value of `group_by`.
    no_value: int = 0  # Events without a value, or a number, in the field that is asked for.
    overflow: int = 0  # Entries, groups, episodes and values beyond a bound, which were let go.
    redelivered: int = 0  # Matches of events that were taken already; they change nothing.
