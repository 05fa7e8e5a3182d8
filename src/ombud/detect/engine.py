"""Engine: the record in, changes of alerts out, by nothing but log time.

Same record and same rules give byte-identical alerts, however the record is cut
into batches and wherever the engine is stopped and restored.  The engine reads
no clock: its time is the time of recording of the last event it was given, which
a `tick` event moves when nothing else happens.  Ticks and findings are not put
to rules; acts of overseers are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from ombud.core.batch import Committed
from ombud.core.errors import Conflict, EventError, InputError
from ombud.detect.alert import FINDING_SOURCE, Alert, AlertChange, AlertEvent, Group, alert_id
from ombud.detect.logsource import PRODUCT, ROUTES, LogSource
from ombud.detect.matcher import Matcher, explain
from ombud.detect.rule import Rule
from ombud.detect.usage import (
    FieldUsage,
    SilentRule,
    UnusedField,
    silent_rules,
    unused_fields,
    watched_fields,
)
from ombud.detect.view import view_of_original, view_of_row

STATE_VERSION = 1
TICK_SOURCE = "ombud.tick"
ALERTS_MAX = 100_000  # Alerts the engine counts for; beyond it one alert a rule takes the rest.
EVENTS_MAX = 1000  # Events an alert keeps; it counts all.
ACTORS_MAX = 500_000  # Actors whose last act is remembered; the longest silent is forgotten.
FUTURE_MS_MAX = 86_400_000  # An event dated further ahead than this moves no actor's last act.
OVERFLOW: Group = (("overflow", "more alerts than the engine can count apart"),)

_DAY_MS = 86_400_000
# By source and not by action: anybody may call an act a tick, nobody else is these.
_NOT_ACTS = frozenset({TICK_SOURCE, FINDING_SOURCE})


class Engine:
    """Puts the record to rules; one owner, fed in log order."""

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        routes: Mapping[str, LogSource] = ROUTES,
        alerts_max: int = ALERTS_MAX,
    ) -> None:
        self.position = 0  # Index of the next event.
        self.time = 0  # Log time, milliseconds.
        self.unreadable_count = 0  # Events whose bytes were no event of a known version.
        self._matcher = Matcher(rules, routes=routes)
        self._alerts_max = alerts_max
        self._alerts: dict[str, list[int]] = {}  # id → count, first, last time, last index
        self._actors: dict[str, int] = {}  # actor → time of the last act, longest silent first
        self._usages = {PRODUCT: FieldUsage(watched_fields(rules, PRODUCT, routes))}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that run."""
        return self._matcher.rules

    def feed(self, committed: Committed) -> list[AlertChange]:
        """Take events of the record and return what they did to alerts, in order of first match.

        Events before `position` were taken already and are skipped.  Raises
        `Conflict` if there is a gap before the events given.
        """
        if committed.first_index > self.position:
            raise Conflict(
                f"engine is at index {self.position} and was given {committed.first_index}"
            )
        changes = _Changes(self._alerts, self._alerts_max)
        for row in range(self.position - committed.first_index, committed.count):
            self._take(committed, row, changes)
            self.position = committed.first_index + row + 1
        return changes.taken()

    def _take(self, committed: Committed, row: int, changes: _Changes) -> None:
        recorded = committed.recorded_ms[row]
        self.time = max(self.time, recorded)
        try:
            view = view_of_row(committed, row)
        except EventError:
            self.unreadable_count += 1
            return
        source, action = view.get("source"), view.get("action")
        if source in _NOT_ACTS:
            return
        actor = view.get("actor.id")
        if actor is not None:
            self._derive(view, actor, recorded)
        self._usages[PRODUCT].watch(view)
        plan = self._matcher.plan(source, action)
        for rule, is_match in plan.named:
            if is_match(view):
                changes.add(rule, view, view, committed.first_index + row, recorded)
        if plan.original and source is not None:
            original = view_of_original(committed.group(4, row), source)
            self._usage(source).watch(original)
            for rule, is_match in plan.original:
                if is_match(original):
                    changes.add(rule, view, original, committed.first_index + row, recorded)

    def _usage(self, source: str) -> FieldUsage:
        usage = self._usages.get(source)
        if usage is None:
            fields = watched_fields(self.rules, source, self._matcher.routes)
            usage = self._usages[source] = FieldUsage(fields)
        return usage

    def _derive(self, view: dict[str, Any], actor: str, recorded: int) -> None:
        """Add what the actor's earlier acts say, and remember this one."""
        time = view["time"]
        last = self._actors.pop(actor, None)
        if last is None:
            view["derived.first_seen"] = True
        else:
            view["derived.idle_days"] = max(0, time - last) / _DAY_MS
        if time > recorded + FUTURE_MS_MAX:
            time = recorded
        self._actors[actor] = time if last is None else max(time, last)
        if len(self._actors) > ACTORS_MAX:
            del self._actors[next(iter(self._actors))]

    def unused_fields(self) -> list[UnusedField]:
        """Return the fields that rules name and no event has ever carried."""
        return unused_fields(self.rules, self._usages, self._matcher.routes)

    def silent_rules(self) -> list[SilentRule]:
        """Return the rules that no event so far could have fired, with the reason."""
        return silent_rules(self.rules, self._usages, self._matcher.routes)

    def snapshot(self) -> bytes:
        """Return the whole state; the same history gives the same bytes."""
        return orjson.dumps(
            {
                "version": STATE_VERSION,
                "position": self.position,
                "time": self.time,
                "unreadable": self.unreadable_count,
                "alerts": [[alert, *counts] for alert, counts in self._alerts.items()],
                "actors": list(self._actors.items()),
                "usages": {name: usage.state() for name, usage in sorted(self._usages.items())},
            }
        )

    @classmethod
    def restore(
        cls,
        rules: Sequence[Rule],
        state: bytes,
        *,
        routes: Mapping[str, LogSource] = ROUTES,
        alerts_max: int = ALERTS_MAX,
    ) -> Engine:
        """Return the engine as `snapshot` left it; the rules may be others.

        Raises `InputError` if the bytes are no such state: then start anew from index 0.
        """
        engine = cls(rules, routes=routes, alerts_max=alerts_max)
        try:
            values = orjson.loads(state)
            if values["version"] != STATE_VERSION:
                raise InputError(f"engine state is of version {values['version']}")
            engine.position = values["position"]
            engine.time = values["time"]
            engine.unreadable_count = values["unreadable"]
            engine._alerts = {alert: counts for alert, *counts in values["alerts"]}
            engine._actors = dict(values["actors"])
            for name, usage in values["usages"].items():
                fields = watched_fields(rules, name, routes)
                engine._usages[name] = FieldUsage.from_state(usage, fields)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"engine state is unreadable: {error}") from error
        return engine


