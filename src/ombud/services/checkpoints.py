"""Checkpoints: stops at which somebody justifies an act, on record before it counts.

Nobody completes one for somebody else.  A person acts by their own token, as
themself or by an account that the directory says is theirs; a program that asks for
decisions delivers the answer of the actor of its own attempt, which no other actor
can use; whoever administers the home does neither.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable
from typing import Any

from ombud.access.attempt import Fulfilment
from ombud.access.checkpoint import (
    all_checkpoints,
    asked_of,
    faults_of,
    find_checkpoint,
    wording_of,
)
from ombud.access.justification_copies import Given
from ombud.access.justification_text import Quality
from ombud.access.model import Checkpoint, CheckpointKind, Policy
from ombud.core.clock import Clock
from ombud.core.errors import Forbidden, InputError, NotFound
from ombud.services import checkpoint_events as said
from ombud.services.asker import Asker
from ombud.services.checkpoint_second import refusal
from ombud.services.checkpoint_uses import CheckpointUses
from ombud.services.checkpoint_wanted import CheckpointWanted
from ombud.services.credentials import Credentials
from ombud.services.justifications import Checked, Justifications, Who
from ombud.services.own_events import look_event
from ombud.services.record_port import Appender, record_events
from ombud.store.checkpoint import FulfilmentRow
from ombud.store.checkpoint_events import AWAITED, DECLINED, MET
from ombud.store.control import ControlStore

Json = dict[str, Any]
MINUTE_MS = 60_000
ONCE_MINUTES = 15  # How long a justification for one act waits for the act.
AWAITED_MINUTES = 24 * 60  # How long one waits for a second person.
PEOPLE = ("person", "user")  # Types of actors that are people: ours, and that of AuthZEN's clients.


class Checkpoints:
    """The use cases of checkpoints."""

    def __init__(
        self,
        *,
        appender: Appender,
        control: ControlStore,
        project: Callable[[], None],
        policy: Callable[[], Policy],
        version: Callable[[], str],
        justifications: Justifications,
        credentials: Credentials,
        uses: CheckpointUses,
        clock: Clock,
    ) -> None:
        """`project` brings the control tables up to the last durable event."""
        self._appender = appender
        self._control = control
        self._tables = control.checkpoints
        self._project = project
        self._policy = policy
        self._version = version
        self._justifications = justifications
        self._credentials = credentials
        self._uses = uses
        self._clock = clock
        self._confirming = threading.Lock()
        self._wordings: tuple[str, dict[tuple[str, str], str | None]] = ("", {})

    def listed(self, *, asker: Asker) -> Json:
        """Return every checkpoint of the policy in force."""
        _require_any(asker, "request", "decide", "search", "admin")
        version, counts = self._version(), self._tables.counts()
        return {
            "policy_version": version,
            "checkpoints": [
                {
                    **asked_of(one, policy_version=version),
                    "purpose": purpose,
                    "met": counts.get(one.name, 0),
                }
                for purpose, one in all_checkpoints(self._policy())
            ],
        }

    def show(self, name: str, *, purpose: str | None, asker: Asker) -> Json:
        """Return what a checkpoint asks now, in its exact words."""
        _require_any(asker, "request", "decide", "search", "admin")
        return asked_of(self._get(name, purpose), policy_version=self._version())

    def _get(self, name: str, purpose: str | None) -> Checkpoint:
        found = find_checkpoint(self._policy(), name, purpose)
        if found is None:
            raise NotFound(f"no checkpoint `{name[:80]}` for this purpose",
                           hint="`ombud checkpoint list` lists them")  # fmt: skip
        return found

    def meet(self, name: str, wanted: CheckpointWanted, *, asker: Asker) -> Json:
        """Record an answer and return the id of the fulfilment, once it is durable.

        Raises `InputError` with all that keeps the answer from being one, `Forbidden`
        for somebody else's checkpoint, `Unauthenticated` for a wrong secret.
        """
        wanted.check()
        actor = self._actor(wanted.actor, asker)
        checkpoint, version = self._get(name, wanted.purpose), self._version()
        answer, now = wanted.answer, self._clock()
        if faults := faults_of(checkpoint, answer):
            raise InputError("; ".join(faults), origin=f"checkpoint `{name}`",
                             hint=f"`ombud checkpoint show {name}` says what is asked")  # fmt: skip
        if checkpoint.per != "actor" and not wanted.resources:
            raise InputError("`resources` are missing: this checkpoint is met for things")
        who = self._justifications.who(actor.partition(":")[2], now)
        proved_by = None
        if checkpoint.kind is CheckpointKind.REAUTHENTICATION:
            person = who.person or actor.partition(":")[2]
            proved_by = self._credentials.check(person, answer.secret or "", asker=asker)
        until, is_once = _lasts(checkpoint, now)
        checked = self._verify(wanted, who, now, now if is_once else until)
        given, quality = self._judged(actor, who, wanted, checkpoint)
        answered = said.Answer(
            id=secrets.token_hex(16),
            actor=actor,
            who=who,
            checkpoint=checkpoint,
            version=version,
            wanted=wanted,
            until=until,
            is_once=is_once,
            checked=checked,
            quality=quality,
            is_refused=self._justifications.is_refused(name, wanted.purpose, checked),
            proved_by=proved_by,
        )
        record_events(self._appender, [said.answered_event(answered, asker=asker, now=now)])
        self._project()
        if given is not None:
            self._justifications.remember(given)
        return said.answer_json(answered)

    def _verify(self, wanted: CheckpointWanted, who: Who, now: int, until: int) -> Checked:
        return self._justifications.verify(
            self._justifications.claim(
                time=now,
                until=until,
                who=who,
                case=_stripped(wanted.answer.case),
                subjects=wanted.subjects,
                purpose=wanted.purpose,
            )
        )

    def _judged(
        self, actor: str, who: Who, wanted: CheckpointWanted, checkpoint: Checkpoint
    ) -> tuple[Given | None, Quality | None]:
        text = _stripped(wanted.answer.text)
        if text is None:
            return None, None
        case = _stripped(wanted.answer.case)
        given = Given(text, who.person or actor, who.unit, wanted.subjects, case)
        return given, self._justifications.judge(given, prompt=checkpoint.prompt)

    def _actor(self, stated: str | None, asker: Asker) -> str:
        """Return for whom the asker may meet a checkpoint; raises `Forbidden` for anybody else."""
        if "request" in asker.scopes:
            return self._own(stated, asker)
        if "decide" not in asker.scopes or "admin" in asker.scopes:
            asker.require("request")
            raise Forbidden("nobody completes a checkpoint for somebody else",
                            hint="the person does, by a token of their own")  # fmt: skip
        if stated is None:
            raise InputError("`actor` is missing: whose attempt stopped at the checkpoint?")
        return stated

    def _own(self, stated: str | None, asker: Asker) -> str:
        own = f"person:{asker.person}"
        if stated is None or stated == own:
            return own
        type_, _, id_ = stated.partition(":")
        now = self._clock()
        person = self._justifications.person_of(id_, now)
        mine = {self._justifications.person_of(asker.person, now), asker.person}
        # An account that several people use is nobody's own.
        if type_ in PEOPLE and person is not None and person in mine:
            return stated
        raise Forbidden(f"`{stated[:80]}` is not you: nobody completes a checkpoint for somebody"
                        " else", hint="the directory says whose account is whose")  # fmt: skip

    def awaiting(self, *, asker: Asker) -> Json:
        """Return what waits for a second person, as far as the asker may be that.

        It shows others' reasons and data subjects, so that it is a look.
        """
        asker.require("request")
        now = self._clock()
        rows = self._tables.awaited(now=now)
        mine = [row for row in rows if self._refusal(row, asker) is None]
        if mine:
            look = look_event(now, "justification.awaiting", asker, None, None)
            record_events(self._appender, [look])
        return {"awaiting": [said.awaiting_json(row) for row in mine]}

    def _refusal(self, row: FulfilmentRow, asker: Asker) -> str | None:
        return refusal(
            row,
            self._checkpoint_of(row),
            asker=asker,
            policy=self._policy(),
            directory=self._control.directory,
            now=self._clock(),
        )

    def confirm(self, id_: str, *, is_declined: bool = False, asker: Asker) -> Json:
        """Confirm or decline somebody else's act, as the second person.

        Raises `Forbidden` for the actor themself and for whom the policy does not name.
        """
        asker.require("request")
        with self._confirming:  # Whoever comes second finds that it does not wait any more.
            return self._confirm(id_, is_declined=is_declined, asker=asker)

    def _confirm(self, id_: str, *, is_declined: bool, asker: Asker) -> Json:
        now, row = self._clock(), self._tables.get(id_)
        if row is None or row.state != AWAITED or row.until <= now:
            raise NotFound(f"nothing waits for a second person under `{id_[:80]}`",
                           hint="`ombud checkpoint awaiting` lists what does")  # fmt: skip
        checkpoint = self._checkpoint_of(row)
        why_not = self._refusal(row, asker)
        if why_not is not None or checkpoint is None:
            raise Forbidden(why_not or "the policy does not ask this any more")
        if is_declined:
            event = said.declined_event(row, asker=asker, now=now)
        else:
            until, _ = _lasts(checkpoint, now, is_second=True)
            event = said.confirmed_event(row, until=until, asker=asker, now=now)
        record_events(self._appender, [event])
        self._project()
        return {"id": id_, "state": DECLINED if is_declined else MET}

    def _checkpoint_of(self, row: FulfilmentRow) -> Checkpoint | None:
        """Return the checkpoint that an answer was to, if it still asks the same."""
        found = find_checkpoint(self._policy(), row.checkpoint, row.purpose)
        return found if found is not None and wording_of(found) == row.wording else None

    def fulfilments(
        self, ids: Iterable[str] | str, actor: str | tuple[str, str]
    ) -> tuple[Fulfilment, ...]:
        """Return what an actor has met: all that lasts, and of what is for one act these ids.

        What was answered in other words than the policy asks now is not among them.
        """
        named = {ids} if isinstance(ids, str) else set(ids)
        key = actor if isinstance(actor, str) else ":".join(actor)
        now, found = self._clock(), []
        for row in self._tables.of_actor(key, now=now):
            if row.is_once and (row.id not in named or not self._uses.is_free(row, now=now)):
                continue
            if self._wording(row.purpose, row.checkpoint) == row.wording:
                found.append(_fulfilment(row))
        return tuple(found)

    def claim(self, fulfilments: Iterable[Fulfilment], attempt: str) -> bool:
        """Use up what is for one act, for an attempt that is permitted by it.

        False when another attempt has used it meanwhile: then the permit must not leave.
        """
        return self._uses.claim((one.id for one in fulfilments), attempt)

    def justification(self, ids: Iterable[str] | str, actor: str | tuple[str, str]) -> Json:
        """Return the fields that a decision's event says of these justifications, of one actor."""
        named = {ids} if isinstance(ids, str) else set(ids)
        key = actor if isinstance(actor, str) else ":".join(actor)
        rows = self._tables.of_actor(key, now=self._clock())
        return said.decision_fields([row for row in rows if row.id in named])

    def _wording(self, purpose: str, name: str) -> str | None:
        version = self._version()
        known = self._wordings
        if known[0] != version:
            known = self._wordings = (version, {})
        if (purpose, name) not in known[1]:
            found = find_checkpoint(self._policy(), name, purpose)
            known[1][purpose, name] = None if found is None else wording_of(found)
        return known[1][purpose, name]

    def credential_set(
        self, secret: str, *, person: str | None, current: str | None, asker: Asker
    ) -> Json:
        """Set the secret by which a person proves who they are; their own unless named."""
        now = self._clock()
        named = asker.person if person is None else person
        found, own = (self._justifications.who(one, now).person or one
                      for one in (named, asker.person))  # fmt: skip
        # Whoever asks for themself by one of their names asks for themself.
        is_own = found == own
        if is_own and "admin" not in asker.scopes:
            asker.require("request")
        return self._credentials.set(found, secret, is_own=is_own, current=current, asker=asker)

    def credential_check(self, secret: str, *, asker: Asker) -> str:
        """Return who set the secret by which the asker proves who they are; raises for another."""
        found = self._justifications.who(asker.person, self._clock()).person or asker.person
        return self._credentials.check(found, secret, asker=asker)


def _fulfilment(row: FulfilmentRow) -> Fulfilment:
    type_, _, id_ = row.actor.partition(":")
    return Fulfilment(
        id=row.id,
        actor_type=type_,
        actor_id=id_,
        purpose=row.purpose,
        checkpoint=row.checkpoint,
        until=row.until,
        resources=row.resources,
        is_refused=row.is_refused,
    )


def _lasts(checkpoint: Checkpoint, now: int, *, is_second: bool = False) -> tuple[int, bool]:
    """Return until when an answer counts, and whether for one act alone."""
    is_once = checkpoint.every_minutes <= 0
    minutes = ONCE_MINUTES if is_once else checkpoint.every_minutes
    if checkpoint.kind is CheckpointKind.SECOND_PERSON and not is_second:
        minutes = AWAITED_MINUTES
    return now + minutes * MINUTE_MS, is_once


def _stripped(text: str | None) -> str | None:
    return (text or "").strip() or None


def _require_any(asker: Asker, *scopes: str) -> None:
    if asker.scopes.isdisjoint(scopes):
        asker.require(scopes[0])
