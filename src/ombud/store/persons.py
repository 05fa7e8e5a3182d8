"""Persons: who an account was at the time of an event, and why that is not known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from ombud.attribution.declarations import PERSON_UNKNOWN
from ombud.query.bindings import Bindings
from ombud.store.schema import TIME_MAX
from ombud.store.statement import Rows, Statement

MACHINES = ("service", "agent")  # Types of actors that are no persons.


class Unknown(StrEnum):
    """Why no person is known; the words of the answers."""

    NOBODY = "nobody named"
    SHARED = "shared account"  # Several people use it, and nothing tells who it was.
    MACHINE = "machine"
    ACCOUNT = "unknown account"  # The directory did not know it then.
    SEVERAL = "several people"  # Of a session.


class Act(NamedTuple):
    """What of an event decides who it was: instants in ms since the epoch."""

    account: str | None
    system: str | None
    time: int
    is_machine: bool = False
    is_shared: bool = False

    @property
    def unknown(self) -> Unknown:
        """Why nobody is known, where the directory knows nobody."""
        if self.account is None:
            return Unknown.NOBODY
        if self.is_shared:
            return Unknown.SHARED
        return Unknown.MACHINE if self.is_machine else Unknown.ACCOUNT


@dataclass(frozen=True, slots=True)
class Person:
    """A person of the directory as they were at one time."""

    id: str
    name: str | None = None
    unit: str | None = None
    role: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        """Return the person as answers show it."""
        return {"id": self.id, "name": self.name, "unit": self.unit, "role": self.role}


SHARED = f'coalesce("flags" LIKE \'%"{PERSON_UNKNOWN}%\', false)'
_SPAN = {name: f'"{name}"' for name in ("person", "name", "unit", "role")}
_MACHINE = f'"actor_type" IN {MACHINES!r} AND "account" = "actor_id"'
UNKNOWN = (
    f"CASE WHEN \"account\" IS NULL THEN '{Unknown.NOBODY}' WHEN {SHARED} THEN '{Unknown.SHARED}' "
    f"WHEN {_MACHINE} THEN '{Unknown.MACHINE}' ELSE '{Unknown.ACCOUNT}' END"
)


def person_columns(bindings: Bindings) -> dict[str, str]:
    """Return SQL by name of what the directory says of an event: person, name, unit, role.

    A shared account of which nothing tells who used it is nobody's, even where the
    directory gives it to somebody: that one may have done nothing.
    """
    return {
        name: f"CASE WHEN NOT {SHARED} THEN {bindings.of_span(quoted)} END"
        for name, quoted in _SPAN.items()
    }


PEOPLE_SHOWN = 20  # Of one session; more use a pooled account one after the other.
_PLAIN, _SHARED, _MACHINES = "-", "s", "m"
# How an account acted, and the account; a histogram of texts costs least of what could tell both.
ACTED = (
    f"histogram(CASE WHEN {SHARED} THEN '{_SHARED}' WHEN {_MACHINE} THEN '{_MACHINES}' "
    f"ELSE '{_PLAIN}' END || \"account\")"
)


def acts_of(acted: dict[str, int] | None, system: str | None, time: int) -> list[Act]:
    """Return who acted in a session, from its value of `ACTED`, as of one time."""
    return [
        Act(text[1:], system, time, text[0] == _MACHINES, text[0] == _SHARED)
        for text in sorted(acted or {})
    ]


def name_people(acts: Sequence[Act], persons: Sequence[Person | None]) -> dict[str, Any]:
    """Return the one person of a session, or why there is none, and all of whom it tells."""
    found = {one.id: one for one in persons if one is not None}
    reasons = {act.unknown for act, one in zip(acts, persons, strict=True) if one is None}
    told: dict[str, Any] = {"person": None, "person_unknown": None}
    if not acts:
        told["person_unknown"] = Unknown.NOBODY.value
    elif len(found) == 1 and not reasons:
        told["person"] = next(iter(found.values())).to_dict()
    elif len({act.account for act in acts}) == 1:
        told["person_unknown"] = min(reasons).value
    else:
        told["person_unknown"] = Unknown.SEVERAL.value
    accounts = list(dict.fromkeys(act.account for act in acts))
    return told | {
        "accounts": accounts[:PEOPLE_SHOWN],
        "account_count": len(accounts),
        "people": [one.to_dict() for one in found.values()][:PEOPLE_SHOWN],
        "people_count": len(found),
    }


def find_persons(ask: Rows, acts: Sequence[Act]) -> list[Person | None]:
    """Return who each of these was, by one look at the directory's spans."""
    found: list[Person | None] = [None] * len(acts)
    if any(act.account is not None and not act.is_shared for act in acts):
        for number, *values in ask(_statement(acts)):
            found[number] = Person(*values)
    return found


def _statement(acts: Sequence[Act]) -> Statement:
    bindings = Bindings()
    named = [
        (number, act)
        for number, act in enumerate(acts)
        if act.account is not None and not act.is_shared
    ]
    columns: dict[str, tuple[str, list[Any]]] = {
        "number": ("BIGINT", [number for number, _ in named]),
        "account": ("VARCHAR", [act.account for _, act in named]),
        "resource_system": ("VARCHAR", [act.system for _, act in named]),
        "time": ("BIGINT", [max(-TIME_MAX, min(act.time, TIME_MAX)) for _, act in named]),
    }
    listed = ", ".join(
        f'unnest({bindings.add(values)}::{kind}[]) AS "{name}"'
        for name, (kind, values) in columns.items()
    )
    person, *others = (bindings.of_span(quoted) for quoted in _SPAN.values())
    source = bindings.source(
        f'(SELECT *, hash("account") AS "account_hash" FROM (SELECT {listed})) AS "acted"'
    )
    told = ", ".join((person, *others))
    return Statement(
        f'SELECT "number", {told} FROM {source} WHERE {person} IS NOT NULL', bindings.values
    )
