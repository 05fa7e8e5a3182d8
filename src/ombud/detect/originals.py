"""Originals: a source's own record under the field names that rules about its product use.

Published rules name the fields of one of a product's ways of delivery.  What
comes by another way gets those names beside its own; nothing is taken away, so
a rule that names the record as it is still finds it.  A number larger than a
double holds is read as the largest there is: it must not hide an event.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import orjson

_WORDS_OF_SUCCESS = frozenset({"success", "succeeded", "true", "partiallysucceeded"})
_NAMES_MAX = 128  # Parameters of one event that get names; the record itself has all.

# A string as a whole, so that no digits within it are taken for a number, or a number.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?[0-9][0-9.eE+-]*+', re.DOTALL)
_LARGEST = b"1.7976931348623157e308"  # IEEE 754-2019, binary64.


def read_object(raw: bytes) -> dict[str, Any] | None:
    """Return the JSON object that an original is, or None if it is none."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        if not raw.lstrip().startswith(b"{"):
            return None
        try:
            value = orjson.loads(_TOKEN.sub(_to_double, raw))
        except orjson.JSONDecodeError:
            return None
    return value if isinstance(value, dict) else None


def _to_double(token: re.Match[bytes]) -> bytes:
    text = token[0]
    if text.startswith(b'"'):
        return text
    try:
        number = float(text)
    except ValueError:
        return text
    return text if isfinite(number) else _LARGEST if number > 0 else b"-" + _LARGEST


def _microsoft365(view: dict[str, Any]) -> dict[str, Any]:
    """Take the record out of the row around it, and name it as Defender for Cloud Apps does."""
    inner = view.get("AuditData", view.get("auditData"))
    if isinstance(inner, str):
        try:
            inner = orjson.loads(inner)
        except orjson.JSONDecodeError:
            inner = None
    if isinstance(inner, dict):
        view = inner
    names = [view.get(name) for name in ("Operation", "Name")]
    view.setdefault("eventName", [name for name in names if isinstance(name, str)])
    view.setdefault("eventSource", view.get("Workload"))
    status = view.get("ResultStatus", "success")
    is_good = isinstance(status, str) and status.lower() in _WORDS_OF_SUCCESS
    view.setdefault("status", "success" if is_good else status)
    return view


def _records(value: Any) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _google(view: dict[str, Any]) -> dict[str, Any]:
    """Name an activity as Cloud Logging does, and its parameters as they are called."""
    payload = view.get("protoPayload")
    if isinstance(payload, dict):
        metadata = payload.get("metadata")
        events = _records(metadata.get("event")) if isinstance(metadata, dict) else []
        service = payload.get("serviceName")
    else:
        place = view.get("id")
        application = place.get("applicationName") if isinstance(place, dict) else None
        service = f"{application}.googleapis.com" if isinstance(application, str) else None
        events = _records(view.get("events"))
        named = [{**event, "eventName": event.get("name")} for event in events]
        view["protoPayload"] = {"serviceName": service, "metadata": {"event": named}}
    view.setdefault("eventService", service)
    names = [event.get("eventName", event.get("name")) for event in events]
    view.setdefault("eventName", [name for name in names if isinstance(name, str)])
    listed = [
        parameter
        for event in events
        for parameter in _records(event.get("parameters", event.get("parameter")))
    ]
    values: dict[str, list[Any]] = {}
    for parameter in listed[:_NAMES_MAX]:
        name = parameter.get("name")
        if isinstance(name, str):
            kinds = ("value", "boolValue", "intValue", "multiValue")
            found = next((parameter[kind] for kind in kinds if kind in parameter), None)
            values.setdefault(name.lower(), []).append(found)
    for name, found in values.items():
        view.setdefault(name, found)
    return view


NAMED: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "google.workspace": _google,
    "microsoft365.audit": _microsoft365,
}
