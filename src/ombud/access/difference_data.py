"""Difference of data: which columns, types and actions there are, and so what rules reach.

Rules of classes and columns reach what is declared; a declared type decides which
values a condition sees; a wildcard takes in whatever is an action.
"""

from __future__ import annotations

from collections.abc import Iterator

from ombud.access.model import Column, Dataset, Policy
from ombud.access.rule_change import CHANGED, LOOSENED, RuleChange
from ombud.access.wildcards import Names

_ROOTS = ("actor", "resource", "action", "context")


def data_changes(old: Policy, new: Policy) -> Iterator[RuleChange]:
    """Yield the changes of what is declared from one policy to another."""
    datasets = {dataset.id: dataset for dataset in new.datasets}
    for dataset in old.datasets:
        if dataset.id in datasets:
            yield from _columns(dataset, datasets[dataset.id])
    for root in _ROOTS:
        was, now = getattr(old.attributes, root), getattr(new.attributes, root)
        for name in sorted(name for name in was if now.get(name, was[name]) != was[name]):
            text = f"is {now[name]}, no longer {was[name]}"
            yield RuleChange("type", f"attribute {root}.{name}", LOOSENED, text)
    yield from _actions(old, new)


def _columns(before: Dataset, after: Dataset) -> Iterator[RuleChange]:
    place = f"dataset {after.id}"
    was, now = ({column.name: column for column in one.columns} for one in (before, after))
    if bool(was) is not bool(now):
        # Rules of columns refuse whole acts where nobody knows which columns there are, and
        # reach none of what is declared under names of its own.
        said = "no longer" if was else "now"
        yield RuleChange("mark", place, LOOSENED, f"{said} declares its columns")
    for name, column in now.items():
        known = was.get(name, Column(name=name, type=column.type))
        if known.type != column.type:
            text = f"is {column.type}, no longer {known.type}"
            yield RuleChange("type", f"{place}, column {name}", LOOSENED, text)


def _actions(old: Policy, new: Policy) -> Iterator[RuleChange]:
    """Yield what is now an action: a line with a wildcard may have it in its scope."""
    named = {
        name
        for purpose in new.purposes
        for line in purpose.scope
        for name in line.actions
        if "*" in name
    }
    wild = Names(sorted(named))
    for action in sorted(set(new.actions) - set(old.actions)):
        effect = LOOSENED if wild.match(action) else CHANGED
        yield RuleChange("actions", "policy", effect, f"{action} is an action now")
