"""Approval quality: how requests are decided on, read from their steps; a look like any other."""

from __future__ import annotations

from typing import Any

from ombud.access.requests import StepKind
from ombud.access.requests_quality import HASTY_SECONDS, Vote, of_approver, of_organisation
from ombud.core.errors import Forbidden, InputError
from ombud.services.asker import Asker
from ombud.services.looks import Looks
from ombud.services.request_desk import Desk, check_actor
from ombud.store.requests import RequestRow, StepRow

SECONDS_MAX = 3_600  # An hour: reading may take longer, but deciding sooner is no sign then.
_VOTES = frozenset({StepKind.APPROVED, StepKind.REJECTED})


class ApprovalQuality:
    """Answers for one named approver, or for the organisation: never a list of people."""

    def __init__(self, *, desk: Desk, looks: Looks) -> None:
        self._desk = desk
        self._looks = looks

    def report(
        self,
        *,
        asker: Asker,
        approver: str | None = None,
        since: int = 0,
        seconds: int = HASTY_SECONDS,
        why: str | None = None,
        case: str | None = None,
    ) -> dict[str, Any]:
        """Return the figures of requests opened since an instant; the look is on record."""
        asker.require("search")
        if asker.is_restricted:
            raise Forbidden("a token limited to units or systems cannot be told this")
        if not 1 <= seconds <= SECONDS_MAX:
            raise InputError(f"`{seconds}` seconds do not lie in 1..{SECONDS_MAX}")
        if approver is not None:
            check_actor(approver)
        self._looks.record_look("approvals", asker, why=why, case=case, resource_id=approver)
        with self._desk.held():
            rows = self._desk.tables.requests(since=since)
            steps = self._desk.tables.steps(row.id for row in rows)
        votes = [vote for row in rows for vote in votes_of(row, steps[row.id])]
        if approver is None:
            return of_organisation(votes, seconds=seconds)
        return of_approver(votes, approver, seconds=seconds)


def votes_of(row: RequestRow, steps: list[StepRow]) -> list[Vote]:
    """Return the votes on a request, each with when it came to be as it was voted on."""
    votes: list[Vote] = []
    waiting_since = row.opened_at
    viewed: dict[str, int] = {}
    for step in steps:
        if step.kind == StepKind.AMENDED:
            waiting_since, viewed = step.at, {}
        elif step.kind == StepKind.VIEWED:
            viewed.setdefault(step.actor, step.at)
        elif step.kind in _VOTES:
            votes.append(
                Vote(
                    request=row.id,
                    approver=step.actor,
                    requester=row.requester,
                    beneficiary=row.beneficiary,
                    is_approval=step.kind == StepKind.APPROVED,
                    waiting_since=waiting_since,
                    viewed_at=viewed.get(step.actor),
                    voted_at=step.at,
                    is_near=bool(step.details.get("same_unit")),
                )
            )
    return votes
