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

DETAILED_MAX = 50  # Accounts of which it is told where they were used from.
ROWS_MAX = 1_000  # Of each list: sources, reasons, accounts, the most frequent first.
OWN = "ombud."
COLLECT = "ombud.collect"  # Tells gaps and silence.
CONNECT = "ombud.connect"  # Tells what a database has set.
GAP, SILENCE, INSPECTED = "source.gap", "source.silence", "connect.inspected"
_MACHINE = "coalesce(\"actor_type\" IN ('service', 'agent'), false)"
_MINE = 's."account" = {0}."account" AND (s."system" IS NULL OR s."system" = {0}."resource_system")'
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
    acted = _named(ask(_acted(stretch)), _ACTED_COLUMNS)
    about = {
        (source, system): (known, unknown)
        for source, system, known, unknown in ask(_subjects(stretch))
    }
    sources = []
    for row in acted:
        if row["is_source"]:
            known, unknown = about.get((row["source"], row["system"]), (0, 0))
            figures = {name: value for name, value in row.items() if name not in _OF_ACCOUNTS}
            sources.append(figures | {"subject_known": known, "subject_unknown": unknown})
    return Counted(
        sources=sorted(
            sources, key=lambda row: (-row["events"], row["source"], row["system"] or "")
        ),
        reasons=_named(ask(_reasons(stretch)), ("source", "system", "reason", "events")),
        accounts=_unknown_accounts(ask, stretch, [row for row in acted if not row["is_source"]]),
        datasets=frozenset(ask(_datasets(stretch, systems))) if systems else frozenset(),
        findings=_named(ask(_findings(stretch)), _FINDING_COLUMNS),
        latest=_named(ask(_latest(stretch.visibility)), ("source", "system", "events", "last")),
        inspected=_named(ask(_inspected(stretch.visibility)), ("system", "attributes", "time")),
        directory_systems=tuple(system for (system,) in ask(_directory_systems())),
    )


def _named(rows: list[tuple[Any, ...]], names: tuple[str, ...]) -> list[Row]:
    return [dict(zip(names, row, strict=True)) for row in rows]


def _unknown_accounts(ask: Rows, stretch: Stretch, rows: list[Row]) -> list[Row]:
    """Return the accounts nobody knows, the first of them with where they were used from."""
    detailed = [row["account"] for row in rows[:DETAILED_MAX]]
    told = (
        {
            (source, system, account): tuple(others)
            for source, system, account, *others in ask(_use(stretch, detailed))
        }
        if detailed
        else {}
    )
    accounts = []
    for row in rows:
        place = row["source"], row["system"], row["account"]
        use = dict(zip(_USE_COLUMNS, told.get(place, (0, 0, None)), strict=True))
        accounts.append(
            {"source": place[0], "system": place[1], "account": place[2]}
            | {"events": row["acted"] - row["person_known"]}
            | use
        )
    return sorted(
        accounts,
        key=lambda row: (-row["events"], row["source"], row["system"] or "", row["account"]),
    )


_ACTED_COLUMNS = (
    "is_source", "source", "system", "account", "events", "first", "last", "machines", "acted",
    "person_known",
)  # fmt: skip

_OF_ACCOUNTS = frozenset({"is_source", "account"})


