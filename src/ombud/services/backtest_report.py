"""Backtest report: what each rule would have raised, beside what it did raise."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ombud.detect.alerting.alert import Alert, AlertChange, Head
from ombud.detect.replaying.replay import Replay
from ombud.detect.rule import Rule

Json = dict[str, Any]

EXAMPLES_MAX = 3  # Alerts of a rule that are told: the first ones.
NEWS_MAX = 100  # Ids of alerts that are new or lost, of each rule.


@dataclass(slots=True)
class _Raised:
    """The alerts of one rule."""

    ids: set[str] = field(default_factory=set)
    actors: set[str | None] = field(default_factory=set)
    groups: set[object] = field(default_factory=set)
    examples: list[Alert] = field(default_factory=list)

    def add(self, alert: Alert) -> None:
        self.ids.add(alert.id)
        self.actors.add(alert.actor)
        self.groups.add(alert.group)
        if len(self.examples) < EXAMPLES_MAX:
            self.examples.append(alert)


class Report:
    """What a backtest found so far."""

    def __init__(self, rules: Sequence[Head], *, feeding: Collection[str] = ()) -> None:
        """`rules` are rules and correlations; what is `feeding` raises no alert of its own."""
        self._rules = rules
        self._feeding = frozenset(feeding)
        self._raised = {rule.id: _Raised() for rule in rules}

    def add(self, changes: Iterable[AlertChange]) -> None:
        """Take what happened to alerts."""
        for change in changes:
            if change.opened is not None:
                self._raised[change.opened.rule_id].add(change.opened)

    def rows(
        self,
        replay: Replay,
        standing: Mapping[str, str],
        recorded: Mapping[str, Sequence[Json]],
        *,
        since: int,
        until: int,
    ) -> list[Json]:
        """Return a row for each rule, the most alerts first.

        `standing` is the version of each rule that runs here, `recorded` the alerts
        that those of the same version raised.
        """
        rows = [
            self._row(rule, replay, standing.get(rule.id))
            | {"recorded": self._compare(rule, recorded.get(rule.id), since, until)}
            for rule in self._rules
        ]
        return sorted(rows, key=lambda row: (-row["alerts"], -row["matches"], row["id"]))

    def _row(self, rule: Head, replay: Replay, version: str | None) -> Json:
        raised, matches = self._raised[rule.id], replay.matches[rule.id]
        return {
            "id": rule.id,
            "version": rule.version,
            "title": rule.title,
            "level": rule.level,
            "runs_here": "no"
            if version is None
            else "same"
            if version == rule.version
            else "other",
            "matches": matches.count,
            "alerts": len(raised.ids),
            "actors": len(raised.actors - {None}),
            "groups": len(raised.groups),
            "first_at": matches.first_time if matches.count else None,
            "last_at": matches.last_time if matches.count else None,
            "examples": [_example(alert) for alert in raised.examples],
            "cannot_fire": replay.silence(rule) if isinstance(rule, Rule) else None,
            "is_feeding": rule.id in self._feeding,
        }

    def _compare(
        self, rule: Head, recorded: Sequence[Json] | None, since: int, until: int
    ) -> Json | None:
        """Compare with the alerts there are, None when the rule does not run here as it is.

        Lost are those with their first or last event in the time asked for that were
        not found again.
        """
        if recorded is None:
            return None
        found = self._raised[rule.id].ids
        known = {alert["id"] for alert in recorded}
        within = {
            alert["id"]
            for alert in recorded
            if any(since <= alert[name] < until for name in ("first_time", "last_time"))
        }
        new, lost = sorted(found - known), sorted(within - found)
        return {
            "alerts": len(within | (found & known)),
            "same": len(found & known),
            "new": len(new),
            "lost": len(lost),
            "new_ids": new[:NEWS_MAX],
            "lost_ids": lost[:NEWS_MAX],
        }


def _standing(rule: Head, version: str | None) -> str:
    """Return whether a rule runs here: `no`, in the `same` version, or in an `other` one."""
    if version is None:
        return "no"
    return "same" if version == rule.version else "other"


def _example(alert: Alert) -> Json:
    return {
        "alert": alert.id,
        "index": alert.first_event.index,
        "time": alert.first_event.time,
        "actor_id": alert.actor,
        "group": dict(alert.group),
        "sentence": alert.sentence or alert.title,
    }
