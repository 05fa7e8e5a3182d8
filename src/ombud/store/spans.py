"""Spans: what the directory says of accounts, as the table that queries join."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pyarrow as pa

from ombud.directory.span import AccountSpan

_NAMES = tuple(field.name for field in fields(AccountSpan))
_TYPES: dict[str, Any] = {
    "begins": pa.int64(),
    "ends": pa.int64(),
    "units": pa.list_(pa.string()),
}
_FIELDS: list[pa.Field[Any]] = [pa.field(name, _TYPES.get(name, pa.string())) for name in _NAMES]
SPAN_SCHEMA = pa.schema(_FIELDS)


def span_table(spans: Sequence[AccountSpan]) -> pa.Table:
    """Return spans as columns, one row each in their order."""
    arrays: list[Any] = [
        pa.array([getattr(span, field.name) for span in spans], field.type) for field in SPAN_SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=SPAN_SCHEMA)
