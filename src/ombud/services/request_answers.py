"""Request answers: requests, grants and attachments as answers show them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ombud.access.model import Audience
from ombud.access.requests import Request, Rules, approvers_of
from ombud.store.requests import AttachmentRow, GrantRow, RequestRow, StepRow

Json = dict[str, Any]


def tell_request(row: RequestRow) -> Json:
    """Return a request without its steps; instants in milliseconds since the epoch."""
    return {
        "id": row.id,
        "kind": row.kind,
        "state": row.state,
        "requester": row.requester,
        "for": row.beneficiary,
        "purpose": row.purpose,
        "dataset": row.dataset,
        "grant": row.grant,
        "days": row.days,
        "code": row.code,
        "text": row.text,
        "case": row.case,
        "notify": list(row.notify),
        "opened_at": row.opened_at,
        "expires_at": row.expires_at,
        "closed_at": row.closed_at,
        "made": row.made,
    }


def tell_steps(steps: Sequence[StepRow]) -> list[Json]:
    """Return the steps of a request, each with the index of its event."""
    return [
        {
            "step": one.kind,
            "actor": one.actor,
            "at": one.at,
            "text": one.text,
            "event": one.index,
        }
        for one in steps
    ]


def tell_whole(row: RequestRow, steps: Sequence[StepRow], request: Request, rules: Rules) -> Json:
    """Return a request with its steps, how many approvals it has and needs, and its query."""
    return {
        **tell_request(row),
        "approvals": len(approvers_of(request)),
        "quorum": max(1, rules.quorum),
        "decided_by": name_audience(rules.approvers),
        "steps": tell_steps(steps),
        "query": f"request:{row.id}",
        "asked": row.asked,
    }


def name_audience(audience: Audience) -> list[str]:
    """Return who belongs to an audience, in words: whoever asks must know whom to turn to."""
    named = {"type": audience.types, "unit": audience.units, "role": audience.roles}
    words = [*audience.actors, *(f"{kind} {one}" for kind, each in named.items() for one in each)]
    if audience.when is None:
        return words
    return [f"{one} if {audience.when}" for one in words or ["anybody"]]


def tell_grant(row: GrantRow, now: int) -> Json:
    """Return a grant, and whether it holds."""
    return {
        "id": row.id,
        "kind": row.kind,
        "actor": row.actor,
        "purpose": row.purpose,
        "begins": row.begins,
        "ends": row.ends,
        "holds": row.holds(now),
        "request": row.request,
        "delegated_from": row.parent,
        "created_at": row.created_at,
        "recertified_at": row.recertified_at,
        "revoked_at": row.revoked_at,
        "revoked_by": row.revoked_by,
        "revoked_why": row.revoked_why,
    }


def tell_attachment(row: AttachmentRow, now: int) -> Json:
    """Return an attachment, and whether it holds."""
    return {
        "id": row.id,
        "dataset": row.dataset,
        "purpose": row.purpose,
        "begins": row.begins,
        "ends": row.ends,
        "holds": row.begins <= now < row.over_at,
        "request": row.request,
        "revoked_at": row.revoked_at,
        "revoked_by": row.revoked_by,
        "revoked_why": row.revoked_why,
    }
