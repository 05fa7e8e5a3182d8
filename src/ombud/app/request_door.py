"""Request door: what commands ask of requests, grants and emergencies, and how over HTTP.

`RequestDoor` is the part of every door; `RemoteRequests` asks a home that runs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from ombud.services.request_wanted import (
    BreakGlassWanted,
    GrantStepWanted,
    RequestWanted,
    StepWanted,
)

Json = dict[str, Any]


class RequestDoor(Protocol):
    """The questions about requests and grants."""

    def request_open(self, wanted: RequestWanted) -> Json:
        """Open a request and return it."""

    def request_list(
        self,
        *,
        for_me: bool,
        states: Sequence[str],
        everything: bool,
        why: str | None,
        case: str | None,
    ) -> Json:
        """Return `{"requests"}`, the oldest first."""

    def request_show(self, request_id: str, *, why: str | None, case: str | None) -> Json:
        """Return one request with its steps."""

    def request_step(self, request_id: str, wanted: StepWanted) -> Json:
        """Take a step of a request and return how it stands."""

    def request_quality(
        self, *, approver: str | None, since: int, seconds: int, why: str | None, case: str | None
    ) -> Json:
        """Return how requests are decided on."""

    def grant_list(
        self, *, actor: str | None, everything: bool, why: str | None, case: str | None
    ) -> Json:
        """Return `{"grants", "attachments"}`."""

    def grant_show(self, grant_id: str, *, why: str | None, case: str | None) -> Json:
        """Return one grant with what was done under it."""

    def grant_step(self, grant_id: str, wanted: GrantStepWanted) -> Json:
        """Revoke, delegate or recertify a grant."""

    def attachment_revoke(self, attachment_id: str, reason: str) -> Json:
        """Take a dataset away from a purpose."""

    def break_glass_start(self, wanted: BreakGlassWanted) -> Json:
        """Return `{"request", "grant"}` of an emergency."""


class RemoteRequests:
    """Requests and grants of a home whose server is running."""

    def __init__(self, call: Callable[..., Json]) -> None:
        """`call` puts one question to the server."""
        self._call = call

    def request_open(self, wanted: RequestWanted) -> Json:
        """Open a request."""
        return self._call("POST", "/v1/requests", body=msgspec.to_builtins(wanted))

    def request_list(
        self,
        *,
        for_me: bool,
        states: Sequence[str],
        everything: bool,
        why: str | None,
        case: str | None,
    ) -> Json:
        """Return requests."""
        return self._call(
            "GET",
            "/v1/requests",
            for_me="true" if for_me else None,
            state=",".join(states) or None,
            all="true" if everything else None,
            why=why,
            case=case,
        )

    def request_show(self, request_id: str, *, why: str | None, case: str | None) -> Json:
        """Return one request."""
        return self._call("GET", f"/v1/requests/{_named(request_id)}", why=why, case=case)

    def request_step(self, request_id: str, wanted: StepWanted) -> Json:
        """Take a step."""
        path = f"/v1/requests/{_named(request_id)}/steps"
        return self._call("POST", path, body=msgspec.to_builtins(wanted))

    def request_quality(
        self, *, approver: str | None, since: int, seconds: int, why: str | None, case: str | None
    ) -> Json:
        """Return how requests are decided on."""
        return self._call(
            "GET",
            "/v1/approval-quality",
            approver=approver,
            since=since,
            seconds=seconds,
            why=why,
            case=case,
        )

    def grant_list(
        self, *, actor: str | None, everything: bool, why: str | None, case: str | None
    ) -> Json:
        """Return grants and attachments."""
        return self._call(
            "GET", "/v1/grants", actor=actor, all="true" if everything else None, why=why, case=case
        )

    def grant_show(self, grant_id: str, *, why: str | None, case: str | None) -> Json:
        """Return one grant."""
        return self._call("GET", f"/v1/grants/{_named(grant_id)}", why=why, case=case)

    def grant_step(self, grant_id: str, wanted: GrantStepWanted) -> Json:
        """Do something with a grant."""
        path = f"/v1/grants/{_named(grant_id)}/steps"
        return self._call("POST", path, body=msgspec.to_builtins(wanted))

    def attachment_revoke(self, attachment_id: str, reason: str) -> Json:
        """Take a dataset away from a purpose."""
        path = f"/v1/attachments/{_named(attachment_id)}/revoke"
        return self._call("POST", path, body={"text": reason})

    def break_glass_start(self, wanted: BreakGlassWanted) -> Json:
        """Break the glass."""
        return self._call("POST", "/v1/break-glass", body=msgspec.to_builtins(wanted))


def _named(id_: str) -> str:
    return quote(id_, safe="")
