"""Request events: access requests, grants and attachments, as control events.

Whoever records one has checked the rules before; what it says is taken as it is.
What must not come apart is one event: the last vote carries the grant that it
makes, the start of a break-glass both its request and its grant.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from ombud.access.requests import PENDING, RequestKind, RequestState, StepKind
from ombud.core.event import Event
from ombud.store.control_change import Change, Projection, json_text

REQUEST_OPENED = "request.opened"
REQUEST_VIEWED = "request.viewed"
REQUEST_COMMENTED = "request.commented"
REQUEST_CHANGES_ASKED = "request.changes_asked"
REQUEST_AMENDED = "request.amended"
REQUEST_VOTED = "request.voted"
REQUEST_WITHDRAWN = "request.withdrawn"
REQUEST_EXPIRED = "request.expired"
BREAK_GLASS_STARTED = "break_glass.started"
BREAK_GLASS_DECIDED = "break_glass.decided"
GRANT_REVOKED = "grant.revoked"
GRANT_DELEGATED = "grant.delegated"
GRANT_RECERTIFIED = "grant.recertified"
GRANT_USED = "grant.used"
ATTACHMENT_REVOKED = "attachment.revoked"
EXPORT_QUARANTINED = "export.quarantined"
# No table follows from these: they are read by whoever looks for them.
INQUIRY_OPENED = "inquiry.opened"
REQUEST_REFUSED = "request.refused"

_STEPS = (
    REQUEST_VIEWED,
    REQUEST_COMMENTED,
    REQUEST_CHANGES_ASKED,
    REQUEST_AMENDED,
    REQUEST_VOTED,
    REQUEST_WITHDRAWN,
    REQUEST_EXPIRED,
    BREAK_GLASS_DECIDED,
)
_NOBODY = "service:ombud"

# What an instant or an index can be: beyond it a database column would overflow.
Number = Annotated[int, msgspec.Meta(ge=0, le=(1 << 53) - 1)]


class GrantMade(msgspec.Struct, frozen=True, kw_only=True):
    """A new grant."""

    id: str
    kind: str
    actor_type: str
    actor_id: str
    purpose: str
    begins: Number
    ends: Number
    request: str | None = None
    parent: str | None = None


class GrantRenewed(msgspec.Struct, frozen=True, kw_only=True):
    """A grant's new end; `is_reviewed` if somebody said yes who had not approved it before."""

    id: str
    ends: Number
    is_reviewed: bool = True


class AttachmentMade(msgspec.Struct, frozen=True, kw_only=True):
    """A new attachment."""

    id: str
    dataset: str
    purpose: str
    begins: Number
    ends: Number
    request: str | None = None


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """What `request.opened` and `break_glass.started` carry."""

    request: str
    kind: RequestKind
    requester: str
    beneficiary: str
    purpose: str
    expires_at: Number
    text: str
    dataset: str | None = None
    grant: str | None = None
    days: Number | None = None
    code: str | None = None
    case: str | None = None
    notify: list[str] = []
    asked: dict[str, Any] | None = None
    made: GrantMade | None = None


class Stepped(msgspec.Struct, frozen=True, kw_only=True):
    """What every later step of a request carries: the state after it, and what it makes.

    `terms` are those that an amendment changes: `days`, `text`, `case`.
    """

    request: str
    step: StepKind
    state: RequestState
    text: str | None = None
    details: dict[str, Any] = {}
    terms: Terms | None = None
    grant: GrantMade | None = None
    renewed: GrantRenewed | None = None
    attachment: AttachmentMade | None = None
    revoked: list[str] = []


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """What an amended request asks for."""

    text: str
    days: Number | None = None
    case: str | None = None


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """What `grant.revoked` carries: a grant, and those that were delegated from it."""

    grants: list[str]
    reason: str


class Delegated(msgspec.Struct, frozen=True, kw_only=True):
    """What `grant.delegated` carries."""

    made: GrantMade
    reason: str


class Recertified(msgspec.Struct, frozen=True, kw_only=True):
    """What `grant.recertified` carries."""

    grants: list[str]
    reason: str


class Used(msgspec.Struct, frozen=True, kw_only=True):
    """What `grant.used` carries: when grants were last used."""

    uses: dict[str, Number]


class AttachmentRevoked(msgspec.Struct, frozen=True, kw_only=True):
    """What `attachment.revoked` carries."""

    attachment: str
    reason: str


class Quarantined(msgspec.Struct, frozen=True, kw_only=True):
    """What `export.quarantined` carries: the indices of exports made under a refused grant."""

    grant: str
    request: str
    exports: list[Number]


def _by(event: Event) -> str:
    return f"{event.actor_type}:{event.actor_id}" if event.actor_id else _NOBODY


