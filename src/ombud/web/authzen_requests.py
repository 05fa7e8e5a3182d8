"""AuthZEN requests: a denial that can be requested says so; asked for, it is a task to follow.

Source: AuthZEN Access Request and Approval Profile, draft 1, openid/authzen at e287920
(`profiles/authzen-access-request-approval`).  A denial stays a denial: an approval makes
a grant, and the next evaluation finds it.  What `context.approval` says is never believed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Annotated, Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Header, Request
from starlette.responses import Response

from ombud.access.attempt import Attempt
from ombud.access.decision import Decision, Reason
from ombud.core.clock import Clock, format_instant
from ombud.core.errors import Conflict, Forbidden, InputError, NotFound, OmbudError
from ombud.services.asked_requests import Submission, Task
from ombud.services.request_binding import DENIAL_MS, MEMBERS_MAX, Binding
from ombud.web.access import AskerPart, ServicesPart
from ombud.web.answers import JsonResponse
from ombud.web.authzen_metadata import base_of
from ombud.web.authzen_paths import ACCESS_REQUESTS, REQUEST_SCHEMA
from ombud.web.body import read_question
from ombud.web.errors import REFUSALS
from ombud.web.limits import Limits

Json = dict[str, Any]

PROBLEM = "application/problem+json"  # RFC 9457
POLL_SECONDS = 10  # People decide: sooner nothing will have changed.
TEMPLATE = "purpose"
_ERROR = "urn:openid:authzen:access-request:error:"
_STATUSES = {
    "not_requestable": HTTPStatus.BAD_REQUEST,
    "expired_denial": HTTPStatus.GONE,
    "invalid_denial_binding": HTTPStatus.BAD_REQUEST,
    "duplicate_request": HTTPStatus.CONFLICT,
    "unknown_task": HTTPStatus.NOT_FOUND,
    "invalid_task_state": HTTPStatus.CONFLICT,
}
_NOT_REQUESTABLE = (NotFound, Conflict)  # No such purpose by now, or one that is over.
# Denials that a grant for the purpose would lift; an attachment is the purpose owner's to ask for.
_BY_GRANT = frozenset({Reason.NO_GRANT, Reason.GRANT_ENDED})
_TASK_STATUSES = {
    "open": "pending",
    "changes_requested": "pending",
    "approved": "approved",
    "rejected": "denied",
    "withdrawn": "cancelled",
    "expired": "expired",
}
SCHEMA: Json = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "What a request says beyond the denial",
    "type": "object",
    "required": ["context"],
    "properties": {
        "context": {
            "type": "object",
            "required": ["business_justification"],
            "properties": {
                "business_justification": {"type": "string", "minLength": 1, "maxLength": 4000},
                "case": {"type": "string", "maxLength": 200},
            },
        },
        "requested_access": {
            "type": "object",
            "properties": {"requested_until": {"type": "string", "format": "date-time"}},
        },
    },
}


class CancelWanted(msgspec.Struct, frozen=True):
    """Why a task is cancelled."""

    reason: str | None = None
    comment: str | None = None


def requestable(
    binding: Binding, clock: Clock, *, base: str = ""
) -> Callable[[Attempt, Decision], Mapping[str, Any]]:
    """Return what adds to the context of a denial that it can be requested, and how.

    `base` is the address of this server; without it the endpoint is that of the metadata.
    """

    def context(attempt: Attempt, decision: Decision) -> Mapping[str, Any]:
        return access_request_context(attempt, decision, binding, clock(), base=base)

    return context


def access_request_context(
    attempt: Attempt, decision: Decision, binding: Binding, now: int, *, base: str = ""
) -> Json:
    """Return the members of a denial's context by which it can be requested, or none."""
    purpose = decision.purpose or attempt.purpose
    codes = {reason.partition(":")[0] for reason in decision.reasons}
    if decision.permit or not decision.is_requestable or purpose is None:
        return {}
    if codes.isdisjoint(_BY_GRANT) or len(attempt.context) > MEMBERS_MAX:
        return {}  # What cannot be bound whole is not bound at all.
    offered: Json = {
        "template": TEMPLATE,
        "expires_at": format_instant(now + DENIAL_MS),
        "binding_token": binding.token(attempt, decision, purpose, now),
        "display": {
            "title": "Request access",
            "description": f"Access for the purpose `{purpose}` must be approved.",
        },
    }
    if base:
        offered["endpoint"] = base + ACCESS_REQUESTS
        offered["request_schema_url"] = base + REQUEST_SCHEMA
    told: Json = {
        "evaluation_id": decision.decision_id,
        "evaluated_at": format_instant(now),
        "access_request": offered,
    }
    if "approval" in attempt.context:
        told["next_action"] = "request"  # Completion semantics: what the program does next.
    return told


