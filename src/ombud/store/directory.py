"""Directory tables: the rows of people, accounts and units as they were last loaded."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Engine, func, select

from ombud.core.errors import TamperError
from ombud.directory.kinds import LOADED, Row, Rows, begins_of, ends_of
from ombud.store.control_schema import directory_load, directory_row

_AT_ONCE = 500  # Values of one statement; SQLite takes some thousands.


@dataclass(frozen=True, slots=True)
class Load:
    """The load that stands: `stamp` is the index of its event."""

    stamp: int
    id: str
    loaded_at: int
    loaded_by: str
    reason: str | None
    sha256: str
    counts: dict[str, int]
    files: tuple[str, ...]


class DirectoryTables:
    """What is read of the directory; it is written by events alone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stamp: int | None = None

    def forget(self) -> None:
        """Forget what is kept in memory, because the tables have changed."""
        self._stamp = None

    def stamp(self) -> int:
        """Return the index of the event of the load that stands, 0 if there is none."""
        known = self._stamp
        if known is None:
            with self._engine.connect() as connection:
                last = connection.execute(select(func.max(directory_load.c.event_index))).scalar()
            known = self._stamp = last or 0
        return known

    def last_load(self) -> Load | None:
        """Return the load that stands, or None."""
        latest = select(directory_load).order_by(directory_load.c.event_index.desc()).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(latest).mappings().first()
        if row is None:
            return None
        return Load(
            stamp=row["event_index"],
            id=row["id"],
            loaded_at=row["loaded_at"],
            loaded_by=row["loaded_by"],
            reason=row["reason"],
            sha256=row["sha256"],
            counts=orjson.loads(row["counts"]),
            files=tuple(orjson.loads(row["files"])),
        )

    def counts(self) -> dict[str, int]:
        """Return how many rows there are of each kind that there are any of."""
        by_kind = select(directory_row.c.kind, func.count()).group_by(directory_row.c.kind)
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(by_kind)}

    def bodies(self, kind: str) -> dict[str, str]:
        """Return the rows of a kind: canonical text by id."""
        wanted = select(directory_row.c.id, directory_row.c.body).where(
            directory_row.c.kind == kind
        )
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(wanted)}

    def rows(self, kinds: Iterable[str]) -> Rows:
        """Return all rows of some kinds."""
        return {kind: [_row(body) for body in self.bodies(kind).values()] for kind in kinds}

    def of_person(self, person: str) -> Rows:
        """Return all rows about a person, and of the units that these name and those above."""
        about = directory_row.c.person == person
        found = self._find(select(directory_row.c.kind, directory_row.c.body).where(about))
        wanted = {row.values[1] for kind in ("membership",) for row in found.get(kind, ())}
        # Who supervises the person's own units comes with the units, below.
        found.pop("supervision", None)
        seen: set[str] = set()
        while wanted:
            seen |= wanted
            above = self._of_units(wanted)
            for kind, rows in above.items():
                found.setdefault(kind, []).extend(rows)
            parents = {row.values[2] for row in above.get("unit", ())}
            wanted = {parent for parent in parents if parent is not None} - seen
        return found

    def supervised_by(self, person: str) -> list[Row]:
        """Return the rows that name a person as supervisor."""
        wanted = select(directory_row.c.kind, directory_row.c.body).where(
            directory_row.c.kind == "supervision", directory_row.c.person == person
        )
        return self._find(wanted).get("supervision", [])

    def people_of(self, account: str, at: int) -> set[str]:
        """Return everybody who may stand behind an account, on whatever system, at an instant."""
        first = f"account {orjson.dumps([account]).decode()[:-1]}"
        wanted = select(directory_row.c.body).where(
            directory_row.c.kind == "account",
            directory_row.c.id >= f"{first},",
            directory_row.c.id < f"{first}-",  # The character after the comma.
        )
        with self._engine.connect() as connection:
            rows = [_row(body) for (body,) in connection.execute(wanted)]
        return {
            row.values[2]
            for row in rows
            if row.values[0] == account and begins_of(row.values[3]) <= at < ends_of(row.values[4])
        }

    def _of_units(self, units: Collection[str]) -> Rows:
        found: Rows = {}
        listed = sorted(units)
        for start in range(0, len(listed), _AT_ONCE):
            wanted = select(directory_row.c.kind, directory_row.c.body).where(
                directory_row.c.unit.in_(listed[start : start + _AT_ONCE]),
                directory_row.c.kind.in_(("unit", "supervision")),
            )
            for kind, rows in self._find(wanted).items():
                found.setdefault(kind, []).extend(rows)
        return found

    def _find(self, wanted: Any) -> Rows:
        found: Rows = {}
        with self._engine.connect() as connection:
            for kind, body in connection.execute(wanted):
                found.setdefault(kind, []).append(_row(body))
        return found


def _row(body: str) -> Row:
    try:
        return Row(tuple(orjson.loads(body)), LOADED, 0)
    except (TypeError, ValueError) as error:
        raise TamperError(
            f"row `{body[:80]}` of the directory is not what Ombud writes",
            hint="`ombud record verify` says where it differs, `ombud reindex` makes it anew",
        ) from error


def bodies_of(rows: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the canonical lines that the hash of a load is made of, in order of their ids."""
    for id_, body in sorted(rows):
        yield f"{id_.partition(' ')[0]} {body}\n"
