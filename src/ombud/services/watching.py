"""Watching: the engine of rules follows the record, and alerts follow the engine.

An alert that opens is itself recorded as a finding, keyed by the alert, so that
a replay finds it again and records nothing twice.  The engine's state and the
alerts it found are saved in one transaction with how far both have come.
"""

from __future__ import annotations

import threading
from collections.abc import Container, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from ombud.core.batch import Batch, BatchBuilder, Committed
from ombud.core.errors import InputError
from ombud.detect.alerting.alert import Alert, finding_event
from ombud.detect.alerting.engine import Engine
from ombud.detect.correlation.model import Correlation
from ombud.detect.loading.rule_set import RuleSet
from ombud.detect.rule import Rule
from ombud.query.world import AlertTest
from ombud.services.record_port import Appender
from ombud.store.alerts import LIMIT_MAX as ALERTS_MAX
from ombud.store.alerts import AlertStore, KeptEvents

__all__ = ["ALERTS_MAX", "Watch"]

EVENTS_PAGE = 1_000  # Alerts whose events are read at once: each keeps up to 1,000.
SAVE_EVERY = 20_000  # Events after which the engine's state is saved; after a crash they are new.
# A state of many alerts and open groups has some ten megabytes: it is saved as much more
# seldom as it is larger, so that saving stays a small part of the work, but not for ever.
SAVE_BYTES = 50  # Of the state, for each event since it was last saved.
SAVE_EVERY_MAX = 500_000


