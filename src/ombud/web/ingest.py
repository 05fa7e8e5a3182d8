"""Ingest: deliveries of events, answered only when everything in them is durable."""

from __future__ import annotations

import re
from typing import Any

import anyio
import anyio.to_thread
from fastapi import APIRouter, Request
from starlette.responses import Response

from ombud.core.errors import NotFound
from ombud.services.asker import Asker
from ombud.services.home import HomeServices
from ombud.web.access import AskerPart, ServicesPart
from ombud.web.answers import ErrorBody, IngestBody, JsonResponse
from ombud.web.body import read_delivery
from ombud.web.errors import REFUSALS
from ombud.web.limits import Budget, Limits

KIND = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}", re.ASCII)
WRITERS = 16  # Deliveries written at once; what waits together is committed together.

_ANY: dict[str, Any] = {"schema": {}}
_DELIVERY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "One JSON document, or one per line; may be gzip (`Content-Encoding`).",
        "content": {"application/json": _ANY, "application/x-ndjson": _ANY},
    }
}
_REFUSALS: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    404: {"model": ErrorBody, "description": "No source of that kind."},
    408: {"model": ErrorBody, "description": "The body came too slowly."},
    413: {"model": ErrorBody, "description": "The body is too large."},
    415: {"model": ErrorBody, "description": "Neither JSON nor NDJSON, or not gzip."},
    429: {"model": ErrorBody, "description": "Too much is waiting; `Retry-After` says when."},
}


def ingest_routes(limits: Limits, budget: Budget) -> APIRouter:
    """Return the routes that take events in."""
    router = APIRouter(tags=["ingest"], responses=_REFUSALS)
    writers = anyio.CapacityLimiter(WRITERS)

    async def take(kind: str, request: Request, services: HomeServices, asker: Asker) -> Response:
        asker.require("ingest")
        if not KIND.fullmatch(kind):
            raise NotFound(f"no source of kind `{kind[:80]}`")
        with budget.lease() as lease:
            pieces = await read_delivery(request, limits, lease)
            done = await anyio.to_thread.run_sync(
                lambda: services.ingest(kind, iter(pieces), asker=asker), limiter=writers
            )
        return JsonResponse({name: getattr(done, name) for name in IngestBody.model_fields})

    @router.post("/v1/sources/{kind}/events", response_model=IngestBody, openapi_extra=_DELIVERY)
    async def deliver(
        kind: str, request: Request, services: ServicesPart, asker: AskerPart
    ) -> Response:
        """Take originals of one kind of source, each kept byte for byte."""
        return await take(kind, request, services, asker)

    @router.post("/v1/events", response_model=IngestBody, openapi_extra=_DELIVERY)
    async def deliver_ocsf(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Take OCSF events."""
        return await take("ocsf", request, services, asker)

    return router
