"""Find: who may do this, on what may they do it, what may they do (AuthZEN's searches).

Only what is known is found: actors that are stored or hold a grant, declared datasets
and stored entities, declared actions.  The answers are those of `decide`, put to each
that can possibly be permitted; the order is that of ids.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from ombud.access.attempt import Attempt, Spent
from ombud.access.compiled import CompiledPurpose
from ombud.access.decide import NOTHING_SPENT, SpentKey, decide
from ombud.access.snapshot import Snapshot
from ombud.core.errors import InputError

CANDIDATES_MAX = 100_000  # Each is decided on: half a second for one search.


def find_subjects(
    snapshot: Snapshot,
    attempt: Attempt,
    now: int,
    type_: str,
    *,
    spent: Mapping[SpentKey, Spent] = NOTHING_SPENT,
) -> list[tuple[str, str]]:
    """Return the actors of a type, as (type, id), that may do what is attempted.

    The attempt's own actor is put aside, with what is stated about it.
    """
    purpose = _purpose(snapshot, attempt)
    if purpose is None:
        return []
    lineage = None if purpose.is_standing else purpose.lineage
    known = snapshot.granted.find_holders(type_, lineage)
    known |= snapshot.emergencies.find_holders(type_, lineage)
    if purpose.is_standing:
        known |= {id_ for kind, id_ in snapshot.actors if kind == type_}
    return [
        (type_, id_)
        for id_ in _bounded(known)
        if decide(
            msgspec.structs.replace(attempt, actor_type=type_, actor_id=id_, actor={}),
            snapshot,
            now,
            spent=spent,
        ).permit
    ]


def find_resources(
    snapshot: Snapshot,
    attempt: Attempt,
    now: int,
    type_: str,
    *,
    spent: Mapping[SpentKey, Spent] = NOTHING_SPENT,
) -> list[tuple[str, str]]:
    """Return the resources of a type, as (type, id), on which it may be done.

    The attempt's own resource is put aside, with what is stated about it.
    """
    purpose = _purpose(snapshot, attempt)
    if purpose is None:
        return []
    known = (
        id_
        for kind, id_ in snapshot.compiled.things
        if kind == type_ and purpose.find_lines(kind, id_)
    )
    return [
        (type_, id_)
        for id_ in _bounded(known)
        if decide(
            msgspec.structs.replace(attempt, resource_type=type_, resource_id=id_, resource={}),
            snapshot,
            now,
            spent=spent,
        ).permit
    ]


def find_actions(
    snapshot: Snapshot,
    attempt: Attempt,
    now: int,
    *,
    spent: Mapping[SpentKey, Spent] = NOTHING_SPENT,
) -> list[str]:
    """Return the actions that the actor may do to the resource."""
    purpose = _purpose(snapshot, attempt)
    if purpose is None:
        return []
    lines = purpose.find_lines(attempt.resource_type, attempt.resource_id)
    known = (
        action
        for action in snapshot.compiled.actions
        if any(line.actions.match(action) for line in lines)
    )
    return [
        action
        for action in _bounded(known)
        if decide(
            msgspec.structs.replace(attempt, action=action), snapshot, now, spent=spent
        ).permit
    ]


def _purpose(snapshot: Snapshot, attempt: Attempt) -> CompiledPurpose | None:
    compiled = snapshot.compiled
    return compiled.purposes.get(attempt.purpose or compiled.policy.when_no_purpose or "")


def _bounded(names: Iterable[str]) -> list[str]:
    known = sorted(set(names))
    if len(known) > CANDIDATES_MAX:
        raise InputError(
            f"a search over {len(known):,} candidates; {CANDIDATES_MAX:,} are the most",
            hint="ask for another purpose or type",
        )
    return known
