"""Grants: shown, revoked, delegated and recertified; each change an event, in force at once."""

from __future__ import annotations

from typing import Any

from ombud.access.requests import (
    TEXT_MAX,
    Request,
    RequestKind,
    RequestState,
    Step,
    StepKind,
    check_days,
    check_duty,
)
from ombud.access.requests_audience import Member, is_in
from ombud.access.requests_clock import DAY_MS
from ombud.access.requests_rules import find_purpose, owners_of, rules_of
from ombud.core.errors import Conflict, Forbidden, InputError, NotFound
from ombud.services.asker import Asker
from ombud.services.looks import Looks
from ombud.services.request_answers import tell_attachment, tell_grant
from ombud.services.request_desk import (
    Desk,
    View,
    check_actor,
    control_event,
    new_id,
    no_grant,
    person_of,
    refuse,
)
from ombud.services.request_effects import approved_by
from ombud.services.request_wanted import GrantStepWanted
from ombud.store.grant_uses import GrantUses
from ombud.store.request_events import (
    ATTACHMENT_REVOKED,
    GRANT_DELEGATED,
    GRANT_RECERTIFIED,
    GRANT_REVOKED,
    AttachmentRevoked,
    Delegated,
    GrantMade,
    Recertified,
    Revoked,
)
from ombud.store.requests import AttachmentRow, GrantRow

Json = dict[str, Any]
JsonList = list[Json]

DELEGATIONS_MAX = 20  # Of one grant at a time: more is a team, which asks for itself.
LIST_MAX = 5_000  # Grants of one answer.


