"""Spans: what the directory says of accounts, as the table that queries join."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import islice
from typing import Any

import duckdb
import pyarrow as pa

from ombud.core.errors import TamperError
from ombud.directory.span import AccountSpan
from ombud.query.columns import SCHEMA, SPAN_TABLE

SLICE_SPANS = 5_000  # Handed over at once: more take memory and save no time.

_PARTS = 16
_PART_SHIFT = 60  # Of 64 bits: what is left counts the parts.
_STAGE = f"{SCHEMA}.account_span_stage"  # Gone again within the same transaction.

_NAMES = tuple(field.name for field in fields(AccountSpan))
_TYPES: dict[str, Any] = {
    "begins": pa.int64(),
    "ends": pa.int64(),
    "units": pa.list_(pa.string()),
}
_FIELDS: list[pa.Field[Any]] = [pa.field(name, _TYPES.get(name, pa.string())) for name in _NAMES]
_SCHEMA = pa.schema(_FIELDS)
_LISTED = ", ".join(f'"{name}"' for name in _NAMES)
_BEFORE = 'ORDER BY "begins" ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING'
# A span that begins before one ends that holds on the same system: of its own, or of all.
_OVERLAP = f"""
SELECT "account" FROM (
  SELECT "account", "begins",
    max("ends") OVER (PARTITION BY "account_hash", "account", "system" {_BEFORE}) AS "same",
    max("ends") FILTER ("system" IS NULL)
      OVER (PARTITION BY "account_hash", "account" {_BEFORE}) AS "general",
    CASE WHEN "system" IS NULL
      THEN max("ends") OVER (PARTITION BY "account_hash", "account" {_BEFORE}) END AS "any"
  FROM {SPAN_TABLE})
WHERE "begins" < greatest("same", "general", "any") LIMIT 1
"""


def write_spans(writer: duckdb.DuckDBPyConnection, spans: Iterable[AccountSpan]) -> None:
    """Replace the rows of the table, within the transaction of the caller.

    Raises `TamperError` for spans of one account that overlap: an event would be
    two, and be counted twice.
    """
    writer.execute(f"DELETE FROM {SPAN_TABLE}")
    writer.register("spans", pa.RecordBatchReader.from_batches(_SCHEMA, _slices(spans)))
    try:
        writer.execute(
            f"CREATE TABLE {_STAGE} AS "
            f'SELECT hash("person") AS "person_hash", hash("account") AS "account_hash", {_LISTED} '
            "FROM spans"
        )
    finally:
        writer.unregister("spans")
    # In the order in which they are asked for: a person's lie together.
    # To sort all at once takes twice the memory.
    for part in range(_PARTS):
        writer.execute(
            f'INSERT INTO {SPAN_TABLE} ("person_hash", "account_hash", {_LISTED}) '
            f'SELECT "person_hash", "account_hash", {_LISTED} FROM {_STAGE} '
            f'WHERE "person_hash" >> {_PART_SHIFT} = {part} ORDER BY 1, 2, "begins"'
        )
    writer.execute(f"DROP TABLE {_STAGE}")
    for (account,) in writer.execute(_OVERLAP).fetchall():
        raise TamperError(
            f"account `{account}` of the directory belongs to two at once",
            hint="`ombud record verify` says what was changed, `ombud reindex` makes it anew",
        )


def _slices(spans: Iterable[AccountSpan]) -> Iterator[pa.RecordBatch]:
    """Yield spans as columns, one row each in their order."""
    left = iter(spans)
    while some := list(islice(left, SLICE_SPANS)):
        arrays: list[Any] = [
            pa.array([getattr(span, field.name) for span in some], field.type) for field in _SCHEMA
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA)
