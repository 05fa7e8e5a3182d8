"""Checkpoints over HTTP: what is asked, answers, second persons, and what became of them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, TypeVar

import anyio.to_thread
import msgspec
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from ombud.core.errors import InputError
from ombud.services.checkpoint_wanted import CheckpointWanted
from ombud.web.access import AskerPart, ReasonPart, ServicesPart
from ombud.web.answers import ErrorBody, JsonResponse
from ombud.web.body import read_question
from ombud.web.errors import REFUSALS
from ombud.web.limits import Limits

LIMIT = 100
_Shape = TypeVar("_Shape")


class Confirmation(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a second person says."""

    declined: bool = False


class CredentialWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A secret to set; `person` only for somebody else, by an administrator."""

    secret: str
    person: str | None = None
    current: str | None = None

    def __repr__(self) -> str:
        """Return what may be seen in a traceback."""
        return f"CredentialWanted(person={self.person!r})"


def body_schema(shape: type) -> dict[str, Any]:
    """Return the part of the OpenAPI document that describes a body, with nothing outside of it."""
    _, components = msgspec.json.schema_components([shape], ref_template="{name}")
    schema = _inlined(components[shape.__name__], components)
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def _inlined(schema: Any, components: dict[str, Any]) -> Any:
    if isinstance(schema, dict):
        if "$ref" in schema:
            return _inlined(components[schema["$ref"]], components)
        return {name: _inlined(value, components) for name, value in schema.items()}
    if isinstance(schema, list):
        return [_inlined(value, components) for value in schema]
    return schema


def parse_body(body: bytes, shape: type[_Shape], what: str) -> _Shape:
    """Return a body of a shape; raises `InputError`."""
    try:
        return msgspec.json.decode(body, type=shape)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"not {what}: {error}", origin="body") from error


_MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorBody, "description": "There is no such thing here."}
}
VerdictPart = Annotated[str | None, Query(description="Only these, separated by commas.")]
SincePart = Annotated[int, Query(description="Met from this instant on, milliseconds.")]
LimitPart = Annotated[int, Query(ge=1, description="How many at most.")]
DaysPart = Annotated[int, Query(ge=1, description="How far back, in days.")]

looks = APIRouter(tags=["checkpoints"], responses=REFUSALS)


@looks.get("/v1/checkpoints")
def listed(services: ServicesPart, asker: AskerPart) -> Response:
    """List the checkpoints of the policy in force."""
    return JsonResponse(services.desk.checkpoints.listed(asker=asker))


@looks.get("/v1/checkpoints/{name}", responses=_MISSING)
def show(
    name: str, services: ServicesPart, asker: AskerPart, purpose: str | None = None
) -> Response:
    """Show what a checkpoint asks now, in its exact words."""
    return JsonResponse(services.desk.checkpoints.show(name, purpose=purpose, asker=asker))


@looks.get("/v1/justifications")
def justifications(
    *,
    services: ServicesPart,
    asker: AskerPart,
    reason: ReasonPart,
    since: SincePart = 0,
    limit: LimitPart = LIMIT,
    verdict: VerdictPart = None,
    actor: str | None = None,
    cursor: str | None = None,
) -> Response:
    """List justifications with their verdicts, the latest first; the look is on record."""
    asker.require("search")
    found = services.desk.justifications.find(
        asker=asker,
        since=since,
        limit=limit,
        verdicts=[one.strip() for one in (verdict or "").split(",") if one.strip()],
        actor=actor,
        cursor=cursor,
        why=reason.why,
        case=reason.case,
    )
    return JsonResponse(found)


@looks.get("/v1/justifications/report")
def report(
    services: ServicesPart,
    asker: AskerPart,
    reason: ReasonPart,
    days: DaysPart = 30,
    limit: LimitPart = LIMIT,
) -> Response:
    """Verify the cases and reasons that recorded events carry; the look is on record."""
    asker.require("search")
    return JsonResponse(
        services.desk.report.report(
            days=days, limit=limit, asker=asker, why=reason.why, case=reason.case
        )
    )


@looks.get("/v1/justifications/awaiting")
def awaiting(services: ServicesPart, asker: AskerPart) -> Response:
    """List what waits for a second person whom the asker may be."""
    asker.require("request")
    return JsonResponse(services.desk.checkpoints.awaiting(asker=asker))


@looks.get("/v1/justifications/{id_}", responses=_MISSING)
def justification(
    id_: str, services: ServicesPart, asker: AskerPart, reason: ReasonPart
) -> Response:
    """Show one justification with its verdict; the look is on record, but for one's own."""
    return JsonResponse(
        services.desk.justifications.show(id_, asker=asker, why=reason.why, case=reason.case)
    )


def checkpoint_routes(limits: Limits) -> APIRouter:
    """Return the routes about checkpoints and justifications."""
    router = APIRouter(tags=["checkpoints"], responses=REFUSALS)

    @router.post(
        "/v1/checkpoints/{name}/justifications",
        status_code=HTTPStatus.CREATED,
        openapi_extra=body_schema(CheckpointWanted),
        responses=_MISSING,
    )
    async def meet(
        name: str, request: Request, services: ServicesPart, asker: AskerPart
    ) -> Response:
        """Answer a checkpoint; it counts once it is durable."""
        wanted = parse_body(
            await read_question(request, limits), CheckpointWanted, "an answer to a checkpoint"
        )
        met = await anyio.to_thread.run_sync(
            lambda: services.desk.checkpoints.meet(name, wanted, asker=asker)
        )
        return JsonResponse(met, status_code=HTTPStatus.CREATED)

    @router.post(
        "/v1/justifications/{id_}/confirmation",
        openapi_extra=body_schema(Confirmation),
        responses=_MISSING,
    )
    async def confirm(
        id_: str, request: Request, services: ServicesPart, asker: AskerPart
    ) -> Response:
        """Confirm or decline somebody else's act as the second person."""
        asker.require("request")
        said = parse_body(await read_question(request, limits), Confirmation, "a confirmation")
        done = await anyio.to_thread.run_sync(
            lambda: services.desk.checkpoints.confirm(id_, is_declined=said.declined, asker=asker)
        )
        return JsonResponse(done)

    @router.put("/v1/credential", openapi_extra=body_schema(CredentialWanted))
    async def credential(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Set the secret by which a person proves who they are; it is in no record."""
        wanted = parse_body(await read_question(request, limits), CredentialWanted, "a credential")
        done = await anyio.to_thread.run_sync(
            lambda: services.desk.checkpoints.credential_set(
                wanted.secret, person=wanted.person, current=wanted.current, asker=asker
            )
        )
        return JsonResponse(done)

    router.include_router(looks)
    return router
