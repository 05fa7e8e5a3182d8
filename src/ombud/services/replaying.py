"""Replaying: acts of the past decided under a policy, as if it had been in force then.

Each act is decided as of its own time: with the grants that held then, and with what
the directory says of its actor at that time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from ombud.access.attempt import Attachment, Grant, Spent
from ombud.access.decide import decide
from ombud.access.decision import Decision
from ombud.access.model import Policy
from ombud.access.snapshot import CompiledPolicy, Snapshot
from ombud.services.actor_attributes import TYPES, ActorsOverTime, Attributes
from ombud.services.budgets import day_of
from ombud.services.counted import counted_purposes
from ombud.services.replayed_acts import PastAct

ActorKey = tuple[str, str]
DAYS_KEPT = 3  # Of what was used: events of different sources come a little out of order.


class Past:
    """What was granted, and who everybody was, over the time that is replayed."""

    def __init__(
        self,
        *,
        grants: Sequence[Grant],
        attachments: Sequence[Attachment],
        actors: ActorsOverTime,
    ) -> None:
        self.grants = grants
        self.attachments = attachments
        self._actors = actors

    def person(self, act: PastAct) -> str | None:
        """Return the person of the directory who acted."""
        return None if act.is_machine else self._actors.person(act.account, act.time)

    def layers(self, acts: Sequence[PastAct]) -> list[dict[ActorKey, Attributes]]:
        """Return directories such that each act has one in which its actor is as they were then.

        As a rule there is one: an actor needs another only where they changed meanwhile.
        """
        layers: list[dict[ActorKey, Attributes]] = [{}]
        for act in acts:
            key, said = self._known(act)
            if said and not any(layer.get(key) is said for layer in layers):
                free = next((layer for layer in layers if key not in layer), None)
                if free is None:
                    layers.append(free := {})
                free[key] = said
        return layers

    def layer_of(self, act: PastAct, layers: Sequence[dict[ActorKey, Attributes]]) -> int | None:
        """Return the place of the directory for an act, None if its actor must not be in it."""
        key, said = self._known(act)
        for place, layer in enumerate(layers):
            if layer.get(key) is (said or None):
                return place
        return None

    def _known(self, act: PastAct) -> tuple[ActorKey, Attributes | None]:
        key = (act.attempt.actor_type, act.attempt.actor_id)
        if key[0] not in TYPES:
            return key, None
        person = self._actors.person(key[1], act.time)
        return key, None if person is None else self._actors.attributes(person, act.time)


class _Used:
    """What actors would have used of purposes by day, under one policy."""

    def __init__(self, policy: Policy) -> None:
        self.purposes = counted_purposes(policy)
        self._zone = policy.zone
        self._unset = policy.when_no_purpose
        self._days: dict[int, dict[tuple[str, str, str], tuple[Spent, set[int]]]] = {}

    def decide(self, act: PastAct, snapshot: Snapshot) -> Decision:
        """Decide an act of a purpose of which something is limited by the day, and count it."""
        attempt = act.attempt
        day = self._days.setdefault(day_of(act.time, self._zone)[0], {})
        while len(self._days) > DAYS_KEPT:
            del self._days[min(self._days)]
        key = (attempt.actor_type, attempt.actor_id, attempt.purpose or self._unset or "")
        spent, seen = day.get(key, (Spent(), set()))
        new = {hash(one) for one in act.subjects} - seen
        if act.subjects:
            context = {**attempt.context, "subjects": len(new)}
            attempt = msgspec.structs.replace(attempt, context=context)
        decision = decide(attempt, snapshot, act.time, spent={key: spent})
        if decision.permit:
            rows, size = attempt.context.get("rows"), attempt.context.get("bytes")
            spent = Spent(
                rows=spent.rows + (rows if type(rows) is int else 0),
                bytes=spent.bytes + (size if type(size) is int else 0),
                subjects=spent.subjects + len(new),
            )
            day[key] = (spent, seen | new)
        return decision


class Replay:
    """Decides acts of the past under one policy."""

    def __init__(self, compiled: CompiledPolicy, past: Past) -> None:
        self._past = past
        self._used = _Used(compiled.policy)
        self._unset = compiled.policy.when_no_purpose
        self._snapshot = Snapshot.make(compiled, grants=past.grants, attachments=past.attachments)
        self.version = self._snapshot.version

    def decide_all(
        self, acts: Sequence[PastAct], layers: Sequence[dict[ActorKey, Attributes]]
    ) -> Iterator[Decision]:
        """Yield the decision on each act, in order."""
        snapshots = [self._snapshot.with_directory(layer) for layer in layers]
        for act in acts:
            place = self._past.layer_of(act, layers)
            snapshot = self._snapshot if place is None else snapshots[place]
            if (act.attempt.purpose or self._unset) in self._used.purposes:
                yield self._used.decide(act, snapshot)
            else:
                yield decide(act.attempt, snapshot, act.time)
