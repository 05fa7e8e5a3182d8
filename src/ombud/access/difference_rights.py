"""Difference of rights: what each audience may do under two policies, and where they part.

A right is one purpose, one action and one thing, for whoever it is given to, with all
that narrows it.  Two rights are compared part by part; where it cannot be told which
of two conditions is the wider one, both a gain and a loss are said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from ombud.access.attempt import Grant
from ombud.access.model import Audience, Limits, Line, Mask, MaskKind, Policy, Prohibition, Purpose
from ombud.access.purposes import PurposeTree
from ombud.access.things import DATASET, Thing, ThingKey, make_things
from ombud.access.wildcards import Names

ANYBODY = "anybody"
GRANTED = "whoever is granted it"
RightKey = tuple[str, str, str, str, str]  # Who, purpose, action, type, thing.
Directory = Mapping[str, Mapping[str, Any]]  # Attributes by `type:id`.


class Right(msgspec.Struct, frozen=True):
    """What narrows one right; None is no bound."""

    line: str
    columns: frozenset[str] | None
    masks: Mapping[str, Mask]
    aggregate_only: frozenset[str]
    row_filter: str | None
    when: str | None
    who_when: str | None
    systems: frozenset[str] | None
    areas: frozenset[str] | None
    hours: tuple[Any, ...] | None
    until: int | None
    purpose_until: int | None
    limits: Limits = Limits()
    notify: tuple[str, ...] = ()
    watermark: bool = False

    @property
    def extent(self) -> Right:
        """It without its name, and without what is oversight and no bound of the right."""
        return msgspec.structs.replace(self, line="", limits=Limits(), notify=(), watermark=False)


def name_actions(*policies: Policy) -> tuple[str, ...]:
    """Return the actions that some scope names; wildcards stand for themselves."""
    purposes = (purpose for policy in policies for purpose in policy.purposes)
    named = {name for purpose in purposes for line in purpose.scope for name in line.actions}
    return tuple(sorted(named))


def name_strange(*policies: Policy) -> frozenset[ThingKey]:
    """Return the things that some policy has in a scope, and some policy does not declare.

    Wildcards stand for themselves here.  Datasets are not among them: one that is not
    declared is nobody's.
    """
    datasets = {DATASET, *(one.type for policy in policies for one in policy.datasets)}
    named = {
        (line.type, name)
        for policy in policies
        for purpose in policy.purposes
        for line in purpose.scope
        for name in line.resources
    }
    stored = {(one.type, one.id) for policy in policies for one in policy.entities}
    return frozenset(key for key in named | stored if key[0] not in datasets)


class Rights:
    """All rights under one policy.

    `actions` are those that rights are told of, and `strange` things that need not be
    declared; `attached` has (dataset, purpose) of what may be used though it was not
    intended.
    """

    def __init__(
        self,
        policy: Policy,
        actions: Iterable[str],
        strange: Iterable[ThingKey] = (),
        attached: frozenset[tuple[str, str]] = frozenset(),
    ) -> None:
        self._actions = tuple(actions)
        self._attached = attached
        self.tree = PurposeTree(policy.purposes)
        self.purposes = {purpose.id: purpose for purpose in policy.purposes}
        self._policy = policy
        self._things = {key: Thing(*key) for key in sorted(strange)}
        self._things |= make_things(policy.datasets, policy.entities, self.tree)
        self.held: dict[RightKey, tuple[Right, ...]] = {}
        for purpose in policy.purposes:
            self._add(purpose)

    def _add(self, purpose: Purpose) -> None:
        found: dict[tuple[str, str, str], list[Right]] = {}
        for line in purpose.scope:
            names = Names(line.actions)
            actions = [action for action in self._actions if names.match(action)]
            for thing in self._meant(line):
                for action in actions:
                    right = self._right(purpose, line, action, thing)
                    if right is not None:
                        found.setdefault((action, line.type, thing.id), []).append(right)
        for who, condition in _audiences(purpose):
            for (action, kind, name), rights in found.items():
                held = tuple(msgspec.structs.replace(one, who_when=condition) for one in rights)
                self.held[who, purpose.id, action, kind, name] = held

    def _meant(self, line: Line) -> Iterator[Thing]:
        if not any("*" in name for name in line.resources):
            found = (self._things.get((line.type, name)) for name in line.resources)
            yield from (thing for thing in found if thing is not None)
            return
        names = Names(line.resources)
        for (kind, name), thing in self._things.items():
            if kind == line.type and names.match(name):
                yield thing

    def _right(self, purpose: Purpose, line: Line, action: str, thing: Thing) -> Right | None:
        """Return the right that a line gives to a thing; None where it is taken away again."""
        bit = self.tree.bits[purpose.id]
        lacking = (name for name, bits in thing.intended if not bits & bit)
        if not all(self._is_attached(name, purpose) for name in lacking):
            return None
        if any(bits & bit for _, bits in thing.barred):
            return None
        if thing.is_dataset and line.systems is not None and thing.system not in line.systems:
            return None
        known = frozenset(thing.columns) if thing.columns else None
        columns = known
        if line.columns is not None:
            columns = frozenset((*line.columns, *line.aggregate_only))
        if known is not None and columns is not None:
            columns &= known
        barred = {name for _, name, bits in thing.barred_columns if bits & bit}
        for rule in self._rules(purpose):
            reached = _reached(rule, action, thing, columns)
            if reached is None:
                return None
            barred |= reached
        if columns is not None:
            columns -= barred
            if not columns:
                return None
        return Right(
            line=line.name,
            columns=columns,
            masks={mask.column: mask for mask in line.masks},
            aggregate_only=frozenset(line.aggregate_only),
            row_filter=line.row_filter,
            when=line.when,
            who_when=None,
            systems=None if line.systems is None else frozenset(line.systems),
            areas=None if line.areas is None else frozenset(line.areas),
            hours=line.hours,
            until=line.until,
            purpose_until=self._until(purpose),
            limits=line.limits,
            notify=line.notify,
            watermark=line.watermark,
        )

    def _is_attached(self, dataset: str, purpose: Purpose) -> bool:
        above = self.tree.lineages[purpose.id]
        return any((dataset, name) in self._attached for name in above)

    def _until(self, purpose: Purpose) -> int | None:
        """Return when it ends: with the first of those above, at the latest."""
        above = (self.purposes[name].until for name in self.tree.lineages[purpose.id])
        return min((until for until in above if until is not None), default=None)

    def _rules(self, purpose: Purpose) -> Iterator[Prohibition]:
        yield from self._policy.prohibitions
        for name in self.tree.lineages[purpose.id]:
            yield from self.purposes[name].prohibitions


def _reached(
    rule: Prohibition, action: str, thing: Thing, columns: frozenset[str] | None
) -> frozenset[str] | None:
    """Return the columns that a prohibition takes from everybody, None for the whole thing.

    One that holds for some people or at some times takes nothing here; the rules of
    both policies are compared by themselves.
    """
    nothing: frozenset[str] = frozenset()
    if rule.when is not None or rule.audience is not None:
        return nothing
    if rule.actions is not None and not Names(rule.actions).match(action):
        return nothing
    if rule.resources is not None:
        names = Names(rule.resources)
        if not any(kind == rule.type and names.match(name) for kind, name in thing.origins):
            return nothing
    if rule.columns is None and rule.classifications is None:
        return None
    taken = set(rule.columns or ()) if rule.classifications is None else set()
    if rule.classifications is not None:
        classes = frozenset(rule.classifications)
        if classes & thing.classifications and rule.columns is None:
            return None
        by_class = {name for name, own in (thing.columns or {}).items() if own & classes}
        taken = by_class if rule.columns is None else by_class & set(rule.columns)
    return frozenset(taken if columns is None else taken & columns)


def _audiences(purpose: Purpose) -> Iterator[tuple[str, str | None]]:
    """Yield whom a purpose is given to, with the condition on them."""
    audience = purpose.audience
    if not purpose.standing:
        limited = "" if audience is None else f" and is {describe_audience(audience)}"
        yield f"{GRANTED}{limited}", audience.when if audience else None
        return
    for part in audience_parts(audience or Audience()):
        yield part, audience.when if audience else None


def audience_parts(audience: Audience) -> tuple[str, ...]:
    """Return whom an audience names, each in words; one of a condition alone is anybody."""
    parts = (
        *audience.actors,
        *(f"every {name}" for name in audience.types),
        *(f"unit {name}" for name in audience.units),
        *(f"role {name}" for name in audience.roles),
    )
    return parts or ((ANYBODY,) if audience.when is not None else ())


def describe_audience(audience: Audience) -> str:
    """Return an audience in words."""
    return " or ".join(audience_parts(audience)) or "nobody"


def affected(
    who: str, purpose: str, tree: PurposeTree, grants: Iterable[Grant], directory: Directory
) -> tuple[str, ...]:
    """Return the actors, as far as they are known, whom an audience means now."""
    kind, _, name = who.partition(" ")
    if kind == "whoever":
        above = tree.lineages.get(purpose, ())
        held = {f"{one.actor_type}:{one.actor_id}" for one in grants if one.purpose in above}
        return tuple(sorted(held))
    if who == ANYBODY:
        return tuple(sorted(directory))
    if kind == "every":
        return tuple(sorted(one for one in directory if one.partition(":")[0] == name))
    if kind == "unit":
        return tuple(sorted(
            one for one, known in directory.items()
            if name == known.get("unit") or name in (known.get("units") or ())
        ))  # fmt: skip
    if kind == "role":
        return tuple(sorted(one for one, known in directory.items() if known.get("role") == name))
    return (who,)


def compare_rights(was: Right, now: Right) -> tuple[list[str], list[str]]:
    """Return in words what is gained and what is lost from one right to another."""
    gains: list[str] = []
    loses: list[str] = []
    _compare_columns(was, now, gains, loses)
    for name, what in (("row_filter", "rows"), ("when", "condition"), ("who_when", "audience")):
        _compare_conditions(what, getattr(was, name), getattr(now, name), gains, loses)
    for name in ("systems", "areas"):
        _compare_sets(name, getattr(was, name), getattr(now, name), gains, loses)
    if was.hours != now.hours:
        if now.hours is not None:
            loses.append("at other hours only" if was.hours else "at some hours only")
        if was.hours is not None:
            gains.append("at other hours" if now.hours else "at all hours")
    for name, what in (("until", "line"), ("purpose_until", "purpose")):
        before, after = getattr(was, name), getattr(now, name)
        if before != after:
            is_longer = after is None or (before is not None and after > before)
            side, word = (gains, "later") if is_longer else (loses, "sooner")
            side.append(f"the {what} ends {word}")
    return gains, loses


def _compare_conditions(
    what: str, before: str | None, after: str | None, gains: list[str], loses: list[str]
) -> None:
    if before == after:
        return
    if after is None:
        gains.append(f"{what} no longer bound to `{before}`")
    elif before is None:
        loses.append(f"{what} now bound to `{after}`")
    else:
        gains.append(f"{what} bound to `{after}`, no longer to `{before}`")
        loses.append(gains[-1])


def _compare_sets(
    what: str,
    before: frozenset[str] | None,
    after: frozenset[str] | None,
    gains: list[str],
    loses: list[str],
) -> None:
    if before == after:
        return
    if after is None or before is None:
        (gains if after is None else loses).append(
            f"all {what}" if after is None else f"only {what} {_words(after)}"
        )
        return
    if after - before:
        gains.append(f"{what} {_words(after - before)}")
    if before - after:
        loses.append(f"{what} {_words(before - after)}")


def _compare_columns(was: Right, now: Right, gains: list[str], loses: list[str]) -> None:
    _compare_sets("columns", was.columns, now.columns, gains, loses)
    masked = sorted({*was.masks, *now.masks})
    for column in masked:
        before, after = was.masks.get(column), now.masks.get(column)
        if before == after or (now.columns is not None and column not in now.columns):
            continue
        if after is None:
            gains.append(f"column {column} unmasked")
        elif before is None:
            loses.append(f"column {column} masked ({after.kind})")
        elif before.kind is MaskKind.NULL or after.kind is MaskKind.NULL:
            wider = before.kind is MaskKind.NULL
            text = f"column {column} masked by {after.kind}, no longer by {before.kind}"
            (gains if wider else loses).append(text)
        else:
            gains.append(f"column {column} masked otherwise ({after.kind})")
            loses.append(gains[-1])
    freed = was.aggregate_only - now.aggregate_only
    bound = now.aggregate_only - was.aggregate_only
    if freed:
        gains.append(f"columns {_words(freed)} no longer only in aggregates")
    if bound:
        loses.append(f"columns {_words(bound)} only in aggregates")


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
