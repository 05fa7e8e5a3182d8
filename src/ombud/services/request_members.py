"""Request members: who somebody is as of now, for the rules of requests.

Entities of the policy win over the directory.  Every name that may be somebody's
counts as theirs, even one that several people use: a wrong "no" can be mended.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ombud.access.condition import ConditionError, MissingAttribute, parse_condition
from ombud.access.model import Policy
from ombud.access.requests_audience import Member, known_as
from ombud.services.directory_entry import find_entry
from ombud.store.directory import DirectoryTables

_OWNER = "owner"  # Attribute of an entity: the person who answers for a service.


class Members(Mapping[str, Member]):
    """Everybody by `type:id`, as of one instant and under one policy; looked up when asked."""

    def __init__(self, policy: Policy, directory: DirectoryTables, now: int) -> None:
        self._policy = policy
        self._directory = directory
        self._now = now
        self._known: dict[str, Member] = {}

    def __getitem__(self, actor: str) -> Member:
        """Return who this is; of a stranger, no more than the name."""
        if actor not in self._known:
            self._known[actor] = self._find(actor)
        return self._known[actor]

    def __iter__(self) -> Any:
        """Yield those looked up so far."""
        return iter(self._known)

    def __len__(self) -> int:
        """Return how many were looked up so far."""
        return len(self._known)

    def holds(self, when: str, member: Member) -> bool | None:
        """Whether a condition holds for somebody; None when that cannot be told."""
        type_, _, id_ = member.actor.partition(":")
        actor = {**member.attributes, "id": id_, "type": type_}
        try:
            condition = parse_condition(when, attributes=self._policy.attributes)
            return condition.test(actor, {}, {}, {"time": self._now})
        except (ConditionError, MissingAttribute):
            return None

    def _find(self, actor: str) -> Member:
        type_, _, id_ = actor.partition(":")
        behind = self._directory.people_of(id_, self._now)
        person = id_ if len(behind) != 1 else next(iter(behind))
        entry = find_entry(self._directory, person, self._now) or {}
        said = {name: entry.get(name) for name in ("unit", "units", "role")}
        attributes: dict[str, Any] = {name: value for name, value in said.items() if value}
        for entity in self._policy.entities:
            if (entity.type, entity.id) == (type_, id_):
                attributes |= entity.attributes
        accounts = {one["account"] for one in entry.get("accounts", ()) if one["holds"]}
        owners = {str(attributes[_OWNER])} if _OWNER in attributes else set[str]()
        unit, units = attributes.get("unit"), attributes.get("units", ())
        return Member(
            actor=actor,
            people=known_as(id_, *behind, *accounts, *owners),
            unit=unit,
            units=tuple(units) or ((unit,) if unit else ()),
            role=attributes.get("role"),
            attributes=attributes,
            is_known=bool(unit or attributes.get("role")) or not self._directory.stamp(),
        )
