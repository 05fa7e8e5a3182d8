"""Trino over HTTP: the addresses that Trino's OPA plugin is configured with."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Annotated, Any, Protocol
from urllib.parse import parse_qsl

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Depends, Request
from fastapi.security import HTTPAuthorizationCredentials
from starlette.responses import Response

from ombud.core.errors import InputError
from ombud.services.asker import Asker
from ombud.services.home import HomeServices
from ombud.services.trino import Trino
from ombud.services.trino_access import TrinoAccess
from ombud.services.trino_request import TrinoInput, parse_request
from ombud.web.access import ServicesPart, asker, asker_still, bearer, services_of
from ombud.web.answers import JsonResponse
from ombud.web.body import read_question
from ombud.web.errors import REFUSALS
from ombud.web.limits import Limits
from ombud.web.peer import Peer

PATH = "/v1/data/trino"
_SECRET = re.compile(r"token|secret|authorization|credential|api.?key", re.IGNORECASE)
# What a proxy or a browser says: who it is on this machine is not who asks.
_PASSED_ON = ("forwarded", "origin", "sec-fetch-site", "via", "x-forwarded-for", "x-real-ip")
_TOKEN = "ombud_"  # noqa: S105 -- How tokens begin.


def _refuse_secrets(request: Request) -> None:
    """Raise `InputError` for a secret in the address, which proxies and logs would keep."""
    for name, value in parse_qsl(request.url.query, keep_blank_values=True):
        if _SECRET.search(name) or _TOKEN in value:
            raise InputError(
                "an address carries no secret",
                origin="query",
                hint="send a token as `Authorization: Bearer TOKEN`, and revoke this one",
            )


def trino_asker(
    request: Request,
    services: Annotated[HomeServices, Depends(services_of)],
    credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)],
) -> Asker:
    """Return which Trino asks; raises `Unauthenticated`.

    A token that is sent counts, and nothing else then.
    """
    _refuse_secrets(request)
    peer = getattr(request.state, "peer", None)
    if isinstance(peer, Peer) and "authorization" not in request.headers:
        access = services.trino_access
        found: Asker | None = None
        certificate = peer.certificate
        if certificate is not None and certificate.is_valid():
            found = access.by_certificate(certificate.names)
        if found is None and not any(name in request.headers for name in _PASSED_ON):
            found = _of_this_machine(access, peer)
        if found is not None:
            return found
    found = asker(request, services, credentials)
    found.require("decide")  # Before anything is read of what they sent.
    return found


def _of_this_machine(access: TrinoAccess, peer: Peer) -> Asker | None:
    found = access.by_uid(peer.uid) if access.asks_for_uid else None
    return access.by_loopback() if found is None and peer.is_loopback else found


TrinoPart = Annotated[Asker, Depends(trino_asker)]


def _schema() -> dict[str, Any]:
    (schema,), parts = msgspec.json.schema_components(
        [TrinoInput], ref_template="#/components/schemas/{name}"
    )
    name = schema["$ref"].rpartition("/")[2]

    def inlined(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return inlined(parts[node["$ref"].rpartition("/")[2]])
            return {key: inlined(value) for key, value in node.items()}
        return [inlined(item) for item in node] if isinstance(node, list) else node

    return {
        "type": "object",
        "required": ["input"],
        "properties": {"input": inlined(parts[name])},
    }


_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "As the `opa` access control of Trino sends it.",
        "content": {"application/json": {"schema": _schema()}},
    }
}


class Ask(Protocol):
    """One of the five questions."""

    def __call__(self, trino: Trino, asked: TrinoInput, /, *, asker: Asker) -> dict[str, Any]:
        """Answer it."""


def trino_routes(limits: Limits) -> APIRouter:
    """Return the routes for Trino."""
    router = APIRouter(tags=["trino"], responses=REFUSALS)

    async def answer(request: Request, services: HomeServices, asker: Asker, ask: Ask) -> Response:
        body = await read_question(request, limits, size_max=limits.trino_max)

        def work() -> dict[str, Any]:
            still = asker_still(request, services, asker)
            return ask(services.trino, parse_request(body), asker=still)

        return JsonResponse(await anyio.to_thread.run_sync(work))

    @router.post(f"{PATH}/allow", openapi_extra=_BODY)
    async def allow(request: Request, services: ServicesPart, asker: TrinoPart) -> Response:
        """Say whether one operation is allowed (`opa.policy.uri`)."""
        return await answer(request, services, asker, Trino.allow)

    @router.post(f"{PATH}/batch", openapi_extra=_BODY)
    async def batch(request: Request, services: ServicesPart, asker: TrinoPart) -> Response:
        """Return which of many things may be known (`opa.policy.batched-uri`)."""
        return await answer(request, services, asker, Trino.batch)

    @router.post(f"{PATH}/rowFilters", openapi_extra=_BODY)
    async def row_filters(request: Request, services: ServicesPart, asker: TrinoPart) -> Response:
        """Return which rows of a table are shown (`opa.policy.row-filters-uri`)."""
        return await answer(request, services, asker, Trino.row_filters)

    @router.post(f"{PATH}/columnMask", openapi_extra=_BODY)
    async def column_mask(request: Request, services: ServicesPart, asker: TrinoPart) -> Response:
        """Return how a column is shown (`opa.policy.column-masking-uri`)."""
        return await answer(request, services, asker, Trino.column_mask)

    @router.post(f"{PATH}/batchColumnMasks", openapi_extra=_BODY)
    async def column_masks(request: Request, services: ServicesPart, asker: TrinoPart) -> Response:
        """Return how columns are shown (`opa.policy.batch-column-masking-uri`)."""
        return await answer(request, services, asker, Trino.batch_column_masks)

    @router.get("/health", response_class=Response)
    def health(services: ServicesPart) -> Response:
        """Say whether decisions can be made, as OPA says it."""
        if services.health().get("record", False):
            return JsonResponse({})
        return JsonResponse({"code": "unavailable"}, status_code=HTTPStatus.SERVICE_UNAVAILABLE)

    return router
