"""Trino query: what one query was seen to ask, and the one event that says so.

Bounds: a query that touches more than is kept says how much was left out.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ombud.core.event import Event
from ombud.services.own_events import DATASTORE_ACTIVITY, own_event
from ombud.services.trino_speaker import Speaker

SOURCE = "ombud.trino"
OPERATION = "trino.query"
TABLES_MAX = 200  # Tables of one query that are told apart; a wide join has dozens.
COLUMNS_MAX = 5_000  # Columns of all its tables together.
MASKED_MAX = 20_000  # Columns with a mask, of all its tables together.
ANSWERS_MAX = 8  # Different answers about the filters of one table.
DECISIONS_MAX = 500  # Ids of decisions of one query.
FILTERS_NOT_ASKED = "trino_filters_not_asked"
MASKS_NOT_ASKED = "trino_masks_not_asked"
CONTINUED = "trino_query_continued"
ID_UNKNOWN = "trino_query_id_unknown"
CUT = "trino_query_cut"
# Asked outside of any query, even by a Trino that sends the ids of queries.
OUTSIDE = frozenset(
    {
        "ExecuteQuery",
        "FilterViewQueryOwnedBy",
        "ImpersonateUser",
        "KillQueryOwnedBy",
        "ReadSystemInformation",
        "SetSystemSessionProperty",
        "ViewQueryOwnedBy",
        "WriteSystemInformation",
    }
)


@dataclass(slots=True)
class TableUse:
    """What a query did with one table."""

    dataset: str
    columns: set[str] = field(default_factory=set)
    permitted: set[str] = field(default_factory=set)  # Operations.
    denied: set[str] = field(default_factory=set)
    filters: tuple[str, ...] | None = None  # As last answered; None: not asked.
    answered: set[tuple[str, ...]] = field(default_factory=set)  # All answers about filters.
    masked: set[str] = field(default_factory=set)  # Columns that were answered with a mask.
    is_mask_asked: bool = False
    probes: set[str] = field(default_factory=set)  # Of these Trino asks next, one by one.
    skipped: set[str] = field(default_factory=set)  # Whose masks Trino leaves out.
    version: str | None = None  # Of the policy by which it was first answered.
    is_about_tables: bool = False
    needs_filter: bool = False

    def answer(self, filters: tuple[str, ...]) -> tuple[str, ...]:
        """Note which filters Trino was told to put in, and return them."""
        self.filters = filters
        if len(self.answered) < ANSWERS_MAX:
            self.answered.add(filters)
        return filters

    @property
    def is_read(self) -> bool:
        """Whether rows of it may have been read."""
        return "SelectFromColumns" in self.permitted and not self.is_about_tables

    @property
    def is_analysed(self) -> bool:
        """Whether this was ANALYZE, which returns no rows and asks for no filters."""
        return (
            "InsertIntoTable" in self.permitted and self.filters is None and not self.is_mask_asked
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as the event tells it."""
        return {
            "dataset": self.dataset,
            "columns": sorted(self.columns),
            "permitted": sorted(self.permitted),
            "denied": sorted(self.denied),
            "filters": None
            if self.filters is None
            else [list(one) for one in sorted(self.answered)],
            "masked": sorted(self.masked) if self.is_mask_asked else None,
        }