class Grants:
    """The use cases of grants and attachments."""

    def __init__(self, *, desk: Desk, looks: Looks, uses: GrantUses) -> None:
        self._desk = desk
        self._looks = looks
        self._uses = uses

    def list(
        self,
        *,
        asker: Asker,
        actor: str | None = None,
        everything: bool = False,
        why: str | None = None,
        case: str | None = None,
    ) -> JsonList:
        """Return the grants that hold and that the asker has a part in.

        `everything`: those of all, over ones too, which is a look; `actor`: of one only.
        """
        asker.require("search" if everything else "request")
        if everything:
            _check_unlimited(asker)
            self._looks.record_look("grants", asker, why=why, case=case)
        with self._desk.held() as view:
            rows = self._desk.tables.find_grants(over_after=None if everything else view.now)
            return [
                tell_grant(row, view.now)
                for row in rows
                if (actor is None or row.actor == actor)
                and (everything or self._answers_for(row, view, asker))
            ][-LIST_MAX:]

    def show(
        self, grant_id: str, *, asker: Asker, why: str | None = None, case: str | None = None
    ) -> Json:
        """Return a grant, what hangs on it, and what was done under it: counts and the query."""
        with self._desk.held() as view:
            row = self._visible(grant_id, view, asker)
            delegated = self._desk.tables.delegated(row.id)
            quarantined = self._desk.tables.quarantined(row.id)
            is_party = self._answers_for(row, view, asker)
        if is_party:
            self._looks.catch_up()
        else:
            self._looks.record_look("grant", asker, why=why, case=case, grant=row.id)
        return {
            **tell_grant(row, view.now),
            **_terms_of(row, view),
            "delegated": [tell_grant(one, view.now) for one in delegated],
            "quarantined_exports": quarantined,
            "query": f"grant:{row.id}",
            "uses": self._uses.counts(row.id),
        }

    def step(self, grant_id: str, wanted: GrantStepWanted, *, asker: Asker) -> Json:
        """Revoke, delegate or recertify a grant, and return how it stands after it."""
        text = wanted.text.strip()
        if not text or len(text) > TEXT_MAX:
            raise InputError(f"this needs a reason of 1 to {TEXT_MAX} characters")
        steps = {
            "revoke": self._revoke,
            "delegate": self._delegate,
            "recertify": self._recertify,
        }
        if wanted.step not in steps:
            raise InputError(f"no step `{wanted.step}`", hint=f"one of {', '.join(steps)}")
        with self._desk.held() as view:
            row = self._visible(grant_id, view, asker)
            if row.revoked_at is not None:
                raise Conflict(f"grant `{row.id}` was revoked", origin="grant_over")
            return steps[wanted.step](row, view, asker, wanted, text)

    def _revoke(
        self, row: GrantRow, view: View, asker: Asker, wanted: GrantStepWanted, text: str
    ) -> Json:
        """Revoke a grant and those delegated from it."""
        del wanted
        if "admin" not in asker.scopes and not self._answers_for(row, view, asker):
            raise Forbidden(f"`{person_of(asker)}` may not revoke this grant", origin="not_party")
        said = Revoked(grants=with_delegated(self._desk, row), reason=text)
        event = control_event(
            view, asker, GRANT_REVOKED, "revoke", said, about=row, justification_text=text
        )
        self._desk.record(event)
        return self._told(row.id)

    def _delegate(
        self, row: GrantRow, view: View, asker: Asker, wanted: GrantStepWanted, text: str
    ) -> Json:
        """Give a grant on to somebody, for as long as it lasts at most."""
        asker.require("request")
        holder = view.members[person_of(asker)]
        if not holder.is_same(view.members[row.actor]):
            raise Forbidden("only who holds a grant delegates it", origin="not_holder")
        if row.kind != "requested":
            raise Forbidden(f"a grant of kind `{row.kind}` is not given on", origin="depth")
        if not row.holds(view.now):
            raise Conflict(f"grant `{row.id}` holds no more", origin="grant_over")
        if wanted.actor is None:
            raise InputError("say to whom", hint="add the actor, such as person:ben")
        actor = check_actor(wanted.actor)
        self._check_delegatee(row, view, view.members[actor])
        self._check_approvers(row, view, view.members[actor])
        if refusal := check_days(wanted.days, None):
            raise refuse(refusal)
        ends = row.ends if wanted.days is None else view.now + wanted.days * DAY_MS
        actor_type, _, actor_id = actor.partition(":")
        made = GrantMade(
            id=new_id("grant"),
            kind="delegated",
            actor_type=actor_type,
            actor_id=actor_id,
            purpose=row.purpose,
            begins=view.now,
            ends=min(ends, row.ends),
            request=row.request,
            parent=row.id,
        )
        event = control_event(
            view,
            asker,
            GRANT_DELEGATED,
            "grant",
            Delegated(made=made, reason=text),
            about=row,
            justification_text=text,
        )
        self._desk.record(event)
        return self._told(made.id)

    def _check_delegatee(self, row: GrantRow, view: View, delegatee: Member) -> None:
        """Refuse to give a grant on to somebody who could not have asked for it."""
        if delegatee.is_same(view.members[row.actor]):
            raise InputError("a grant is given on to somebody else", origin="beneficiary")
        purpose = find_purpose(view.policy, row.purpose)
        if purpose is None:
            raise Conflict(f"purpose `{row.purpose}` is no more", origin="purpose_ended")
        for audience in (purpose.requesters, purpose.audience):
            if audience is not None and not is_in(audience, delegatee, view.members.holds):
                raise Forbidden(
                    f"`{delegatee.actor}` may not act for `{row.purpose}`", origin="not_requester"
                )
        live = [one for one in self._desk.tables.delegated(row.id) if one.holds(view.now)]
        if len(live) >= DELEGATIONS_MAX:
            raise Conflict(f"grant `{row.id}` is given on {DELEGATIONS_MAX} times")
        if any(delegatee.is_same(view.members[one.actor]) for one in live):
            raise Conflict(f"`{delegatee.actor}` has it already")

    def _check_approvers(self, row: GrantRow, view: View, delegatee: Member) -> None:
        """Refuse to give a grant on to who approved it: nobody decides on their own access."""
        if any(delegatee.is_same(view.members[one]) for one in approved_by(self._desk.tables, row)):
            raise Forbidden(
                f"`{delegatee.actor}` approved this grant: nobody decides on their own access",
                origin="reviewer",
            )

    def _recertify(
        self, row: GrantRow, view: View, asker: Asker, wanted: GrantStepWanted, text: str
    ) -> Json:
        """Say that a grant is still needed: by who decides, and did not approve it before."""
        del wanted
        asker.require("request")
        if row.kind != "requested" or not row.holds(view.now):
            raise Conflict("only a grant that was asked for, and holds, is recertified")
        earlier = approved_by(self._desk.tables, row)
        asked = self._desk.tables.request(row.request or "")
        matter = Request(
            id=row.id,
            kind=RequestKind.RENEWAL,
            state=RequestState.OPEN,
            requester=asked.requester if asked else row.actor,
            beneficiary=row.actor,
            purpose=row.purpose,
            opened_at=row.created_at,
            terms_at=row.created_at,
            expires_at=row.ends,
        )
        rules = rules_of(view.policy, RequestKind.RENEWAL, row.purpose, earlier=earlier)
        step = Step(StepKind.APPROVED, person_of(asker), view.now)
        refusal = check_duty(matter, step, rules, view.members, view.members.holds)
        if refusal is not None:
            raise refuse(refusal)
        said = Recertified(grants=[row.id], reason=text)
        event = control_event(
            view, asker, GRANT_RECERTIFIED, "approve", said, about=row, justification_text=text
        )
        self._desk.record(event)
        return self._told(row.id)

    def attachments(self, *, asker: Asker) -> JsonList:
        """Return every attachment; who uses what for which purpose is nobody's secret here."""
        asker.require("request")
        with self._desk.held() as view:
            return [tell_attachment(row, view.now) for row in self._desk.tables.find_attachments()]

    def revoke_attachment(self, attachment_id: str, reason: str, *, asker: Asker) -> Json:
        """Take a dataset away from a purpose: by its owners, the purpose's, or an administrator."""
        reason = reason.strip()
        if not reason or len(reason) > TEXT_MAX:
            raise InputError(f"this needs a reason of 1 to {TEXT_MAX} characters")
        with self._desk.held() as view:
            row = self._desk.tables.attachment(attachment_id)
            if row is None:
                raise NotFound(f"no attachment `{attachment_id[:80]}`")
            if row.revoked_at is not None:
                raise Conflict(f"attachment `{row.id}` was revoked")
            if "admin" not in asker.scopes and not _owns_attachment(row, view, asker):
                raise Forbidden(f"`{person_of(asker)}` may not revoke this", origin="not_party")
            event = control_event(
                view,
                asker,
                ATTACHMENT_REVOKED,
                "revoke",
                AttachmentRevoked(attachment=row.id, reason=reason),
                purpose=row.purpose,
                request=row.request,
                resource_dataset=row.dataset,
                justification_text=reason,
            )
            self._desk.record(event)
            after = self._desk.tables.attachment(row.id) or row
            return tell_attachment(after, self._desk.view().now)

    def _told(self, grant_id: str) -> Json:
        row = self._desk.tables.grant(grant_id)
        if row is None:
            raise no_grant(grant_id)
        return tell_grant(row, self._desk.view().now)

    def _visible(self, grant_id: str, view: View, asker: Asker) -> GrantRow:
        row = self._desk.tables.named_grant(grant_id)
        sees_all = not asker.is_restricted and not {"search", "admin"}.isdisjoint(asker.scopes)
        is_party = "request" in asker.scopes and row and self._answers_for(row, view, asker)
        if row is None or not (sees_all or is_party):
            raise no_grant(grant_id)
        return row

    def _answers_for(self, row: GrantRow, view: View, asker: Asker) -> bool:
        """Whether it is the asker's, was given on or asked for by them, or is theirs to decide."""
        if "request" not in asker.scopes:
            return False
        me = view.members[person_of(asker)]
        parent = self._desk.tables.grant(row.parent) if row.parent else None
        asked = self._desk.tables.request(row.request) if row.request else None
        named = {row.actor}
        named |= {parent.actor} if parent else set()
        named |= {asked.requester} if asked else set()
        if any(me.is_same(view.members[actor]) for actor in named):
            return True
        rules = rules_of(view.policy, RequestKind.PURPOSE, row.purpose)
        audiences = (rules.approvers, owners_of(view.policy, row.purpose))
        return any(is_in(one, me, view.members.holds) for one in audiences)


