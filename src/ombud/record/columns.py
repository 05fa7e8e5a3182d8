"""Columns: the OCSF columns of a segment, derived from canonical bytes and nothing else.

The canonical bytes are the truth; these columns are a convenience for every
engine that reads Parquet, and `record verify` derives them again with the same
function.  Invariant: any bytes give columns.  What is not canonical, or has no
place in its column's type, is null there, so that nothing that was once
acknowledged can ever fail to be sealed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import msgspec
import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from ombud.core.fields import (
    ACTOR_FIELDS,
    CANONICAL_VERSION,
    CONTENT_FIELDS,
    DATA_SUBJECT_FIELDS,
    OCSF_VERSION,
    Field,
    Kind,
)

PRODUCT = "Ombud"
SEVERITY_INFORMATIONAL = 1  # OCSF `severity_id`; alerts are Ombud's own matter.
# OCSF: category_uid = class_uid // 1000, type_uid = class_uid * 100 + activity_id.
CATEGORY_DIVISOR = pa.scalar(1000, pa.int64())
TYPE_FACTOR = pa.scalar(100, pa.int64())

_SUBJECT = pa.struct([("kind", pa.string()), ("key", pa.string())])
# How a field lies in a column, and how its JSON is read.
_TYPES: dict[Kind, Any] = {
    Kind.TEXT: pa.string(),
    Kind.INTEGER: pa.int64(),
    Kind.INSTANT: pa.int64(),
    Kind.BOOLEAN: pa.bool_(),
    Kind.REAL: pa.float64(),
    Kind.TEXTS: pa.list_(pa.string()),
    Kind.SUBJECTS: pa.list_(_SUBJECT),
    Kind.MAP: pa.string(),  # JSON text: keys differ from event to event.
}
_JSON_TYPES: dict[Kind, Any] = {
    Kind.TEXT: str | None,
    Kind.INTEGER: int | None,
    Kind.INSTANT: int | None,
    Kind.BOOLEAN: bool | None,
    Kind.REAL: float | None,
    Kind.TEXTS: list[str] | None,
    Kind.SUBJECTS: list[tuple[str, str]] | None,
    Kind.MAP: msgspec.Raw,
}
_ASSIGNED: dict[str, Any] = {
    "metadata.uid": pa.int64(),  # The index in the log.
    "metadata.logged_time": pa.int64(),
    "metadata.version": pa.string(),
    "metadata.product.name": pa.string(),
    "category_uid": pa.int64(),
    "type_uid": pa.int64(),
    "severity_id": pa.int64(),
}
Column: TypeAlias = "pa.Array[Any]"
_NULL = msgspec.Raw(b"null")
_HUGE_NUMBER = r"[0-9][eE]\+?[0-9]{3}"
_MAP_SIZE_READ = 2_000  # Bytes: too short to be nested deeper than readers of JSON go.


def _map_text(raw: msgspec.Raw) -> str | None:
    try:
        text = str(raw, "utf-8")
    except UnicodeDecodeError:
        return None
    return text if text.startswith("{") else None


def _map_texts(raws: Sequence[msgspec.Raw]) -> list[str | None]:
    if raws.count(_NULL) == len(raws):
        return [None] * len(raws)
    return [None if raw == _NULL else _map_text(raw) for raw in raws]


def _subjects(values: Sequence[list[tuple[str, str]] | None]) -> list[Any]:
    return [
        None if pairs is None else [{"kind": kind, "key": key} for kind, key in pairs]
        for pairs in values
    ]


_CONVERTERS: dict[Kind, Callable[[Any], list[Any]]] = {
    Kind.MAP: _map_texts,
    Kind.SUBJECTS: _subjects,
}
# What Arrow raises for a value that has no place in a column.
_UNFIT = (pa.ArrowException, TypeError, ValueError, OverflowError)


def _fits(value: Any, kind: Any) -> bool:
    try:
        pa.array([value], kind)
    except _UNFIT:
        return False
    return True


def _array(values: Sequence[Any], kind: Kind) -> tuple[Any, bool]:
    """Return the values as an array, and whether it holds each of them as it is."""
    converter = _CONVERTERS.get(kind)
    texts = values if converter is None else converter(values)
    if texts.count(None) == len(texts):
        return pa.nulls(len(texts), _TYPES[kind]), kind is not Kind.MAP or _is_read(values, texts)
    try:
        array = pa.array(texts, _TYPES[kind])
    except _UNFIT:
        fitting = [value if _fits(value, _TYPES[kind]) else None for value in texts]
        return pa.array(fitting, _TYPES[kind]), False
    return array, kind is not Kind.MAP or (_is_read(values, texts) and _is_plain(array))


def _is_read(raws: Sequence[msgspec.Raw], texts: Sequence[str | None]) -> bool:
    return raws.count(_NULL) == texts.count(None)


def _is_plain(array: Any) -> bool:
    """Whether maps, kept as text that nothing has read yet, are JSON to every reader.

    Some refuse a number beyond a double, or nesting without end.
    """
    longest = pc.max(pc.binary_length(array)).as_py()
    is_odd = pc.any(pc.match_substring_regex(array, _HUGE_NUMBER)).as_py()
    return bool(longest <= _MAP_SIZE_READ and not is_odd) or all(map(_is_json, array.to_pylist()))


def _is_json(text: str | None) -> bool:
    try:
        return text is None or orjson.loads(text) is not None
    except orjson.JSONDecodeError:
        return False


class _Group:
    """Reads the canonical bytes of one field group."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self.fields = fields
        self._types = [_JSON_TYPES[field.kind] for field in fields]
        row: Any = tuple.__class_getitem__((int, *self._types))
        self._decode: Callable[[bytes], tuple[Any, ...]] = msgspec.json.Decoder(row).decode
        nulls = (_NULL if field.kind is Kind.MAP else None for field in fields)
        self._nothing: tuple[Any, ...] = (None, *nulls)

    def arrays(self, canonical: Sequence[bytes]) -> tuple[list[Column], bool]:
        """Return one array per field, and whether they say all that the bytes do.

        Equal bytes, which are common, are read once.
        """
        places: dict[bytes, int] = {}
        order = [places.setdefault(item, len(places)) for item in canonical]
        decode = self._decode
        is_exact = True
        try:
            rows = [decode(item) for item in places]
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            is_exact = all(self._is_whole(item) for item in places)
            rows = [self._row(item) for item in places]
        versions, *columns = zip(*rows, strict=True)
        if versions.count(CANONICAL_VERSION) != len(versions):
            is_exact &= all(row[0] in {CANONICAL_VERSION, None} for row in rows)
            rows = [row if row[0] == CANONICAL_VERSION else self._nothing for row in rows]
            _, *columns = zip(*rows, strict=True)
        judged = [
            _array(values, field.kind) for values, field in zip(columns, self.fields, strict=True)
        ]
        arrays = [array for array, _ in judged]
        is_exact &= all(is_good for _, is_good in judged)
        if len(places) == len(canonical):
            return arrays, is_exact
        indices = pa.array(order, pa.int32())
        return [array.take(indices) for array in arrays], is_exact

    def _is_whole(self, canonical: bytes) -> bool:
        """Whether these are bytes of the expected types, or erased."""
        try:
            self._decode(canonical or b"null")
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return not canonical
        return True

    def _row(self, canonical: bytes) -> tuple[Any, ...]:
        """Return the values of bytes that may not be canonical; what does not fit is null."""
        try:
            return self._decode(canonical)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            pass
        try:
            row = orjson.loads(canonical)
        except orjson.JSONDecodeError:
            return self._nothing
        if not isinstance(row, list) or len(row) != len(self._nothing):
            return self._nothing
        return (row[0], *map(_convert, row[1:], self._types))


