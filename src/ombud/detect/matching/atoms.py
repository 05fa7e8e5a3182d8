"""Atoms: the conditions on fields and values of which a rule is made.

Each gives several readings of itself: `is_match`, the definition, in the
plainest way; `compiled`, the same faster; `matched`, which fields matched with
which values; `given`, what is left to decide once some fields are known; and
`verdict`, what the absence of certain fields decides alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ombud.detect.matching.partners import containing, same, starting
from ombud.detect.matching.paths import EventView, find_values, is_present, leaves, opened, peeker
from ombud.detect.matching.predicates import Predicate, Text
from ombud.detect.matching.values import is_same, lower_text_of

Test = Callable[[EventView], bool]
Occurs = Callable[[str], bool]
_MANY = frozenset({list, tuple})
_PAIRS_MAX = 1024  # Pairs of values that are compared one by one.
Matched = Iterator[tuple[str, Any]]


class Node(ABC):
    """A condition on one event."""

    __slots__ = ()

    @abstractmethod
    def is_match(self, event: EventView) -> bool:
        """Whether the event meets the condition."""

    def compiled(self) -> Test:
        """Return `is_match` as a function that spends less."""
        return self.is_match

    @abstractmethod
    def matched(self, event: EventView) -> Matched:
        """Yield the fields by which an event that matches does so, with the values that count."""

    @abstractmethod
    def verdict(self, occurs: Occurs) -> bool | None:
        """Return what is decided if only fields that `occurs` were ever carried; None if open."""

    def given(self, known: EventView) -> Node | bool:
        """Return what is left to decide of events whose fields in `known` have these values."""
        del known
        return self

    @abstractmethod
    def fields(self) -> Iterator[str]:
        """Yield every field named, with repetitions."""


@dataclass(frozen=True, slots=True)
class FieldIs(Node):
    """Some value of the field is as the predicate demands."""

    field: str
    predicate: Predicate

    @property
    def equals(self) -> str | None:
        """The text it must equal without regard to case, if it is so simple."""
        demand = self.predicate
        return demand.exact if isinstance(demand, Text) and not demand.cased else None

    def is_match(self, event: EventView) -> bool:
        """Whether a value that is not null passes."""
        check = self.predicate.check()
        return any(value is not None and check(value) for value in find_values(event, self.field))

    def compiled(self) -> Test:
        """Return the check over values fetched by the shortest way."""
        if self.equals is not None:
            return is_one_of(self.field, {self.equals})
        peek, check = peeker(self.field), self.predicate.check()

        def passes(event: EventView) -> bool:
            value = peek(event)
            if value is None:
                return False
            if value.__class__ in _MANY:
                return any(one is not None and check(one) for one in opened(value))
            return check(value)

        return passes

    def matched(self, event: EventView) -> Matched:
        """Yield the values that pass."""
        check = self.predicate.check()
        for value in find_values(event, self.field):
            if value is not None and check(value):
                yield self.field, value

    def verdict(self, occurs: Occurs) -> bool | None:
        """Return false if the field never occurs."""
        return None if occurs(self.field) else False

    def given(self, known: EventView) -> Node | bool:
        """Return the outcome if the field is known."""
        return self.is_match(known) if self.field in known else self

    def fields(self) -> Iterator[str]:
        """Yield the field."""
        yield self.field


@dataclass(frozen=True, slots=True)
class FieldIsNull(Node):
    """The field is missing, null, an empty list, or a list with a null in it."""

    field: str

    def is_match(self, event: EventView) -> bool:
        """Whether there is no value, or one that is null."""
        values = find_values(event, self.field)
        return not values or None in values

    def compiled(self) -> Test:
        """Return the same over values fetched by the shortest way."""
        peek = peeker(self.field)

        def is_null(event: EventView) -> bool:
            value = peek(event)
            if value.__class__ in _MANY:
                values = opened(value)
                return not values or None in values
            return value is None

        return is_null

    def matched(self, event: EventView) -> Matched:
        """Yield the field without a value."""
        del event
        yield self.field, None

    def verdict(self, occurs: Occurs) -> bool | None:
        """Return true if the field never occurs."""
        return None if occurs(self.field) else True

    def given(self, known: EventView) -> Node | bool:
        """Return the outcome if the field is known."""
        return self.is_match(known) if self.field in known else self

    def fields(self) -> Iterator[str]:
        """Yield the field."""
        yield self.field


@dataclass(frozen=True, slots=True)
class FieldExists(Node):
    """The event carries the field, be it null or empty, or does not carry it."""

    field: str
    exists: bool

    def is_match(self, event: EventView) -> bool:
        """Whether the field is there as demanded."""
        return is_present(event, self.field) is self.exists

    def matched(self, event: EventView) -> Matched:
        """Yield the values of the field, or the field without a value."""
        for value in find_values(event, self.field) or (None,):
            yield self.field, value

    def verdict(self, occurs: Occurs) -> bool | None:
        """Return whether its absence is what is demanded, if the field never occurs."""
        return None if occurs(self.field) else not self.exists

    def given(self, known: EventView) -> Node | bool:
        """Return the outcome if the field is known."""
        return self.is_match(known) if self.field in known else self

    def fields(self) -> Iterator[str]:
        """Yield the field."""
        yield self.field


@dataclass(frozen=True, slots=True)
class FieldsAgree(Node):
    """Some value of one field equals, contains, or starts or ends with one of another."""

    field: str
    other: str
    starts_with: bool = False
    ends_with: bool = False

    def is_match(self, event: EventView) -> bool:
        """Whether any pair of values agrees; null agrees with nothing."""
        return any(True for _ in self._pairs(event))

    def compiled(self) -> Test:
        """Return the same over values fetched by the shortest way."""
        peek, peek_other, agree = peeker(self.field), peeker(self.other), self._agree

        def agrees(event: EventView) -> bool:
            other, value = peek_other(event), peek(event)
            if other is None or value is None:
                return False
            values, others = opened(value), opened(other)
            if len(values) * len(others) > _PAIRS_MAX:
                return any(True for _ in self._looked_up(values, others))
            for one in values:
                for two in others:
                    if one is not None and two is not None and agree(one, two):
                        return True
            return False

        return agrees

    def _pairs(self, event: EventView) -> Iterator[tuple[Any, Any]]:
        """Yield the pairs that agree; of too many values, each with but one of the others."""
        values, others = find_values(event, self.field), find_values(event, self.other)
        if len(values) * len(others) > _PAIRS_MAX:
            yield from self._looked_up(values, others)
            return
        for value in values:
            for other in others:
                if value is not None and other is not None and self._agree(value, other):
                    yield value, other

    def _looked_up(self, values: Sequence[Any], others: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
        values = [value for value in values if value is not None]
        others = [other for other in others if other is not None]
        if self.starts_with and self.ends_with:
            return containing(values, others)
        if self.starts_with or self.ends_with:
            return starting(values, others, is_end=self.ends_with)
        return same(values, others)

    def _agree(self, value: Any, other: Any) -> bool:
        if not self.starts_with and not self.ends_with:
            return is_same(value, other)
        whole, piece = lower_text_of(value), lower_text_of(other)
        if self.starts_with and self.ends_with:
            return piece in whole
        return whole.startswith(piece) if self.starts_with else whole.endswith(piece)

    def matched(self, event: EventView) -> Matched:
        """Yield both values of the pairs that agree."""
        for value, other in self._pairs(event):
            yield self.field, value
            yield self.other, other

    def verdict(self, occurs: Occurs) -> bool | None:
        """Return false if either field never occurs."""
        return None if occurs(self.field) and occurs(self.other) else False

    def fields(self) -> Iterator[str]:
        """Yield both fields."""
        yield from (self.field, self.other)


@dataclass(frozen=True, slots=True)
class Keyword(Node):
    """Some value anywhere in the event is as the predicate demands."""

    predicate: Predicate

    def is_match(self, event: EventView) -> bool:
        """Whether any value passes."""
        check = self.predicate.check()
        return any(check(value) for _, value in leaves(event))

    def matched(self, event: EventView) -> Matched:
        """Yield the values that pass, under the paths to them."""
        check = self.predicate.check()
        yield from ((path, value) for path, value in leaves(event) if check(value))

    def verdict(self, occurs: Occurs) -> bool | None:
        """Return nothing: a keyword needs no field in particular."""
        del occurs
        return None

    def fields(self) -> Iterator[str]:
        """Yield nothing."""
        yield from ()


def is_one_of(field: str, options: set[str]) -> Test:
    """Return whether some value of the field has one of these texts, in lower case."""
    peek = peeker(field)

    def has_one(event: EventView) -> bool:
        value = peek(event)
        if value.__class__ is str:
            return value.lower() in options
        if value is None:
            return False
        return any(one is not None and lower_text_of(one) in options for one in opened(value))

    return has_one
