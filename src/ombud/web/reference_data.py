"""Reference data over HTTP: load, check and list the organisation's own tables."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import anyio
import anyio.to_thread
import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from ombud.web.access import AskerPart, ServicesPart
from ombud.web.answers import ErrorBody, JsonResponse
from ombud.web.body import read_question
from ombud.web.checkpoints import body_schema, parse_body
from ombud.web.errors import REFUSALS
from ombud.web.limits import Limits


class TablesWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which tables, none for all, and why."""

    tables: list[str] = []
    why: str | None = None


_MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorBody, "description": "There is no such table."}
}


def reference_data_routes(limits: Limits) -> APIRouter:
    """Return the routes about reference data."""
    router = APIRouter(tags=["reference data"], responses=REFUSALS)
    one = anyio.CapacityLimiter(1)  # A table may take hundreds of megabytes while it is read.

    async def answer(
        request: Request, work: Callable[[TablesWanted], dict[str, Any]]
    ) -> dict[str, Any]:
        wanted = parse_body(await read_question(request, limits), TablesWanted, "tables to read")
        async with one:
            return await anyio.to_thread.run_sync(lambda: work(wanted))

    @router.get("/v1/reference")
    def tables(services: ServicesPart, asker: AskerPart) -> Response:
        """List the declared tables, each with the load that stands and what failed."""
        return JsonResponse(services.desk.references.tables(asker=asker))

    @router.get("/v1/reference/{name}/loads", responses=_MISSING)
    def loads(name: str, services: ServicesPart, asker: AskerPart) -> Response:
        """List the latest loads of one table."""
        return JsonResponse(services.desk.references.loads(name, asker=asker))

    @router.post(
        "/v1/reference/loads",
        status_code=HTTPStatus.CREATED,
        openapi_extra=body_schema(TablesWanted),
        responses=_MISSING,
    )
    async def load(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Load tables, each whole or not at all; the answer says what is wrong with which."""
        asker.require("admin")
        done = await answer(
            request,
            lambda wanted: services.desk.references.load(
                wanted.tables, asker=asker, why=wanted.why
            ),
        )
        return JsonResponse(done, status_code=HTTPStatus.CREATED)

    @router.post("/v1/reference/check", openapi_extra=body_schema(TablesWanted), responses=_MISSING)
    async def check(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Read tables as they are now and say what is wrong; loads nothing."""
        asker.require("admin")
        return JsonResponse(
            await answer(
                request,
                lambda wanted: services.desk.references.check(wanted.tables, asker=asker),
            )
        )

    return router
