"""Request audience: who somebody is when a request is decided, and to whom they belong.

A person is recognised behind whatever account they act through: `people` holds all
names by which they are known, without types and without regard to case.  Two that
share a name are taken for one person: a wrong "no" can be mended by another
approver, a person who approves their own request cannot.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ombud.access.model import Audience

# Whether the condition of an audience holds for somebody; None: it cannot be evaluated.
Holds = Callable[[str, "Member"], bool | None]


class Member(msgspec.Struct, frozen=True):
    """Somebody as of an instant: `actor` is `type:id`, `units` are their own and those above.

    `is_known` is false for whom a directory that there is has no unit and no role.
    """

    actor: str
    people: frozenset[str]
    unit: str | None = None
    units: tuple[str, ...] = ()
    role: str | None = None
    attributes: Mapping[str, Any] = {}
    is_known: bool = True

    def is_same(self, other: Member) -> bool:
        """Whether both are, as far as anybody knows, one person."""
        return not self.people.isdisjoint(other.people)


def known_as(*ids: str) -> frozenset[str]:
    """Return names, with or without a type, as `people` holds them."""
    return frozenset(folded(id_.partition(":")[2] or id_) for id_ in ids)


def folded(name: str) -> str:
    """Return a name without what two ways of writing it differ in: case, width, composition."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def stranger(actor: str) -> Member:
    """Return somebody of whom no more is known than the name."""
    return Member(actor=actor, people=known_as(actor))


def never(when: str, member: Member) -> None:
    """Say of any condition that it cannot be evaluated."""
    del when, member


def is_named(audience: Audience) -> bool:
    """Whether the audience names anybody at all."""
    return bool(audience.actors or audience.types or audience.units or audience.roles)


def is_in(audience: Audience, member: Member, holds: Holds) -> bool | None:
    """Whether somebody belongs to an audience; None when its condition cannot be evaluated.

    An audience that names nobody and has no condition is empty; with a condition alone
    it is everybody for whom that holds.
    """
    if not is_named(audience) and audience.when is None:
        return False
    type_ = member.actor.partition(":")[0]
    is_one = (
        member.actor in audience.actors
        or type_ in audience.types
        or not set(audience.units).isdisjoint(member.units)
        or (member.role is not None and member.role in audience.roles)
        or not is_named(audience)
    )
    if not is_one or audience.when is None:
        return is_one
    return holds(audience.when, member)
