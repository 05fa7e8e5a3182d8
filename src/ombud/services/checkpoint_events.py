"""Checkpoint events: an answer, a confirmation or a refusal, as control events and as told.

What is personal lies where it can be erased: data subjects in their own field group,
text and case in the content.  The secret of a re-authentication is in none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ombud.access.checkpoint import wording_of
from ombud.access.justification import MEANINGS, Verdict
from ombud.access.justification_text import POOR, Quality
from ombud.access.model import Checkpoint, CheckpointKind
from ombud.core.event import ACTOR_TYPES, Event
from ombud.services.asker import Asker
from ombud.services.checkpoint_wanted import CheckpointWanted
from ombud.services.justifications import FLAG_CONTRADICTED, FLAG_POOR, Checked, Who
from ombud.services.own_events import own_event
from ombud.store.checkpoint import FulfilmentRow
from ombud.store.checkpoint_events import (
    AWAITED,
    CHECKPOINT_AWAITED,
    CHECKPOINT_DECLINED,
    CHECKPOINT_MET,
    MET,
)
from ombud.store.control_change import CONTROL

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer with all that becomes of it."""

    id: str
    actor: str
    who: Who
    checkpoint: Checkpoint
    version: str
    wanted: CheckpointWanted
    until: int
    is_once: bool
    checked: Checked
    quality: Quality | None
    is_refused: bool
    proved_by: str | None  # Who set the secret that was proved.

    @property
    def state(self) -> str:
        """Whether it is met, or waits for a second person."""
        return AWAITED if self.checkpoint.kind is CheckpointKind.SECOND_PERSON else MET


def _known_type(type_: str) -> str | None:
    """Return the type of an actor as events know it; AuthZEN's clients have words of their own."""
    return "person" if type_ == "user" else type_ if type_ in ACTOR_TYPES else None


def _stripped(text: str | None) -> str | None:
    return (text or "").strip() or None


def answered_event(one: Answer, *, asker: Asker, now: int) -> Event:
    """Return the event of an answer."""
    type_, _, id_ = one.actor.partition(":")
    wanted, quality, checked = one.wanted, one.quality, one.checked
    is_delivered = "request" not in asker.scopes
    attributes = {
        "fulfilment": one.id,
        "actor": one.actor,
        "person": one.who.person,
        "unit": one.who.unit,
        "checkpoint": one.checkpoint.name,
        "kind": one.checkpoint.kind.value,
        "met_at": now,
        "until": one.until,
        "is_once": one.is_once,
        "resources": [] if one.checkpoint.per == "actor" else list(wanted.resources),
        "items": list(wanted.resources),
        "choices": list(wanted.answer.choices),
        "delivered_by": asker.person if is_delivered else None,
        "is_refused": one.is_refused,
        "findings": [finding.value for finding in checked.findings],
        "facts": checked.facts,
        "verified_at": now,
        "score": None if quality is None else quality.score,
        "flaws": [] if quality is None else [flaw.value for flaw in quality.flaws],
        "proved_by": one.proved_by,
        "via": asker.via,
        "token": asker.token_id or "",
    }
    return own_event(
        time=now,
        source=CONTROL,
        action="justify",
        operation=CHECKPOINT_MET if one.state == MET else CHECKPOINT_AWAITED,
        native_id=one.id,
        actor_id=id_,
        actor_type=_known_type(type_),
        observed_by=asker.person if is_delivered else None,
        subjects=wanted.subjects or None,
        purpose=wanted.purpose,
        case=_stripped(wanted.answer.case),
        justification_text=_stripped(wanted.answer.text),
        justification_verdict=checked.verdict.value,
        justification_checkpoint=one.checkpoint.name,
        justification_wording=wording_of(one.checkpoint),
        decision_id=wanted.decision,
        decision_policy=one.version,
        flags=_flags(one),
        attributes={name: value for name, value in attributes.items() if value is not None},
    )


def _flags(one: Answer) -> tuple[str, ...] | None:
    flags = []
    if one.checked.verdict is Verdict.CONTRADICTED:
        flags.append(FLAG_CONTRADICTED)
    if one.quality is not None and one.quality.score < POOR:
        flags.append(FLAG_POOR)
    return tuple(flags) or None