def _opened(event: Event, said: Opened) -> list[Change]:
    values = {
        "kind": said.kind.value,
        "state": RequestState.OPEN.value,
        "requester": said.requester,
        "beneficiary": said.beneficiary,
        "purpose": said.purpose,
        "dataset": said.dataset,
        "grant": said.made.id if said.made else said.grant,
        "days": said.days,
        "code": said.code,
        "text": said.text,
        "case": said.case,
        "notify": json_text(said.notify),
        "asked": None if said.asked is None else json_text(said.asked),
        "opened_at": event.time,
        "amended_at": None,
        "expires_at": said.expires_at,
        "closed_at": None,
        "made": None,
    }
    changes = [Change("access_request", said.request, values)]
    if said.made is not None:
        changes.append(_grant(event, said.made))
    return [*changes, _step(event, said.request, StepKind.OPENED, said.text, {})]


def _step(
    event: Event, request: str, kind: StepKind, text: str | None, details: dict[str, Any]
) -> Change:
    values = {
        "request": request,
        "kind": kind.value,
        "actor": _by(event),
        "at": event.time,
        "text": text,
        "details": json_text(details),
    }
    return Change("request_step", f"{request} {event.id or 0:012}", values)


def _grant(event: Event, made: GrantMade) -> Change:
    values = {
        "kind": made.kind,
        "actor_type": made.actor_type,
        "actor_id": made.actor_id,
        "purpose": made.purpose,
        "begins": made.begins,
        "ends": made.ends,
        "request": made.request,
        "parent": made.parent,
        "created_at": event.time,
        "recertified_at": None,
        "revoked_at": None,
        "revoked_by": None,
        "revoked_why": None,
    }
    return Change("access_grant", made.id, values)


def _attachment(event: Event, made: AttachmentMade) -> Change:
    values = {
        "dataset": made.dataset,
        "purpose": made.purpose,
        "begins": made.begins,
        "ends": made.ends,
        "request": made.request,
        "created_at": event.time,
        "revoked_at": None,
        "revoked_by": None,
        "revoked_why": None,
    }
    return Change("dataset_attachment", made.id, values)


def _stepped(event: Event, said: Stepped) -> list[Change]:
    values: dict[str, Any] = {"state": said.state.value}
    if said.terms is not None:
        values |= {
            "days": said.terms.days,
            "text": said.terms.text,
            "case": said.terms.case,
            "amended_at": event.time,
        }
    if said.state not in PENDING:
        values["closed_at"] = event.time
    changes = [_step(event, said.request, said.step, said.text, said.details)]
    if said.grant is not None:
        values["made"] = said.grant.id
        changes.append(_grant(event, said.grant))
    if said.attachment is not None:
        values["made"] = said.attachment.id
        changes.append(_attachment(event, said.attachment))
    if said.renewed is not None:
        values["made"] = said.renewed.id
        renewed: dict[str, Any] = {"ends": said.renewed.ends}
        if said.renewed.is_reviewed:
            renewed["recertified_at"] = event.time
        changes.append(Change("access_grant", said.renewed.id, renewed, is_whole=False))
    changes += _revocations(event, said.revoked, said.text or said.state.value)
    return [*changes, Change("access_request", said.request, values, is_whole=False)]


def _revocation(event: Event, reason: str) -> dict[str, Any]:
    return {"revoked_at": event.time, "revoked_by": _by(event), "revoked_why": reason}


def _revocations(event: Event, grants: list[str], reason: str) -> list[Change]:
    return [
        Change("access_grant", grant, _revocation(event, reason), is_whole=False)
        for grant in grants
    ]


def _revoked(event: Event, said: Revoked) -> list[Change]:
    return _revocations(event, said.grants, said.reason)


def _delegated(event: Event, said: Delegated) -> Change:
    return _grant(event, said.made)


def _recertified(event: Event, said: Recertified) -> list[Change]:
    return [
        Change("access_grant", grant, {"recertified_at": event.time}, is_whole=False)
        for grant in said.grants
    ]


def _used(event: Event, said: Used) -> list[Change]:
    del event
    return [Change("grant_use", grant, {"used_at": at}) for grant, at in said.uses.items()]


def _attachment_revoked(event: Event, said: AttachmentRevoked) -> Change:
    values = _revocation(event, said.reason)
    return Change("dataset_attachment", said.attachment, values, is_whole=False)


def _quarantined(event: Event, said: Quarantined) -> list[Change]:
    return [
        Change(
            "quarantined_export",
            f"{export:012}",
            {"export": export, "grant": said.grant, "request": said.request, "at": event.time},
        )
        for export in said.exports
    ]


REQUEST_PROJECTIONS: dict[str, Projection] = {
    REQUEST_OPENED: (Opened, _opened),
    BREAK_GLASS_STARTED: (Opened, _opened),
    **dict.fromkeys(_STEPS, (Stepped, _stepped)),
    GRANT_REVOKED: (Revoked, _revoked),
    GRANT_DELEGATED: (Delegated, _delegated),
    GRANT_RECERTIFIED: (Recertified, _recertified),
    GRANT_USED: (Used, _used),
    ATTACHMENT_REVOKED: (AttachmentRevoked, _attachment_revoked),
    EXPORT_QUARANTINED: (Quarantined, _quarantined),
}
