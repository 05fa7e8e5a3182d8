"""Tally: how often each alert was raised, and what one stretch of the record adds to that.

The counts are part of the engine's state and bounded: beyond so many alerts one
for each rule takes the rest, so that none is lost in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from ombud.detect.alerting.alert import Alert, AlertChange, AlertEvent, Group, Head, alert_id
from ombud.detect.matching.matcher import Told

ALERTS_MAX = 100_000  # Alerts the engine counts for; beyond it one alert a rule takes the rest.
EVENTS_MAX = 1000  # Events an alert keeps; it counts all.
KEYS_MAX = 10_000  # Keys of alerts remembered: hashing one costs as much as counting it.
OVERFLOW: Group = (("overflow", "more alerts than the engine can count apart"),)

Taken = tuple[int, int, Callable[[], Told]]  # Index, time, and the fields by which it matched.


class Tally:
    """The alerts known so far, each with its count, first and last time, and last index."""

    def __init__(self, *, most: int = ALERTS_MAX) -> None:
        self._most = most
        self._counts: dict[str, list[int]] = {}
        self._keys: dict[tuple[str, str, str | None, Group], str] = {}
        self._opened: dict[str, Alert] = {}
        self._events: dict[str, list[AlertEvent]] = {}

    def state(self) -> list[list[str | int]]:
        """Return the counts as JSON values, in the order in which alerts opened."""
        return [[alert, *counts] for alert, counts in self._counts.items()]

    def restore(self, state: Iterable[Sequence[str | int]]) -> None:
        """Go on from counts that `state` returned; raises `ValueError` if they are none."""
        for alert, *counts in state:
            if not isinstance(alert, str) or [type(n) for n in counts] != [int] * 4:
                raise ValueError("a count of an alert is none")
            self._counts[alert] = [int(n) for n in counts]

    def add(
        self,
        head: Head,
        actor: str | None,
        group: Group,
        events: Sequence[Taken],
        *,
        more: int = 0,
        recorded: int,
        say: Callable[[Told], str],
    ) -> None:
        """Count one match of a rule, by one event or several in log order.

        `recorded` is when it became known; `say` returns the sentence for the
        fields of the first event.  Events up to the last that the alert has are passed
        over; `more` are counted and not told.
        """
        key = self._key(head, actor, group)
        if key not in self._counts and len(self._counts) >= self._most:
            actor, group = None, OVERFLOW
            key = self._key(head, actor, group)
        for index, time, tell in events:
            counts = self._counts.get(key)
            if counts is None:
                event = AlertEvent(index, time, tell())
                self._events[key] = [event]
                self._counts[key] = [1, time, time, index]
                self._opened[key] = Alert(
                    id=key,
                    rule_id=head.id,
                    rule_version=head.version,
                    title=head.title,
                    level=head.level,
                    actor=actor,
                    group=group,
                    sentence=say(event.fields),
                    opened_at=recorded,
                    first_event=event,
                )
                continue
            if index <= counts[3]:
                continue
            kept = self._events.setdefault(key, [])
            if counts[0] < EVENTS_MAX:
                kept.append(AlertEvent(index, time, tell()))
            counts[0] += 1
            counts[1] = min(counts[1], time)
            counts[2] = max(counts[2], time)
            counts[3] = index
        if more:
            self._events.setdefault(key, [])
            self._counts[key][0] += more

    def _key(self, head: Head, actor: str | None, group: Group) -> str:
        named = (head.id, head.version, actor, group)
        key = self._keys.get(named)
        if key is None:
            if len(self._keys) >= KEYS_MAX:
                self._keys.clear()
            key = self._keys[named] = alert_id(head, actor, group)
        return key

    def taken(self) -> list[AlertChange]:
        """Return one change for each alert touched since this was last asked."""
        changes = [
            AlertChange(key, self._opened.get(key), tuple(events), *self._counts[key])
            for key, events in self._events.items()
        ]
        self._opened, self._events = {}, {}
        return changes
