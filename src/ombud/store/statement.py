"""Statements: the SQL of searches and look-ups, with their bound values."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ombud.core.errors import InputError
from ombud.query.bindings import Bindings
from ombud.query.columns import (
    EVENT_TABLE,
    HOT_EVENTS,
    HOT_SUBJECTS,
    SEALED_EVENTS,
    SEALED_SUBJECTS,
    SUBJECT_TABLE,
)
from ombud.query.sql import SUBJECT_HASH, compile_condition, compile_value
from ombud.query.tree import Is, Node, Query
from ombud.query.words import Known, Sought
from ombud.query.world import World
from ombud.store.schema import COVERED
from ombud.store.visibility import Visibility


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and the values bound to it."""

    sql: str
    values: list[object]


Rows = Callable[[Statement], list[tuple[Any, ...]]]  # Runs a statement.
Range = tuple[int, int]  # Of indices: the first, and the first after it.


@dataclass(frozen=True, slots=True)
class Words:
    """What is known of a query's free words, for the sealed events.

    `read` are ranges of indices within which the pieces do not tell in which events
    these words stand, so that the texts are read.
    """

    known: Mapping[str, Known] = field(default_factory=dict)
    read: tuple[Range, ...] = ()

    @property
    def told(self) -> Sought:
        """How to ask for the sealed events of which the pieces tell."""
        return Sought(self.known, SEALED_SUBJECTS)

    @property
    def untold(self) -> Sought:
        """How to ask for the other sealed events."""
        texts = {text: replace(known, hashes=None) for text, known in self.known.items()}
        return Sought(texts, SEALED_SUBJECTS)


NO_WORDS = Words()


@dataclass(frozen=True, slots=True)
class Scope:
    """What of the index is looked at: who asks, below which index, and in which world."""

    visibility: Visibility
    below: int | None = None
    world: World = field(default_factory=World)
    words: Words = NO_WORDS

    def condition(
        self, bindings: Bindings, where: Node | None, *, words: Sought | None = None
    ) -> str:
        """Return SQL that is true for the rows in scope that the query means.

        The rows are those of `bindings.source`, which is to be written after it.
        """
        conditions = [
            self.seen(bindings),
            compile_condition(where, bindings, self.world, seen=self.seen, words=words),
        ]
        return " AND ".join(one for one in conditions if one != "true") or "true"

    def seen(self, bindings: Bindings) -> str:
        """Return SQL that is true for the rows in scope."""
        conditions = [self.visibility.condition(bindings)]
        if self.below is not None:
            conditions.append(f'"index" < {bindings.add(self.below)}')
        return " AND ".join(one for one in conditions if one != "true") or "true"

    def matching(
        self,
        columns: str,
        bindings: Bindings,
        where: Node | None,
        *,
        extra: str = "true",
        tail: str = "",
    ) -> str:
        """Return SQL of the rows of all events in scope that the query means.

        Postings are asked for what they tell of, and for the rest the texts;
        `extra` and `tail` stand in the statement of either.
        """
        ranges = [
            f'"index" BETWEEN {bindings.add(first)} AND {bindings.add(end - 1)}'
            for first, end in self.words.read
        ]
        parts = [
            (HOT_EVENTS, "true", Sought(subjects=HOT_SUBJECTS)),
            (SEALED_EVENTS, "true", self.words.told),
        ]
        if ranges:
            read = f"({' OR '.join(ranges)})"
            parts[1:] = [
                (SEALED_EVENTS, f"NOT {read}", self.words.told),
                (SEALED_EVENTS, read, self.words.untold),
            ]
        selects = []
        for table, within, words in parts:
            condition = self.condition(bindings, where, words=words)
            selects.append(
                f"(SELECT {columns} FROM {bindings.source(table)} "
                f"WHERE {within} AND {extra} AND {condition} {tail})"
            )
        return " UNION ALL ".join(selects)


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the time and index of its last event."""

    time: int
    index: int

    def __str__(self) -> str:
        """Return the text of the cursor, as a page gives it."""
        return f"{self.time}.{self.index}"

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Return the cursor a page gave; raises `InputError` for any other text."""
        time, _, index = text.partition(".")
        for part in (time.removeprefix("-"), index):
            if not (part.isascii() and part.isdigit() and len(part) < 20):
                raise InputError(f"cursor `{text[:50]}` is not one that a page gave")
        return cls(int(time), int(index))


def time_statement(index: int) -> Statement:
    """Select the time of one event."""
    return Statement(f'SELECT "time" FROM {EVENT_TABLE} WHERE "index" = $1', [index])


