"""Directory over HTTP: plan and load for administrators, entries and work list for searchers."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Annotated, Any

import anyio
import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ombud.core.errors import InputError
from ombud.services.directory_wanted import DirectoryWanted
from ombud.web.access import AskerPart, ReasonPart, ServicesPart
from ombud.web.answers import ErrorBody, JsonResponse
from ombud.web.body import read_question
from ombud.web.errors import REFUSALS
from ombud.web.limits import Limits

Json = dict[str, Any]

LIMIT = 100  # Accounts of the work list unless more are asked for.

_DEFINITIONS = msgspec.json.schema(DirectoryWanted)["$defs"]
_SCHEMA = _DEFINITIONS["DirectoryWanted"]
_SCHEMA["properties"]["files"]["items"] = _DEFINITIONS["WantedFile"]  # No reference leads here.
_WANTED: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Files by name, each as `content` (base64) or `text`; may be gzip.",
        "content": {"application/json": {"schema": _SCHEMA}},
    }
}
_NO_PERSON: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorBody, "description": "There is no such person."}
}
_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorBody, "description": "The directory is not the one compared with."}
}

LimitPart = Annotated[int, Query(ge=1, description="How many at most.")]
AtPart = Annotated[
    int | None, Query(description="As of this instant, milliseconds; default is now.")
]


def parse_wanted(body: bytes) -> DirectoryWanted:
    """Return what a load shall be; raises `InputError`."""
    try:
        return msgspec.json.decode(body, type=DirectoryWanted)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"not a load of a directory: {error}", origin="body") from error


looks = APIRouter(tags=["directory"], responses=REFUSALS)


@looks.get("/v1/directory/people/{person:path}", responses=_NO_PERSON)
def show(
    person: str, services: ServicesPart, asker: AskerPart, reason: ReasonPart, at: AtPart = None
) -> Response:
    """Show what the directory says of a person at an instant; the look is on record."""
    asker.require("search")
    return JsonResponse(
        services.directory.show(person, at=at, asker=asker, why=reason.why, case=reason.case)
    )


@looks.get("/v1/directory/unmatched")
def unmatched(services: ServicesPart, asker: AskerPart, limit: LimitPart = LIMIT) -> Response:
    """List the accounts of events that the directory does not know, most frequent first."""
    asker.require("search")
    return JsonResponse(services.directory.unmatched(limit=limit, asker=asker))


@looks.get("/v1/directory")
def status(services: ServicesPart, asker: AskerPart) -> Response:
    """Show which load stands, and how many rows there are of each kind."""
    asker.require("search")
    return JsonResponse(services.directory.status(asker=asker))


def directory_routes(limits: Limits) -> APIRouter:
    """Return the routes about the directory."""
    router = APIRouter(tags=["directory"], responses=REFUSALS)
    one = anyio.CapacityLimiter(1)  # A load takes hundreds of megabytes while it is read.

    async def answer(request: Request, work: Callable[[DirectoryWanted], Json]) -> Json:
        async with one:
            body = await read_question(request, limits, size_max=limits.directory_max)
            return await anyio.to_thread.run_sync(lambda: work(parse_wanted(body)))

    @router.post("/v1/directory/plan", openapi_extra=_WANTED)
    async def plan(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Show what files would change and everything wrong with them; changes nothing."""
        asker.require("admin")
        return JsonResponse(
            await answer(request, lambda wanted: services.directory.plan(wanted, asker=asker))
        )

    @router.post(
        "/v1/directory/loads",
        status_code=HTTPStatus.CREATED,
        openapi_extra=_WANTED,
        responses=_CONFLICT,
    )
    async def load(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Replace the kinds that the files contain, all or nothing."""
        asker.require("admin")
        loaded = await answer(request, lambda wanted: services.directory.load(wanted, asker=asker))
        return JsonResponse(loaded, status_code=HTTPStatus.CREATED)

    router.include_router(looks)
    return router
