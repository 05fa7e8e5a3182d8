"""Watching: the engine of rules follows the record, and alerts follow the engine.

An alert that opens is itself recorded as a finding, keyed by the alert, so that
a replay finds it again and records nothing twice.  The engine's state and the
alerts it found are saved in one transaction with how far both have come.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from ombud.core.batch import BatchBuilder, Committed
from ombud.core.errors import InputError
from ombud.detect.alert import finding_event
from ombud.detect.engine import Engine
from ombud.detect.rule import Refusal, Rule
from ombud.services.record_port import Appender
from ombud.store.alerts import AlertStore

SAVE_EVERY = 20_000  # Events watched again after a crash, at most; findings are known by then.


class Watch:
    """Rules over the record; a `Derived` that a `Follower` feeds."""

    def __init__(
        self,
        *,
        rules: Sequence[Rule],
        refusals: Sequence[Refusal],
        store: AlertStore,
        appender: Appender,
    ) -> None:
        self.refusals = tuple(refusals)
        self._store = store
        self._appender = appender
        self._lock = threading.Lock()
        state = store.state()
        self._engine = Engine(rules)
        if state is not None:
            try:
                self._engine = Engine.restore(rules, state)
            except InputError:
                store.clear()  # A state of another version: everything is found again.
        self._position = self._saved = self._engine.position

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that run."""
        return self._engine.rules

    def watermark(self) -> int:
        """Return the index of the next event to watch."""
        return self._position

    def apply(self, committed: Committed) -> None:
        """Put events to the rules, record what opened, and save."""
        changes = self._engine.feed(committed)
        opened = [change.opened for change in changes if change.opened is not None]
        if opened:
            builder = BatchBuilder()
            for alert in opened:
                builder.add(finding_event(alert))
            self._appender.append([builder.take()])
        state = None
        if self._engine.position - self._saved >= SAVE_EVERY:
            state = self._engine.snapshot()
            self._saved = self._engine.position
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
            return self._store.list(limit=limit)

    def alert(self, alert_id: str) -> dict[str, Any]:
        """Return one alert with its events and the fields that matched."""
        with self._lock:
            return self._store.get(alert_id)

    def counts(self) -> dict[str, int]:
        """Return how many alerts there are of each level."""
        with self._lock:
            return self._store.counts()

    def health(self) -> list[str]:
        """Return what rules cannot do here: refused, a field never seen, unable to fire."""
        said = [f"refused: {refusal.path}: {refusal.reason}" for refusal in self.refusals]
        said += [f"never seen: {unused}" for unused in self._engine.unused_fields()]
        said += [f"cannot fire yet: {silent}" for silent in self._engine.silent_rules()]
        return said
