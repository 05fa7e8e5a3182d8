"""Negotiation: a permit whose obligations the asking program cannot meet is a denial.

AuthZEN obligations profile, draft 1 of 2026-07-03 (openid/authzen e287920): a program may
state in `context.supported_obligations` which registered types it executes.  Most of ours
are of the type `custom`; `context.ombud_obligations` says which of these it knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ombud.access.decision import Decision, Obligation, Reason
from ombud.core.errors import InputError

STATED = "supported_obligations"
STATED_OURS = "ombud_obligations"
NOTIFICATION = "notification"
CUSTOM = "custom"
STEP_UP = "step-up"
TYPES = (NOTIFICATION, STEP_UP, CUSTOM)  # That we may issue.
OURS = ("row_filter", "masks", "aggregate_only", "max_rows", "max_bytes", "watermark")
WORDS_MAX = 64  # Types that a program states: four are registered.


def type_of(obligation: Obligation) -> str:
    """Return the registered type of an obligation."""
    return NOTIFICATION if obligation.id == "notify" else CUSTOM


def stated_words(context: Mapping[str, Any], name: str) -> frozenset[str] | None:
    """Return the words that a program states, None when it states nothing; `InputError`."""
    value = context.get(name)
    if value is None:
        return None
    if (
        not isinstance(value, list | tuple)
        or len(value) > WORDS_MAX
        or not all(isinstance(word, str) for word in value)
    ):
        raise InputError(
            f"`{name}` is no list of at most {WORDS_MAX} texts", origin=f"context.{name}"
        )
    return frozenset(value)


def negotiate(decision: Decision, context: Mapping[str, Any]) -> Decision:
    """Return the decision, or a denial that names what the program cannot meet."""
    types = stated_words(context, STATED)
    ours = stated_words(context, STATED_OURS)
    if not decision.permit or (types is None and ours is None):
        return decision
    unmet = []
    for obligation in decision.obligations:
        kind = type_of(obligation)
        if (types is not None and kind not in types) or (
            ours is not None and kind == CUSTOM and obligation.id not in ours
        ):
            unmet.append(f"{Reason.OBLIGATION_UNSUPPORTED.value}:{obligation.id}")
    if not unmet:
        return decision
    return msgspec.structs.replace(
        decision, permit=False, reasons=tuple(unmet), obligations=(), grant=None, line=None
    )
