"""Answers: JSON bodies, written once and never stored by anybody in between."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import BaseModel, Field
from starlette.responses import Response

EventBody = dict[str, Any]


class JsonResponse(Response):
    """A JSON body; what JSON has no form for is a fault, not a guess."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the bytes of the body."""
        return orjson.dumps(content)


# The models below describe bodies in the OpenAPI document; nothing is validated on its way out.


class ErrorDetail(BaseModel):
    """Why a request was refused."""

    code: str = Field(description="Stable, for programs.")
    message: str = Field(description="One line, for a person.")
    origin: str = Field(description="Where: a column of the query, a field; or empty.")
    hint: str = Field(description="What to do next; or empty.")


class ErrorBody(BaseModel):
    """The one shape of every refusal."""

    error: ErrorDetail


class IngestBody(BaseModel):
    """What became of a delivery: read = recorded + duplicate + quarantined, all durable."""

    read: int
    recorded: int
    duplicate: int
    quarantined: int
    first_index: int | None
    last_index: int | None
    seconds: float


class SearchBody(BaseModel):
    """A page of OCSF events, newest first, or the rows of an aggregation."""

    events: list[EventBody] | None = None
    rows: list[dict[str, Any]] | None = None
    next_cursor: str | None = Field(None, description="Give it as `cursor` for the next page.")


class SessionsBody(BaseModel):
    """Sessions, the latest first."""

    sessions: list[dict[str, Any]]


class SessionBody(BaseModel):
    """One session: its OCSF events in order."""

    session: str
    events: list[EventBody]


class WhoBody(BaseModel):
    """Everyone who touched one person's data."""

    subject: dict[str, str]
    actors: list[dict[str, Any]]


class CoverageBody(BaseModel):
    """What is known of persons and data subjects in a stretch of time, and what is not seen."""

    since: str
    until: str
    total: dict[str, Any] = Field(description="All sources together.")
    sources: list[dict[str, Any]] = Field(description="By source and system.")
    health: list[dict[str, Any]] = Field(description="By source: lag, gaps, silence, quarantine.")
    unknown_accounts: list[dict[str, Any]]
    not_observed: list[dict[str, Any]]
    fixes: list[dict[str, Any]] = Field(description="What would raise it, by effect.")


class AlertsBody(BaseModel):
    """Alerts, the latest first."""

    alerts: list[dict[str, Any]]


class AlertBody(BaseModel):
    """One alert: its rule, if it still runs, and its events with the fields that matched."""

    alert: dict[str, Any]
    rule: dict[str, Any] | None
    events: list[dict[str, Any]]


class TokensBody(BaseModel):
    """All tokens, without what they are made of."""

    tokens: list[dict[str, Any]]


class StateBody(BaseModel):
    """Whether a home is ready, and which part is not."""

    status: str
    checks: dict[str, bool] = {}
