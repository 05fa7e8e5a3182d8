"""Break-glass: acting now and answering afterwards, with a deadline and consequences.

Started, it is a grant for minutes and a request that the purpose's approvers must
decide on by the end of so many working days.  Refused, or not decided on in time, it
is revoked, what was exported under it is put into quarantine and an inquiry opened;
for the same case there is no second time.
"""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from ombud.access.model import BreakGlass, Purpose
from ombud.access.requests import TEXT_MAX, Refusal, RequestKind, RequestState
from ombud.access.requests_audience import folded, is_in
from ombud.access.requests_clock import MINUTE_MS, working_deadline
from ombud.access.requests_rules import find_purpose, purpose_approval
from ombud.core.errors import Conflict, Forbidden, InputError, NotFound, Unavailable
from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.services.notices import Notice, Notifier
from ombud.services.request_answers import tell_grant, tell_request
from ombud.services.request_desk import (
    Desk,
    View,
    check_case,
    control_event,
    new_id,
    person_of,
    refuse,
)
from ombud.services.request_wanted import BreakGlassWanted
from ombud.store.request_events import BREAK_GLASS_STARTED, GrantMade, Opened
from ombud.store.requests import RequestRow

Json = dict[str, Any]
UNDECIDED_MAX = 3  # Of one person at a time: a day of work in all, at eight hours each.
_UNDECIDED = frozenset({RequestState.OPEN, RequestState.CHANGES_REQUESTED})


class Credentials(Protocol):
    """Where people show that it is they."""

    def credential_check(self, secret: str, *, asker: Asker) -> str:
        """Return who set the secret; raise unless it is the asker's."""


class BreakGlasses:
    """The use case of an emergency; its decision is that of any request."""

    def __init__(self, *, desk: Desk, credentials: Credentials, notifier: Notifier) -> None:
        self._desk = desk
        self._credentials = credentials
        self._notifier = notifier

    def start(self, wanted: BreakGlassWanted, *, asker: Asker) -> Json:
        """Give the asker a grant at once; return it with the request that must be decided on.

        Raises what the check of the secret raises, before anything else is told.
        """
        asker.require("request")
        set_by = self._credentials.credential_check(wanted.secret, asker=asker)
        with self._desk.held() as view:
            purpose, terms = _terms(view, wanted)
            self._check_asker(view, purpose, wanted, asker)
            said = _opened(view, purpose, terms, wanted, asker)
            self._desk.record(_started(view, asker, said, set_by))
            row = self._desk.tables.request(said.request)
            grant = self._desk.tables.grant(said.made.id) if said.made else None
        if row is None or grant is None:
            raise Unavailable("the start is recorded and does not stand")
        self._notifier.notify(
            Notice(
                to=tuple(said.notify),
                subject=f"{said.requester} broke the glass of `{said.purpose}`: {said.code}",
                request=said.request,
                at=view.now,
            )
        )
        return {"request": tell_request(row), "grant": tell_grant(grant, view.now)}

    def _check_asker(
        self, view: View, purpose: Purpose, wanted: BreakGlassWanted, asker: Asker
    ) -> None:
        me = view.members[person_of(asker)]
        for audience in (purpose.requesters, purpose.audience):
            if audience is not None and not is_in(audience, me, view.members.holds):
                raise Forbidden(
                    f"`{me.actor}` may not act for `{purpose.id}`", origin="not_requester"
                )
        case = _folded(check_case(wanted.case))
        rows = self._desk.tables.requests(kinds=(RequestKind.BREAK_GLASS,))
        mine = [row for row in rows if me.is_same(view.members[row.beneficiary])]
        self._check_undecided(mine, me.actor)
        for row in mine:
            if row.purpose != purpose.id or _folded(row.case) != case:
                continue
            if row.state in _UNDECIDED:
                raise Conflict(
                    f"emergency `{row.id}` for this case has not been decided on",
                    origin="not_renewable",
                    hint="its approvers decide; another emergency has another case",
                )
            if row.state != RequestState.APPROVED:
                raise Forbidden(
                    f"emergency `{row.id}` for this case was refused", origin="not_renewable"
                )

    def _check_undecided(self, rows: list[RequestRow], actor: str) -> None:
        """Refuse another emergency while several wait: a case is easily made up."""
        waiting = [row.id for row in rows if row.state in _UNDECIDED]
        if len(waiting) >= UNDECIDED_MAX:
            raise Conflict(
                f"{UNDECIDED_MAX} emergencies of `{actor}` have not been decided on",
                origin="undecided",
                hint="their approvers decide on one of them first",
            )


