"""Original lines: rules put to lines as originals of a source, with nothing else asked of them.

`ombud rules run` moreover says which lines are no records of the source.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ombud.detect.columnar.original_rows import OriginalProjector, OriginalRows
from ombud.detect.columnar.program import Program
from ombud.detect.rule import Rule
from ombud.services.matching import Faults, Found


class OriginalLines:
    """Puts lines to every one of the rules; `source` names fields as its originals have them."""

    def __init__(self, rules: Sequence[Rule], source: str | None = None) -> None:
        self._program = Program(rules)
        self._projector = OriginalProjector(source)

    def match(self, lines: Sequence[bytes]) -> tuple[Found, Faults]:
        """Return what matched, in order of lines and rules."""
        return self._program.match(OriginalRows(lines, self._projector)), ()


def sendable(rules: Sequence[Rule]) -> tuple[Rule, ...]:
    """Return the same rules without what was compiled of them, which cannot be sent."""
    return tuple(replace(rule) for rule in rules)
