"""Difference of rules: in what oversight is loosened or tightened between two policies.

Rules are whatever stops, asks, bounds, tells or needs a second person.  Where it
cannot be told which of two is the stricter, the change counts as loosened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ombud.access.difference_found import (
    CHANGED,
    LOOSENED,
    TIGHTENED,
    Changes,
    condition,
    words,
)
from ombud.access.model import (
    BreakGlass,
    Checkpoint,
    Limits,
    Line,
    Policy,
    Prohibition,
    Purpose,
)
from ombud.access.requests_rules import purpose_approval


class RuleChanges(Changes):
    """The changes of rules from one policy to another."""

    def __init__(self, old: Policy, new: Policy) -> None:
        super().__init__()
        self._prohibitions("policy", old.prohibitions, new.prohibitions)
        self._checkpoints("policy", old.checkpoints, new.checkpoints)
        self._second_person(old, new)
        self._terms(old, new)
        self._vendor(old, new)
        before = {purpose.id: purpose for purpose in old.purposes}
        for purpose in new.purposes:
            if purpose.id in before:
                self._purpose(before[purpose.id], purpose)
                self._decided(before[purpose.id], purpose, old, new)

    def _reach(self, rule: str, place: str, was: Any, now: Any) -> None:
        """Compare where a prohibition or a checkpoint holds."""
        for name in ("actions", "resources", "columns", "classifications", "areas"):
            before, after = getattr(was, name, None), getattr(now, name, None)
            self.narrowing(rule, place, name, before, after)
        if was.type != now.type:
            self.add(rule, place, LOOSENED, f"holds for {now.type}, no longer for {was.type}")
        if was.audience != now.audience:
            self.audience(rule, place, was.audience, now.audience)
        if was.when != now.when:
            effect = TIGHTENED if now.when is None else LOOSENED
            self.add(rule, place, effect, condition(was.when, now.when))

    def _named(
        self, rule: str, place: str, before: Iterable[Any], after: Iterable[Any]
    ) -> Iterable[tuple[str, Any, Any]]:
        """Report rules that came and went, and return those in both."""
        was, now = {one.name: one for one in before}, {one.name: one for one in after}
        for name in (name for name in was if name not in now):
            self.add(rule, f"{place}, {rule} {name}", LOOSENED, "is gone")
        for name in (name for name in now if name not in was):
            self.add(rule, f"{place}, {rule} {name}", TIGHTENED, "is new")
        return [
            (f"{place}, {rule} {name}", was[name], now[name])
            for name in now
            if name in was and was[name] != now[name]
        ]

    def _prohibitions(
        self, place: str, before: tuple[Prohibition, ...], after: tuple[Prohibition, ...]
    ) -> None:
        for where, was, now in self._named("prohibition", place, before, after):
            self._reach("prohibition", where, was, now)
            if was.reason != now.reason:
                self.add("prohibition", where, CHANGED, "gives another reason")

    def _checkpoints(
        self, place: str, before: tuple[Checkpoint, ...], after: tuple[Checkpoint, ...]
    ) -> None:
        rule = "checkpoint"
        for where, was, now in self._named(rule, place, before, after):
            self._reach(rule, where, was, now)
            if was.kind != now.kind:
                self.add(rule, where, LOOSENED, f"is {now.kind}, no longer {was.kind}")
            self.number(rule, where, "rows_min", was.rows_min or 0, now.rows_min or 0)
            self.number(rule, where, "every_minutes", was.every_minutes, now.every_minutes)
            self.number(rule, where, "length_min", -(was.length_min or 0), -(now.length_min or 0))
            for name in ("pattern", "choices", "multiple", "with_text", "per"):
                if getattr(was, name) != getattr(now, name):
                    self.add(rule, where, LOOSENED, f"takes other answers: `{name}` is changed")
            if was.approvers is None or now.approvers is None:
                self.who_may(rule, where, "decided", was.approvers, now.approvers)
            elif was.approvers != now.approvers:
                self.approvers(rule, where, was.approvers, now.approvers)
            if was.verify != now.verify:
                effect = TIGHTENED if now.verify == "refuse" else LOOSENED
                said = "is refused" if now.verify == "refuse" else "is only flagged"
                self.add(rule, where, effect, f"what facts contradict {said}")
            if was.prompt != now.prompt:
                self.add(rule, where, CHANGED, "asks in other words")

    def _limits(self, place: str, was: Limits, now: Limits) -> None:
        for name in was.__struct_fields__:
            self.number("limit", place, name, getattr(was, name), getattr(now, name))

    def _decided(self, was: Purpose, now: Purpose, old: Policy, new: Policy) -> None:
        """Compare who decides on requests for a purpose that was not open without any."""
        is_same = (was.approval, was.owner, was.parent) == (now.approval, now.owner, now.parent)
        if not (was.standing or is_same):
            before, after = (purpose_approval(policy, now.id) for policy in (old, new))
            self.approval(f"purpose {now.id}", before, after)

    def _purpose(self, was: Purpose, now: Purpose) -> None:
        place = f"purpose {now.id}"
        self._prohibitions(place, was.prohibitions, now.prohibitions)
        self._checkpoints(place, was.checkpoints, now.checkpoints)
        self.who_may("approval", place, "asked for", was.requesters, now.requesters)
        if was.owner != now.owner:
            self.add("approval", place, LOOSENED, f"is owned by {now.owner or 'nobody'}")
        self._limits(place, was.limits, now.limits)
        for name in ("days_max", "unused_days", "recertify_days"):
            self.number("approval", place, name, getattr(was, name), getattr(now, name))
        if was.standing != now.standing:
            effect = LOOSENED if now.standing else TIGHTENED
            self.add("approval", place, effect,
                      f"{'no longer' if now.standing else 'now'} needs a grant")  # fmt: skip
        if was.acknowledgement != now.acknowledgement:
            effect = LOOSENED if now.acknowledgement is None else CHANGED
            effect = TIGHTENED if was.acknowledgement is None else effect
            text = {LOOSENED: "no longer to be", TIGHTENED: "now to be"}.get(effect, "otherwise")
            self.add("checkpoint", place, effect, f"is {text} acknowledged")
        if was.parent != now.parent and now.parent is not None:
            text = f"is now below {now.parent}: a grant for that is one for this"
            self.add("tree", place, LOOSENED, text)
        if was.parent != now.parent and was.parent is not None:
            # Rules, an end and prohibitions of data that held for it there are left behind.
            self.add("tree", place, LOOSENED, f"is no longer below {was.parent}")
        self._break_glass(place, was.break_glass, now.break_glass)
        for known, line in _paired(was.scope, now.scope):
            where = f"{place}, line {line.name}"
            self._limits(where, known.limits, line.limits)
            self.told("notify", where, known.notify, line.notify)
            if known.watermark != line.watermark:
                effect = TIGHTENED if line.watermark else LOOSENED
                text = f"{'now' if line.watermark else 'no longer'} marks what is shown"
                self.add("watermark", where, effect, text)

    def _break_glass(self, place: str, was: BreakGlass | None, now: BreakGlass | None) -> None:
        rule = "break_glass"
        if was is None or now is None:
            if was is not now:
                effect = TIGHTENED if now is None else LOOSENED
                said = "can no longer" if now is None else "can now"
                self.add(rule, place, effect, f"{said} be used without a grant in an emergency")
            return
        more = set(now.reasons) - set(was.reasons)
        fewer = set(was.reasons) - set(now.reasons)
        if more:
            self.add(rule, place, LOOSENED, f"emergencies: {words(more)} too")
        if fewer:
            self.add(rule, place, TIGHTENED, f"emergencies: no longer {words(fewer)}")
        self.told(rule, place, was.notify, now.notify)
        for name in ("minutes_max", "decide_working_days"):
            self.number(rule, place, name, getattr(was, name), getattr(now, name))

    def _second_person(self, old: Policy, new: Policy) -> None:
        rule, place = "second_person", "policy"
        if old.second_person is None or new.second_person is None:
            if old.second_person is not new.second_person:
                effect = TIGHTENED if old.second_person is None else LOOSENED
                said = "now needs" if old.second_person is None else "no longer needs"
                self.add(rule, place, effect, f"a change {said} a second person")
        else:
            self.approval(f"{place}, second person", old.second_person, new.second_person)
        if old.lone_until != new.lone_until and new.lone_until is not None:
            is_longer = old.lone_until is None or new.lone_until > old.lone_until
            effect = LOOSENED if is_longer else TIGHTENED
            said = "may now be changed by one person" if is_longer else "may be so for less long"
            self.add(rule, place, effect, said)

    def _terms(self, old: Policy, new: Policy) -> None:
        for where, was, now in self._named("bar", "policy", old.terms, new.terms):
            self.narrowing("bar", where, "words", was.words, now.words)
            self.narrowing("bar", where, "codes", was.codes, now.codes)
            if was.jurisdiction != now.jurisdiction:
                text = f"holds in {now.jurisdiction}, no longer in {was.jurisdiction}"
                self.add("bar", where, LOOSENED, text)
            if was.reason != now.reason:
                self.add("bar", where, CHANGED, "gives another reason")

    def _vendor(self, old: Policy, new: Policy) -> None:
        rule, place = "vendor", "policy, vendor"
        if old.vendor is not None and new.vendor is None:
            self.add(rule, place, LOOSENED, "no longer needs a reason code")
        elif old.vendor is None and new.vendor is not None:
            self.add(rule, place, TIGHTENED, "now needs a reason code")
        elif old.vendor != new.vendor:
            self.audience(rule, place, old.vendor, new.vendor)
        before = {one.code: one.allowed for one in old.reason_codes}
        after = {one.code: one.allowed for one in new.reason_codes}
        for code in sorted({*before, *after}):
            was, now = before.get(code, False), after.get(code, False)
            if was != now:
                said = "now lets in" if now else "no longer lets in"
                self.add(rule, place, LOOSENED if now else TIGHTENED, f"{said} {code}")


def _paired(was: Iterable[Line], now: Iterable[Line]) -> Iterator[tuple[Line, Line]]:
    """Yield lines with those they were: by name, or, renamed, by what they are about."""
    left = {line.name: line for line in was}
    renamed = []
    for line in now:
        known = left.pop(line.name, None)
        if known is None:
            renamed.append(line)
        else:
            yield known, line
    for line in renamed:
        for known in left.values():
            is_about = set(known.actions) & set(line.actions) and known.type == line.type
            if is_about and set(known.resources) & set(line.resources):
                yield known, line
