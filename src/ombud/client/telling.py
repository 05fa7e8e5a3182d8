"""Telling: the events that a program says of its own, as OCSF documents."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import orjson

from ombud.client.purposes import current_purpose
from ombud.client.resource import Resource
from ombud.core.clock import now_ms
from ombud.core.errors import InputError
from ombud.core.event import ACTIONS, ACTOR_TYPES, OUTCOMES, Event
from ombud.core.ocsf import event_to_ocsf

DATASET = "dataset"
DATASTORE_ACTIVITY = 6005
API_ACTIVITY = 6003
OTHER = "other"
# The record gives the first two, the client the others.
NOT_SAID = frozenset({"id", "ingested_at", "raw", "source", "action", "native_id"})


def event_document(
    action: str,
    resource: Resource | None,
    *,
    source: str,
    actor: str,
    subjects: Sequence[str] = (),
    fields: Mapping[str, Any],
) -> bytes:
    """Return the document of one event, with an id of its own and the purpose that holds.

    `actor` is `type:id`, `subjects` are `kind:key`; `fields` are those of the event model
    by attribute, such as `rows_returned`.  Raises `InputError` for what has no such field.
    """
    kind, id_ = split_name(actor, "actor")
    known: dict[str, Any] = {
        "actor_id": id_,
        "operation": action,
        "class_uid": API_ACTIVITY if resource is None else DATASTORE_ACTIVITY,
        "outcome": "success",
    }
    if kind in ACTOR_TYPES:
        known["actor_type"] = kind
    stated = current_purpose()
    if stated is not None:
        known |= {"purpose": stated.name, "case": stated.case}
    if resource is not None:
        name = "resource_dataset" if resource.type == DATASET else "resource_id"
        known |= {"resource_type": resource.type, name: resource.id}
        known["columns_projected"] = resource.columns
    if subjects:
        known["subjects"] = tuple(split_name(one, "subject") for one in subjects)
    if given := sorted(NOT_SAID & fields.keys()):
        raise InputError(f"`{given[0]}` is not for a program to say")
    said = {
        "time": now_ms(),
        **known,
        **fields,
        "source": source,
        "action": action if action in ACTIONS else OTHER,
        "native_id": uuid.uuid4().hex,
    }
    if unknown := sorted(said.keys() - Event.__struct_fields__):
        raise InputError(f"events have no field `{unknown[0]}`", hint="docs/event-model.md")
    if said["outcome"] not in OUTCOMES:
        raise InputError(f"`{said['outcome']}` is no outcome", hint=", ".join(sorted(OUTCOMES)))
    try:
        event = msgspec.convert(said, Event)
        return orjson.dumps(event_to_ocsf(event), option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError) as error:  # Of another type, or no text that is Unicode.
        raise InputError(f"no event: {error}") from error


def split_name(name: str, what: str) -> tuple[str, str]:
    """Return the parts of `type:id`; raises `InputError`."""
    kind, _, id_ = name.partition(":")
    if not kind or not id_:
        raise InputError(f"`{name}` is no {what}: it is written `type:id`")
    return kind, id_
