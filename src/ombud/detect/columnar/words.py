"""Words: for which rules of keywords an event is worth a closer look, by its text as a whole.

The words of an event's values stand in the text that `Rows.texts` gives, or else
the values are put together.  So a
keyword can only match where its letters stand there; numbers may be written
otherwise, quotes and slashes may be escaped, and letters outside of ASCII may fold
otherwise next to others.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

import ahocorasick  # type: ignore[import-not-found]
import numpy as np
import re2  # type: ignore[import-untyped]

from ombud.detect.columnar.plain_text import latin_pattern
from ombud.detect.columnar.rows import Rows
from ombud.detect.columnar.screen import Numbers
from ombud.detect.matching.paths import EventView, leaves
from ombud.detect.matching.predicates import Predicate, Text
from ombud.detect.matching.values import text_of

_WORD = re.compile(r"[ !#-.0-\[\]-~]+")  # Printable ASCII that JSON need not escape.
_NUMBER_LIKE = re.compile(r"[0-9.+\-e]*|in?|nf?|inf|nan?|an?|f", re.IGNORECASE)
_MEMORY_MAX = 64 << 20  # Bytes for the automaton of the literals, which grows as texts need it.
_BETWEEN = b"\n"  # In no literal.


def literal_of(predicate: Predicate) -> str | None:
    """Return a text that stands, in lower case, in every event with this keyword, if there is one.

    It is no part of what a number may be written as; quotes and slashes it has not.
    """
    if not isinstance(predicate, Text):
        return None
    pieces = [
        piece
        for token in predicate.tokens
        if isinstance(token, str)
        for piece in _WORD.findall(token)
        if not _NUMBER_LIKE.fullmatch(piece)
    ]
    return max(pieces, key=len).lower() if pieces else None


def _text_of(view: EventView) -> bytes:
    """Return the values of an event, one after the other."""
    values = "\n".join(text_of(value) for _, value in leaves(view))
    return values.lower().encode("utf-8", "surrogatepass")


class Words:
    """The literals of keywords, each with the rules for which it speaks."""

    def __init__(self, rules: Mapping[Predicate, Sequence[int]]) -> None:
        literals: dict[str, set[int]] = {}
        for predicate, numbers in rules.items():
            literal = literal_of(predicate)
            if literal is None:
                raise ValueError("a keyword without a literal is no witness")
            literals.setdefault(literal, set()).update(numbers)
        self._automaton = ahocorasick.Automaton()
        for literal, known in literals.items():
            self._automaton.add_word(literal, tuple(known))
        self._automaton.make_automaton()
        any_of = "|".join(map(re2.escape, sorted(literals))).encode()
        self._any = latin_pattern(any_of, cased=False, memory_max=_MEMORY_MAX)

    def candidates(self, rows: Rows, span: range) -> tuple[Numbers, Numbers]:
        """Return rules and, for each, the place in the span of an event that speaks for it."""
        texts = rows.texts(span)
        if texts is None:
            texts = [_text_of(rows.view(row)) for row in span]
        found: list[int] = []
        places: list[int] = []
        for place in self._places(texts):
            text = bytes(texts[place]).decode("latin-1").lower()  # ASCII is all that counts.
            rules = {rule for _, some in self._automaton.iter(text) for rule in some}
            found.extend(rules)
            places.extend([place] * len(rules))
        return np.array(found, np.int64), np.array(places, np.int64)

    def _places(self, texts: Sequence[bytes | memoryview]) -> Iterator[int]:
        """Yield the places of texts in which any literal stands: one pass, as most have none."""
        blob = _BETWEEN.join(texts)
        ends = list(accumulate(len(text) + len(_BETWEEN) for text in texts))
        at = 0
        while (seen := self._any.search(blob, at)) is not None:
            place = bisect_right(ends, seen.start())
            yield place
            at = ends[place]
            if at >= len(blob):
                return
