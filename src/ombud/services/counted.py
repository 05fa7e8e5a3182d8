"""Counted: whether what an attempt would use is counted, by its purpose or by what it states."""

from __future__ import annotations

from collections.abc import Mapping

from ombud.access.attempt import Attempt
from ombud.access.model import Limits, Policy

# Said in the context of acts whose amount or likeness is counted.
STATED = frozenset({"rows", "bytes", "subjects", "query", "fingerprint"})


class Counted:
    """Knows the purposes of one policy after another of which something is limited by the day."""

    def __init__(self) -> None:
        self._known: tuple[Policy, frozenset[str]] = (Policy(), frozenset())

    def counts(self, attempt: Attempt, policy: Policy) -> bool:
        """Whether a limit by the day applies, or the attempt states an amount."""
        known, purposes = self._known
        if known is not policy:
            purposes = counted_purposes(policy)
            self._known = policy, purposes
        if purposes and (attempt.purpose or policy.when_no_purpose) in purposes:
            return True
        return not STATED.isdisjoint(attempt.context)


def counted_purposes(policy: Policy) -> frozenset[str]:
    """Return the purposes of which something is limited by the day, and all below them."""
    counted = {purpose.id for purpose in policy.purposes if _is_daily(purpose.limits)}
    counted |= {
        purpose.id
        for purpose in policy.purposes
        if any(_is_daily(line.limits) for line in purpose.scope)
    }
    parents = {purpose.id: purpose.parent for purpose in policy.purposes}
    return frozenset(
        purpose for purpose in parents if not counted.isdisjoint(_lineage(purpose, parents))
    )


def _is_daily(limits: Limits) -> bool:
    return not (limits.rows_per_day is limits.bytes_per_day is limits.subjects_per_day is None)


def _lineage(purpose: str, parents: Mapping[str, str | None]) -> set[str]:
    found: set[str] = set()
    step: str | None = purpose
    while step is not None and step not in found:
        found.add(step)
        step = parents.get(step)
    return found
