"""Search: what the statements return, as pages and rows for the services."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ombud.query.tree import Node, Query, WordPattern, has_word, leaves
from ombud.query.words import free_words
from ombud.query.zones import day_name, hour_name
from ombud.store.persons import Act, acts_of, find_persons, name_people
from ombud.store.sessions import (
    Bounds,
    Found,
    Run,
    bounds_statement,
    declared_statement,
    earliest_statement,
    latest_statement,
    parse_run,
    run_statement,
    summary_statement,
)
from ombud.store.statement import (
    Cursor,
    Rows,
    Scope,
    Words,
    count_statement,
    page_statement,
    time_statement,
)
from ombud.store.summary import SUM_MAX, name_summary
from ombud.store.visibility import Visibility

RECENT_EVENTS = 122_880  # Looked at first for a common word: one row group of the engine.
EVENTS_PER_SESSION = 20  # A guess at how many events a session has; a wrong one costs a round.
EVENTS_MIN = 1_000
GROWTH = 16
BACK_MS = 2 * 60 * 60_000  # Longer than most runs.
BACK_MS_MAX = 7 * 24 * 60 * 60_000  # Who never pauses for longer has one run over all time.


@dataclass(frozen=True, slots=True)
class Page:
    """Indices of events, newest first, and the cursor of what follows; or counts.

    `rows` is none but for `| count by` and `| top`: then each holds the fields, `events`
    and, where the first are chosen by another one, that measure.
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
    if recent > 0 and _reads_texts(query.where, scope.words):
        for (since,) in ask(time_statement(recent)):
            found = ask(page_statement(query, scope, limit=limit + 1, after=after, since=since))
    if len(found) <= limit:
        found = ask(page_statement(query, scope, limit=limit + 1, after=after))
    page = found[:limit]
    return Page(
        indices=[index for _, index in page],
        next_cursor=str(Cursor(*page[-1])) if len(found) > limit else None,
    )


def _reads_texts(where: Node | None, words: Words) -> bool:
    """Whether the texts of more than the hot events must be read."""
    found = [words.known.get(text) for text in free_words(where)]
    known = all(one is not None and one.hashes is not None for one in found) and not words.read
    has_pattern = any(isinstance(leaf, WordPattern) for leaf in leaves(where))
    return has_word(where) and (has_pattern or not known)


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


def find_sessions(
    ask: Rows, query: Query, scope: Scope, *, limit: int, idle_ms: int
) -> list[dict[str, Any]]:
    """Return the latest sessions, each with its id, actor, system and summary."""
    found = _latest_sessions(ask, query.where, scope, limit=limit, idle_ms=idle_ms)
    if not found:
        return []
    declared = [one.declared for one in found if one.declared is not None]
    bounds = Bounds.of(ask(bounds_statement(declared)))
    return _told(ask, found, ask(summary_statement(found, scope, bounds)))


def _told(
    ask: Rows, found: Sequence[Found], rows: Sequence[tuple[Any, ...]]
) -> list[dict[str, Any]]:
    """Return the sessions by name, each with the person as of its first event."""
    told = []
    acts: list[list[Act]] = []
    for number, actor_id, actor_name, system, acted, *summary in rows:
        named = name_summary(tuple(summary))
        acts.append(acts_of(acted, system, named["first_time"]))
        identity = {"actor_id": actor_id, "actor_name": actor_name, "system": system}
        told.append({"id": found[number].id, **identity, **named})
    persons = iter(find_persons(ask, [act for some in acts for act in some]))
    for row, some in zip(told, acts, strict=True):
        row.update(name_people(some, list(islice(persons, len(some)))))
    return told


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
        ((considered, earliest),) = ask(earliest_statement(where, scope, events=events))
        if not considered:
            return []
        since = None if back_ms is None else earliest - back_ms
        rows = ask(
            latest_statement(where, scope, limit=limit, idle_ms=idle_ms, events=events, since=since)
        )
        if len(rows) < limit and considered == events:
            events *= GROWTH
            continue
        found = [Found(*row) for row in rows]
        if since is None or not any(
            one.begin is not None and one.begin - since <= idle_ms for one in found
        ):
            return found
        back_ms = _longer(back_ms)


def _longer(back_ms: int | None) -> int | None:
    return back_ms * GROWTH if back_ms is not None and back_ms < BACK_MS_MAX else None


def find_session(ask: Rows, session_id: str, visibility: Visibility, *, idle_ms: int) -> list[int]:
    """Return the indices of one session's events in the order of their time, or none."""
    run = parse_run(session_id)
    if run is not None:
        return _find_run(ask, run, visibility, idle_ms=idle_ms)
    declared = session_id.removeprefix("=")
    bounds = Bounds.of(ask(bounds_statement([declared])))
    return [index for (index,) in ask(declared_statement(declared, visibility, bounds))]


def _find_run(ask: Rows, run: Run, visibility: Visibility, *, idle_ms: int) -> list[int]:
    """Reckon the run around its event; over a longer time if it may go on beyond."""
    back_ms: int | None = BACK_MS + idle_ms
    times = ask(time_statement(run.index))
    while times:
        ((time,),) = times
        within = None if back_ms is None else (time - back_ms, time + back_ms)
        rows = ask(run_statement(run, visibility, idle_ms=idle_ms, within=within))
        if (
            within is None
            or not rows
            or (rows[0][1] - within[0] > idle_ms and within[1] - rows[-1][1] > idle_ms)
        ):
            return [index for index, _ in rows]
        back_ms = _longer(back_ms)
    return []
