"""Witness: what must be seen of an event before a rule is worth a closer look.

A witness is a set of groups of which at least one hits whenever the rule
matches.  Of a conjunction any part will do, of a disjunction all parts are
needed, and a negation, a null or an absence has none.  Which witness is chosen
decides the speed and never the outcome: the rare one, on a field that is looked
at for other rules anyway.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from ombud.detect.columnar.groups import Either, Every, Form, Group, Unless
from ombud.detect.columnar.rates import Rates
from ombud.detect.columnar.words import literal_of

Witness = frozenset[Group]
Users = Counter[str | None]  # How many witnesses ask for each field.

_LOOK = 2.0  # Microseconds to decide one rule for one event.
_FIELD = 1.0  # Microseconds to decode and look up one field of one event.
_WHOLE_EVENT = 4.0  # The same of the whole text of an event, for keywords.
_ROUNDS = 3  # Rules draw each other to the same fields; more rounds change nothing.


def choose_witnesses(forms: Sequence[Form], rates: Rates) -> list[Witness | None]:
    """Return a witness for each rule, None for those that have none."""
    users: Users = Counter()
    chosen: list[Witness | None] = []
    for _ in range(_ROUNDS):
        chooser = Chooser(rates, users)
        chosen = [chooser.best(form) for form in forms]
        users = users_of(chosen)
    return chosen


def users_of(witnesses: Iterable[Witness | None]) -> Users:
    """Return how many of these witnesses ask for each field."""
    return Counter(
        field for witness in witnesses if witness for field in {group.field for group in witness}
    )


class Chooser:
    """Weighs witnesses by what they let through and by what looking at their fields costs."""

    def __init__(self, rates: Rates, users: Mapping[str | None, int]) -> None:
        self._rates = rates
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
        known = [one for one in found if one]
        if isinstance(form, Every) is holds:  # Not (a or b) is not a and not b.
            return min(known, key=_cost_of, default=None)
        if not known or len(known) < len(found):
            return None
        witness = frozenset[Group]().union(*(groups for _, groups in known))
        return sum(cost for cost, _ in known), witness

    def _cost(self, group: Group) -> float:
        cost = self._costs.get(group)
        if cost is None:
            whole = _FIELD if group.field is not None else _WHOLE_EVENT
            share = whole / max(self._users.get(group.field, 0), 1)
            cost = self._costs[group] = self._rates.of(group) * _LOOK + share
        return cost


def _cost_of(weighed: tuple[float, Witness]) -> float:
    return weighed[0]
