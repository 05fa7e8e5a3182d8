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


class Since(BaseModel):
    """The first event that the index holds: older ones are in the record alone."""

    index: int
    recorded_at: int = Field(description="Milliseconds since the epoch.")


class LookBody(BaseModel):
    """What every answer to a look says of what it could not look at."""

    index_since: Since | None = Field(None, description="Absent when nothing was left out.")


class SearchBody(LookBody):
    """A page of OCSF events, newest first, or the rows of an aggregation."""

    events: list[EventBody] | None = None
    rows: list[dict[str, Any]] | None = None
    next_cursor: str | None = Field(None, description="Give it as `cursor` for the next page.")


class SessionsBody(LookBody):
    """Sessions, the latest first."""

    sessions: list[dict[str, Any]]


class SessionBody(LookBody):
    """One session: its OCSF events in order."""

    session: str
    events: list[EventBody]


class WhoBody(LookBody):
    """Everyone who touched one data subject, and what is not known of it."""

    subject: dict[str, str]
    people: list[dict[str, Any]] = Field(
        description="By person; an account of which nobody is known is a row of its own."
    )
    left: list[dict[str, Any]] = Field(description="To whom and where exports went, and by whom.")
    not_covered: dict[str, Any] = Field(
        description="Sources of that kind of data subject: when they told nothing, and how many"
        " of their events name nobody."
    )


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
    notes: list[str] = Field([], description="What works and should not stay as it is.")
