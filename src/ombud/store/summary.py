"""Summary: what sums up the events of a session, or of one person."""

from __future__ import annotations

from typing import Any

from ombud.query.bindings import Bindings
from ombud.query.sql import compile_condition
from ombud.query.tree import Is

SUM_MAX = 2**63 - 1  # JSON is not read beyond; only made-up figures add up to more.

SUMMARY_NAMES = (
    "events",
    "first_time",
    "last_time",
    "actions",
    "denied",
    "exports",
    "rows_returned",
    "bytes_returned",
    "purposes",
    "cases",
)


def name_summary(values: tuple[Any, ...]) -> dict[str, Any]:
    """Return the values of `summary_columns` by name."""
    row = dict(zip(SUMMARY_NAMES, values, strict=True))
    for name in ("purposes", "cases"):
        row[name] = row[name] or []
    for name in ("rows_returned", "bytes_returned"):
        row[name] = min(row[name] or 0, SUM_MAX)
    return row


def summary_columns(bindings: Bindings) -> str:
    """Return the aggregates that sum up the events of a session or of one actor."""
    denied = compile_condition(Is("denied"), bindings)
    exported = compile_condition(Is("exported"), bindings)
    return (
        'count(*) AS "events", min("time") AS "first_time", max("time") AS "last_time", '
        'histogram("action") AS "actions", '
        f'count(*) FILTER (WHERE {denied}) AS "denied", '
        f'count(*) FILTER (WHERE {exported}) AS "exports", '
        'sum("rows_returned")::HUGEINT AS "rows_returned", '
        'sum("bytes_returned")::HUGEINT AS "bytes_returned", '
        'list_sort(list(DISTINCT "purpose") FILTER ("purpose" IS NOT NULL)) AS "purposes", '
        'list_sort(list(DISTINCT "case") FILTER ("case" IS NOT NULL)) AS "cases"'
    )
