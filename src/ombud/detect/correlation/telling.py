"""Telling: the sentence of a correlation's alert.

`explain` of a correlation may name the fields of its `group-by`, and beside them
`{count}` (events that contributed) and `{value}` (what was reached: a number of
events, of values or of rules, a sum ...).
"""

from __future__ import annotations

from collections.abc import Mapping

from ombud.core.errors import RuleError
from ombud.detect.correlation.model import Correlation, CorrelationMatch, CorrelationType, Number

TOLD = frozenset({"count", "value"})

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))
_REACHED = {
    CorrelationType.VALUE_SUM: "sum",
    CorrelationType.VALUE_AVG: "average",
    CorrelationType.VALUE_PERCENTILE: "percentile",
    CorrelationType.VALUE_MEDIAN: "median",
}


def check_telling(correlation: Correlation) -> None:
    """Raise `RuleError` for a sentence that names what no match of the correlation tells."""
    said = correlation.guidance
    for name in said.group_by:
        if name not in correlation.group_by:
            raise RuleError(
                f"`ombud.group_by` names `{name}`: here only `correlation.group-by` groups"
            )
    for name in said.fields:
        if name not in TOLD and name not in correlation.group_by:
            raise RuleError(
                f"`explain` names `{name}`: it may name count, value and the fields of `group-by`"
            )


def sentence_of(
    correlation: Correlation, match: CorrelationMatch, titles: Mapping[str, str]
) -> str:
    """Return what happened in one sentence; `titles` are those of rules by their ids."""
    said = correlation.guidance
    view = {**dict(match.group), "count": match.count, "value": match.value}
    if said.explain:
        return said.sentence(view, {})
    named = [titles.get(rule_id, rule_id) for rule_id in correlation.rules]
    return said.sentence(view, {}, default=_default(correlation, match, named))


def _default(correlation: Correlation, match: CorrelationMatch, named: list[str]) -> str:
    span = span_text(correlation.timespan_ms)
    fields = " and ".join(correlation.fields)
    match correlation.type:
        case CorrelationType.TEMPORAL:
            return f"within {span}: {', '.join(named)}"
        case CorrelationType.TEMPORAL_ORDERED:
            return f"within {span}, in this order: {', '.join(named)}"
        case CorrelationType.EVENT_COUNT:
            return f"{_count(match.value, 'match', 'matches')} of {' or '.join(named)} in {span}"
        case CorrelationType.VALUE_COUNT:
            values = _count(match.value, "value", "values")
            return f"{values} of {fields} in matches of {' or '.join(named)} in {span}"
    reached = _REACHED[correlation.type]
    return (
        f"the {reached} of {fields} was {match.value:.6g} over "
        f"{_count(match.count, 'match', 'matches')} of {' or '.join(named)} in {span}"
    )


def _count(number: Number, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def span_text(milliseconds: int) -> str:
    """Return a timespan as people say it: `5 minutes`, `36 hours`."""
    seconds = milliseconds // 1000
    size, unit = next(one for one in _UNITS if seconds % one[0] == 0)
    return _count(seconds // size, unit, f"{unit}s")
