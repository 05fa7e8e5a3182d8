"""Sequences: events one after the other that a correlation must raise, and must not.

They stand beside the other cases of a rule file, under `raises` and `quiet`.  Each
has `events`, of which one has an `event`, `at` (how long after the beginning;
default is a second after the one before), and may be repeated: `repeat` times,
`every` so often, `{n}` in its texts being the number of the repetition, from 1.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from ombud.core.errors import RuleError
from ombud.detect.correlation.correlator import LATENESS_MS, Correlator
from ombud.detect.correlation.model import Correlation, RuleMatch
from ombud.detect.correlation.parsing import UNIT_SECONDS
from ombud.detect.matching.paths import EventView, find_values
from ombud.detect.rule import Rule

EVENTS_MAX = 10_000  # Of one sequence, repetitions counted.
START_MS = 1_795_348_800_000  # 2026-11-22T12:00:00Z, when every sequence begins.

_DURATION = re.compile(r"([0-9]{1,9})([smhdwMy])", re.ASCII)
_KEYS = frozenset({"name", "rule", "events"})
_EVENT_KEYS = frozenset({"event", "at", "repeat", "every"})


@dataclass(frozen=True, slots=True)
class SequenceCase:
    """Events with their times in milliseconds, and whether they must raise a correlation."""

    name: str
    rule_id: str | None
    events: tuple[tuple[int, dict[str, Any]], ...]
    expected: bool


def parse_sequence(item: Any, number: int, *, expected: bool, path: str) -> SequenceCase:
    """Return one sequence; raises `RuleError` naming the file and the fault."""
    kind = f"{'raises' if expected else 'quiet'} {number}"
    if not isinstance(item, dict) or not isinstance(item.get("events"), list):
        raise RuleError(f"{kind} has no list of `events`", origin=path)
    unknown = sorted(str(key) for key in item.keys() - _KEYS)
    if unknown:
        raise RuleError(f"{kind} has an unknown key `{unknown[0]}`", origin=path)
    name = str(item.get("name") or kind)
    events: list[tuple[int, dict[str, Any]]] = []
    try:
        for given in item["events"]:
            _add(given, events)
    except RuleError as error:
        raise RuleError(f"case `{name}`: {error.message}", origin=path) from error
    return SequenceCase(name, item.get("rule"), tuple(events), expected)


def _add(given: Any, events: list[tuple[int, dict[str, Any]]]) -> None:
    if not isinstance(given, dict) or not isinstance(given.get("event"), dict):
        raise RuleError("one of its events has no `event`")
    unknown = sorted(str(key) for key in given.keys() - _EVENT_KEYS)
    if unknown:
        raise RuleError(f"one of its events has an unknown key `{unknown[0]}`")
    begin = events[-1][0] + 1000 if events else START_MS
    if "at" in given:
        begin = START_MS + _milliseconds(given["at"])
    repeat = given.get("repeat", 1)
    if not isinstance(repeat, int) or isinstance(repeat, bool) or repeat < 1:
        raise RuleError(f"`repeat` is a number from 1, not `{repeat}`")
    if len(events) + repeat > EVENTS_MAX:
        raise RuleError(f"it has more than {EVENTS_MAX:,} events")
    step = _milliseconds(given.get("every", "1s"))
    for number in range(repeat):
        event = given["event"]
        if "repeat" in given:
            event = _numbered(event, str(number + 1))
        events.append((begin + number * step, event))


def _milliseconds(value: Any) -> int:
    parts = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if parts is None:
        raise RuleError(f"`{value}` is no duration: write `90s`, `5m`, `2h`, `1d`")
    return int(parts[1]) * UNIT_SECONDS[parts[2]] * 1000


def _numbered(value: Any, number: str) -> Any:
    if isinstance(value, str):
        return value.replace("{n}", number)
    if isinstance(value, dict):
        return {key: _numbered(inner, number) for key, inner in value.items()}
    if isinstance(value, list):
        return [_numbered(inner, number) for inner in value]
    return value


@dataclass(frozen=True, slots=True)
class TimedView:
    """One event as rules see it: by rule, for those that see it at all."""

    time: int
    views: Mapping[str, EventView]


def does_raise(
    correlation: Correlation,
    correlations: Sequence[Correlation],
    rules: Sequence[Rule],
    events: Sequence[TimedView],
) -> bool:
    """Whether events raise a correlation, of which `correlations` holds those below it as well.

    Time of recording is that of the event, and after the last one time goes on until
    everything is settled.
    """
    correlator = Correlator(correlations)
    found = []
    recorded = START_MS
    for index, event in enumerate(events):
        recorded = max(recorded, event.time)
        matches = [
            RuleMatch(rule.id, index, event.time, recorded, partial(find_values, view))
            for rule in rules
            if (view := event.views.get(rule.id)) is not None and rule.matches(view)
        ]
        found += correlator.feed(matches)
        found += correlator.advance(recorded)
    longest = max((one.timespan_ms for one in correlations), default=0)
    # A chain waits for each of its links in turn.
    found += correlator.advance(recorded + (2 * longest + LATENESS_MS) * (len(correlations) + 1))
    return any(match.correlation_id == correlation.id for match in found)
