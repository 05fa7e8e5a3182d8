"""Decision: permit or deny, with reasons, obligations and the policy it was made under."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import msgspec


class Reason(StrEnum):
    """Why: stable codes; `TEXT` says each.  One that permits is `granted` or `standing`."""

    GRANTED = "granted"
    STANDING = "standing"
    BREAK_GLASS = "break_glass"
    PURPOSE_MISSING = "purpose_missing"
    PURPOSE_UNKNOWN = "purpose_unknown"
    PURPOSE_ENDED = "purpose_ended"
    ACTOR_UNKNOWN = "actor_unknown"
    NOT_IN_AUDIENCE = "not_in_audience"
    NO_GRANT = "no_grant"
    GRANT_ENDED = "grant_ended"
    GRANT_NOT_BEGUN = "grant_not_begun"
    RESOURCE_UNKNOWN = "resource_unknown"
    ACTION_UNKNOWN = "action_unknown"
    OUT_OF_SCOPE = "out_of_scope"
    COLUMN_OUT_OF_SCOPE = "column_out_of_scope"
    AGGREGATE_ONLY = "aggregate_only"
    NOT_INTENDED = "not_intended"
    PROHIBITED = "prohibited"
    CONDITION_NOT_MET = "condition_not_met"
    ATTRIBUTE_MISSING = "attribute_missing"
    OUTSIDE_AREA = "outside_area"
    OUTSIDE_HOURS = "outside_hours"
    LINE_ENDED = "line_ended"
    REASON_CODE_MISSING = "reason_code_missing"
    REASON_CODE_DENIED = "reason_code_denied"
    REASON_BARRED = "reason_barred"
    CHECKPOINT = "checkpoint"
    BUDGET_SPENT = "budget_spent"
    OBLIGATION_UNSUPPORTED = "obligation_unsupported"
    NOT_RECORDED = "not_recorded"
    WHAT_IF = "what_if"


TEXT: Mapping[Reason, str] = {
    Reason.GRANTED: "the actor holds a grant for the purpose",
    Reason.STANDING: "the actor is one of those who need no grant for the purpose",
    Reason.BREAK_GLASS: "the actor broke the glass; it is decided on afterwards",
    Reason.PURPOSE_MISSING: "no purpose was stated",
    Reason.PURPOSE_UNKNOWN: "there is no such purpose",
    Reason.PURPOSE_ENDED: "the purpose has ended",
    Reason.ACTOR_UNKNOWN: "it is not known whether the actor is one of those meant",
    Reason.NOT_IN_AUDIENCE: "the actor is not one of those who act for the purpose",
    Reason.NO_GRANT: "the actor has no grant for the purpose",
    Reason.GRANT_ENDED: "the grant has ended",
    Reason.GRANT_NOT_BEGUN: "the grant has not begun",
    Reason.RESOURCE_UNKNOWN: "the resource is not declared",
    Reason.ACTION_UNKNOWN: "the action is not declared",
    Reason.OUT_OF_SCOPE: "the purpose's scope does not have it",
    Reason.COLUMN_OUT_OF_SCOPE: "the purpose's scope does not have the column",
    Reason.AGGREGATE_ONLY: "the column may be counted, and not shown",
    Reason.NOT_INTENDED: "the dataset is not intended for the purpose",
    Reason.PROHIBITED: "it is prohibited",
    Reason.CONDITION_NOT_MET: "a condition of the scope is not met",
    Reason.ATTRIBUTE_MISSING: "an attribute that a condition needs is missing",
    Reason.OUTSIDE_AREA: "it is outside the area of the scope",
    Reason.OUTSIDE_HOURS: "it is outside the hours of the scope",
    Reason.LINE_ENDED: "this part of the scope has ended",
    Reason.REASON_CODE_MISSING: "access by the vendor needs a reason code",
    Reason.REASON_CODE_DENIED: "the reason code is not let in",
    Reason.REASON_BARRED: "the law forbids the reason that was given",
    Reason.CHECKPOINT: "a checkpoint must be met first",
    Reason.BUDGET_SPENT: "there is not so much left of what may be used",
    Reason.OBLIGATION_UNSUPPORTED: "the asking program cannot do what a permit would bind it to",
    Reason.NOT_RECORDED: "the decision could not be recorded",
    Reason.WHAT_IF: "nobody acts on this answer: it was only tried out",
}


class Obligation(msgspec.Struct, frozen=True, gc=False):
    """What must be done for a permit to stand; one that is not understood means deny.

    Ids: `row_filter` (`expression`: CEL with the actor's values put in), `columns`
    (`columns`: those there are for an attempt that names none), `masks` (`masks`:
    list), `aggregate_only` (`columns`), `max_rows`, `max_bytes` (`count`), `checkpoint`
    (`name`, `kind`, `prompt`, …), `notify` (`to`), `watermark`.
    """

    id: str
    parameters: Mapping[str, Any]


class Decision(msgspec.Struct, frozen=True, gc=False):
    """The answer to an attempt.

    `reasons` are codes, each maybe with the name of what it speaks of after a colon
    (`prohibited:no-export`).  `checkpoint` is set on a denial that meeting a checkpoint
    would lift; `is_requestable` on one that a grant or an attachment would.
    """

    permit: bool
    reasons: tuple[str, ...]
    policy_version: str
    decision_id: str
    obligations: tuple[Obligation, ...] = ()
    purpose: str | None = None
    grant: str | None = None
    line: str | None = None
    checkpoint: Obligation | None = None
    is_requestable: bool = False
