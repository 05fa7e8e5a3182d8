"""Policy applying: whether what an event says of a policy can stand, where the tables stand.

A policy takes effect whole, over the one that it was compared with, or not at all:
what cannot stand becomes a fault, which names the event, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, func, select

from ombud.store.control_change import Change
from ombud.store.policy_events import APPLIED, PROPOSED
from ombud.store.policy_tables import policy_chunk, policy_confirmation, policy_version

POLICY_MATTERS = frozenset({policy_chunk.name, policy_version.name, policy_confirmation.name})


def find_refusal(connection: Connection, change: Change) -> str:
    """Return why a change of a policy cannot stand; empty if it can."""
    return _CHECKS[change.table](connection, change)


def stands(connection: Connection) -> int:
    """Return the index of the event that put the policy in force, 0 without one."""
    wanted = select(func.max(policy_version.c.event_index)).where(policy_version.c.state == APPLIED)
    return connection.execute(wanted).scalar() or 0


def _row(connection: Connection, policy: str) -> Any:
    wanted = select(policy_version).where(policy_version.c.id == policy)
    return connection.execute(wanted).mappings().first()


def _check_chunk(connection: Connection, change: Change) -> str:
    if _row(connection, change.values["policy"]) is not None:
        return f"policy `{change.values['policy']}` is closed and takes no more files"
    return ""


def _check_confirmation(connection: Connection, change: Change) -> str:
    row = _row(connection, change.values["policy"])
    if row is None or row["state"] != PROPOSED:
        return f"no policy `{change.values['policy']}` is proposed"
    return ""


def _check_version(connection: Connection, change: Change) -> str:
    row = _row(connection, change.key)
    if not change.is_whole:
        if row is None or row["state"] != PROPOSED:
            return f"no policy `{change.key}` is proposed"
        base = row["base"]
        if change.values["state"] == APPLIED and _confirmed(connection, change) < row["quorum"]:
            return f"policy `{change.key}` lacks confirmations: it needs {row['quorum']}"
    else:
        if row is not None:
            return f"policy `{change.key}` is there already"
        fault = _missing(connection, change)
        if fault:
            return fault
        base = change.values["base"]
    in_force = stands(connection)
    if change.values["state"] == APPLIED and base != in_force:
        return f"was compared with the policy of event {base}, and that of {in_force} is in force"
    return ""


def _missing(connection: Connection, change: Change) -> str:
    """Return which texts are not there; empty if all are."""
    count = change.values["chunk_count"]
    found = connection.execute(
        select(policy_chunk.c.number)
        .where(
            policy_chunk.c.policy == change.key,
            policy_chunk.c.event_index < change.values["event_index"],
        )
        .order_by(policy_chunk.c.number)
    )
    numbers = [number for (number,) in found]
    if count < 1 or count != len(numbers) or numbers != list(range(count)):
        return f"{len(numbers)} of {count} chunks of the policy are there"
    return ""


def _confirmed(connection: Connection, change: Change) -> int:
    wanted = (
        select(func.count())
        .select_from(policy_confirmation)
        .where(policy_confirmation.c.policy == change.key)
    )
    return connection.execute(wanted).scalar() or 0


_CHECKS: dict[str, Callable[[Connection, Change], str]] = {
    policy_chunk.name: _check_chunk,
    policy_version.name: _check_version,
    policy_confirmation.name: _check_confirmation,
}
