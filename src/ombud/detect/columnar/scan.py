"""Scan: which of many predicates a value meets, found without trying each.

Patterns are found by their literals, regular expressions run together, an
address is read once.  What has no quicker way is tried by its own check.  The
outcome is that of the checks, one by one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from ombud.detect.columnar.expression_set import ExpressionSet
from ombud.detect.columnar.networks import Networks
from ombud.detect.columnar.patterns import Found, FoundAt, Patterns
from ombud.detect.matching.predicates import Check, Network, Number, Predicate, Regex, Text, Truth
from ombud.detect.matching.values import is_number, text_of


class Scan:
    """Predicates by number, from 0, and which of them a value meets."""

    def __init__(self, predicates: Sequence[Predicate]) -> None:
        self._always: list[int] = []
        self._plain, self._cased = Patterns(), Patterns()
        self._numbers: dict[int | float, list[int]] = {}
        self._truths: dict[bool, list[int]] = {True: [], False: []}
        # Of values that are texts: numbers and booleans of rules equal their own text, too.
        self._words: dict[str, list[int]] = {}
        self._others: list[tuple[int, Check]] = []
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
        # Of the ways to find something in a text, those that take one text at a time.
        self._finders: list[Callable[[str], Found]] = []
        self._finders += [Networks(networks).find] if networks else []
        self._finders += [self._try_others] if self._others else []

    def of_texts(self, texts: Sequence[str]) -> FoundAt:
        """Return by place which predicates each value meets, all being texts; may repeat."""
        found: FoundAt = defaultdict(list)
        if self._always:
            found.update((place, self._always[:]) for place in range(len(texts)))
        lowers = list(map(str.lower, texts))
        self._plain.find_all(lowers, texts, found)
        self._cased.find_all(texts, texts, found)
        if self._words:
            for place, lower in enumerate(lowers):
                if lower in self._words:
                    found[place] += self._words[lower]
        if self._expressions is not None:
            for place, numbers in self._expressions.find_all(texts):
                found[place] += numbers
        for find in self._finders:
            for place, text in enumerate(texts):
                numbers = find(text)
                if numbers:
                    found[place] += numbers
        return found

    def of_value(self, value: Any) -> Found:
        """Return which predicates a value meets that is not null; may repeat."""
        if isinstance(value, str):
            return self.of_texts([value]).get(0, [])
        text = text_of(value)
        found = self._always[:]
        self._plain.find(text.lower(), value, found)
        self._cased.find(text, value, found)
        if self._expressions is not None:
            found += self._expressions.find(text)
        if is_number(value):
            found += self._numbers.get(value, ())
        elif isinstance(value, bool):
            found += self._truths[value]
        found += self._try_others(value)
        return found

    def _try_others(self, value: Any) -> Found:
        return [number for number, check in self._others if check(value)]
