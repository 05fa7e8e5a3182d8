"""Policies: the versions of the policy as their events left them, and where their texts lie."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Engine, func, select

from ombud.core.errors import TamperError
from ombud.store.policy_events import APPLIED, PROPOSED
from ombud.store.policy_tables import policy_chunk, policy_confirmation, policy_version


@dataclass(frozen=True, slots=True)
class Confirmation:
    """One person's yes to a proposal; the instant is in ms since the epoch."""

    person: str
    confirmed_at: int
    reason: str | None
    event_index: int


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One version; instants in milliseconds since the epoch.

    `base` is the event of the policy it changes, 0 for none.  `alone` says why one
    person sufficed.  For one that is applied, `event_index` is since when it counts.
    """

    id: str
    version: str
    sha256: str
    files: dict[str, int]
    chunk_count: int
    base: int
    state: str
    lowers: tuple[str, ...]
    quorum: int
    is_outside: bool
    alone: str | None
    proposed_at: int
    proposed_by: str
    reason: str | None
    ended_at: int | None
    ended_by: str | None
    ended_reason: str | None
    event_index: int


class PolicyTables:
    """What is read of policies; it is written by events alone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._changes = 0
        self._stamp: tuple[int, int] | None = None  # As of which change, and what it was.

    def forget(self) -> None:
        """Forget what is kept in memory, because the tables have changed."""
        self._changes += 1

    def stamp(self) -> int:
        """Return the index of the event that put the policy in force, 0 without one."""
        changes, known = self._changes, self._stamp  # First: what changes meanwhile is read again.
        if known is None or known[0] != changes:
            applied = policy_version.c.state == APPLIED
            wanted = select(func.max(policy_version.c.event_index)).where(applied)
            with self._engine.connect() as connection:
                known = self._stamp = (changes, connection.execute(wanted).scalar() or 0)
        return known[1]

    def in_force(self) -> PolicyRow | None:
        """Return the policy in force, or None."""
        found = self._find(policy_version.c.state == APPLIED, limit=1)
        return found[0] if found else None

    def find(self, policy: str) -> PolicyRow | None:
        """Return a version by its id, or None."""
        found = self._find(policy_version.c.id == policy, limit=1)
        return found[0] if found else None

    def history(self, *, limit: int) -> list[PolicyRow]:
        """Return versions that were applied, the latest first."""
        return self._find(policy_version.c.state == APPLIED, limit=limit)

    def proposals(self, *, limit: int, also_ended: bool = False) -> list[PolicyRow]:
        """Return proposals, the latest first; those that wait, unless also those that ended."""
        wanted = policy_version.c.state == PROPOSED
        if also_ended:
            wanted = wanted | (policy_version.c.quorum > 0)
        return self._find(wanted, limit=limit)

    def confirmations(self, policy: str) -> list[Confirmation]:
        """Return who confirmed a proposal, in order."""
        wanted = (
            select(policy_confirmation)
            .where(policy_confirmation.c.policy == policy)
            .order_by(policy_confirmation.c.event_index)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(wanted).mappings().all()
        return [
            Confirmation(row["person"], row["confirmed_at"], row["reason"], row["event_index"])
            for row in rows
        ]

    def chunks(self, policy: str) -> list[int]:
        """Return the events that carry the texts of a version, in order."""
        wanted = (
            select(policy_chunk.c.event_index)
            .where(policy_chunk.c.policy == policy)
            .order_by(policy_chunk.c.number)
        )
        with self._engine.connect() as connection:
            return [index for (index,) in connection.execute(wanted)]

    def _find(self, where: ColumnElement[bool], *, limit: int) -> list[PolicyRow]:
        latest = (
            select(policy_version)
            .where(where)
            .order_by(policy_version.c.event_index.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [_read(dict(row)) for row in connection.execute(latest).mappings()]


def _read(row: dict[str, Any]) -> PolicyRow:
    try:
        files, lowers = orjson.loads(row["files"]), orjson.loads(row["lowers"])
        return PolicyRow(**{**row, "files": dict(files), "lowers": tuple(lowers)})
    except (TypeError, ValueError) as error:
        raise TamperError(
            f"row `{row['id']}` of control table `policy_version` is not what Ombud writes",
            hint="`ombud record verify` says where it differs, `ombud reindex` makes it anew",
        ) from error
