"""Control counts: how policy, requests and checkpoints stand, read without opening a home.

The file is read as it lies there, whether or not a server writes to it: figures for
somebody who asks how a home stands, never what a decision is made of.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from ombud.core.errors import Unavailable

BUSY_SECONDS = 2.0  # A writer holds the file for moments.
_POLICY = """
    SELECT version, coalesce(ended_at, proposed_at), proposed_by, event_index
    FROM policy_version WHERE state = 'applied' ORDER BY event_index DESC LIMIT 1
"""
_PROPOSALS = "SELECT count(*) FROM policy_version WHERE state = 'proposed' AND base = ?"
_REQUESTS = """
    SELECT count(*), coalesce(sum(kind = 'break_glass'), 0), min(expires_at) FROM access_request
    WHERE state IN ('open', 'changes_requested')
"""
_GRANTS = """
    SELECT count(*) FROM access_grant WHERE begins <= ?1 AND ?1 < ends AND revoked_at IS NULL
"""
_CHECKPOINTS = """
    SELECT coalesce(sum(state = 'met' AND until > ?1), 0), coalesce(sum(state = 'awaited'), 0)
    FROM fulfilment
"""


def count_matters(database: Path, now: int) -> dict[str, Any] | None:
    """Return what is in force and what waits at an instant; None where there is no such file.

    Raises `Unavailable` for a file that cannot be read, or that is of another format.
    """
    if not database.exists():
        return None
    try:
        place = f"{database.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(place, uri=True, timeout=BUSY_SECONDS)) as connection:
            return _count(connection, now)
    except sqlite3.Error as error:
        failed = Unavailable(f"cannot be read: {error}")
        failed.origin = str(database)
        raise failed from error


def _count(connection: sqlite3.Connection, now: int) -> dict[str, Any]:
    def row(statement: str, *values: int) -> tuple[Any, ...]:
        found: tuple[Any, ...] | None = connection.execute(statement, values).fetchone()
        return found or ()

    policy = row(_POLICY)
    waiting, emergencies, due_by = row(_REQUESTS)
    met, awaited = row(_CHECKPOINTS, now)
    return {
        "policy": {"version": policy[0], "since": policy[1], "by": policy[2]} if policy else None,
        "proposals": row(_PROPOSALS, policy[3] if policy else 0)[0],
        "requests": {"waiting": waiting, "emergencies": emergencies, "due_by": due_by},
        "grants": row(_GRANTS, now)[0],
        "checkpoints": {"hold": met, "waiting": awaited},
    }
