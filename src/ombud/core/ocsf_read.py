"""OCSF reading: an event from an OCSF document of any class and version.

A value at a field's path that has the field's type becomes the field; all
else round-trips in `unmapped`, but for what writing the event would produce
again.  Documents of other producers get a few more homes (a table's name is a
dataset, a logging-on user is the actor).
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from typing import Any

from ombud.core.event import ACTIONS, ACTOR_TYPES, OUTCOMES, Event
from ombud.core.fields import FIELDS, Kind
from ombud.core.instants import INT64_MAX, INT64_MIN, parse_iso
from ombud.core.ocsf_table import CLASS_MAX, action_of
from ombud.core.ocsf_write import MODEL_VERSION, RAW_BASE64, event_to_ocsf

SOURCE = "ocsf"
# What answers add to an event: who the directory says it was.  It is no part of the event.
RESOLVED = ("person", "person_unknown")
_ABSENT = object()
_MERGE_DEPTH_MAX = 8  # Deeper than any OCSF object; bounds the recursion.
_INTEGER = re.compile(r"-?\d{1,18}")


def _tree() -> dict[str, Any]:
    tree: dict[str, Any] = {}
    for field in FIELDS:
        *path, last = field.ocsf.split(".")
        node = tree
        for key in path:
            node = node.setdefault(key, {})
        node[last] = (field.attribute, field.kind, field.ocsf)
    return tree


_TREE = _tree()


def coerce(kind: Kind, value: object) -> Any:  # noqa: C901, PLR0911, PLR0912
    """Return the value as a field of that kind holds it, or None when it cannot be one."""
    match kind:
        case Kind.TEXT:
            if isinstance(value, str):
                return value
            number = isinstance(value, int | float) and not isinstance(value, bool)
            return str(value) if number else None
        case Kind.BOOLEAN:
            return value if isinstance(value, bool) else None
        case Kind.INTEGER | Kind.INSTANT:
            if isinstance(value, str):
                if _INTEGER.fullmatch(value):
                    return int(value)
                return parse_iso(value) if kind is Kind.INSTANT else None
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            good = isinstance(value, int) and not isinstance(value, bool)
            return value if good and INT64_MIN <= value <= INT64_MAX else None  # type: ignore[operator]
        case Kind.REAL:
            if isinstance(value, bool) or not isinstance(value, int | float):
                return None
            return float(value) if abs(value) <= INT64_MAX and math.isfinite(value) else None
        case Kind.TEXTS:
            if isinstance(value, str):
                return (value,)
            good = isinstance(value, list) and all(isinstance(item, str) for item in value)
            return tuple(value) if good else None  # type: ignore[arg-type]
        case Kind.SUBJECTS:
            return _subjects(value)
        case Kind.MAP:
            return value if isinstance(value, dict) else None


def _subjects(value: object) -> tuple[tuple[str, str], ...] | None:
    if not isinstance(value, list):
        return None
    pairs = []
    for item in value:
        if not isinstance(item, dict) or item.keys() != {"kind", "key"}:
            return None
        pair = (item["kind"], item["key"])
        if not all(isinstance(part, str) for part in pair):
            return None
        pairs.append(pair)
    return tuple(pairs)


def _extract(
    document: dict[str, Any], tree: dict[str, Any], values: dict[str, Any], derived: frozenset[str]
) -> dict[str, Any]:
    """Move what has a home into `values`; return what is left over."""
    left: dict[str, Any] = {}
    for key, value in document.items():
        node = tree.get(key)
        if isinstance(node, tuple):
            rest: Any = _take_leaf(node, value, values, derived)
        elif isinstance(node, dict) and key == "resources":
            rest = _extract_first(value, node, values, derived)
        elif isinstance(node, dict) and isinstance(value, dict):
            rest = _extract(value, node, values, derived) or None
        else:
            left[key] = value
            continue
        if rest is not None:
            left[key] = rest
    return left


def _take_leaf(
    node: tuple[str, Kind, str], value: Any, values: dict[str, Any], derived: frozenset[str]
) -> Any:
    """Take one field; return the value when it is not one of the field's kind."""
    attribute, kind, path = node
    if path in derived:
        return None
    field = coerce(kind, value)
    if field is None:
        return value
    values[attribute] = field
    return None


