"""Policy door: what commands ask of the policy, here or of a running server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol
from urllib.parse import quote

import msgspec
import orjson

from ombud.services.policy_wanted import AttemptWanted, PolicyWanted, SimulationWanted

Json = dict[str, Any]
Progress = Callable[[int, int], None]
LARGE_SECONDS = 300.0  # 16 MB of policy files, read and compiled on a machine that is busy.
REPLAY_SECONDS = 7_200.0  # Some hundred million events of the past.


class PolicyDoor(Protocol):
    """The questions; raises the errors of `ombud.core.errors`."""

    def diff(self, wanted: PolicyWanted) -> Json:
        """Return `{"compared_with", "version", "lowers", …}`; changes nothing."""

    def apply(self, wanted: PolicyWanted) -> Json:
        """Apply or propose a policy; return the version with its `state`."""

    def confirm(self, policy: str, *, why: str | None) -> Json:
        """Say yes to a proposal; return it as it stands then."""

    def refuse(self, policy: str, *, why: str | None) -> Json:
        """Say no to a proposal; return it as it stands then."""

    def show(self, policy: str | None) -> Json:
        """Return a version with its `texts`."""

    def history(self, *, limit: int) -> Json:
        """Return `{"versions"}`, the latest first."""

    def proposals(self, *, limit: int, ended: bool) -> Json:
        """Return `{"proposals"}`, the latest first."""

    def status(self) -> Json:
        """Return `{"in_force", "second_person", "waiting", …}`."""

    def explain(self, wanted: AttemptWanted) -> Json:
        """Return how an attempt would be decided, and why."""

    def simulate(self, wanted: SimulationWanted, *, on_progress: Progress | None) -> Json:
        """Return whom a policy would have denied what; `on_progress` only where it is here."""


class RemotePolicies:
    """The same of a running server; `call` is that of the remote door."""

    def __init__(self, call: Callable[..., Json]) -> None:
        self._call = call

    def _send(self, path: str, wanted: Any, *, seconds: float = LARGE_SECONDS) -> Json:
        body = orjson.Fragment(msgspec.json.encode(wanted))
        return self._call("POST", path, body=body, seconds=seconds)

    def diff(self, wanted: PolicyWanted) -> Json:
        """Return what a policy would change."""
        return self._send("/v1/policy/diff", wanted)

    def apply(self, wanted: PolicyWanted) -> Json:
        """Apply or propose a policy."""
        return self._send("/v1/policy/versions", wanted)

    def confirm(self, policy: str, *, why: str | None) -> Json:
        """Say yes to a proposal."""
        return self._call("POST", f"{_proposal(policy)}/confirmation", body={"why": why})

    def refuse(self, policy: str, *, why: str | None) -> Json:
        """Say no to a proposal."""
        return self._call("POST", f"{_proposal(policy)}/refusal", body={"why": why})

    def show(self, policy: str | None) -> Json:
        """Return a version."""
        return self._call("GET", "/v1/policy", policy=policy)

    def history(self, *, limit: int) -> Json:
        """Return versions."""
        return self._call("GET", "/v1/policy/history", limit=limit)

    def proposals(self, *, limit: int, ended: bool) -> Json:
        """Return proposals."""
        return self._call(
            "GET", "/v1/policy/proposals", limit=limit, ended="true" if ended else None
        )

    def status(self) -> Json:
        """Return how the policy stands."""
        return self._call("GET", "/v1/policy/status")

    def explain(self, wanted: AttemptWanted) -> Json:
        """Return how an attempt would be decided."""
        return self._send("/v1/policy/explanations", wanted)

    def simulate(self, wanted: SimulationWanted, *, on_progress: Progress | None) -> Json:
        """Replay a policy; how far it is, is not told."""
        del on_progress
        return self._send("/v1/policy/simulations", wanted, seconds=REPLAY_SECONDS)


def _proposal(policy: str) -> str:
    return f"/v1/policy/proposals/{quote(policy, safe='')}"
