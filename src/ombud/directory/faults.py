"""Faults: what is wrong with a directory, each with its place, all at once up to a bound."""

from __future__ import annotations

from typing import Any, NamedTuple

from ombud.directory.kinds import LOADED, Row

FAULTS_MAX = 100  # Shown; more say no more about what is wrong with a file.
REASON_MAX = 600  # Characters: a value has 500, and all faults together are an answer.


class Fault(NamedTuple):
    """One fault: file and line, and those of the other row where two contradict each other."""

    file: str
    line: int
    reason: str
    other_file: str = ""
    other_line: int = 0

    def __str__(self) -> str:
        """Return one line for a person."""
        text = f"{_place(self.file, self.line)}: {self.reason}"
        if not self.other_file:
            return text
        if self.other_file == self.file and self.other_line:
            return f"{text}; see line {self.other_line}"
        return f"{text}; see {_place(self.other_file, self.other_line)}"

    def to_dict(self) -> dict[str, Any]:
        """Return it for programs."""
        other = {"other_file": self.other_file, "other_line": self.other_line}
        return {
            "file": self.file,
            "line": self.line,
            "reason": self.reason,
            **(other if self.other_file else {}),
        }


def _place(file: str, line: int) -> str:
    return f"{file}:{line}" if line else file


class Faults:
    """Collects faults: the first hundred, and how many there are."""

    def __init__(self) -> None:
        self._kept: list[Fault] = []
        self.count = 0

    def __bool__(self) -> bool:
        """Whether anything is wrong."""
        return self.count > 0

    def add(self, file: str, line: int, reason: str) -> None:
        """Add a fault at a place."""
        self._keep(Fault(file, line, reason))

    def add_row(self, row: Row, reason: str, other: Row | None = None) -> None:
        """Add a fault of a row, or of two that contradict each other."""
        if row.file == LOADED and other is not None:
            row, other = other, row
        where = (other.file, other.line) if other is not None else ()
        self._keep(Fault(row.file, row.line, reason, *where))

    def _keep(self, fault: Fault) -> None:
        self.count += 1
        if len(self._kept) < FAULTS_MAX:
            if len(fault.reason) > REASON_MAX:
                fault = fault._replace(reason=f"{fault.reason[:REASON_MAX]}…")
            self._kept.append(fault)

    @property
    def is_full(self) -> bool:
        """Whether another fault would only be counted."""
        return len(self._kept) >= FAULTS_MAX

    @property
    def shown(self) -> list[Fault]:
        """The faults that are shown, in the order of files and lines."""
        return sorted(self._kept)

    @property
    def more(self) -> int:
        """How many there are beyond those shown."""
        return self.count - len(self._kept)
