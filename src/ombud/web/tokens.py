"""Tokens over HTTP: create, list and revoke; for askers with the scope `admin`."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from ombud.core.errors import InputError
from ombud.web.access import AskerPart, ServicesPart
from ombud.web.answers import ErrorBody, JsonResponse, TokensBody
from ombud.web.body import read_question
from ombud.web.errors import REFUSALS
from ombud.web.limits import Limits

DAYS_MAX = 3650  # Ten years: what is meant to last longer is meant never to end.


class TokenWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a new token shall be."""

    name: str
    scopes: list[str]
    person: str | None = None
    units: list[str] = []
    systems: list[str] = []
    days: int | None = None


_WANTED: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": msgspec.json.schema(TokenWanted)["$defs"]["TokenWanted"],
            }
        },
    }
}
_MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorBody, "description": "There is no such token in force."}
}


def parse_wanted(body: bytes) -> dict[str, Any]:
    """Return what a new token shall be; raises `InputError`."""
    try:
        wanted = msgspec.json.decode(body, type=TokenWanted)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"not a token to create: {error}", origin="body") from error
    if wanted.days is not None and not 1 <= wanted.days <= DAYS_MAX:
        raise InputError(f"`days` must lie in 1..{DAYS_MAX}, not `{wanted.days}`", origin="body")
    return msgspec.structs.asdict(wanted)


def token_routes(limits: Limits) -> APIRouter:
    """Return the routes about tokens."""
    router = APIRouter(tags=["tokens"], responses=REFUSALS)

    @router.post("/v1/tokens", status_code=HTTPStatus.CREATED, openapi_extra=_WANTED)
    async def create(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Create a token; the answer is the only place where it is ever shown."""
        asker.require("admin")
        wanted = parse_wanted(await read_question(request, limits))
        created = await anyio.to_thread.run_sync(lambda: services.token_create(wanted, asker=asker))
        return JsonResponse(created, status_code=HTTPStatus.CREATED)

    @router.get("/v1/tokens", response_model=TokensBody)
    def list_tokens(services: ServicesPart, asker: AskerPart) -> Response:
        """List all tokens, without what they are made of."""
        asker.require("admin")
        return JsonResponse({"tokens": services.token_list(asker=asker)})

    @router.delete("/v1/tokens/{name:path}", responses=_MISSING)
    def revoke(name: str, services: ServicesPart, asker: AskerPart) -> Response:
        """Revoke a token; it stops working at once."""
        asker.require("admin")
        services.token_revoke(name, asker=asker)
        return JsonResponse({"revoked": name})

    return router
