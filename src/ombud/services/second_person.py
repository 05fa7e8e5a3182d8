"""Second person: whether a change of the policy needs one, and who may be it.

The policy in force says who confirms.  What lowers oversight always needs somebody
outside the proposer's unit.  Running without a second person ends by a date, and one
person cannot move that date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ombud.access.condition import ConditionError, MissingAttribute, parse_condition
from ombud.access.model import Attributes, Audience, Policy
from ombud.access.requests_audience import Member
from ombud.core.clock import format_instant
from ombud.core.errors import Forbidden, InputError
from ombud.services.actor_attributes import Actors

DAY_MS = 86_400_000
LONE_DAYS_MAX = 92  # Three months: long enough to appoint somebody, too short to get used to it.
PERSON = "person"


@dataclass(frozen=True, slots=True)
class Needed:
    """What a change needs: so many second persons, or why it needs none (`alone`)."""

    quorum: int
    is_outside: bool
    alone: str | None
    lowers: tuple[str, ...]


def find_needed(
    in_force: Policy | None, new: Policy, lowers: tuple[str, ...], *, now: int
) -> Needed:
    """Return what a change from the policy in force needs at an instant.

    Raises `InputError` for a policy that could be changed by one person for too long.
    """
    if new.lone_until is not None and new.lone_until > now + LONE_DAYS_MAX * DAY_MS:
        raise InputError(
            f"`lone_until` is more than {LONE_DAYS_MAX} days away:"
            f" {format_instant(new.lone_until)}",
            hint="name an earlier day, by which there will be a second person",
        )
    if in_force is None:
        return Needed(0, False, "first", lowers)
    ends_nothing = _ends_nothing(in_force, new)
    if ends_nothing:
        lowers = (*lowers, "policy: nobody need confirm what lowers no oversight, for good")
    longer = _is_later(new.lone_until, in_force.lone_until, now)
    if is_lone(in_force, now) and not longer and not ends_nothing:
        return Needed(0, False, "lone", lowers)
    ended = in_force.lone_until is not None
    if in_force.second_person is None and not lowers and not ended:
        return Needed(0, False, "allowed", ())
    approval = in_force.second_person
    return Needed(max(1, approval.quorum) if approval else 1, bool(lowers), None, lowers)


def _is_later(new: int | None, old: int | None, now: int) -> bool:
    return new is not None and new > now and (old is None or new > old)


def _ends_nothing(old: Policy, new: Policy) -> bool:
    """Whether a date by which there was to be a second person goes, and none is named."""
    return old.lone_until is not None and new.lone_until is None and new.second_person is None


def is_lone(policy: Policy, now: int) -> bool:
    """Whether one person may change the policy, for now."""
    return policy.lone_until is not None and now < policy.lone_until


def person_behind(person: str, actors: Actors) -> str:
    """Return who somebody is: an account is the person it belongs to."""
    return actors.people.get(person, person)


def is_same_person(one: str, other: str, members: Mapping[str, Member]) -> bool:
    """Whether two names are, as far as anybody knows, one person's."""
    first, second = (members[f"{PERSON}:{name}"] for name in (one, other))
    return first.is_same(second)


def check_second(
    person: str,
    *,
    proposer: str,
    in_force: Policy,
    is_outside: bool,
    actors: Actors,
    members: Mapping[str, Member],
) -> None:
    """Raise `Forbidden`, with the reason, unless a person may confirm what another proposed."""
    if is_same_person(person, proposer, members):
        raise Forbidden(
            "whoever proposes a change does not confirm it", hint="somebody else must do so"
        )
    approval = in_force.second_person
    if approval is not None:
        me = members[f"{PERSON}:{person}"]
        is_named = any(me.is_same(members[actor]) for actor in approval.barred.actors)
        if is_named or holds(approval.barred, person, in_force, actors, unknown=True):
            raise Forbidden(
                f"`{person}` is of a class that is barred from confirming changes of the policy"
            )
        if approval.approvers != Audience() and not holds(
            approval.approvers, person, in_force, actors, unknown=False
        ):
            raise Forbidden(f"`{person}` is not among those who confirm changes of the policy")
    if is_outside:
        _check_outside(person, proposer, actors)


def _check_outside(person: str, proposer: str, actors: Actors) -> None:
    said = {}
    for one in (person, proposer):
        attributes = actors.attributes.get((PERSON, one), {})
        if "unit" not in attributes:
            raise Forbidden(
                f"the change lowers oversight, and of which unit `{one}` is, is not known",
                hint="`ombud directory load` says so; its second person is from another unit",
            )
        said[one] = attributes
    unit = said[proposer]["unit"]
    if unit in said[person]["units"]:
        raise Forbidden(
            f"the change lowers oversight, and `{person}` is of the proposer's unit `{unit}`",
            hint="somebody outside of that unit must confirm it",
        )


def _names_anyone(audience: Audience) -> bool:
    return bool(audience.actors or audience.types or audience.units or audience.roles)


def holds(
    audience: Audience, person: str, policy: Policy, actors: Actors, *, unknown: bool
) -> bool:
    """Whether a person is of an audience; `unknown` is taken where that cannot be told."""
    is_listed = _names_anyone(audience)
    if not is_listed and audience.when is None:
        return False
    attributes = _attributes(person, policy, actors)
    if is_listed and not _is_named(audience, person, attributes, actors):
        asks_more = bool(audience.units or audience.roles)
        return unknown and asks_more and "unit" not in attributes
    if audience.when is None:
        return True
    return _test(audience.when, policy.attributes, attributes, unknown=unknown)


def _is_named(
    audience: Audience, person: str, attributes: Mapping[str, Any], actors: Actors
) -> bool:
    names = {f"{PERSON}:{person}", f"{PERSON}:{person_behind(person, actors)}"}
    return (
        PERSON in audience.types
        or not names.isdisjoint(audience.actors)
        or not set(audience.units).isdisjoint(attributes.get("units", ()))
        or attributes.get("role") in audience.roles
    )


def _attributes(person: str, policy: Policy, actors: Actors) -> dict[str, Any]:
    """Return what is stored of a person; the policy's own word wins."""
    stored = dict(actors.attributes.get((PERSON, person), {}))
    for entity in policy.entities:
        if (entity.type, entity.id) == (PERSON, person):
            stored |= entity.attributes
    return stored | {"type": PERSON, "id": person}


def _test(when: str, declared: Attributes, attributes: dict[str, Any], *, unknown: bool) -> bool:
    try:
        return parse_condition(when, attributes=declared).test(attributes, {}, {}, {})
    except (ConditionError, MissingAttribute):
        return unknown