def _extract_first(
    value: Any, node: dict[str, Any], values: dict[str, Any], derived: frozenset[str]
) -> Any:
    """Take the fields of the first of a list of objects; return what is left of the list."""
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return value
    rest = _extract(value[0], node, values, derived)
    return [rest, *value[1:]] if rest or len(value) > 1 else None


def _prune(left: dict[str, Any], written: dict[str, Any]) -> dict[str, Any]:
    """Return what is left over without what writing the event gives anyway."""
    kept: dict[str, Any] = {}
    for key, value in left.items():
        other = written.get(key, _ABSENT)
        if isinstance(value, dict) and isinstance(other, dict):
            rest = _prune(value, other)
            if rest:
                kept[key] = rest
        elif type(value) is not type(other) or value != other:
            kept[key] = value
    return kept


def _merge(stated: dict[str, Any], left: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    merged = dict(stated)
    for key, value in left.items():
        both = isinstance(merged.get(key), dict) and isinstance(value, dict)
        if key not in merged:
            merged[key] = value
        elif both and depth < _MERGE_DEPTH_MAX:
            merged[key] = _merge(merged[key], value, depth + 1)
        else:
            merged[f"ocsf.{key}"] = value
    return merged


def _raw(left: dict[str, Any], extension: dict[str, Any]) -> bytes:
    text = left.pop("raw_data", None)
    left.pop("raw_data_size", None)
    encoding = extension.pop("raw_encoding", None)
    if not isinstance(text, str):
        return b""
    if encoding == RAW_BASE64:
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            return text.encode("utf-8", "surrogatepass")
    return text.encode("utf-8", "surrogatepass")


def event_from_ocsf(
    document: dict[str, Any], raw: bytes | None = None, *, now_ms: int = 0
) -> Event:
    """Return the event of an OCSF document.

    `raw` is the document as it came; without it `raw_data` is the original.
    `now_ms` stands in for a time the document does not have.  Never raises on
    any JSON object: what does not fit is in `unmapped`.
    """
    extension = document.get("ombud")
    extension = extension if isinstance(extension, dict) else {}
    is_ours = extension.get("model") == MODEL_VERSION
    stated = extension.get("derived")
    derived = stated if isinstance(stated, list) and is_ours else []
    values: dict[str, Any] = {}
    left = _extract(document, _TREE, values, frozenset(str(path) for path in derived))
    rest = left.get("ombud") if isinstance(left.get("ombud"), dict) else {}
    rest = dict(rest or {})
    original = _raw(left, rest)
    if is_ours:
        rest.pop("model", None)
        rest.pop("derived", None)
        for resolved in RESOLVED:
            rest.pop(resolved, None)
        _take_identity(values, left)
    if isinstance(left.get("ombud"), dict):
        left["ombud"] = rest
        if not rest:
            del left["ombud"]
    _validate(values, left)
    if not is_ours:
        _adopt(values, document)
    values.setdefault("action", action_of(values.get("class_uid"), values.get("activity_id")))
    values.setdefault("source", SOURCE)
    if is_ours:
        values.setdefault("time_known", None)
    if "time" not in values:
        values["time"], values["time_known"] = now_ms, False
    values["raw"] = original if raw is None else raw
    return _with_unmapped(values, left)


def _with_unmapped(values: dict[str, Any], left: dict[str, Any]) -> Event:
    if not left:
        return Event(**values)
    left = _prune(left, event_to_ocsf(Event(**values)))
    if left:
        values["unmapped"] = _merge(values.get("unmapped") or {}, left)
    return Event(**values)


def _take_identity(values: dict[str, Any], left: dict[str, Any]) -> None:
    """Take index and time of recording, which only Ombud's own documents carry."""
    metadata = left.get("metadata")
    if not isinstance(metadata, dict):
        return
    uid = metadata.pop("uid", None)
    if isinstance(uid, str) and _INTEGER.fullmatch(uid):
        values["id"] = int(uid)
    logged = metadata.pop("logged_time", None)
    if isinstance(logged, int):
        values["ingested_at"] = logged


def _validate(values: dict[str, Any], left: dict[str, Any]) -> None:
    """Put back what has the right type and a value that the model does not know."""
    class_uid = values.get("class_uid")
    if class_uid is not None and not 0 <= class_uid <= CLASS_MAX:
        left["class_uid"] = values.pop("class_uid")
    action = values.get("action")
    if action is not None and action not in ACTIONS:
        left["ombud"] = {**left.get("ombud", {}), "action": values.pop("action")}
    actor_type = values.get("actor_type")
    if actor_type is not None and actor_type not in ACTOR_TYPES:
        actor = left.setdefault("actor", {})
        actor["user"] = {**actor.get("user", {}), "type": values.pop("actor_type")}
    outcome = values.get("outcome")
    if outcome is not None and outcome not in OUTCOMES:
        del values["outcome"]
        if outcome.lower() in OUTCOMES:
            values["outcome"] = outcome.lower()
        else:
            left["status"] = outcome


def _text(document: dict[str, Any], *paths: str) -> str | None:
    """Return the first text or number that stands at one of the dotted paths."""
    for path in paths:
        node: Any = document
        for key in path.split("."):
            if isinstance(node, list):
                node = node[0] if node else None
            node = node.get(key) if isinstance(node, dict) else None
        text = coerce(Kind.TEXT, node)
        if text:
            return str(text)
    return None


# Homes in documents of other producers, tried in order; the value stays in `unmapped` too.
_ADOPTED = {
    "actor_id": (
        "actor.user.uid_alt", "actor.user.name", "actor.user.email_addr", "user.uid",
        "user.name", "user.email_addr", "actor.session.issuer", "actor.app_uid",
        "actor.app_name", "actor.invoked_by", "actor.process.user.uid",
        "actor.process.user.name",
    ),
    "actor_name": ("actor.user.full_name", "actor.user.display_name", "user.name"),
    "actor_organisation": ("actor.user.account.uid", "cloud.account.uid"),
    "native_id": ("metadata.uid",),
    "session_id": ("session.uid", "actor.user.credential_uid"),
    "resource_dataset": (
        "table.name", "databucket.name", "database.name", "file.path", "file.name",
        "web_resources.name", "web_resources.url_string", "entity.name", "group.name",
    ),
    "resource_id": ("file.uid", "web_resources.uid", "entity.uid", "databucket.uid"),
    "resource_system": ("api.service.name", "dst_endpoint.svc_name", "service.name",
                        "metadata.product.name"),
    "origin_device": ("src_endpoint.hostname", "device.hostname", "device.name"),
    "origin_ip": ("device.ip",),
    "outcome_reason": ("status_code",),
    "rule_id": ("finding_info.analytic.uid", "finding_info.title"),
    "alert_id": ("finding_info.uid",),
}  # fmt: skip
_OUTCOME_OF_STATUS = {1: "success", 2: "failure", 0: "unknown"}
_PERSON_TYPES = {1: "person", 2: "person", 3: "service", 4: "service"}
_FINDINGS = 2
_DENIED = 2


def _adopt(values: dict[str, Any], document: dict[str, Any]) -> None:
    """Give fields that are still empty the nearest thing the producer states."""
    for attribute, paths in _ADOPTED.items():
        if attribute not in values:
            text = _text(document, *paths)
            if text is not None:
                values[attribute] = text
    user = document.get("actor")
    user = user.get("user") if isinstance(user, dict) else None
    type_id = user.get("type_id") if isinstance(user, dict) else None
    if isinstance(type_id, int) and type_id in _PERSON_TYPES:
        values.setdefault("actor_type", _PERSON_TYPES[type_id])
    if document.get("action_id") == _DENIED:
        values["outcome"] = "denied"  # Allowed or denied says more than success or failure.
    status = document.get("status_id")
    if (values.get("class_uid") or 0) // 1000 != _FINDINGS and isinstance(status, int):
        outcome = _OUTCOME_OF_STATUS.get(status)
        if outcome is not None:
            values.setdefault("outcome", outcome)
