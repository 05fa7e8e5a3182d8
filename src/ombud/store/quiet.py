"""Quiet: when each source told of events, and what it said of its own silence and gaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ombud.query.bindings import Bindings
from ombud.query.columns import (
    EVENT_TABLE,
    HOT_EVENTS,
    HOT_SUBJECTS,
    SEALED_SUBJECTS,
)
from ombud.store.coverage import COLLECT, GAP, SILENCE, Stretch
from ombud.store.statement import Rows, Statement

HOUR_MS = 3_600_000
HOURS_MAX = 500_000  # Rows: fifty systems for a year.
_HOUR = f'"time" // {HOUR_MS}'


class Hour(NamedTuple):
    """What one system told by one source in one hour; instants in ms since the epoch."""

    source: str
    system: str | None
    hour: int
    events: int
    first_time: int
    last_time: int


class Finding(NamedTuple):
    """A gap or a silence as it was told; `of` is the kind of the source."""

    operation: str
    of: str | None
    time: int
    attributes: str | None


class Point(NamedTuple):
    """An instant, of one source and system; `system` none is any."""

    source: str
    system: str | None
    time: int


def find_hours(ask: Rows, stretch: Stretch) -> list[Hour]:
    """Return the hours in which there was an event, in order."""
    bindings = Bindings()
    condition = stretch.condition(bindings)
    statement = Statement(
        f'SELECT "source", "resource_system", {_HOUR}, count(*), min("time"), max("time") '
        f"FROM {EVENT_TABLE} WHERE {condition} "
        f"GROUP BY 1, 2, 3 ORDER BY 1, 2 NULLS LAST, 3 LIMIT {HOURS_MAX}",
        bindings.values,
    )
    return [Hour(*row) for row in ask(statement)]


def find_systems(ask: Rows, kind: str, stretch: Stretch) -> set[tuple[str, str | None]]:
    """Return the sources and systems that told of data subjects of a kind."""
    bindings = Bindings()
    condition = stretch.condition(bindings)
    place = bindings.add(kind)
    columns = '"index", "source", "resource_system", "time", "actor_id"'
    rows = (
        f'(SELECT {columns} FROM {SEALED_SUBJECTS} WHERE "kind" = {place} UNION ALL '
        f'SELECT {columns} FROM {HOT_EVENTS} WHERE "index" IN '
        f'(SELECT "index" FROM {HOT_SUBJECTS} WHERE "kind" = {place})) AS "touched"'
    )
    statement = Statement(
        f'SELECT DISTINCT "source", "resource_system" FROM {bindings.source(rows)} '
        f"WHERE {condition}",
        bindings.values,
    )
    return set(ask(statement))


def find_findings(ask: Rows, stretch: Stretch, *, limit: int) -> list[Finding]:
    """Return the latest gaps and silences that were told, the latest first."""
    bindings = Bindings()
    condition = stretch.condition(bindings, own=True)
    statement = Statement(
        f'SELECT "operation", "resource_system", "time", "attributes" FROM {EVENT_TABLE} '
        f"WHERE \"source\" = '{COLLECT}' AND \"operation\" IN ('{GAP}', '{SILENCE}') "
        f'AND {condition} ORDER BY "time" DESC, "index" DESC LIMIT {bindings.add(limit)}',
        bindings.values,
    )
    return [Finding(*row) for row in ask(statement)]


def find_sequence_times(
    ask: Rows, numbers: Sequence[tuple[str, int]]
) -> dict[tuple[str, int], list[int]]:
    """Return the times of the events of these sources with these sequence numbers."""
    if not numbers:
        return {}
    statement = Statement(
        f'SELECT "source", "sequence", list("time" ORDER BY "time") FROM {EVENT_TABLE} '
        'WHERE "sequence" IN (SELECT unnest($1::BIGINT[])) '
        'AND "source" IN (SELECT unnest($2::VARCHAR[])) GROUP BY 1, 2',
        [sorted({number for _, number in numbers}), sorted({source for source, _ in numbers})],
    )
    return {(source, number): times for source, number, times in ask(statement)}


def find_next_within_hour(ask: Rows, points: Sequence[Point]) -> dict[int, int]:
    """Return the time of the next event in the hour of each point, by the point's place."""
    if not points:
        return {}
    statement = Statement(
        'WITH point AS (SELECT unnest($1::BIGINT[]) AS "number", unnest($2::VARCHAR[]) AS "of", '
        'unnest($3::VARCHAR[]) AS "at", unnest($4::BIGINT[]) AS "since") '
        f'SELECT "number", min("time") FROM (SELECT "source", "resource_system", "time" '
        f"FROM {EVENT_TABLE} WHERE {_HOUR} IN (SELECT unnest($5::BIGINT[]))) "
        'JOIN point ON "source" = "of" AND ("at" IS NULL OR "at" = "resource_system") '
        f'AND "time" > "since" AND {_HOUR} = "since" // {HOUR_MS} GROUP BY 1',
        [
            list(range(len(points))),
            [point.source for point in points],
            [point.system for point in points],
            [point.time for point in points],
            sorted({point.time // HOUR_MS for point in points}),
        ],
    )
    return dict(ask(statement))