def tell_task(task: Task, base: str) -> Json:
    """Return a task and, once it is approved, its result."""
    row = task.row
    here = f"{base}{ACCESS_REQUESTS}/{row.id}"
    status = _TASK_STATUSES[row.state]
    told: Json = {"id": row.id, "status": status, "status_endpoint": here}
    if status == "pending":
        told["expires_at"] = format_instant(row.expires_at)
        told["links"] = {"cancel": f"{here}/cancel"}
    if row.state == "changes_requested":
        told["display"] = {"title": "Changes are asked for: see the request"}
    answer: Json = {"task": told}
    if task.grant is not None and status == "approved":
        answer["result"] = {
            "mode": "reevaluate",
            "approval": {
                "id": task.grant.id,
                "approved_at": format_instant(row.closed_at or task.grant.created_at),
                "approved_until": format_instant(task.grant.over_at),
            },
        }
    return answer


def problem(error: OmbudError) -> Response | None:
    """Return an error as one of the profile's problems, None for one that it does not know."""
    code = error.code
    if code not in _STATUSES:
        if not isinstance(error, _NOT_REQUESTABLE):
            return None
        code = "not_requestable"
    status = _STATUSES[code]
    body = {
        "type": _ERROR + code,
        "title": code.replace("_", " "),
        "status": status.value,
        "detail": error.message,
    }
    return JsonResponse(body, status_code=status, media_type=PROBLEM)


async def _answer(work: Callable[[], Response]) -> Response:
    try:
        return await anyio.to_thread.run_sync(work)
    except (InputError, NotFound, Conflict, Forbidden) as error:
        answer = problem(error)
        if answer is None:
            raise
        return answer


def _decode(body: bytes, shape: Any, what: str) -> Any:
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"not {what}: {error}", origin="body") from error


_TASK: dict[int | str, Json] = {
    404: {"description": "There is no such task.", "content": {PROBLEM: {}}},
    409: {"description": "It is decided on, or another key.", "content": {PROBLEM: {}}},
    410: {"description": "The denial is too old.", "content": {PROBLEM: {}}},
}


def access_request_routes(limits: Limits, *, public_url: str = "") -> APIRouter:
    """Return the routes of the profile; `public_url` is the address of this server."""
    router = APIRouter(tags=["authzen"], responses={**REFUSALS, **_TASK})

    @router.post(ACCESS_REQUESTS, status_code=HTTPStatus.ACCEPTED)
    async def submit(
        request: Request,
        services: ServicesPart,
        asker: AskerPart,
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> Response:
        """Ask for what was denied; what is answered is a task to follow."""
        said = _decode(await read_question(request, limits), Submission, "a submission")
        base = address_of(request, public_url)

        def work() -> Response:
            task = services.access.asked.submit(said, key=idempotency_key, asker=asker)
            told = tell_task(task, base)
            headers = {"Location": told["task"]["status_endpoint"]}
            return JsonResponse(told, status_code=HTTPStatus.ACCEPTED, headers=headers)

        return await _answer(work)

    @router.get(ACCESS_REQUESTS + "/{task_id}")
    async def status(
        task_id: str, request: Request, services: ServicesPart, asker: AskerPart
    ) -> Response:
        """Tell how a task stands."""
        base = address_of(request, public_url)

        def work() -> Response:
            told = tell_task(services.access.asked.task(task_id, asker=asker), base)
            is_pending = told["task"]["status"] == "pending"
            headers = {"Retry-After": str(POLL_SECONDS)} if is_pending else {}
            return JsonResponse(told, headers=headers)

        return await _answer(work)

    @router.post(ACCESS_REQUESTS + "/{task_id}/cancel")
    async def cancel(
        task_id: str, request: Request, services: ServicesPart, asker: AskerPart
    ) -> Response:
        """Withdraw what waits to be decided on."""
        body = await read_question(request, limits) if _has_body(request) else b"{}"
        wanted: CancelWanted = _decode(body, CancelWanted, "a cancellation")
        base = address_of(request, public_url)

        def work() -> Response:
            said = wanted.comment or wanted.reason
            task = services.access.asked.cancel(task_id, said, asker=asker)
            return JsonResponse(tell_task(task, base))

        return await _answer(work)

    @router.get(REQUEST_SCHEMA)
    def schema() -> Response:
        """Describe what a request says beyond the denial; for this nobody needs a token."""
        return JsonResponse(SCHEMA)

    return router


def address_of(request: Request, public_url: str) -> str:
    """Return the address of this server, as far as the asker knows it."""
    return base_of(public_url, request.url.scheme, request.headers.get("host", ""))


def _has_body(request: Request) -> bool:
    length = request.headers.get("content-length", "0")
    return length.strip() != "0" or "transfer-encoding" in request.headers
