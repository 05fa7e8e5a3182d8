"""AuthZEN context: what an answer says beside its decision: reasons, obligations, what next.

Obligations are written as the obligations profile says (draft 1 of 2026-07-03, openid/authzen
e287920): `notification`, `step-up`, and `custom` for those of our own, which a program
that does not know them must take for a denial.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from ombud.access.attempt import Attempt
from ombud.access.decision import TEXT, Decision, Obligation, Reason
from ombud.access.model import CheckpointKind
from ombud.core.errors import InputError
from ombud.services.negotiation import CUSTOM, NOTIFICATION, STEP_UP

Json = dict[str, Any]
# What a denial that can be requested adds, by the profile of access requests.
Requestable = Callable[[Attempt, Decision], Mapping[str, Any]]

VENDOR = "ombud"
LANGUAGE = "en"
WORDS_KEPT = 256  # Most denials are for a few reasons; a question bounds the length of others.
_TEXT = {reason.value: text for reason, text in TEXT.items()}
REAUTHENTICATION = "urn:ombud:reauthentication"  # The `acr_value` of a step-up.
MEET_AT = "/v1/checkpoints/{}/justifications"  # Of the person themself, with their token.


def no_request(attempt: Attempt, decision: Decision) -> Mapping[str, Any]:
    """Return nothing: nobody can be asked."""
    del attempt, decision
    return {}


def decision_answer(attempt: Attempt, decision: Decision, request: Requestable) -> Json:
    """Return the Decision object (AuthZEN 1.0, `decision`)."""
    return {"decision": decision.permit, "context": _context(attempt, decision, request)}


def _context(attempt: Attempt, decision: Decision, request: Requestable) -> Json:
    context: Json = {
        "decision_id": decision.decision_id,
        "policy_version": decision.policy_version,
        "reasons": decision.reasons,
    }
    if decision.purpose is not None:
        context["purpose"] = decision.purpose
    if decision.obligations:
        context["obligations"] = obligation_objects(decision.obligations)
    if decision.permit:
        return context
    context["reason"] = decision.reasons[0] if decision.reasons else ""
    context["reason_user"], context["reason_admin"] = _words(decision.reasons)
    if decision.checkpoint is not None:
        _add_checkpoint(context, decision.checkpoint)
    if decision.is_requestable:
        context.update(request(attempt, decision))
    return context


@lru_cache(maxsize=WORDS_KEPT)
def _words(reasons: tuple[str, ...]) -> tuple[Json, Json]:
    """Return reasons in words (AuthZEN 1.0, decision context): for who acts, and who sees to it.

    Only the latter says names of the policy.
    """
    told = {code: _TEXT.get(code.partition(":")[0], code) for code in reasons}
    return (
        {LANGUAGE: "; ".join(dict.fromkeys(told.values()))},
        {LANGUAGE: "; ".join([f"{code}: {text}" for code, text in told.items()])},
    )


def _add_checkpoint(context: Json, checkpoint: Obligation) -> None:
    name = str(checkpoint.parameters.get("name", ""))
    context["checkpoint"] = {**checkpoint.parameters, "meet_at": MEET_AT.format(quote(name))}
    if checkpoint.parameters.get("kind") == CheckpointKind.REAUTHENTICATION:
        step = {"acr_value": REAUTHENTICATION}
        context["obligations"] = [{"id": f"step-up-{name}", "type": STEP_UP, "properties": step}]


def obligation_objects(obligations: tuple[Obligation, ...]) -> list[Json]:
    """Return obligation objects: `id` unique in the answer, `type` registered, `properties`."""
    found: list[Json] = []
    for obligation in obligations:
        if obligation.id == "notify":
            for to in obligation.parameters.get("to", ()):
                message = {"to": to, "topic": "ombud", "body": _BODY}
                found.append(_object(len(found), NOTIFICATION, message))
        else:
            properties = {"vendor": VENDOR, "action": obligation.id, **obligation.parameters}
            found.append(_object(len(found), CUSTOM, properties))
    return found


_BODY = "An act was permitted of which you are to be told; the decision id says which."


def _object(number: int, kind: str, properties: Json) -> Json:
    return {"id": f"obl-{number + 1}", "type": kind, "properties": properties}


def error_answer(error: InputError) -> Json:
    """Return the Decision object of an evaluation that was malformed (evaluations, errors)."""
    return {
        "decision": False,
        "context": {
            "reason": "malformed",
            "error": {"status": 400, "message": str(error)},
        },
    }


def what_if_answer(decision: Decision) -> Json:
    """Return what would be decided, in a form that nobody takes for a permit.

    `decision` is false whatever would be, for a program may look at nothing else.
    """
    would: Json = {"decision": decision.permit, "reasons": decision.reasons}
    if decision.obligations:
        would["obligations"] = obligation_objects(decision.obligations)
    if decision.checkpoint is not None:
        would["checkpoint"] = dict(decision.checkpoint.parameters)
    return {
        "decision": False,
        "context": {
            "what_if": True,
            "reason": Reason.WHAT_IF.value,
            "policy_version": decision.policy_version,
            "would": would,
        },
    }
