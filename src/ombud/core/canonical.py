"""Canonical form: the bytes that a leaf commits to, one positional array per group.

Version 1 is a JSON array: the version, then the group's fields in the order of
`ombud.core.fields`, absent ones as null, keys of maps sorted, UTF-8, no white
space.  The raw group is the original itself.  Bytes of version 1 are readable
for ever; golden files hold them.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import orjson

from ombud.core.errors import EventError
from ombud.core.event import Event
from ombud.core.fields import (
    ACTOR_FIELDS,
    CANONICAL_VERSION,
    CONTENT_FIELDS,
    DATA_SUBJECT_FIELDS,
    FIELDS,
    Field,
    Kind,
)

_ACTOR_ATTRIBUTES = tuple(field.attribute for field in ACTOR_FIELDS)
_DATA_SUBJECT_ATTRIBUTES = tuple(field.attribute for field in DATA_SUBJECT_FIELDS)
_CONTENT_ATTRIBUTES = tuple(field.attribute for field in CONTENT_FIELDS)
_TEXTS_ATTRIBUTES = tuple(field.attribute for field in FIELDS if field.kind is Kind.TEXTS)
_actor_values = attrgetter(*_ACTOR_ATTRIBUTES)
_data_subject_values = attrgetter(*_DATA_SUBJECT_ATTRIBUTES)
_content_values = attrgetter(*_CONTENT_ATTRIBUTES)

NO_DATA_SUBJECT = orjson.dumps((CANONICAL_VERSION, *([None] * len(DATA_SUBJECT_FIELDS))))
FLAGS_POSITION = 1 + [field.name for field in CONTENT_FIELDS].index("flags")


def encode_values(values: tuple[Any, ...]) -> bytes:
    """Return the canonical bytes of `(version, field, …)`.

    Raises `EventError` for a value that has no canonical form: an integer
    beyond 64 bits, a lone surrogate, nesting beyond 254 levels.
    """
    try:
        return orjson.dumps(values, option=orjson.OPT_SORT_KEYS)
    except (TypeError, ValueError) as error:  # orjson.JSONEncodeError is a TypeError.
        raise EventError(f"value has no canonical form: {error}") from error


def encode_groups(event: Event) -> tuple[bytes, bytes, bytes]:
    """Return the canonical bytes of the actor, data subject and content groups."""
    data_subject = _data_subject_values(event)
    return (
        encode_values((CANONICAL_VERSION, *_actor_values(event))),
        NO_DATA_SUBJECT
        if data_subject.count(None) == len(data_subject)
        else encode_values((CANONICAL_VERSION, *data_subject)),
        encode_values((CANONICAL_VERSION, *_content_values(event))),
    )


def _decode(
    fields: tuple[Field, ...], attributes: tuple[str, ...], canonical: bytes
) -> dict[str, Any]:
    try:
        array = orjson.loads(canonical)
    except orjson.JSONDecodeError as error:
        raise EventError(f"canonical bytes are not JSON: {error}") from error
    if not isinstance(array, list) or not array or array[0] != CANONICAL_VERSION:
        raise EventError("canonical bytes are of a version this program does not know")
    if len(array) != len(fields) + 1:
        raise EventError(f"canonical bytes hold {len(array) - 1} fields, not {len(fields)}")
    return dict(zip(attributes, array[1:], strict=True))


def decode_groups(actor: bytes, data_subject: bytes, content: bytes) -> dict[str, Any]:
    """Return the fields of the three groups by attribute name.

    An erased group is given as empty bytes and leaves its fields out.
    Raises `EventError` when bytes are not of a known canonical form.
    """
    values: dict[str, Any] = {}
    if actor:
        values.update(_decode(ACTOR_FIELDS, _ACTOR_ATTRIBUTES, actor))
    if data_subject:
        values.update(_decode(DATA_SUBJECT_FIELDS, _DATA_SUBJECT_ATTRIBUTES, data_subject))
    if content:
        values.update(_decode(CONTENT_FIELDS, _CONTENT_ATTRIBUTES, content))
    for attribute in _TEXTS_ATTRIBUTES:
        if values.get(attribute) is not None:
            values[attribute] = tuple(values[attribute])
    if values.get("subjects") is not None:
        values["subjects"] = tuple((kind, key) for kind, key in values["subjects"])
    return values


def with_flag(content: bytes, flag: str) -> bytes:
    """Return the canonical content bytes with one more flag."""
    array = orjson.loads(content)
    array[FLAGS_POSITION] = [*(array[FLAGS_POSITION] or ()), flag]
    return encode_values(tuple(array))
