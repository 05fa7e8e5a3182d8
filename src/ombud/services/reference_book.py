"""Reference book: the rows of loaded tables for the cases and people in question.

One read of each table for all of them.  Who has no rows in a table that is loaded is
known not to be in it; a table that cannot be read knows nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

import orjson

from ombud.access.reference import References, ReferenceTable, Values
from ombud.collect.reference_values import Read
from ombud.core.clock import Clock
from ombud.core.errors import OmbudError
from ombud.store.checkpoint import CheckpointTables
from ombud.store.reference import ReferenceStore

Ask = Callable[[ReferenceTable, str], Read]  # One case, asked for now.
OF_CASE = frozenset({"case", "assignment"})  # Kinds that are looked up by case.
LIVE = "live:"  # Before the hash of what was asked for now and is kept nowhere.


@dataclass(slots=True)
class Page:
    """What one table says: rows by key, as of when; or that it could not be read."""

    table: ReferenceTable
    as_of: int | None = None
    sha256: str = ""
    rows: dict[str, list[Values]] = field(default_factory=dict)
    is_unreachable: bool = False

    @property
    def age_ms_max(self) -> int:
        """How long after `as_of` the facts count."""
        return self.table.fresh_minutes * 60_000

    def counts_at(self, time: int) -> bool:
        """Whether the facts are recent enough for what happened at a time."""
        return self.as_of is not None and time <= self.as_of + self.age_ms_max


Book = list[Page]


def open_book(
    references: References,
    tables: CheckpointTables,
    store: ReferenceStore,
    *,
    cases: Collection[str],
    people: Collection[str],
) -> Book:
    """Return what the loads that stand say of cases and people."""
    loads = tables.last_loads()
    book: Book = []
    for table in references.tables:
        page = Page(table)
        load = loads.get(table.name)
        if load is not None and load.kind == table.kind:
            keys = cases if table.kind in OF_CASE else people
            try:
                page.rows = store.find(table.name, load.sha256, table.kind, keys)
                page.as_of, page.sha256 = load.as_of, load.sha256
            except OmbudError:
                page.is_unreachable = True
        book.append(page)
    return book


def ask_live(book: Book, case: str, *, ask: Ask, clock: Clock) -> None:
    """Put what the organisation's systems say of one case now into a book.

    Where one does not answer, what was loaded of it stands.
    """
    for page in book:
        if not page.table.live:
            continue
        asked_at = clock()
        try:
            read = ask(page.table, case)
        except OmbudError:
            page.is_unreachable = True
            continue
        if read.faults:
            page.is_unreachable = True
            continue
        page.rows[case] = [row for row in read.rows if row[0] == case]
        page.as_of = asked_at
        page.sha256 = LIVE + hash_of(page.rows[case])
        page.is_unreachable = False


def hash_of(rows: Sequence[Values]) -> str:
    """Return the hash of rows that are kept nowhere."""
    return hashlib.sha256(orjson.dumps(sorted(rows, key=str))).hexdigest()


def pages_of(book: Iterable[Page], kind: str) -> list[Page]:
    """Return the pages of one sort of facts."""
    return [page for page in book if page.table.kind == kind]
