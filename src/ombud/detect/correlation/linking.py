"""Linking: which rules a correlation speaks of, once all of them are known.

A correlation that cannot run is refused by name, and so is each that refers to
it; the rest runs.  Correlations are returned in an order in which each comes after
those that it refers to.  The version of a linked correlation covers those of its
rules: when one of them changes, it is another correlation.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from ombud.core.errors import RuleError
from ombud.detect.correlation.model import Correlation, Judging
from ombud.detect.rule import VERSION_LENGTH, Refusal, Rule
from ombud.detect.view import check_field

CHAIN_MAX = 16  # Correlations one upon the other; a match goes through all of them at once.

Named = Rule | Correlation


def link(
    correlations: Iterable[Correlation], rules: Iterable[Rule]
) -> tuple[tuple[Correlation, ...], tuple[Refusal, ...]]:
    """Return the correlations that can run, with ids for names, and why the others cannot."""
    given = {one.id: one for one in correlations}
    plain = {rule.id: rule for rule in rules}
    names = _Names([*plain.values(), *given.values()])
    refusals: dict[str, str] = {}
    resolved: dict[str, Correlation] = {}
    for one in given.values():
        try:
            resolved[one.id] = _resolved(one, names)
        except RuleError as error:
            refusals[one.id] = str(error)
    for rule_id, reason in _cycles(resolved).items():
        refusals[rule_id] = reason
        del resolved[rule_id]
    kept: dict[str, Correlation] = {}
    depths: dict[str, int] = {}
    below: dict[str, Named] = dict(plain)
    for rule_id in _order(resolved):
        one = resolved[rule_id]
        try:
            lower = [_target(inner, plain, kept, given) for inner in one.rules]
            depths[rule_id] = 1 + max(depths.get(inner, 0) for inner in one.rules)
            _check_depth(depths[rule_id])
            _check_fields(one, lower, below)
            below[rule_id] = one
        except RuleError as error:
            refusals[rule_id] = str(error)
            continue
        kept[rule_id] = replace(one, version=_version(one, lower))
    refused = [
        Refusal(one.path, one.id, refusals[one.id]) for one in given.values() if one.id in refusals
    ]
    return tuple(kept.values()), tuple(refused)


def fields_read(correlations: Iterable[Correlation]) -> dict[str, frozenset[str]]:
    """Return the fields that linked correlations ask of the matches of each rule.

    What stands upon a correlation may ask for a field beside its group, which the
    event that completed it answers: so the rules below must have it.
    """
    read: dict[str, set[str]] = {}
    for one in reversed(tuple(correlations)):  # Those that refer come before what they refer to.
        passed = read.get(one.id, set()) - set(one.group_by)
        for rule_id in one.rules:
            names = {one.field_of(name, rule_id) for name in (*one.group_by, *one.fields)}
            read.setdefault(rule_id, set()).update(names, passed)
    return {rule_id: frozenset(names) for rule_id, names in read.items()}


class _Names:
    """From what a correlation calls a rule to the rule's id."""

    def __init__(self, named: Sequence[Named]) -> None:
        self._ids = {one.id for one in named}
        found = [(one.name, one.id) for one in named]
        self._names = {name: rule_id for name, rule_id in found if name is not None}
        counts = Counter(name for name, _ in found if name is not None)
        self._doubled = {name for name, count in counts.items() if count > 1}

    def id_of(self, reference: str) -> str:
        if reference in self._ids:
            return reference
        if reference in self._doubled:
            raise RuleError(f"`{reference}` is the name of more than one rule: give its id")
        if reference not in self._names:
            raise RuleError(f"refers to `{reference}`, which no rule has as id or name")
        return self._names[reference]


def _resolved(one: Correlation, names: _Names) -> Correlation:
    rules = tuple(names.id_of(reference) for reference in one.rules)
    if len(set(rules)) < len(rules):
        raise RuleError("`rules` names a rule twice, by id and by name")
    aliases = tuple(
        (alias, tuple((names.id_of(reference), name) for reference, name in places))
        for alias, places in one.aliases
    )
    return replace(one, rules=rules, aliases=aliases)


def _edges(resolved: Mapping[str, Correlation]) -> dict[str, list[str]]:
    return {
        rule_id: [inner for inner in one.rules if inner in resolved]
        for rule_id, one in resolved.items()
    }


def _cycles(resolved: Mapping[str, Correlation]) -> dict[str, str]:
    """Return correlations that lead back to themselves, with the way: some of every circle.

    One walk: any number of circles costs no more than looking at every reference.
    """
    edges = _edges(resolved)
    found: dict[str, str] = {}
    done: set[str] = set()
    for start in edges:
        walk = [(start, iter(edges[start]))]  # From `start` downwards.
        depths = {start: 0}
        while walk and start not in done:
            rule_id, inners = walk[-1]
            inner = next((one for one in inners if one not in done), None)
            if inner is None:
                done.add(rule_id)
                walk.pop()
                del depths[rule_id]
            elif inner not in depths:
                depths[inner] = len(walk)
                walk.append((inner, iter(edges[inner])))
            elif rule_id not in found:  # Else this circle is broken already.
                circle = [name for name, _ in walk[depths[inner] :][:CHAIN_MAX]]
                rest = ["..."] if len(walk) - depths[inner] > CHAIN_MAX else []
                way = " -> ".join([*(f"`{name}`" for name in circle), *rest, f"`{inner}`"])
                for name, _ in reversed(walk[depths[inner] :]):
                    if name in found:
                        break
                    found[name] = f"refers to itself: {way}"
    return found


def _order(resolved: Mapping[str, Correlation]) -> list[str]:
    """Return ids so that each comes after those it refers to, else in the order given."""
    edges = _edges(resolved)
    ordered: dict[str, None] = {}
    for start in edges:
        stack = [start]
        while stack:
            missing = [inner for inner in edges[stack[-1]] if inner not in ordered]
            if missing:
                stack.append(missing[0])
            else:
                ordered.setdefault(stack.pop())
    return list(ordered)


def _target(
    rule_id: str,
    plain: Mapping[str, Rule],
    kept: Mapping[str, Correlation],
    given: Mapping[str, Correlation],
) -> Named:
    if rule_id in kept:
        return kept[rule_id]
    if rule_id in given:
        raise RuleError(f"it refers to `{rule_id}`, which is refused")
    return plain[rule_id]


def _check_depth(depth: int) -> None:
    if depth > CHAIN_MAX:
        raise RuleError(f"it stands on a chain of more than {CHAIN_MAX} correlations")


def _check_fields(one: Correlation, lower: Sequence[Named], below: Mapping[str, Named]) -> None:
    """Raise `RuleError` for a field that matches of a rule can never carry."""
    asked = [
        (inner, one.field_of(name, inner.id))
        for inner in lower
        for name in (*one.group_by, *one.fields)
    ]
    seen: set[tuple[str, str]] = set()
    while asked:
        inner, place = asked.pop()
        if (inner.id, place) in seen:
            continue
        seen.add((inner.id, place))
        if isinstance(inner, Rule):
            if inner.logsource.is_own:
                check_field(place)
        elif place in inner.group_by:
            continue
        elif inner.judging is not Judging.SLIDING:
            raise RuleError(
                f"`{inner.id}` is judged when its window has closed and carries "
                f"only its own group: it has no `{place}`"
            )
        else:  # The event that completed it is one of any rule below.
            asked += [(below[rule_id], place) for rule_id in inner.rules]


def _version(one: Correlation, lower: Sequence[Named]) -> str:
    text = " ".join([one.version, *(inner.version for inner in lower)])
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_LENGTH]
