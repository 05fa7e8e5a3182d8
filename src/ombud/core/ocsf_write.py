"""OCSF writing: an event as an OCSF 1.8 document.

Every field goes to its path in `ombud.core.fields`.  What a class demands and
the event does not state is filled in; where that lands on a field's own path,
`ombud.derived` names it, so that reading gives back the same event.  Attributes
that a class does not define belong to the profile `ombud/oversight`, which the
document declares (`docs/sources/ocsf.md`).
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from ombud.core.event import Event
from ombud.core.fields import FIELDS, OCSF_VERSION, Kind
from ombud.core.ocsf_table import (
    ACCOUNT_CHANGE,
    ACTIVITY_UNKNOWN,
    API_ACTIVITY,
    AUTHENTICATION,
    AUTHORIZE_SESSION,
    DATASTORE,
    DETECTION_FINDING,
    ENTITY_MANAGEMENT,
    FILE_HOSTING,
    GROUP_MANAGEMENT,
    USER_ACCESS,
    WEB_RESOURCES,
    class_of,
)

MODEL_VERSION = 1
PRODUCT = {"name": "Ombud", "vendor_name": "Ombud"}
# 999 is the number OCSF leaves to extensions that are not in its registry.
EXTENSION = {"name": "ombud", "uid": "999", "version": "1.0.0"}
PROFILES = ("ombud/oversight",)
RAW_BASE64 = "base64"
UNKNOWN = "unknown"

_PATHS = tuple(tuple(field.ocsf.split(".")) for field in FIELDS)
_values = attrgetter(*(field.attribute for field in FIELDS))
_SUBJECTS = [field.kind for field in FIELDS].index(Kind.SUBJECTS)
_STATUS_IDS = {"success": 1, "failure": 2, "denied": 2, "unknown": 0}
_USER_TYPE_IDS = {"person": 1, "service": 4, "agent": 99}
_SEVERITIES = frozenset({0, 1, 2, 3, 4, 5, 6, 99})
_SEVERITY_INFORMATIONAL = 1
_OTHER = 99


def _put(document: dict[str, Any], path: tuple[str, ...], value: object) -> None:
    for key in path[:-1]:
        document = document.setdefault(key, {})
    document[path[-1]] = value


def event_to_ocsf(event: Event) -> dict[str, Any]:
    """Return the event as an OCSF document of plain JSON values."""
    document: dict[str, Any] = {}
    for position, value in enumerate(_values(event)):
        if value is None:
            continue
        if position == _SUBJECTS:
            value = [{"kind": kind, "key": key} for kind, key in value]  # noqa: PLW2901
        elif type(value) is tuple:
            value = list(value)  # noqa: PLW2901
        _put(document, _PATHS[position], value)
    derived: list[str] = []
    _classify(document, event, derived)
    _identify(document, event)
    _complete(document, event, derived)
    _attach_raw(document, event.raw)
    if "resources" in document:
        document["resources"] = [document["resources"]]
    extension = document.setdefault("ombud", {})
    extension["model"] = MODEL_VERSION
    if derived:
        extension["derived"] = derived
    return document


def _classify(document: dict[str, Any], event: Event, derived: list[str]) -> None:
    class_uid, activity_id = class_of(event.action, event.class_uid)
    if event.class_uid is None:
        derived.append("class_uid")
    if event.activity_id is None:
        derived.append("activity_id")
    else:
        activity_id = event.activity_id
    stated = (event.unmapped or {}).get("severity_id")
    severity = stated if type(stated) is int and stated in _SEVERITIES else _SEVERITY_INFORMATIONAL
    document["class_uid"] = class_uid
    document["activity_id"] = activity_id
    document["category_uid"] = class_uid // 1000
    document["type_uid"] = class_uid * 100 + activity_id
    document["severity_id"] = severity
    if event.outcome is not None:
        finding = class_uid == DETECTION_FINDING  # Its status is the state of the finding.
        document["status_id"] = _OTHER if finding else _STATUS_IDS.get(event.outcome, _OTHER)


def _identify(document: dict[str, Any], event: Event) -> None:
    metadata = document["metadata"]
    metadata["version"] = OCSF_VERSION
    metadata["product"] = PRODUCT
    metadata["profiles"] = list(PROFILES)
    metadata["extensions"] = [EXTENSION]
    if event.id is not None:
        metadata["uid"] = str(event.id)
    if event.ingested_at is not None:
        metadata["logged_time"] = event.ingested_at
    if event.actor_type in _USER_TYPE_IDS:
        document["actor"]["user"]["type_id"] = _USER_TYPE_IDS[event.actor_type]


def _complete(document: dict[str, Any], event: Event, derived: list[str]) -> None:
    """Add what the schema requires of the objects written and of the class."""
    class_uid = document["class_uid"]

    def demand(path: str, value: object) -> None:
        _put(document, tuple(path.split(".")), value)
        derived.append(path)

    if class_uid in _NEEDS_ACTOR and "actor" not in document:
        demand("actor.user.name", UNKNOWN)
    user = document.get("actor", {}).get("user")
    if user is not None and "uid" not in user and "name" not in user:
        demand("actor.user.name", UNKNOWN)
    if class_uid in _NEEDS_ACTOR and "src_endpoint" not in document:
        demand("src_endpoint.name", UNKNOWN)
    if class_uid == API_ACTIVITY and "api" not in document:
        demand("api.operation", event.action)
    if "query_info" in document and event.query_text is None:
        demand("query_info.query_string", "")
    resource = document.get("resources")
    if resource is not None and "uid" not in resource and "name" not in resource:
        demand("resources.name", event.resource_system or UNKNOWN)
    _complete_class(document, event, class_uid)


_NEEDS_ACTOR = frozenset({API_ACTIVITY, DATASTORE, FILE_HOSTING})


def _complete_class(document: dict[str, Any], event: Event, class_uid: int) -> None:
    required = _REQUIRED.get(class_uid)
    if required is not None:
        name = event.resource_dataset or event.resource_id or event.resource_system or UNKNOWN
        document.update(required(event, name))


def _signed_on(event: Event, _: str) -> dict[str, Any]:
    user = {"uid": event.actor_id, "name": event.actor_name}
    stated = {key: value for key, value in user.items() if value is not None}
    service = event.resource_system or event.source
    return {"user": stated or {"name": UNKNOWN}, "service": {"name": service}}


def _concerned(event: Event, name: str) -> dict[str, Any]:
    return {"user": {"name": event.recipient or name}}


def _privileged(event: Event, name: str) -> dict[str, Any]:
    return _concerned(event, name) | {"privileges": [event.operation or event.action]}


def _found(event: Event, _: str) -> dict[str, Any]:
    title = event.rule_id or event.operation or event.action
    return {"finding_info": {"uid": event.alert_id or title, "title": title}}


# What each class requires besides, of an event and the name of what was touched.
_REQUIRED: dict[int, Callable[[Event, str], dict[str, Any]]] = {
    DATASTORE: lambda _, name: {"table": {"name": name}},
    FILE_HOSTING: lambda _, name: {"file": {"name": name, "type_id": ACTIVITY_UNKNOWN}},
    WEB_RESOURCES: lambda _, name: {"web_resources": [{"name": name}]},
    ACCOUNT_CHANGE: _concerned,
    AUTHENTICATION: _signed_on,
    AUTHORIZE_SESSION: _privileged,
    ENTITY_MANAGEMENT: lambda _, name: {"entity": {"name": name}},
    USER_ACCESS: _privileged,
    GROUP_MANAGEMENT: lambda _, name: {"group": {"name": name}},
    DETECTION_FINDING: _found,
}


def _attach_raw(document: dict[str, Any], raw: bytes) -> None:
    if not raw:
        return
    try:
        document["raw_data"] = raw.decode()
    except UnicodeDecodeError:
        document["raw_data"] = base64.b64encode(raw).decode()
        document.setdefault("ombud", {})["raw_encoding"] = RAW_BASE64
    document["raw_data_size"] = len(raw)
