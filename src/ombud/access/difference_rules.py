"""Difference of rules: in what oversight is loosened or tightened between two policies.

Rules are whatever stops, asks, bounds, tells or needs a second person.  Where it
cannot be told which of two is the stricter, the change counts as loosened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ombud.access.difference_duties import duty_changes
from ombud.access.difference_rights import audience_parts, describe_audience
from ombud.access.model import (
    Approval,
    Audience,
    BreakGlass,
    Checkpoint,
    Dataset,
    Limits,
    Line,
    Policy,
    Prohibition,
    Purpose,
)
from ombud.access.requests_rules import dataset_approval
from ombud.access.rule_change import CHANGED, LOOSENED, TIGHTENED, RuleChange


class RuleChanges:
    """Collects the changes from one policy to another."""

    def __init__(self, old: Policy, new: Policy) -> None:
        self.found: list[RuleChange] = []
        self._prohibitions("policy", old.prohibitions, new.prohibitions)
        self._checkpoints("policy", old.checkpoints, new.checkpoints)
        self._second_person(old, new)
        self._terms(old, new)
        self._vendor(old, new)
        self._rest(old, new)
        before = {purpose.id: purpose for purpose in old.purposes}
        for purpose in new.purposes:
            if purpose.id in before:
                self._purpose(before[purpose.id], purpose)
        datasets = {dataset.id: dataset for dataset in old.datasets}
        for dataset in new.datasets:
            if dataset.id in datasets:
                self._dataset(datasets[dataset.id], dataset)
                # Who decides in the end: who is named, the owner, or those of its source.
                pair = (dataset_approval(one, dataset.id) for one in (old, new))
                self._approval(f"dataset {dataset.id}", *pair)
        self.found += duty_changes(old, new)

    def _add(self, rule: str, place: str, effect: str, text: str) -> None:
        self.found.append(RuleChange(rule, place, effect, text))

    def _narrowing(self, rule: str, place: str, name: str, before: Any, after: Any) -> None:
        """Compare lists that say where a rule holds; None is everywhere."""
        if before == after:
            return
        if before is None:
            self._add(rule, place, LOOSENED, f"holds only for {name} {_words(after)}")
        elif after is None:
            self._add(rule, place, TIGHTENED, f"holds for all {name}")
        else:
            gone, added = set(before) - set(after), set(after) - set(before)
            if gone:
                self._add(rule, place, LOOSENED, f"no longer holds for {name} {_words(gone)}")
            if added:
                self._add(rule, place, TIGHTENED, f"now holds for {name} {_words(added)}")

    def _reach(self, rule: str, place: str, was: Any, now: Any) -> None:
        """Compare where a prohibition or a checkpoint holds."""
        for name in ("actions", "resources", "columns", "classifications", "areas"):
            before, after = getattr(was, name, None), getattr(now, name, None)
            self._narrowing(rule, place, name, before, after)
        is_freed = getattr(was, "columns", None) is not None and now.classifications is not None
        if is_freed and now.columns is None:
            # Columns that are named are reached where nobody declared any; classes are not.
            self._add(rule, place, LOOSENED, "holds for columns only where they are declared")
        if was.type != now.type:
            self._add(rule, place, LOOSENED, f"holds for {now.type}, no longer for {was.type}")
        if was.audience != now.audience:
            self._audience(rule, place, was.audience, now.audience)
        if was.when != now.when:
            effect = TIGHTENED if now.when is None else LOOSENED
            self._add(rule, place, effect, _condition(was.when, now.when))

    def _audience(self, rule: str, place: str, was: Audience | None, now: Audience | None) -> None:
        """Compare whom a rule holds for; None is everybody."""
        is_wider = now is None or (was is not None and _is_within(was, now))
        after = "everybody" if now is None else describe_audience(now)
        effect = TIGHTENED if is_wider else LOOSENED
        self._add(rule, place, effect, f"holds for {after}{_who_when(was, now)}")

    def _named(
        self, rule: str, place: str, before: Iterable[Any], after: Iterable[Any]
    ) -> Iterable[tuple[str, Any, Any]]:
        """Report rules that came and went, and return those in both."""
        was, now = {one.name: one for one in before}, {one.name: one for one in after}
        for name in (name for name in was if name not in now):
            self._add(rule, f"{place}, {rule} {name}", LOOSENED, "is gone")
        for name in (name for name in now if name not in was):
            self._add(rule, f"{place}, {rule} {name}", TIGHTENED, "is new")
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
                self._add("prohibition", where, CHANGED, "gives another reason")

    def _checkpoints(
        self, place: str, before: tuple[Checkpoint, ...], after: tuple[Checkpoint, ...]
    ) -> None:
        rule = "checkpoint"
        for where, was, now in self._named(rule, place, before, after):
            self._reach(rule, where, was, now)
            if was.kind != now.kind:
                self._add(rule, where, LOOSENED, f"is {now.kind}, no longer {was.kind}")
            self._number(rule, where, "rows_min", was.rows_min or 0, now.rows_min or 0)
            self._number(rule, where, "every_minutes", was.every_minutes, now.every_minutes)
            self._number(rule, where, "length_min", -(was.length_min or 0), -(now.length_min or 0))
            for name in ("pattern", "choices", "multiple", "with_text", "per"):
                if getattr(was, name) != getattr(now, name):
                    self._add(rule, where, LOOSENED, f"takes other answers: `{name}` is changed")
            if was.approvers != now.approvers:
                self._approvers(
                    rule, where, was.approvers or Audience(), now.approvers or Audience()
                )
            if was.verify != now.verify:
                effect = TIGHTENED if now.verify == "refuse" else LOOSENED
                said = "is refused" if now.verify == "refuse" else "is only flagged"
                self._add(rule, where, effect, f"what facts contradict {said}")
            if was.prompt != now.prompt:
                self._add(rule, where, CHANGED, "asks in other words")

    def _number(self, rule: str, place: str, name: str, before: Any, after: Any) -> None:
        """Compare a number that is stricter the smaller it is; None is no bound."""
        if before == after:
            return
        is_looser = after is None or (before is not None and after > before)
        was, now = (_amount(one) for one in (before, after))
        effect = LOOSENED if is_looser else TIGHTENED
        self._add(rule, place, effect, f"`{name}` is {now}, was {was}")

    def _approvers(self, rule: str, place: str, was: Audience, now: Audience) -> None:
        """Compare who decides: more people, or other ones, is less oversight."""
        more = set(audience_parts(now)) - set(audience_parts(was))
        fewer = set(audience_parts(was)) - set(audience_parts(now))
        if more:
            self._add(rule, place, LOOSENED, f"may now be decided by {_words(more)}")
        if fewer:
            self._add(rule, place, TIGHTENED, f"no longer decided by {_words(fewer)}")
        if was.when != now.when:
            effect = TIGHTENED if was.when is None else LOOSENED
            self._add(rule, place, effect, f"approvers: {_condition(was.when, now.when)}")

    def _approval(self, place: str, was: Approval, now: Approval) -> None:
        if was == now:
            return
        rule = "approval"
        self._number(rule, place, "quorum", -was.quorum, -now.quorum)
        self._approvers(rule, place, was.approvers, now.approvers)
        gone = set(audience_parts(was.barred)) - set(audience_parts(now.barred))
        added = set(audience_parts(now.barred)) - set(audience_parts(was.barred))
        if gone:
            self._add(rule, place, LOOSENED, f"no longer bars {_words(gone)}")
        if added:
            self._add(rule, place, TIGHTENED, f"now bars {_words(added)}")
        if was.barred.when != now.barred.when:
            effect = TIGHTENED if now.barred.when is None else LOOSENED
            self._add(
                rule, place, effect, f"barred: {_condition(was.barred.when, now.barred.when)}"
            )

    def _limits(self, place: str, was: Limits, now: Limits) -> None:
        for name in was.__struct_fields__:
            self._number("limit", place, name, getattr(was, name), getattr(now, name))

    def _told(self, rule: str, place: str, before: Iterable[str], after: Iterable[str]) -> None:
        gone, added = set(before) - set(after), set(after) - set(before)
        if gone:
            self._add(rule, place, LOOSENED, f"no longer tells {_words(gone)}")
        if added:
            self._add(rule, place, TIGHTENED, f"now tells {_words(added)}")

    def _purpose(self, was: Purpose, now: Purpose) -> None:
        place = f"purpose {now.id}"
        self._prohibitions(place, was.prohibitions, now.prohibitions)
        self._checkpoints(place, was.checkpoints, now.checkpoints)
        if not was.standing:
            self._approval(place, was.approval, now.approval)
        self._limits(place, was.limits, now.limits)
        for name in ("days_max", "unused_days", "recertify_days"):
            self._number("approval", place, name, getattr(was, name), getattr(now, name))
        if was.standing != now.standing:
            effect = LOOSENED if now.standing else TIGHTENED
            self._add("approval", place, effect,
                      f"{'no longer' if now.standing else 'now'} needs a grant")  # fmt: skip
        if was.acknowledgement != now.acknowledgement:
            effect = LOOSENED if now.acknowledgement is None else CHANGED
            effect = TIGHTENED if was.acknowledgement is None else effect
            text = {LOOSENED: "no longer to be", TIGHTENED: "now to be"}.get(effect, "otherwise")
            self._add("checkpoint", place, effect, f"is {text} acknowledged")
        if was.parent != now.parent and now.parent is not None:
            text = f"is now below {now.parent}: a grant for that is one for this"
            self._add("tree", place, LOOSENED, text)
        if was.parent != now.parent and was.parent is not None:
            # Rules, an end and prohibitions of data that held for it there are left behind.
            self._add("tree", place, LOOSENED, f"is no longer below {was.parent}")
        self._break_glass(place, was.break_glass, now.break_glass)
        for known, line in _paired(was.scope, now.scope):
            where = f"{place}, line {line.name}"
            self._limits(where, known.limits, line.limits)
            self._told("notify", where, known.notify, line.notify)
            if known.watermark != line.watermark:
                effect = TIGHTENED if line.watermark else LOOSENED
                text = f"{'now' if line.watermark else 'no longer'} marks what is shown"
                self._add("watermark", where, effect, text)

    def _break_glass(self, place: str, was: BreakGlass | None, now: BreakGlass | None) -> None:
        rule = "break_glass"
        if was is None or now is None:
            if was is not now:
                effect = TIGHTENED if now is None else LOOSENED
                said = "can no longer" if now is None else "can now"
                self._add(rule, place, effect, f"{said} be used without a grant in an emergency")
            return
        more = set(now.reasons) - set(was.reasons)
        fewer = set(was.reasons) - set(now.reasons)
        if more:
            self._add(rule, place, LOOSENED, f"emergencies: {_words(more)} too")
        if fewer:
            self._add(rule, place, TIGHTENED, f"emergencies: no longer {_words(fewer)}")
        self._told(rule, place, was.notify, now.notify)
        for name in ("minutes_max", "decide_working_days"):
            self._number(rule, place, name, getattr(was, name), getattr(now, name))

    def _dataset(self, was: Dataset, now: Dataset) -> None:
        place = f"dataset {now.id}"
        if was.intended != now.intended:
            more = set(now.intended or ()) - set(was.intended or ())
            is_looser = was.intended is not None and (now.intended is None or bool(more))
            after = "any purpose" if now.intended is None else _words(now.intended)
            effect = LOOSENED if is_looser else TIGHTENED
            self._add("intended", place, effect, f"is intended for {after}")
        columns = {column.name: column for column in was.columns}
        self._marks(place, "prohibited for", was.prohibited, now.prohibited)
        self._marks(place, "derived from", was.sources, now.sources)
        self._marks(place, "classified", was.classifications, now.classifications)
        for column in now.columns:
            known = columns.get(column.name)
            if known is not None:
                where = f"{place}, column {column.name}"
                self._marks(where, "prohibited for", known.prohibited, column.prohibited)
                self._marks(where, "classified", known.classifications, column.classifications)

    def _marks(self, place: str, what: str, before: Iterable[str], after: Iterable[str]) -> None:
        gone, added = set(before) - set(after), set(after) - set(before)
        if gone:
            self._add("mark", place, LOOSENED, f"is no longer {what} {_words(gone)}")
        if added:
            self._add("mark", place, TIGHTENED, f"is now {what} {_words(added)}")

    def _second_person(self, old: Policy, new: Policy) -> None:
        rule, place = "second_person", "policy"
        if old.second_person is None or new.second_person is None:
            if old.second_person is not new.second_person:
                effect = TIGHTENED if old.second_person is None else LOOSENED
                said = "now needs" if old.second_person is None else "no longer needs"
                self._add(rule, place, effect, f"a change {said} a second person")
        else:
            self._approval(f"{place}, second person", old.second_person, new.second_person)
        if old.lone_until != new.lone_until and new.lone_until is not None:
            is_longer = old.lone_until is None or new.lone_until > old.lone_until
            effect = LOOSENED if is_longer else TIGHTENED
            said = "may now be changed by one person" if is_longer else "may be so for less long"
            self._add(rule, place, effect, said)

    def _terms(self, old: Policy, new: Policy) -> None:
        for where, was, now in self._named("bar", "policy", old.terms, new.terms):
            self._narrowing("bar", where, "words", was.words, now.words)
            self._narrowing("bar", where, "codes", was.codes, now.codes)
            if was.jurisdiction != now.jurisdiction:
                text = f"holds in {now.jurisdiction}, no longer in {was.jurisdiction}"
                self._add("bar", where, LOOSENED, text)

    def _vendor(self, old: Policy, new: Policy) -> None:
        rule, place = "vendor", "policy, vendor"
        if old.vendor is not None and new.vendor is None:
            self._add(rule, place, LOOSENED, "no longer needs a reason code")
        elif old.vendor is None and new.vendor is not None:
            self._add(rule, place, TIGHTENED, "now needs a reason code")
        elif old.vendor != new.vendor:
            self._audience(rule, place, old.vendor, new.vendor)
        before = {one.code: one.allowed for one in old.reason_codes}
        after = {one.code: one.allowed for one in new.reason_codes}
        for code in sorted({*before, *after}):
            was, now = before.get(code, False), after.get(code, False)
            if was != now:
                said = "now lets in" if now else "no longer lets in"
                self._add(rule, place, LOOSENED if now else TIGHTENED, f"{said} {code}")

    def _rest(self, old: Policy, new: Policy) -> None:
        place = "policy"
        if old.when_no_purpose != new.when_no_purpose:
            effect = TIGHTENED if new.when_no_purpose is None else LOOSENED
            said = new.when_no_purpose or "nothing: it is denied"
            self._add("purpose", place, effect, f"an attempt without a purpose is for {said}")
        self._stated(old, new)

    def _stated(self, old: Policy, new: Policy) -> None:
        more = set(new.attributes.stated) - set(old.attributes.stated)
        fewer = set(old.attributes.stated) - set(new.attributes.stated)
        if more:
            text = f"takes the asking program's word for {_words(more)}"
            self._add("stated", "policy", LOOSENED, text)
        if fewer:
            text = f"no longer takes the asking program's word for {_words(fewer)}"
            self._add("stated", "policy", TIGHTENED, text)


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
            is_wide = any("*" in name for name in (*known.resources, *line.resources))
            if is_about and (is_wide or set(known.resources) & set(line.resources)):
                yield known, line


def _is_within(was: Audience, now: Audience) -> bool:
    """Whether an audience surely means everybody that another did."""
    return set(audience_parts(was)) <= set(audience_parts(now)) and now.when in {None, was.when}


def _who_when(was: Audience | None, now: Audience | None) -> str:
    before = was.when if was else None
    after = now.when if now else None
    return "" if before == after else f"; {_condition(before, after)}"


def _condition(before: str | None, after: str | None) -> str:
    if after is None:
        return f"no longer bound to `{before}`"
    return f"bound to `{after}`" + (f", no longer to `{before}`" if before else "")


def _amount(value: int | None) -> str:
    return "unbounded" if value is None else str(abs(value))


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
