"""Unmatched: the accounts of events that the directory does not know at the time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ombud.query.columns import EVENT_TABLE, SPAN_TABLE
from ombud.store.statement import Statement

# Two joins, for accounts of every system and of one: each compares columns only, so
# that the engine hashes accounts and never pairs all events with all spans.
_HOLDS = (
    'event."account_hash" = span."account_hash" AND event."account" = span."account"'
    ' AND span."begins" <= event."time" AND event."time" < span."ends"'
)
_UNMATCHED = f"""
SELECT
    event."account",
    event."resource_system",
    list_sort(list(DISTINCT event."source")),
    count(*) AS events,
    min(event."time"),
    max(event."time"),
    -- An account that somebody else acted for is not the machine that did.
    bool_and(
        coalesce(event."actor_type", '') IN ('service', 'agent')
        AND event."account" = event."actor_id"
    )
FROM {EVENT_TABLE} AS event
ANTI JOIN (SELECT * FROM {SPAN_TABLE} WHERE "system" IS NULL) AS span ON {_HOLDS}
ANTI JOIN (SELECT * FROM {SPAN_TABLE} WHERE "system" IS NOT NULL) AS span
    ON {_HOLDS} AND event."resource_system" = span."system"
WHERE event."account" IS NOT NULL
    AND event."source" <> 'ombud' AND NOT starts_with(event."source", 'ombud.')
GROUP BY ALL
ORDER BY events DESC, event."account", event."resource_system"
LIMIT $1
"""


def find_unmatched(
    ask: Callable[[Statement], list[tuple[Any, ...]]], *, limit: int
) -> list[dict[str, Any]]:
    """Return accounts by system, the most frequent first; Ombud's own events are left out."""
    return [
        {
            "account": account,
            "system": system,
            "sources": sources,
            "events": events,
            "first_at": first_at,
            "last_at": last_at,
            "is_machine": is_machine,
        }
        for account, system, sources, events, first_at, last_at, is_machine in ask(
            Statement(_UNMATCHED, [limit])
        )
    ]
