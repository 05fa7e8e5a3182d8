"""Coverage: how much of what was recorded says which person acted and whose data it was.

A few aggregates over a stretch of time, each one pass over a few columns.  An
event's person is known when a span of its account holds at its time; Ombud's own
events count for nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from ombud.attribution.declarations import PERSON_UNKNOWN, SUBJECT_UNKNOWN
from ombud.query.bindings import Bindings
from ombud.query.columns import EVENT_TABLE, SPAN_TABLE, SUBJECT_TABLE
from ombud.store.statement import Statement
from ombud.store.visibility import Visibility

ROWS_MAX = 1_000  # Of each list: sources, reasons, accounts, the most frequent first.
OWN = "ombud."
COLLECT = "ombud.collect"  # Tells gaps and silence.
CONNECT = "ombud.connect"  # Tells what a database has set.
GAP, SILENCE, INSPECTED = "source.gap", "source.silence", "connect.inspected"
_MACHINE = "coalesce(\"actor_type\" IN ('service', 'agent'), false)"
_KNOWN = (
    f'EXISTS (SELECT 1 FROM {SPAN_TABLE} s WHERE s.account = e."account" '
    'AND (s.system IS NULL OR s.system = e."resource_system") '
    'AND s.begins <= e."time" AND e."time" < s.ends)'
)
_UNKNOWN_FLAG = "_unknown:"

Row = dict[str, Any]
Rows = Callable[[Statement], list[tuple[Any, ...]]]


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is counted: events of `since` up to, and without, `until`, as far as may be seen."""

    since: int
    until: int
    visibility: Visibility

    def condition(self, bindings: Bindings, *, own: bool = False) -> str:
        """Return SQL that is true for the events counted."""
        origin = "" if own else f"NOT starts_with(\"source\", '{OWN}') AND "
        return (
            f'{origin}"time" >= {bindings.add(self.since)} AND "time" < {bindings.add(self.until)}'
            f" AND {self.visibility.condition(bindings)}"
        )


@dataclass(frozen=True)
class Counted:
    """The counts of one stretch; every list is ordered, and the same for the same record."""

    sources: list[Row] = field(default_factory=list)
    reasons: list[Row] = field(default_factory=list)
    accounts: list[Row] = field(default_factory=list)
    datasets: frozenset[tuple[str, str]] = frozenset()
    findings: list[Row] = field(default_factory=list)
    latest: list[Row] = field(default_factory=list)
    inspected: list[Row] = field(default_factory=list)
    directory_systems: tuple[str, ...] = ()


def count_coverage(ask: Rows, stretch: Stretch, *, systems: Collection[str]) -> Counted:
    """Return all counts; `systems` are those whose datasets are asked for."""
    return Counted(
        sources=_named(ask(_sources(stretch)), _SOURCE_COLUMNS),
        reasons=_named(ask(_reasons(stretch)), ("source", "system", "reason", "events")),
        accounts=_named(ask(_accounts(stretch)), _ACCOUNT_COLUMNS),
        datasets=frozenset(ask(_datasets(stretch, systems))) if systems else frozenset(),
        findings=_named(ask(_findings(stretch)), _FINDING_COLUMNS),
        latest=_named(ask(_latest(stretch.visibility)), ("source", "system", "events", "last")),
        inspected=_named(ask(_inspected(stretch.visibility)), ("system", "attributes", "time")),
        directory_systems=tuple(system for (system,) in ask(_directory_systems())),
    )


def _named(rows: list[tuple[Any, ...]], names: tuple[str, ...]) -> list[Row]:
    return [dict(zip(names, row, strict=True)) for row in rows]


_SOURCE_COLUMNS = (
    "source", "system", "events", "first", "last", "machines", "acted", "person_known",
    "subject_known", "subject_unknown",
)  # fmt: skip


def _sources(stretch: Stretch) -> Statement:
    """Count by source and system: who acted, known or not, and whose data it was."""
    bindings = Bindings()
    condition = stretch.condition(bindings)
    acted = f'"account" IS NOT NULL AND NOT {_MACHINE}'
    return Statement(
        'SELECT "source", "resource_system", count(*), min("time"), max("time"), '
        f"count(*) FILTER ({_MACHINE}), count(*) FILTER ({acted}), "
        f"count(*) FILTER ({acted} AND known), count(*) FILTER (has_subject), "
        f'count(*) FILTER (NOT has_subject AND "flags" LIKE \'%"{SUBJECT_UNKNOWN}%\') '
        'FROM (SELECT "source", "resource_system", "time", "actor_type", "account", "flags", '
        f'{_KNOWN} AS known, "index" IN (SELECT "index" FROM {SUBJECT_TABLE}) AS has_subject '
        f"FROM {EVENT_TABLE} e WHERE {condition}) "
        f"GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2 NULLS LAST LIMIT {ROWS_MAX}",
        bindings.values,
    )


