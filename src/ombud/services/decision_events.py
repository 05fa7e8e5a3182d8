"""Decision events: what was decided, as events, in canonical bytes from the start.

One event for one decision, and one for a whole batch, which holds its decisions in
`attributes.decisions`, each with an id of its own; what was asked is in `query_text`.
`decisions_of` reads both.  These are made many thousand times a second, so the bytes are
written without an `Event` between; a test holds that they are those of the event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
import orjson

from ombud.access.attempt import NOTHING, Attempt
from ombud.access.decision import Decision
from ombud.core.batch import BatchBuilder, Row
from ombud.core.errors import InputError
from ombud.core.event import ACTIONS, ACTOR_TYPES, Event
from ombud.services.asker import Asker
from ombud.services.decision_layout import dumps, write_groups
from ombud.services.own_events import ACTIVITY_OTHER, API_ACTIVITY

DECISION = "ombud.decision"
DATASET = "dataset"
BATCH = "evaluations"  # The operation of a batch whose decisions are about several actions.
OTHER = "other"
DECISIONS_MAX = 10_000  # In one event: some 2 MB, of the 16 MiB that an original may have.

Json = dict[str, Any]
Recordable = tuple[Row, bytes]  # The event in canonical bytes, and its original.

_WORDS = ("session_id", "query_id", "workflow_id", "case")  # Of the context, with fields of ours.
_NOTHING_SAID = Attempt("", "", "", "", "")


class Decided(NamedTuple):
    """One decision as the record holds it, alone or out of a batch."""

    id: str
    time: int
    actor_type: str
    actor_id: str
    action: str
    resource_type: str
    resource_id: str
    purpose: str | None
    permit: bool
    reasons: tuple[str, ...]
    grant: str | None
    policy: str
    stated: Mapping[str, Any]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: object) -> int | None:
    return value if type(value) is int else None


def _stated(attempt: Attempt, beyond: Attempt = _NOTHING_SAID) -> Json:
    """Return what the asking program said, so that the attempt can be decided again.

    What it shares with `beyond` is left out.
    """
    said: Json = {}
    if attempt.actor and attempt.actor is not beyond.actor:
        said["actor"] = attempt.actor
    if attempt.action_properties and attempt.action_properties is not beyond.action_properties:
        said["action"] = attempt.action_properties
    if attempt.resource:
        said["resource"] = attempt.resource
    if attempt.context and attempt.context is not beyond.context:
        said["context"] = attempt.context
    if attempt.columns is not None:
        said["columns"] = attempt.columns
    if attempt.fulfilments:
        said["fulfilments"] = [one.id for one in attempt.fulfilments]
    return said


def decision_row(
    attempt: Attempt,
    decision: Decision,
    *,
    asker: Asker,
    now: int,
    instead_of: str | None = None,
    fields: Mapping[str, Any] = NOTHING,
) -> Recordable:
    """Return the event of one decision; `now` is in milliseconds.

    `instead_of` is the decision that was not let out, because the policy changed before.
    `fields` are what budgets add (`budget_fields`).  Raises `InputError` for what has
    no canonical form.
    """
    attributes: Json = {"via": asker.via, "token": asker.token_id or ""}
    if decision.line is not None:
        attributes["line"] = decision.line
    if decision.checkpoint is not None:
        attributes["checkpoint"] = decision.checkpoint.parameters.get("name", "")
    if instead_of is not None:
        attributes["instead_of"] = instead_of
    said = _said(attempt, decision, now)
    if attempt.fulfilments:
        attributes["justifications"] = [one.id for one in attempt.fulfilments]
    if stated := _stated(attempt):
        said["query_text"] = dumps({"stated": stated}).decode()
    _name_actor(attempt, said, attributes)
    said["observed_by"] = asker.person
    return _finish(said, attributes, fields, _named([attempt]))


def _name_actor(attempt: Attempt, said: Json, attributes: Json) -> None:
    said["actor_id"] = attempt.actor_id
    if attempt.actor_type in ACTOR_TYPES:
        said["actor_type"] = attempt.actor_type
    else:  # A word of AuthZEN's clients: kept as it was said, for the vocabulary is closed.
        attributes["actor_type"] = attempt.actor_type


def _said(attempt: Attempt, decision: Decision, now: int) -> Json:
    """Return the fields that an attempt and its decision fill in, without absent ones."""
    said: Json = {
        "time": now,
        "source": DECISION,
        "action": attempt.action if attempt.action in ACTIONS else OTHER,
        "operation": attempt.action,
        "native_id": decision.decision_id,
        "resource_type": attempt.resource_type,
        "decision_id": decision.decision_id,
        "decision_permit": decision.permit,
        "decision_reasons": decision.reasons,
        "decision_policy": decision.policy_version,
        "outcome": "success" if decision.permit else "denied",
    }
    if attempt.resource_type == DATASET:
        said["resource_dataset"] = attempt.resource_id
    else:
        said["resource_id"] = attempt.resource_id
    if decision.purpose is not None:
        said["purpose"] = decision.purpose
    elif attempt.purpose is not None:
        said["purpose"] = attempt.purpose
    if decision.grant is not None:
        said["grant"] = decision.grant
    if decision.obligations:
        said["decision_obligations"] = [one.id for one in decision.obligations]
    if attempt.fulfilments:
        said["justification_checkpoint"] = attempt.fulfilments[0].checkpoint
    if attempt.context:
        _add_context(said, attempt.context)
    return said


def _add_context(said: Json, context: Mapping[str, Any]) -> None:
    for name in _WORDS:
        if (value := _text(context.get(name))) is not None:
            said[name] = value
    if (area := _text(context.get("area"))) is not None:
        said["place_area"] = area
    if (text := _text(context.get("justification"))) is not None:
        said["justification_text"] = text
    if (rows := _number(context.get("rows"))) is not None:
        said["rows_requested"] = rows
    if (size := _number(context.get("bytes"))) is not None:
        said["bytes_requested"] = size


def _named(attempts: Sequence[Attempt]) -> list[tuple[str, str]]:
    """Return the data subjects that attempts name, also of those that were denied."""
    found = []
    for attempt in attempts:
        subjects = attempt.context.get("subjects") if attempt.context else None
        for one in subjects if isinstance(subjects, list) else ():
            kind, _, key = one.partition(":") if isinstance(one, str) else ("", "", "")
            if kind and key:
                found.append((kind, key))
    return found


def _finish(
    said: Json, attributes: Json, fields: Mapping[str, Any], named: list[tuple[str, str]]
) -> Recordable:
    """Return the canonical groups and the original of an event that says this."""
    for name, value in fields.items():
        if name == "attributes":
            attributes.update(value)
        elif value is not None:
            said[name] = value
    if named:  # After those that budgets speak of by their place.
        said["subjects"] = tuple(dict.fromkeys((*(fields.get("subjects") or ()), *named)))
    said["attributes"] = orjson.Fragment(dumps(attributes))
    raw = dumps(said)
    said["class_uid"], said["activity_id"] = API_ACTIVITY, ACTIVITY_OTHER
    said["time_known"] = True
    actor, data_subject, content = write_groups(said)
    return (API_ACTIVITY, actor, data_subject, content, said["native_id"]), raw


def batch_row(
    attempts: Sequence[Attempt],
    decisions: Sequence[Decision],
    *,
    batch_id: str,
    asker: Asker,
    now: int,
    instead_of: str | None = None,
    fields: Mapping[str, Any] = NOTHING,
) -> Recordable:
    """Return the one event of a batch; `attempts` and `decisions` go in pairs.

    What all have in common stands in the fields of the event, the rest with each: what
    was decided in `attributes.decisions`, and who and what it was about in `query_text`,
    in the same order, where it can be erased with the data subject.
    """
    if not 0 < len(decisions) <= DECISIONS_MAX:
        raise InputError(
            f"a batch has 1 to {DECISIONS_MAX} decisions, not {len(decisions)}",
            hint="ask in several batches",
        )
    first = attempts[0]
    actors = {(attempt.actor_type, attempt.actor_id) for attempt in attempts}
    actions = {attempt.action for attempt in attempts}
    purposes = {decision.purpose for decision in decisions}
    permits = sum(decision.permit for decision in decisions)
    one_actor, one_action, one_purpose = len(actors) == 1, len(actions) == 1, len(purposes) == 1
    attributes: Json = {"via": asker.via, "token": asker.token_id or "", "permitted": permits}
    said: Json = {
        "time": now,
        "source": DECISION,
        "action": first.action if one_action and first.action in ACTIONS else OTHER,
        "operation": first.action if one_action else BATCH,
        "native_id": batch_id,
        "decision_id": batch_id,
        "decision_policy": decisions[0].policy_version,
        "outcome": "success" if permits else "denied",
        "observed_by": asker.person,
    }
    if permits in {0, len(decisions)}:
        said["decision_permit"] = permits > 0
    if one_actor:
        _name_actor(first, said, attributes)
    if one_purpose and decisions[0].purpose is not None:
        said["purpose"] = decisions[0].purpose
    if instead_of is not None:
        attributes["instead_of"] = instead_of
    common = _common(attempts)
    about: Json = {
        "decisions": [_about(attempt, common, one_actor=one_actor) for attempt in attempts]
    }
    if stated := _stated(common):
        about["stated"] = stated
    said["query_text"] = dumps(about).decode()
    attributes["decisions"] = [
        _item(attempt, decision, one_action=one_action, one_purpose=one_purpose)
        for attempt, decision in zip(attempts, decisions, strict=True)
    ]
    return _finish(said, attributes, fields, _named(attempts))


def _common(attempts: Sequence[Attempt]) -> Attempt:
    """Return what is stated once for all attempts of a batch: the very same mapping."""
    first = attempts[0]

    def shared(name: str) -> Mapping[str, Any]:
        value: Mapping[str, Any] = getattr(first, name)
        is_shared = all(getattr(attempt, name) is value for attempt in attempts)
        return value if is_shared else NOTHING

    return msgspec.structs.replace(
        _NOTHING_SAID,
        actor=shared("actor"),
        action_properties=shared("action_properties"),
        context=shared("context"),
    )


def _about(attempt: Attempt, common: Attempt, *, one_actor: bool) -> Json:
    about: Json = {"resource": (attempt.resource_type, attempt.resource_id)}
    if not one_actor:
        about["actor"] = (attempt.actor_type, attempt.actor_id)
    if stated := _stated(attempt, common):
        about["stated"] = stated
    return about


def _item(attempt: Attempt, decision: Decision, *, one_action: bool, one_purpose: bool) -> Json:
    item: Json = {
        "id": decision.decision_id,
        "permit": decision.permit,
        "reasons": decision.reasons,
    }
    if not one_action:
        item["action"] = attempt.action
    if not one_purpose and decision.purpose is not None:
        item["purpose"] = decision.purpose
    if decision.grant is not None:
        item["grant"] = decision.grant
    if attempt.fulfilments:
        item["justifications"] = [one.id for one in attempt.fulfilments]
    if decision.line is not None:
        item["line"] = decision.line
    if decision.obligations:
        item["obligations"] = [one.id for one in decision.obligations]
    return item


def decisions_of(event: Event) -> Iterator[Decided]:
    """Yield the decisions that an event of the record holds: none, one, or those of a batch.

    Of an event from which the data subject was erased, resources and what was stated
    are not known any more.
    """
    if event.source != DECISION:
        return
    attributes = event.attributes or {}
    about: Json = orjson.loads(event.query_text) if event.query_text else {}
    stated = about.get("stated", {})
    actor = (event.actor_type or attributes.get("actor_type", ""), event.actor_id or "")
    if "decisions" not in attributes:
        yield Decided(
            event.decision_id or "",
            event.time,
            *actor,
            event.operation or "",
            event.resource_type or "",
            event.resource_id or event.resource_dataset or "",
            event.purpose,
            bool(event.decision_permit),
            tuple(event.decision_reasons or ()),
            event.grant,
            event.decision_policy or "",
            stated,
        )
        return
    items = attributes["decisions"]
    for item, one in zip(items, about.get("decisions") or [{}] * len(items), strict=True):
        actor_type, actor_id = one.get("actor", actor)
        resource_type, resource_id = one.get("resource", ("", ""))
        yield Decided(
            item["id"],
            event.time,
            actor_type,
            actor_id,
            item.get("action", event.operation or ""),
            resource_type,
            resource_id,
            item.get("purpose", event.purpose),
            item["permit"],
            tuple(item["reasons"]),
            item.get("grant"),
            event.decision_policy or "",
            stated | one.get("stated", {}),
        )


def add_rows(builder: BatchBuilder, recordables: Sequence[Recordable]) -> None:
    """Add events of decisions to a batch on its way into the record."""
    rows, raws = zip(*recordables, strict=True)
    builder.add_rows(rows, raws, source=DECISION)
