"""Policy wanted: what is asked about a policy, by whatever door it comes."""

from __future__ import annotations

from typing import Any

import msgspec


class PolicyWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The files of a policy, text by name.

    `compared_with` is what the diff that was shown said; over another policy than
    that, nothing is applied.  None takes the one in force.
    """

    files: dict[str, str]
    compared_with: int | None = None
    why: str | None = None
    case: str | None = None


class PolicyDecided(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a second person says to a proposal."""

    why: str | None = None


class AttemptWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An attempt to be explained; `actor` and `resource` are `type:id`.

    `files` explain it under another policy than that in force, `at` at another instant
    than now (ms since the epoch).
    """

    actor: str
    action: str
    resource: str
    purpose: str | None = None
    columns: list[str] | None = None
    context: dict[str, Any] = {}
    actor_properties: dict[str, Any] = {}
    resource_properties: dict[str, Any] = {}
    at: int | None = None
    files: dict[str, str] | None = None
    why: str | None = None
    case: str | None = None


class SimulationWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A proposed policy to be replayed over the recorded past.

    `since` and `until` are ms since the epoch, by the time of the events; without
    `since`, the last `days`.  `workflow` replays what that workflow did and nothing else.
    """

    files: dict[str, str]
    days: int = 30
    since: int | None = None
    until: int | None = None
    workflow: str | None = None
    why: str | None = None
    case: str | None = None
