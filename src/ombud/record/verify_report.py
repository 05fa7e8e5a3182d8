"""Verify report: what was checked, and the first place where the record is wrong."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Fault:
    """The first bad place, below the home, and why it is bad."""

    place: str
    reason: str


@dataclass(slots=True)
class VerifyReport:
    """The outcome of verifying a record; `fault` is None when everything holds.

    `size` and `root` (hex) are of the tree that the events give, `published_size`
    that of the tree head in `log/checkpoint`.  `torn` is the place of a last write
    that was cut short before it was acknowledged: no fault, and gone at the next
    start of the recorder.
    """

    origin: str = ""
    vkey: str = ""
    size: int = 0
    root: str = ""
    published_size: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    torn: str | None = None
    fault: Fault | None = None

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return self.fault is None

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {"ok": self.ok, **asdict(self)}
