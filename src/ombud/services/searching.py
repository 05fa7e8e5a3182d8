"""Searching: who may do something, to what, and what, under the policy in force.

A search by who may decide is a look, and recorded before its results are told; with the
scope `simulate` alone it leaves no trace, and what it finds permits nothing either way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ombud.access.attempt import Attempt
from ombud.access.find import find_actions, find_resources, find_subjects
from ombud.core.clock import Clock
from ombud.core.errors import Forbidden
from ombud.services.asker import Asker
from ombud.services.drafting import Live
from ombud.services.own_events import look_event
from ombud.services.record_port import Appender, record_events

Result = dict[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """Results in a steady order, and the version of the policy they were found under."""

    results: list[Result]
    version: str


class Searching:
    """Finds what is permitted."""

    def __init__(self, *, live: Live, appender: Appender, clock: Clock) -> None:
        self._live = live
        self._appender = appender
        self._clock = clock

    def version(self) -> str:
        """Return the version of the policy in force."""
        return self._live.snapshot().version

    def subjects(self, attempt: Attempt, *, asker: Asker, is_recorded: bool) -> Found:
        """Return who, of the actor type of the attempt, is permitted it."""
        snapshot = self._live.snapshot()
        found = find_subjects(snapshot, attempt, self._clock(), attempt.actor_type)
        results = [{"type": type_, "id": id_} for type_, id_ in found]
        self._record("subject", attempt, len(results), asker, is_recorded=is_recorded)
        return Found(results, snapshot.version)

    def resources(self, attempt: Attempt, *, asker: Asker, is_recorded: bool) -> Found:
        """Return to what, of the resource type of the attempt, it is permitted."""
        snapshot = self._live.snapshot()
        found = find_resources(snapshot, attempt, self._clock(), attempt.resource_type)
        results = [{"type": type_, "id": id_} for type_, id_ in found]
        self._record("resource", attempt, len(results), asker, is_recorded=is_recorded)
        return Found(results, snapshot.version)

    def actions(self, attempt: Attempt, *, asker: Asker, is_recorded: bool) -> Found:
        """Return which actions are permitted."""
        snapshot = self._live.snapshot()
        names: Sequence[str] = find_actions(snapshot, attempt, self._clock())
        results = [{"name": one} for one in names]
        self._record("action", attempt, len(results), asker, is_recorded=is_recorded)
        return Found(results, snapshot.version)

    def _record(
        self, kind: str, attempt: Attempt, count: int, asker: Asker, *, is_recorded: bool
    ) -> None:
        if asker.is_restricted:
            raise Forbidden("a token limited to units or systems does not search for who may what")
        if not is_recorded:
            return
        said = {
            "subject": f"{attempt.actor_type}:{attempt.actor_id}",
            "action": attempt.action,
            "resource": f"{attempt.resource_type}:{attempt.resource_id}",
        }
        terms = " ".join(f"{name}={value}" for name, value in said.items())
        event = look_event(
            self._clock(),
            f"access.search.{kind}",
            asker,
            None,
            None,
            resource_type="policy",
            query_text=terms,
            purpose=attempt.purpose,
            rows_returned=count,
        )
        record_events(self._appender, [event])
