"""Cases: the events that ship with a rule, which it must match and must not.

They stand beside `name.yml` in `name.tests.yml`, under `matches` and `misses`:
each has an `event`, usually a `name`, and a `rule` (an id) where the file holds
several rules.  What a correlation must raise, and must not, stands under `raises`
and `quiet` (see `sequences`).  Events for rules of product `ombud` use the names of the event
model, dotted or nested, and may set derived fields; others are originals.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from ombud.core.errors import RuleError
from ombud.core.fields import BY_NAME, Kind
from ombud.detect.correlation.model import Correlation
from ombud.detect.loading.documents import Fault, parse_documents
from ombud.detect.loading.rule_set import RuleSet
from ombud.detect.logsource import sees_event
from ombud.detect.rule import Rule
from ombud.detect.sequences import SequenceCase, TimedView, does_raise, parse_sequence
from ombud.detect.view import check_field, with_short_names

SUFFIX = ".tests.yml"  # What is read as cases and never as a rule.

_TYPES: dict[Kind, tuple[type, ...]] = {
    Kind.TEXT: (str,),
    Kind.INTEGER: (int,),
    Kind.INSTANT: (int,),
    Kind.BOOLEAN: (bool,),
    Kind.REAL: (int, float),
    Kind.TEXTS: (list,),
    Kind.SUBJECTS: (list,),
    Kind.MAP: (dict,),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One event and what is expected of a rule."""

    name: str
    rule_id: str | None
    event: dict[str, Any]
    expected: bool


@dataclass(frozen=True, slots=True)
class CaseResult:
    """How one case went."""

    rule_id: str
    name: str
    expected: bool
    matched: bool

    @property
    def passed(self) -> bool:
        """Whether the rule did what was expected."""
        return self.expected is self.matched


def parse_cases(text: bytes | str, *, path: str) -> list[Case | SequenceCase]:
    """Return the cases of one file; raises `RuleError` naming the file and the fault."""
    try:
        documents = parse_documents(text)
    except RuleError as error:
        raise RuleError(error.message, origin=path) from error
    document = documents[0] if len(documents) == 1 else None
    if isinstance(document, Fault):
        raise RuleError(str(document), origin=path)
    if not isinstance(document, dict) or document.keys() - _KINDS.keys():
        raise RuleError(f"cases are a map of `{'`, `'.join(_KINDS)}`", origin=path)
    return [
        parse(item, number, expected=is_expected, path=path)
        for key, (parse, is_expected) in _KINDS.items()
        for number, item in enumerate(document.get(key) or (), start=1)
    ]


def _case(item: Any, number: int, *, expected: bool, path: str) -> Case:
    kind = "match" if expected else "miss"
    if not isinstance(item, dict) or not isinstance(item.get("event"), dict):
        raise RuleError(f"{kind} {number} has no `event`", origin=path)
    unknown = sorted(str(key) for key in item.keys() - {"name", "rule", "event"})
    if unknown:
        raise RuleError(f"{kind} {number} has an unknown key `{unknown[0]}`", origin=path)
    return Case(
        str(item.get("name") or f"{kind} {number}"), item.get("rule"), item["event"], expected
    )


_KINDS: dict[str, tuple[Callable[..., Case | SequenceCase], bool]] = {
    "matches": (_case, True),
    "misses": (_case, False),
    "raises": (parse_sequence, True),
    "quiet": (parse_sequence, False),
}


def run_cases(
    file_rules: Sequence[Rule | Correlation],
    cases: Sequence[Case | SequenceCase],
    *,
    path: str,
    within: RuleSet | None = None,
) -> list[CaseResult]:
    """Return how the rules and correlations of one file do on its cases.

    `within` is where a correlation finds the rules it refers to, if not in its file.
    Raises `RuleError` for an event that cannot be, or a rule that is not there.
    """
    rules = [rule for rule in file_rules if isinstance(rule, Rule)]
    correlations = [rule for rule in file_rules if isinstance(rule, Correlation)]
    known = within or RuleSet(tuple(rules), correlations=tuple(correlations))
    results = []
    for case in cases:
        try:
            if isinstance(case, Case):
                rule = _picked(rules, case)
                matched = _is_match(rule, case.event)
                results.append(CaseResult(rule.id, case.name, case.expected, matched))
            else:
                one = _picked(correlations, case)
                matched = _raises(one, known, case)
                results.append(CaseResult(one.id, case.name, case.expected, matched))
        except RuleError as error:
            raise RuleError(f"case `{case.name}`: {error.message}", origin=path) from error
    return results


Picked = TypeVar("Picked", Rule, Correlation)


def _picked(rules: Sequence[Picked], case: Case | SequenceCase) -> Picked:
    """Return the rule that a case names, or the only one."""
    if case.rule_id is None and len(rules) == 1:
        return rules[0]
    for rule in rules:
        if case.rule_id is not None and case.rule_id in (rule.id, rule.name):
            return rule
    raise RuleError("it is about no rule of the file")


def _raises(one: Correlation, known: RuleSet, case: SequenceCase) -> bool:
    below = {one.id}
    for other in reversed(known.correlations):  # Each stands after those that it refers to.
        if other.id in below:
            below.update(other.rules)
    correlations = [other for other in known.correlations if other.id in below]
    rules = [rule for rule in known.rules if rule.id in below]
    events = [
        TimedView(
            event.get("time", time),
            {rule.id: view for rule in rules if (view := _view(rule, {"time": time, **event}))},
        )
        for time, event in case.events
    ]
    return does_raise(one, correlations, rules, events)


def _is_match(rule: Rule, event: Mapping[str, Any]) -> bool:
    view = _view(rule, event)
    return view is not None and rule.matches(view)


def _view(rule: Rule, event: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return an event as a rule sees it; None if it does not."""
    if not rule.logsource.is_own:
        return with_short_names(dict(event))
    view = named_view(event)
    sees = sees_event(rule.logsource, view.get("source", ""), view.get("action", ""))
    return view if sees else None


def named_view(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event written with names of the model as rules see it.

    Raises `RuleError` for an unknown field and for a value of the wrong type.
    """
    view: dict[str, Any] = {}
    for name, value in event.items():
        check_field(name)
        first, _, rest = name.partition(".")
        field = BY_NAME.get(name)
        if field is None and first in BY_NAME and BY_NAME[first].kind is Kind.MAP:
            inner = view.setdefault(first, {})
            for part in rest.split(".")[:-1]:
                inner = inner.setdefault(part, {})
            inner[rest.rpartition(".")[2]] = value
            continue
        if field and (
            not isinstance(value, _TYPES[field.kind])
            or (isinstance(value, bool) and field.kind is not Kind.BOOLEAN)
        ):
            raise RuleError(f"`{name}` is {field.kind}, not `{value}`")
        view[name] = dict(value) if isinstance(value, dict) else value
    return view