def _folded(case: str | None) -> str:
    """Return what two ways of writing one case have in common: letters and digits."""
    return "".join(one for one in folded(case or "") if one.isalnum())


def _terms(view: View, wanted: BreakGlassWanted) -> tuple[Purpose, BreakGlass]:
    """Return the purpose and how its glass is broken; raises what is missing."""
    purpose = find_purpose(view.policy, wanted.purpose)
    if purpose is None:
        raise NotFound(f"the policy has no purpose `{wanted.purpose[:80]}`")
    if purpose.break_glass is None:
        raise Forbidden(f"purpose `{purpose.id}` has no glass to break", origin="no_break_glass")
    if purpose.until is not None and purpose.until <= view.now:
        raise refuse(Refusal("purpose_ended", f"purpose `{purpose.id}` is over"))
    terms = purpose.break_glass
    if wanted.code not in terms.reasons:
        raise InputError(
            f"`{wanted.code[:80]}` is no reason here", hint=f"one of {', '.join(terms.reasons)}"
        )
    text = wanted.text.strip()
    if not text or len(text) > TEXT_MAX:
        raise InputError(f"an emergency needs a reason of 1 to {TEXT_MAX} characters")
    if wanted.minutes is not None and not 1 <= wanted.minutes <= terms.minutes_max:
        raise InputError(f"`{wanted.minutes}` minutes do not lie in 1..{terms.minutes_max}")
    return purpose, terms


def _opened(
    view: View, purpose: Purpose, terms: BreakGlass, wanted: BreakGlassWanted, asker: Asker
) -> Opened:
    me = person_of(asker)
    request_id = new_id("request")
    ends = view.now + (wanted.minutes or terms.minutes_max) * MINUTE_MS
    return Opened(
        request=request_id,
        kind=RequestKind.BREAK_GLASS,
        requester=me,
        beneficiary=me,
        purpose=purpose.id,
        expires_at=working_deadline(
            view.now,
            terms.decide_working_days,
            zone=view.policy.zone,
            holidays=view.policy.holidays,
        ),
        text=wanted.text.strip(),
        code=wanted.code,
        case=check_case(wanted.case),
        notify=sorted({*terms.notify, *_named_approvers(view, purpose.id)}),
        made=GrantMade(
            id=new_id("grant"),
            kind="break_glass",
            actor_type="person",
            actor_id=asker.person,
            purpose=purpose.id,
            begins=view.now,
            ends=ends if purpose.until is None else min(ends, purpose.until),
            request=request_id,
        ),
    )


def _named_approvers(view: View, purpose_id: str) -> tuple[str, ...]:
    """Return the approvers that the policy names one by one: they have to decide."""
    return purpose_approval(view.policy, purpose_id).approvers.actors


def _started(view: View, asker: Asker, said: Opened, set_by: str) -> Event:
    # A secret that somebody else has set proves less: whoever decides must be told.
    return control_event(
        view,
        asker,
        BREAK_GLASS_STARTED,
        "grant",
        {**msgspec.to_builtins(said), "secret_set_by": set_by},
        request=said.request,
        purpose=said.purpose,
        grant=said.made.id if said.made else None,
        case=said.case,
        justification_text=said.text,
    )
