"""Requests: asked, shown, changed, decided on and withdrawn; each step an event first.

Who may do what is decided by `ombud.access.requests`; here it is looked up, recorded
and put in force.  An administrator is no approver: scopes open the door, the policy
says who decides.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ombud.access.requests import (
    PENDING,
    Refusal,
    Request,
    RequestKind,
    RequestState,
    Rules,
    Step,
    StepKind,
    check_duty,
    take_step,
)
from ombud.access.requests_audience import is_in
from ombud.access.requests_rules import owners_of, rules_of
from ombud.core.errors import InputError
from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.services.looks import Looks
from ombud.services.request_answers import tell_request, tell_whole
from ombud.services.request_desk import (
    Desk,
    View,
    check_case,
    control_event,
    is_duty,
    no_request,
    person_of,
    refuse,
    refused_event,
    to_request,
)
from ombud.services.request_effects import Effects, effects_of, inquiry_event, quarantine_events
from ombud.services.request_opening import open_request
from ombud.services.request_wanted import Carried, RequestWanted, StepWanted
from ombud.store.request_events import (
    BREAK_GLASS_DECIDED,
    REQUEST_AMENDED,
    REQUEST_CHANGES_ASKED,
    REQUEST_COMMENTED,
    REQUEST_EXPIRED,
    REQUEST_VIEWED,
    REQUEST_VOTED,
    REQUEST_WITHDRAWN,
    Stepped,
    Terms,
)
from ombud.store.requests import RequestRow, StepRow

Json = dict[str, Any]
JsonList = list[Json]
Events = list[Event]
StepRows = list[StepRow]
Indices = list[int]

LIST_MAX = 1_000  # Requests of one answer.
STEPS = {
    "approve": StepKind.APPROVED,
    "reject": StepKind.REJECTED,
    "changes": StepKind.CHANGES_ASKED,
    "amend": StepKind.AMENDED,
    "comment": StepKind.COMMENTED,
    "withdraw": StepKind.WITHDRAWN,
}
_OPERATIONS = {
    StepKind.VIEWED: (REQUEST_VIEWED, "read"),
    StepKind.COMMENTED: (REQUEST_COMMENTED, "other"),
    StepKind.CHANGES_ASKED: (REQUEST_CHANGES_ASKED, "other"),
    StepKind.AMENDED: (REQUEST_AMENDED, "other"),
    StepKind.APPROVED: (REQUEST_VOTED, "approve"),
    StepKind.REJECTED: (REQUEST_VOTED, "approve"),
    StepKind.WITHDRAWN: (REQUEST_WITHDRAWN, "other"),
    StepKind.EXPIRED: (REQUEST_EXPIRED, "other"),
}
_PERMITS = {StepKind.APPROVED: True, StepKind.REJECTED: False, StepKind.EXPIRED: False}
_PENDING = (RequestState.OPEN.value, RequestState.CHANGES_REQUESTED.value)


class Requests:
    """The use cases of access requests."""

    def __init__(self, *, desk: Desk, looks: Looks, exports: Callable[[str], Indices]) -> None:
        """Take what all about requests share; `exports` gives what was exported under a grant."""
        self._desk = desk
        self._looks = looks
        self._exports = exports

    def open(self, wanted: RequestWanted, *, asker: Asker, carried: Carried | None = None) -> Json:
        """Open a request and return it; a program may carry what it was denied."""
        if carried is None:
            asker.require("request")
        with self._desk.held() as view:
            request_id, event = open_request(self._desk.tables, view, wanted, asker, carried)
            self._desk.record(event)
            return self._tell(request_id, self._desk.view())

    def step(self, request_id: str, wanted: StepWanted, *, asker: Asker) -> Json:
        """Take a step of a request and return how it stands after it."""
        asker.require("request")
        if wanted.step not in STEPS:
            raise InputError(f"no step `{wanted.step}`", hint=f"one of {', '.join(STEPS)}")
        with self._desk.held() as view:
            row, steps = self._get(request_id)
            if not self._has_part(row, steps, view, asker):
                raise no_request(request_id)
            text = (wanted.text or "").strip() or None
            step = Step(STEPS[wanted.step], person_of(asker), view.now, text, wanted.days)
            case = check_case(wanted.case)
            self._take(row, steps, step, view, asker, case=case)
            return self._tell(row.id, self._desk.view())

    def show(
        self, request_id: str, *, asker: Asker, why: str | None = None, case: str | None = None
    ) -> Json:
        """Return a request with its steps; that who decides has opened it is one of them."""
        if not _sees_all(asker):
            asker.require("request")
        with self._desk.held() as view:
            row, steps = self._get(request_id)
            if "request" in asker.scopes and self._has_part(row, steps, view, asker):
                self._note_view(row, steps, view, asker)
            elif _sees_all(asker):
                self._looks.record_look("request", asker, why=why, case=case, request=row.id)
            else:
                raise no_request(request_id)
            return self._tell(row.id, self._desk.view(), asker)

    def list(
        self,
        *,
        asker: Asker,
        for_me: bool = False,
        states: Sequence[str] = (),
        everything: bool = False,
        why: str | None = None,
        case: str | None = None,
    ) -> JsonList:
        """Return requests that the asker has a part in, the oldest first.

        `for_me`: only those that wait for the asker, each with `awaits`: `decision`,
        `changes` or `notice`.  `everything`: those of all, which is a look.
        """
        if everything:
            asker.require("search")
            self._looks.record_look("requests", asker, why=why, case=case)
            if not _sees_all(asker):
                raise InputError("a token limited to units or systems sees its own requests")
        else:
            asker.require("request")
        for state in states:
            if state not in set(RequestState):
                raise InputError(
                    f"no state `{state}`", hint=f"one of {', '.join(sorted(RequestState))}"
                )
        with self._desk.held() as view:
            rows = self._desk.tables.requests(states=_PENDING if for_me else states)
            steps = self._desk.tables.steps(row.id for row in rows)
            told: JsonList = []
            for row in rows:
                awaits = self._awaits(row, steps[row.id], view, asker)
                if (
                    everything
                    or awaits
                    or (not for_me and self._has_part(row, steps[row.id], view, asker))
                ):
                    told.append({**tell_request(row), "awaits": awaits})
            return told[-LIST_MAX:]

    def cancel(self, request_id: str, comment: str | None, *, asker: Asker) -> None:
        """Withdraw a request that a program carried, on its requester's behalf."""
        with self._desk.held() as view:
            row, steps = self._get(request_id)
            text = (comment or "").strip() or None
            step = Step(StepKind.WITHDRAWN, row.requester, view.now, text)
            self._take(row, steps, step, view, asker)

    def expire(self, request_id: str) -> bool:
        """Let the clock end a request that is due; an emergency is refused by it."""
        with self._desk.held() as view:
            row, steps = self._get(request_id)
            step = Step(StepKind.EXPIRED, "service:ombud", view.now)
            if row.state not in _PENDING or view.now < row.expires_at:
                return False
            self._take(row, steps, step, view, None)
            return True

    def _get(self, request_id: str) -> tuple[RequestRow, StepRows]:
        row = self._desk.tables.named_request(request_id)
        if row is None:
            raise no_request(request_id)
        return row, self._desk.tables.steps([row.id])[row.id]

    def rules(self, row: RequestRow, view: View) -> Rules:
        """Return the rules of a request by the policy of now."""
        return rules_of(view.policy, RequestKind(row.kind), row.purpose, row.dataset)

    def _take(
        self,
        row: RequestRow,
        steps: Sequence[StepRow],
        step: Step,
        view: View,
        asker: Asker | None,
        *,
        case: str | None = None,
    ) -> None:
        """Record a step with all that follows from it, or why it was refused."""
        request, rules = to_request(row, steps), self.rules(row, view)
        taken = take_step(request, step, rules, view.members, view.members.holds)
        if isinstance(taken, Refusal):
            if asker is not None and is_duty(taken):
                self._desk.record(refused_event(view, asker, row, step.kind.value, taken))
            raise refuse(taken)
        effects = effects_of(row, taken.state, view, self._desk.tables, voter=step.actor)
        if isinstance(effects, Refusal):
            raise refuse(effects)
        said = Stepped(
            request=row.id,
            step=step.kind,
            state=taken.state,
            text=step.text,
            details=self._details(request, step, view),
            terms=_terms(row, step, case),
            grant=effects.grant,
            renewed=effects.renewed,
            attachment=effects.attachment,
            revoked=effects.revoked,
        )
        event = _step_event(view, asker, row, said, effects)
        self._desk.record(event, *self._consequences(view, asker, row, taken.state, step))

    def _details(self, request: Request, step: Step, view: View) -> Json:
        """Return what a vote is later measured by, as it was then."""
        if step.kind not in {StepKind.APPROVED, StepKind.REJECTED}:
            return {}
        voter, other = view.members[step.actor], view.members[request.beneficiary]
        return {"same_unit": voter.unit is not None and voter.unit == other.unit}

    def _consequences(
        self, view: View, asker: Asker | None, row: RequestRow, state: RequestState, step: Step
    ) -> Events:
        """Return what follows from refusing an emergency."""
        is_emergency = row.kind == RequestKind.BREAK_GLASS
        if not is_emergency or state not in {RequestState.REJECTED, RequestState.EXPIRED}:
            return []
        grant = self._desk.tables.grant(row.grant or "")
        exports = self._exports(grant.id) if grant is not None else []
        why = step.text or "not decided on in time, and so refused"
        events = [inquiry_event(view, asker, row, why)]
        return (
            events
            if grant is None
            else [
                *quarantine_events(view, asker, grant, exports),
                *events,
            ]
        )

    def _note_view(
        self, row: RequestRow, steps: Sequence[StepRow], view: View, asker: Asker
    ) -> None:
        """Record that somebody who may decide has opened the request as it is now."""
        request, rules = to_request(row, steps), self.rules(row, view)
        step = Step(StepKind.VIEWED, person_of(asker), view.now)
        if row.state not in _PENDING or check_duty(
            request, step, rules, view.members, view.members.holds
        ):
            return
        since = row.amended_at or row.opened_at
        if not any(
            one.kind == StepKind.VIEWED and one.actor == step.actor and one.at >= since
            for one in steps
        ):
            self._take(row, steps, step, view, asker)

    def _awaits(
        self, row: RequestRow, steps: Sequence[StepRow], view: View, asker: Asker
    ) -> str | None:
        if row.state not in _PENDING:
            return None
        me = person_of(asker)
        if row.state == RequestState.CHANGES_REQUESTED:
            is_mine = view.members[me].is_same(view.members[row.requester])
            return "changes" if is_mine else None
        request, rules = to_request(row, steps), self.rules(row, view)
        vote = Step(StepKind.APPROVED, me, view.now)
        taken = take_step(request, vote, rules, view.members, view.members.holds)
        if not isinstance(taken, Refusal):
            return "decision"
        return "notice" if me in row.notify else None

    def _has_part(
        self, row: RequestRow, steps: Sequence[StepRow], view: View, asker: Asker
    ) -> bool:
        me = view.members[person_of(asker)]
        named = {row.requester, row.beneficiary, *row.notify, *(one.actor for one in steps)}
        if any(me.is_same(view.members[actor]) for actor in named):
            return True
        rules = self.rules(row, view)
        owners = owners_of(view.policy, row.purpose)
        return any(is_in(one, me, view.members.holds) for one in (rules.approvers, owners))

    def _tell(self, request_id: str, view: View, asker: Asker | None = None) -> Json:
        row, steps = self._get(request_id)
        told = tell_whole(row, steps, to_request(row, steps), self.rules(row, view))
        if asker is not None:
            told["awaits"] = self._awaits(row, steps, view, asker)
        return told


def _step_event(
    view: View, asker: Asker | None, row: RequestRow, said: Stepped, effects: Effects
) -> Event:
    operation, action = _OPERATIONS[said.step]
    if row.kind == RequestKind.BREAK_GLASS and said.state not in PENDING:
        operation = BREAK_GLASS_DECIDED
    fields: dict[str, Any] = {"justification_text": said.text}
    if effects.made is not None:
        fields["grant"] = effects.made
    if said.step in _PERMITS:
        fields["decision_permit"] = _PERMITS[said.step]
    return control_event(view, asker, operation, action, said, row=row, **fields)


def _terms(row: RequestRow, step: Step, case: str | None) -> Terms | None:
    """Return what an amended request asks for: what is not stated stays."""
    if step.kind is not StepKind.AMENDED:
        return None
    days = row.days if step.days is None else step.days
    return Terms(text=step.text or row.text, days=days, case=case or row.case)


def _sees_all(asker: Asker) -> bool:
    return "search" in asker.scopes and not asker.is_restricted
