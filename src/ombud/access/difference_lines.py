"""Difference of lines: what decides with less oversight because other lines are tried first.

The first line that matches decides, with its own limits, notices and watermark.  A line
that is new, moved up or made wider may take acts from one that was stricter in these.
"""

from __future__ import annotations

from ombud.access.difference_rights import Right, Rights, compare_rights
from ombud.access.rule_change import LOOSENED, TIGHTENED, RuleChange


class LineChanges:
    """Collects the changes of oversight that come of the order and the width of lines."""

    def __init__(self, was: Rights, now: Rights) -> None:
        self.found: dict[RuleChange, None] = {}
        for key in sorted({*was.held} & {*now.held}):
            before, after = was.held[key], now.held[key]
            self._walk(f"purpose {key[1]}", before, after, LOOSENED)
            self._walk(f"purpose {key[1]}", after, before, TIGHTENED)

    def _walk(
        self, place: str, strict: tuple[Right, ...], free: tuple[Right, ...], effect: str
    ) -> None:
        for right in free:
            for known in strict:
                if known.line != right.line and takes_over(known, right, strict, free):
                    line = right.line if effect == LOOSENED else known.line
                    self._compare(f"{place}, line {line}", known, right, effect)

    def _compare(self, place: str, strict: Right, free: Right, effect: str) -> None:
        is_lowered = effect == LOOSENED
        for name in strict.limits.__struct_fields__:
            low, high = getattr(strict.limits, name), getattr(free.limits, name)
            if low is not None and (high is None or high > low):
                said = "unbounded" if high is None else str(high)
                now, was = (said, low) if is_lowered else (low, said)
                self._tell("limit", place, effect, f"`{name}` is {now}, was {was}")
        gone = set(strict.notify) - set(free.notify)
        if gone:
            told = "no longer tells" if is_lowered else "now tells"
            self._tell("notify", place, effect, f"{told} {', '.join(sorted(gone))}")
        if strict.watermark and not free.watermark:
            marks = "no longer marks" if is_lowered else "now marks"
            self._tell("watermark", place, effect, f"{marks} what is shown")

    def _tell(self, rule: str, place: str, effect: str, text: str) -> None:
        self.found[RuleChange(rule, place, effect, text)] = None


def takes_over(
    known: Right, right: Right, before: tuple[Right, ...], after: tuple[Right, ...]
) -> bool:
    """Whether a line may now decide on acts that another one decided on before."""
    earlier = before[: before.index(known)]
    if any(one.line == right.line and not compare_rights(one, right)[0] for one in earlier):
        return False  # It came first then already, and is no wider.
    ahead = after[: after.index(right)]
    return not any(one.line == known.line and not compare_rights(known, one)[1] for one in ahead)
