"""Grant uses: what was done under grants, as the index tells it.

A use is a permit of the decision, alone or in a batch, which names its grants in
`attributes.decisions`.  An export is one that was decided on, or that a system told
of with the grant that it was made under.
"""

from __future__ import annotations

from typing import Any

from ombud.core.clock import format_instant
from ombud.query.columns import EVENT_TABLE, INDEX
from ombud.store.index import Index
from ombud.store.statement import Statement

EXPORTS_MAX = 100_000  # Of one grant; the rest is found once these are in quarantine.
_OWN = "\"source\" <> 'ombud.control'"
_DECISION = "\"source\" = 'ombud.decision'"
_BATCH = f'{_DECISION} AND "grant" IS NULL'
_DONE = "coalesce(\"outcome\", '') NOT IN ('denied', 'failure')"
_UNDER = f'(({_OWN} AND "grant" = $1) OR ({_BATCH} AND contains("attributes", $2)))'


class GrantUses:
    """Questions about what was done under grants."""

    def __init__(self, index: Index) -> None:
        self._index = index

    def last(self, since: int) -> dict[str, int]:
        """Return when each grant was last used since an instant, in ms since the epoch."""
        items = "json_extract_string(\"attributes\", '$.decisions[*].grant')"
        sql = (
            'SELECT "used", max("at") FROM ('
            f'SELECT "grant" AS "used", "time" AS "at" FROM {EVENT_TABLE} '
            f'WHERE {_DECISION} AND "grant" IS NOT NULL AND {_DONE} AND "time" >= $1 '
            f'UNION ALL SELECT unnest({items}), "time" FROM {EVENT_TABLE} '
            f'WHERE {_BATCH} AND {_DONE} AND "time" >= $1 AND contains("attributes", \'"grant"\')'
            ') WHERE "used" IS NOT NULL GROUP BY "used"'
        )
        return dict(self._ask(Statement(sql, [since])))

    def counts(self, grant_id: str) -> list[dict[str, Any]]:
        """Return how often each action was taken under a grant, and how it ended."""
        sql = (
            'SELECT "action", "outcome", count(*), min("time"), max("time") '
            f"FROM {EVENT_TABLE} WHERE {_UNDER} GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"
        )
        return [
            {
                "action": action,
                "outcome": outcome,
                "count": count,
                "first": format_instant(first),
                "last": format_instant(last),
            }
            for action, outcome, count, first, last in self._ask(_about(sql, grant_id))
        ]

    def exports(self, grant_id: str) -> list[int]:
        """Return the indices of the exports that were made under a grant, in order."""
        is_export = '("action" = \'export\' OR contains("attributes", \'"action":"export"\'))'
        sql = (
            f"SELECT {INDEX} FROM {EVENT_TABLE} WHERE {_UNDER} AND {_DONE} AND {is_export} "
            f"ORDER BY {INDEX} LIMIT {EXPORTS_MAX}"
        )
        return [index for (index,) in self._ask(_about(sql, grant_id))]

    def _ask(self, statement: Statement) -> list[tuple[Any, ...]]:
        with self._index.as_of_now() as ask:
            return list(ask(statement))


def _about(sql: str, grant_id: str) -> Statement:
    return Statement(sql, [grant_id, f'"grant":"{grant_id}"'])
