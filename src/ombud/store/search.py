"""Search: what the statements return, as pages and rows for the services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ombud.query.tree import Query
from ombud.store.sessions import declared_id, run_id, sessions_statement
from ombud.store.statement import (
    Cursor,
    Scope,
    Statement,
    count_statement,
    page_statement,
    who_statement,
)
from ombud.store.visibility import Visibility

Rows = Callable[[Statement], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Page:
    """Indices of events, newest first, and the cursor of what follows; or counts.

    `rows` is none but for `| count by`: then each holds the fields and `events`.
    """

    indices: list[int] = field(default_factory=list)
    rows: list[dict[str, Any]] | None = None
    next_cursor: str | None = None


def find_page(
    ask: Rows, query: Query, scope: Scope, *, limit: int, cursor: str | None
) -> Page:
    """Return one page of a search."""
    if query.count_by:
        names = (*query.count_by, "events")
        counted = ask(count_statement(query, scope, limit=limit))
        return Page(rows=[dict(zip(names, row, strict=True)) for row in counted])
    after = None if cursor is None else Cursor.parse(cursor)
    found = ask(page_statement(query, scope, limit=limit + 1, after=after))
    page = found[:limit]
    return Page(
        indices=[index for _, index in page],
        next_cursor=str(Cursor(*page[-1])) if len(found) > limit else None,
    )


_SUMMARY = (
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


def _summary(values: tuple[Any, ...]) -> dict[str, Any]:
    row = dict(zip(_SUMMARY, values, strict=True))
    for name in ("purposes", "cases"):
        row[name] = row[name] or []
    for name in ("rows_returned", "bytes_returned"):
        row[name] = row[name] or 0
    return row


def find_sessions(
    ask: Rows, query: Query, scope: Scope, *, limit: int, idle_ms: int
) -> list[dict[str, Any]]:
    """Return the latest sessions, each with its id, actor, system and summary."""
    found = ask(sessions_statement(query.where, scope, limit=limit, idle_ms=idle_ms))
    sessions = []
    for declared, first_index, actor_id, actor_name, system, *summary in found:
        session_id = (
            run_id(actor_id, system, first_index) if declared is None else declared_id(declared)
        )
        sessions.append(
            {
                "id": session_id,
                "actor_id": actor_id,
                "actor_name": actor_name,
                "system": system or None,
                **_summary(tuple(summary)),
            }
        )
    return sessions


def find_who(ask: Rows, kind: str, key: str, visibility: Visibility) -> list[dict[str, Any]]:
    """Return one row for each actor: id, name and summary."""
    return [
        {"actor_id": actor_id, "actor_name": actor_name, **_summary(tuple(summary))}
        for actor_id, actor_name, *summary in ask(who_statement(kind, key, visibility))
    ]
