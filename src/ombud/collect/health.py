"""Health: what a source does not say.

A gap in its sequence, or a silence longer than its heartbeat, is itself an
event, told once.  Pure: given events and the time, it gives events; their
originals are the same for the same finding, so the record knows them again
after a restart.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import orjson

from ombud.collect.source import Source
from ombud.core.event import Action, Event

SOURCE = "ombud.collect"
GAP = "source.gap"
SILENCE = "source.silence"
_STREAMS_MAX = 10_000  # Sessions whose numbers are followed at once; the longest idle are let go.


@dataclass(slots=True)
class _State:
    heartbeat_ms: int | None
    seen_ms: int
    is_silent: bool = False


class Health:
    """The sequence and the last sign of life of each source of a home."""

    def __init__(self) -> None:
        self._sources: dict[str, _State] = {}
        self._numbers: OrderedDict[str, int] = OrderedDict()
        self._lock = threading.Lock()  # Each followed source has a thread of its own.

    def expect(self, source: Source, *, now_ms: int) -> None:
        """Begin to watch a source: from now on its silence counts."""
        heartbeat = source.heartbeat_seconds
        heartbeat_ms = None if heartbeat is None else heartbeat * 1000
        with self._lock:
            self._sources.setdefault(source.kind, _State(heartbeat_ms, now_ms))

    def saw(self, source: Source, *, now_ms: int) -> None:
        """Note a sign of life."""
        self.expect(source, now_ms=now_ms)
        state = self._sources[source.kind]
        state.seen_ms, state.is_silent = max(state.seen_ms, now_ms), False

    def number(self, source: Source, event: Event, *, now_ms: int) -> Event | None:
        """Take one event's sequence number; return a gap before it, if there is one.

        Numbers that go back begin anew (a restarted source) or were read before.
        """
        number = event.sequence
        if number is None:
            return None
        scope = getattr(event, source.sequence_scope) if source.sequence_scope else None
        stream = f"{source.kind}\0{scope or ''}"
        with self._lock:
            last = self._numbers.get(stream)
            if last is None or number > last or number <= 1:
                self._numbers[stream] = number
            self._numbers.move_to_end(stream)
            if len(self._numbers) > _STREAMS_MAX:
                self._numbers.popitem(last=False)
        if last is None or number <= last + 1:
            return None
        finding = {
            "source": source.kind,
            "stream": scope,
            "expected": last + 1,
            "got": number,
            "missing": number - last - 1,
        }
        return _event(GAP, source.kind, finding, now_ms, f"{stream}\0{last + 1}")

    def silences(self, *, now_ms: int) -> list[Event]:
        """Return an event for each source that fell silent since it was asked last."""
        found = []
        with self._lock:
            watched = list(self._sources.items())
        for kind, state in watched:
            if state.heartbeat_ms is None or state.is_silent:
                continue
            if now_ms - state.seen_ms > state.heartbeat_ms:
                state.is_silent = True
                finding = {
                    "source": kind,
                    "since": state.seen_ms,
                    "heartbeat_seconds": state.heartbeat_ms // 1000,
                }
                found.append(_event(SILENCE, kind, finding, now_ms, f"{kind}\0{state.seen_ms}"))
        return found

    def snapshot(self) -> bytes:
        """Return the state as bytes, to go on from after a restart."""
        with self._lock:
            sources = {
                kind: [state.heartbeat_ms, state.seen_ms, state.is_silent]
                for kind, state in self._sources.items()
            }
            return orjson.dumps({"sources": sources, "numbers": dict(self._numbers)})

    def restore(self, snapshot: bytes) -> None:
        """Go on from a snapshot; raises `ValueError` when it is none."""
        state = orjson.loads(snapshot)
        self._sources = {kind: _State(*values) for kind, values in state["sources"].items()}
        self._numbers = OrderedDict(state["numbers"])


def _event(operation: str, kind: str, finding: dict[str, Any], now_ms: int, key: str) -> Event:
    return Event(
        time=now_ms,
        source=SOURCE,
        action=Action.OTHER.value,
        operation=operation,
        native_id=f"{operation}\0{key}",
        resource_system=kind,
        outcome="failure",
        attributes={name: value for name, value in finding.items() if value is not None},
        raw=orjson.dumps({"operation": operation, **finding}),
    )
