"""Checkpoint second person: who may let somebody else's act go on.

Never the actor, by whatever account; never somebody of whom it cannot be told.
"""

from __future__ import annotations

from ombud.access.model import Checkpoint, Policy
from ombud.access.requests_audience import is_in
from ombud.services.asker import Asker
from ombud.services.request_members import Members
from ombud.store.checkpoint import FulfilmentRow
from ombud.store.directory import DirectoryTables


def refusal(
    row: FulfilmentRow,
    checkpoint: Checkpoint | None,
    *,
    asker: Asker,
    policy: Policy,
    directory: DirectoryTables,
    now: int,
) -> str | None:
    """Return why the asker cannot be the second person, None if they can."""
    if checkpoint is None:
        return "the policy does not ask this any more, or in other words"
    members = Members(policy, directory, now)
    second, first = members[f"person:{asker.person}"], members[row.actor]
    if second.is_same(first) or asker.person in {row.person, row.delivered_by}:
        return "nobody is the second person for themself"
    if checkpoint.approvers is None:
        is_known = bool(directory.of_person(asker.person).get("person"))
        is_known = is_known or len(directory.people_of(asker.person, now)) == 1
        # Without a directory two names may be one person.
        return None if is_known else "the directory does not know you, and the policy names nobody"
    if is_in(checkpoint.approvers, second, members.holds) is not True:
        return "the policy does not name you as a second person"
    return None
