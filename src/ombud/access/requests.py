"""Requests: the states of an access request, and who may take which step; pure.

A request is the fold of its steps.  `take_step` says what a step leads to, or why
it is refused; nothing is allowed that no rule allows.  Who belongs to an audience
is asked as of the moment of the step, and what was counted then stays counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

import msgspec

from ombud.access.model import Audience
from ombud.access.requests_audience import Holds, Member, is_in, is_named, stranger

TEXT_MAX = 4_000  # Characters of a reason or comment.
STEPS_MAX = 200  # Of one request: bounds what is read to decide on it.
DAYS_MAX = 366  # Longest grant where the purpose does not say; nothing lasts for ever.


class RequestKind(StrEnum):
    """What is asked for."""

    PURPOSE = "purpose"  # A grant for a purpose; its approvers decide.
    DATASET = "dataset"  # That a dataset be attached to a purpose; the data owners decide.
    RENEWAL = "renewal"  # A later end of a grant; the purpose's approvers decide.
    BREAK_GLASS = "break_glass"  # That what was done in an emergency was right.


class RequestState(StrEnum):
    """How a request stands."""

    OPEN = "open"
    CHANGES_REQUESTED = "changes_requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class StepKind(StrEnum):
    """What was done with a request."""

    OPENED = "opened"
    VIEWED = "viewed"
    COMMENTED = "commented"
    CHANGES_ASKED = "changes_asked"
    AMENDED = "amended"
    APPROVED = "approved"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


PENDING = frozenset({RequestState.OPEN, RequestState.CHANGES_REQUESTED})
_VOTES = frozenset({StepKind.APPROVED, StepKind.REJECTED})
_BY_APPROVERS = _VOTES | {StepKind.CHANGES_ASKED}
_COUNTED = frozenset({StepKind.COMMENTED, StepKind.CHANGES_ASKED, StepKind.AMENDED})
_CHANGES = frozenset({StepKind.CHANGES_ASKED, StepKind.AMENDED, StepKind.WITHDRAWN})
_LEADS_TO = {
    StepKind.REJECTED: RequestState.REJECTED,
    StepKind.CHANGES_ASKED: RequestState.CHANGES_REQUESTED,
    StepKind.AMENDED: RequestState.OPEN,
    StepKind.WITHDRAWN: RequestState.WITHDRAWN,
    StepKind.EXPIRED: RequestState.EXPIRED,
}
_NEED_TEXT = {
    StepKind.COMMENTED: "a comment",
    StepKind.CHANGES_ASKED: "asking for changes",
    StepKind.REJECTED: "a rejection",
}


class Step(msgspec.Struct, frozen=True):
    """One step; `actor` is `type:id`, `at` in milliseconds since the epoch."""

    kind: StepKind
    actor: str
    at: int
    text: str | None = None
    days: int | None = None  # Of an amendment.


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """A request as it stands; `terms_at` is since when it asks for what it asks for now."""

    id: str
    kind: RequestKind
    state: RequestState
    requester: str
    beneficiary: str
    purpose: str
    opened_at: int
    terms_at: int
    expires_at: int
    text: str = ""
    dataset: str | None = None
    grant: str | None = None
    days: int | None = None
    steps: tuple[Step, ...] = ()


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    """Who decides, as the policy says at the moment of a step.

    `requesters` None: anybody may ask.  `earlier`: who decided before on the same
    matter, and so may not review it.
    """

    approvers: Audience
    quorum: int = 1
    barred: Audience = Audience()
    requesters: Audience | None = None
    days_max: int | None = None
    earlier: frozenset[str] = frozenset()


class Refusal(msgspec.Struct, frozen=True):
    """Why a step is not taken: `code` is stable, `text` for the person."""

    code: str
    text: str


class Taken(msgspec.Struct, frozen=True):
    """What a step leads to: the state after it, and how many approvals stand."""

    state: RequestState
    approvals: int
    step: Step


def _no(code: str, text: str) -> Refusal:
    return Refusal(code, text)


def approvers_of(request: Request) -> tuple[str, ...]:
    """Return who approved the terms as they are now: an amendment makes all votes void."""
    found: list[str] = []
    for step in request.steps:
        if step.kind is StepKind.AMENDED:
            found.clear()
        elif step.kind is StepKind.APPROVED:
            found.append(step.actor)
    return tuple(found)


def check_days(days: int | None, days_max: int | None) -> Refusal | None:
    """Refuse a duration that is no duration, or longer than the purpose allows."""
    longest = min(DAYS_MAX, days_max or DAYS_MAX)
    if days is not None and not 1 <= days <= longest:
        return _no("days", f"`{days}` days do not lie in 1..{longest}")
    return None


def check_opening(
    request: Request, rules: Rules, requester: Member, holds: Holds
) -> Refusal | None:
    """Refuse a request that may not be made; one that nobody could decide on is none."""
    if not request.text.strip():
        return _no("text_missing", "a request needs a reason")
    if len(request.text) > TEXT_MAX:
        return _no("text_too_long", f"the reason is longer than {TEXT_MAX} characters")
    if rules.requesters is not None and not is_in(rules.requesters, requester, holds):
        return _no("not_requester", f"`{requester.actor}` may not ask for `{request.purpose}`")
    if not is_named(rules.approvers) and rules.approvers.when is None:
        return _no("no_approvers", "the policy names nobody who could decide on this")
    return check_days(request.days, rules.days_max)


def take_step(
    request: Request, step: Step, rules: Rules, who: Mapping[str, Member], holds: Holds
) -> Taken | Refusal:
    """Return what a step leads to, or why it may not be taken.

    `who` says who everybody in the request is, and who takes the step.
    """
    refusal = _check_state(request, step) or _check_text(step)
    if refusal is None:
        if step.kind in _BY_APPROVERS:
            refusal = check_duty(request, step, rules, who, holds)
        else:
            refusal = _check_party(request, step, rules, who, holds)
    if refusal is not None:
        return refusal
    approvals = len(approvers_of(request)) + (step.kind is StepKind.APPROVED)
    if step.kind is StepKind.AMENDED:
        approvals = 0  # They were for other terms.
    return Taken(_state_after(request, step, approvals, max(1, rules.quorum)), approvals, step)


def _state_after(request: Request, step: Step, approvals: int, quorum: int) -> RequestState:
    if step.kind is StepKind.APPROVED:
        return RequestState.APPROVED if approvals >= quorum else RequestState.OPEN
    return _LEADS_TO.get(step.kind, request.state)


def _first(reasons: Iterable[tuple[bool, str, str]]) -> Refusal | None:
    """Return the first reason that is so, as a refusal."""
    return next((_no(code, text) for is_so, code, text in reasons if is_so), None)


def _check_state(request: Request, step: Step) -> Refusal | None:
    if step.kind is StepKind.VIEWED:
        return None  # To look at what was decided is to review it.
    named = f"request `{request.id}`"
    kind, is_due = step.kind, step.at >= request.expires_at
    is_emergency = request.kind is RequestKind.BREAK_GLASS
    is_full = len(request.steps) >= STEPS_MAX and kind in _COUNTED
    waits = request.state is RequestState.CHANGES_REQUESTED
    return _first(
        (
            (kind is StepKind.OPENED, "opened_before", f"{named} has been opened"),
            (request.state not in PENDING, "closed", f"{named} is {request.state.value}"),
            (kind is StepKind.EXPIRED and not is_due, "not_due", f"{named} has not expired"),
            (kind is not StepKind.EXPIRED and is_due, "expired", f"{named} has expired"),
            (is_emergency and kind in _CHANGES, "emergency", "what was done stays as it was done"),
            (kind in _VOTES and waits, "changes_requested", f"{named} waits for its changes"),
            (is_full, "steps_max", f"{named} has {STEPS_MAX} steps"),
        )
    )


def _check_text(step: Step) -> Refusal | None:
    if step.kind in _NEED_TEXT and not (step.text or "").strip():
        return _no("text_missing", f"{_NEED_TEXT[step.kind]} needs a reason")
    if len(step.text or "") > TEXT_MAX:
        return _no("text_too_long", f"the text is longer than {TEXT_MAX} characters")
    return None


def _known(who: Mapping[str, Member], actor: str) -> Member:
    return who.get(actor) or stranger(actor)


def check_duty(
    request: Request, step: Step, rules: Rules, who: Mapping[str, Member], holds: Holds
) -> Refusal | None:
    """Refuse whoever may not decide on a request: separation of duty, and who is asked at all."""
    voter = _known(who, step.actor)

    def is_any(actors: Iterable[str]) -> bool:
        return any(voter.is_same(_known(who, actor)) for actor in actors)

    amended = [one.actor for one in request.steps if one.kind is StepKind.AMENDED]
    # Whoever carried a request for its requester has asked for it, too.
    asked = {one.actor for one in request.steps if one.kind is StepKind.OPENED}
    has_voted = step.kind in _VOTES and is_any(approvers_of(request))
    # What cannot be said is a bar: half-truths decide nothing.
    is_barred = is_in(rules.barred, voter, holds) is not False
    if is_any(rules.barred.actors) or not (voter.is_known or _is_class_free(rules.barred)):
        is_barred = is_barred or _may_hold(rules.barred, voter, holds)
    is_asked = is_in(rules.approvers, voter, holds) is True
    name = f"`{voter.actor}`"
    return _first(
        (
            (
                is_any({request.requester, *asked}),
                "requester",
                "nobody decides on their own request",
            ),
            (is_any({request.beneficiary}), "beneficiary", "nobody decides on their own access"),
            (is_any(amended), "amended", "whoever changed a request does not decide on it"),
            (is_any(rules.earlier), "reviewer", "whoever approved before does not review it"),
            (is_barred, "barred", f"{name} is barred from deciding on this"),
            (not is_asked, "not_approver", f"{name} is not asked to decide on this"),
            (has_voted, "voted", f"{name} has voted on this"),
        )
    )


def _is_class_free(audience: Audience) -> bool:
    """Whether nobody's unit or role matters for belonging to an audience."""
    return not (audience.units or audience.roles)


