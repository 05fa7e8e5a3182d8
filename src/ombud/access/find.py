"""Find: who is permitted something, to what, and what; each result is a decision's."""

from __future__ import annotations

import msgspec

from ombud.access.attempt import Attempt
from ombud.access.decide import decide
from ombud.access.snapshot import Snapshot


def find_subjects(snapshot: Snapshot, attempt: Attempt, now: int, kind: str) -> list[str]:
    """Return the ids of the known actors of a type who are permitted the attempt, in order."""
    ids = sorted(id_ for type_, id_ in snapshot.actors if type_ == kind)
    replace = msgspec.structs.replace
    return [
        one
        for one in ids
        if decide(replace(attempt, actor_type=kind, actor_id=one), snapshot, now).permit
    ]


def find_resources(snapshot: Snapshot, attempt: Attempt, now: int, kind: str) -> list[str]:
    """Return the ids of the declared things of a type to which it is permitted, in order."""
    policy = snapshot.compiled.policy
    ids = {one.id for one in policy.datasets if one.type == kind}
    ids |= {one.id for one in policy.entities if one.type == kind}
    ids |= {
        id_
        for purpose in policy.purposes
        for line in purpose.scope
        if line.type == kind
        for id_ in line.resources
        if "*" not in id_
    }
    replace = msgspec.structs.replace
    return [
        one
        for one in sorted(ids)
        if decide(replace(attempt, resource_type=kind, resource_id=one), snapshot, now).permit
    ]


def find_actions(snapshot: Snapshot, attempt: Attempt, now: int) -> list[str]:
    """Return the names of the actions that are permitted, in order."""
    names = {
        name
        for purpose in snapshot.compiled.policy.purposes
        for line in purpose.scope
        for name in line.actions
        if "*" not in name
    }
    replace = msgspec.structs.replace
    return [
        one for one in sorted(names) if decide(replace(attempt, action=one), snapshot, now).permit
    ]
