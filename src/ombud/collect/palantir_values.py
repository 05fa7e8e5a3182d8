"""Palantir values: identifiers out of the nested objects of request and result.

Resources are written as resource identifiers (`ri.service.instance.type.locator`),
as objects around one (`{"id": {"type": "rid", "rid": "ri…"}, "context": […]}`),
or tagged with a sensitivity (`{"level": […], "payload": …}`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from ombud.collect.json_value import items_of, text_of

_DEPTH_MAX = 10  # Objects around an identifier; the deepest known has five.
_LOOKED_AT_MAX = 256  # Items of a list looked at for identifiers; all are counted.
_TEXT_MAX = 64 << 10  # Characters of a query or prompt; the original has it all.
_RID_PARTS = 5
# Under which an object keeps its identifier, the most telling first.
_KEYS = (
    "rid", "id", "objectPrimaryKey", "propertyValue", "identifier", "resource", "targetId",
    "ontologyDataResources", "modelId", "value", "requestedUrl", "mavenCoordinate", "artifactId",
    "externalSystemId", "locator", "filename", "path", "name", "uuid", "userId", "model",
)  # fmt: skip


def payload_of(value: Any) -> Any:
    """Return a value without the sensitivity it is tagged with."""
    if value.__class__ is dict and "payload" in value and "level" in value:
        return value["payload"]
    return value


def identify(value: Any, depth: int = 0) -> str | None:
    """Return the identifier that a value is or holds first, or None."""
    if value.__class__ is str:
        return value or None
    if depth >= _DEPTH_MAX:
        return None
    if value.__class__ is dict:
        inside = [inner for inner in _inner(value) if inner is not None]
    elif value.__class__ is list:
        inside = value[:_LOOKED_AT_MAX]
    else:
        return text_of(value)
    found = (identify(inner, depth + 1) for inner in inside)
    return next((identifier for identifier in found if identifier is not None), None)


def _inner(value: dict[str, Any]) -> Iterator[Any]:
    """Yield where an object may keep its identifier: its variant, if it is one of several."""
    union = value.get("type")
    if union.__class__ is str and union != "type" and union in value:
        yield value[union]
    else:
        yield from (value.get(key) for key in _KEYS)


def identify_all(value: Any, most: int) -> list[str]:
    """Return the identifiers of a list, the first `most` of them, each once."""
    found: dict[str, None] = {}
    for item in items_of(value)[:_LOOKED_AT_MAX]:
        identifier = identify(item)
        if identifier is not None:
            found[identifier] = None
            if len(found) >= most:
                break
    return list(found)


def size_of(value: Any) -> int | None:
    """Return how many resources a list holds, those of lists with a shared context included."""
    if value.__class__ is not list:
        return None
    count = 0
    for item in value:
        inner = item.get("ontologyDataResources") if item.__class__ is dict else None
        count += len(inner) if inner.__class__ is list else 1
    return count


def entity_type(value: Any) -> str | None:
    """Return the type of object that the first resource of ontology data is of."""
    for item in items_of(value)[:1]:
        if item.__class__ is not dict:
            return None
        context = item.get("ontologyContext")
        shared = item.get("sharedOntologyResourceContext")
        if shared.__class__ is dict:
            context = shared.get("ontologyContext")
        if context.__class__ is list:
            context = context[0] if context else None
        if context.__class__ is dict:
            return identify(context.get("entityType"))
    return None


def rid_type(identifier: str | None) -> str | None:
    """Return the type that an identifier states: `dataset` of `ri.foundry.main.dataset.x`."""
    if identifier is None or not identifier.startswith("ri."):
        return None
    parts = identifier.split(".", _RID_PARTS - 1)
    return parts[3] or None if len(parts) == _RID_PARTS else None


def words_of(value: Any) -> str | None:
    """Return what was asked as text: texts as they stand, structures as compact JSON."""
    if value is None or value in ([], {}, ""):
        return None
    if value.__class__ is list and all(item.__class__ is str for item in value):
        return "\n".join(value)[:_TEXT_MAX] or None
    if value.__class__ is not str:
        try:
            value = orjson.dumps(value).decode()
        except (TypeError, ValueError):  # Integers beyond 64 bits, lone surrogates.
            return None
    return str(value)[:_TEXT_MAX]


def reasons_of(value: Any, depth: int = 0) -> list[str]:
    """Return every text given as a reason, in order, out of whatever holds it."""
    if value.__class__ is str:
        return [value] if value else []
    if depth >= _DEPTH_MAX:
        return []
    if value.__class__ is list:
        return [text for item in value[:_LOOKED_AT_MAX] for text in reasons_of(item, depth + 1)]
    if value.__class__ is dict:
        for key in ("justification", "response", "userJustification", "reason", "text", "value"):
            if value.get(key) is not None:
                return reasons_of(value[key], depth + 1)
        union = value.get("type")
        if union.__class__ is str and union in value:
            return reasons_of(value[union], depth + 1)
    return []
