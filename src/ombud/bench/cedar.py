"""Cedar: the same policy said in Cedar's language, for comparing decisions.

It is written from the model and the definitions, not from the compiled snapshot: the
tree of purposes, what is derived from what, and units and roles are Cedar's own
hierarchy of entities; grants, attachments and fulfilments are disjunctions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from ombud.access.attempt import Attempt
from ombud.access.model import Checkpoint, Dataset, Limits, Line, Prohibition, Purpose
from ombud.bench.cedar_entities import list_entities
from ombud.bench.cedar_words import (
    ALWAYS,
    NEVER,
    Wording,
    actor_id,
    both,
    either,
    forbid,
    minutes,
    not_,
    permit,
    purpose_id,
    set_of,
    text,
    thing_id,
)
from ombud.bench.random_world import World
from ombud.core.event import ACTIONS


class Translation:
    """One world in Cedar: `policies` as text, `entities` as JSON."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._words = Wording(world.formulas, world.policy.attributes.stated)
        self._policy = world.policy
        self._datasets = {each.id: each for each in world.policy.datasets}
        self._actions = sorted({*ACTIONS, *world.policy.actions})
        self._parents = {each.id: each.parent for each in world.policy.purposes}
        forbids = [*self._forbid_purposes(), *self._forbid_data(), *self._forbid_prohibited()]
        forbids.append(self._forbid_vendor())
        permits = [permit for purpose in self._policy.purposes for permit in self._permits(purpose)]
        self.policies = "\n".join([*(f for f in forbids if f), *permits])
        self.entities = json.dumps(list_entities(world))

    def request(self, attempt: Attempt, now: int) -> dict[str, Any]:
        """Return an attempt as Cedar is asked."""
        purpose = attempt.purpose or self._policy.when_no_purpose or ""
        instant = datetime.fromtimestamp(now / 1000, UTC)
        spent = self._world.spent.get((attempt.actor_type, attempt.actor_id, purpose))
        context: dict[str, Any] = {
            **attempt.context,
            "purpose": {"__entity": {"type": "Purpose", "id": purpose}},
            "now": now,
            "minute": instant.weekday() * 1440 + instant.hour * 60 + instant.minute,
            "said": dict(attempt.actor),
            "told": dict(attempt.resource),
            "action": dict(attempt.action_properties),
            "name": attempt.resource_id,
            "attempt": attempt.id,
            "met": [each.id for each in attempt.fulfilments],
            "spent_rows": spent.rows if spent else 0,
            "spent_bytes": spent.bytes if spent else 0,
            "spent_subjects": spent.subjects if spent else 0,
        }
        if attempt.columns is not None:
            context["columns"] = list(attempt.columns)
        return {
            "principal": actor_id(attempt.actor_type, attempt.actor_id),
            "action": f"Action::{text(attempt.action)}",
            "resource": thing_id(attempt.resource_type, attempt.resource_id),
            "context": context,
        }

    # -- what a rule speaks of

    def _covers(self, names: Iterable[str], type_: str, *, inherits: bool) -> str:
        """Return when the resource is one of these; `inherits`: or derived from one."""
        parts = []
        for name in names:
            if type_ == "dataset":
                hit = [id_ for id_ in self._datasets if fnmatchcase(id_, name)]
                sign = "in" if inherits else "=="
                parts += [f"resource {sign} {thing_id('dataset', id_)}" for id_ in hit]
            else:
                parts.append(
                    both([f"resource is Thing_{type_}", f"context.name like {text(name)}"])
                )
        return either(parts)

    def _does(self, names: Iterable[str] | None) -> str:
        if names is None:
            return ALWAYS
        hit = [action for action in self._actions if any(fnmatchcase(action, n) for n in names)]
        return either(f"action == Action::{text(action)}" for action in hit)

    def _reach(self, rule: Prohibition | Checkpoint) -> str:
        where = ALWAYS
        if rule.resources is not None:
            where = self._covers(rule.resources, rule.type, inherits=True)
        return both([self._does(rule.actions), where])

    def _hit(self, rule: Prohibition | Checkpoint, dataset: Dataset | None) -> set[str] | None:
        """Return the columns of the dataset that a rule is about; None for all of it."""
        columns = rule.columns if isinstance(rule, Prohibition) else None
        origins = [] if dataset is None else self._origins(dataset)
        labels = {label for each in origins for label in each.classifications}
        is_classed = rule.classifications is None or bool(labels & set(rule.classifications))
        if columns is None and is_classed:
            return None
        wanted = set(rule.classifications or ())
        if dataset is None or not dataset.columns:
            if columns is not None:
                return set(columns)
            names = {column.name for each in origins for column in each.columns}
        else:
            names = {column.name for column in dataset.columns}
            names &= names if columns is None else set(columns)
            if is_classed:
                return names
        return {
            column.name
            for each in origins
            for column in each.columns
            if column.name in names and wanted & set(column.classifications)
        }

    def _origins(self, dataset: Dataset) -> list[Dataset]:
        found = [dataset]
        for source in dataset.sources:
            found += self._origins(self._datasets[source])
        return found

    def _each_thing(self) -> list[tuple[str, Dataset | None]]:
        """Return every kind of resource there is, with what says that one is of it."""
        things: list[tuple[str, Dataset | None]] = [
            (f"resource == {thing_id('dataset', each.id)}", each)
            for each in self._datasets.values()
        ]
        return [*things, ("resource is Thing_record", None)]

    # -- forbids

    def _forbid_purposes(self) -> list[str]:
        made = []
        for purpose in self._policy.purposes:
            if purpose.until is not None:
                made.append(
                    forbid([f"context.purpose in {purpose_id(purpose.id)}",
                             f"context.now >= {purpose.until}"])
                )  # fmt: skip
            granted = either(
                both([
                    f"principal == {actor_id(grant.actor_type, grant.actor_id)}",
                    f"context.purpose in {purpose_id(grant.purpose)}",
                    f"context.now >= {grant.begins}",
                    f"context.now < {grant.ends}",
                ])
                for grant in self._world.grants
            )  # fmt: skip
            who = self._words.audience(purpose.audience).yes
            may = who if purpose.standing else both([who, granted])
            made.append(forbid([f"context.purpose == {purpose_id(purpose.id)}", not_(may)]))
        return made

    def _forbid_data(self) -> list[str]:
        made = []
        for dataset in self._datasets.values():
            inside = f"resource in {thing_id('dataset', dataset.id)}"
            if dataset.intended is not None:
                meant = [f"context.purpose in {purpose_id(name)}" for name in dataset.intended]
                meant += [
                    both([
                        f"context.purpose in {purpose_id(each.purpose)}",
                        f"context.now >= {each.begins}",
                        f"context.now < {each.ends}",
                    ])
                    for each in self._world.attachments
                    if each.dataset == dataset.id
                ]  # fmt: skip
                made.append(forbid([inside, not_(either(meant))]))
            made += [forbid([inside, self._near(name)]) for name in dataset.prohibited]
        return made

    def _near(self, name: str) -> str:
        """Return when the purpose is this one, below it or above it."""
        stated = f"context.purpose in {purpose_id(name)}"
        return either([stated, f"{purpose_id(name)} in context.purpose"])

    def _bans(self, dataset: Dataset | None) -> list[tuple[str, set[str] | None]]:
        """Return what forbids something of a thing: when, and which columns; None for all."""
        bans: list[tuple[str, set[str] | None]] = []
        rules = [(rule, ALWAYS) for rule in self._policy.prohibitions]
        rules += [
            (rule, f"context.purpose in {purpose_id(purpose.id)}")
            for purpose in self._policy.purposes
            for rule in purpose.prohibitions
        ]
        for rule, where in rules:
            hit = self._hit(rule, dataset)
            holds = [
                where,
                self._reach(rule),
                not_(self._words.audience(rule.audience).no),
                not_(self._words.condition(rule.when).no),
            ]
            bans.append((both(holds), hit))
        for origin in [] if dataset is None else self._origins(dataset):
            own = {column.name for column in dataset.columns} if dataset else set()
            bans += [
                (self._near(name), {column.name})
                for column in origin.columns
                for name in column.prohibited
                if not own or column.name in own
            ]
        return bans

    def _forbid_prohibited(self) -> list[str]:
        made = []
        for is_it, dataset in self._each_thing():
            for holds, hit in self._bans(dataset):
                if hit is None:
                    made.append(forbid([is_it, holds]))
                    continue
                if not hit:
                    continue
                named = f"context has columns && context.columns.containsAny({set_of(hit)})"
                if dataset is not None and not dataset.columns:
                    named = either([named, "!(context has columns)"])
                made.append(forbid([is_it, holds, named]))
        return made

    def _forbid_vendor(self) -> str:
        if self._policy.vendor is None:
            return ""
        allowed = {code.code for code in self._policy.reason_codes if code.allowed}
        given = f"context has reason_code && {set_of(allowed)}.contains(context.reason_code)"
        return forbid([not_(self._words.audience(self._policy.vendor).no), not_(given)])

    # -- permits

    def _permits(self, purpose: Purpose) -> list[str]:
        made = []
        for is_it, dataset in self._each_thing():
            earlier: list[str] = []
            for line in purpose.scope:
                match = self._match(line, dataset)
                if match is None:
                    continue
                made.append(
                    permit([
                        f"context.purpose == {purpose_id(purpose.id)}",
                        is_it,
                        match,
                        *(not_(each) for each in earlier),
                        *self._within(line.limits, *self._limits(purpose)),
                        self._shows(line, dataset),
                        *self._pass_checkpoints(purpose, line, dataset),
                    ])
                )  # fmt: skip
                earlier.append(match)
        return made

    def _granted(self, line: Line, dataset: Dataset | None) -> set[str] | None:
        granted = None if line.columns is None else {*line.columns, *line.aggregate_only}
        if dataset is not None and dataset.columns:
            declared = {column.name for column in dataset.columns}
            granted = declared if granted is None else granted & declared
        return granted

    def _match(self, line: Line, dataset: Dataset | None) -> str | None:
        if (line.type == "dataset") != (dataset is not None):
            return None
        parts = [self._does(line.actions)]
        parts.append(self._covers(line.resources, line.type, inherits=False))
        if line.systems is not None and (dataset is None or dataset.system not in line.systems):
            return None
        granted = self._granted(line, dataset)
        if granted is not None:
            within = f"{set_of(granted)}.containsAll(context.columns)" if granted else NEVER
            parts.append(f"if context has columns then {within} else {str(bool(granted)).lower()}")
        if line.aggregate_only:
            single = f"context.columns.containsAny({set_of(line.aggregate_only)})"
            plain = "(context has aggregate && context.aggregate == false)"
            plain = f'({plain} || action == Action::"reveal")'
            parts.append(f"!(context has columns && {single} && {plain})")
        if line.areas is not None:
            parts.append(f"context has area && {set_of(line.areas)}.contains(context.area)")
        if line.hours is not None:
            parts.append(either(minutes(line)))
        if line.until is not None:
            parts.append(f"context.now < {line.until}")
        parts.append(self._words.condition(line.when).yes)
        return both(parts)

    def _limits(self, purpose: Purpose) -> list[Limits]:
        """Return the limits of a purpose and of those above it."""
        return [each.limits for each in self._above(purpose)]

    def _within(self, *limits: Limits) -> list[str]:
        parts = []
        for each in limits:
            for name in ("rows", "bytes"):
                most = getattr(each, f"{name}_per_query")
                if most is not None:
                    parts.append(f"if context has {name} then context.{name} <= {most} else true")
            for name in ("rows", "bytes", "subjects"):
                most = getattr(each, f"{name}_per_day")
                if most is not None:
                    total = f"context.{name} + context.spent_{name}"
                    parts += [
                        f"context.spent_{name} < {most}",
                        f"if context has {name} then {total} <= {most} else true",
                    ]
        return parts

    def _shows(self, line: Line, dataset: Dataset | None) -> str:
        """Return when a column is left for whoever names none."""
        granted = self._granted(line, dataset)
        if granted is None:
            return ALWAYS
        bans = [(holds, hit) for holds, hit in self._bans(dataset) if hit is not None]
        left = [both(not_(holds) for holds, hit in bans if name in hit) for name in sorted(granted)]
        return ALWAYS if ALWAYS in left else either(["context has columns", *left])

    def _pass_checkpoints(self, purpose: Purpose, line: Line, dataset: Dataset | None) -> list[str]:
        above = self._above(purpose)
        rules = [*self._policy.checkpoints, *(rule for each in above for rule in each.checkpoints)]
        parts = []
        for rule in rules:
            hit = self._hit(rule, dataset)
            applies = [self._reach(rule), not_(self._words.audience(rule.audience).no)]
            applies.append(not_(self._words.condition(rule.when).no))
            if hit is not None:
                named = f"context.columns.containsAny({set_of(hit)})" if hit else NEVER
                applies.append(f"if context has columns then {named} else {str(bool(hit)).lower()}")
            if rule.areas is not None:
                inside = f"{set_of(rule.areas)}.contains(context.area)"
                applies.append(f"if context has area then {inside} else true")
            if rule.rows_min is not None:
                applies.append(self._has_rows(rule.rows_min, line.limits, *self._limits(purpose)))
            parts.append(either([not_(both(applies)), self._is_met(rule.name)]))
        if any(each.acknowledgement for each in above):
            parts.append(self._is_met("acknowledgement"))
        return parts

    def _has_rows(self, rows_min: int, *limits: Limits) -> str:
        """Return when the act may be on so many rows; what bounds it bounds that too."""
        parts = []
        for each in limits:
            if each.rows_per_query is not None:
                parts.append(str(each.rows_per_query >= rows_min).lower())
            if each.rows_per_day is not None:
                parts.append(f"{each.rows_per_day} - context.spent_rows >= {rows_min}")
        return f"if context has rows then context.rows >= {rows_min} else {both(parts)}"

    def _is_met(self, name: str) -> str:
        made = []
        for each in self._world.fulfilments:
            if each.checkpoint != name or each.is_refused:
                continue
            parts = [
                f"context.met.contains({text(each.id)})",
                f"principal == {actor_id(each.actor_type, each.actor_id)}",
                f"context.purpose == {purpose_id(each.purpose)}",
                f"context.now < {each.until}",
            ]
            if each.attempt is not None:
                parts.append(f"context.attempt == {text(each.attempt)}")
            if each.resources:
                named = (thing_id(*key.split(":", 1)) for key in each.resources)
                parts.append(either(f"resource == {name}" for name in named))
            made.append(both(parts))
        return either(made)

    def _above(self, purpose: Purpose) -> list[Purpose]:
        by_id = {each.id: each for each in self._policy.purposes}
        found = [purpose]
        while found[-1].parent is not None:
            found.append(by_id[found[-1].parent])
        return found
