"""Sessions: what a source declares as one, or a run of one actor on one system.

A run ends when the actor is idle on that system for longer than the setting
says, reckoned in the time of the events, so that late arrivals fall into place.
A run's id names its first event, and any later id of it (an earlier event came
late) still finds it: `actor@system@index`, parts percent-encoded.  Declared ids
stand as they are, but for one that could be taken for a run's: it gets a `=`.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from ombud.query.columns import EVENT_TABLE
from ombud.query.sql import Bindings
from ombud.query.tree import Node
from ombud.store.statement import Scope, Statement, summary_columns
from ombud.store.visibility import Visibility

MINUTE_MS = 60_000
_RUN_ID = re.compile(r"([^@]*)@([^@]*)@(\d{1,18})", re.ASCII)
_SYSTEM = "coalesce(\"resource_system\", '')"
_OF_MATCHED = (
    f'("actor_id", {_SYSTEM}) IN '
    '(SELECT ("actor_id", "system") FROM matched WHERE "session_id" IS NULL)'
)
_IN_RUN = '"session_id" IS NULL AND "actor_id" IS NOT NULL'


def run_id(actor: str, system: str, first_index: int) -> str:
    """Return the id of the run that begins with an event."""
    return f"{quote(actor, safe='')}@{quote(system, safe='')}@{first_index}"


def declared_id(session: str) -> str:
    """Return the id under which a declared session is listed."""
    return f"={session}" if session.startswith("=") or _RUN_ID.fullmatch(session) else session


def _runs(condition: str, idle: str) -> str:
    """Select events of runs with `run`, which counts the runs of one actor on one system."""
    return (
        f'SELECT *, sum("begins") OVER (PARTITION BY "actor_id", "system" '
        'ORDER BY "time", "index") AS "run" FROM ('
        f'SELECT "index", "time", "actor_id", {_SYSTEM} AS "system", '
        'CASE WHEN "time" - lag("time") OVER '
        f'(PARTITION BY "actor_id", {_SYSTEM} ORDER BY "time", "index") <= {idle} '
        f'THEN 0 ELSE 1 END AS "begins" FROM {EVENT_TABLE} WHERE {_IN_RUN} AND {condition})'
    )


def sessions_statement(
    where: Node | None, scope: Scope, *, limit: int, idle_ms: int
) -> Statement:
    """Select the latest sessions that hold an event the query means, summed up over all of it."""
    bindings = Bindings()
    matching = scope.condition(bindings, where)
    seen = scope.condition(bindings, None)
    idle, most = bindings.add(idle_ms), bindings.add(limit)
    summary = summary_columns(bindings, now_ms=scope.now_ms)
    who = 'arg_min("actor_id", "time") AS "actor_id", arg_max("actor_name", "time") AS "actor_name"'
    return Statement(
        f"""
WITH matched AS MATERIALIZED (
  SELECT "index", "session_id", "actor_id", {_SYSTEM} AS "system"
  FROM {EVENT_TABLE} WHERE {matching} AND ("session_id" IS NOT NULL OR "actor_id" IS NOT NULL)
), runs AS (
  SELECT NULL AS "declared", "actor_id" AS "runner", "system" AS "place",
    min("time") AS "begin", max("time") AS "end",
    arg_min("index", ("time", "index")) AS "first_index"
  FROM ({_runs(f"{seen} AND {_OF_MATCHED}", idle)})
  GROUP BY "actor_id", "system", "run"
  HAVING bool_or("index" IN (SELECT "index" FROM matched))
), declared AS (
  SELECT "session_id" AS "declared", NULL AS "runner", NULL AS "place",
    min("time") AS "begin", max("time") AS "end", min("index") AS "first_index"
  FROM {EVENT_TABLE} WHERE {seen} AND "session_id" IN (SELECT "session_id" FROM matched)
  GROUP BY "session_id"
), page AS MATERIALIZED (
  SELECT * FROM (SELECT * FROM runs UNION ALL SELECT * FROM declared)
  ORDER BY "end" DESC, "first_index" DESC LIMIT {most}
)
SELECT * FROM (
  SELECT any_value("declared") AS "declared", "first_index", {who},
    arg_min("resource_system", "time") AS "system", {summary}
  FROM {EVENT_TABLE} JOIN page ON "session_id" = "declared"
  WHERE {seen} GROUP BY "first_index"
  UNION ALL
  SELECT NULL AS "declared", "first_index", {who}, any_value("place") AS "system", {summary}
  FROM {EVENT_TABLE} JOIN page ON {_IN_RUN} AND "actor_id" = "runner"
    AND {_SYSTEM} = "place" AND "time" BETWEEN "begin" AND "end"
  WHERE {seen} GROUP BY "first_index"
) ORDER BY "last_time" DESC, "first_index" DESC
""",
        bindings.values,
    )


def session_statement(session_id: str, visibility: Visibility, *, idle_ms: int) -> Statement:
    """Select the indices of one session's events, in the order of their time."""
    bindings = Bindings()
    seen = visibility.condition(bindings)
    found = _RUN_ID.fullmatch(session_id)
    if found is None:
        declared = bindings.add(session_id.removeprefix("="))
        return Statement(
            f'SELECT "index" FROM {EVENT_TABLE} WHERE "session_id" = {declared} AND {seen} '
            'ORDER BY "time", "index"',
            bindings.values,
        )
    actor, system = bindings.add(unquote(found[1])), bindings.add(unquote(found[2]))
    first, idle = bindings.add(int(found[3])), bindings.add(idle_ms)
    runs = _runs(f'{seen} AND "actor_id" = {actor} AND {_SYSTEM} = {system}', idle)
    return Statement(
        f'WITH runs AS MATERIALIZED ({runs}) SELECT "index" FROM runs '
        f'WHERE "run" = (SELECT "run" FROM runs WHERE "index" = {first}) '
        'ORDER BY "time", "index"',
        bindings.values,
    )
