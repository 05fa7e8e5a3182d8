"""Difference of duties: what else decides who is asked, who may ask, and by which facts.

An owner decides where no approver is named, a stored attribute makes somebody an
approver, a holiday puts a deadline off.  What goes is told as well: it could come back
with nothing of what bound it, and no step of the two would be said to loosen anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ombud.access.difference_rights import audience_parts
from ombud.access.model import Audience, Dataset, Policy, Purpose
from ombud.access.rule_change import CHANGED, LOOSENED, TIGHTENED, RuleChange

PEOPLE = ("person", "user")  # Of whom the directory knows something that an entity beats.
_MEMBERSHIP = ("unit", "units", "role", "roles")
_FACTS = ("type", "system", "subject", "attributes")  # What conditions and budgets go by.


def duty_changes(old: Policy, new: Policy) -> Iterator[RuleChange]:
    """Yield the changes from one policy to another that no rule states by itself."""
    known = {purpose.id: purpose for purpose in new.purposes}
    for purpose in old.purposes:
        now = known.get(purpose.id)
        yield from _gone_purpose(purpose) if now is None else _purpose(purpose, now)
    datasets = {dataset.id: dataset for dataset in new.datasets}
    for dataset in old.datasets:
        after = datasets.get(dataset.id)
        yield from _gone_dataset(dataset) if after is None else _dataset(dataset, after)
    yield from _new_purposes(old, new)
    yield from _entities(old, new)
    yield from _calendar(old, new)


def _gone_purpose(was: Purpose) -> Iterator[RuleChange]:
    binds = (was.prohibitions, was.checkpoints, was.acknowledgement, was.approval.barred)
    if any(one for one in binds if one != Audience()) or not was.standing:
        yield RuleChange(
            "purpose", f"purpose {was.id}", LOOSENED, "is gone, with all that bound it"
        )


def _gone_dataset(was: Dataset) -> Iterator[RuleChange]:
    marked = bool(was.prohibited or was.classifications or was.sources)
    marked = marked or was.intended is not None
    marked = marked or any(one.prohibited or one.classifications for one in was.columns)
    if marked or was.owner or audience_parts(was.approval.approvers):
        yield RuleChange(
            "dataset", f"dataset {was.id}", LOOSENED, "is gone, with all that bound it"
        )


def _new_purposes(old: Policy, new: Policy) -> Iterator[RuleChange]:
    before = {purpose.id for purpose in old.purposes}
    for purpose in new.purposes:
        if purpose.id not in before and purpose.break_glass is not None:
            text = "can be used without a grant in an emergency"
            yield RuleChange("break_glass", f"purpose {purpose.id}", LOOSENED, text)


def _purpose(was: Purpose, now: Purpose) -> Iterator[RuleChange]:
    place = f"purpose {now.id}"
    if was.owner != now.owner and now.owner:
        yield RuleChange("owner", place, LOOSENED, f"is now spoken for by {now.owner}")
    elif was.owner != now.owner:
        yield RuleChange("owner", place, CHANGED, f"is no longer spoken for by {was.owner}")
    before, after = was.requesters, now.requesters
    if before != after:
        is_wider = not _is_within(after, before)
        text = "may now be asked for by " + (
            "anybody" if after is None else ", ".join(audience_parts(after)) or "nobody"
        )
        if after is not None and after.when is not None:
            text += f", bound to `{after.when}`"
        yield RuleChange("requesters", place, LOOSENED if is_wider else TIGHTENED, text)


def _is_within(one: Audience | None, other: Audience | None) -> bool:
    """Whether an audience surely means nobody that another does not mean; None is anybody."""
    if other is None:
        return True
    if one is None:
        return False
    parts = set(audience_parts(one)) <= set(audience_parts(other))
    return parts and other.when in {None, one.when}


def _dataset(was: Dataset, now: Dataset) -> Iterator[RuleChange]:
    place = f"dataset {now.id}"
    for name in _FACTS:
        if getattr(was, name) != getattr(now, name):
            yield RuleChange("fact", place, LOOSENED, f"`{name}` is changed")
    left = {column.name for column in now.columns}
    for column in was.columns:
        if column.name not in left and (column.prohibited or column.classifications):
            where = f"{place}, column {column.name}"
            yield RuleChange("mark", where, LOOSENED, "is gone, with its marks")


def _entities(old: Policy, new: Policy) -> Iterator[RuleChange]:
    """Yield what stored attributes change; it cannot be told which way a condition goes by them."""
    was = {(one.type, one.id): one.attributes for one in old.entities}
    now = {(one.type, one.id): one.attributes for one in new.entities}
    acts = {*_MEMBERSHIP, *new.attributes.actor}  # By which somebody, or a program, may act.
    for key in [*now, *(key for key in was if key not in now)]:
        before, after = was.get(key), now.get(key)
        if before == after:
            continue
        changed = sorted(_changed(before or {}, after or {}))
        if not changed:
            continue
        is_loosened = before is not None or key[0] in PEOPLE or not acts.isdisjoint(changed)
        effect = LOOSENED if is_loosened else CHANGED
        text = f"has other stored attributes: {', '.join(changed)}"
        yield RuleChange("entity", ":".join(key), effect, text)


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterable[str]:
    return (name for name in {*before, *after} if before.get(name) != after.get(name))


def _calendar(old: Policy, new: Policy) -> Iterator[RuleChange]:
    more, fewer = set(new.holidays) - set(old.holidays), set(old.holidays) - set(new.holidays)
    if more:
        days = ", ".join(sorted(more))
        text = f"deadlines in working days are put off by {days}"
        yield RuleChange("calendar", "policy", LOOSENED, text)
    if fewer:
        text = f"works on {', '.join(sorted(fewer))}"
        yield RuleChange("calendar", "policy", TIGHTENED, text)
    if old.zone != new.zone:
        text = f"days and hours are of `{new.zone}`, no longer of `{old.zone}`"
        yield RuleChange("calendar", "policy", LOOSENED, text)
