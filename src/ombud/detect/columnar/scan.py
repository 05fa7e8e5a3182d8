"""Scan: which of many predicates one value meets, found without trying each.

Exact texts are looked up, literals of patterns are found by one automaton and
verified where they stand, regular expressions run together, an address is read
once.  What has no quicker way is tried by its own check.  The outcome is that
of the checks, one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import ahocorasick  # type: ignore[import-not-found]

from ombud.detect.columnar.expression_set import ExpressionSet
from ombud.detect.columnar.networks import Networks
from ombud.detect.predicates import Check, Network, Number, Predicate, Regex, Text, Truth
from ombud.detect.values import is_number, text_of

_ONE_BY_ONE_MAX = 8  # Literals that `in` finds sooner than an automaton does.


@dataclass(slots=True)
class _Literal:
    """What follows from a literal in a text: numbers of predicates, by where it must stand."""

    anywhere: list[int] = field(default_factory=list)
    first: list[int] = field(default_factory=list)
    last: list[int] = field(default_factory=list)
    verified: list[tuple[int, Check]] = field(default_factory=list)


class _Texts:
    """Patterns of texts, all cased or all not; a text to be found in is folded by the caller."""

    def __init__(self) -> None:
        self.exact: dict[str, list[int]] = {}
        self.unaided: list[tuple[int, Check]] = []  # No literal leads to them.
        self.find: Callable[[str, Any, list[int]], None] | None = None
        self._literals: dict[str, _Literal] = {}

    def add(self, number: int, text: Text) -> None:
        if text.exact is not None:
            self.exact.setdefault(text.exact, []).append(number)
            return
        if not text.literal:
            self.unaided.append((number, text.check()))
            return
        literal = self._literals.setdefault(text.literal, _Literal())
        if text.infix is not None:
            literal.anywhere.append(number)
        elif text.prefix is not None:
            literal.first.append(number)
        elif text.suffix is not None:
            literal.last.append(number)
        else:
            literal.verified.append((number, text.check()))

    def close(self) -> None:
        """Make ready what finds the literals added."""
        if not self._literals:
            return
        if len(self._literals) <= _ONE_BY_ONE_MAX:
            self.find = _one_by_one(list(self._literals.items()))
            return
        automaton = ahocorasick.Automaton()
        for text, literal in self._literals.items():
            plain = not (literal.first or literal.last or literal.verified)
            automaton.add_word(text, (literal.anywhere, None if plain else (text, literal)))
        automaton.make_automaton()
        self.find = _by_automaton(automaton)


def _one_by_one(literals: Sequence[tuple[str, _Literal]]) -> Callable[[str, Any, list[int]], None]:
    def find(folded: str, value: Any, found: list[int]) -> None:
        for text, literal in literals:
            if text in folded:
                found += literal.anywhere
                if literal.first and folded.startswith(text):
                    found += literal.first
                if literal.last and folded.endswith(text):
                    found += literal.last
                found += [number for number, check in literal.verified if check(value)]

    return find


def _by_automaton(automaton: Any) -> Callable[[str, Any, list[int]], None]:
    occurrences = automaton.iter

    def find(folded: str, value: Any, found: list[int]) -> None:
        seen: set[str] = set()
        for _, (anywhere, special) in occurrences(folded):
            found += anywhere
            if special is not None and special[0] not in seen:
                text, literal = special
                seen.add(text)
                if literal.first and folded.startswith(text):
                    found += literal.first
                if literal.last and folded.endswith(text):
                    found += literal.last
                found += [number for number, check in literal.verified if check(value)]

    return find


class Scan:
    """Predicates by number, from 0, and which of them a value meets."""

    def __init__(self, predicates: Sequence[Predicate]) -> None:
        self._always: list[int] = []
        self._plain, self._cased = _Texts(), _Texts()
        self._numbers: dict[int | float, list[int]] = {}
        self._truths: dict[bool, list[int]] = {True: [], False: []}
        self._others: list[tuple[int, Check]] = []
        # Text only: numbers and booleans of rules equal their own text, too.
        self._words: dict[str, list[int]] = {}
        networks: list[tuple[int, Network]] = []
        expressions: list[tuple[int, Regex]] = []
        for number, predicate in enumerate(predicates):
            match predicate:
                case Text() if predicate.is_any:
                    self._always.append(number)
                case Text():
                    (self._cased if predicate.cased else self._plain).add(number, predicate)
                case Number(text):
                    self._numbers.setdefault(predicate.number, []).append(number)
                    self._words.setdefault(text, []).append(number)
                case Truth(truth):
                    self._truths[truth].append(number)
                    self._words.setdefault(text_of(truth), []).append(number)
                case Regex():
                    expressions.append((number, predicate))
                case Network():
                    networks.append((number, predicate))
                case _:
                    self._others.append((number, predicate.check()))
        self._plain.close()
        self._cased.close()
        self._others += [*self._plain.unaided, *self._cased.unaided]
        self._expressions = ExpressionSet(expressions) if expressions else None
        self._networks = Networks(networks) if networks else None

    def of_text(self, text: str) -> Iterable[int]:
        """Return the numbers of the predicates that a value that is text meets; may repeat."""
        lower = text.lower()
        found = [*self._always, *self._words.get(lower, ())] if self._words else self._always[:]
        self._find_texts(text, lower, text, found)
        if self._networks is not None:
            found.extend(self._networks.find(text))
        return found

    def of_value(self, value: Any) -> Iterable[int]:
        """Return the numbers of the predicates that a value that is not null meets; may repeat."""
        if isinstance(value, str):
            return self.of_text(value)
        text = text_of(value)
        found = self._always[:]
        self._find_texts(text, text.lower(), value, found)
        if is_number(value):
            found += self._numbers.get(value, ())
        elif isinstance(value, bool):
            found += self._truths[value]
        return found

    def _find_texts(self, text: str, lower: str, value: Any, found: list[int]) -> None:
        plain, cased = self._plain, self._cased
        if plain.exact:
            found += plain.exact.get(lower, ())
        if plain.find is not None:
            plain.find(lower, value, found)
        if cased.exact:
            found += cased.exact.get(text, ())
        if cased.find is not None:
            cased.find(text, value, found)
        if self._expressions is not None:
            found += self._expressions.find(text)
        if self._others:
            found += [number for number, check in self._others if check(value)]
