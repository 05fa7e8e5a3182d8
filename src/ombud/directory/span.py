"""Span: what one account means for a stretch of time: whose it is, and where they belonged."""

from __future__ import annotations

from dataclasses import dataclass

BEGINNING = -(4 * 10**18)  # Before and after any calendar, as in the index.
END = 4 * 10**18


@dataclass(frozen=True, slots=True)
class AccountSpan:
    """One account on one system from `begins` up to, and without, `ends` (ms since the epoch).

    `system` is none when the account holds on every system.  `units` is the unit
    and every unit above it, `manager` the person who answers for the unit then,
    acting or not.  Invariant: spans of one account on one system never overlap.
    """

    account: str
    system: str | None
    begins: int
    ends: int
    person: str
    name: str | None = None
    unit: str | None = None
    units: tuple[str, ...] = ()
    role: str | None = None
    manager: str | None = None
    zone: str | None = None