def _acted(stretch: Stretch) -> Statement:
    """Count who acted by source and system, and the events of accounts nobody knows.

    Events are first counted by account.  A span that holds from the first to the last
    of them knows them all; only for accounts with others are events looked at singly.
    """
    bindings = Bindings()
    condition = stretch.condition(bindings)
    group = '"source", "resource_system", "account"'
    same = (
        'e."source" = p."source" AND e."account" = p."account" '
        'AND e."resource_system" IS NOT DISTINCT FROM p."resource_system"'
    )
    return Statement(
        f"WITH g AS MATERIALIZED (SELECT {group}, {_MACHINE} AS is_machine, count(*) AS n, "
        'min("time") AS first, max("time") AS last '
        f"FROM {EVENT_TABLE} WHERE {condition} GROUP BY ALL), "
        "j AS MATERIALIZED (SELECT g.*, coalesce(bool_or("
        's."begins" <= g.first AND g.last < s."ends"), false) AS is_whole, '
        'count(s."account") > 0 AS is_touched '
        f"FROM g LEFT JOIN {SPAN_TABLE} s ON {_MINE.format('g')} "
        'AND s."begins" <= g.last AND s."ends" > g.first GROUP BY ALL), '
        "p AS (SELECT DISTINCT "
        f"{group} FROM j WHERE is_touched AND NOT is_whole AND NOT is_machine), "
        f'k AS (SELECT e."source", e."resource_system", e."account", count(*) AS known '
        f"FROM {EVENT_TABLE} e JOIN p ON {same} WHERE {_qualified(condition)} "
        f"AND NOT {_MACHINE} AND EXISTS (SELECT 1 FROM {SPAN_TABLE} s WHERE {_MINE.format('e')} "
        'AND s."begins" <= e."time" AND e."time" < s."ends") GROUP BY 1, 2, 3), '
        'a AS MATERIALIZED (SELECT j.*, CASE WHEN is_machine OR j."account" IS NULL THEN 0 '
        "WHEN is_whole THEN n ELSE coalesce(k.known, 0) END AS known, "
        'CASE WHEN is_machine OR j."account" IS NULL THEN 0 ELSE n END AS acted '
        'FROM j LEFT JOIN k ON k."source" = j."source" AND k."account" = j."account" '
        'AND k."resource_system" IS NOT DISTINCT FROM j."resource_system") '
        'SELECT * FROM (SELECT true, "source", "resource_system", NULL, sum(n)::BIGINT, '
        "min(first), max(last), coalesce(sum(n) FILTER (is_machine), 0)::BIGINT, "
        "sum(acted)::BIGINT, sum(known)::BIGINT "
        f"FROM a GROUP BY 2, 3 ORDER BY 5 DESC, 2, 3 NULLS LAST LIMIT {ROWS_MAX}) "
        f"UNION ALL SELECT * FROM (SELECT false, {group}, n, first, last, 0, acted, known "
        f"FROM a WHERE acted > known ORDER BY acted - known DESC, {group} LIMIT {ROWS_MAX})",
        bindings.values,
    )


def _qualified(condition: str) -> str:
    """Return a condition with the columns it shares with `p` taken from `e`."""
    return condition.replace('"source"', 'e."source"').replace(
        '"resource_system"', 'e."resource_system"'
    )


def _subjects(stretch: Stretch) -> Statement:
    """Count the events whose data subject is known, and those that say why it is not."""
    bindings = Bindings()
    condition = stretch.condition(bindings)
    return Statement(
        'SELECT "source", "resource_system", count(*) FILTER (has_subject), '
        f'count(*) FILTER (NOT has_subject AND "flags" LIKE \'%"{SUBJECT_UNKNOWN}%\') '
        'FROM (SELECT "source", "resource_system", "flags", '
        f'"index" IN (SELECT "index" FROM {SUBJECT_TABLE} WHERE "index" >= '
        f'(SELECT coalesce(min("index"), 0) FROM {EVENT_TABLE} WHERE {condition})) '
        f"AS has_subject FROM {EVENT_TABLE} WHERE {condition}) GROUP BY 1, 2",
        bindings.values,
    )


_USE_COLUMNS = ("addresses", "programs", "program")


def _use(stretch: Stretch, accounts: Collection[str]) -> Statement:
    """Tell from how many addresses and with how many programs accounts were used."""
    bindings = Bindings()
    condition = stretch.condition(bindings)
    wanted = bindings.add(sorted(set(accounts)))
    return Statement(
        'SELECT "source", "resource_system", "account", approx_count_distinct("origin_ip"), '
        'approx_count_distinct("origin_agent"), min("origin_agent") '
        f'FROM {EVENT_TABLE} WHERE "account_hash" IN '
        f"(SELECT hash(unnest({wanted}::VARCHAR[]))) AND NOT {_MACHINE} AND {condition} "
        "GROUP BY 1, 2, 3",
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
