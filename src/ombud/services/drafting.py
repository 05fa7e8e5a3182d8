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

Decide = Callable[[Attempt, Mapping[tuple[str, str, str], Spent]], Decision]


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

    def take(self, attempt: Attempt, now: int, decide: Decide) -> Held:
        """Decide under what is used, and hold what is permitted."""

    def peek(self, attempt: Attempt, policy: Policy, now: int, decide: Decide) -> Decision:
        """Decide under what is used, and hold nothing."""

    def release(self, taken: Sequence[Held]) -> None:
        """Give back what was taken: it will not be recorded."""

    def fields(self, taken: Sequence[Held]) -> Mapping[str, Any]:
        """Return what the event says of what was taken."""


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


def new_id() -> str:
    """Return an id that nobody can guess: 128 bits of chance."""
    return os.urandom(16).hex()


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
            fields = self.facts.fields(taken) if taken else {}
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
        decided: list[tuple[Attempt, Decision]] = []
        for attempt in attempts:
            if isinstance(attempt, InputError):
                draft.decisions.append(attempt)
                permit = False
            else:
                made = self._try(attempt, snapshot, now, draft.taken)
                permit = not isinstance(made, InputError) and made[1].permit
                draft.decisions.append(made if isinstance(made, InputError) else made[1])
                if not isinstance(made, InputError):
                    decided.append(made)
            draft.permits |= permit
            if is_last(semantic, permit):
                break
        if not decided:
            return draft
        try:
            draft.recordable = batch_row(
                [attempt for attempt, _ in decided],
                [decision for _, decision in decided],
                batch_id=batch_id,
                asker=asker,
                now=now,
                instead_of=instead_of,
                fields=self.facts.fields(draft.taken) if draft.taken else {},
            )
        except BaseException:
            self.facts.release(draft.taken)
            raise
        return draft

    def peek(self, attempt: Attempt) -> Decision:
        """Return what would be decided; nothing is held, and there is nothing to record."""
        snapshot, now = self.live.snapshot(), self._clock()
        attempt = self._with_met(attempt)
        if not self.facts.counts(attempt, snapshot.compiled.policy):
            return _settled(attempt, decide(attempt, snapshot, now))

        def under(given: Attempt, spent: Mapping[tuple[str, str, str], Spent]) -> Decision:
            return _settled(given, decide(given, snapshot, now, spent=spent))

        return self.facts.peek(attempt, snapshot.compiled.policy, now, under)

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
        if MET in attempt.context:
            attempt = self._with_met(attempt)
        if not self.facts.counts(attempt, snapshot.compiled.policy):
            return attempt, _settled(attempt, decide(attempt, snapshot, now))

        def under(given: Attempt, spent: Mapping[tuple[str, str, str], Spent]) -> Decision:
            return _settled(given, decide(given, snapshot, now, spent=spent))

        one = self.facts.take(attempt, now, under)
        taken.append(one)
        return attempt, one.decision

    def _with_met(self, attempt: Attempt) -> Attempt:
        """Return the attempt with what its actor has met, as the record says and nobody else."""
        ids = _ids(attempt.context.get(MET))
        if not ids:
            return attempt
        met = self.facts.fulfilments(ids, attempt)
        return msgspec.structs.replace(attempt, fulfilments=met)


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
    if ids is None:
        return []
    if (
        not isinstance(ids, list)
        or len(ids) > IDS_MAX
        or not all(isinstance(one, str) for one in ids)
    ):
        raise InputError(
            f"`{MET}` is neither a text nor a list of at most {IDS_MAX}", origin=f"context.{MET}"
        )
    return ids
