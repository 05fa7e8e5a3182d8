"""Expression set: which of many regular expressions one text has, found in one pass.

RE2 runs all expressions of a set together.  If it runs out of memory it says so
by finding nothing, so the set holds an expression that every text has: when
that is missing, each expression is put to the text by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import re2  # type: ignore[import-untyped]

from ombud.detect.expressions import expression_text
from ombud.detect.predicates import Regex

_MEMORY_MAX = 64 << 20  # Bytes for the automaton of one set, which grows as texts need it.


class ExpressionSet:
    """Numbered regular expressions."""

    def __init__(
        self, expressions: Sequence[tuple[int, Regex]], *, memory_max: int = _MEMORY_MAX
    ) -> None:
        self._numbers = [number for number, _ in expressions]
        self._checks = [expression.check() for _, expression in expressions]
        self._set = _set_of([one for _, one in expressions], memory_max)

    def find(self, text: str) -> list[int]:
        """Return the numbers of the expressions that the text has somewhere."""
        if self._set is not None:
            found = self._set.Match(text) or ()
            if len(self._numbers) in found:
                return [self._numbers[place] for place in found if place < len(self._numbers)]
        return [
            number for number, check in zip(self._numbers, self._checks, strict=True) if check(text)
        ]


def _set_of(expressions: Sequence[Regex], memory_max: int) -> Any:
    """Return the set with the expression that every text has as its last; None if there is none."""
    options = re2.Options()
    options.log_errors = False
    options.max_mem = memory_max
    together = re2.Set.SearchSet(options)
    try:
        for expression in expressions:
            together.Add(expression_text(expression.pattern, expression.flags))
        together.Add("")
        together.Compile()
    except re2.error:  # Too large together.
        return None
    return together
