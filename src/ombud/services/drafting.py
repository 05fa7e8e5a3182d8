"""Drafting: decisions with the event that says them, not yet durable, so not yet let out.

Whoever holds a draft records its event, looks whether the policy is still the one of the
draft, and only then lets a permit go.  Nothing here waits or writes: workers of the
decision door and the server draft by the same code.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

import msgspec

from ombud.access.attempt import Attempt, Fulfilment, Spent
from ombud.access.decide import decide
from ombud.access.decision import Decision
from ombud.access.model import Policy
from ombud.access.snapshot import Snapshot
from ombud.core.clock import Clock
from ombud.core.errors import InputError
from ombud.services.asker import Asker
from ombud.services.decision_events import Recordable, batch_row, decision_row
from ombud.services.negotiation import STATED, STATED_OURS, negotiate

MET = "justification_id"
IDS_MAX = 16  # Checkpoints that one attempt can have met: a policy has a handful.
_ID_SIZE = 16  # Bytes.
_IDS_DRAWN = 64

Spending = Mapping[tuple[str, str, str], Spent]
Decide = Callable[[Attempt, Spending], Decision]


class Semantic(StrEnum):
    """How far the attempts of a batch are decided (AuthZEN 1.0, evaluations semantics)."""

    EXECUTE_ALL = "execute_all"
    DENY_ON_FIRST_DENY = "deny_on_first_deny"
    PERMIT_ON_FIRST_PERMIT = "permit_on_first_permit"


class Live(Protocol):
    """The policy in force."""

    def epoch(self) -> int:
        """Return the number of the snapshot that stands; another one with each."""

    def snapshot(self) -> Snapshot:
        """Return the snapshot that stands; raises `Unavailable`."""


class Held(Protocol):
    """A decision, and what its permit holds of a budget until it is recorded."""

    @property
    def decision(self) -> Decision:
        """The decision."""


class Facts(Protocol):
    """What a decision needs beyond the snapshot: what was met, and what was used."""

    def counts(self, attempt: Attempt, policy: Policy) -> bool:
        """Whether what the attempt would use is counted."""

    def fulfilments(self, ids: Sequence[str], attempt: Attempt) -> tuple[Fulfilment, ...]:
        """Return the checkpoints of these ids that the actor of the attempt has met."""

    def claim(self, fulfilments: Sequence[Fulfilment], attempt_id: str) -> bool:
        """Use up what was met for one act; False when another has used it."""

    def take(self, attempt: Attempt, now: int, decide: Decide) -> Held:
        """Decide under what is used, and hold what is permitted."""

    def peek(self, attempt: Attempt, policy: Policy, now: int, decide: Decide) -> Decision:
        """Decide under what is used, and hold nothing."""

    def release(self, taken: Sequence[Held]) -> None:
        """Give back what was taken: it will not be recorded."""

    def fields(self, attempts: Sequence[Attempt], taken: Sequence[Held]) -> Mapping[str, Any]:
        """Return what the event says of what was met and of what was taken."""


@dataclass(slots=True)
class Draft:
    """Decisions and their one event; `epoch` is that of the policy they were made under.

    `decisions` go in the order of the attempts and may be fewer (`Semantic`); an attempt
    that was malformed has its error in place of a decision.
    """

    decisions: list[Decision | InputError]
    epoch: int
    permits: bool
    id: str = ""
    recordable: Recordable | None = None
    taken: list[Held] = field(default_factory=list)


_drawn: list[str] = []  # Of threads together: taking and adding one are atomic.
os.register_at_fork(after_in_child=_drawn.clear)


def new_id() -> str:
    """Return an id that nobody can guess: 128 bits of chance, of which many are drawn at once."""
    while True:
        try:
            return _drawn.pop()
        except IndexError:
            more = os.urandom(_ID_SIZE * _IDS_DRAWN).hex()
            step = 2 * _ID_SIZE
            _drawn.extend([more[at : at + step] for at in range(0, len(more), step)])


class Drafter:
    """Makes drafts under the policy in force."""

    def __init__(self, *, live: Live, facts: Facts, clock: Clock) -> None:
        self.live = live
        self.facts = facts
        self._clock = clock

    def now(self) -> int:
        """Return the time by which is decided, in milliseconds."""
        return self._clock()

    def draft(self, attempt: Attempt, *, asker: Asker, instead_of: str | None = None) -> Draft:
        """Return the draft of one decision, whose id is that of the attempt."""
        epoch = self.live.epoch()  # First: a policy that changes from here on is noticed.
        snapshot = self.live.snapshot()
        now = self._clock()
        taken: list[Held] = []
        attempt, decision = self._decide(attempt, snapshot, now, taken)
        try:
            is_plain = not (taken or attempt.fulfilments)
            fields = {} if is_plain else self.facts.fields([attempt], taken)
            row = decision_row(
                attempt, decision, asker=asker, now=now, instead_of=instead_of, fields=fields
            )
        except BaseException:  # What has no canonical form is not recorded, and takes nothing.
            self.facts.release(taken)
            raise
        return Draft([decision], epoch, decision.permit, attempt.id, row, taken)

    def draft_batch(
        self,
        attempts: Sequence[Attempt | InputError],
        *,
        asker: Asker,
        batch_id: str,
        semantic: Semantic = Semantic.EXECUTE_ALL,
        instead_of: str | None = None,
    ) -> Draft:
        """Return the draft of a batch; it is one event, none when every attempt is malformed."""
        epoch = self.live.epoch()
        snapshot = self.live.snapshot()
        now = self._clock()
        draft = Draft([], epoch, False, batch_id)
        try:
            decided = self._decide_each(
                attempts, draft, semantic=semantic, snapshot=snapshot, now=now
            )
            if decided:
                known = [attempt for attempt, _ in decided]
                is_plain = not (draft.taken or any(one.fulfilments for one in known))
                draft.recordable = batch_row(
                    known,
                    [decision for _, decision in decided],
                    batch_id=batch_id,
                    asker=asker,
                    now=now,
                    instead_of=instead_of,
                    fields={} if is_plain else self.facts.fields(known, draft.taken),
                )
        except BaseException:  # What is not recorded takes nothing, also of those before it.
            self.facts.release(draft.taken)
            raise
        return draft

    def _decide_each(
        self,
        attempts: Sequence[Attempt | InputError],
        draft: Draft,
        *,
        semantic: Semantic,
        snapshot: Snapshot,
        now: int,
    ) -> list[tuple[Attempt, Decision]]:
        """Put the decisions into the draft; return those of attempts that were well-formed."""
        decided: list[tuple[Attempt, Decision]] = []
        for attempt in attempts:
            made: tuple[Attempt, Decision] | InputError = (
                attempt
                if isinstance(attempt, InputError)
                else self._try(attempt, snapshot, now, draft.taken)
            )
            if isinstance(made, InputError):
                draft.decisions.append(made)
                permit = False
            else:
                draft.decisions.append(made[1])
                decided.append(made)
                permit = made[1].permit
            draft.permits |= permit
            if is_last(semantic, permit):
                break
        return decided

    def peek(self, attempt: Attempt) -> Decision:
        """Return what would be decided; nothing is held or used up, or to be recorded."""
        snapshot, now = self.live.snapshot(), self._clock()
        policy = snapshot.compiled.policy
        attempt, decision = self._meet(attempt, snapshot, now)
        if not self.facts.counts(attempt, policy):
            return decision

        def under(given: Attempt, spent: Spending) -> Decision:
            return _settled(given, decide(given, snapshot, now, spent=spent))

        return self.facts.peek(attempt, policy, now, under)

    def _try(
        self, attempt: Attempt, snapshot: Snapshot, now: int, taken: list[Held]
    ) -> tuple[Attempt, Decision] | InputError:
        try:
            return self._decide(attempt, snapshot, now, taken)
        except InputError as error:
            return error

    def _decide(
        self, attempt: Attempt, snapshot: Snapshot, now: int, taken: list[Held]
    ) -> tuple[Attempt, Decision]:
        attempt, decision = self._meet(attempt, snapshot, now)
        if not self.facts.counts(attempt, snapshot.compiled.policy):
            if decision.permit and attempt.fulfilments:
                decision = self._claimed(attempt, decision, snapshot, now)
            return attempt, decision

        def under(given: Attempt, spent: Spending) -> Decision:
            made = _settled(given, decide(given, snapshot, now, spent=spent))
            if made.permit and given.fulfilments:
                return self._claimed(given, made, snapshot, now)
            return made

        one = self.facts.take(attempt, now, under)
        taken.append(one)
        return attempt, one.decision

    def _meet(self, attempt: Attempt, snapshot: Snapshot, now: int) -> tuple[Attempt, Decision]:
        """Return the decision, and the attempt with what its actor has met if that is asked for.

        It is looked up as the record says it, and never taken from the words of who asks.
        """
        ids = _ids(attempt.context[MET]) if MET in attempt.context else []
        decision = _settled(attempt, decide(attempt, snapshot, now))
        if decision.checkpoint is None:
            return attempt, decision
        met = self.facts.fulfilments(ids, attempt)
        if not met:
            return attempt, decision
        attempt = msgspec.structs.replace(attempt, fulfilments=met)
        return attempt, _settled(attempt, decide(attempt, snapshot, now))

    def _claimed(
        self, attempt: Attempt, decision: Decision, snapshot: Snapshot, now: int
    ) -> Decision:
        """Return the permit, or a denial when what it stands on was used by another meanwhile."""
        if self.facts.claim(attempt.fulfilments, attempt.id):
            return decision
        without = msgspec.structs.replace(attempt, fulfilments=())
        return _settled(without, decide(without, snapshot, now))


def _settled(attempt: Attempt, decision: Decision) -> Decision:
    context = attempt.context
    if STATED in context or STATED_OURS in context:
        return negotiate(decision, context)
    return decision


def is_last(semantic: Semantic, permit: bool) -> bool:
    """Whether nothing after an attempt that was so decided is decided."""
    if semantic is Semantic.EXECUTE_ALL:
        return False
    return permit is (semantic is Semantic.PERMIT_ON_FIRST_PERMIT)


def _ids(value: object) -> list[str]:
    ids = [value] if isinstance(value, str) else value
    if (
        not isinstance(ids, list)
        or len(ids) > IDS_MAX
        or not all(isinstance(one, str) for one in ids)
    ):
        raise InputError(
            f"`{MET}` is neither a text nor a list of at most {IDS_MAX}", origin=f"context.{MET}"
        )
    return ids
