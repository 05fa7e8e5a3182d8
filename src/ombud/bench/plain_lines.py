"""Plain lines: every rule put to every line, one after the other; the oracle, and a baseline."""

from __future__ import annotations

from collections.abc import Sequence

from ombud.detect.rule import Rule
from ombud.detect.view import view_of_original
from ombud.services.matching import Faults, Found


class PlainLines:
    """The plain matcher over lines."""

    def __init__(self, rules: Sequence[Rule], source: str | None = None) -> None:
        self._rules = tuple(rules)
        self._source = source

    def match(self, lines: Sequence[bytes]) -> tuple[Found, Faults]:
        """Return what matched, in order of lines and rules."""
        found: list[tuple[int, int]] = []
        for row, line in enumerate(lines):
            view = view_of_original(line, self._source)
            found += [(row, at) for at, rule in enumerate(self._rules) if rule.matches(view)]
        return found, ()
