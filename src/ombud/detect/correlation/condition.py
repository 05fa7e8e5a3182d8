"""Condition: the section `condition` of a correlation, checked against its type.

A condition that no event can meet is refused: it would look like peace.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from ombud.core.errors import RuleError
from ombud.detect.correlation.expression import alternatives_of
from ombud.detect.correlation.model import Alternative, Bound, CorrelationType, Number, Operator
from ombud.detect.matching.paths import FIELD_PARTS_MAX

COUNT_MAX = 50_000  # What a condition may count up to; a group keeps a few more events.
FIELDS_MAX = 8  # Fields whose values are counted together.

NUMBER_MAX = 1e300  # Beyond it a sum is no number any more.
_OPERATORS = frozenset(Operator)


@dataclass(frozen=True, slots=True)
class Condition:
    """What a correlation demands, as far as its section `condition` says."""

    bounds: tuple[Bound, ...] = ()
    alternatives: tuple[Alternative, ...] = ()
    fields: tuple[str, ...] = ()
    percentile: Number | None = None


def condition_of(value: Any, kind: CorrelationType, rules: Sequence[str]) -> Condition:
    """Return the condition; raises `RuleError` for what cannot be judged, or never met."""
    if kind.is_temporal and (value is None or isinstance(value, str)):
        return Condition(alternatives=_ways(value, kind, rules))
    if value is None:
        raise RuleError("`condition` is missing")
    if isinstance(value, str):
        raise RuleError(f"`condition` of type `{kind}` is a map, as in `gte: 10`")
    if not isinstance(value, Mapping):
        raise RuleError("`condition` is no map")
    asks_field = not (kind.is_temporal or kind is CorrelationType.EVENT_COUNT)
    asks_percentile = kind is CorrelationType.VALUE_PERCENTILE
    known = {*_OPERATORS, *(["field"] * asks_field), *(["percentile"] * asks_percentile)}
    unknown = sorted(str(key) for key in value if key not in known)
    if unknown:
        raise RuleError(
            f"`condition` of type `{kind}` has no key `{unknown[0]}`: "
            f"it has {', '.join(sorted(known))}"
        )
    bounds = tuple(_bound(operator, value[operator]) for operator in Operator if operator in value)
    if not bounds:
        raise RuleError("`condition` compares with nothing: it wants one of gt, gte, lt ...")
    _check_bounds(bounds, kind, len(rules))
    if kind is CorrelationType.TEMPORAL_ORDERED:
        return Condition(alternatives=_every_rule(bounds, rules))
    return Condition(
        bounds=bounds,
        fields=_fields(value.get("field"), kind) if asks_field else (),
        percentile=_percentile(value.get("percentile")) if asks_percentile else None,
    )


def _ways(
    value: str | None, kind: CorrelationType, rules: Sequence[str]
) -> tuple[Alternative, ...]:
    if value is None:
        return (Alternative(tuple(range(len(rules)))),)
    is_ordered = kind is CorrelationType.TEMPORAL_ORDERED
    return alternatives_of(value, rules, is_ordered=is_ordered)


def _every_rule(bounds: Sequence[Bound], rules: Sequence[str]) -> tuple[Alternative, ...]:
    """Return the only way in which a number of rules can be demanded in order: all of them."""
    every = len(rules)
    if not all(bound.holds(every) for bound in bounds) or any(
        all(bound.holds(some) for bound in bounds) for some in range(1, every)
    ):
        raise RuleError(
            "`condition` of type `temporal_ordered` demands every rule, or is an expression"
        )
    return (Alternative(tuple(range(every))),)


def _bound(operator: Operator, value: Any) -> Bound:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise RuleError(f"`{operator}` is no number")
    if not math.isfinite(value) or abs(value) > NUMBER_MAX:
        raise RuleError(f"`{operator}` is beyond every number that can be reached")
    return Bound(operator, value)


def _check_bounds(bounds: Sequence[Bound], kind: CorrelationType, rule_count: int) -> None:
    """Raise `RuleError` if nothing can be within the bounds, or only more than is kept."""
    names = ", ".join(f"{bound.operator}: {bound.value}" for bound in bounds)
    largest: Number = math.inf
    if kind.is_count:
        largest = rule_count if kind.is_temporal else COUNT_MAX
        if not kind.is_temporal and any(bound.value > COUNT_MAX for bound in bounds):
            raise RuleError(f"`condition` counts beyond {COUNT_MAX}, which is what a group keeps")
    # Where the truth of a bound can change: at its value, and just beside it.
    step: Number = 1 if kind.is_count else 0.5
    tries: set[Number] = {1, largest} if kind.is_count else set()
    for bound in bounds:
        below: Number = math.floor(bound.value) if kind.is_count else bound.value
        beside = (below - step, below, below + step) if kind.is_count else _beside(bound.value)
        tries.update(beside)
    if not kind.is_count:
        ordered = sorted({bound.value for bound in bounds})
        tries.update((one + two) / 2 for one, two in pairwise(ordered))
    least: Number = 1 if kind.is_count else -math.inf
    if not any(
        least <= number <= largest and all(bound.holds(number) for bound in bounds)
        for number in tries
    ):
        raise RuleError(
            f"`condition` ({names}) is never met"
            + (": a group in which nothing happened is never seen" if kind.is_count else "")
        )


def _beside(value: Number) -> tuple[Number, Number, Number]:
    far = max(1.0, abs(value))
    return (value - far, value, value + far)


def _fields(value: Any, kind: CorrelationType) -> tuple[str, ...]:
    if value is None:
        raise RuleError(f"`condition` of type `{kind}` names no `field`")
    fields = value if isinstance(value, list) else [value]
    if len(fields) > 1 and kind is not CorrelationType.VALUE_COUNT:
        raise RuleError(f"`field` of type `{kind}` is one field")
    return check_fields(fields, "field", FIELDS_MAX)


def check_fields(fields: Sequence[Any], key: str, fields_max: int) -> tuple[str, ...]:
    """Return names of fields; raises `RuleError` for what is none, for doubles, and too many."""
    if not fields or not all(isinstance(one, str) and one for one in fields):
        raise RuleError(f"`{key}` is no list of fields")
    if len(set(fields)) < len(fields):
        raise RuleError(f"`{key}` names a field twice")
    if len(fields) > fields_max:
        raise RuleError(f"`{key}` names more than {fields_max} fields")
    for name in fields:
        if name.count(".") >= FIELD_PARTS_MAX:
            raise RuleError(f"field `{name[:80]}` has more than {FIELD_PARTS_MAX} parts")
    return tuple(fields)


def _percentile(value: Any) -> Number:
    if value is None:
        raise RuleError("`condition` of type `value_percentile` wants `percentile`, as in 95")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < value <= 100:
        raise RuleError("`percentile` is no number above 0 and up to 100")
    number: Number = value
    return number
