"""Policy references: that every name in a policy means something, and every condition fits.

A policy is walked with the keys under which its files say things, so that each
fault has its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from ombud.access.condition import ConditionError, parse_condition
from ombud.access.condition_code import to_value
from ombud.access.condition_types import BUILT_IN
from ombud.access.model import (
    Audience,
    Checkpoint,
    Dataset,
    Line,
    Policy,
    Prohibition,
    Purpose,
)
from ombud.access.sql import RenderError, check_filter
from ombud.config.policy_reader import Reader, show
from ombud.core.event import ACTIONS

TREE_DEPTH_MAX = 16  # Purposes above a purpose; deeper is a mistake, never a taxonomy.
PATTERN_STARS_MAX = 4  # Each `*` of a resource may be any run of characters.


def check_references(policy: Policy, reader: Reader) -> None:
    """Add a fault for each name that means nothing and each condition that does not fit."""
    _Checker(policy, reader).check()


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)


def match_resources(pattern: str, known: Iterable[str]) -> list[str]:
    """Return the ids that a pattern with `*` means."""
    fits = _pattern(pattern).fullmatch
    return [one for one in known if fits(one)]


class _Checker:
    def __init__(self, policy: Policy, reader: Reader) -> None:
        self._policy = policy
        self._fault = reader.fault_at
        self._suggest = reader.suggest
        self._conditions: dict[str, str] = {}
        self._filters: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}
        self._likes = reader.likes
        self._purposes = {purpose.id: purpose for purpose in policy.purposes}
        self._datasets = {dataset.id: dataset for dataset in policy.datasets}
        self._by_type: dict[str, dict[str, Dataset | None]] = {}
        for dataset in policy.datasets:
            self._by_type.setdefault(dataset.type, {})[dataset.id] = dataset
        for entity in policy.entities:
            self._by_type.setdefault(entity.type, {}).setdefault(entity.id, None)
        self._actions = {*ACTIONS, *policy.actions}
        self._systems = {one.system for one in policy.datasets if one.system}
        self._classifications = {
            name
            for dataset in policy.datasets
            for name in (*dataset.classifications,
                         *(one for column in dataset.columns for one in column.classifications))
        }  # fmt: skip

    def check(self) -> None:
        policy = self._policy
        self._known("when_no_purpose", policy.when_no_purpose, self._purposes, "purpose")
        for dataset in policy.datasets:
            self._dataset(f"datasets.{dataset.id}", dataset)
        self._cycles("datasets", "sources", {one.id: one.sources for one in policy.datasets})
        self._entities()
        self._prohibitions("", policy.prohibitions)
        self._checkpoints("", policy.checkpoints)
        parents = {one.id: (one.parent,) if one.parent else () for one in policy.purposes}
        self._cycles("purposes", "parent", parents)
        for purpose in policy.purposes:
            self._purpose(f"purposes.{purpose.id}", purpose)
        self._audience("vendor", policy.vendor)
        if policy.vendor is not None and not policy.reason_codes:
            self._fault("vendor", "needs `reason_codes`; without one nothing is let in")
        if policy.second_person is not None:
            self._audience("second_person.approvers", policy.second_person.approvers)
            self._audience("second_person.barred", policy.second_person.barred)
            if policy.lone_until is not None:
                self._fault("lone_until", "contradicts `second_person`; keep one of them")

    def _known(self, key: str, name: str | None, known: Iterable[str], what: str) -> bool:
        if name is None or name in known:
            return True
        self._fault(key, f"unknown {what} `{show(name)}`{self._suggest(name, known)}")
        return False

    def _all_known(
        self, key: str, names: Iterable[str] | None, known: Iterable[str], what: str
    ) -> None:
        for number, name in enumerate(names or ()):
            self._known(f"{key}[{number}]", name, known, what)

    def _cycles(self, section: str, key: str, above: Mapping[str, tuple[str, ...]]) -> None:
        """Fault each node that reaches itself, and each that lies too deep."""
        depths: dict[str, int] = {}
        for start in above:
            path: list[str] = []
            stack = [(start, iter(above[start]))]
            on_path = {start}
            path.append(start)
            while stack:
                name, rest = stack[-1]
                following = next((one for one in rest if one in above), None)
                if following is None:
                    stack.pop()
                    on_path.discard(path.pop())
                    depths[name] = 1 + max((depths.get(one, 0) for one in above[name]), default=0)
                elif following in on_path:
                    circle = " > ".join([*path[path.index(following) :], following])
                    self._fault(f"{section}.{name}.{key}", f"is its own ancestor: {circle:.200}")
                elif following not in depths:
                    stack.append((following, iter(above[following])))
                    on_path.add(following)
                    path.append(following)
        for name, depth in depths.items():
            if depth == TREE_DEPTH_MAX + 2:
                self._fault(f"{section}.{name}.{key}", f"more than {TREE_DEPTH_MAX} above it")

    def _dataset(self, key: str, dataset: Dataset) -> None:
        self._all_known(f"{key}.intended", dataset.intended, self._purposes, "purpose")
        self._all_known(f"{key}.prohibited", dataset.prohibited, self._purposes, "purpose")
        self._all_known(f"{key}.sources", dataset.sources, self._datasets, "dataset")
        self._audience(f"{key}.approval.approvers", dataset.approval.approvers)
        self._audience(f"{key}.approval.barred", dataset.approval.barred)
        for column in dataset.columns:
            place = f"{key}.columns.{column.name}.prohibited"
            self._all_known(place, column.prohibited, self._purposes, "purpose")
        self._attributes(f"{key}.attributes", dataset.attributes, ("resource",))

    def _entities(self) -> None:
        for entity in self._policy.entities:
            key = f"entities.{entity.type}.{entity.id}"
            self._attributes(key, entity.attributes, ("actor", "resource"))

    def _attributes(self, key: str, values: Mapping[str, object], roots: tuple[str, ...]) -> None:
        declared = {
            root: {**getattr(self._policy.attributes, root), **BUILT_IN[root]} for root in roots
        }
        for name, value in values.items():
            kinds = {types[name] for types in declared.values() if name in types}
            if name in {"id", "type"}:
                self._fault(f"{key}.{name}", "is what it is called already")
            elif not kinds:
                every = [known for types in declared.values() for known in types]
                what = " or ".join(f"attributes.{root}" for root in roots)
                message = f"not declared in {what}{self._suggest(name, every)}"
                self._fault(f"{key}.{name}", message)
            elif not any(_is_of(value, kind) for kind in kinds):
                self._fault(f"{key}.{name}", f"must be {' or '.join(sorted(kinds))}")

    def _purpose(self, key: str, purpose: Purpose) -> None:
        self._known(f"{key}.parent", purpose.parent, self._purposes, "purpose")
        self._audience(f"{key}.approval.approvers", purpose.approval.approvers)
        self._audience(f"{key}.approval.barred", purpose.approval.barred)
        self._audience(f"{key}.requesters", purpose.requesters)
        like = self._likes.get(purpose.id)
        if like is None or "audience" in like.stated:
            self._audience(f"{key}.audience", purpose.audience)
        self._prohibitions(f"{key}.", purpose.prohibitions)
        self._checkpoints(f"{key}.", purpose.checkpoints)
        self._own_names(key, purpose)
        is_own = like is None or "scope" in like.stated  # Else its faults are told once.
        for number, line in enumerate(purpose.scope if is_own else ()):
            self._line(f"{key}.scope[{number}]", line)
        nobody = purpose.approval.approvers == Audience() and not purpose.standing
        if nobody and (purpose.scope or purpose.break_glass):
            message = "nobody can approve it: name approvers here or above, or make it standing"
            self._fault(f"{key}.approval", message)

    def _audience(self, key: str, audience: Audience | None) -> None:
        if audience is not None:
            self._condition(f"{key}.when", audience.when)

    def _condition(self, key: str, text: str | None) -> None:
        if not text:
            return
        if text not in self._conditions:  # The same condition stands on many lines.
            self._conditions[text] = self._find_fault(text, None)
        found = self._conditions[text]
        if found:
            self._fault(key, found)

    def _find_fault(self, text: str, columns: Mapping[str, str] | None) -> str:
        """Return what is wrong with a condition, or with a row filter where there are columns."""
        attributes = self._policy.attributes
        try:
            parse_condition(text, attributes=attributes, columns=columns)
            if columns is not None:
                check_filter(text, attributes=attributes, columns=columns)
        except ConditionError as error:
            return f"column {error.column}: {error.message}"
        except RenderError as error:
            return error.message
        return ""

    def _acts(self, key: str, one: Line | Prohibition | Checkpoint) -> list[Dataset | None]:
        """Check actions and resources, and return the datasets that are meant."""
        self._all_known(f"{key}.actions", one.actions, self._actions, "action")
        known = self._by_type.get(one.type, {})
        meant: dict[str, Dataset | None] = {}
        for number, pattern in enumerate(one.resources or ()):
            place = f"{key}.resources[{number}]"
            if pattern.count("*") > PATTERN_STARS_MAX:
                self._fault(place, f"more than {PATTERN_STARS_MAX} `*`")
                continue
            found = match_resources(pattern, known) if "*" in pattern else [pattern]
            if "*" not in pattern and pattern not in known:
                self._fault(
                    place, f"unknown {one.type} `{show(pattern)}`{self._suggest(pattern, known)}"
                )
            elif not found:
                self._fault(place, f"`{show(pattern)}` means no declared {one.type}")
            meant.update({name: known[name] for name in found if name in known})
        return list(meant.values() if one.resources is not None else known.values())

    def _columns(self, key: str, names: Iterable[str] | None, meant: list[Dataset | None]) -> None:
        """Check columns, as far as the datasets meant declare theirs."""
        for number, name in enumerate(names or ()):
            if "*" in name:
                self._fault(f"{key}[{number}]", "columns are named one by one, without `*`")
        declared = [one.columns for one in meant if one is not None]
        if not declared or not all(declared):
            return
        known = {column.name for columns in declared for column in columns}
        self._all_known(key, names, known, "column")

    def _line(self, key: str, line: Line) -> None:
        meant = self._acts(key, line)
        self._columns(f"{key}.columns", line.columns, meant)
        self._columns(f"{key}.aggregate_only", line.aggregate_only, meant)
        self._all_known(f"{key}.systems", line.systems, self._systems, "system")
        for mask in line.masks:
            place = f"{key}.masks.{mask.column}"
            self._columns(place, (), meant)
            declared = [one.columns for one in meant if one is not None]
            known = {column.name for columns in declared for column in columns}
            if declared and all(declared):
                self._known(place, mask.column, known, "column")
            shown = {*(line.columns or ()), *line.aggregate_only}
            if line.columns is not None and mask.column not in shown:
                self._fault(place, "is masked, but not among the columns of this line")
        self._condition(f"{key}.when", line.when)
        if line.row_filter is not None:
            self._row_filter(f"{key}.row_filter", line.row_filter, meant)

    def _row_filter(self, key: str, text: str, meant: list[Dataset | None]) -> None:
        for dataset in meant:
            if dataset is None or not dataset.columns:
                what = f"`{show(dataset.id)}`" if dataset else "what is no dataset"
                self._fault(key, f"filters rows of {what}, which declares no columns")
                return
            columns = {column.name: column.type for column in dataset.columns}
            case = (text, tuple(sorted(columns.items())))
            if case not in self._filters:
                self._filters[case] = self._find_fault(text, columns)
            if self._filters[case]:
                self._fault(key, self._filters[case])

    def _reaches_something(self, key: str, one: Prohibition | Checkpoint) -> None:
        """Fault an empty list: it means none, and the rule would never hold."""
        for name in ("actions", "resources", "columns", "classifications", "areas"):
            if getattr(one, name, None) == ():
                self._fault(f"{key}.{name}", "must name at least one; left out, it means any")

    def _prohibitions(self, key: str, prohibitions: tuple[Prohibition, ...]) -> None:
        for one in prohibitions:
            place = f"{key}prohibitions.{one.name}"
            self._reaches_something(place, one)
            meant = self._acts(place, one)
            self._columns(f"{place}.columns", one.columns, meant)
            self._classified(place, one.classifications)
            self._audience(f"{place}.audience", one.audience)
            self._condition(f"{place}.when", one.when)

    def _checkpoints(self, key: str, checkpoints: tuple[Checkpoint, ...]) -> None:
        for one in checkpoints:
            place = f"{key}checkpoints.{one.name}"
            self._reaches_something(place, one)
            self._acts(place, one)
            self._classified(place, one.classifications)
            self._audience(f"{place}.audience", one.audience)
            self._audience(f"{place}.approvers", one.approvers)
            self._condition(f"{place}.when", one.when)

    def _own_names(self, key: str, purpose: Purpose) -> None:
        """Fault a checkpoint that bears the name of another one on the way of the same acts."""
        others = {one.name: "of all purposes" for one in self._policy.checkpoints}
        seen, above = {purpose.id}, self._purposes.get(purpose.parent or "")
        while above is not None and above.id not in seen:
            seen.add(above.id)
            others |= {one.name: f"of `{above.id}`, which is above" for one in above.checkpoints}
            above = self._purposes.get(above.parent or "")
        for one in purpose.checkpoints:
            if one.name in others:
                place = f"{key}.checkpoints.{one.name}"
                self._fault(place, f"has the name of one {others[one.name]}")

    def _classified(self, key: str, names: tuple[str, ...] | None) -> None:
        self._all_known(f"{key}.classifications", names, self._classifications, "classification")


def _is_of(value: object, kind: str) -> bool:
    return to_value(value, kind) is not None
