"""Plain engine: what the engine promises, event by event and rule by rule, with nothing clever.

Every rule is put to the whole view of every event that its logsource covers, by
the tree itself; correlations are given what each event matched by itself, and what
they read is never forgotten.  It is the oracle of `ombud.detect.alerting.engine`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ombud.core.batch import Committed
from ombud.core.errors import EventError
from ombud.detect.alerting.alert import FINDING_SOURCE, Alert, AlertEvent, Group, Head, alert_id
from ombud.detect.alerting.usage import held_back
from ombud.detect.correlation.correlator import Correlator
from ombud.detect.correlation.model import Correlation, CorrelationMatch, RuleMatch
from ombud.detect.correlation.telling import sentence_of
from ombud.detect.logsource import ROUTES, LogSource, sees_event, sees_original
from ombud.detect.matching.matcher import cut, explain
from ombud.detect.matching.paths import EventView, find_values, is_present
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
        correlations: Sequence[Correlation] = (),
        *,
        feeding: frozenset[str] = frozenset(),
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
        # Which correlations wait for a rule that does not run has a test of its own.
        held = held_back(correlations, {rule.id for rule in rules})
        self._correlations = [one for one in correlations if one.id not in held]
        self._feeding = feeding
        self._correlator = Correlator(self._correlations)
        self._known: dict[int, tuple[int, str | None, dict[str, list[Any]]]] = {}
        self._now = 0

    def feed(self, committed: Committed) -> None:
        """Take events one by one."""
        for row in range(committed.count):
            self._take(committed, row)

    def _take(self, committed: Committed, row: int) -> None:
        recorded, index = committed.recorded_ms[row], committed.first_index + row
        self._now = max(self._now, recorded)
        matches: list[RuleMatch] = []
        try:
            self._match(view_of_row(committed, row), committed.group(4, row), index, matches)
        except EventError:
            self.unreadable += 1
        found = self._correlator.feed(matches) + self._correlator.advance(self._now)
        for match in found:
            if match.correlation_id not in self._feeding:
                self._correlate(match)

    def _match(self, named: EventView, raw: bytes, index: int, matches: list[RuleMatch]) -> None:
        recorded = self._now
        source, action = named.get("source", ""), named.get("action", "")
        if source in NOT_ACTS:
            return
        self._derive(named, recorded)
        original = view_of_original(raw, source)
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
                    matches.append(self._fed(rule, named, view, index))
                    if rule.id not in self._feeding:
                        self._count(rule, named, view, index, recorded)

    def _fed(self, rule: Rule, named: EventView, view: EventView, index: int) -> RuleMatch:
        _, _, told = self._known.setdefault(index, (named["time"], named.get("actor.id"), {}))
        for one in self._correlations:
            if rule.id in one.rules:
                for name in (*one.group_by, *one.fields):
                    field = one.field_of(name, rule.id)
                    told[field] = [cut(value) for value in find_values(view, field)[:8]]
        return RuleMatch(
            rule.id, index, named["time"], self._now, lambda name: find_values(view, name)
        )

    def _correlate(self, match: CorrelationMatch) -> None:
        (one,) = [one for one in self._correlations if one.id == match.correlation_id]
        indices = sorted({*match.indices, match.index})
        actors = {self._known[index][1] for index in indices}
        group = match.group
        grouped = dict(group).get("actor.id")
        actor = grouped
        if len(actors) == 1 and (grouped is not None or len(indices) == match.count):
            actor = actors.pop() or grouped
        key = alert_id(one, actor, group)
        if key not in self.alerts and len(self.alerts) >= self._alerts_max:
            actor, group = None, OVERFLOW
            key = alert_id(one, actor, group)
        heads: tuple[Head, ...] = (*self._rules, *self._correlations)
        titles = {head.id: head.title for head in heads}
        sentence = sentence_of(one, match, titles)
        last = self.alerts[key][2][3] if key in self.alerts else -1
        for index in indices:
            if index > last:
                time, _, fields = self._known[index]
                event = AlertEvent(index, time, fields)
                self._keep(one, key, actor, group, event, sentence, match.recorded)
        self.alerts[key][2][0] += max(0, match.count - len(indices))

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
        sentence = rule.guidance.sentence(view, fields)
        event = AlertEvent(index, time, fields)
        self._keep(rule, key, actor, group, event, sentence, recorded)

    def _keep(
        self,
        head: Head,
        key: str,
        actor: str | None,
        group: Group,
        event: AlertEvent,
        sentence: str,
        recorded: int,
    ) -> None:
        if key not in self.alerts:
            names = (head.id, head.version, head.title, head.level)
            alert = Alert(key, *names, actor, group, sentence, recorded, event)
            self.alerts[key] = (alert, [], [0, event.time, event.time, event.index])
        _, events, counts = self.alerts[key]
        if len(events) < EVENTS_KEPT:
            events.append(event)
        first, last = min(counts[1], event.time), max(counts[2], event.time)
        counts[:] = [counts[0] + 1, first, last, event.index]
