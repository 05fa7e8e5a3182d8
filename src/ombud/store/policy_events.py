"""Policy events: versions of the policy applied and proposed, as control events.

The texts lie in the originals of `policy.files`, which come before; they count from
the `policy.applied` on that names them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ombud.core.event import Event
from ombud.store.control_change import Change, Projection, json_text

POLICY_FILES = "policy.files"
POLICY_PROPOSED = "policy.proposed"
POLICY_CONFIRMED = "policy.confirmed"
POLICY_APPLIED = "policy.applied"
POLICY_REFUSED = "policy.refused"
PROPOSED, APPLIED, REFUSED = "proposed", "applied", "refused"


class PolicyFiles(msgspec.Struct, frozen=True):
    """What `policy.files` says beside its original, which holds the texts."""

    policy: str
    number: int


class PolicyVersion(msgspec.Struct, frozen=True):
    """What `policy.proposed` carries, and `policy.applied` where one person sufficed."""

    policy: str
    version: str
    sha256: str
    files: dict[str, int]
    chunk_count: int
    base: int
    lowers: list[str] = []
    quorum: int = 0
    is_outside: bool = False
    alone: str | None = None


class PolicyNamed(msgspec.Struct, frozen=True):
    """What `policy.confirmed` and `policy.refused` carry."""

    policy: str


class PolicyApplied(msgspec.Struct, frozen=True):
    """What `policy.applied` carries: a proposal that was confirmed, or a version whole."""

    policy: str
    proposed: bool = False


def _files(event: Event, said: PolicyFiles) -> Change:
    del event
    values = {"policy": said.policy, "number": said.number}
    return Change("policy_chunk", f"{said.policy}-{said.number}", values)


def _version(event: Event, said: PolicyVersion, *, state: str) -> Change:
    values: dict[str, Any] = {
        "version": said.version,
        "sha256": said.sha256,
        "files": json_text(said.files),
        "chunk_count": said.chunk_count,
        "base": said.base,
        "state": state,
        "lowers": json_text(said.lowers),
        "quorum": said.quorum,
        "is_outside": said.is_outside,
        "alone": said.alone,
        "proposed_at": event.time,
        "proposed_by": event.actor_id or "",
        "reason": event.justification_text,
        "ended_at": None,
        "ended_by": None,
        "ended_reason": None,
    }
    if state == APPLIED:
        values |= {"ended_at": event.time, "ended_by": event.actor_id or ""}
    return Change("policy_version", said.policy, values)


def _proposed(event: Event, said: PolicyVersion) -> Change:
    return _version(event, said, state=PROPOSED)


def _applied(event: Event, said: PolicyApplied) -> Change:
    if said.proposed:
        return Change("policy_version", said.policy, _ended(event, APPLIED), is_whole=False)
    whole = msgspec.convert(event.attributes or {}, PolicyVersion)
    return _version(event, whole, state=APPLIED)


def _refused(event: Event, said: PolicyNamed) -> Change:
    return Change("policy_version", said.policy, _ended(event, REFUSED), is_whole=False)


def _ended(event: Event, state: str) -> dict[str, Any]:
    return {
        "state": state,
        "ended_at": event.time,
        "ended_by": event.actor_id or "",
        "ended_reason": event.justification_text,
    }


def _confirmed(event: Event, said: PolicyNamed) -> Change:
    person = event.actor_id or ""
    values = {
        "policy": said.policy,
        "person": person,
        "confirmed_at": event.time,
        "reason": event.justification_text,
    }
    return Change("policy_confirmation", f"{said.policy} {person}", values)


POLICY_PROJECTIONS: dict[str, Projection] = {
    POLICY_FILES: (PolicyFiles, _files),
    POLICY_PROPOSED: (PolicyVersion, _proposed),
    POLICY_CONFIRMED: (PolicyNamed, _confirmed),
    POLICY_APPLIED: (PolicyApplied, _applied),
    POLICY_REFUSED: (PolicyNamed, _refused),
}