class Watch:
    """Rules over the record; a `Derived` that a `Follower` feeds."""

    def __init__(
        self,
        *,
        rule_set: RuleSet,
        disabled: Container[str],
        store: AlertStore,
        appender: Appender,
    ) -> None:
        self.known_rules = rule_set.rules
        self.known_correlations = rule_set.correlations
        self.refusals = rule_set.refusals
        self._feeding = rule_set.feeding
        self._store = store
        self._appender = appender
        self._lock = threading.Lock()
        self._applying = threading.Lock()
        self._choose(disabled)
        self._rewind()

    def _choose(self, disabled: Container[str]) -> None:
        """Let all run but these.

        What feeds a correlation that is switched off opens no alert in its stead.
        """
        self._running = tuple(one for one in self.known_rules if one.id not in disabled)
        self._correlations = tuple(one for one in self.known_correlations if one.id not in disabled)

    def _restored(self, state: bytes) -> Engine:
        return Engine.restore(self._running, state, self._correlations, feeding=self._feeding)

    def _rewind(self) -> None:
        """Go back to the engine as last saved; what followed is watched and found again."""
        state = self._store.state()
        self._engine = Engine(self._running, self._correlations, feeding=self._feeding)
        if state is not None:
            try:
                self._engine = self._restored(state)
            except InputError:
                self._store.clear()  # A state of another version: everything is found again.
        self._position = self._engine.position
        self._next_save = self._position + _events_for(state or b"")

    def rewind(self) -> None:
        """Go back to what is saved, after alerts could not be."""
        with self._applying, self._lock:
            self._rewind()

    def disable(self, disabled: Container[str]) -> None:
        """Go on with all but these, from where the engine stands.

        The state is saved there, so that no restart puts earlier events to other rules.
        """
        with self._applying:
            state = self._engine.snapshot()
            with self._lock:
                self._store.save([], watermark=self._engine.position, state=state)
            self._choose(disabled)
            self._engine = self._restored(state)
            self._next_save = self._engine.position + _events_for(state)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that run."""
        return self._engine.rules

    @property
    def correlations(self) -> tuple[Correlation, ...]:
        """The correlations that run."""
        return self._engine.correlations

    def watermark(self) -> int:
        """Return the index of the next event to watch."""
        return self._position

    def apply(self, committed: Committed) -> None:
        """Put events to the rules, record what opened, and save."""
        with self._applying:
            try:
                self._apply(committed)
            except BaseException:
                # Invariant: the engine never knows an alert that neither store nor record has.
                with self._lock:
                    self._rewind()
                raise

    def _apply(self, committed: Committed) -> None:
        changes = self._engine.feed(committed)
        opened = [change.opened for change in changes if change.opened is not None]
        if opened:
            self._appender.append(list(_batches(opened)))
        state = None
        if self._engine.position >= self._next_save:
            state = self._engine.snapshot()
            self._next_save = self._engine.position + _events_for(state)
        # A transaction costs some milliseconds, and most stretches of the record raise nothing.
        if changes or state is not None:
            with self._lock:
                self._store.save(changes, watermark=self._engine.position, state=state)
        self._position = self._engine.position

    def close(self) -> None:
        """Save the engine's state; without it the last events are only watched again."""
        with self._lock:
            self._store.save([], watermark=self._engine.position, state=self._engine.snapshot())

    def alerts(self, *, limit: int) -> list[dict[str, Any]]:
        """Return alerts with the events they keep, the latest first."""
        with self._lock:
            return self._store.find(limit=limit)

    def pages(self, *, limit: int) -> Iterator[list[dict[str, Any]]]:
        """Yield all alerts, the latest first, in pages; each with the indices of its events."""
        before: tuple[int, str] | None = None
        while True:
            with self._lock:
                page = self._store.find(limit=limit, before=before)
                kept = self._store.event_indices([alert["id"] for alert in page])
            for alert in page:
                alert["event_indices"] = kept[alert["id"]]
            if page:
                yield page
                before = (page[-1]["last_index"], page[-1]["id"])
            if len(page) < limit:
                return

    def alerts_of(self, rule_id: str, version: str) -> list[dict[str, Any]]:
        """Return every alert that this version of a rule has raised, without its events."""
        found: list[dict[str, Any]] = []
        before: tuple[int, str] | None = None
        while True:
            with self._lock:
                page = self._store.find(limit=EVENTS_PAGE, rule_id=rule_id, before=before)
            found += [alert for alert in page if alert["rule_version"] == version]
            if len(page) < EVENTS_PAGE:
                return found
            before = (page[-1]["last_index"], page[-1]["id"])

    def alert(self, alert_id: str) -> dict[str, Any]:
        """Return one alert with its events and the fields that matched."""
        with self._lock:
            return self._store.get(alert_id)

    def events_of(self, test: AlertTest) -> Iterator[KeptEvents]:
        """Yield the events of each alert that passes a test of a query."""
        after = ""
        while True:
            with self._lock:
                page = self._store.events_of(test, after=after, limit=EVENTS_PAGE)
            yield from page
            if len(page) < EVENTS_PAGE:
                return
            after = page[-1].id

    def rule_facts(self, rule_id: str, version: str) -> dict[str, Any] | None:
        """Return what a rule says to whoever reads its alert; None if it runs no more."""
        running: tuple[Rule | Correlation, ...] = (*self.rules, *self.correlations)
        for rule in running:
            if rule.id == rule_id:
                said = rule.guidance
                return {
                    "id": rule.id,
                    "title": rule.title,
                    "level": rule.level,
                    "is_same_version": rule.version == version,
                    "description": said.description,
                    "falsepositives": list(said.falsepositives),
                    "blind_spots": list(said.blind_spots),
                    "response": said.response,
                }
        return None

    def counts(self) -> dict[str, int]:
        """Return how many alerts there are of each level."""
        with self._lock:
            return self._store.counts()

    def faults(self) -> dict[str, Any]:
        """Return what rules cannot do here, and what they could not use of the events.

        Refused, a field never seen, unable to fire; events that were unreadable; and for
        each correlation how many of the events that its rules matched it left out, by why.
        """
        with self._applying:
            unused, silent = self._engine.unused_fields(), self._engine.silent_rules()
            left_out = self._engine.left_out()
            unreadable = self._engine.unreadable_count
        return {
            "refused": [asdict(refusal) for refusal in self.refusals],
            "never_seen": [asdict(field) for field in unused],
            "silent": [asdict(rule) for rule in silent],
            "unreadable": unreadable,
            "left_out": left_out,
        }


def _events_for(state: bytes) -> int:
    """Return after how many events a state of this size is saved again."""
    return min(max(SAVE_EVERY, len(state) // SAVE_BYTES), SAVE_EVERY_MAX)


def _batches(opened: Sequence[Alert]) -> Iterator[Batch]:
    """Yield the findings of these alerts in batches that the record takes."""
    builder = BatchBuilder()
    for alert in opened:
        builder.add(finding_event(alert))
        if builder.is_full:
            yield builder.take()
    if builder.count:
        yield builder.take()
