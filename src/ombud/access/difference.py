"""Difference: who gains and who loses what between two policies, and in what oversight changes.

Audiences are compared, not only the people in them today: a right that nobody holds
yet is a right.  Whatever lowers oversight is listed by itself, because it needs a
second person.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ombud.access.attempt import Attachment, Grant
from ombud.access.difference_data import data_changes
from ombud.access.difference_lines import LineChanges, takes_over
from ombud.access.difference_rights import (
    GRANTED,
    Directory,
    Right,
    RightKey,
    Rights,
    affected,
    compare_rights,
    name_actions,
    name_strange,
)
from ombud.access.difference_rules import RuleChanges
from ombud.access.model import Policy
from ombud.access.rule_change import LOOSENED, RuleChange

ACTORS_SHOWN = 5  # Named in a line of text; the rest are counted.


class RightChange(NamedTuple):
    """A right that an audience gains or loses.

    `what` says in which part, and is empty where the right as a whole came or went;
    `actors` are those of the audience who are known now.
    """

    who: str
    purpose: str
    actions: tuple[str, ...]
    type: str
    resource: str
    what: tuple[str, ...]
    actors: tuple[str, ...]

    @property
    def is_granted(self) -> bool:
        """Whether somebody decides on who gets it."""
        return self.who.startswith(GRANTED)

    def __str__(self) -> str:
        """Return one line for a person."""
        kind = "" if self.type == "dataset" else f"{self.type} "
        text = f"{', '.join(self.actions)} {kind}{self.resource} for {self.purpose}"
        what = f": {'; '.join(self.what)}" if self.what else ""
        return f"{self.who}: {text}{what}{self._said()}"

    def _said(self) -> str:
        if self.actors == (self.who,):
            return ""
        if not self.actors:
            return " (nobody now)"
        shown = ", ".join(self.actors[:ACTORS_SHOWN])
        more = len(self.actors) - ACTORS_SHOWN
        return f" (now {shown}{f' and {more} more' if more > 0 else ''})"

    def to_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        return {**self._asdict(), "actions": list(self.actions), "what": list(self.what),
                "actors": list(self.actors)}  # fmt: skip


class PolicyDiff(NamedTuple):
    """What changes from one policy to another."""

    gains: tuple[RightChange, ...]
    loses: tuple[RightChange, ...]
    rules: tuple[RuleChange, ...]

    @property
    def lowers_oversight(self) -> tuple[str, ...]:
        """In what oversight is lowered, one sentence each; empty if in nothing.

        So does every right that nobody has to be granted.
        """
        loosened = (str(change) for change in self.rules if change.effect == LOOSENED)
        ungranted = (f"{one}, which nobody grants" for one in self.gains if not one.is_granted)
        return (*loosened, *ungranted)

    @property
    def is_empty(self) -> bool:
        """Whether nobody is affected in anything."""
        return not (self.gains or self.loses or self.rules)

    def lines(self) -> list[str]:
        """Return it for a person, gains first."""
        return [
            *(f"+ {change}" for change in self.gains),
            *(f"- {change}" for change in self.loses),
            *(f"{'!' if rule.effect == LOOSENED else '~'} {rule} ({rule.effect})"
              for rule in self.rules),
        ]  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        return {
            "gains": [change.to_dict() for change in self.gains],
            "loses": [change.to_dict() for change in self.loses],
            "rules": [change._asdict() for change in self.rules],
            "lowers_oversight": list(self.lowers_oversight),
        }


def diff_policies(
    old: Policy,
    new: Policy,
    grants: Iterable[Grant] = (),
    directory: Directory | None = None,
    attachments: Iterable[Attachment] = (),
) -> PolicyDiff:
    """Return what changes from one policy to another.

    `directory` has the attributes of actors by `type:id` (`unit`, `units`, `role`);
    with it and the grants the people of an audience are named.  What a dataset is
    attached to counts as intended for it.
    """
    held = tuple(grants)
    people: Directory = directory or {}
    actions, strange = name_actions(old, new), name_strange(old, new)
    attached = frozenset((one.dataset, one.purpose) for one in attachments)
    was, now = (Rights(policy, actions, strange, attached) for policy in (old, new))
    gains: dict[tuple[Any, ...], list[str]] = {}
    loses: dict[tuple[Any, ...], list[str]] = {}
    for key in sorted({*was.held, *now.held}):
        gained, lost = _compare(was.held.get(key, ()), now.held.get(key, ()))
        _keep(gains, key, gained)
        _keep(loses, key, lost)
    return PolicyDiff(
        gains=_changes(gains, now, held, people),
        loses=_changes(loses, was, held, people),
        rules=_rules(old, new, was, now),
    )


def _rules(old: Policy, new: Policy, was: Rights, now: Rights) -> tuple[RuleChange, ...]:
    found = [*RuleChanges(old, new).found, *data_changes(old, new), *LineChanges(was, now).found]
    # A line that was renamed is compared with what it was, and with what it takes acts from.
    return tuple(dict.fromkeys(found))


def _keep(into: dict[tuple[Any, ...], list[str]], key: RightKey, what: list[str] | None) -> None:
    if what is not None:
        who, purpose, action, kind, resource = key
        into.setdefault((who, purpose, kind, resource, tuple(what)), []).append(action)


def _changes(
    found: dict[tuple[Any, ...], list[str]],
    rights: Rights,
    grants: tuple[Grant, ...],
    directory: Directory,
) -> tuple[RightChange, ...]:
    people: dict[tuple[str, str], tuple[str, ...]] = {}
    changes = []
    for (who, purpose, kind, resource, what), actions in found.items():
        if (who, purpose) not in people:
            people[who, purpose] = affected(who, purpose, rights.tree, grants, directory)
        actors = people[who, purpose]
        changes.append(RightChange(who, purpose, tuple(actions), kind, resource, what, actors))
    return tuple(changes)


def _compare(
    was: tuple[Right, ...], now: tuple[Right, ...]
) -> tuple[list[str] | None, list[str] | None]:
    """Return what is gained and lost between the lines that give one right, None for nothing."""
    if [right.extent for right in was] == [right.extent for right in now]:
        return None, None
    if not was or not now:
        return ([] if now else None), ([] if was else None)
    gained, lost = _beyond(was, now, 0), _beyond(now, was, 1)
    gained += [words for words in _taken(was, now) if words not in gained]
    if not gained and not lost:  # The first line that matches decides.
        gained = lost = ["lines are tried in another order"]
    return gained or None, lost or None


def _taken(was: tuple[Right, ...], now: tuple[Right, ...]) -> list[str]:
    """Return what is gained where another line decides than before."""
    found: dict[str, None] = {}
    for right in now:
        for known in was:
            if known.line != right.line and takes_over(known, right, was, now):
                found.update(dict.fromkeys(compare_rights(known, right)[0]))
    return list(found)


def _beyond(known: tuple[Right, ...], rights: tuple[Right, ...], side: int) -> list[str]:
    """Return in what rights go beyond all those that were known."""
    found: dict[str, None] = {}
    for right in rights:
        options = []
        for other in known:
            pair = compare_rights(other, right) if side == 0 else compare_rights(right, other)
            options.append((other.line != right.line, pair[side]))
        if any(not words for _, words in options):
            continue
        closest = min(options, key=lambda option: (option[0], len(option[1])))
        found.update(dict.fromkeys(closest[1]))
    return list(found)
