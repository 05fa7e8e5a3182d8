"""Sessions: what a source declares as one, or a run of one actor on one system.

A run ends when the actor is idle on that system for longer than the setting
says, reckoned in the time of the events, so that late arrivals fall into place.
A run's id names its first event, and any later id of it (an earlier event came
late) still finds it: `actor@system@index`, parts percent-encoded.  Declared ids
stand as they are, but for one that could be taken for a run's: it gets a `=`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote

from ombud.query.bindings import Bindings
from ombud.query.columns import HOT_EVENTS, SEALED_EVENTS
from ombud.query.tree import Node
from ombud.store.schema import SESSION_TABLE
from ombud.store.statement import Scope, Statement, summary_columns
from ombud.store.visibility import Visibility

MINUTE_MS = 60_000


@dataclass(frozen=True, slots=True)
class Found:
    """One session that was found: its declared id, or the actor, system and bounds of a run."""

    declared: str | None
    actor: str | None
    place: str | None
    begin: int | None
    end: int | None
    first_index: int | None

    @property
    def id(self) -> str:
        """The id by which the session is asked for."""
        if self.declared is not None:
            return declared_id(self.declared)
        return run_id(self.actor or "", self.place or "", self.first_index or 0)


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its id names it: by one of its events."""

    actor: str
    system: str
    index: int


_RUN_ID = re.compile(r"([^@]*)@([^@]*)@(\d{1,18})", re.ASCII)
_SYSTEM = "coalesce(\"resource_system\", '')"
_OF_MATCHED = (
    f'("actor_id", {_SYSTEM}) IN '
    '(SELECT ("actor_id", "system") FROM matched WHERE "session_id" IS NULL)'
)
# What Ombud does by itself is no session of anybody; what people do in Ombud is.
OWN_WORK = ("ombud.collect", "ombud.detect", "ombud.record", "ombud.tick")
_BY_SOMEBODY = f'"source" NOT IN ({", ".join(repr(source) for source in OWN_WORK)})'
_IN_RUN = f'"session_id" IS NULL AND "actor_id" IS NOT NULL AND {_BY_SOMEBODY}'


def run_id(actor: str, system: str, first_index: int) -> str:
    """Return the id of the run that begins with an event."""
    return f"{quote(actor, safe='')}@{quote(system, safe='')}@{first_index}"


def declared_id(session: str) -> str:
    """Return the id under which a declared session is listed."""
    return f"={session}" if session.startswith("=") or _RUN_ID.fullmatch(session) else session


def _runs(source: str, condition: str, idle: str) -> str:
    """Select events of runs with `run`, which counts the runs of one actor on one system."""
    return (
        f'SELECT *, sum("begins") OVER (PARTITION BY "actor_id", "system" '
        'ORDER BY "time", "index") AS "run" FROM ('
        f'SELECT "index", "time", "actor_id", {_SYSTEM} AS "system", '
        'CASE WHEN "time" - lag("time") OVER '
        f'(PARTITION BY "actor_id", {_SYSTEM} ORDER BY "time", "index") <= {idle} '
        f'THEN 0 ELSE 1 END AS "begins" FROM {source} WHERE {_IN_RUN} AND {condition})'
    )


def earliest_statement(where: Node | None, scope: Scope, *, events: int) -> Statement:
    """Select how many of the latest `events` events there are that the query means, from when."""
    bindings = Bindings()
    matched = _matched(where, scope, bindings, events)
    return Statement(f'SELECT count(*), min("time") FROM ({matched})', bindings.values)


def _matched(where: Node | None, scope: Scope, bindings: Bindings, events: int) -> str:
    """Select the latest events of sessions that the query means."""
    latest = f'ORDER BY "time" DESC, "index" DESC LIMIT {bindings.add(events)}'
    rows = scope.matching(
        f'"time", "index", "session_id", "actor_id", {_SYSTEM} AS "system"',
        bindings,
        where,
        extra=f'{_BY_SOMEBODY} AND ("session_id" IS NOT NULL OR "actor_id" IS NOT NULL)',
        tail=latest,
    )
    return f"SELECT * FROM ({rows}) {latest}"


def latest_statement(
    where: Node | None, scope: Scope, *, limit: int, idle_ms: int, events: int, since: int | None
) -> Statement:
    """Select the sessions of the latest `events` events that the query means, latest first.

    Runs are reckoned from `since` on, or over all time.
    """
    bindings = Bindings()
    matched = _matched(where, scope, bindings, events)
    seen = scope.condition(bindings, None)
    idle, most = bindings.add(idle_ms), bindings.add(limit)
    if since is not None:
        seen += f' AND "time" >= {bindings.add(since)}'
    return Statement(
        f"""
WITH matched AS MATERIALIZED ({matched}), found AS (
  SELECT "session_id" AS "declared", NULL AS "actor_id", NULL AS "system",
    NULL AS "begin", NULL AS "end", NULL AS "first_index",
    max("time") AS "latest", arg_max("index", ("time", "index")) AS "latest_index"
  FROM matched WHERE "session_id" IS NOT NULL GROUP BY "session_id"
  UNION ALL
  SELECT NULL, run."actor_id", run."system", min(run."time"), max(run."time"),
    arg_min(run."index", (run."time", run."index")),
    max(matched."time"), arg_max(matched."index", (matched."time", matched."index"))
  FROM ({_runs(bindings.source(), f"{seen} AND {_OF_MATCHED}", idle)}) AS run
  LEFT JOIN matched ON matched."index" = run."index"
  GROUP BY run."actor_id", run."system", run."run" HAVING count(matched."index") > 0
)
SELECT "declared", "actor_id", "system", "begin", "end", "first_index"
FROM found ORDER BY "latest" DESC, "latest_index" DESC LIMIT {most}
""",
        bindings.values,
    )


