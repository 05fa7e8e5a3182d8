"""Rates: how often conditions are thought to hold; they decide the speed, never the outcome.

At first a guess by what is asked for: what many rules ask for is what is often
there, the name of a shell, not that of a threat.  Then what a sample of events
has shown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from math import prod

from ombud.detect.columnar.groups import Either, Every, Form, Group, Unless, leaves_of
from ombud.detect.matching.predicates import Network, Number, Predicate, Regex, Text

_HIGHEST = 0.9  # What is certain is known, not guessed.
_EVEN = 0.5  # For absence and agreement.
_WIDE_PREFIX = 8  # Bits; a network so wide is a kind of address, not a place.
_GUESS_WORTH = 8  # Events of a sample that weigh as much as the guess.

# Chance that a text contains a given literal, by its length.
_BY_LENGTH = (1.0, 0.5, 0.3, 0.12, 0.05, 0.03, 0.02, 0.015, 0.012, 0.01)


class Rates:
    """The share of events, 0 to 1, for which each condition is thought to hold."""

    def __init__(self, forms: Sequence[Form]) -> None:
        self._users: Counter[tuple[str | None, Predicate]] = Counter()
        for form in forms:
            for group in {leaf for leaf in leaves_of(form) if isinstance(leaf, Group)}:
                self._users.update((group.field, one) for one in group.predicates)
        self._known: dict[Group, float] = {}

    def of(self, form: Form) -> float:
        """Return the rate of a condition, its parts taken to be independent."""
        match form:
            case Group():
                return self._of_group(form)
            case Every(parts):
                return prod(map(self.of, parts))
            case Either(parts):
                return min(1.0, sum(map(self.of, parts)))
            case Unless(part):
                return 1.0 - self.of(part)
        return _EVEN

    def _of_group(self, group: Group) -> float:
        rate = self._known.get(group)
        if rate is None:
            total = sum(
                min(_HIGHEST, _guess(one) * self._users[group.field, one] ** 0.5)
                for one in group.predicates
            )
            rate = self._known[group] = min(_HIGHEST, total)
        return rate

    def learn(self, hits: Mapping[Group, int], count: int) -> None:
        """Take in how many of so many events each group hit."""
        for group, hit in hits.items():
            guess = self._of_group(group)
            self._known[group] = (hit + _GUESS_WORTH * guess) / (count + _GUESS_WORTH)


def _guess(predicate: Predicate) -> float:
    if isinstance(predicate, Text):
        if predicate.exact is not None:
            return 0.01 if predicate.exact else 0.1
        return _BY_LENGTH[min(len(predicate.literal), len(_BY_LENGTH) - 1)]
    if isinstance(predicate, Number):
        return 0.02
    if isinstance(predicate, Regex):
        return 0.05
    if isinstance(predicate, Network):
        return 0.3 if int(predicate.cidr.rpartition("/")[2]) <= _WIDE_PREFIX else 0.1
    return 0.4
