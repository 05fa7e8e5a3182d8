"""Plain engine: what the engine promises, event by event and rule by rule, with nothing clever.

Every rule is put to the whole view of every event that its logsource covers, by
the tree itself.  It is the oracle of `ombud.detect.engine`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ombud.core.batch import Committed
from ombud.core.errors import EventError
from ombud.detect.alert import FINDING_SOURCE, Alert, AlertEvent, Group, alert_id
from ombud.detect.logsource import ROUTES, LogSource, sees_event, sees_original
from ombud.detect.matcher import explain
from ombud.detect.paths import EventView, is_present
from ombud.detect.rule import Rule
from ombud.detect.view import view_of_original, view_of_row

DAY_MS = 86_400_000
EVENTS_KEPT = 1000
OVERFLOW: Group = (("overflow", "more alerts than the engine can count apart"),)
NOT_ACTS = {"ombud.tick", FINDING_SOURCE}


class PlainEngine:
    """Alerts by id, in the order in which they opened: the alert, its events and its counts."""

    def __init__(
        self,
        rules: Sequence[Rule],
        *,
        routes: Mapping[str, LogSource] = ROUTES,
        alerts_max: int = 100_000,
    ) -> None:
        self.alerts: dict[str, tuple[Alert, list[AlertEvent], list[int]]] = {}
        self.unreadable = 0
        self.carried: dict[str, set[str]] = {}  # Source or `ombud` → fields of rules seen there.
        self._rules = rules
        self._routes = routes
        self._alerts_max = alerts_max
        self._last: dict[str, int] = {}

    def feed(self, committed: Committed) -> None:
        """Take events one by one."""
        for row in range(committed.count):
            self._take(committed, row)

    def _take(self, committed: Committed, row: int) -> None:
        recorded, index = committed.recorded_ms[row], committed.first_index + row
        try:
            named = view_of_row(committed, row)
        except EventError:
            self.unreadable += 1
            return
        source, action = named.get("source", ""), named.get("action", "")
        if source in NOT_ACTS:
            return
        self._derive(named, recorded)
        original = view_of_original(committed.group(4, row), source)
        self._carry("ombud", named)
        self._carry(source, original)
        for is_own in (True, False):
            for rule in self._rules:
                if rule.logsource.is_own is not is_own:
                    continue
                if is_own:
                    sees, view = sees_event(rule.logsource, source, action), named
                else:
                    sees = sees_original(rule.logsource, self._routes.get(source))
                    view = original
                if sees and rule.tree.is_match(view):
                    self._count(rule, named, view, index, recorded)

    def _carry(self, place: str, view: EventView) -> None:
        fields = {field for rule in self._rules for field in rule.fields}
        seen = self.carried.setdefault(place, set())
        seen.update(field for field in fields if is_present(view, field))

    def _derive(self, view: dict[str, Any], recorded: int) -> None:
        actor, time = view.get("actor.id"), view["time"]
        if actor is None:
            return
        if actor in self._last:
            view["derived.idle_days"] = max(0, time - self._last[actor]) / DAY_MS
        else:
            view["derived.first_seen"] = True
        if time > recorded + DAY_MS:
            time = recorded
        self._last[actor] = max(time, self._last.get(actor, time))

    def _count(
        self, rule: Rule, named: EventView, view: EventView, index: int, recorded: int
    ) -> None:
        actor, group = named.get("actor.id"), rule.guidance.group_of(view)
        key = alert_id(rule, actor, group)
        if key not in self.alerts and len(self.alerts) >= self._alerts_max:
            actor, group = None, OVERFLOW
            key = alert_id(rule, actor, group)
        time, fields = named["time"], explain(rule, view)
        event = AlertEvent(index, time, fields)
        if key not in self.alerts:
            sentence = rule.guidance.sentence(view, fields)
            alert = Alert(
                key,
                rule.id,
                rule.version,
                rule.title,
                rule.level,
                actor,
                group,
                sentence,
                recorded,
                event,
            )
            self.alerts[key] = (alert, [], [0, time, time, index])
        _, events, counts = self.alerts[key]
        if len(events) < EVENTS_KEPT:
            events.append(event)
        counts[:] = [counts[0] + 1, min(counts[1], time), max(counts[2], time), index]
