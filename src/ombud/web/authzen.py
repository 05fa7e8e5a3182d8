"""AuthZEN over HTTP: the Authorization API 1.0 of openid/authzen, for whoever enforces.

The decision port answers the same by the same door, many times as fast.
"""

from __future__ import annotations

import os
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from ombud.services.asker import Asker
from ombud.services.drafting import Draft
from ombud.services.home import HomeServices
from ombud.web.access import AskerPart, ServicesPart, asker_still
from ombud.web.answers import ErrorBody, JsonResponse
from ombud.web.authzen_door import BODY_MAX, AuthzenDoor, Outcome, Question, Reply
from ombud.web.authzen_metadata import base_of, metadata
from ombud.web.authzen_page import Pages
from ombud.web.authzen_paths import (
    EVALUATION,
    EVALUATIONS,
    METADATA,
    SEARCH_ACTION,
    SEARCH_RESOURCE,
    SEARCH_SUBJECT,
)
from ombud.web.authzen_requests import requestable
from ombud.web.authzen_search import AuthzenSearch
from ombud.web.authzen_wire import (
    ActionSearch,
    Batch,
    Evaluation,
    ResourceSearch,
    SubjectSearch,
)
from ombud.web.body import read_body
from ombud.web.limits import Limits

DECIDERS = 64  # Decisions that wait for the record at once; they are committed together.
SEARCHERS = 4  # A search looks at everybody, or at everything.
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The decision; a denial is one, too.",
        "content": {"application/json": {}},
    },
    400: {"model": ErrorBody, "description": "Not a request of this API."},
    401: {"model": ErrorBody, "description": "No token, or not one in force."},
    403: {"model": ErrorBody, "description": "The token lacks the scope."},
    408: {"model": ErrorBody, "description": "The body came too slowly."},
    413: {"model": ErrorBody, "description": "The body is too large."},
    503: {"model": ErrorBody, "description": "Nothing is recorded or no policy can be told."},
}


def _body(shape: type[msgspec.Struct]) -> dict[str, Any]:
    """Return the description of a body, with what it refers to put in."""
    (schema,), parts = msgspec.json.schema_components([shape], ref_template="{name}")

    def whole(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                return whole(parts[value["$ref"]])
            return {name: whole(one) for name, one in value.items() if name != "default"}
        return [whole(one) for one in value] if isinstance(value, list) else value

    content = {"application/json": {"schema": whole(schema)}}
    return {"requestBody": {"required": True, "content": content}}


def _settle(services: HomeServices, question: Question, asker: Asker) -> Reply:
    """Decide, and return the answer when it may leave."""
    asked = services.access.asked
    door = AuthzenDoor(
        services.deciding.drafter, requestable=requestable(asked.binding, asked.clock)
    )
    outcome: Outcome | None = None

    def make(instead_of: str | None) -> Draft:
        nonlocal outcome
        outcome = door.answer(question, asker, instead_of=instead_of)
        return outcome.draft or Draft([], -1, permits=False)

    services.deciding.settle(make)
    return outcome.reply if outcome is not None else Reply(500, (), b"")


def _decided(request: Request, services: HomeServices, asker: Asker, question: Question) -> Reply:
    return _settle(services, question, asker_still(request, services, asker))


def _found(
    request: Request, services: HomeServices, asker: Asker, question: Question, door: AuthzenSearch
) -> Reply:
    return door.answer(question, asker_still(request, services, asker))


def authzen_routes(limits: Limits, *, public_url: str = "") -> APIRouter:
    """Return the routes of the Authorization API."""
    router = APIRouter(tags=["authzen"], responses=_ANSWERS)
    deciders = anyio.CapacityLimiter(DECIDERS)
    searchers = anyio.CapacityLimiter(SEARCHERS)
    pages = Pages(os.urandom(32))  # A token holds as long as the server runs.

    async def question_of(request: Request, path: str) -> Question:
        pieces = await read_body(
            request,
            size_max=BODY_MAX.get(path, limits.question_max),
            seconds_max=limits.body_seconds_max,
        )
        return Question(path, dict(request.headers.raw), b"".join(pieces))

    async def decide(path: str, request: Request, services: HomeServices, asker: Asker) -> Response:
        question = await question_of(request, path)
        work = partial(_decided, request, services, asker, question)
        return _response(await anyio.to_thread.run_sync(work, limiter=deciders))

    async def search(path: str, request: Request, services: HomeServices, asker: Asker) -> Response:
        question = await question_of(request, path)
        door = AuthzenSearch(services.searching, pages)
        work = partial(_found, request, services, asker, question, door)
        return _response(await anyio.to_thread.run_sync(work, limiter=searchers))

    @router.post(EVALUATION, openapi_extra=_body(Evaluation))
    async def evaluation(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Decide whether a subject may do something to a resource; the decision is on record."""
        return await decide(EVALUATION, request, services, asker)

    @router.post(EVALUATIONS, openapi_extra=_body(Batch))
    async def evaluations(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Decide many at once, as one event."""
        return await decide(EVALUATIONS, request, services, asker)

    @router.post(SEARCH_SUBJECT, openapi_extra=_body(SubjectSearch))
    async def subjects(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Find who may do something to a resource."""
        return await search(SEARCH_SUBJECT, request, services, asker)

    @router.post(SEARCH_RESOURCE, openapi_extra=_body(ResourceSearch))
    async def resources(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Find to what a subject may do something."""
        return await search(SEARCH_RESOURCE, request, services, asker)

    @router.post(SEARCH_ACTION, openapi_extra=_body(ActionSearch))
    async def actions(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Find what a subject may do to a resource."""
        return await search(SEARCH_ACTION, request, services, asker)

    @router.get(METADATA)
    async def describe(request: Request) -> Response:
        """Say what answers where; for this nobody needs a token."""
        base = base_of(public_url, request.url.scheme, request.headers.get("host", ""))
        return JsonResponse(metadata(base))

    return router


def _response(reply: Reply) -> Response:
    response = Response(reply.body, reply.status)
    response.raw_headers += reply.headers
    return response
