"""Search: what the statements return, as pages and rows for the services."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ombud.query.tree import Node, Query, has_word
from ombud.query.zones import day_name, hour_name
from ombud.store.sessions import Found, latest_statement, summary_statement
from ombud.store.statement import (
    Cursor,
    Scope,
    Statement,
    count_statement,
    page_statement,
    who_statement,
)
from ombud.store.visibility import Visibility

RECENT_EVENTS = 122_880  # Looked at first for a common word: one row group of the engine.
EVENTS_PER_SESSION = 20  # A guess at how many events a session has; a wrong one costs a round.
EVENTS_MIN = 1_000
GROWTH = 16
BACK_MS = 2 * 60 * 60_000  # Longer than most runs.
BACK_MS_MAX = 7 * 24 * 60 * 60_000  # Who never pauses for longer has one run over all time.
SUM_MAX = 2**63 - 1  # JSON is not read beyond; only made-up figures add up to more.
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
    ask: Rows, query: Query, scope: Scope, *, limit: int, cursor: str | None, size: int
) -> Page:
    """Return one page of a search in an index of `size` events."""
    if query.count_by:
        counted = ask(count_statement(query, scope, limit=limit))
        return Page(rows=[_counted(query, row) for row in counted])
    after = None if cursor is None else Cursor.parse(cursor)
    found: list[tuple[Any, ...]] = []
    recent = (size if after is None else after.index) - RECENT_EVENTS
    if recent > 0 and has_word(query.where):
        found = ask(page_statement(query, scope, limit=limit + 1, after=after, recent=recent))
    if len(found) <= limit:
        found = ask(page_statement(query, scope, limit=limit + 1, after=after))
    page = found[:limit]
    return Page(
        indices=[index for _, index in page],
        next_cursor=str(Cursor(*page[-1])) if len(found) > limit else None,
    )


def _counted(query: Query, values: tuple[Any, ...]) -> dict[str, Any]:
    """Return a row of counts by name: days and hours as they are written, sums within bounds."""
    *found, events, measure = values
    row = dict(zip(query.count_by, found, strict=True))
    for name, write in (("day", day_name), ("hour", hour_name)):
        if name in row:
            row[name] = write(row[name])
    row["events"] = events
    if query.measure != "events":
        row[query.measure] = min(measure, SUM_MAX)
    return row


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
        row[name] = min(row[name] or 0, SUM_MAX)
    return row


def find_sessions(
    ask: Rows, query: Query, scope: Scope, *, limit: int, idle_ms: int
) -> list[dict[str, Any]]:
    """Return the latest sessions, each with its id, actor, system and summary."""
    found = _latest_sessions(ask, query.where, scope, limit=limit, idle_ms=idle_ms)
    if not found:
        return []
    return [
        {
            "id": found[number].id,
            "actor_id": actor_id,
            "actor_name": actor_name,
            "system": system,
            **_summary(tuple(summary)),
        }
        for number, actor_id, actor_name, system, *summary in ask(summary_statement(found, scope))
    ]


def _latest_sessions(
    ask: Rows, where: Node | None, scope: Scope, *, limit: int, idle_ms: int
) -> list[Found]:
    """Look at ever more of the latest events until they fill the page, or are all.

    Runs are first reckoned over a short time; if one may have begun before it,
    over a longer one, and at last over all.
    """
    events = max(EVENTS_PER_SESSION * limit, EVENTS_MIN)
    back_ms: int | None = BACK_MS + idle_ms
    while True:
        rows = ask(
            latest_statement(
                where, scope, limit=limit, idle_ms=idle_ms, events=events, back_ms=back_ms
            )
        )
        if rows and len(rows) < limit and rows[0][6] == events:
            events *= GROWTH
            continue
        found = [Found(*row[:6]) for row in rows]
        if back_ms is None or not any(
            one.begin is not None and one.begin - (row[7] - back_ms) <= idle_ms
            for one, row in zip(found, rows, strict=True)
        ):
            return found
        back_ms = back_ms * GROWTH if back_ms < BACK_MS_MAX else None


def find_who(ask: Rows, kind: str, key: str, visibility: Visibility) -> list[dict[str, Any]]:
    """Return one row for each actor: id, name and summary."""
    return [
        {"actor_id": actor_id, "actor_name": actor_name, **_summary(tuple(summary))}
        for actor_id, actor_name, *summary in ask(who_statement(kind, key, visibility))
    ]