def page_statement(
    query: Query, scope: Scope, *, limit: int, after: Cursor | None, since: int | None = None
) -> Statement:
    """Select time and index of up to `limit` events, newest first, after a cursor.

    With `since`, only events from that time on are looked at: then `limit` rows are
    the first ones, and fewer say nothing.
    """
    bindings = Bindings()
    extra = "true"
    if since is not None:
        extra += f' AND "time" >= {bindings.add(since)}'
    if after is not None:
        time, index = bindings.add(after.time), bindings.add(after.index)
        extra += f' AND "time" <= {time} AND ("time" < {time} OR "index" < {index})'
    # The engine finds the first rows of one table without reading all, but not those of two.
    first = f'ORDER BY "time" DESC, "index" DESC LIMIT {bindings.add(limit)}'
    rows = scope.matching('"time", "index"', bindings, query.where, extra=extra, tail=first)
    return Statement(f"SELECT * FROM ({rows}) {first}", bindings.values)


def visible_statement(indices: Collection[int], visibility: Visibility) -> Statement:
    """Select those of these indices whose events may be seen."""
    bindings = Bindings()
    seen = visibility.condition(bindings)
    wanted = bindings.add(sorted(indices))
    return Statement(
        f'SELECT "index" FROM {bindings.source()} '
        f'WHERE "index" IN (SELECT unnest({wanted}::BIGINT[])) AND {seen}',
        bindings.values,
    )


_MEASURES = {
    "events": ("", "count(*)"),
    "rows": ('"rows_returned"', 'coalesce(sum("rows_returned"), 0)::HUGEINT'),
    "bytes": ('"bytes_returned"', 'coalesce(sum("bytes_returned"), 0)::HUGEINT'),
}


def count_statement(query: Query, scope: Scope, *, limit: int) -> Statement:
    """Select the values of `query.count_by`, their count and their measure, the most first."""
    bindings = Bindings()
    by = [f'"by_{number}"' for number in range(len(query.count_by))]
    columns = [
        f"{compile_value(name, bindings, scope.world)} AS {alias}"
        for name, alias in zip(query.count_by, by, strict=True)
    ]
    limit = limit if query.top is None else min(limit, query.top)
    if query.measure == "subjects":
        rows = scope.matching(", ".join((*columns, '"index" AS "of"')), bindings, query.where)
        # Each event is one row here, and one more for each of its data subjects.
        rows = (
            f"WITH matched AS MATERIALIZED ({rows}) "
            f'SELECT {", ".join(by)}, 1 AS "event", NULL AS "kind", NULL AS "key" FROM matched '
            f'UNION ALL SELECT DISTINCT {", ".join(by)}, 0, "kind", "key" '
            f'FROM matched JOIN {SUBJECT_TABLE} AS "about" ON "about"."index" = "of"'
        )
        events, measure = 'sum("event")::BIGINT', 'count("key")'
    else:
        measured, measure = _MEASURES[query.measure]
        columns += [measured] if measured else []
        rows, events = scope.matching(", ".join(columns), bindings, query.where), "count(*)"
    numbers = ", ".join(str(number) for number in range(1, len(by) + 1))
    ascending = ", ".join(f"{number} ASC NULLS LAST" for number in range(1, len(by) + 1))
    return Statement(
        f"SELECT {', '.join(by)}, {events} AS events, {measure} AS measure FROM ({rows}) "
        f"GROUP BY {numbers} ORDER BY measure DESC, events DESC, {ascending} "
        f"LIMIT {bindings.add(limit)}",
        bindings.values,
    )


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


def who_statement(kind: str, key: str, visibility: Visibility) -> Statement:
    """Select one row for each actor who touched one data subject, the most frequent first."""
    bindings = Bindings()
    summary = summary_columns(bindings)
    visible = visibility.condition(bindings)
    places = bindings.add(kind), bindings.add(key)
    hashed = SUBJECT_HASH.format(kind=f"{places[0]}::VARCHAR", key=f"{places[1]}::VARCHAR")
    is_it = f'"hash" = {hashed} AND "kind" = {places[0]} AND "key" = {places[1]}'
    covered = ", ".join((*COVERED, 'hash("account") AS "account_hash"'))
    rows = (
        f'(SELECT "index", {covered} FROM {SEALED_SUBJECTS} WHERE {is_it} '
        f'UNION ALL SELECT "index", {covered} FROM {HOT_EVENTS} WHERE "index" IN '
        f'(SELECT "index" FROM {HOT_SUBJECTS} WHERE {is_it})) AS "touched"'
    )
    return Statement(
        'SELECT "actor_id", arg_max("actor_name", "time") AS "actor_name", '
        f"{summary} FROM {bindings.source(rows)} WHERE {visible} "
        'GROUP BY "actor_id" ORDER BY "events" DESC, "actor_id" NULLS LAST',
        bindings.values,
    )
