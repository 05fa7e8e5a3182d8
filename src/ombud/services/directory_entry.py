"""Directory entry: everything the directory says of one person, as of an instant."""

from __future__ import annotations

from typing import Any

from ombud.directory.kinds import KINDS, Row, begins_of, ends_of
from ombud.directory.spans import Belongings
from ombud.directory.timeline import Timelines
from ombud.store.directory import DirectoryTables

_LISTED = {
    "accounts": "account",
    "memberships": "membership",
    "roster": "roster",
    "leave": "leave",
    "relations": "relation",
    "assignments": "assignment",
}


def find_entry(tables: DirectoryTables, person: str, at: int) -> dict[str, Any] | None:
    """Return the entry of a person, None if there is no such person.

    Unit, role, manager and zone are those at the instant; rows of all times are
    listed, each with whether it holds then.
    """
    rows = tables.of_person(person)
    if not rows.get("person"):
        return None
    timelines = Timelines(rows.get("unit", ()), rows.get("supervision", ()))
    belongings = Belongings(rows.get("membership", ()), timelines).of(person)
    (now,) = [one for one in belongings if one.begins <= at < one.ends]
    listed = {name: _listed(kind, rows.get(kind, []), at) for name, kind in _LISTED.items()}
    return {
        "person": person,
        "name": rows["person"][0].values[1],
        "at": at,
        "unit": now.unit,
        "units": list(now.units),
        "role": now.role,
        "manager": now.manager,
        "time_zone": now.zone,
        **listed,
        "supervises": _listed("supervision", tables.supervised_by(person), at),
    }


def _listed(kind: str, rows: list[Row], at: int) -> list[dict[str, Any]]:
    """Return rows without the person they are of, in order of time."""
    names = KINDS[kind].names
    in_order = sorted(rows, key=lambda row: (begins_of(row.values[-2]), str(row.values)))
    return [
        {
            **{
                name: value
                for name, value in zip(names, row.values, strict=True)
                if name not in {"person", "supervisor"}
            },
            "holds": begins_of(row.values[-2]) <= at < ends_of(row.values[-1]),
        }
        for row in in_order
    ]
