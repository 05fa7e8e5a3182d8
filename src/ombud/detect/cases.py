"""Cases: the events that ship with a rule, which it must match and must not.

They stand beside `name.yml` in `name.tests.yml`, under `matches` and `misses`:
each has an `event`, usually a `name`, and a `rule` (an id) where the file holds
several rules.  Events for rules of product `ombud` use the names of the event
model, dotted or nested, and may set derived fields; others are originals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ombud.core.errors import RuleError
from ombud.core.fields import BY_NAME, Kind
from ombud.detect.documents import Fault, parse_documents
from ombud.detect.logsource import sees_event
from ombud.detect.rule import Rule
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


def parse_cases(text: bytes | str, *, path: str) -> list[Case]:
    """Return the cases of one file; raises `RuleError` naming the file and the fault."""
    try:
        documents = parse_documents(text)
    except RuleError as error:
        raise RuleError(error.message, origin=path) from error
    document = documents[0] if len(documents) == 1 else None
    if isinstance(document, Fault):
        raise RuleError(str(document), origin=path)
    if not isinstance(document, dict) or document.keys() - {"matches", "misses"}:
        raise RuleError("cases are a map of `matches` and `misses`", origin=path)
    return [
        _case(item, number, expected=key == "matches", path=path)
        for key in ("matches", "misses")
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


def run_cases(rules: Sequence[Rule], cases: Sequence[Case], *, path: str) -> list[CaseResult]:
    """Return how the rules of one file do on its cases.

    Raises `RuleError` for an event that cannot be, or a rule that is not there.
    """
    by_id = {rule.id: rule for rule in rules}
    results = []
    for case in cases:
        rule = rules[0] if case.rule_id is None and len(rules) == 1 else None
        if rule is None:
            rule = by_id.get(str(case.rule_id))
        if rule is None:
            raise RuleError(f"case `{case.name}` is about no rule of the file", origin=path)
        try:
            matched = _is_match(rule, case.event)
        except RuleError as error:
            raise RuleError(f"case `{case.name}`: {error.message}", origin=path) from error
        results.append(CaseResult(rule.id, case.name, case.expected, matched))
    return results


def _is_match(rule: Rule, event: Mapping[str, Any]) -> bool:
    if not rule.logsource.is_own:
        return rule.matches(with_short_names(dict(event)))
    view = named_view(event)
    if not sees_event(rule.logsource, view.get("source", ""), view.get("action", "")):
        return False
    return rule.matches(view)


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