def with_delegated(desk: Desk, row: GrantRow) -> list[str]:
    """Return a grant and those delegated from it, as far as they are not revoked."""
    below = [one.id for one in desk.tables.delegated(row.id) if one.revoked_at is None]
    return [row.id, *below]


def recertify_by(row: GrantRow, days: int | None) -> int | None:
    """Return by when a grant must be recertified, None if it need not be."""
    if not days or row.kind != "requested":
        return None
    return (row.recertified_at or row.created_at) + days * DAY_MS


def _terms_of(row: GrantRow, view: View) -> Json:
    purpose = find_purpose(view.policy, row.purpose)
    if purpose is None:
        return {"recertify_by": None, "unused_days": None}
    return {
        "recertify_by": recertify_by(row, purpose.recertify_days),
        "unused_days": purpose.unused_days,
    }


def _owns_attachment(row: AttachmentRow, view: View, asker: Asker) -> bool:
    if "request" not in asker.scopes:
        return False
    me = view.members[person_of(asker)]
    rules = rules_of(view.policy, RequestKind.DATASET, row.purpose, row.dataset)
    audiences = (rules.approvers, owners_of(view.policy, row.purpose))
    return any(is_in(one, me, view.members.holds) for one in audiences)


def _check_unlimited(asker: Asker) -> None:
    if asker.is_restricted:
        raise Forbidden("a token limited to units or systems sees its own grants")