def _convert(value: Any, wanted: Any) -> Any:
    try:
        if wanted is msgspec.Raw:
            return msgspec.Raw(orjson.dumps(value, option=orjson.OPT_SORT_KEYS))
        return msgspec.convert(value, wanted)
    except (msgspec.MsgspecError, TypeError, ValueError):
        return _NULL if wanted is msgspec.Raw else None


_GROUPS = tuple(map(_Group, (ACTOR_FIELDS, DATA_SUBJECT_FIELDS, CONTENT_FIELDS)))


def _constant(value: Any, count: int, kind: Any) -> Any:
    return pa.repeat(pa.scalar(value, kind), count)


class _Nest:
    """Nested, never-null structs over flat arrays under dotted paths.

    `resources` is a list of exactly one struct.
    """

    def __init__(self, leaves: dict[str, Any], prefix: str = "") -> None:
        self.prefix = prefix
        self.children: dict[str, _Nest | None] = {}
        self.fields: list[Any] = []
        for path, kind in leaves.items():
            name, dot, _ = path.partition(".")
            if not dot:
                self.children[name] = None
                self.fields.append(pa.field(name, kind))
            elif name not in self.children:
                below = {
                    other.removeprefix(f"{name}."): other_kind
                    for other, other_kind in leaves.items()
                    if other.startswith(f"{name}.")
                }
                child = self.children[name] = _Nest(below, f"{prefix}{name}.")
                self.fields.append(pa.field(name, child.kind(), nullable=False))

    def kind(self) -> Any:
        """Return the type of this level."""
        struct = pa.struct(self.fields)
        if self.prefix == "resources.":
            return pa.list_(pa.field("element", struct, nullable=False))
        return struct

    def arrays(self, flat: dict[str, Column], count: int) -> list[Any]:
        """Return the arrays of this level from arrays by whole path."""
        return [
            flat[self.prefix + name] if child is None else child.array(flat, count)
            for name, child in self.children.items()
        ]

    def array(self, flat: dict[str, Column], count: int) -> Any:
        """Return this level as one array."""
        struct = pa.StructArray.from_arrays(self.arrays(flat, count), fields=self.fields)
        if self.prefix == "resources.":
            offsets: Any = pa.array(np.arange(count + 1, dtype=np.int32))
            return pa.ListArray.from_arrays(offsets, struct, type=self.kind())
        return struct