@dataclass(frozen=True, slots=True)
class Bounds:
    """Within which accounts and times the sealed events of declared sessions lie."""

    account_hashes: tuple[int, ...]
    first_time: int
    last_time: int

    @classmethod
    def of(cls, rows: Sequence[tuple[int, int, int]]) -> Bounds:
        """Return what the rows of `bounds_statement` say together."""
        return cls(
            tuple(sorted(account for account, _, _ in rows)),
            min((first for _, first, _ in rows), default=0),
            max((last for _, _, last in rows), default=-1),
        )

    def rows(self, bindings: Bindings, columns: str) -> str:
        """Return SQL of the hot events, and of the sealed ones within the bounds."""
        accounts = ", ".join(map(str, self.account_hashes)) or "NULL"
        first, last = bindings.add(self.first_time), bindings.add(self.last_time)
        return (
            f"SELECT {columns} FROM {HOT_EVENTS} UNION ALL SELECT {columns} FROM {SEALED_EVENTS} "
            f'WHERE "account_hash" IN ({accounts}) AND "time" BETWEEN {first} AND {last}'
        )


def bounds_statement(declared: Sequence[str]) -> Statement:
    """Select account and times between which the sealed events of declared sessions lie."""
    return Statement(
        f'SELECT "account_hash", min("first_time"), max("last_time") FROM {SESSION_TABLE} '
        'WHERE "hash" IN (SELECT hash(unnest($1::VARCHAR[]))) GROUP BY 1',
        [list(declared)],
    )


def summary_statement(found: Sequence[Found], scope: Scope, bounds: Bounds) -> Statement:
    """Sum up each session over all its events that may be seen; rows begin with its place."""
    bindings = Bindings()
    seen = scope.condition(bindings, None)
    columns = {
        name: f"unnest({bindings.add([getattr(one, name) for one in found])}::{kind}[])"
        for name, kind in (
            ("declared", "VARCHAR"),
            ("actor", "VARCHAR"),
            ("place", "VARCHAR"),
            ("begin", "BIGINT"),
            ("end", "BIGINT"),
        )
    }
    columns["number"] = f"unnest({bindings.add(list(range(len(found))))}::BIGINT[])"
    listed = ", ".join(f'{column} AS "{name}"' for name, column in columns.items())
    begins = [one.begin for one in found if one.begin is not None]
    earliest, latest = (
        bindings.add(min(begins, default=0)),
        bindings.add(max((one.end for one in found if one.end is not None), default=0)),
    )
    summary = summary_columns(bindings)
    columns_of_all = (
        'SELECT "number", arg_min("actor_id", "time"), arg_max("actor_name", "time"), '
        f'arg_min("resource_system", "time"), {summary} FROM'
    )
    declared = bindings.source(f'({bounds.rows(bindings, "*")}) AS "declared_events"')
    return Statement(
        f"""
WITH page AS MATERIALIZED (SELECT {listed})
{columns_of_all} {declared} JOIN page ON "session_id" = "declared" WHERE {seen} GROUP BY "number"
UNION ALL
{columns_of_all} {bindings.source()} JOIN page ON "actor_id" = "actor" AND {_SYSTEM} = "place"
  AND "time" BETWEEN "begin" AND "end"
WHERE {seen} AND {_IN_RUN} AND "time" BETWEEN {earliest} AND {latest} GROUP BY "number"
ORDER BY "number"
""",
        bindings.values,
    )


def parse_run(session_id: str) -> Run | None:
    """Return the run that an id means, or none for the id of a declared session."""
    found = None if session_id.startswith("=") else _RUN_ID.fullmatch(session_id)
    return None if found is None else Run(unquote(found[1]), unquote(found[2]), int(found[3]))


def declared_statement(session: str, visibility: Visibility, bounds: Bounds) -> Statement:
    """Select the indices of the events of a declared session, in the order of their time."""
    bindings = Bindings()
    seen = visibility.condition(bindings)
    rows = bindings.source(f'({bounds.rows(bindings, "*")}) AS "within"')
    return Statement(
        f'SELECT "index" FROM {rows} WHERE "session_id" = {bindings.add(session)} '
        f"AND {seen} "
        'ORDER BY "time", "index"',
        bindings.values,
    )


def run_statement(
    run: Run, visibility: Visibility, *, idle_ms: int, within: tuple[int, int] | None
) -> Statement:
    """Select index and time of the events of one run, in order, reckoned within two times."""
    bindings = Bindings()
    condition = (
        f'{visibility.condition(bindings)} AND "actor_id" = {bindings.add(run.actor)} '
        f"AND {_SYSTEM} = {bindings.add(run.system)}"
    )
    if within is not None:
        condition += ' AND "time" BETWEEN {} AND {}'.format(*map(bindings.add, within))
    runs = _runs(bindings.source(), condition, bindings.add(idle_ms))
    return Statement(
        f'WITH runs AS MATERIALIZED ({runs}) SELECT "index", "time" FROM runs '
        f'WHERE "run" = (SELECT "run" FROM runs WHERE "index" = {bindings.add(run.index)}) '
        'ORDER BY "time", "index"',
        bindings.values,
    )