class _Changes:
    """What one stretch of the record does to alerts."""

    def __init__(self, alerts: dict[str, list[int]], alerts_max: int) -> None:
        self._alerts = alerts
        self._alerts_max = alerts_max
        self._opened: dict[str, Alert] = {}
        self._events: dict[str, list[AlertEvent]] = {}

    def add(
        self, rule: Rule, named: dict[str, Any], seen: dict[str, Any], index: int, recorded: int
    ) -> None:
        """Count one match; `seen` is the view that the rule matched."""
        actor, group = named.get("actor.id"), rule.guidance.group_of(seen)
        key = alert_id(rule, actor, group)
        if key not in self._alerts and len(self._alerts) >= self._alerts_max:
            actor, group = None, OVERFLOW
            key = alert_id(rule, actor, group)
        time = named["time"]
        events = self._events.setdefault(key, [])
        counts = self._alerts.get(key)
        if counts is None:
            counts = self._alerts[key] = [0, time, time, index]
        if counts[0] < EVENTS_MAX:
            fields = explain(rule, seen)
            event = AlertEvent(index, time, fields)
            events.append(event)
            if counts[0] == 0:
                self._opened[key] = Alert(
                    id=key,
                    rule_id=rule.id,
                    rule_version=rule.version,
                    title=rule.title,
                    level=rule.level,
                    actor=actor,
                    group=group,
                    sentence=rule.guidance.sentence(seen, fields),
                    opened_at=recorded,
                    first_event=event,
                )
        counts[0] += 1
        counts[1] = min(counts[1], time)
        counts[2] = max(counts[2], time)
        counts[3] = index

    def taken(self) -> list[AlertChange]:
        """Return one change for each alert touched."""
        return [
            AlertChange(key, self._opened.get(key), tuple(events), *self._alerts[key])
            for key, events in self._events.items()
        ]
