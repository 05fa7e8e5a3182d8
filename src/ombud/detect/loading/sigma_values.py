"""Sigma values: from what pySigma makes of the values of a rule to predicates.

Null, existence, references and expansions are not values in this sense: the
tree of the rule handles them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from sigma.types import (
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
)

from ombud.core.errors import RuleError
from ombud.detect.matching.expressions import REGEX_ENGINE
from ombud.detect.matching.predicates import (
    Compare,
    Network,
    Number,
    NumberWithin,
    Predicate,
    Regex,
    Text,
    TimePart,
    Truth,
    Wild,
    text_pattern,
)
from ombud.detect.matching.values import text_of

_EXACT_MAX = 2**53  # Beyond it a double skips integers.
_WILD = {SpecialChars.WILDCARD_MULTI: Wild.MANY, SpecialChars.WILDCARD_SINGLE: Wild.ONE}


def no_value(placeholder: str) -> str:
    """Return the reason to refuse a rule that asks for a placeholder nobody has filled."""
    return f"placeholder `%{placeholder}%` has no value: give it one in `placeholders.yml`"


def predicate_of(value: SigmaType) -> Predicate:
    """Return the demand of one value of a rule; raises `RuleError` when there is none."""
    for kind, build in _BUILDERS:
        if isinstance(value, kind):
            return build(value)
    raise RuleError(f"values of kind `{type(value).__name__}` cannot be evaluated")


def keyword_of(value: SigmaType) -> Predicate:
    """Return the demand of a keyword: it may stand anywhere in the text of a value."""
    if isinstance(value, SigmaString):
        tokens = (Wild.MANY, *_tokens(value), Wild.MANY)
        return text_pattern(tokens, cased=isinstance(value, SigmaCasedString))
    if isinstance(value, SigmaNumber | SigmaBool):
        return NumberWithin(text_of(value.to_plain()))
    if isinstance(value, SigmaRegularExpression):
        return _regex(value)
    raise RuleError(f"values of kind `{type(value).__name__}` cannot be keywords")


def _tokens(value: SigmaString) -> Iterator[str | Wild]:
    for part in value.s:
        if isinstance(part, str):
            yield part
        elif part in _WILD:
            yield _WILD[part]
        else:
            raise RuleError(no_value(part.name))


def _string(value: SigmaString) -> Text:
    return text_pattern(tuple(_tokens(value)), cased=isinstance(value, SigmaCasedString))


def _number(value: SigmaNumber) -> Number:
    number = value.number
    if isinstance(number, float) and abs(number) >= _EXACT_MAX:
        # pySigma keeps integers that a double cannot hold as the nearest double.
        raise RuleError(f"number {number:.0f} is too large to be exact: write it in quotes")
    return Number(text_of(number))


def _regex(value: SigmaRegularExpression) -> Regex:
    flags = 0
    for flag in value.flags:
        flags |= SigmaRegularExpression.sigma_to_python_flags[flag]
    pattern = str(value.regexp)
    REGEX_ENGINE.compile(pattern, flags)
    return Regex(pattern, int(flags))


def _comparison(value: SigmaCompareExpression) -> Compare:
    number = value.number
    part = number.timestamp_part.name.lower() if isinstance(number, SigmaTimestampPart) else None
    return Compare(value.op.name.lower(), number.number, part)


def _timestamp(value: SigmaTimestampPart) -> TimePart:
    return TimePart(value.timestamp_part.name.lower(), value.number)


# In this order: a part of a time is also a number, and a cased string a string.
_BUILDERS: tuple[tuple[type[SigmaType], Callable[[Any], Predicate]], ...] = (
    (SigmaTimestampPart, _timestamp),
    (SigmaString, _string),
    (SigmaNumber, _number),
    (SigmaBool, lambda value: Truth(value.boolean)),
    (SigmaRegularExpression, _regex),
    (SigmaCIDRExpression, lambda value: Network(str(value.network))),
    (SigmaCompareExpression, _comparison),
)
