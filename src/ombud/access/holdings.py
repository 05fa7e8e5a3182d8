"""Holdings: who holds which grants, laid out so that one is found with few looks at memory.

At 20,000 grants the price of a decision is that of memory that lies far apart: so the
grant that counts is reached by three small tables and no list.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from ombud.access.attempt import Grant
from ombud.access.decision import Reason

_NO_GRANT = (Reason.NO_GRANT.value,)
_ENDED = (Reason.GRANT_ENDED.value,)
_NOT_BEGUN = (Reason.GRANT_NOT_BEGUN.value,)


class Holdings:
    """Some grants; of several of one actor for one purpose the longest counts first."""

    __slots__ = ("_first", "_others")

    def __init__(self, grants: Iterable[Grant]) -> None:
        self._first: dict[str, dict[str, dict[str, Grant]]] = {}
        self._others: dict[tuple[str, str, str], tuple[Grant, ...]] = {}
        for grant in _compact(grants):
            purposes = self._first.setdefault(grant.actor_type, {})
            first = purposes.setdefault(grant.purpose, {}).setdefault(grant.actor_id, grant)
            if first is not grant:
                key = (grant.actor_type, grant.purpose, grant.actor_id)
                self._others[key] = (*self._others.get(key, ()), grant)

    def __bool__(self) -> bool:
        """Whether anybody holds any."""
        return bool(self._first)

    def find(
        self, actor_type: str, actor_id: str, lineage: Iterable[str], now: int
    ) -> Grant | None:
        """Return the grant in force that is nearest to the purpose, and of these the longest."""
        purposes = self._first.get(actor_type)
        if purposes is None:
            return None
        for purpose in lineage:
            holders = purposes.get(purpose)
            if holders is None:
                continue
            grant = holders.get(actor_id)
            if grant is None:
                continue
            if grant.begins <= now < grant.ends:
                return grant
            if not self._others:  # One grant each: there is no other to look for.
                continue
            for other in self._others.get((actor_type, purpose, actor_id), ()):
                if other.begins <= now < other.ends:
                    return other
        return None

    def why_none(
        self, actor_type: str, actor_id: str, lineage: Iterable[str], now: int
    ) -> tuple[str, ...]:
        """Return why an actor without a grant in force has none."""
        reason = _NO_GRANT
        purposes = self._first.get(actor_type)
        if purposes is None:
            return reason
        for purpose in lineage:
            holders = purposes.get(purpose)
            grant = None if holders is None else holders.get(actor_id)
            if grant is None:
                continue
            reason = _ENDED
            others = self._others and self._others.get((actor_type, purpose, actor_id))
            if now < grant.begins or (others and any(now < one.begins for one in others)):
                return _NOT_BEGUN
        return reason

    def find_all(self, actor_type: str, actor_id: str, lineage: Iterable[str]) -> list[Grant]:
        """Return the grants of an actor for the purpose and those above it, in force or not."""
        found: list[Grant] = []
        purposes = self._first.get(actor_type)
        if purposes is None:
            return found
        for purpose in lineage:
            holders = purposes.get(purpose)
            grant = None if holders is None else holders.get(actor_id)
            if grant is not None:
                found.append(grant)
                found += self._others.get((actor_type, purpose, actor_id), ())
        return found

    def find_holders(self, actor_type: str, lineage: Iterable[str] | None = None) -> set[str]:
        """Return the actors of a type with a grant for one of the purposes, or for any."""
        purposes = self._first.get(actor_type, {})
        named = purposes if lineage is None else lineage
        return {actor_id for purpose in named for actor_id in purposes.get(purpose, {})}


def _compact(grants: Iterable[Grant]) -> list[Grant]:
    """Return the grants, the longest first, with what is equal in them held once.

    Names and instants recur from grant to grant; held once they stay in the caches.
    """
    texts: dict[str, str] = {}
    instants: dict[int, int] = {}
    return [
        msgspec.structs.replace(
            grant,
            actor_type=texts.setdefault(grant.actor_type, grant.actor_type),
            actor_id=texts.setdefault(grant.actor_id, grant.actor_id),
            purpose=texts.setdefault(grant.purpose, grant.purpose),
            begins=instants.setdefault(grant.begins, grant.begins),
            ends=instants.setdefault(grant.ends, grant.ends),
        )
        for grant in sorted(grants, key=lambda each: (-each.ends, each.begins, each.id))
    ]