def _may_hold(audience: Audience, member: Member, holds: Holds) -> bool:
    """Whether the condition of an audience may be so for somebody."""
    return audience.when is None or holds(audience.when, member) is not False


def _check_party(
    request: Request, step: Step, rules: Rules, who: Mapping[str, Member], holds: Holds
) -> Refusal | None:
    """Refuse steps of whoever has nothing to do with the request."""
    if step.kind is StepKind.EXPIRED:
        return None  # It is the clock's.
    actor = _known(who, step.actor)
    asks = actor.is_same(_known(who, request.requester))
    is_for = actor.is_same(_known(who, request.beneficiary))
    decides = bool(is_in(rules.approvers, actor, holds))
    if step.kind is StepKind.WITHDRAWN and not (asks or is_for):
        return _no("not_requester", "only who asked, or for whom, withdraws a request")
    if step.kind is StepKind.AMENDED:
        return _check_amending(request, step, rules, asks=asks, decides=decides)
    if step.kind is StepKind.COMMENTED and not (asks or is_for or decides):
        return _no("not_party", f"`{step.actor}` has no part in request `{request.id}`")
    return None


def _check_amending(
    request: Request, step: Step, rules: Rules, *, asks: bool, decides: bool
) -> Refusal | None:
    if asks:
        return check_days(step.days, rules.days_max)
    if not decides:
        return _no("not_requester", "only who asked changes a request; who decides may shorten it")
    longest = request.days or min(DAYS_MAX, rules.days_max or DAYS_MAX)
    if step.text is not None or step.days is None or not 1 <= step.days < longest:
        return _no("not_narrower", "who decides may shorten a request and change nothing else")
    return None
