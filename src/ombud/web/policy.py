"""Policy over HTTP: checked, compared, applied, confirmed, explained and replayed."""

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
from ombud.services.policy_wanted import (
    AttemptWanted,
    PolicyDecided,
    PolicyWanted,
    SimulationWanted,
)
from ombud.web.access import AskerPart, ServicesPart
from ombud.web.answers import ErrorBody, JsonResponse
from ombud.web.body import read_question
from ombud.web.errors import REFUSALS
from ombud.web.limits import Limits

Json = dict[str, Any]

LIMIT = 100  # Versions of one answer unless more are asked for.

_MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorBody, "description": "There is no such policy."}
}
_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorBody, "description": "It contradicts what is in force, or proposed."}
}
LimitPart = Annotated[int, Query(ge=1, description="How many at most.")]


def _body(kind: type, description: str) -> dict[str, Any]:
    """Return how a body is described in the OpenAPI document."""
    schema = msgspec.json.schema(kind)["$defs"][kind.__name__]
    return {
        "requestBody": {
            "required": True,
            "description": description,
            "content": {"application/json": {"schema": schema}},
        }
    }


_FILES = "The files of a policy: text by name."
_WANTED = _body(PolicyWanted, _FILES)
_ATTEMPT = _body(AttemptWanted, "Who would do what to what, for which purpose.")
_SIMULATION = _body(SimulationWanted, "The files of a policy, and the time to replay.")
_DECIDED = _body(PolicyDecided, "Why.")


def _parse(body: bytes, kind: Any) -> Any:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(f"not what is asked for here: {error}", origin="body") from error


looks = APIRouter(tags=["policy"], responses=REFUSALS)


@looks.get("/v1/policy", responses=_MISSING)
def show(
    services: ServicesPart,
    asker: AskerPart,
    policy: Annotated[str | None, Query(description="Another one than that in force.")] = None,
) -> Response:
    """Show the policy in force, or a version named by its id, with its texts."""
    return JsonResponse(services.policies.show(policy, asker=asker))


@looks.get("/v1/policy/status")
def status(services: ServicesPart, asker: AskerPart) -> Response:
    """Show which policy is in force, who may change it, and what waits."""
    return JsonResponse(services.policies.status(asker=asker))


@looks.get("/v1/policy/history")
def history(services: ServicesPart, asker: AskerPart, limit: LimitPart = LIMIT) -> Response:
    """List the policies that were in force, the latest first."""
    return JsonResponse(services.policies.history(limit=limit, asker=asker))


@looks.get("/v1/policy/proposals")
def proposals(
    services: ServicesPart,
    asker: AskerPart,
    limit: LimitPart = LIMIT,
    ended: Annotated[bool, Query(description="Also those that ended.")] = False,
) -> Response:
    """List the changes that wait for a second person, the latest first."""
    return JsonResponse(services.policies.proposals(limit=limit, ended=ended, asker=asker))


def policy_routes(limits: Limits) -> APIRouter:
    """Return the routes about the policy."""
    router = APIRouter(tags=["policy"], responses=REFUSALS)
    one = anyio.CapacityLimiter(1)  # A policy is read whole, and compiled, by one at a time.

    async def answer(request: Request, kind: Any, work: Callable[[Any], Json]) -> Json:
        async with one:
            body = await read_question(request, limits, size_max=limits.policy_max)
            return await anyio.to_thread.run_sync(lambda: work(_parse(body, kind)))

    @router.post("/v1/policy/check", openapi_extra=_WANTED)
    async def check(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """List every fault of a policy; changes nothing."""

        def work(wanted: PolicyWanted) -> Json:
            return services.policies.check(wanted.files, asker=asker)

        return JsonResponse(await answer(request, PolicyWanted, work))

    @router.post("/v1/policy/diff", openapi_extra=_WANTED)
    async def diff(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Show who would gain and lose what by a policy; the look is on record."""

        def work(wanted: PolicyWanted) -> Json:
            return services.policies.diff(wanted, asker=asker)

        return JsonResponse(await answer(request, PolicyWanted, work))

    @router.post(
        "/v1/policy/versions",
        status_code=HTTPStatus.CREATED,
        openapi_extra=_WANTED,
        responses=_CONFLICT,
    )
    async def apply(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Put a policy in force, or propose it where a second person must confirm."""
        asker.require("admin")

        def work(wanted: PolicyWanted) -> Json:
            return services.policies.apply(wanted, asker=asker)

        done = await answer(request, PolicyWanted, work)
        return JsonResponse(done, status_code=HTTPStatus.CREATED)

    @router.post("/v1/policy/explanations", openapi_extra=_ATTEMPT)
    async def explain(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Explain how an attempt is decided; nothing that a program may act on."""

        def work(wanted: AttemptWanted) -> Json:
            return services.explaining.explain(wanted, asker=asker)

        return JsonResponse(await answer(request, AttemptWanted, work))

    _add_decisions(router, limits)
    _add_simulation(router, limits)
    router.include_router(looks)
    return router


def _add_decisions(router: APIRouter, limits: Limits) -> None:
    """Add what a second person says to a proposal."""

    async def read(request: Request) -> PolicyDecided:
        body = await read_question(request, limits)
        decided: PolicyDecided = _parse(body, PolicyDecided)
        return decided

    @router.post(
        "/v1/policy/proposals/{policy}/confirmation",
        openapi_extra=_DECIDED,
        responses={**_MISSING, **_CONFLICT},
    )
    async def confirm(
        policy: str, request: Request, services: ServicesPart, asker: AskerPart
    ) -> Response:
        """Say yes to what somebody else proposed; the last yes needed puts it in force."""
        said = await read(request)
        return JsonResponse(
            await anyio.to_thread.run_sync(
                lambda: services.policies.confirm(policy, asker=asker, why=said.why)
            )
        )

    @router.post(
        "/v1/policy/proposals/{policy}/refusal",
        openapi_extra=_DECIDED,
        responses={**_MISSING, **_CONFLICT},
    )
    async def refuse(
        policy: str, request: Request, services: ServicesPart, asker: AskerPart
    ) -> Response:
        """Say no to a proposal, or take one's own back."""
        said = await read(request)
        return JsonResponse(
            await anyio.to_thread.run_sync(
                lambda: services.policies.refuse(policy, asker=asker, why=said.why)
            )
        )


def _add_simulation(router: APIRouter, limits: Limits) -> None:
    """Add the replay, which may take minutes and must not hold up the rest."""
    one = anyio.CapacityLimiter(1)

    @router.post("/v1/policy/simulations", openapi_extra=_SIMULATION)
    async def simulate(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Replay a policy over the recorded past; the look is on record."""
        body = await read_question(request, limits, size_max=limits.policy_max)
        wanted: SimulationWanted = _parse(body, SimulationWanted)
        done = await anyio.to_thread.run_sync(
            lambda: services.simulating.simulate(wanted, asker=asker), limiter=one
        )
        return JsonResponse(done)
