"""Patterns: which of many patterns of texts a text has, found by the literals in them.

Exact texts are looked up.  Of patterns that say how a text ends, most name the
end of a path, so the last part of the text is looked up.  All other literals
are found by one automaton or, if they are few, one by one.  Texts come folded
as the patterns are: in lower case, or as they are if these are cased.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress, count
from typing import Any

import ahocorasick  # type: ignore[import-not-found]

from ombud.detect.matching.predicates import Check, Text

_FEW = 24  # Literals that are found sooner one by one, in many texts joined; and suffixes.
_JOIN = "\n"
_SEPARATORS = ("\\", "/", ".", " ")

Found = list[int]  # Numbers of patterns, which may repeat.
FoundAt = defaultdict[int, Found]


@dataclass(slots=True, eq=False)
class _Literal:
    """What follows from a literal in a text: numbers of patterns, by where it must stand."""

    text: str
    anywhere: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    checked: list[tuple[int, Check]] = field(default_factory=list)

    def collect(self, folded: str, value: Any, found: Found) -> None:
        """Add the patterns that the text has, in which the literal stands somewhere."""
        found += self.anywhere
        if self.first and folded.startswith(self.text):
            found += self.first
        if self.last and folded.endswith(self.text):
            found += self.last
        for number, check in self.checked:
            if check(value):
                found.append(number)


class Patterns:
    """Numbered patterns, all cased or none; `close` them when all are added."""

    def __init__(self) -> None:
        self.unaided: list[tuple[int, Check]] = []  # No literal leads to them: not found here.
        self._exact: dict[str, list[int]] = {}
        self._suffixes: list[tuple[str, int]] = []
        self._ends: dict[str, dict[str, list[tuple[str, int]]]] = {}
        self._literals: dict[str, _Literal] = {}
        self._few: list[_Literal] = []
        self._automaton: Any = None

    def add(self, number: int, text: Text) -> None:
        """Add a pattern."""
        if text.exact is not None:
            self._exact.setdefault(text.exact, []).append(number)
        elif not text.literal:
            self.unaided.append((number, text.check()))
        elif text.suffix is not None:
            self._suffixes.append((text.suffix, number))
        else:
            literal = self._literal(text.literal)
            if text.infix is not None:
                literal.anywhere.append(number)
            elif text.prefix is not None:
                literal.first.append(number)
            else:
                literal.checked.append((number, text.check()))

    def _literal(self, text: str) -> _Literal:
        return self._literals.setdefault(text, _Literal(text))

    def close(self) -> None:
        """Make ready what finds the patterns added."""
        self._close_suffixes()
        if len(self._literals) <= _FEW:
            self._few = list(self._literals.values())
            return
        self._automaton = ahocorasick.Automaton()
        for text, literal in self._literals.items():
            self._automaton.add_word(text, literal)
        self._automaton.make_automaton()

    def _close_suffixes(self) -> None:
        """Part the suffixes by their separator; where these are few, they are literals."""
        parted: dict[str | None, list[tuple[str, int]]] = {}
        for suffix, number in self._suffixes:
            separator = next((one for one in _SEPARATORS if one in suffix), None)
            parted.setdefault(separator, []).append((suffix, number))
        for separator, some in parted.items():
            if separator is None or len(some) <= _FEW:
                for suffix, number in some:
                    self._literal(suffix).last.append(number)
                continue
            ends = self._ends[separator] = {}
            for suffix, number in some:
                ends.setdefault(suffix[suffix.rfind(separator) :], []).append((suffix, number))

    def find(self, folded: str, value: Any, found: Found) -> None:
        """Add to `found` the patterns that the text of a value has."""
        self._look_up(folded, found)
        for literal in self._standing(folded):
            literal.collect(folded, value, found)

    def find_all(self, folded: Sequence[str], values: Sequence[str], found: FoundAt) -> None:
        """Do the same for many values that are texts; `found` is by place, for those with any."""
        if self._exact:
            for place in _places_in(self._exact, folded):
                found[place] += self._exact[folded[place]]
        for separator, ends in self._ends.items():
            last = [text[max(text.rfind(separator), 0) :] for text in folded]
            for place in _places_in(ends, last):
                found[place] += _ending(ends[last[place]], folded[place])
        if self._automaton is not None:
            self._run_all(folded, values, found)
        elif self._few:
            self._try_all(folded, values, found)

    def _run_all(self, folded: Sequence[str], values: Sequence[str], found: FoundAt) -> None:
        occurrences = self._automaton.iter
        for place, text in enumerate(folded):
            standing = [literal for _, literal in occurrences(text)]
            if standing:
                for literal in set(standing):
                    literal.collect(text, values[place], found[place])

    def _try_all(self, folded: Sequence[str], values: Sequence[str], found: FoundAt) -> None:
        """Look for each literal in all texts together, since most are in none."""
        joined = _JOIN.join(folded)
        for literal in self._few:
            if literal.text in joined:
                for place, text in enumerate(folded):
                    if literal.text in text:
                        literal.collect(text, values[place], found[place])

    def _look_up(self, folded: str, found: Found) -> None:
        numbers = self._exact.get(folded)
        if numbers is not None:
            found += numbers
        for separator, ends in self._ends.items():
            found += _ending(ends.get(folded[max(folded.rfind(separator), 0) :], ()), folded)

    def _standing(self, folded: str) -> Iterator[_Literal]:
        """Yield the literals in a text, once each."""
        if self._automaton is not None:
            yield from {literal for _, literal in self._automaton.iter(folded)}
        else:
            yield from (literal for literal in self._few if literal.text in folded)


def _places_in(known: Mapping[str, Any], texts: Sequence[str]) -> Iterator[int]:
    """Yield the places of the texts that are known."""
    return compress(count(), map(known.__contains__, texts))


def _ending(suffixes: Sequence[tuple[str, int]], text: str) -> Found:
    return [number for suffix, number in suffixes if text.endswith(suffix)]
