"""Event: one immutable audit record, version 1 of the model.

All fields may be null but id, time, source and action; later versions only
add.  `ombud.core.fields` gives each field its meaning and its home in OCSF.
The record assigns `id` (the index in the log) and `ingested_at`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import msgspec


class Action(StrEnum):
    """What was done: a closed vocabulary; what fits nowhere is `other`."""

    AUTHENTICATE = "authenticate"
    SEARCH = "search"
    READ = "read"
    EXPORT = "export"
    WRITE = "write"
    DELETE = "delete"
    SHARE = "share"
    GRANT = "grant"
    REVOKE = "revoke"
    APPROVE = "approve"
    JUSTIFY = "justify"
    REVEAL = "reveal"
    CONFIGURE = "configure"
    EXECUTE = "execute"
    TICK = "tick"
    OTHER = "other"


ACTIONS = frozenset(action.value for action in Action)
ACTOR_TYPES = frozenset({"person", "service", "agent"})
OUTCOMES = frozenset({"success", "failure", "denied", "unknown"})


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One audit record: actor, action, resource, purpose, outcome, time.

    Instants are milliseconds since the epoch, UTC.  `raw` is the original, byte
    for byte.  `subjects` are (kind, key) pairs of the persons the data is about.
    """

    time: int
    source: str
    action: str
    id: int | None = None
    ingested_at: int | None = None
    raw: bytes = b""

    actor_id: str | None = None
    actor_type: str | None = None
    actor_name: str | None = None
    actor_organisation: str | None = None
    on_behalf_of: tuple[str, ...] | None = None
    origin_ip: str | None = None
    origin_device: str | None = None
    origin_agent: str | None = None

    subjects: tuple[tuple[str, str], ...] | None = None
    resource_id: str | None = None
    query_text: str | None = None
    place_lat: float | None = None
    place_lon: float | None = None
    place_radius_m: float | None = None
    place_area: str | None = None

    time_known: bool | None = True
    class_uid: int | None = None
    activity_id: int | None = None
    operation: str | None = None
    sequence: int | None = None
    native_id: str | None = None
    observed_by: str | None = None
    session_id: str | None = None
    parent_id: str | None = None
    query_id: str | None = None
    workflow_id: str | None = None
    resource_system: str | None = None
    resource_dataset: str | None = None
    resource_type: str | None = None
    resource_owner: str | None = None
    columns_projected: tuple[str, ...] | None = None
    columns_filtered: tuple[str, ...] | None = None
    purpose: str | None = None
    legal_basis: str | None = None
    case: str | None = None
    agreement: str | None = None
    grant: str | None = None
    request: str | None = None
    justification_text: str | None = None
    justification_verdict: str | None = None
    justification_checkpoint: str | None = None
    justification_wording: str | None = None
    decision_id: str | None = None
    decision_permit: bool | None = None
    decision_reasons: tuple[str, ...] | None = None
    decision_obligations: tuple[str, ...] | None = None
    decision_policy: str | None = None
    outcome: str | None = None
    outcome_reason: str | None = None
    rows_requested: int | None = None
    rows_returned: int | None = None
    bytes_requested: int | None = None
    bytes_returned: int | None = None
    recipient: str | None = None
    destination: str | None = None
    rule_id: str | None = None
    alert_id: str | None = None
    attributes: dict[str, Any] | None = None
    flags: tuple[str, ...] | None = None
    unmapped: dict[str, Any] | None = None

    @property
    def account(self) -> str | None:
        """The account nearest to a person: the most upstream one acted for, or the actor."""
        return self.on_behalf_of[0] if self.on_behalf_of else self.actor_id
