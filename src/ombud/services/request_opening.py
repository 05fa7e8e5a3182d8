"""Request opening: whether what is wanted may be asked for at all, and the event that asks."""

from __future__ import annotations

from ombud.access.requests import (
    Refusal,
    Request,
    RequestKind,
    RequestState,
    check_opening,
)
from ombud.access.requests_clock import DAY_MS
from ombud.access.requests_rules import find_dataset, find_purpose, is_prohibited, rules_of
from ombud.core.errors import Conflict, InputError, NotFound
from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.services.request_desk import (
    View,
    check_actor,
    check_case,
    control_event,
    new_id,
    no_grant,
    person_of,
    refuse,
)
from ombud.services.request_wanted import Carried, RequestWanted
from ombud.store.request_events import REQUEST_OPENED, Opened
from ombud.store.requests import RequestTables

WAIT_DAYS = 14  # A request that nobody decided on in a fortnight is asked again, or not needed.
PENDING_MAX = 100  # Of one requester: more is no asking but a flood.
_KINDS = (RequestKind.PURPOSE, RequestKind.DATASET, RequestKind.RENEWAL)
_PENDING = (RequestState.OPEN.value, RequestState.CHANGES_REQUESTED.value)


def open_request(
    tables: RequestTables,
    view: View,
    wanted: RequestWanted,
    asker: Asker,
    carried: Carried | None = None,
) -> tuple[str, Event]:
    """Return the id of a new request and the event that opens it; raises what refuses it."""
    kind = _kind(wanted)
    requester = carried.requester if carried else person_of(asker)
    purpose, beneficiary = _about(tables, view, wanted, kind, requester)
    request = Request(
        id=(carried.id if carried else None) or new_id("request"),
        kind=kind,
        state=RequestState.OPEN,
        requester=requester,
        beneficiary=beneficiary,
        purpose=purpose,
        opened_at=view.now,
        terms_at=view.now,
        expires_at=view.now + WAIT_DAYS * DAY_MS,
        text=wanted.text.strip(),
        dataset=wanted.dataset if kind is RequestKind.DATASET else None,
        grant=wanted.grant if kind is RequestKind.RENEWAL else None,
        days=wanted.days,
    )
    _check_policy(view, request)
    rules = rules_of(view.policy, kind, purpose, request.dataset)
    refusal = check_opening(request, rules, view.members[requester], view.members.holds)
    if refusal is not None:
        raise refuse(refusal)
    _check_others(tables, request)
    said = Opened(
        request=request.id,
        kind=kind,
        requester=requester,
        beneficiary=beneficiary,
        purpose=purpose,
        expires_at=request.expires_at,
        text=request.text,
        dataset=request.dataset,
        grant=request.grant,
        days=request.days,
        case=check_case(wanted.case),
        asked=carried.asked if carried else None,
    )
    event = control_event(
        view,
        asker,
        REQUEST_OPENED,
        "other",
        said,
        request=request.id,
        purpose=purpose,
        grant=request.grant,
        case=said.case,
        resource_dataset=request.dataset,
        justification_text=request.text,
    )
    return request.id, event


def _kind(wanted: RequestWanted) -> RequestKind:
    if wanted.kind not in {kind.value for kind in _KINDS}:
        raise InputError(
            f"no kind of request `{wanted.kind}`",
            hint=f"one of {', '.join(_KINDS)}; an emergency is `ombud break-glass start`",
        )
    kind = RequestKind(wanted.kind)
    for name, of in (("grant", RequestKind.RENEWAL), ("dataset", RequestKind.DATASET)):
        if (getattr(wanted, name) is not None) != (kind is of):
            raise InputError(f"a request of kind `{kind}` states {_states(kind)}")
    return kind


def _states(kind: RequestKind) -> str:
    if kind is RequestKind.RENEWAL:
        return "the grant, and no dataset"
    return "a dataset, and no grant" if kind is RequestKind.DATASET else "no dataset and no grant"


def _about(
    tables: RequestTables, view: View, wanted: RequestWanted, kind: RequestKind, requester: str
) -> tuple[str, str]:
    """Return the purpose and whom the request is for."""
    if kind is not RequestKind.RENEWAL:
        if not wanted.purpose:
            raise InputError(
                "a request states a purpose",
                hint="such as `ombud request open NAME`; `ombud policy show` has them",
            )
        return wanted.purpose, check_actor(wanted.actor or requester)
    grant = tables.named_grant(wanted.grant or "")
    if grant is None:
        raise no_grant(wanted.grant or "")
    asked_by = tables.request(grant.request or "")
    parties = {grant.actor} | ({asked_by.requester} if asked_by else set())
    if not any(view.members[requester].is_same(view.members[one]) for one in parties):
        raise no_grant(grant.id)
    if grant.kind != "requested":
        raise refuse(Refusal("kind", f"a grant of kind `{grant.kind}` is not renewed"))
    if not grant.holds(view.now):
        raise refuse(Refusal("grant_over", f"grant `{grant.id}` holds no more: ask for a new one"))
    return grant.purpose, grant.actor


def _check_policy(view: View, request: Request) -> None:
    purpose = find_purpose(view.policy, request.purpose)
    if purpose is None:
        raise NotFound(f"the policy has no purpose `{request.purpose[:80]}`")
    if purpose.until is not None and purpose.until <= view.now:
        raise refuse(Refusal("purpose_ended", f"purpose `{purpose.id}` is over"))
    if purpose.standing and request.kind is RequestKind.PURPOSE:
        raise InputError(f"purpose `{purpose.id}` needs no grant: it stands for its audience")
    if request.dataset is None:
        return
    if find_dataset(view.policy, request.dataset) is None:
        raise NotFound(f"the policy has no dataset `{request.dataset[:80]}`")
    if is_prohibited(view.policy, request.dataset, purpose.id):
        raise refuse(
            Refusal("prohibited", f"`{request.dataset}` may never be used for `{purpose.id}`")
        )


def _check_others(tables: RequestTables, request: Request) -> None:
    pending = [
        one for one in tables.requests(states=_PENDING) if one.requester == request.requester
    ]
    for one in pending:
        same = (one.kind, one.beneficiary, one.purpose, one.dataset)
        if same == (request.kind, request.beneficiary, request.purpose, request.dataset):
            raise Conflict(
                f"request `{one.id}` asks for the same and waits",
                hint=f"`ombud request amend {one.id}` changes it",
            )
    if len(pending) >= PENDING_MAX:
        raise Conflict(
            f"`{request.requester}` has {PENDING_MAX} requests waiting", hint="withdraw some"
        )
