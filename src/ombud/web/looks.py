"""Looks: search, sessions, session, who, alerts; each look is itself an event."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from ombud.web.access import AskerPart, ReasonPart, ServicesPart
from ombud.web.answers import (
    AlertBody,
    AlertsBody,
    CoverageBody,
    ErrorBody,
    JsonResponse,
    SearchBody,
    SessionBody,
    SessionsBody,
    WhoBody,
)
from ombud.web.errors import REFUSALS

LIMIT = 100  # What a page holds unless more is asked for.

LimitPart = Annotated[int, Query(ge=1, description="How many at most.")]
QueryPart = Annotated[str, Query(alias="q", description="What to find; empty means all.")]
_MISSING: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorBody, "description": "There is no such session."}
}
_NO_ALERT: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorBody, "description": "There is no such alert."}
}

router = APIRouter(tags=["looks"], responses=REFUSALS)


@router.get("/v1/search", response_model=SearchBody)
def search(  # noqa: PLR0917 - FastAPI gives each by name.
    services: ServicesPart,
    asker: AskerPart,
    reason: ReasonPart,
    text: QueryPart = "",
    limit: LimitPart = LIMIT,
    cursor: Annotated[str | None, Query(description="Where the last page ended.")] = None,
    everything: Annotated[
        bool, Query(alias="all", description="Also what is older than `index_since`; slow.")
    ] = False,
) -> Response:
    """Find events, as of the last durable one."""
    asker.require("search")
    page = services.search(
        text,
        limit=limit,
        cursor=cursor,
        asker=asker,
        why=reason.why,
        case=reason.case,
        everything=everything,
    )
    return JsonResponse(page.to_dict() | ({} if everything else services.since()))


@router.get("/v1/sessions", response_model=SessionsBody)
def sessions(
    services: ServicesPart,
    asker: AskerPart,
    reason: ReasonPart,
    text: QueryPart = "",
    limit: LimitPart = LIMIT,
) -> Response:
    """List the sessions that hold an event that matches."""
    asker.require("search")
    found = services.sessions(text, limit=limit, asker=asker, why=reason.why, case=reason.case)
    return JsonResponse({"sessions": found, **services.since()})


@router.get("/v1/sessions/{session_id:path}", response_model=SessionBody, responses=_MISSING)
def session(
    session_id: str, services: ServicesPart, asker: AskerPart, reason: ReasonPart
) -> Response:
    """Show one session in order; its id may hold slashes."""
    asker.require("search")
    events = services.session(session_id, asker=asker, why=reason.why, case=reason.case)
    found = [told.to_ocsf() for told in events]
    return JsonResponse({"session": session_id, "events": found, **services.since()})


@router.get("/v1/who/{kind}/{key:path}", response_model=WhoBody)
def who(
    kind: str, key: str, services: ServicesPart, asker: AskerPart, reason: ReasonPart
) -> Response:
    """List everyone who touched one person's data; the key may hold slashes."""
    asker.require("search")
    found = services.who(kind, key, asker=asker, why=reason.why, case=reason.case)
    return JsonResponse(found | services.since())


@router.get("/v1/coverage", response_model=CoverageBody)
def coverage(
    services: ServicesPart,
    asker: AskerPart,
    since: Annotated[str | None, Query(description="An instant or a duration; 30d.")] = None,
    until: Annotated[str | None, Query(description="An instant or a duration; now.")] = None,
) -> Response:
    """Tell how far it is known who acted and whose data it was, and what would raise that."""
    asker.require("search")
    return JsonResponse(services.coverage(since=since, until=until, asker=asker))


@router.get("/v1/alerts", response_model=AlertsBody)
def alerts(services: ServicesPart, asker: AskerPart, limit: LimitPart = LIMIT) -> Response:
    """List alerts, the latest first."""
    asker.require("search")
    return JsonResponse({"alerts": services.alerts(limit=limit, asker=asker)})


@router.get("/v1/alerts/{alert_id}", response_model=AlertBody, responses=_NO_ALERT)
def alert(alert_id: str, services: ServicesPart, asker: AskerPart, reason: ReasonPart) -> Response:
    """Show one alert with its rule, its events and the fields that matched."""
    asker.require("search")
    return JsonResponse(services.alert(alert_id, asker=asker, why=reason.why, case=reason.case))