_NEST = _Nest(
    _ASSIGNED
    | {
        field.ocsf: _TYPES[field.kind]
        for field in (*CONTENT_FIELDS, *ACTOR_FIELDS, *DATA_SUBJECT_FIELDS)
    }
)
OCSF_SCHEMA = pa.schema(_NEST.fields)


def columns_from_canonical(
    actor: Sequence[bytes],
    data_subject: Sequence[bytes],
    content: Sequence[bytes],
    *,
    first_index: int,
    recorded_ms: Sequence[int],
) -> pa.RecordBatch:
    """Return the columns of `OCSF_SCHEMA` for consecutive events.

    The three groups and `recorded_ms` have one item an event; an erased group is
    empty bytes.  Never raises for any bytes.
    """
    return judged_columns(
        actor, data_subject, content, first_index=first_index, recorded_ms=recorded_ms
    )[0]


def judged_columns(
    actor: Sequence[bytes],
    data_subject: Sequence[bytes],
    content: Sequence[bytes],
    *,
    first_index: int,
    recorded_ms: Sequence[int],
) -> tuple[pa.RecordBatch, bool]:
    """Return the same columns, and whether they are exact: no value was left out or altered."""
    count = len(content)
    flat: dict[str, Column] = {}
    is_exact = True
    for group, canonical in zip(_GROUPS, (actor, data_subject, content), strict=True):
        arrays, is_good = group.arrays(canonical)
        is_exact &= is_good
        for field, array in zip(group.fields, arrays, strict=True):
            flat[field.ocsf] = array
    class_uid, activity_id = flat["class_uid"], flat["activity_id"]
    flat["category_uid"] = pc.divide(class_uid, CATEGORY_DIVISOR)
    flat["type_uid"] = pc.add(pc.multiply(class_uid, TYPE_FACTOR), activity_id)
    flat["severity_id"] = _constant(SEVERITY_INFORMATIONAL, count, pa.int64())
    flat["metadata.uid"] = pa.array(np.arange(first_index, first_index + count, dtype=np.int64))
    flat["metadata.logged_time"] = pa.array(np.asarray(recorded_ms, dtype=np.int64))
    flat["metadata.version"] = _constant(OCSF_VERSION, count, pa.string())
    flat["metadata.product.name"] = _constant(PRODUCT, count, pa.string())
    return pa.RecordBatch.from_arrays(_NEST.arrays(flat, count), schema=OCSF_SCHEMA), is_exact
