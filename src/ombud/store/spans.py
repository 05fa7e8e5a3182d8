"""Spans: what the directory says of accounts, as the table that queries join."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import pyarrow as pa

from ombud.directory.span import AccountSpan
from ombud.query.columns import SPAN_TABLE

_NAMES = tuple(field.name for field in fields(AccountSpan))
_TYPES: dict[str, Any] = {
    "begins": pa.int64(),
    "ends": pa.int64(),
    "units": pa.list_(pa.string()),
}
_FIELDS: list[pa.Field[Any]] = [pa.field(name, _TYPES.get(name, pa.string())) for name in _NAMES]
_SCHEMA = pa.schema(_FIELDS)
_LISTED = ", ".join(f'"{name}"' for name in _NAMES)
# From the registered `spans`.
SPAN_INSERT = (
    f'INSERT INTO {SPAN_TABLE} ("account_hash", {_LISTED}) '
    f'SELECT hash("account"), {_LISTED} FROM spans ORDER BY 1, "begins"'
)


def span_table(spans: Sequence[AccountSpan]) -> pa.Table:
    """Return spans as columns, one row each in their order."""
    arrays: list[Any] = [
        pa.array([getattr(span, field.name) for span in spans], field.type) for field in _SCHEMA
    ]
    return pa.Table.from_arrays(arrays, schema=_SCHEMA)
