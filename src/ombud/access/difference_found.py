"""Found changes of rules, and which way each of them goes.

Where it cannot be told which of two is the stricter, the change counts as loosened.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ombud.access.difference_rights import audience_parts, describe_audience
from ombud.access.model import Approval, Audience

LOOSENED, TIGHTENED, CHANGED = "loosened", "tightened", "changed"


class RuleChange(NamedTuple):
    """One change of a rule: of what, where, which way, and in words."""

    rule: str  # `prohibition`, `checkpoint`, `approval`, `limit`…
    place: str
    effect: str
    text: str

    def __str__(self) -> str:
        """Return one line for a person."""
        return f"{self.place}: {self.text}"


class Changes:
    """Collects changes; each method compares one kind of thing that rules are made of."""

    def __init__(self) -> None:
        self.found: list[RuleChange] = []

    def add(self, rule: str, place: str, effect: str, text: str) -> None:
        """Keep one change."""
        self.found.append(RuleChange(rule, place, effect, text))

    def narrowing(self, rule: str, place: str, name: str, before: Any, after: Any) -> None:
        """Compare lists that say where a rule holds; None is everywhere."""
        if before == after:
            return
        if before is None:
            self.add(rule, place, LOOSENED, f"holds only for {name} {words(after)}")
        elif after is None:
            self.add(rule, place, TIGHTENED, f"holds for all {name}")
        else:
            gone, added = set(before) - set(after), set(after) - set(before)
            if gone:
                self.add(rule, place, LOOSENED, f"no longer holds for {name} {words(gone)}")
            if added:
                self.add(rule, place, TIGHTENED, f"now holds for {name} {words(added)}")

    def audience(self, rule: str, place: str, was: Audience | None, now: Audience | None) -> None:
        """Compare whom a rule holds for; None is everybody."""
        is_wider = now is None or (was is not None and _is_within(was, now))
        after = "everybody" if now is None else describe_audience(now)
        effect = TIGHTENED if is_wider else LOOSENED
        self.add(rule, place, effect, f"holds for {after}{_who_when(was, now)}")

    def number(self, rule: str, place: str, name: str, before: Any, after: Any) -> None:
        """Compare a number that is stricter the smaller it is; None is no bound."""
        if before == after:
            return
        is_looser = after is None or (before is not None and after > before)
        was, now = (_amount(one) for one in (before, after))
        effect = LOOSENED if is_looser else TIGHTENED
        self.add(rule, place, effect, f"`{name}` is {now}, was {was}")

    def approvers(self, rule: str, place: str, was: Audience, now: Audience) -> None:
        """Compare who decides: more people, or other ones, is less oversight."""
        more = set(audience_parts(now)) - set(audience_parts(was))
        fewer = set(audience_parts(was)) - set(audience_parts(now))
        if more:
            self.add(rule, place, LOOSENED, f"may now be decided by {words(more)}")
        if fewer:
            self.add(rule, place, TIGHTENED, f"no longer decided by {words(fewer)}")
        if was.when != now.when:
            effect = TIGHTENED if was.when is None else LOOSENED
            self.add(rule, place, effect, f"approvers: {condition(was.when, now.when)}")

    def who_may(
        self, rule: str, place: str, what: str, was: Audience | None, now: Audience | None
    ) -> None:
        """Compare who may do something that others look at; None is anybody."""
        if was == now:
            return
        said = "anybody" if now is None else describe_audience(now)
        is_narrower = was is None or (now is not None and _is_within(now, was))
        effect = TIGHTENED if is_narrower else LOOSENED
        self.add(rule, place, effect, f"may be {what} by {said}{_who_when(was, now)}")

    def approval(self, place: str, was: Approval, now: Approval) -> None:
        """Compare who decides on requests, how many of them, and who must not."""
        if was == now:
            return
        rule = "approval"
        self.number(rule, place, "quorum", -was.quorum, -now.quorum)
        self.approvers(rule, place, was.approvers, now.approvers)
        gone = set(audience_parts(was.barred)) - set(audience_parts(now.barred))
        added = set(audience_parts(now.barred)) - set(audience_parts(was.barred))
        if gone:
            self.add(rule, place, LOOSENED, f"no longer bars {words(gone)}")
        if added:
            self.add(rule, place, TIGHTENED, f"now bars {words(added)}")
        if was.barred.when != now.barred.when:
            effect = TIGHTENED if now.barred.when is None else LOOSENED
            self.add(rule, place, effect, f"barred: {condition(was.barred.when, now.barred.when)}")

    def told(self, rule: str, place: str, before: Iterable[str], after: Iterable[str]) -> None:
        """Compare who is told."""
        gone, added = set(before) - set(after), set(after) - set(before)
        if gone:
            self.add(rule, place, LOOSENED, f"no longer tells {words(gone)}")
        if added:
            self.add(rule, place, TIGHTENED, f"now tells {words(added)}")

    def marks(self, place: str, what: str, before: Iterable[str], after: Iterable[str]) -> None:
        """Compare what data is marked with; each mark binds."""
        gone, added = set(before) - set(after), set(after) - set(before)
        if gone:
            self.add("mark", place, LOOSENED, f"is no longer {what} {words(gone)}")
        if added:
            self.add("mark", place, TIGHTENED, f"is now {what} {words(added)}")


def _is_within(was: Audience, now: Audience) -> bool:
    """Whether an audience surely means everybody that another did."""
    return set(audience_parts(was)) <= set(audience_parts(now)) and now.when in {None, was.when}


def _who_when(was: Audience | None, now: Audience | None) -> str:
    before = was.when if was else None
    after = now.when if now else None
    return "" if before == after else f"; {condition(before, after)}"


def condition(before: str | None, after: str | None) -> str:
    """Return in words how a condition changes."""
    if after is None:
        return f"no longer bound to `{before}`"
    return f"bound to `{after}`" + (f", no longer to `{before}`" if before else "")


def _amount(value: int | None) -> str:
    return "unbounded" if value is None else str(abs(value))


def words(names: Iterable[str]) -> str:
    """Return names as a sentence lists them."""
    return ", ".join(sorted(names))
