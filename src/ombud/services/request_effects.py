"""Request effects: what the last step of a request makes, revokes or opens, in the same event.

A refused emergency has effects of its own: the grant is revoked, what was exported
under it goes into quarantine, and an inquiry is opened.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ombud.access.requests import (
    Refusal,
    RequestKind,
    RequestState,
    StepKind,
    approvers_of,
)
from ombud.access.requests_clock import grant_end
from ombud.access.requests_rules import find_purpose, granted_days
from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.services.request_desk import View, control_event, new_id, to_request
from ombud.store.request_events import (
    EXPORT_QUARANTINED,
    INQUIRY_OPENED,
    AttachmentMade,
    GrantMade,
    GrantRenewed,
    Quarantined,
)
from ombud.store.requests import GrantRow, RequestRow, RequestTables

QUARANTINED_AT_ONCE = 10_000  # Exports named by one event; the rest follow in others.
_REFUSED = frozenset({RequestState.REJECTED, RequestState.EXPIRED})


class Effects(msgspec.Struct, frozen=True, kw_only=True):
    """What goes into the event of a step, by the names of `store.request_events.Stepped`."""

    grant: GrantMade | None = None
    renewed: GrantRenewed | None = None
    attachment: AttachmentMade | None = None
    revoked: list[str] = []

    @property
    def made(self) -> str | None:
        """The grant that was made or renewed."""
        return self.grant.id if self.grant else self.renewed.id if self.renewed else None


def approved_by(
    tables: RequestTables, grant: GrantRow, *, but: str | None = None
) -> frozenset[str]:
    """Return who approved a grant, or a renewal of it (`but` one of these)."""
    renewals = tables.requests(kinds=(RequestKind.RENEWAL,))
    asked = [one.id for one in renewals if one.grant == grant.id and one.id != but]
    if grant.request is not None:
        asked.append(grant.request)
    steps = tables.steps(asked)
    return frozenset(
        step.actor for one in asked for step in steps[one] if step.kind == StepKind.APPROVED
    )


def effects_of(
    row: RequestRow, state: RequestState, view: View, tables: RequestTables, *, voter: str
) -> Effects | Refusal:
    """Return what follows from a state that `voter` led to, or why it cannot follow by now."""
    kind = RequestKind(row.kind)
    if kind is RequestKind.BREAK_GLASS:
        return Effects(revoked=_live(row, tables) if state in _REFUSED else [])
    if state is not RequestState.APPROVED:
        return Effects()
    purpose = find_purpose(view.policy, row.purpose)
    if purpose is None or (purpose.until is not None and purpose.until <= view.now):
        return Refusal("purpose_ended", f"purpose `{row.purpose}` is over")
    if kind is RequestKind.DATASET:
        return _attach(row, view, purpose.until)
    end = grant_end(view.now, granted_days(row.days, purpose.days_max), until=purpose.until)
    if kind is RequestKind.RENEWAL:
        return _renew(row, view, tables, end, voter)
    actor_type, _, actor_id = row.beneficiary.partition(":")
    return Effects(
        grant=GrantMade(
            id=new_id("grant"),
            kind="requested",
            actor_type=actor_type,
            actor_id=actor_id,
            purpose=row.purpose,
            begins=view.now,
            ends=end,
            request=row.id,
        )
    )


def _attach(row: RequestRow, view: View, until: int | None) -> Effects:
    return Effects(
        attachment=AttachmentMade(
            id=new_id("attachment"),
            dataset=row.dataset or "",
            purpose=row.purpose,
            begins=view.now,
            ends=grant_end(view.now, granted_days(row.days, None), until=until),
            request=row.id,
        )
    )


def _renew(
    row: RequestRow, view: View, tables: RequestTables, end: int, voter: str
) -> Effects | Refusal:
    grant = tables.grant(row.grant or "")
    if grant is None or not grant.holds(view.now):
        return Refusal("grant_over", f"grant `{row.grant}` holds no more: ask for a new one")
    # A renewal takes nothing away: a grant is shortened by revoking it.
    # Renewed by those alone who approved it, it has not been reviewed.
    earlier = [view.members[one] for one in approved_by(tables, grant, but=row.id)]
    voters = {voter, *approvers_of(to_request(row, tables.steps([row.id])[row.id]))}
    is_reviewed = any(
        not any(view.members[one].is_same(other) for other in earlier) for one in voters
    )
    renewed = GrantRenewed(id=grant.id, ends=max(end, grant.ends), is_reviewed=is_reviewed)
    return Effects(renewed=renewed)


def _live(row: RequestRow, tables: RequestTables) -> list[str]:
    grant = tables.grant(row.grant or "")
    return [grant.id] if grant is not None and grant.revoked_at is None else []


def quarantine_events(
    view: View, asker: Asker | None, grant: GrantRow, exports: list[int]
) -> list[Event]:
    """Return the events that put exports made under a refused grant into quarantine."""
    return [
        control_event(
            view,
            asker,
            EXPORT_QUARANTINED,
            "configure",
            Quarantined(
                grant=grant.id,
                request=grant.request or "",
                exports=exports[start : start + QUARANTINED_AT_ONCE],
            ),
            about=grant,
        )
        for start in range(0, len(exports), QUARANTINED_AT_ONCE)
    ]


def inquiry_event(view: View, asker: Asker | None, row: RequestRow, why: str) -> Event:
    """Return the event that opens an inquiry into a refused emergency."""
    said: dict[str, Any] = {
        "inquiry": new_id("inquiry"),
        "about": row.beneficiary,
        "request": row.id,
        "grant": row.grant,
        "reason": why,
    }
    return control_event(view, asker, INQUIRY_OPENED, "other", said, row=row)
