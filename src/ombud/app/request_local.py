"""Local requests: requests, grants and emergencies of a home that this process holds open."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from ombud.core.errors import Unavailable
from ombud.services.access_requests import AccessRequests
from ombud.services.asker import Asker
from ombud.services.request_wanted import (
    BreakGlassWanted,
    GrantStepWanted,
    RequestWanted,
    StepWanted,
)

Json = dict[str, Any]


class LocalRequests:
    """Requests and grants of a home that this process holds open."""

    def __init__(self, access: AccessRequests, asker: Asker) -> None:
        self._access = access
        self._asker = asker

    def _catch_up(self) -> None:
        """Do what fell due while nobody held the home open; a copy of a home records nothing."""
        with suppress(Unavailable):
            self._access.upkeep.turn()

    def request_open(self, wanted: RequestWanted) -> Json:
        """Open a request."""
        return self._access.requests.open(wanted, asker=self._asker)

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
        self._catch_up()
        rows = self._access.requests.list(
            asker=self._asker,
            for_me=for_me,
            states=states,
            everything=everything,
            why=why,
            case=case,
        )
        return {"requests": rows}

    def request_show(self, request_id: str, *, why: str | None, case: str | None) -> Json:
        """Return one request."""
        self._catch_up()
        return self._access.requests.show(request_id, asker=self._asker, why=why, case=case)

    def request_step(self, request_id: str, wanted: StepWanted) -> Json:
        """Take a step."""
        return self._access.requests.step(request_id, wanted, asker=self._asker)

    def request_quality(
        self, *, approver: str | None, since: int, seconds: int, why: str | None, case: str | None
    ) -> Json:
        """Return how requests are decided on."""
        return self._access.quality.report(
            asker=self._asker, approver=approver, since=since, seconds=seconds, why=why, case=case
        )

    def grant_list(
        self, *, actor: str | None, everything: bool, why: str | None, case: str | None
    ) -> Json:
        """Return grants and attachments."""
        self._catch_up()
        grants = self._access.grants
        return {
            "grants": grants.list(
                asker=self._asker, actor=actor, everything=everything, why=why, case=case
            ),
            "attachments": grants.attachments(asker=self._asker),
        }

    def grant_show(self, grant_id: str, *, why: str | None, case: str | None) -> Json:
        """Return one grant."""
        self._catch_up()
        return self._access.grants.show(grant_id, asker=self._asker, why=why, case=case)

    def grant_step(self, grant_id: str, wanted: GrantStepWanted) -> Json:
        """Do something with a grant."""
        return self._access.grants.step(grant_id, wanted, asker=self._asker)

    def attachment_revoke(self, attachment_id: str, reason: str) -> Json:
        """Take a dataset away from a purpose."""
        return self._access.grants.revoke_attachment(attachment_id, reason, asker=self._asker)

    def break_glass_start(self, wanted: BreakGlassWanted) -> Json:
        """Break the glass."""
        return self._access.break_glass.start(wanted, asker=self._asker)
