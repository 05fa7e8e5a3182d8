"""Words: for which rules of keywords an event is worth a closer look, by its text as a whole.

Every text of an event stands as it is in the text that `Rows.text` gives, or else
its values are put together.  So a keyword can only match where its letters
stand there; numbers may be written otherwise, and letters outside of ASCII may
fold otherwise next to others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import ahocorasick  # type: ignore[import-not-found]
import numpy as np

from ombud.detect.columnar.rows import Rows
from ombud.detect.columnar.screen import Numbers
from ombud.detect.paths import leaves
from ombud.detect.predicates import Predicate, Text
from ombud.detect.values import text_of

_JOIN = "\n"
_ASCII = re.compile(r"[ -~]+")
_NUMBER_LIKE = re.compile(r"[0-9.+\-e]*|in?|nf?|inf|nan?|an?|f", re.IGNORECASE)


def literal_of(predicate: Predicate) -> str | None:
    """Return a text that stands, in lower case, in every event with this keyword, if there is one.

    It is no part of what a number may be written as.
    """
    if not isinstance(predicate, Text):
        return None
    pieces = [
        piece
        for token in predicate.tokens
        if isinstance(token, str)
        for piece in _ASCII.findall(token)
        if not _NUMBER_LIKE.fullmatch(piece)
    ]
    return max(pieces, key=len).lower() if pieces else None


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

    def candidates(self, rows: Rows, span: range) -> tuple[Numbers, Numbers]:
        """Return rules and, for each, the place in the span of an event that speaks for it."""
        found: list[int] = []
        places: list[int] = []
        for place, row in enumerate(span):
            text = rows.text(row)
            if text is None:
                text = _JOIN.join(text_of(value) for _, value in leaves(rows.view(row)))
            rules = {rule for _, some in self._automaton.iter(text.lower()) for rule in some}
            found.extend(rules)
            places.extend([place] * len(rules))
        return np.array(found, np.int64), np.array(places, np.int64)
