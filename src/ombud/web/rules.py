"""Rules over HTTP: which run, what they cannot do here, and switching one on or off."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import anyio
import anyio.to_thread
import msgspec
from fastapi import APIRouter, Request
from starlette.responses import Response

from ombud.core.errors import InputError, OmbudError
from ombud.detect.loading.documents import FILE_SIZE_MAX
from ombud.services.backtest_wanted import BacktestWanted
from ombud.services.rule_wanted import ExplainWanted
from ombud.web.access import AskerPart, ServicesPart
from ombud.web.answers import JsonResponse
from ombud.web.body import read_question
from ombud.web.errors import REFUSALS
from ombud.web.limits import Limits

EXPLAIN_SIZE_MAX = 2 * FILE_SIZE_MAX  # A file of rules, which JSON may write twice as long.
WATCH_SECONDS = 0.5  # Between two looks at whether whoever asked is still there.

Json = dict[str, Any]


class RuleStateWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The state a rule shall have."""

    enabled: bool
    reason: str | None = None


def rule_routes(limits: Limits) -> APIRouter:
    """Return the routes about rules."""
    router = APIRouter(tags=["rules"], responses=REFUSALS)

    @router.get("/v1/rules")
    def rules(services: ServicesPart, asker: AskerPart) -> Response:
        """List the rules of the home, the refused ones and fields no event has carried."""
        return JsonResponse(services.rules(asker=asker))

    @router.post("/v1/rules/{rule_id}/state")
    async def set_state(
        rule_id: str, request: Request, services: ServicesPart, asker: AskerPart
    ) -> Response:
        """Switch a rule on or off; switching off needs a reason."""
        asker.require("admin")
        body = await read_question(request, limits)
        try:
            wanted = msgspec.json.decode(body, type=RuleStateWanted)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InputError(f"not a state of a rule: {error}", origin="body") from error
        answer = await anyio.to_thread.run_sync(
            lambda: services.rule_state(
                rule_id, is_enabled=wanted.enabled, reason=wanted.reason, asker=asker
            )
        )
        return JsonResponse(answer)

    @router.get("/v1/rules/fields")
    def fields(services: ServicesPart, asker: AskerPart) -> Response:
        """List the fields of rules that no event carries, and rules that can never fire."""
        asker.require("search")
        return JsonResponse(services.rule_fields(asker=asker))

    @router.post("/v1/rules/explain")
    async def explain(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Tell why a rule matches a recorded event or does not; the look is on record."""
        asker.require("search")
        body = await read_question(request, limits, size_max=EXPLAIN_SIZE_MAX)
        try:
            wanted = msgspec.json.decode(body, type=ExplainWanted)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InputError(f"not a rule and an event: {error}", origin="body") from error
        answer = await anyio.to_thread.run_sync(lambda: services.rule_explain(wanted, asker=asker))
        return JsonResponse(answer)

    _add_backtest(router, limits)
    return router


def _add_backtest(router: APIRouter, limits: Limits) -> None:
    """Add the backtest, which may take minutes and must not hold up the rest."""
    one = anyio.CapacityLimiter(1)
    schema = msgspec.json.schema(BacktestWanted)["$defs"]["BacktestWanted"]
    content = {"required": True, "content": {"application/json": {"schema": schema}}}

    @router.post("/v1/rules/backtests", openapi_extra={"requestBody": content})
    async def backtest(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
        """Tell what rules would have raised over the stored events; the look is on record."""
        asker.require("search")
        body = await read_question(request, limits, size_max=limits.policy_max)
        try:
            wanted = msgspec.json.decode(body, type=BacktestWanted)
        except (msgspec.DecodeError, RecursionError) as error:
            raise InputError(f"not a backtest: {error}", origin="body") from error
        gone = threading.Event()
        return JsonResponse(
            await _while_asked(
                request,
                gone,
                lambda: services.backtesting.backtest(wanted, asker=asker, is_stopped=gone.is_set),
                one,
            )
        )


async def _while_asked(
    request: Request, gone: threading.Event, work: Callable[[], Json], one: anyio.CapacityLimiter
) -> Json:
    """Return what the work does in a thread; `gone` is set once nobody waits for it any more."""

    async def watch() -> None:
        while not await request.is_disconnected():  # noqa: ASYNC110 - it says so only if asked.
            await anyio.sleep(WATCH_SECONDS)
        gone.set()

    answer: Json | OmbudError
    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        try:
            answer = await anyio.to_thread.run_sync(work, limiter=one, abandon_on_cancel=True)
        except OmbudError as error:  # As it is, and not as one of a group.
            answer = error
        finally:
            gone.set()
        group.cancel_scope.cancel()
    if isinstance(answer, OmbudError):
        raise answer
    return answer
