"""State: the tree head, and what monitors ask."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from ombud.web.access import AskerPart, ServicesPart
from ombud.web.answers import JsonResponse, StateBody
from ombud.web.errors import REFUSALS
from ombud.web.metrics import CONTENT_TYPE, Metrics

_NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {"model": StateBody, "description": "Which part does not work."}
}


def state_routes(metrics: Metrics) -> APIRouter:
    """Return the routes about the home as such; those for monitors need no token."""
    router = APIRouter(tags=["state"])

    @router.get("/v1/record/head", responses=REFUSALS)
    def head(services: ServicesPart, asker: AskerPart) -> Response:
        """Return the durable size, the root and the signed tree head."""
        asker.require("search")
        return JsonResponse(services.head())

    @router.get("/healthz", response_model=StateBody)
    async def alive() -> Response:
        """Say that the server answers."""
        return JsonResponse({"status": "ok", "checks": {}})

    @router.get("/readyz", response_model=StateBody, responses=_NOT_READY)
    def ready(services: ServicesPart) -> Response:
        """Say whether every part of the home works."""
        checks, notes = dict(services.health()), services.notes()
        if all(checks.values()):
            return JsonResponse({"status": "ok", "checks": checks, "notes": notes})
        return JsonResponse(
            {"status": "not ready", "checks": checks, "notes": notes},
            status_code=HTTPStatus.SERVICE_UNAVAILABLE,
        )

    @router.get("/metrics", response_class=Response)
    def figures(services: ServicesPart) -> Response:
        """Return figures in the text format of Prometheus."""
        return Response(metrics.text(services.metrics()), media_type=CONTENT_TYPE)

    return router