def _reasons(stretch: Stretch) -> Statement:
    """Count the flags that say why nobody is known."""
    bindings = Bindings()
    condition = stretch.condition(bindings)
    return Statement(
        'SELECT "source", "resource_system", flag, count(*) FROM ('
        'SELECT "source", "resource_system", '
        """unnest(from_json("flags", '["VARCHAR"]')) AS flag """
        f"FROM {EVENT_TABLE} e WHERE \"flags\" LIKE '%{_UNKNOWN_FLAG}%' AND {condition}) "
        f"WHERE starts_with(flag, '{PERSON_UNKNOWN}') OR starts_with(flag, '{SUBJECT_UNKNOWN}') "
        f"GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 2 NULLS LAST, 3 LIMIT {ROWS_MAX}",
        bindings.values,
    )


_ACCOUNT_COLUMNS = ("source", "system", "account", "events", "addresses", "programs", "program")


def _accounts(stretch: Stretch) -> Statement:
    """Count the accounts of which nobody knows whose they are."""
    bindings = Bindings()
    condition = stretch.condition(bindings)
    return Statement(
        'SELECT "source", "resource_system", "account", count(*), '
        'approx_count_distinct("origin_ip"), approx_count_distinct("origin_agent"), '
        'min("origin_agent") '
        f'FROM {EVENT_TABLE} e WHERE "account" IS NOT NULL AND NOT {_MACHINE} AND NOT {_KNOWN} '
        f"AND {condition} GROUP BY 1, 2, 3 "
        f"ORDER BY 4 DESC, 1, 2 NULLS LAST, 3 LIMIT {ROWS_MAX}",
        bindings.values,
    )


def _datasets(stretch: Stretch, systems: Collection[str]) -> Statement:
    """Find the datasets seen of some systems."""
    bindings = Bindings()
    condition = stretch.condition(bindings)
    wanted = bindings.add(sorted(systems))
    return Statement(
        f'SELECT DISTINCT "resource_system", "resource_dataset" FROM {EVENT_TABLE} e '
        f'WHERE "resource_system" IN (SELECT unnest({wanted}::VARCHAR[])) '
        f'AND "resource_dataset" IS NOT NULL AND {condition}',
        bindings.values,
    )


_FINDING_COLUMNS = ("operation", "source", "count", "missing", "last")


def _findings(stretch: Stretch) -> Statement:
    """Count the gaps and silences that were told."""
    bindings = Bindings()
    condition = stretch.condition(bindings, own=True)
    return Statement(
        'SELECT "operation", "resource_system", count(*), '
        """sum(TRY_CAST(json_extract_string("attributes", '$.missing') AS BIGINT))::BIGINT, """
        f"""max("time") FROM {EVENT_TABLE} e WHERE "source" = '{COLLECT}' AND {condition} """
        "GROUP BY 1, 2 ORDER BY 1, 2 NULLS LAST",
        bindings.values,
    )


def _latest(visibility: Visibility) -> Statement:
    """Find the last event of each source and system, whenever it was."""
    bindings = Bindings()
    return Statement(
        f'SELECT "source", "resource_system", count(*), max("time") FROM {EVENT_TABLE} '
        f"WHERE NOT starts_with(\"source\", '{OWN}') AND {visibility.condition(bindings)} "
        f"GROUP BY 1, 2 ORDER BY 1, 2 NULLS LAST LIMIT {ROWS_MAX}",
        bindings.values,
    )


def _inspected(visibility: Visibility) -> Statement:
    """Find what each database had set when it was last looked at."""
    bindings = Bindings()
    return Statement(
        """SELECT json_extract_string("attributes", '$.system') AS system, """
        f'arg_max("attributes", "index"), max("time") FROM {EVENT_TABLE} '
        f"""WHERE "source" = '{CONNECT}' AND "operation" = '{INSPECTED}' """
        f"AND {visibility.condition(bindings)} GROUP BY 1 ORDER BY 1 NULLS LAST LIMIT {ROWS_MAX}",
        bindings.values,
    )


def _directory_systems() -> Statement:
    """Find the systems on which the directory knows accounts."""
    return Statement(
        f"SELECT DISTINCT system FROM {SPAN_TABLE} WHERE system IS NOT NULL "
        f"ORDER BY 1 LIMIT {ROWS_MAX}",
        [],
    )
