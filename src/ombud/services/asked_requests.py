"""Asked requests: what a program was denied, asked for on behalf of whoever wanted it.

Source: AuthZEN Access Request and Approval Profile, draft 1 (openid/authzen e287920).
Who is granted something is the subject of the denial; the program only carries the
request, and whoever stands behind its token decides on none that it carried.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import orjson

from ombud.access.requests import PENDING, RequestState, StepKind
from ombud.access.requests_clock import DAY_MS
from ombud.core.clock import Clock
from ombud.core.errors import Conflict, Forbidden, InputError, NotFound
from ombud.core.instants import parse_iso
from ombud.services.asker import Asker
from ombud.services.request_binding import SKEW_MS, Binding, Claims, not_bound
from ombud.services.request_desk import Desk, check_actor, person_of
from ombud.services.request_wanted import Carried, RequestWanted
from ombud.services.requests import Requests
from ombud.store.requests import GrantRow, RequestRow

Json = dict[str, Any]
KEY_MAX = 200  # Characters of an idempotency key.
TEXTS = ("business_justification", "justification")  # Members of the context: the reason.


class Entity(msgspec.Struct, frozen=True):
    """A subject or resource of AuthZEN."""

    type: str
    id: str
    properties: Json = {}


class Act(msgspec.Struct, frozen=True):
    """An action of AuthZEN."""

    name: str
    properties: Json = {}


class Denial(msgspec.Struct, frozen=True):
    """The denial that is answered by asking."""

    binding_token: str = ""
    evaluation_id: str | None = None
    expires_at: str | None = None


class Submission(msgspec.Struct, frozen=True):
    """An access request submission; members that are not known are ignored, as it demands."""

    subject: Entity
    resource: Entity | None = None
    action: Act | None = None
    items: list[Any] | None = None
    context: Json = {}
    denial: Denial = Denial()
    requested_access: Json = {}
    client: Json = {}


class Task(msgspec.Struct, frozen=True):
    """A request as the program that carried it follows it, with the grant it made."""

    row: RequestRow
    grant: GrantRow | None


class AskedRequests:
    """Requests that programs carry."""

    def __init__(self, *, desk: Desk, requests: Requests, binding: Binding, clock: Clock) -> None:
        self.binding = binding
        self.clock = clock
        self._desk = desk
        self._requests = requests

    def submit(self, said: Submission, *, key: str | None, asker: Asker) -> Task:
        """Open a request for what was denied, or return the one there is for it."""
        _check_scope(asker)
        claims = self._check(said, self.clock())
        _check_client(said, asker)
        subject = check_actor(f"{said.subject.type}:{said.subject.id}")
        is_carried = "decide" in asker.scopes
        requester = subject if is_carried else person_of(asker)
        asked = _asked(said, claims)
        if key is not None and not 1 <= len(key) <= KEY_MAX:
            raise InputError(f"an idempotency key has 1 to {KEY_MAX} characters")
        id_ = None if key is None else self.binding.id_of(asker.person, key)
        with self._desk.held():
            known = self._known(id_, asked) or self._same(claims.purpose, subject, requester)
            if known is None:
                wanted = RequestWanted(
                    text=_text(said),
                    purpose=claims.purpose,
                    actor=subject,
                    days=self._days(said),
                    case=_case(said),
                )
                told = self._requests.open(
                    wanted,
                    asker=asker,
                    carried=Carried(requester=requester, asked=asked, id=id_),
                )
                known = self._get(str(told["id"]))
            return known

    def task(self, request_id: str, *, asker: Asker) -> Task:
        """Return a request that a program carried; raises `NotFound` with `unknown_task`."""
        _check_scope(asker)
        with self._desk.held():
            task = self._get(request_id)
            self._check_may(task.row, asker)
            return task

    def cancel(self, request_id: str, comment: str | None, *, asker: Asker) -> Task:
        """Withdraw a request: by who carried it, or a person it is of.

        Raises `Conflict` with `invalid_task_state` for one that is decided on.
        """
        _check_scope(asker)
        with self._desk.held():
            task = self._get(request_id)
            self._check_may(task.row, asker)
            if RequestState(task.row.state) not in PENDING:
                raise Conflict(f"the request is {task.row.state}", code="invalid_task_state")
            if person_of(asker) not in self._carriers(task.row):
                raise Forbidden("who carried a request, or asked for it, cancels it")
            self._requests.cancel(request_id, comment, asker=asker)
            return self._get(request_id)

    def _check(self, said: Submission, now: int) -> Claims:
        if said.items is not None:
            raise InputError("several items at once are not taken: submit them one by one")
        if said.resource is None or said.action is None:
            raise InputError("a submission has `resource` and `action`")
        if not said.denial.binding_token:
            raise not_bound("the denial has no `binding_token`")
        parts = {
            "subject": msgspec.structs.asdict(said.subject),
            "action": msgspec.structs.asdict(said.action),
            "resource": msgspec.structs.asdict(said.resource),
            "context": said.context,
        }
        claims = self.binding.check(said.denial.binding_token, parts, now)
        if said.denial.evaluation_id not in {None, claims.evaluation_id}:
            raise not_bound("`evaluation_id` is of another denial")
        if said.denial.expires_at != claims.denial_expires_at:
            raise not_bound("`expires_at` is not that of the denial")
        return claims

    def _days(self, said: Submission) -> int | None:
        """Return for how many days access is asked for."""
        until = said.requested_access.get("requested_until")
        if until is None:
            return None
        instant = parse_iso(until) if isinstance(until, str) else None
        now = self.clock()
        if instant is None or instant <= now - SKEW_MS:
            raise InputError("`requested_until` is no time to come", origin="requested_access")
        return max(1, -(-(instant - now) // DAY_MS))

    def _known(self, id_: str | None, asked: Json) -> Task | None:
        """Return what was submitted under the same key before."""
        row = None if id_ is None else self._desk.tables.request(id_)
        if row is None:
            return None
        if (row.asked or {}).get("body") != asked["body"]:
            raise Conflict("the key was used for another submission", code="duplicate_request")
        return self._get(row.id)

    def _same(self, purpose: str, subject: str, requester: str) -> Task | None:
        """Return a request that waits and asks for the same purpose for the same subject."""
        for row in self._desk.tables.requests(states=tuple(PENDING), kinds=("purpose",)):
            if (row.purpose, row.beneficiary, row.requester) == (purpose, subject, requester):
                return self._get(row.id)
        return None

    def _get(self, request_id: str) -> Task:
        row = self._desk.tables.request(request_id)
        if row is None:
            raise NotFound("no such task", code="unknown_task")
        return Task(row, self._desk.tables.grant(row.made) if row.made else None)

    def _carriers(self, row: RequestRow) -> set[str]:
        steps = self._desk.tables.steps([row.id])[row.id]
        opened = {step.actor for step in steps if step.kind == StepKind.OPENED}
        return {row.requester, row.beneficiary, *opened}

    def _check_may(self, row: RequestRow, asker: Asker) -> None:
        """Let those follow a task who may ask for decisions on its subject, and its own people."""
        is_program = "decide" in asker.scopes and row.asked is not None
        if not is_program and person_of(asker) not in self._carriers(row):
            raise NotFound("no such task", code="unknown_task")


def _check_scope(asker: Asker) -> None:
    if "decide" not in asker.scopes:
        asker.require("request")


def _check_client(said: Submission, asker: Asker) -> None:
    """Refuse an actor that the token does not show: a chain of them cannot be verified here."""
    actor = said.client.get("actor")
    if actor is None:
        return
    known = {asker.person, said.subject.id}
    if not isinstance(actor, dict) or "act" in actor or actor.get("id") not in known:
        raise Forbidden("`client.actor` is not shown by this token", origin="client.actor")


def _asked(said: Submission, claims: Claims) -> Json:
    about = msgspec.to_builtins(said)
    body = orjson.dumps(about, option=orjson.OPT_SORT_KEYS)
    return {
        "evaluation_id": claims.evaluation_id,
        "resource": {"type": about["resource"]["type"], "id": about["resource"]["id"]},
        "action": about["action"]["name"],
        "body": hashlib.sha256(body).hexdigest(),
        "emergency": said.requested_access.get("emergency") is True,
    }


def _text(said: Submission) -> str:
    for name in TEXTS:
        text = said.context.get(name)
        if isinstance(text, str) and text.strip():
            return text
    raise InputError(
        "a request needs a reason", origin=f"context.{TEXTS[0]}", hint="say it there, as text"
    )


def _case(said: Submission) -> str | None:
    case = said.context.get("case")
    return case if isinstance(case, str) else None
