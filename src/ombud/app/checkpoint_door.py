"""Checkpoint door: what commands ask of checkpoints, here or of a running server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from ombud.services.checkpoint_wanted import CheckpointWanted

Json = dict[str, Any]
LOAD_SECONDS = 3_700.0  # A table may take an hour, if it is declared so.
REPORT_SECONDS = 900.0  # 200,000 events, each compared with those like it.


class CheckpointDoor(Protocol):
    """The questions; raises the errors of `ombud.core.errors`."""

    def listed(self) -> Json:
        """Return `{"policy_version", "checkpoints"}`."""

    def show(self, name: str, *, purpose: str | None) -> Json:
        """Return what a checkpoint asks now."""

    def meet(self, name: str, wanted: CheckpointWanted) -> Json:
        """Answer a checkpoint; return `{"id", "state", "verdict", …}`."""

    def awaiting(self) -> Json:
        """Return `{"awaiting"}`: what the asker may confirm as second person."""

    def confirm(self, id_: str, *, is_declined: bool) -> Json:
        """Confirm or decline as second person."""

    def justifications(
        self,
        *,
        since: int,
        limit: int,
        verdicts: Sequence[str],
        actor: str | None,
        cursor: str | None,
        why: str | None,
        case: str | None,
    ) -> Json:
        """Return `{"justifications", "next_cursor"}`, the latest first."""

    def justification(self, id_: str, *, why: str | None, case: str | None) -> Json:
        """Return one justification with its verdict."""

    def report(self, *, days: int, limit: int, why: str | None, case: str | None) -> Json:
        """Return what facts make of the cases and reasons that events carry."""

    def reference_load(self, names: Sequence[str], *, why: str | None) -> Json:
        """Load tables; return `{"tables"}`, each with what is wrong with it."""

    def reference_check(self, names: Sequence[str]) -> Json:
        """Read tables and load nothing; return `{"tables"}`."""

    def reference_list(self) -> Json:
        """Return `{"tables"}`, each with the load that stands."""

    def reference_loads(self, name: str) -> Json:
        """Return `{"name", "loads"}`, the latest first."""

    def credential_set(self, secret: str, *, person: str | None, current: str | None) -> Json:
        """Set a secret; return `{"person", "set_by", "set_at", "replaced"}`."""


class RemoteCheckpoints:
    """The same of a running server; `call` is that of the remote door."""

    def __init__(self, call: Callable[..., Json]) -> None:
        self._call = call

    def listed(self) -> Json:
        """Return the checkpoints."""
        return self._call("GET", "/v1/checkpoints")

    def show(self, name: str, *, purpose: str | None) -> Json:
        """Return one checkpoint."""
        return self._call("GET", f"/v1/checkpoints/{_quoted(name)}", purpose=purpose)

    def meet(self, name: str, wanted: CheckpointWanted) -> Json:
        """Answer a checkpoint."""
        path = f"/v1/checkpoints/{_quoted(name)}/justifications"
        return self._call("POST", path, body=msgspec.to_builtins(wanted))

    def awaiting(self) -> Json:
        """Return what waits."""
        return self._call("GET", "/v1/justifications/awaiting")

    def confirm(self, id_: str, *, is_declined: bool) -> Json:
        """Confirm or decline."""
        path = f"/v1/justifications/{_quoted(id_)}/confirmation"
        return self._call("POST", path, body={"declined": is_declined})

    def justifications(
        self,
        *,
        since: int,
        limit: int,
        verdicts: Sequence[str],
        actor: str | None,
        cursor: str | None,
        why: str | None,
        case: str | None,
    ) -> Json:
        """Return a page of justifications."""
        return self._call(
            "GET",
            "/v1/justifications",
            since=since,
            limit=limit,
            verdict=",".join(verdicts) or None,
            actor=actor,
            cursor=cursor,
            why=why,
            case=case,
        )

    def justification(self, id_: str, *, why: str | None, case: str | None) -> Json:
        """Return one justification."""
        return self._call("GET", f"/v1/justifications/{_quoted(id_)}", why=why, case=case)

    def report(self, *, days: int, limit: int, why: str | None, case: str | None) -> Json:
        """Return the report."""
        return self._call(
            "GET",
            "/v1/justifications/report",
            days=days,
            limit=limit,
            why=why,
            case=case,
            seconds=REPORT_SECONDS,
        )

    def reference_load(self, names: Sequence[str], *, why: str | None) -> Json:
        """Load tables."""
        body = {"tables": list(names), "why": why}
        return self._call("POST", "/v1/reference/loads", body=body, seconds=LOAD_SECONDS)

    def reference_check(self, names: Sequence[str]) -> Json:
        """Read tables."""
        body = {"tables": list(names)}
        return self._call("POST", "/v1/reference/check", body=body, seconds=LOAD_SECONDS)

    def reference_list(self) -> Json:
        """Return the tables."""
        return self._call("GET", "/v1/reference")

    def reference_loads(self, name: str) -> Json:
        """Return the loads of a table."""
        return self._call("GET", f"/v1/reference/{_quoted(name)}/loads")

    def credential_set(self, secret: str, *, person: str | None, current: str | None) -> Json:
        """Set a secret."""
        body = {"secret": secret, "person": person, "current": current}
        return self._call("PUT", "/v1/credential", body=body)


def _quoted(name: str) -> str:
    return quote(name, safe="")