def answer_json(one: Answer) -> Json:
    """Return what becomes of an answer, for who gave it."""
    quality = one.quality
    return {
        "id": one.id,
        "state": one.state,
        "until": one.until,
        "is_once": one.is_once,
        "is_refused": one.is_refused,
        "verdict": one.checked.verdict.value,
        "findings": [
            {"code": finding.value, "meaning": MEANINGS[finding]}
            for finding in one.checked.findings
        ],
        "score": None if quality is None else quality.score,
        "flaws": [] if quality is None else [flaw.value for flaw in quality.flaws],
    }


def confirmed_event(row: FulfilmentRow, *, until: int, asker: Asker, now: int) -> Event:
    """Return the event by which a second person lets an act go on."""
    attributes = {
        "fulfilment": row.id,
        "actor": row.actor,
        "person": row.person,
        "unit": row.unit,
        "checkpoint": row.checkpoint,
        "kind": row.kind,
        "met_at": now,
        "until": until,
        "is_once": row.is_once,
        "resources": list(row.resources),
        "choices": list(row.choices),
        "delivered_by": row.delivered_by,
        "second_person": asker.person,
        "is_refused": row.is_refused,
        "findings": list(row.findings),
        "facts": row.facts,
        "verified_at": row.verified_at,
        "score": row.score,
        "flaws": list(row.flaws),
        "via": asker.via,
        "token": asker.token_id or "",
    }
    return own_event(
        time=now,
        source=CONTROL,
        action="approve",
        operation=CHECKPOINT_MET,
        actor_id=asker.person,
        actor_type="person",
        parent_id=row.id,
        subjects=row.subjects or None,
        purpose=row.purpose,
        case=row.case_id,
        justification_text=row.text,
        justification_verdict=row.verdict,
        justification_checkpoint=row.checkpoint,
        justification_wording=row.wording,
        decision_id=row.decision,
        decision_policy=row.policy,
        attributes={name: value for name, value in attributes.items() if value is not None},
    )


def declined_event(row: FulfilmentRow, *, asker: Asker, now: int) -> Event:
    """Return the event by which a second person does not let an act go on."""
    return own_event(
        time=now,
        source=CONTROL,
        action="revoke",
        operation=CHECKPOINT_DECLINED,
        actor_id=asker.person,
        actor_type="person",
        outcome="denied",
        parent_id=row.id,
        purpose=row.purpose,
        case=row.case_id,
        justification_checkpoint=row.checkpoint,
        attributes={"fulfilment": row.id, "second_person": asker.person, "via": asker.via,
                    "token": asker.token_id or ""},
    )  # fmt: skip


def awaiting_json(row: FulfilmentRow) -> Json:
    """Return what a second person needs to know of an act."""
    return {
        "id": row.id,
        "actor": row.actor,
        "checkpoint": row.checkpoint,
        "purpose": row.purpose,
        "resources": list(row.resources),
        "subjects": [list(one) for one in row.subjects],
        "text": row.text,
        "case": row.case_id,
        "verdict": row.verdict,
        "findings": list(row.findings),
        "asked_at": row.met_at,
        "until": row.until,
        "wording": row.wording,
    }


def decision_fields(rows: Sequence[FulfilmentRow]) -> Json:
    """Return what the event of a decision says of its justifications: the verdict beside the text.

    Of several, the names are listed, and the worst verdict stands.
    """
    if not rows:
        return {}
    worst = [Verdict.CONTRADICTED, Verdict.STALE, Verdict.UNVERIFIABLE, Verdict.VERIFIED]
    verdicts = {row.verdict for row in rows}
    said = {
        "justification_text": "\n".join(row.text for row in rows if row.text) or None,
        "justification_verdict": next((one.value for one in worst if one.value in verdicts), None),
        "justification_checkpoint": ", ".join(row.checkpoint for row in rows),
        "justification_wording": "\n".join(row.wording for row in rows),
        "case": next((row.case_id for row in rows if row.case_id), None),
    }
    return {name: value for name, value in said.items() if value is not None}
