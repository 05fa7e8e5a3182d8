"""Budgets: a decision is made under what its actor has used today, and takes its part at once.

Between reading what is spent and taking from it nobody else decides, so two who
ask together cannot both take the last of it.  What is taken is held until its
event is durable: then it is kept, or given back when it could not be recorded.
Everything follows from the record of the current day, so a crash loses nothing.
"""

from __future__ import annotations

import threading
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

import msgspec

from ombud.access.attempt import Attempt, Spent
from ombud.access.decision import Decision
from ombud.access.model import Policy, Purpose
from ombud.access.purposes import PurposeTree
from ombud.core.batch import Committed
from ombud.core.errors import Conflict, InputError
from ombud.record.reader import RecordReader
from ombud.services.overlaps import Overlaps
from ombud.services.retaining import first_recorded
from ombud.store.budget_notes import read_notes
from ombud.store.budgets import (
    ATTRIBUTE,
    DayLedger,
    Key,
    Subject,
    Truth,
    Use,
    budget_rows,
)

STEP = 50_000  # Events asked of the reader at once.
SUBJECTS_MAX = 10_000  # Data subjects that one attempt may name.
AMOUNT_MAX = 1 << 53  # Rows or bytes that one attempt may state: exact in every JSON.
_NOBODY: tuple[Subject, ...] = ()

Decide = Callable[[Attempt, Mapping[Key, Spent]], Decision]


class Head(Protocol):
    """What is asked of the record besides its events."""

    def head(self) -> tuple[int, bytes]:
        """Return the durable size of the log and its signed tree head."""


class Taken(msgspec.Struct, frozen=True):
    """A decision, and what its permit holds of a budget until it is recorded.

    `flags` belong on the event: `overlap:N` says that the query is nearly the same as
    N others of the actor on that day.
    """

    decision: Decision
    use: Use | None = None
    flags: tuple[str, ...] = ()


class Budgets:
    """What is used of purposes today, and the taking from it; safe for many threads."""

    def __init__(self, *, record: Head, reader: RecordReader, policy: Callable[[], Policy]) -> None:
        """`policy` gives the policy in force: its zone says when a day begins."""
        self._record = record
        self._reader = reader
        self._policy = policy
        self._ledger = DayLedger()
        self._overlaps = Overlaps()
        self._lock = threading.Lock()
        self._following = threading.Lock()
        self._limits_of: Policy | None = None
        self._limits: frozenset[str] = frozenset()
        self._zone = ""
        self._begins = self._ends = 0

    def spent(self, actor_type: str, actor_id: str, purpose: str, now: int) -> Spent:
        """Return what an actor has used of a purpose on the day of `now` (ms)."""
        self.catch_up(now)
        with self._lock:
            return self._ledger.spent.get((actor_type, actor_id, purpose), Spent())

    def peek(self, attempt: Attempt, now: int, decide: Decide) -> Decision:
        """Decide as `take` does, and hold nothing."""
        subjects, _ = _subjects(attempt)
        with self._lock:
            self._turn(now)
            return decide(*self._under(attempt, subjects))

    def take(self, attempt: Attempt, now: int, decide: Decide) -> Taken:
        """Decide under what is spent, and hold what is permitted.

        `decide` is given the attempt with `context.subjects` as their number, and what is
        spent without those of them who count already: with them again it is what will be
        spent.  Raises `InputError` for amounts that are none.
        """
        if not attempt.context:  # Says nothing of amounts, as most do: the short way.
            rows, size, subjects, unnamed = None, None, _NOBODY, 0
        else:
            rows, size = _amount(attempt, "rows"), _amount(attempt, "bytes")
            subjects, unnamed = _subjects(attempt)
        with self._lock:
            self._turn(now)
            decision = decide(*self._under(attempt, subjects))
            purpose = decision.purpose
            if not decision.permit or purpose is None:
                return Taken(decision)
            limits = self._limited()
            if not (attempt.context or decision.obligations or purpose in limits):
                return Taken(decision)
            flags = self._overlaps.note(attempt, purpose, subjects)
            use = Use(
                decision.decision_id,
                attempt.actor_type,
                attempt.actor_id,
                purpose,
                rows=_estimate(rows, decision, "max_rows"),
                bytes=_estimate(size, decision, "max_bytes"),
                subjects=subjects,
                unnamed=unnamed,
                query_id=_text(attempt, "query_id"),
            )
            is_something = use.rows or use.bytes or use.subjects or use.unnamed
            if not is_something and purpose not in limits:
                return Taken(decision, None, flags)
            if not use.decision_id or self._ledger.is_known(use.decision_id):
                raise Conflict(f"decision id `{use.decision_id}` is not new")
            self._ledger.hold(use)
        return Taken(decision, use, flags)

    def commit(self, taken: Iterable[Taken]) -> None:
        """Keep what was taken: the event that says so is durable."""
        with self._lock:
            for one in taken:
                if one.use is not None:
                    self._ledger.commit(one.use.decision_id)

    def release(self, taken: Iterable[Taken]) -> None:
        """Give back what was taken: nothing was recorded, and the answer is no permit."""
        with self._lock:
            for one in taken:
                if one.use is not None:
                    self._ledger.release(one.use.decision_id)

    def catch_up(self, now: int) -> None:
        """Count what was recorded meanwhile, by whomever."""
        size, _ = self._record.head()
        with self._lock:
            self._turn(now)
            if not (self._ledger.is_open or self._limited()):
                # Nothing counts and nothing can: what is on record of today says nothing.
                self._ledger.watermark = max(self._ledger.watermark, size)
        with self._following:
            while self._ledger.watermark < size:
                start = self._ledger.watermark
                for committed in self._reader.read(start, min(STEP, size - start), raw=False):
                    notes = self._notes(committed)
                    with self._lock:
                        if committed.first_index != self._ledger.watermark:
                            break  # Another day has begun meanwhile, and was read as a whole.
                        self._ledger.apply(notes, committed.first_index + committed.count)

    def _under(
        self, attempt: Attempt, subjects: Sequence[Subject]
    ) -> tuple[Attempt, Mapping[Key, Spent]]:
        """Return an attempt with its data subjects as a number, and what it is decided under."""
        if not subjects:
            return attempt, self._ledger.spent
        context = {**attempt.context, "subjects": len(subjects)}
        counted = msgspec.structs.replace(attempt, context=context)
        return counted, self._without(self._key(attempt), subjects)

    def _without(self, key: Key, subjects: Sequence[Subject]) -> Mapping[Key, Spent]:
        """Return what is spent as if these data subjects were new."""
        spent = self._ledger.spent.get(key)
        if spent is None:
            return self._ledger.spent
        known = len(subjects) - self._ledger.new_subjects(key, subjects)
        less = msgspec.structs.replace(spent, subjects=max(0, spent.subjects - known))
        return ChainMap({key: less}, self._ledger.spent)

    def _limited(self) -> frozenset[str]:
        """Return the purposes with a limit per day: what they permit may be told later."""
        policy = self._policy()
        if policy is not self._limits_of:
            self._limits_of = policy
            tree = PurposeTree(policy.purposes)
            limited = {one.id for one in policy.purposes if _is_limited(one)}
            # Limits of the purposes above hold as well.
            self._limits = frozenset(
                name for name, above in tree.lineages.items() if not limited.isdisjoint(above)
            )
        return self._limits

    def _key(self, attempt: Attempt) -> Key:
        purpose = attempt.purpose or self._policy().when_no_purpose or ""
        return attempt.actor_type, attempt.actor_id, purpose

    def _turn(self, now: int) -> None:
        """Begin the day of `now` if another one is held; time that goes back changes nothing."""
        zone = self._policy().zone
        if now < self._ends and zone == self._zone:
            return
        begins, ends = day_of(now, zone)
        size, _ = self._record.head()
        first = first_recorded(self._reader, size, begins)
        ledger = self._ledger
        self._begins = begins
        ledger.begin(size if first is None else first.first_index)
        while ledger.watermark < size:
            start = ledger.watermark
            for committed in self._reader.read(start, min(STEP, size - start), raw=False):
                notes = self._notes(committed)
                ledger.apply(notes, committed.first_index + committed.count)
        self._overlaps.clear()
        self._zone, self._ends = zone, ends  # Last: a day that could not be read is read again.

    def _notes(self, committed: Committed) -> list[Use | Truth]:
        ledger = self._ledger
        return list(
            read_notes(committed, since=self._begins, is_open=ledger.is_open, awaits=ledger.awaits)
        )


