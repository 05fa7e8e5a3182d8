"""Checkpoint events: fulfilments, verdicts and loads, as control events."""

from __future__ import annotations

from typing import Any

import msgspec

from ombud.core.event import Event
from ombud.store.control_change import Change, Projection, json_text

CHECKPOINT_AWAITED = "checkpoint.awaited"
CHECKPOINT_MET = "checkpoint.met"
CHECKPOINT_DECLINED = "checkpoint.declined"
CHECKPOINT_VERDICT = "checkpoint.verdict"
REFERENCE_LOADED = "reference.loaded"
MET, AWAITED, DECLINED = "met", "awaited", "declined"  # States of a fulfilment.


class Answered(msgspec.Struct, frozen=True, kw_only=True):
    """What `checkpoint.met` and `checkpoint.awaited` carry beside the fields of the event.

    Text, case, wording and data subjects are fields; a secret is nowhere.
    """

    fulfilment: str
    actor: str
    checkpoint: str
    kind: str
    met_at: int
    until: int
    person: str | None = None
    unit: str | None = None
    is_once: bool = False
    resources: list[str] = []
    choices: list[str] = []
    delivered_by: str | None = None
    second_person: str | None = None
    is_refused: bool = False
    findings: list[str] = []
    facts: dict[str, str] = {}
    verified_at: int = 0
    score: float | None = None
    flaws: list[str] = []


class Declined(msgspec.Struct, frozen=True):
    """What `checkpoint.declined` carries."""

    fulfilment: str
    second_person: str


class Reverified(msgspec.Struct, frozen=True, kw_only=True):
    """What `checkpoint.verdict` carries: what has become of a justification since."""

    fulfilment: str
    verdict: str
    was: str
    findings: list[str]
    facts: dict[str, str]
    verified_at: int
    is_refused: bool


class ReferenceLoaded(msgspec.Struct, frozen=True, kw_only=True):
    """What `reference.loaded` carries: never a row, and never a secret."""

    load: str
    table: str
    kind: str
    sha256: str
    rows: int
    origin: str
    as_of: int


def _answered(event: Event, said: Answered) -> Change:
    values = {
        "actor": said.actor,
        "person": said.person,
        "unit": said.unit,
        "purpose": event.purpose or "",
        "checkpoint": said.checkpoint,
        "kind": said.kind,
        "state": MET if event.operation == CHECKPOINT_MET else AWAITED,
        "met_at": said.met_at,
        "until": said.until,
        "is_once": said.is_once,
        "resources": json_text(said.resources),
        "subjects": json_text([list(one) for one in event.subjects or ()]),
        "text": event.justification_text,
        "case_id": event.case,
        "choices": json_text(said.choices),
        "wording": event.justification_wording or "",
        "policy": event.decision_policy or "",
        "decision": event.decision_id,
        "delivered_by": said.delivered_by,
        "second_person": said.second_person,
        "is_refused": said.is_refused,
        "verdict": event.justification_verdict or "",
        "findings": json_text(said.findings),
        "facts": json_text(said.facts),
        "verified_at": said.verified_at,
        "score": said.score,
        "flaws": json_text(said.flaws),
    }
    return Change("fulfilment", said.fulfilment, values)


def _declined(event: Event, said: Declined) -> Change:
    del event
    values: dict[str, Any] = {"state": DECLINED, "second_person": said.second_person}
    return Change("fulfilment", said.fulfilment, values, is_whole=False)


def _reverified(event: Event, said: Reverified) -> Change:
    del event
    values = {
        "verdict": said.verdict,
        "findings": json_text(said.findings),
        "facts": json_text(said.facts),
        "verified_at": said.verified_at,
        "is_refused": said.is_refused,
    }
    return Change("fulfilment", said.fulfilment, values, is_whole=False)


def _loaded(event: Event, said: ReferenceLoaded) -> Change:
    values = {
        "name": said.table,
        "kind": said.kind,
        "sha256": said.sha256,
        "row_count": said.rows,
        "origin": said.origin,
        "as_of": said.as_of,
        "loaded_at": event.time,
        "loaded_by": event.actor_id or "",
    }
    return Change("reference_load", said.load, values)


CHECKPOINT_PROJECTIONS: dict[str, Projection] = {
    CHECKPOINT_AWAITED: (Answered, _answered),
    CHECKPOINT_MET: (Answered, _answered),
    CHECKPOINT_DECLINED: (Declined, _declined),
    CHECKPOINT_VERDICT: (Reverified, _reverified),
    REFERENCE_LOADED: (ReferenceLoaded, _loaded),
}