@dataclass(slots=True)
class Query:
    """One query as far as it was seen; `stamp` is when it last asked, monotonic seconds."""

    id: str | None
    speaker: Speaker
    asker: str
    began: int
    stamp: float
    number: int = 1  # 2 and more: it was silent for so long that it was already recorded.
    version: str = ""
    calls: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    tables: dict[str, TableUse] = field(default_factory=dict)
    decisions: dict[Any, str] = field(default_factory=dict)  # Recorded ones, by what was decided.
    grants: set[str] = field(default_factory=set)
    weight: int = 1  # How much is kept of it: tables, columns, masks and decisions.
    is_cut: bool = False
    is_over: bool = False  # Being recorded: nothing is added any more.
    lock: threading.Lock = field(default_factory=threading.Lock)

    def use(self, table: str, dataset: str) -> TableUse:
        """Return what it does with a table; beyond the bound, a place that is not kept."""
        found = self.tables.get(table)
        if found is None:
            found = TableUse(dataset)
            if self._has_room(len(self.tables), TABLES_MAX):
                self.tables[table] = found
        return found

    def begin_version(self, use: TableUse, version: str) -> None:
        """Note by which policy a table was first spoken of, in this query."""
        if self.id is None or use.version is None:
            use.version = version

    def add_columns(self, use: TableUse, columns: Iterable[str]) -> None:
        """Note columns that a table was read for."""
        for column in columns:
            count = sum(len(other.columns) for other in self.tables.values())
            if column not in use.columns and self._has_room(count, COLUMNS_MAX):
                use.columns.add(column)

    def add_masks(self, use: TableUse, columns: Iterable[str]) -> None:
        """Note the columns of a table that were answered with a mask."""
        use.is_mask_asked = True
        if self.id is None:
            use.skipped.clear()  # Another query may have begun.
        for column in columns:
            count = sum(len(other.masked) for other in self.tables.values())
            if column in use.masked or self._has_room(count, MASKED_MAX):
                use.masked.add(column)
                use.probes.add(column)

    def add_decision(self, key: Any, decision_id: str) -> None:
        """Note a decision that is durable, so that the same is not recorded again."""
        if self._has_room(len(self.decisions), DECISIONS_MAX):
            self.decisions[key] = decision_id

    def _has_room(self, count: int, count_max: int) -> bool:
        if count >= count_max:
            self.is_cut = True
            return False
        self.weight += 1
        return True

    def unfiltered(self) -> list[str]:
        """Return the tables that were read and whose filters Trino never asked for."""
        return [
            name
            for name, use in self.tables.items()
            if use.is_read and use.filters is None and not use.is_analysed
        ]

    def unmasked(self) -> list[str]:
        """Return the tables that were read and whose masks Trino never asked for."""
        return [
            name
            for name, use in self.tables.items()
            if use.is_read and use.columns and not use.is_mask_asked and not use.is_analysed
        ]

    @property
    def is_worth_an_event(self) -> bool:
        """Whether it was more than what Trino asks outside of queries, or was refused."""
        return self.id is not None or bool(self.refused) or not OUTSIDE.issuperset(self.calls)

    def flags(self) -> tuple[str, ...]:
        """Return what was noticed about it."""
        noticed = {
            FILTERS_NOT_ASKED: bool(self.unfiltered()),
            MASKS_NOT_ASKED: bool(self.unmasked()),
            CONTINUED: self.number > 1,
            ID_UNKNOWN: self.id is None,
            CUT: self.is_cut,
        }
        return tuple(name for name, is_so in noticed.items() if is_so)

    def event(self) -> Event:
        """Return the event that joins all that it asked."""
        used = {n: use for n, use in self.tables.items() if not use.is_about_tables}
        only = next(iter(used.values())) if len(used) == 1 else None
        columns = (
            sorted(only.columns)
            if only is not None
            else sorted(f"{n}.{c}" for n, use in used.items() for c in use.columns)
        )
        is_denied = bool(self.refused)
        native_id = ""
        if self.id is not None:
            native_id = f"{self.asker}/{self.id}/{self.number}/{self.speaker.user}"
        stated = self.speaker.stated
        return own_event(
            time=self.began,
            source=SOURCE,
            action="execute",
            operation=OPERATION,
            native_id=native_id,
            class_uid=DATASTORE_ACTIVITY,
            actor_id=self.speaker.id,
            actor_type=self.speaker.type,
            observed_by=self.asker,
            query_id=self.id,
            resource_system="trino",
            resource_dataset=only.dataset if only is not None else None,
            columns_projected=tuple(columns) or None,
            purpose=self.speaker.purpose,
            case=stated.get("case"),
            justification_text=stated.get("justification"),
            grant=next(iter(self.grants)) if len(self.grants) == 1 else None,
            decision_permit=not is_denied,
            decision_policy=self.version or None,
            outcome="denied" if is_denied else "success",
            flags=self.flags() or None,
            attributes={
                "trino_user": self.speaker.user,
                "began": self.began,
                "calls": dict(sorted(self.calls.items())),
                "refused": dict(sorted(self.refused.items())),
                "tables": {name: use.as_dict() for name, use in sorted(self.tables.items())},
                "decisions": list(self.decisions.values()),
            },
        )
