"""Tally: what the entries of one window amount to, as they come and go.

Whatever the order in which entries were added and taken away, the same entries
amount to the same: sums are exact and rounded once, when they are asked for.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, Protocol

from ombud.detect.correlation.model import Correlation, CorrelationType, Number

_SCALE = 1074  # Every double is a whole number of 2^-1074.


class Tally(Protocol):
    """The measure of a window; what it is given are the values of entries."""

    def add(self, value: Any) -> None:
        """Take one entry in."""

    def drop(self, value: Any) -> None:
        """Let one entry go that was taken in."""

    def reached(self) -> Number | None:
        """Return what the entries amount to, or None if that is nothing to compare."""


class EventTally:
    """How many events there are: one entry each."""

    __slots__ = ("_count",)

    def __init__(self) -> None:
        self._count = 0

    def add(self, _value: Any) -> None:
        """Take one event in."""
        self._count += 1

    def drop(self, _value: Any) -> None:
        """Let one event go."""
        self._count -= 1

    def reached(self) -> Number | None:
        """Return the number of events."""
        return self._count


class DistinctTally:
    """How many different values there are."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts: dict[Any, int] = {}

    def add(self, value: Any) -> None:
        """Take one value in."""
        self._counts[value] = self._counts.get(value, 0) + 1

    def drop(self, value: Any) -> None:
        """Let one value go."""
        left = self._counts[value] - 1
        if left:
            self._counts[value] = left
        else:
            del self._counts[value]

    def reached(self) -> Number | None:
        """Return the number of different values."""
        return len(self._counts)


class SumTally:
    """The sum of numbers, or their mean."""

    __slots__ = ("_count", "_integers", "_is_mean", "_scaled")

    def __init__(self, *, is_mean: bool) -> None:
        self._is_mean = is_mean
        self._count = 0
        self._integers = 0
        self._scaled = 0  # The sum of all that are no integers, in units of 2^-1074.

    def add(self, value: Number) -> None:
        """Take one number in."""
        self._count += 1
        self._move(value, 1)

    def drop(self, value: Number) -> None:
        """Let one number go."""
        self._count -= 1
        self._move(value, -1)

    def _move(self, value: Number, sign: int) -> None:
        if isinstance(value, int):
            self._integers += sign * value
        else:
            numerator, denominator = value.as_integer_ratio()
            self._scaled += sign * numerator << (_SCALE + 1 - denominator.bit_length())

    def reached(self) -> Number | None:
        """Return the sum or the mean, correctly rounded; None of nothing."""
        if not self._count:
            return None
        count = self._count if self._is_mean else 1
        if not self._scaled:
            return self._integers / count if self._is_mean else self._integers
        return ((self._integers << _SCALE) + self._scaled) / (count << _SCALE)


class RankTally:
    """The numbers in order, of which one or two are asked for."""

    __slots__ = ("_choose", "_numbers")

    def __init__(self, choose: Callable[[list[Number]], Number]) -> None:
        self._choose = choose
        self._numbers: list[Number] = []

    def add(self, value: Number) -> None:
        """Take one number in."""
        insort(self._numbers, value)

    def drop(self, value: Number) -> None:
        """Let one number go."""
        del self._numbers[bisect_left(self._numbers, value)]

    def reached(self) -> Number | None:
        """Return what is asked for; None of nothing."""
        return self._choose(self._numbers) if self._numbers else None


def _median(numbers: list[Number]) -> Number:
    """Return the middle one, or the mean of the two in the middle."""
    middle = len(numbers) // 2
    if len(numbers) % 2:
        return numbers[middle]
    total = numbers[middle - 1] + numbers[middle]
    return total // 2 if isinstance(total, int) and total % 2 == 0 else total / 2


def _percentile(percentile: Number) -> Callable[[list[Number]], Number]:
    """Return the nearest rank: the least of the numbers that so many percent do not exceed."""
    share = Fraction(str(percentile)) / 100  # As it is written: 99.9 is no binary fraction.

    def choose(numbers: list[Number]) -> Number:
        rank = -(-share.numerator * len(numbers) // share.denominator)
        return numbers[rank - 1]

    return choose


def tallies_of(correlation: Correlation) -> Callable[[], Tally]:
    """Return what makes an empty tally for windows of a correlation."""
    if correlation.type is CorrelationType.VALUE_PERCENTILE:
        choose = _percentile(100 if correlation.percentile is None else correlation.percentile)
        return lambda: RankTally(choose)
    return _TALLIES[correlation.type]


_TALLIES: Mapping[CorrelationType, Callable[[], Tally]] = {
    CorrelationType.EVENT_COUNT: EventTally,
    CorrelationType.VALUE_COUNT: DistinctTally,
    CorrelationType.TEMPORAL: DistinctTally,
    CorrelationType.TEMPORAL_ORDERED: DistinctTally,
    CorrelationType.VALUE_SUM: lambda: SumTally(is_mean=False),
    CorrelationType.VALUE_AVG: lambda: SumTally(is_mean=True),
    CorrelationType.VALUE_MEDIAN: lambda: RankTally(_median),
}
