"""Witness: what must be seen of an event before a rule is worth a closer look.

A witness is a set of groups of which at least one hits whenever the rule
matches.  Of a conjunction any part will do, of a disjunction all parts are
needed, and a negation, a null or an absence has none.  Which witness is chosen
decides the speed and never the outcome: the rare one, on a field that is looked
at for other rules anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from ombud.detect.columnar.groups import Either, Every, Form, Group, Unless, leaves_of
from ombud.detect.columnar.words import literal_of
from ombud.detect.predicates import Network, Number, Predicate, Regex, Text

Witness = frozenset[Group]
Rate = Callable[[Group], float]  # The share of events, 0 to 1, that a group is thought to hit.

_LOOK = 2.0  # Microseconds to decide one rule for one event.
_FIELD = 1.0  # Microseconds to decode and look up one field of one event.
_WHOLE_EVENT = 40.0  # The same of the whole text of an event, for keywords.
_ROUNDS = 3  # Rules draw each other to the same fields; more rounds change nothing.
_WIDE_PREFIX = 8  # Bits; a network so wide is a kind of address, not a place.

# Chance that a text contains a given literal, by its length; a guess that experience confirms.
_BY_LENGTH = (1.0, 0.5, 0.3, 0.12, 0.05, 0.03, 0.02, 0.015, 0.012, 0.01)


def choose_witnesses(forms: Sequence[Form], rate: Rate | None = None) -> list[Witness | None]:
    """Return a witness for each rule, None for those that have none."""
    rate = rate or guessed_rates(forms)
    users: Counter[str | None] = Counter()
    chosen: list[Witness | None] = []
    for _ in range(_ROUNDS):
        chooser = _Chooser(rate, users)
        chosen = [chooser.best(form) for form in forms]
        users = Counter(
            field for witness in chosen if witness for field in {group.field for group in witness}
        )
    return chosen


def guessed_rates(forms: Sequence[Form]) -> Rate:
    """Return how often groups are thought to hit.

    What many rules ask for is what is often there: the name of a shell, not that of a threat.
    """
    users = Counter(
        (leaf.field, predicate)
        for form in forms
        for leaf in {leaf for leaf in leaves_of(form) if isinstance(leaf, Group)}
        for predicate in leaf.predicates
    )
    known: dict[Group, float] = {}

    def rate(group: Group) -> float:
        found = known.get(group)
        if found is None:
            found = known[group] = min(
                0.9,
                sum(
                    min(0.9, _guess(one) * users[group.field, one] ** 0.5)
                    for one in group.predicates
                ),
            )
        return found

    return rate


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


class _Chooser:
    """Weighs witnesses by what they let through and by what looking at their fields costs."""

    def __init__(self, rate: Rate, users: Mapping[str | None, int]) -> None:
        self._rate = rate
        self._users = users
        self._costs: dict[Group, float] = {}

    def best(self, form: Form) -> Witness | None:
        """Return the cheapest witness of a condition that is to hold."""
        found = self._of(form, holds=True)
        return None if found is None else found[1]

    def _of(self, form: Form, *, holds: bool) -> tuple[float, Witness] | None:
        if isinstance(form, Unless):
            return self._of(form.part, holds=not holds)
        if isinstance(form, Group):
            is_seen = form.field is not None or all(map(literal_of, form.predicates))
            return (self._cost(form), frozenset((form,))) if holds and is_seen else None
        if not isinstance(form, Every | Either):
            return None
        found = [self._of(part, holds=holds) for part in form.parts]
        if isinstance(form, Every) is holds:  # Not (a or b) is not a and not b.
            return min((one for one in found if one), key=_cost_of, default=None)
        known = [one for one in found if one]
        if not known or len(known) < len(found):
            return None
        witness = frozenset[Group]().union(*(groups for _, groups in known))
        return sum(cost for cost, _ in known), witness

    def _cost(self, group: Group) -> float:
        cost = self._costs.get(group)
        if cost is None:
            whole = _FIELD if group.field is not None else _WHOLE_EVENT
            share = whole / max(self._users[group.field], 1)
            cost = self._costs[group] = self._rate(group) * _LOOK + share
        return cost


def _cost_of(weighed: tuple[float, Witness]) -> float:
    return weighed[0]
