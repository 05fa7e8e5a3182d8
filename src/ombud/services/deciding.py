"""Deciding: whether an act is permitted, recorded before anybody is told.

A permit leaves only when its event is durable and the policy is still the one that it was
decided under; if that changed meanwhile, it is decided again.  A denial needs no second
look: the narrower answer wins.  When the record takes nothing, nothing is permitted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from ombud.access.attempt import Attempt, Fulfilment
from ombud.access.decision import Decision
from ombud.access.model import Policy
from ombud.core.batch import BatchBuilder
from ombud.core.errors import Forbidden, InputError, OmbudError, Unavailable
from ombud.services.asker import Asker
from ombud.services.budgets import Budgets, Taken, budget_fields
from ombud.services.counted import Counted
from ombud.services.decision_events import Recordable, add_rows
from ombud.services.drafting import (
    Decide,
    Draft,
    Drafter,
    Held,
    Semantic,
    new_id,
)
from ombud.services.record_port import Appender

TURNS_MAX = 3  # A policy that changes so often within one answer is not to be answered from.
DECIDE = "decide"
SIMULATE = "simulate"


class Checkpoints(Protocol):
    """What was met, as the record says."""

    def fulfilments(self, ids: Sequence[str], actor: str) -> tuple[Fulfilment, ...]:
        """Return what an actor (`type:id`) has met: what lasts, and of the rest these ids."""

    def claim(self, fulfilments: Iterable[Fulfilment], attempt: str) -> bool:
        """Use up what is for one act, for an attempt; False when another has used it."""

    def justification(self, ids: Iterable[str], actor: str) -> Mapping[str, Any]:
        """Return the fields that an event says of these justifications."""


class HomeFacts:
    """The facts of a home; without checkpoints nothing was met, without budgets nothing used."""

    def __init__(
        self,
        *,
        checkpoints: Checkpoints | None = None,
        budgets: Budgets | None = None,
    ) -> None:
        self._checkpoints = checkpoints
        self.budgets = budgets
        self._counted = Counted()

    def counts(self, attempt: Attempt, policy: Policy) -> bool:
        """Whether a limit by the day applies, or the attempt states an amount."""
        return self.budgets is not None and self._counted.counts(attempt, policy)

    def fulfilments(self, ids: Sequence[str], attempt: Attempt) -> tuple[Fulfilment, ...]:
        """Return what the actor of the attempt has met."""
        if self._checkpoints is None:
            return ()
        return self._checkpoints.fulfilments(ids, f"{attempt.actor_type}:{attempt.actor_id}")

    def take(self, attempt: Attempt, now: int, decide: Decide) -> Taken:
        """Decide under what is used, and hold what is permitted."""
        if self.budgets is None:
            raise Unavailable("nothing is counted here")
        return self.budgets.take(attempt, now, decide)

    def peek(self, attempt: Attempt, policy: Policy, now: int, decide: Decide) -> Decision:
        """Decide under what is used, and hold nothing."""
        del policy
        if self.budgets is None:
            return decide(attempt, {})
        return self.budgets.peek(attempt, now, decide)

    def claim(self, fulfilments: Sequence[Fulfilment], attempt_id: str) -> bool:
        """Use up what was met for one act; False when another has used it."""
        return self._checkpoints is None or self._checkpoints.claim(fulfilments, attempt_id)

    def fields(self, attempts: Sequence[Attempt], taken: Sequence[Held]) -> Mapping[str, Any]:
        """Return what the event says of what was met and of what was taken."""
        fields = dict(budget_fields([one for one in taken if isinstance(one, Taken)]))
        met = next((one for one in attempts if one.fulfilments), None)
        if met is not None and self._checkpoints is not None:
            ids = [one.id for one in met.fulfilments]
            actor = f"{met.actor_type}:{met.actor_id}"
            fields |= self._checkpoints.justification(ids, actor)
        return fields

    def commit(self, taken: Sequence[Held]) -> None:
        """Keep what was taken: its event is durable."""
        if taken and self.budgets is not None:
            self.budgets.commit([one for one in taken if isinstance(one, Taken)])

    def release(self, taken: Sequence[Held]) -> None:
        """Give back what was taken: nothing was recorded."""
        if taken and self.budgets is not None:
            self.budgets.release([one for one in taken if isinstance(one, Taken)])


class Deciding:
    """Decides for whoever asks with the scope `decide`; without a trace for `simulate`."""

    def __init__(self, *, drafter: Drafter, appender: Appender, facts: HomeFacts) -> None:
        self.drafter = drafter
        self._appender = appender
        self._facts = facts

    def decide(self, attempt: Attempt, *, asker: Asker) -> Decision:
        """Return the decision, when its event is durable.

        Raises `Forbidden` without the scope, `InputError` for what cannot be recorded, and
        `Unavailable` when nothing is recorded or no policy can be told: never a permit.
        """
        asker.require(DECIDE)

        def draft(instead_of: str | None) -> Draft:
            fresh = msgspec.structs.replace(attempt, id=new_id())
            return self.drafter.draft(fresh, asker=asker, instead_of=instead_of)

        (decision,) = self.settle(draft).decisions
        if isinstance(decision, InputError):
            raise decision
        return decision

    def decide_batch(
        self,
        attempts: Sequence[Attempt | InputError],
        *,
        asker: Asker,
        semantic: Semantic = Semantic.EXECUTE_ALL,
    ) -> list[Decision | InputError]:
        """Return the decisions of a batch in order, when their one event is durable.

        A malformed attempt is given, and returned, as its error, and counts as a denial.
        With another semantic than `EXECUTE_ALL` the last is the one that ended it.
        """
        asker.require(DECIDE)

        def draft(instead_of: str | None) -> Draft:
            batch_id = new_id()
            named = [
                one
                if isinstance(one, InputError)
                else msgspec.structs.replace(one, id=f"{batch_id}.{number}")
                for number, one in enumerate(attempts)
            ]
            return self.drafter.draft_batch(
                named, asker=asker, batch_id=batch_id, semantic=semantic, instead_of=instead_of
            )

        return self.settle(draft).decisions

    def try_out(self, attempt: Attempt, *, asker: Asker) -> Decision:
        """Return what would be decided; it has no id, is not recorded, and permits nothing."""
        if SIMULATE not in asker.scopes:
            raise Forbidden("this needs the scope `simulate`")
        return self.drafter.peek(msgspec.structs.replace(attempt, id=""))

    def follow(self) -> None:
        """Count what platforms have said since of what was permitted."""
        if self._facts.budgets is not None:
            self._facts.budgets.catch_up(self.drafter.now())

    def record(self, recordables: Sequence[Recordable]) -> None:
        """Make events durable; raises `Unavailable` unless every one of them is."""
        builder = BatchBuilder()
        add_rows(builder, recordables)
        try:
            (receipt,) = self._appender.append([builder.take()])
        except OmbudError as error:
            if isinstance(error, Unavailable):
                raise
            raise Unavailable(f"nothing is recorded: {error}") from error
        except OSError as error:
            raise Unavailable(f"nothing is recorded: {error.strerror or error}") from error
        if receipt.recorded + receipt.duplicate < len(recordables):
            raise Unavailable("the record did not take every decision")

    def settle(self, make: Callable[[str | None], Draft]) -> Draft:
        """Return a draft that is durable and of the policy in force; raises `Unavailable`.

        `make` is given the id of the draft that it stands instead of, if there was one.
        """
        instead_of = None
        for _ in range(TURNS_MAX):
            draft = make(instead_of)
            try:
                if draft.recordable is not None:
                    self.record([draft.recordable])
            except BaseException:
                self._facts.release(draft.taken)
                raise
            self._facts.commit(draft.taken)
            if not draft.permits or self.drafter.live.epoch() == draft.epoch:
                return draft
            instead_of = draft.id
        raise Unavailable("the policy keeps changing", hint="ask again")
