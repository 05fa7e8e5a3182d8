"""Raw lines: rules put to lines as they stand in a file, the originals of one source.

Only rules about originals are asked here: what a rule of product `ombud` sees is an
event, which a line must become first.
"""

from __future__ import annotations

from collections.abc import Sequence

from ombud.detect.columnar.original_rows import OriginalProjector, OriginalRows
from ombud.detect.columnar.program import Program
from ombud.detect.rule import Rule
from ombud.services.matching import Faults, Found, PartLines


class RawLines:
    """Puts lines to every one of the rules; `source` names fields as its originals have them."""

    def __init__(self, rules: Sequence[Rule], source: str | None = None) -> None:
        self._program = Program(rules)
        self._projector = OriginalProjector(source)

    def match(self, lines: Sequence[bytes]) -> tuple[Found, Faults]:
        """Return what matched, in order of lines and rules."""
        text = lines.text if isinstance(lines, PartLines) else None
        return self._program.match(OriginalRows(lines, self._projector, blob=text)), ()
