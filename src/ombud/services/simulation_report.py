"""Simulation report: whom a policy would have denied what, with the events that show it.

People and machines are counted apart, and so are acts that would only have been
stopped at a checkpoint: they would have gone on once it was met.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ombud.access.decision import Decision, Reason
from ombud.services.replayed_acts import PastAct

Json = dict[str, Any]

GROUPS_MAX = 20_000  # Of each list; further ones are counted together.
SHOWN_MAX = 1_000  # Groups of each list in an answer, those with the most denials first.
EVENTS_MAX = 100  # Events of each group.
RUNS_MAX = 200_000  # Runs that are told apart, of all workflows together.
OTHERS = "(others)"
_STOPPED = f"{Reason.CHECKPOINT.value}:"


def fate_of(decision: Decision) -> str:
    """Return what becomes of an act: `permitted`, `stopped` at a checkpoint, or `denied`."""
    if decision.permit:
        return "permitted"
    if decision.reasons and all(reason.startswith(_STOPPED) for reason in decision.reasons):
        return "stopped"
    return "denied"


@dataclass(slots=True)
class Group:
    """What was denied of one person, workflow, dataset or for one reason."""

    acts: int = 0
    first_at: int = 0
    last_at: int = 0
    events: list[int] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    actions: Counter[str] = field(default_factory=Counter)
    runs: set[int] = field(default_factory=set)
    people: set[str] = field(default_factory=set)
    machines: set[str] = field(default_factory=set)

    def add(self, act: PastAct, decision: Decision, who: str) -> None:
        """Count one denial."""
        self.first_at = act.time if not self.acts else min(self.first_at, act.time)
        self.last_at = act.time if not self.acts else max(self.last_at, act.time)
        self.acts += 1
        if len(self.events) < EVENTS_MAX and (not self.events or self.events[-1] != act.event):
            self.events.append(act.event)
        self.reasons.update(decision.reasons)
        self.actions[act.attempt.action] += 1
        seen = self.machines if act.is_machine else self.people
        if len(seen) < GROUPS_MAX:
            seen.add(who)

    def to_dict(self) -> Json:
        """Return the group as answers show it."""
        return {
            "acts": self.acts,
            "first_at": self.first_at,
            "last_at": self.last_at,
            "actions": dict(self.actions.most_common()),
            "reasons": dict(self.reasons.most_common()),
            "events": self.events,
            "people": len(self.people),
            "machines": len(self.machines),
        }


class Denials:
    """The denials of one kind, summed up as they come."""

    def __init__(self) -> None:
        self.total = Group()
        self._by: dict[str, dict[str, Group]] = {
            name: {} for name in ("person", "machine", "workflow", "dataset", "reason")
        }
        self._unknown: set[str] = set()
        self._runs = 0

    def add(self, act: PastAct, decision: Decision, person: str | None) -> None:
        """Count one denial; `person` is who is known to have acted."""
        who = person if person is not None else act.account
        if person is None and not act.is_machine and len(self._unknown) < GROUPS_MAX:
            self._unknown.add(act.account)
        self.total.add(act, decision, who)
        self._group("machine" if act.is_machine else "person", who).add(act, decision, who)
        self._group("dataset", act.dataset).add(act, decision, who)
        for reason in dict.fromkeys(decision.reasons):
            self._group("reason", reason).add(act, decision, who)
        if act.workflow is not None:
            group = self._group("workflow", act.workflow)
            group.add(act, decision, who)
            run = hash((act.workflow, act.run))
            if run not in group.runs and self._runs < RUNS_MAX:
                group.runs.add(run)
                self._runs += 1

    def _group(self, kind: str, name: str) -> Group:
        groups = self._by[kind]
        if name not in groups and len(groups) >= GROUPS_MAX:
            name = OTHERS
        return groups.setdefault(name, Group())

    def to_dict(self) -> Json:
        """Return everything as answers show it."""
        listed: Json = {}
        for kind, groups in self._by.items():
            first = sorted(groups.items(), key=lambda item: (-item[1].acts, item[0]))
            rows = [{kind: name, **one.to_dict()} for name, one in first[:SHOWN_MAX]]
            if kind == "workflow":
                for row, (_, one) in zip(rows, first, strict=False):
                    row["runs"] = len(one.runs)
            if kind == "person":
                for row in rows:
                    row["is_known"] = row["person"] not in self._unknown
            listed[f"by_{kind}"] = rows
            listed[f"{kind}_count"] = len(groups)
        return {
            **self.total.to_dict(),
            "runs": sum(len(one.runs) for one in self._by["workflow"].values()),
            **listed,
        }


class Report:
    """What a simulation found so far."""

    def __init__(self) -> None:
        self.acts = 0
        self.skipped: Counter[str] = Counter()
        self.proposed: Counter[str] = Counter()
        self.in_force: Counter[str] = Counter()
        self.denied = Denials()  # What happened, and the proposed policy denies.
        self.newly = Denials()  # Of these, what the policy in force permits or only stops.
        self.permitted = Denials()  # What the policy in force denies, and the proposed does not.

    def add(self, act: PastAct, proposed: Decision, in_force: Decision, person: str | None) -> None:
        """Count an act, as both policies decide it."""
        self.acts += 1
        new, old = fate_of(proposed), fate_of(in_force)
        self.proposed[new] += 1
        self.in_force[old] += 1
        if new == "denied" and act.happened:
            self.denied.add(act, proposed, person)
            if old != "denied":
                self.newly.add(act, proposed, person)
        elif old == "denied" and new != "denied":
            self.permitted.add(act, in_force, person)

    def to_dict(self) -> Json:
        """Return the report as answers show it."""
        fates = ("permitted", "stopped", "denied")
        return {
            "acts": self.acts,
            "skipped": dict(self.skipped.most_common()),
            "proposed": {fate: self.proposed[fate] for fate in fates},
            "in_force": {fate: self.in_force[fate] for fate in fates},
            "denied": self.denied.to_dict(),
            "newly_denied": self.newly.to_dict(),
            "newly_permitted": self.permitted.to_dict(),
        }


def sentence(denied: Json, days: int) -> str:
    """Return in one sentence whom a policy would have denied what."""
    if not denied["acts"]:
        return f"would have denied nothing in {days} days"
    actions = denied["actions"]
    what = f"{next(iter(actions))}s" if len(actions) == 1 else "acts"
    who = [f"{denied['people']} people" if denied["people"] != 1 else "1 person"]
    if denied["machines"]:
        many = denied["machines"]
        machines = f"{many} machine{'s' if many != 1 else ''}"
        who = [*who, machines] if denied["people"] else [machines]
    runs = f" ({denied['runs']} runs of workflows)" if denied["runs"] else ""
    return f"would have denied {denied['acts']} {what} by {' and '.join(who)} in {days} days{runs}"
