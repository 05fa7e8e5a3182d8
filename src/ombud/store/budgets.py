"""Budgets: how much of each purpose every actor has used on one day, as events say it.

One day is held, in memory, and made again from the record.  A permit counts from
the moment it is held, before it is recorded; what a platform later says it really
returned takes the place of what the permit was counted for.  Data subjects are
counted exactly as long as there is room to know them apart, and beyond it each
counts anew: too much, never too little.  The caller holds the lock.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ombud.access.attempt import Spent

DECISION = "ombud.decision"  # The source of decision events.
ATTRIBUTE = "budget"  # Under which a decision event says what its permits count for.
SUBJECTS_MAX = 1_000_000  # Data subjects told apart, of all actors together: some 150 MB.
USES_MAX = 200_000  # Permits whose estimate can still be replaced; of older ones it stands.
DIGEST_SIZE = 8

Key = tuple[str, str, str]  # Type and id of the actor, and the purpose.
Subject = tuple[str, str]  # Kind and key.


class Use(msgspec.Struct, frozen=True):
    """What one permit counts for; `unnamed` are data subjects of whom only the number is known."""

    decision_id: str
    actor_type: str
    actor_id: str
    purpose: str
    rows: int = 0
    bytes: int = 0
    subjects: tuple[Subject, ...] = ()
    unnamed: int = 0
    query_id: str | None = None

    @property
    def key(self) -> Key:
        """Whose budget it takes from."""
        return self.actor_type, self.actor_id, self.purpose


class Truth(msgspec.Struct, frozen=True):
    """What a platform says was really returned, for a decision or a query."""

    decision_id: str | None
    query_id: str | None
    actors: frozenset[str]
    rows: int | None = None
    bytes: int | None = None
    subjects: tuple[Subject, ...] | None = None


class _Open(msgspec.Struct):
    """A permit that counts, and whether the truth about it has begun to arrive."""

    use: Use
    is_true: bool = False


class DayLedger:
    """What was used on the day that is held."""

    def __init__(self) -> None:
        self.watermark = 0  # Index of the next event to apply.
        self.spent: dict[Key, Spent] = {}
        self._subjects: dict[Key, dict[bytes, int]] = {}
        self._subject_count = 0
        self._open: OrderedDict[str, _Open] = OrderedDict()
        self._queries: dict[str, str] = {}
        self._held: dict[str, Use] = {}
        self._ahead: set[str] = set()  # Counted already, their events not yet applied.

    def begin(self, first_index: int) -> None:
        """Begin another day, whose events start at an index; what is held goes along."""
        self.watermark = first_index
        self.spent.clear()
        self._subjects.clear()
        self._subject_count = 0
        self._open.clear()
        self._queries.clear()
        self._ahead.clear()
        for use in self._held.values():
            self._count(use)

    @property
    def is_open(self) -> bool:
        """Whether an event that is no decision could change anything."""
        return bool(self._open or self._held)

    def awaits(self, decision_id: str | None, query_id: str | None) -> bool:
        """Whether a permit that counts is of this decision or query."""
        return decision_id in self._open or query_id in self._queries

    def new_subjects(self, key: Key, subjects: Iterable[Subject]) -> int:
        """Return how many of these data subjects do not count yet."""
        known = self._subjects.get(key, {})
        return sum(digest not in known for digest in {_digest(one) for one in subjects})

    def is_known(self, decision_id: str) -> bool:
        """Whether a permit of this id counts already, as far back as that is remembered."""
        return decision_id in self._held or decision_id in self._open

    def hold(self, use: Use) -> None:
        """Count a permit that is about to be recorded."""
        self._held[use.decision_id] = use
        self._count(use)

    def commit(self, decision_id: str) -> None:
        """Keep what is held: its event is durable.  A second time changes nothing."""
        use = self._held.pop(decision_id, None)
        if use is not None:
            self._ahead.add(decision_id)
            self._open_to_truth(use)

    def release(self, decision_id: str) -> None:
        """Give back what is held: its event was not recorded."""
        use = self._held.pop(decision_id, None)
        if use is not None:
            self._give_back(use)

    def apply(self, notes: Sequence[Use | Truth], end: int) -> None:
        """Take what events up to an index say, in their order."""
        for note in notes:
            if isinstance(note, Truth):
                self._correct(note)
            elif note.decision_id in self._ahead:
                self._ahead.discard(note.decision_id)
            elif note.decision_id in self._held:  # Durable, though nobody said so yet.
                self._open_to_truth(self._held.pop(note.decision_id))
            else:
                self._count(note)
                self._open_to_truth(note)
        self.watermark = end

    def _open_to_truth(self, use: Use) -> None:
        self._open[use.decision_id] = _Open(use)
        if use.query_id is not None:
            self._queries[use.query_id] = use.decision_id
        while len(self._open) > USES_MAX:
            _, old = self._open.popitem(last=False)
            if old.use.query_id is not None:
                self._queries.pop(old.use.query_id, None)

    def _correct(self, truth: Truth) -> None:
        opened = self._find(truth)
        if opened is None:
            return
        use = opened.use
        rows, size, unnamed = use.rows, use.bytes, use.unnamed
        if not opened.is_true:  # The first word replaces the estimate, further ones add to it.
            rows = rows if truth.rows is None else 0
            size = size if truth.bytes is None else 0
            unnamed = unnamed if truth.subjects is None else 0
        new = msgspec.structs.replace(
            use,
            rows=rows + (truth.rows or 0),
            bytes=size + (truth.bytes or 0),
            # A data subject that was named stays counted: it was let out by the permit.
            subjects=tuple(dict.fromkeys((*use.subjects, *(truth.subjects or ())))),
            unnamed=unnamed,
        )
        self._count(new)  # First, so that nobody is forgotten and known again.
        self._give_back(use)
        opened.use, opened.is_true = new, True

    def _find(self, truth: Truth) -> _Open | None:
        if truth.decision_id is not None:
            return self._open.get(truth.decision_id)
        opened = self._open.get(self._queries.get(truth.query_id or "", ""))
        # An id of a query is easily guessed: the act must be of the same actor.
        return opened if opened is not None and opened.use.actor_id in truth.actors else None

    def _count(self, use: Use) -> None:
        known = self._subjects.setdefault(use.key, {}) if use.subjects else {}
        added = 0
        for digest in {_digest(one) for one in use.subjects}:
            if digest in known:
                known[digest] += 1
            elif self._subject_count < SUBJECTS_MAX:
                known[digest] = 1
                self._subject_count += 1
                added += 1
            else:
                added += 1  # No room to know them again: they count each time.
        self._add(use.key, use.rows, use.bytes, added + use.unnamed)

    def _give_back(self, use: Use) -> None:
        known = self._subjects.get(use.key, {})
        removed = 0
        for digest in {_digest(one) for one in use.subjects}:
            times = known.get(digest, 0)
            if times == 1:
                del known[digest]
                self._subject_count -= 1
                removed += 1
            elif times:
                known[digest] = times - 1
        self._add(use.key, -use.rows, -use.bytes, -removed - use.unnamed)

    def _add(self, key: Key, rows: int, size: int, subjects: int) -> None:
        before = self.spent.get(key)
        if before is None:
            before = Spent()
        self.spent[key] = Spent(
            rows=max(0, before.rows + rows),
            bytes=max(0, before.bytes + size),
            subjects=max(0, before.subjects + subjects),
        )


def _digest(subject: Subject) -> bytes:
    kind, key = subject
    return hashlib.blake2b(
        f"{kind}\0{key}".encode(errors="surrogatepass"), digest_size=DIGEST_SIZE
    ).digest()


def budget_rows(uses: Sequence[Use]) -> tuple[list[dict[str, Any]], tuple[Subject, ...]]:
    """Return what a decision event says of its permits, and the data subjects they name.

    The rows name data subjects by their place among those of the event, so that these
    stay in the field group from which they can be erased.
    """
    places: dict[Subject, int] = {}
    rows = []
    for use in uses:
        row = {
            "decision": use.decision_id,
            "actor": [use.actor_type, use.actor_id],
            "purpose": use.purpose,
            "rows": use.rows,
            "bytes": use.bytes,
            "subjects": [places.setdefault(one, len(places)) for one in use.subjects],
            "unnamed": use.unnamed,
            "query": use.query_id,
        }
        rows.append({name: value for name, value in row.items() if value or name == "decision"})
    return rows, tuple(places)


class _BudgetRow(msgspec.Struct, frozen=True):
    decision: str
    actor: tuple[str, str]
    purpose: str
    rows: int = 0
    bytes: int = 0
    subjects: tuple[int, ...] = ()
    unnamed: int = 0
    query: str | None = None


def read_budget_rows(rows: Any, subjects: Sequence[Sequence[str]]) -> list[Use]:
    """Return the uses that `budget_rows` wrote; of erased data subjects the number counts."""
    uses = []
    for row in msgspec.convert(rows, list[_BudgetRow]):
        named = [subjects[place] for place in row.subjects if place < len(subjects)]
        uses.append(
            Use(
                row.decision,
                *row.actor,
                row.purpose,
                rows=row.rows,
                bytes=row.bytes,
                subjects=tuple((kind, key) for kind, key in named),
                unnamed=row.unnamed + len(row.subjects) - len(named),
                query_id=row.query,
            )
        )
    return uses
