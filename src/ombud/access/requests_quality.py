"""Request quality: how approvers decide, as arithmetic that anybody can redo by hand; pure.

Nothing here ranks people: figures are for one named approver, or counts for the
organisation with the requests that they are about.  `docs/requests.md` publishes
the arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Any

import msgspec

HASTY_SECONDS = 30  # Less between opening a request and deciding on it is not reading it.
VOTES_MIN = 5  # Fewer decisions say nothing about a habit.


class Vote(msgspec.Struct, frozen=True, kw_only=True):
    """One decision of one approver; instants in milliseconds since the epoch.

    `waiting_since`: when the request came to ask for what was decided on; `viewed_at`:
    when the approver first opened it in that form, None if never.  `is_near`: approver
    and beneficiary were of one unit then.
    """

    request: str
    approver: str
    requester: str
    beneficiary: str
    is_approval: bool
    waiting_since: int
    viewed_at: int | None
    voted_at: int
    is_near: bool = False

    @property
    def is_unopened(self) -> bool:
        """Whether it was decided on without having been opened."""
        return self.viewed_at is None or self.viewed_at > self.voted_at

    def is_hasty(self, seconds: int) -> bool:
        """Whether it was not opened, or decided on sooner than it can be read."""
        return self.is_unopened or self.voted_at - (self.viewed_at or 0) < seconds * 1000


def rubber_stamp_index(votes: Sequence[Vote], *, seconds: int = HASTY_SECONDS) -> float | None:
    """Return the share of hasty decisions times the share of approvals, 0 to 1.

    1: everything was approved, and nothing read.  None for fewer than `VOTES_MIN`.
    """
    if len(votes) < VOTES_MIN:
        return None
    hasty = sum(vote.is_hasty(seconds) for vote in votes) / len(votes)
    approving = sum(vote.is_approval for vote in votes) / len(votes)
    return round(hasty * approving, 3)


def reciprocal_pairs(votes: Iterable[Vote]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Return who approved what the other asked for and the other way round, with the requests."""
    approved: dict[tuple[str, str], set[str]] = {}
    for vote in votes:
        if vote.is_approval:
            for asked in {vote.requester, vote.beneficiary} - {vote.approver}:
                approved.setdefault((vote.approver, asked), set()).add(vote.request)
    return {
        (one, other): tuple(sorted(requests | approved[other, one]))
        for (one, other), requests in sorted(approved.items())
        if one < other and (other, one) in approved
    }


def of_approver(
    votes: Sequence[Vote], approver: str, *, seconds: int = HASTY_SECONDS
) -> dict[str, Any]:
    """Return the figures of one named approver; seconds, shares from 0 to 1, request ids."""
    own = [vote for vote in votes if vote.approver == approver]
    pairs = {
        one if other == approver else other: list(requests)
        for (one, other), requests in reciprocal_pairs(votes).items()
        if approver in (one, other)
    }
    approvals = [vote for vote in own if vote.is_approval]
    return {
        "approver": approver,
        "decisions": len(own),
        "approved": len(approvals),
        "rejected": len(own) - len(approvals),
        **_times(own),
        "rubber_stamp_index": rubber_stamp_index(own, seconds=seconds),
        "hasty_seconds": seconds,
        "hasty": _requests(vote for vote in own if vote.is_hasty(seconds)),
        "unopened": _requests(vote for vote in own if vote.is_unopened),
        "same_unit": _requests(vote for vote in approvals if vote.is_near),
        "reciprocal": pairs,
    }


def of_organisation(votes: Sequence[Vote], *, seconds: int = HASTY_SECONDS) -> dict[str, Any]:
    """Return the figures of all approvers together, with the requests; no approver is named."""
    approvals = [vote for vote in votes if vote.is_approval]
    reciprocal = reciprocal_pairs(votes).values()
    return {
        "approvers": len({vote.approver for vote in votes}),
        "decisions": len(votes),
        "approved": len(approvals),
        "rejected": len(votes) - len(approvals),
        **_times(votes),
        "hasty_seconds": seconds,
        "hasty": _requests(vote for vote in votes if vote.is_hasty(seconds)),
        "unopened": _requests(vote for vote in votes if vote.is_unopened),
        "same_unit": _requests(vote for vote in approvals if vote.is_near),
        "reciprocal_pairs": len(reciprocal),
        "reciprocal": sorted({request for requests in reciprocal for request in requests}),
    }


def _times(votes: Sequence[Vote]) -> dict[str, float | None]:
    waited = [(vote.voted_at - vote.waiting_since) / 1000 for vote in votes]
    read = [
        (vote.voted_at - vote.viewed_at) / 1000
        for vote in votes
        if vote.viewed_at is not None and not vote.is_unopened
    ]
    return {
        "decision_seconds_median": median(waited) if waited else None,
        "reading_seconds_median": median(read) if read else None,
    }


def _requests(votes: Iterable[Vote]) -> list[str]:
    return sorted({vote.request for vote in votes})
