"""Expression set: which of many regular expressions one text has, found in one pass.

RE2 runs all expressions of a set together.  If it runs out of memory it says so
by finding nothing, so the set holds an expression that every text has: when
that is missing, each expression is put to the text by itself.

Most texts have none, and asking costs more than looking.  So some texts are put
to the set as the lines of one, which has every expression that a text by itself
has: `^` and `$` also mean the ends of lines there, and a word ends there too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

import re2  # type: ignore[import-untyped]

from ombud.detect.matching.expressions import expression_text
from ombud.detect.matching.predicates import Regex

_LINES = 64  # Texts put to the set as one: if one has something, each is asked by itself.
# What might mean another thing where a text is one of several lines: ends of a text, and flags.
_ALONE = re.compile(r"\\[AzZ]|\(\?(?!:|P?<)")
_MEMORY_MAX = 64 << 20  # Bytes for the automaton of one set, which grows as texts need it.


class ExpressionSet:
    """Numbered regular expressions."""

    def __init__(
        self, expressions: Sequence[tuple[int, Regex]], *, memory_max: int = _MEMORY_MAX
    ) -> None:
        self._numbers = [number for number, _ in expressions]
        self._checks = [expression.check() for _, expression in expressions]
        each = [one for _, one in expressions]
        self._set = _set_of(each, memory_max)
        self._lines = None
        if not any(_ALONE.search(one.pattern) for one in each):
            lines = [Regex(one.pattern, one.flags | re.MULTILINE) for one in each]
            self._lines = _set_of(lines, memory_max)

    def find_all(self, texts: Sequence[str]) -> Iterator[tuple[int, list[int]]]:
        """Yield the place of every text that has some of them, with their numbers."""
        nothing = [len(self._numbers)]
        for start in range(0, len(texts), _LINES):
            some = texts[start : start + _LINES]
            if self._lines is not None and self._lines.Match("\n".join(some)) == nothing:
                continue
            for place, text in enumerate(some, start):
                numbers = self.find(text)
                if numbers:
                    yield place, numbers

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
