"""Checkpoint store: fulfilments and loads of reference data, as they follow from events."""

from __future__ import annotations

import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Engine, Select, and_, func, or_, select

from ombud.core.errors import TamperError
from ombud.store.checkpoint_events import AWAITED, MET
from ombud.store.checkpoint_tables import fulfilment, reference_load

_LISTS = ("resources", "subjects", "choices", "findings", "flaws")
_ACTORS_MAX = 20_000  # Actors whose fulfilments are kept in memory.
_AT_ONCE = 500  # Values of one statement.


@dataclass(frozen=True, slots=True)
class FulfilmentRow:
    """One checkpoint met or waiting, as it stands; instants in ms since the epoch."""

    id: str
    actor: str
    person: str | None
    unit: str | None
    purpose: str
    checkpoint: str
    kind: str
    state: str
    met_at: int
    until: int
    is_once: bool
    resources: tuple[str, ...]
    subjects: tuple[tuple[str, str], ...]
    text: str | None
    case_id: str | None
    choices: tuple[str, ...]
    wording: str
    policy: str
    decision: str | None
    delivered_by: str | None
    second_person: str | None
    is_refused: bool
    verdict: str
    findings: tuple[str, ...]
    facts: dict[str, str]
    verified_at: int
    score: float | None
    flaws: tuple[str, ...]
    event_index: int


@dataclass(frozen=True, slots=True)
class LoadRow:
    """One load of a table of reference data."""

    id: str
    name: str
    kind: str
    sha256: str
    row_count: int
    origin: str
    as_of: int
    loaded_at: int
    loaded_by: str
    event_index: int


class CheckpointTables:
    """What is read of checkpoints; it is written by events alone."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._of_actor: dict[str, tuple[FulfilmentRow, ...]] = {}
        self._loads: dict[str, LoadRow] | None = None

    def forget(self) -> None:
        """Forget what is kept in memory, because the tables have changed."""
        with self._lock:
            self._of_actor = {}
            self._loads = None

    def of_actor(self, actor: str, *, now: int) -> tuple[FulfilmentRow, ...]:
        """Return what an actor has met that is not past, the latest first."""
        kept = self._of_actor
        known = kept.get(actor)
        if known is None:
            wanted = select(fulfilment).where(
                fulfilment.c.actor == actor, fulfilment.c.state == MET, fulfilment.c.until > now
            )
            known = tuple(self._rows(wanted.order_by(fulfilment.c.event_index.desc())))
            with self._lock:
                if kept is self._of_actor and len(kept) < _ACTORS_MAX:
                    kept[actor] = known
        return tuple(row for row in known if row.until > now)

    def get(self, id_: str) -> FulfilmentRow | None:
        """Return one by id, in whatever state."""
        rows = self._rows(select(fulfilment).where(fulfilment.c.id == id_))
        return rows[0] if rows else None

    def awaited(self, *, now: int) -> list[FulfilmentRow]:
        """Return what waits for a second person and is not past, the oldest first."""
        wanted = select(fulfilment).where(fulfilment.c.state == AWAITED, fulfilment.c.until > now)
        return self._rows(wanted.order_by(fulfilment.c.event_index))

    def since(
        self,
        since: int,
        *,
        limit: int,
        verdicts: Collection[str] = (),
        actor: str | None = None,
        after: tuple[int, str] | None = None,
    ) -> list[FulfilmentRow]:
        """Return what was met from an instant on, the latest first.

        `after` continues behind one: when it was met, and its id.
        """
        met_at, id_ = fulfilment.c.met_at, fulfilment.c.id
        wanted = select(fulfilment).where(met_at >= since, fulfilment.c.state == MET)
        if verdicts:
            wanted = wanted.where(fulfilment.c.verdict.in_(list(verdicts)))
        if actor is not None:
            wanted = wanted.where(fulfilment.c.actor == actor)
        if after is not None:
            wanted = wanted.where(or_(met_at < after[0], and_(met_at == after[0], id_ < after[1])))
        return self._rows(wanted.order_by(met_at.desc(), id_.desc()).limit(limit))

    def counts(self) -> dict[str, int]:
        """Return how many fulfilments there are by checkpoint."""
        wanted = select(fulfilment.c.checkpoint, func.count()).group_by(fulfilment.c.checkpoint)
        with self._engine.connect() as connection:
            return {row[0]: row[1] for row in connection.execute(wanted)}

    def facts_in_use(self) -> set[tuple[str, str]]:
        """Return the loads that verdicts refer to: table and hash."""
        with self._engine.connect() as connection:
            found = connection.execute(select(fulfilment.c.facts).distinct())
            return {
                (name, sha256) for (text,) in found for name, sha256 in orjson.loads(text).items()
            }

    def last_loads(self) -> dict[str, LoadRow]:
        """Return the load that stands of each table, by name."""
        known = self._loads
        if known is None:
            latest = select(func.max(reference_load.c.event_index)).group_by(reference_load.c.name)
            wanted = select(reference_load).where(reference_load.c.event_index.in_(latest))
            with self._engine.connect() as connection:
                rows = [LoadRow(**row) for row in connection.execute(wanted).mappings()]
            known = self._loads = {row.name: row for row in rows}
        return known

    def loads(self, name: str, *, limit: int) -> list[LoadRow]:
        """Return the loads of one table, the latest first."""
        wanted = (
            select(reference_load)
            .where(reference_load.c.name == name)
            .order_by(reference_load.c.event_index.desc())
            .limit(limit)
        )
        with self._engine.connect() as connection:
            return [LoadRow(**row) for row in connection.execute(wanted).mappings()]

    def _rows(self, wanted: Select[Any]) -> list[FulfilmentRow]:
        with self._engine.connect() as connection:
            return [_row(dict(row)) for row in connection.execute(wanted).mappings()]

    def several(self, ids: Sequence[str]) -> list[FulfilmentRow]:
        """Return those of these ids that there are."""
        found: list[FulfilmentRow] = []
        for start in range(0, len(ids), _AT_ONCE):
            wanted = select(fulfilment).where(fulfilment.c.id.in_(ids[start : start + _AT_ONCE]))
            found += self._rows(wanted)
        return found


def _row(row: dict[str, Any]) -> FulfilmentRow:
    try:
        lists = {name: tuple(orjson.loads(row[name])) for name in _LISTS}
        lists["subjects"] = tuple((kind, key) for kind, key in lists["subjects"])
        facts = dict(orjson.loads(row["facts"]))
    except (TypeError, ValueError) as error:
        raise TamperError(
            f"row `{row['id']}` of control table `fulfilment` is not what Ombud writes",
            hint="`ombud record verify` says where it differs, `ombud reindex` makes it anew",
        ) from error
    return FulfilmentRow(**{**row, **lists, "facts": facts})
