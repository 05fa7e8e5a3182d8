"""Filters: conditions of an organisation's own that are put to many rules at once.

A Sigma filter (specification 2.1) names rules, or `any` of its log source; its
condition is joined to theirs by and, as it is written: usually `not selection`.
A filter that fits nothing, contradicts the log source of a rule it names or
would keep a rule from ever matching is refused as a whole: then its rules run
without it, and rather too many alerts are seen than too few.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ombud.core.errors import RuleError
from ombud.detect.loading.condition import Placeholders, compile_detection
from ombud.detect.loading.contradiction import is_never
from ombud.detect.logsource import LogSource, check_own
from ombud.detect.matching.atoms import Node
from ombud.detect.matching.tree import All
from ombud.detect.rule import (
    Faults,
    Refusal,
    Rule,
    checked_id,
    detection_of,
    logsource_of,
    version_of,
)
from ombud.detect.view import check_field

ANY = "any"  # Instead of names of rules: every rule of the log source.
FILTERS_MAX = 1000  # Of one set; each is put to every rule.
RULES_MAX = 10_000  # Rules that one filter names.

_KEYS = frozenset(
    {"title", "id", "name", "description", "date", "modified", "taxonomy", "logsource", "filter"}
    | {"author", "status", "references", "license", "related", "tags", "falsepositives"}
)


@dataclass(frozen=True)
class Filter:
    """One filter: plain data; without `rules` it is for any rule of its log source."""

    id: str
    version: str
    title: str
    path: str
    logsource: LogSource
    rules: tuple[str, ...] | None
    tree: Node = field(repr=False)
    fields: frozenset[str] = field(repr=False)
    name: str | None = None


def parse_filter(
    document: Mapping[str, Any], *, path: str, placeholders: Placeholders | None = None
) -> Filter:
    """Return the filter that a document is; raises `RuleError` with every reason why it is none."""
    known = placeholders or {}
    faults = Faults()
    title = document.get("title")
    if not isinstance(title, str) or not title:
        faults.append("`title` is missing")
    unknown = sorted(str(key) for key in document.keys() - _KEYS)
    if unknown:
        faults.append(f"a filter has no key `{unknown[0]}`")
    filter_id = checked_id(document, faults)
    logsource = faults.collect(lambda: logsource_of(document))
    if logsource is not None and logsource.is_own:
        faults.collect(partial(check_own, logsource))
    section = faults.collect(lambda: detection_of(document, "filter"))
    if section is None:
        raise RuleError("; ".join(faults))
    selections, conditions = section
    rules = faults.collect(lambda: _rules_of(selections.pop("rules", None)))
    if len(conditions) > 1:
        faults.append("a filter has one condition")
    compiled = faults.collect(lambda: compile_detection(selections, conditions[:1], known))
    faults.check()
    if compiled is None or logsource is None or rules is None:  # pragma: no cover
        raise RuleError("a filter cannot be read")
    used = {name: list(known[name]) for name in compiled.placeholders}
    version = version_of([document, used] if used else document)
    name = document.get("name")
    return Filter(
        id=filter_id or version,
        version=version,
        title=str(title),
        path=path,
        logsource=logsource,
        rules=rules or None,
        tree=compiled.tree,
        fields=frozenset(compiled.tree.fields()),
        name=name if isinstance(name, str) else None,
    )


def _rules_of(named: Any) -> tuple[str, ...]:
    """Return the names of rules; nothing for any."""
    if isinstance(named, str):
        return () if named.lower() == ANY else (named,)
    if not isinstance(named, list) or not named or not all(isinstance(one, str) for one in named):
        raise RuleError("`rules` must be a list of ids or names of rules, or `any`")
    if len(named) > RULES_MAX:
        raise RuleError(f"`rules` names more than {RULES_MAX:,} rules")
    return tuple(dict.fromkeys(named))


def apply_filters(
    rules: Sequence[Rule], filters: Sequence[Filter]
) -> tuple[list[Rule], list[Filter], list[Refusal]]:
    """Return the rules with the filters in them, the filters that apply, and those refused."""
    found: dict[str, Rule] = {}
    for rule in rules:
        found.setdefault(rule.id, rule)
        if rule.name:
            found.setdefault(rule.name, rule)
    applied: dict[str, list[Filter]] = {}
    kept: list[Filter] = []
    refusals: list[Refusal] = []
    for one in filters:
        try:
            for rule in _targets(one, rules, found):
                applied.setdefault(rule.id, []).append(one)
            kept.append(one)
        except RuleError as error:
            refusals.append(Refusal(one.path, one.id, error.message))
    filtered = [_filtered(rule, applied.get(rule.id, ())) for rule in rules]
    return filtered, kept, refusals


def _targets(one: Filter, rules: Sequence[Rule], found: Mapping[str, Rule]) -> list[Rule]:
    """Return the rules that a filter is for; raises `RuleError` with every reason to refuse it."""
    faults = Faults()
    if one.rules is None:
        targets = [rule for rule in rules if one.logsource.covers(rule.logsource)]
        if not targets:
            faults.append(f"filter is for any rule of {one.logsource}, and there is none")
    else:
        targets = []
        for name in one.rules:
            rule = found.get(name)
            if rule is None:
                faults.append(f"filter names `{name}`, which is no rule that runs")
            elif not one.logsource.covers(rule.logsource):
                faults.append(
                    f"filter is for {one.logsource}, but rule `{name}` is about {rule.logsource}"
                )
            elif rule not in targets:
                targets.append(rule)
    if any(rule.logsource.is_own for rule in targets):
        for name in sorted(one.fields):
            faults.collect(partial(check_field, name))
    faults.extend(
        f"filter contradicts rule `{rule.id}`, which could never match"
        for rule in targets
        if _contradicts(one, rule)
    )
    faults.check()
    return targets


def _contradicts(one: Filter, rule: Rule) -> bool:
    is_own = rule.logsource.is_own
    if not is_never(All((one.tree, rule.tree)), is_own=is_own):
        return False
    return not is_never(rule.tree, is_own=is_own)  # Else it is not the filter's doing.


def _filtered(rule: Rule, filters: Iterable[Filter]) -> Rule:
    """Return a rule with filters in it, the same whatever their order."""
    ordered = sorted(filters, key=lambda one: one.version)
    if not ordered:
        return rule
    tree = All((rule.tree, *(one.tree for one in ordered)))
    return replace(
        rule,
        version=version_of([rule.version, *(one.version for one in ordered)]),
        tree=tree,
        fields=frozenset(tree.fields()),
        filters=tuple(one.id for one in ordered),
    )
