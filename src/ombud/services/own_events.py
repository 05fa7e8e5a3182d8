"""Own events: what Ombud itself does, as events like any other.

Sources that start with `ombud.` are Ombud's own.  The original of such an event
is the canonical JSON of its fields, so that it can be read without Ombud.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import orjson

from ombud.core.errors import InputError
from ombud.core.event import Event
from ombud.detect.alerting.engine import TICK_SOURCE
from ombud.services.asker import Asker

SYSTEM = "ombud"
LOOK = "ombud.look"
TICK = TICK_SOURCE
API_ACTIVITY = 6003
DATASTORE_ACTIVITY = 6005
ACTIVITY_READ = 2
ACTIVITY_QUERY = 4
ACTIVITY_OTHER = 99


def own_event(*, time: int, source: str, action: str, native_id: str = "", **fields: Any) -> Event:
    """Return an event of Ombud's own with its original filled in.

    Raises `InputError` for text that is not Unicode, as a terminal may give it.
    """
    native_id = native_id or uuid.uuid4().hex
    known = {name: value for name, value in fields.items() if value is not None}
    said = {"time": time, "source": source, "action": action, "native_id": native_id, **known}
    try:
        raw = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
    except TypeError as error:  # A lone surrogate: bytes that were no UTF-8.
        raise InputError(f"what was given is not text: {error}") from error
    known.setdefault("resource_system", SYSTEM)
    known.setdefault("outcome", "success")
    known.setdefault("class_uid", API_ACTIVITY)
    known.setdefault("activity_id", ACTIVITY_OTHER)
    return Event(time=time, source=source, action=action, native_id=native_id, raw=raw, **known)


def look_event(
    time: int,
    operation: str,
    asker: Asker,
    why: str | None,
    case: str | None,
    *,
    directory: int | None = None,
    said: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Event:
    """Return the event that somebody looks at what is kept, recorded before they see it.

    `directory` is the index of the load by which people are known meanwhile, 0 for none:
    another load changes what the same question is answered.  `said` is what else the
    question was, as attributes.
    """
    attributes: dict[str, Any] = {"via": asker.via, "token": asker.token_id or "", **(said or {})}
    if directory is not None:
        attributes["directory"] = directory
    return own_event(
        time=time,
        source=LOOK,
        action="search" if operation in {"search", "sessions", "who"} else "read",
        operation=operation,
        class_uid=DATASTORE_ACTIVITY,
        activity_id=ACTIVITY_QUERY,
        actor_id=asker.person,
        actor_type="person",
        resource_dataset="record",
        justification_text=why,
        case=case,
        attributes=attributes,
        **fields,
    )


def tick_event(time: int) -> Event:
    """Return the event that carries log time to the engines; the same for the same time."""
    return own_event(
        time=time,
        source=TICK,
        action="tick",
        native_id=f"tick-{time}",
        actor_id="ombud",
        actor_type="service",
    )
