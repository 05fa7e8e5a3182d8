"""Requests over HTTP: asked for, decided on, granted and revoked, by persons for themselves.

The scope `request` is a person's own; who decides is the policy's word, whatever
other scopes a token has.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ombud.access.requests_quality import HASTY_SECONDS
from ombud.core.errors import InputError
from ombud.services.request_wanted import (
    BreakGlassWanted,
    GrantStepWanted,
    RequestWanted,
    StepWanted,
)
from ombud.web.access import AskerPart, ReasonPart, ServicesPart
from ombud.web.answers import ErrorBody, JsonResponse
from ombud.web.body import read_question
from ombud.web.errors import REFUSALS
from ombud.web.limits import Limits

Json = dict[str, Any]

_RESPONSES: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorBody, "description": "There is no such thing, or none of the asker's."},
    409: {"model": ErrorBody, "description": "It does not stand so any more."},
}
_STATES_MAX = 10
Shape = TypeVar("Shape", bound=msgspec.Struct)

AllPart = Annotated[bool, Query(alias="all", description="Of everybody; that is a look.")]


class RevokeWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why an attachment is revoked."""

    text: str


def _body(shape: type[msgspec.Struct]) -> Json:
    schema = msgspec.json.schema(shape)["$defs"][shape.__name__]
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def parse(body: bytes, shape: type[Shape]) -> Shape:
    """Return what is wanted; raises `InputError`."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"cannot be read: {error}", origin="body") from error


async def _work(work: Callable[[], Json], status: HTTPStatus = HTTPStatus.OK) -> Response:
    return JsonResponse(await anyio.to_thread.run_sync(work), status_code=status)


looks = APIRouter(tags=["requests"], responses={**REFUSALS, **_RESPONSES})


@looks.get("/v1/requests")
def list_requests(
    *,
    services: ServicesPart,
    asker: AskerPart,
    reason: ReasonPart,
    everything: AllPart = False,
    for_me: Annotated[bool, Query(description="What waits for the asker.")] = False,
    state: Annotated[str, Query(max_length=100, description="States, with commas.")] = "",
) -> Response:
    """List requests that the asker has a part in."""
    states = [one for one in state.split(",")[:_STATES_MAX] if one]
    rows = services.access.requests.list(
        asker=asker,
        for_me=for_me,
        states=states,
        everything=everything,
        why=reason.why,
        case=reason.case,
    )
    return JsonResponse({"requests": rows})


@looks.get("/v1/requests/{request_id}")
def show_request(
    request_id: str, services: ServicesPart, asker: AskerPart, reason: ReasonPart
) -> Response:
    """Show a request with its steps; that an approver opened it is one of them."""
    return JsonResponse(
        services.access.requests.show(request_id, asker=asker, why=reason.why, case=reason.case)
    )


@looks.get("/v1/approval-quality")
def quality(
    *,
    services: ServicesPart,
    asker: AskerPart,
    reason: ReasonPart,
    approver: Annotated[str | None, Query(description="One approver, as TYPE:ID.")] = None,
    since: Annotated[int, Query(ge=0, le=(1 << 53), description="Opened since, milliseconds.")] = 0,
    seconds: Annotated[int, Query(ge=1, le=3600, description="Sooner is hasty.")] = HASTY_SECONDS,
) -> Response:
    """Tell how requests are decided on: by one approver, or by all together."""
    asker.require("search")
    return JsonResponse(
        services.access.quality.report(
            asker=asker,
            approver=approver,
            since=since,
            seconds=seconds,
            why=reason.why,
            case=reason.case,
        )
    )


@looks.get("/v1/grants")
def list_grants(
    services: ServicesPart,
    asker: AskerPart,
    reason: ReasonPart,
    everything: AllPart = False,
    actor: Annotated[str | None, Query(description="Of this actor, as TYPE:ID.")] = None,
) -> Response:
    """List the grants that hold and the asker has a part in, and the attachments."""
    grants = services.access.grants
    rows = grants.list(
        asker=asker, actor=actor, everything=everything, why=reason.why, case=reason.case
    )
    attachments = grants.attachments(asker=asker) if "request" in asker.scopes else []
    return JsonResponse({"grants": rows, "attachments": attachments})


@looks.get("/v1/grants/{grant_id}")
def show_grant(
    grant_id: str, services: ServicesPart, asker: AskerPart, reason: ReasonPart
) -> Response:
    """Show a grant, what hangs on it, and how often what was done under it."""
    return JsonResponse(
        services.access.grants.show(grant_id, asker=asker, why=reason.why, case=reason.case)
    )


def request_routes(limits: Limits) -> APIRouter:
    """Return the routes about requests, grants and emergencies."""
    router = APIRouter(tags=["requests"], responses={**REFUSALS, **_RESPONSES})

    @router.post("/v1/requests", status_code=HTTPStatus.CREATED, openapi_extra=_body(RequestWanted))
    async def open_request(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Ask for a purpose, for a dataset to be attached to one, or for a grant's renewal."""
        asker.require("request")
        wanted = parse(await read_question(request, limits), RequestWanted)
        return await _work(
            lambda: services.access.requests.open(wanted, asker=asker), HTTPStatus.CREATED
        )

    @router.post("/v1/requests/{request_id}/steps", openapi_extra=_body(StepWanted))
    async def take_step(
        request_id: str, request: Request, services: ServicesPart, asker: AskerPart
    ) -> Response:
        """Approve, reject, ask for changes, amend, comment on or withdraw a request."""
        asker.require("request")
        wanted = parse(await read_question(request, limits), StepWanted)
        return await _work(lambda: services.access.requests.step(request_id, wanted, asker=asker))

    @router.post("/v1/grants/{grant_id}/steps", openapi_extra=_body(GrantStepWanted))
    async def change_grant(
        grant_id: str, request: Request, services: ServicesPart, asker: AskerPart
    ) -> Response:
        """Revoke, delegate or recertify a grant; it is in force when this is answered."""
        wanted = parse(await read_question(request, limits), GrantStepWanted)
        return await _work(lambda: services.access.grants.step(grant_id, wanted, asker=asker))

    @router.post("/v1/attachments/{attachment_id}/revoke", openapi_extra=_body(RevokeWanted))
    async def revoke_attachment(
        attachment_id: str, request: Request, services: ServicesPart, asker: AskerPart
    ) -> Response:
        """Take a dataset away from a purpose that it was attached to."""
        wanted = parse(await read_question(request, limits), RevokeWanted)
        revoke = services.access.grants.revoke_attachment
        return await _work(lambda: revoke(attachment_id, wanted.text, asker=asker))

    @router.post(
        "/v1/break-glass", status_code=HTTPStatus.CREATED, openapi_extra=_body(BreakGlassWanted)
    )
    async def break_glass(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Act now and answer afterwards: a grant for minutes, and a request with a deadline."""
        asker.require("request")
        wanted = parse(await read_question(request, limits), BreakGlassWanted)
        start = services.access.break_glass.start
        return await _work(lambda: start(wanted, asker=asker), HTTPStatus.CREATED)

    router.include_router(looks)
    return router
