"""Rule change: one change of what stops, asks, bounds, tells or needs a second person."""

from __future__ import annotations

from typing import NamedTuple

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
