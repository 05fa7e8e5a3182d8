"""Statements: the SQL of searches and look-ups, with their bound values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from ombud.core.errors import InputError
from ombud.query.bindings import Bindings
from ombud.query.columns import EVENT_TABLE, SUBJECT_TABLE
from ombud.query.sql import BUCKET, compile_condition, compile_value
from ombud.query.tree import Is, Node, Query
from ombud.query.world import World
from ombud.store.visibility import Visibility


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL text and the values bound to it."""

    sql: str
    values: list[object]


@dataclass(frozen=True, slots=True)
class Scope:
    """What of the index is looked at: who asks, below which index, and in which world."""

    visibility: Visibility
    below: int | None = None
    world: World = field(default_factory=World)

    def condition(self, bindings: Bindings, where: Node | None) -> str:
        """Return SQL that is true for the rows in scope that the query means.

        The rows are those of `bindings.source()`, to be written after it.
        """
        conditions = [
            self.seen(bindings),
            compile_condition(where, bindings, self.world, self.seen),
        ]
        return " AND ".join(one for one in conditions if one != "true") or "true"

    def seen(self, bindings: Bindings) -> str:
        """Return SQL that is true for the rows in scope."""
        conditions = [self.visibility.condition(bindings)]
        if self.below is not None:
            conditions.append(f'"index" < {bindings.add(self.below)}')
        return " AND ".join(one for one in conditions if one != "true") or "true"


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


def page_statement(
    query: Query, scope: Scope, *, limit: int, after: Cursor | None, recent: int | None = None
) -> Statement:
    """Select time and index of up to `limit` events, newest first, after a cursor.

    With `recent`, only events no older than that of that index are looked at: then
    `limit` rows are the first ones, and fewer say nothing.
    """
    bindings = Bindings()
    condition = scope.condition(bindings, query.where)
    if recent is not None:
        of_index = f'SELECT "time" FROM {EVENT_TABLE} WHERE "index" = {bindings.add(recent)}'
        condition = f'"time" >= ({of_index}) AND {condition}'
    if after is not None:
        time, index = bindings.add(after.time), bindings.add(after.index)
        condition += f' AND "time" <= {time} AND ("time" < {time} OR "index" < {index})'
    return Statement(
        f'SELECT "time", "index" FROM {bindings.source()} WHERE {condition} '
        f'ORDER BY "time" DESC, "index" DESC LIMIT {bindings.add(limit)}',
        bindings.values,
    )


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
    "rows": 'coalesce(sum("rows_returned"), 0)::HUGEINT',
    "bytes": 'coalesce(sum("bytes_returned"), 0)::HUGEINT',
    "subjects": 'count(DISTINCT ("kind", "key")) FILTER ("key" IS NOT NULL)',
}


def count_statement(query: Query, scope: Scope, *, limit: int) -> Statement:
    """Select the values of `query.count_by`, their count and their measure, the most first."""
    bindings = Bindings()
    condition = scope.condition(bindings, query.where)
    columns = [compile_value(name, bindings, scope.world) for name in query.count_by]
    numbers = ", ".join(str(number) for number in range(1, len(columns) + 1))
    ascending = ", ".join(f"{number} ASC NULLS LAST" for number in range(1, len(columns) + 1))
    listed, source = ", ".join(columns), bindings.source()
    events = "count(*)"
    if query.measure == "subjects":
        # Each event is one row here for each of its data subjects, or one row for none.
        named = ", ".join(f'{column} AS "by_{n}"' for n, column in enumerate(columns))
        listed = ", ".join(f'"by_{n}"' for n in range(len(columns)))
        source = f'(SELECT "index" AS "of", {named} FROM {source} WHERE {condition}) AS "counted" '
        source += f'LEFT JOIN {SUBJECT_TABLE} AS "about" ON "about"."index" = "of"'
        events, condition = 'count(DISTINCT "of")', "true"
    measure = _MEASURES.get(query.measure, events)
    limit = limit if query.top is None else min(limit, query.top)
    return Statement(
        f"SELECT {listed}, {events} AS events, {measure} AS measure FROM {source} "
        f"WHERE {condition} GROUP BY {numbers} ORDER BY measure DESC, events DESC, {ascending} "
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
    bucket = BUCKET.format(kind=f"{places[0]}::VARCHAR", key=f"{places[1]}::VARCHAR")
    return Statement(
        'SELECT "actor_id", arg_max("actor_name", "time") AS "actor_name", '
        f'{summary} FROM {bindings.source()} WHERE {visible} AND "index" IN ('
        f'SELECT "index" FROM {SUBJECT_TABLE} WHERE "bucket" = {bucket} '
        f'AND "kind" = {places[0]} AND "key" = {places[1]}) '
        'GROUP BY "actor_id" ORDER BY "events" DESC, "actor_id" NULLS LAST',
        bindings.values,
    )
