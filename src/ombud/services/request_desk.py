"""Request desk: what everything about requests and grants shares; one thing at a time.

Whoever changes something holds the desk: brings the tables up to the record, looks
at the rules, records, and brings the tables up again.  So two votes at once are one
after the other, and an answer is given when the change is in force.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from ombud.access.model import Policy
from ombud.access.requests import Refusal, Request, RequestKind, RequestState, Step, StepKind
from ombud.core.clock import Clock
from ombud.core.errors import Conflict, Forbidden, InputError, NotFound, OmbudError, TamperError
from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.services.own_events import own_event
from ombud.services.record_port import Appender, record_events
from ombud.services.request_members import Members
from ombud.store.control import ControlStore
from ombud.store.control_events import CONTROL
from ombud.store.request_events import REQUEST_REFUSED
from ombud.store.requests import GrantRow, RequestRow, RequestTables, StepRow

ACTOR_MAX = 500  # Characters of `type:id`, as the directory has it.
CASE_MAX = 200
_ACTOR = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}:\S(?:.*\S)?", re.DOTALL)
_DUTY = frozenset({"requester", "beneficiary", "amended", "reviewer", "barred", "not_approver"})
_FORBIDDEN = _DUTY | {"not_requester", "not_party"}
_CONFLICTS = frozenset(
    {
        "opened_before",
        "closed",
        "not_due",
        "expired",
        "emergency",
        "changes_requested",
        "steps_max",
        "voted",
        "purpose_ended",
        "grant_over",
    }
)


class Desk:
    """The shared part of requests, grants and break-glass."""

    def __init__(
        self,
        *,
        appender: Appender,
        control: ControlStore,
        project: Callable[[], None],
        policy: Callable[[], Policy],
        clock: Clock,
    ) -> None:
        """`project` brings the control tables up to the last durable event."""
        self._appender = appender
        self._control = control
        self._project = project
        self._policy = policy
        self._clock = clock
        self._lock = threading.RLock()

    @property
    def tables(self) -> RequestTables:
        """The tables of requests and grants."""
        return self._control.requests

    @contextmanager
    def held(self) -> Iterator[View]:
        """Hold the desk, with the tables up to the record, and see how everything stands."""
        with self._lock:
            self._project()
            yield self.view()

    def view(self) -> View:
        """Return policy, people and time as of now."""
        now, policy = self._clock(), self._policy()
        return View(policy, Members(policy, self._control.directory, now), now)

    def record(self, *events: Event) -> None:
        """Make events durable, whole or not at all, and put them in force."""
        record_events(self._appender, events)
        self._project()


class View(msgspec.Struct, frozen=True):
    """The policy in force, who everybody is, and the time (ms since the epoch)."""

    policy: Policy
    members: Members
    now: int


def new_id(prefix: str) -> str:
    """Return an id that nobody guesses: 128 random bits."""
    return f"{prefix}-{secrets.token_hex(16)}"


def person_of(asker: Asker) -> str:
    """Return who asks, as `type:id`."""
    return f"person:{asker.person}"


def check_actor(actor: str) -> str:
    """Return an actor named as `type:id`; raises `InputError` for anything else."""
    if len(actor) > ACTOR_MAX or not _ACTOR.fullmatch(actor) or not _is_text(actor):
        raise InputError(f"`{actor[:80]}` is no actor", hint="write TYPE:ID, such as person:ana")
    return actor


def check_case(case: str | None) -> str | None:
    """Return a case, none for an empty one; raises `InputError` for one that is too long."""
    case = (case or "").strip() or None
    if len(case or "") > CASE_MAX:
        raise InputError(f"the case is longer than {CASE_MAX} characters")
    return case


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def refuse(refusal: Refusal) -> OmbudError:
    """Return a refusal as an error; its code is the origin."""
    kind: type[OmbudError] = InputError
    if refusal.code in _FORBIDDEN:
        kind = Forbidden
    elif refusal.code in _CONFLICTS:
        kind = Conflict
    return kind(refusal.text, origin=refusal.code)


def is_duty(refusal: Refusal) -> bool:
    """Whether somebody tried to decide on what they may not decide on: that is on record."""
    return refusal.code in _DUTY


def to_request(row: RequestRow, steps: Sequence[StepRow]) -> Request:
    """Return a stored request as the rules see it; raises `TamperError` for what is none."""
    try:
        return _to_request(row, steps)
    except ValueError as error:
        raise TamperError(
            f"row `{row.id}` of control table `access_request` is not what Ombud writes",
            hint="`ombud record verify` says where it differs, `ombud reindex` makes it anew",
        ) from error


def _to_request(row: RequestRow, steps: Sequence[StepRow]) -> Request:
    return Request(
        id=row.id,
        kind=RequestKind(row.kind),
        state=RequestState(row.state),
        requester=row.requester,
        beneficiary=row.beneficiary,
        purpose=row.purpose,
        opened_at=row.opened_at,
        terms_at=row.amended_at or row.opened_at,
        expires_at=row.expires_at,
        text=row.text,
        dataset=row.dataset,
        grant=row.grant,
        days=row.days,
        steps=tuple(Step(StepKind(one.kind), one.actor, one.at, one.text) for one in steps),
    )


def no_request(request_id: str) -> NotFound:
    """Return that there is no such request, or none that the asker has a part in."""
    return NotFound(f"no request `{request_id[:80]}`", hint="`ombud request list` lists yours")


def no_grant(grant_id: str) -> NotFound:
    """Return that there is no such grant, or none that the asker has a part in."""
    return NotFound(f"no grant `{grant_id[:80]}`", hint="`ombud grant list` lists yours")


def control_event(
    view: View,
    asker: Asker | None,
    operation: str,
    action: str,
    said: Any,
    *,
    row: RequestRow | None = None,
    about: GrantRow | None = None,
    **fields: Any,
) -> Event:
    """Return a control event about a request or grant; no asker means that the clock acts.

    `said` is a structure of `store.request_events` or a mapping.
    """
    attributes = msgspec.to_builtins(said)
    attributes["via"] = "clock" if asker is None else asker.via
    known: dict[str, Any] = {}
    if row is not None:
        known |= {"request": row.id, "purpose": row.purpose, "case": row.case}
        known |= {"grant": row.grant, "resource_dataset": row.dataset}
    if about is not None:
        known |= {"grant": about.id, "purpose": about.purpose, "request": about.request}
    return own_event(
        time=view.now,
        source=CONTROL,
        action=action,
        operation=operation,
        actor_id="ombud" if asker is None else asker.person,
        actor_type="service" if asker is None else "person",
        attributes=attributes,
        **{**known, **fields},
    )


def refused_event(view: View, asker: Asker, row: RequestRow, step: str, why: Refusal) -> Event:
    """Return the event that somebody tried to take a step that is not theirs to take."""
    return control_event(
        view,
        asker,
        REQUEST_REFUSED,
        "approve",
        {"request": row.id, "step": step},
        row=row,
        outcome="denied",
        outcome_reason=why.code,
    )
