"""Looks: search, sessions, session, who, alerts; each look is itself an event."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from ombud.core.ocsf import event_to_ocsf
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
) -> Response:
    """Find events, as of the last durable one."""
    asker.require("search")
    page = services.search(
        text, limit=limit, cursor=cursor, asker=asker, why=reason.why, case=reason.case
    )
    if page.rows is not None:
        return JsonResponse({"rows": page.rows, "next_cursor": None})
    events = [event_to_ocsf(event) for event in page.events]
    return JsonResponse({"events": events, "next_cursor": page.next_cursor})


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
    return JsonResponse({"sessions": found})


@router.get("/v1/sessions/{session_id:path}", response_model=SessionBody, responses=_MISSING)
def session(
    session_id: str, services: ServicesPart, asker: AskerPart, reason: ReasonPart
) -> Response:
    """Show one session in order; its id may hold slashes."""
    asker.require("search")
    events = services.session(session_id, asker=asker, why=reason.why, case=reason.case)
    return JsonResponse(
        {"session": session_id, "events": [event_to_ocsf(event) for event in events]}
    )


@router.get("/v1/who/{kind}/{key:path}", response_model=WhoBody)
def who(
    kind: str, key: str, services: ServicesPart, asker: AskerPart, reason: ReasonPart
) -> Response:
    """List everyone who touched one person's data; the key may hold slashes."""
    asker.require("search")
    actors = services.who(kind, key, asker=asker, why=reason.why, case=reason.case)
    return JsonResponse({"subject": {"kind": kind, "key": key}, "actors": actors})


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
