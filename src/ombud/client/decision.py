"""Decision: what Ombud answered, read strictly; whatever is not clearly a permit is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from ombud.core.errors import Forbidden, Unavailable

Json = dict[str, Any]
VENDOR = "ombud"
CUSTOM = "custom"
NOTIFICATION = "notification"
NOTIFY = "notify"


@dataclass(frozen=True, slots=True)
class Obligation:
    """What must be done for a permit to stand."""

    id: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to "may this be done": `permit` alone lets it happen.

    `checkpoint` says what a person could do to lift a denial, `request_url` where
    permission can be asked for.
    """

    permit: bool
    reasons: tuple[str, ...] = ()
    decision_id: str = ""
    obligations: tuple[Obligation, ...] = ()
    checkpoint: Mapping[str, Any] | None = None
    request_url: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether it is a permit."""
        return self.permit

    def denied(self, *reasons: str) -> Decision:
        """Return the same as a denial, for these reasons."""
        return Decision(
            permit=False, reasons=reasons, decision_id=self.decision_id, context=self.context
        )


class Denied(Forbidden):
    """An act that may not be done; `decision` says why, and what would change that."""

    code = "denied"

    def __init__(self, decision: Decision) -> None:
        why = ", ".join(decision.reasons) or "no reason given"
        hint = ""
        if decision.checkpoint is not None:
            hint = f"needs first: {decision.checkpoint.get('prompt', 'a justification')}"
        elif decision.request_url is not None:
            hint = f"ask for it at {decision.request_url}"
        super().__init__(f"denied: {why}", hint=hint)
        self.decision = decision


class _Answer(msgspec.Struct, frozen=True):
    decision: bool
    context: Json = {}


def read_decision(body: bytes) -> Decision:
    """Return what an AuthZEN answer says; raises `Unavailable` for what is no answer."""
    try:
        answer = msgspec.json.decode(body, type=_Answer)
        context = answer.context
        obligations = tuple(map(_obligation, _listed(context.get("obligations"))))
        reasons = tuple(str(one) for one in _listed(context.get("reasons")))
    except (msgspec.DecodeError, RecursionError, TypeError, ValueError) as error:
        raise Unavailable(f"the server's answer is no decision: {error}") from error
    checkpoint, request = context.get("checkpoint"), context.get("access_request")
    url = request.get("url") if isinstance(request, dict) else request
    return Decision(
        permit=answer.decision,
        reasons=reasons,
        decision_id=str(context.get("decision_id", "")),
        obligations=obligations,
        checkpoint=checkpoint if isinstance(checkpoint, dict) else None,
        request_url=url if isinstance(url, str) else None,
        context=context,
    )


def _listed(value: object) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError("not a list")
    return value


def _obligation(value: object) -> Obligation:
    """Return one obligation as programs name it: by what Ombud calls it, where it is Ombud's.

    AuthZEN's obligations profile (draft 1 of 2026-07-03) has `type` and `properties`;
    ours are of the type `custom`, with `vendor` and `action`.
    """
    if not isinstance(value, dict):
        raise TypeError("an obligation is no object")
    kind, properties = str(value.get("type", "")), value.get("properties", {})
    if not isinstance(properties, dict):
        raise TypeError("the properties of an obligation are no object")
    parameters = dict(properties)
    if kind != CUSTOM:
        return Obligation(NOTIFY if kind == NOTIFICATION else kind, parameters)
    vendor, action = parameters.pop("vendor", ""), str(parameters.pop("action", ""))
    return Obligation(action if vendor == VENDOR else f"{vendor}:{action}", parameters)