def budget_fields(taken: Sequence[Taken]) -> dict[str, Any]:
    """Return the fields of a decision event that budgets are counted from.

    `attributes` and `flags` are to be merged with those that the event has besides.
    """
    uses = [one.use for one in taken if one.use is not None]
    fields: dict[str, Any] = {}
    if uses:
        rows, subjects = budget_rows(uses)
        fields["attributes"] = {ATTRIBUTE: rows}
        fields["rows_requested"] = sum(use.rows for use in uses) or None
        fields["bytes_requested"] = sum(use.bytes for use in uses) or None
        fields["subjects"] = subjects or None
    if flags := tuple(dict.fromkeys(flag for one in taken for flag in one.flags)):
        fields["flags"] = flags
    return fields


def day_of(now: int, zone: str) -> tuple[int, int]:
    """Return when the day of an instant begins and ends in a zone, in ms since the epoch."""
    midnight = datetime.fromtimestamp(now / 1000, ZoneInfo(zone)).replace(
        hour=0, minute=0, second=0, microsecond=0, fold=0
    )
    following = midnight + timedelta(days=1)  # By the calendar: a day may have 23 or 25 hours.
    return int(midnight.timestamp() * 1000), int(following.timestamp() * 1000)


def _is_limited(purpose: Purpose) -> bool:
    every = (purpose.limits, *(line.limits for line in purpose.scope))
    return any(
        limit is not None
        for limits in every
        for limit in (limits.rows_per_day, limits.bytes_per_day, limits.subjects_per_day)
    )


def _amount(attempt: Attempt, name: str) -> int | None:
    value = attempt.context.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= AMOUNT_MAX:
        raise InputError(f"`{name}` is not a number of them", origin=f"context.{name}")
    return value


def _subjects(attempt: Attempt) -> tuple[tuple[Subject, ...], int]:
    """Return the data subjects that an attempt names, and how many it only counts."""
    given = attempt.context.get("subjects")
    if not isinstance(given, list | tuple):
        return (), _amount(attempt, "subjects") or 0
    if len(given) > SUBJECTS_MAX:
        raise InputError(f"more than {SUBJECTS_MAX} data subjects", origin="context.subjects")
    named = [text.partition(":") for text in given if isinstance(text, str)]
    if len(named) < len(given) or not all(kind and key for kind, _, key in named):
        raise InputError(
            "`subjects` is neither a number nor a list of `kind:key`", origin="context.subjects"
        )
    return tuple(dict.fromkeys((kind, key) for kind, _, key in named)), 0


def _estimate(stated: int | None, decision: Decision, obligation: str) -> int:
    """Return what a permit counts for: what was stated, else all that it allows."""
    if stated is not None:
        return stated
    counts = [one.parameters.get("count") for one in decision.obligations if one.id == obligation]
    return min((count for count in counts if isinstance(count, int)), default=0)


def _text(attempt: Attempt, name: str) -> str | None:
    value = attempt.context.get(name)
    return value if isinstance(value, str) else None
