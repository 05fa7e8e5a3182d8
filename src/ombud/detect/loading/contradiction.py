"""Contradiction: conditions that no event can meet, as far as it can be proven.

Proven is what holds for every event, lists included: a condition and its
contrary, a value that passes one predicate and so must pass another which none
may pass, a field that must and must not be there.  Two different texts demanded
of one field are no contradiction in an original, whose field may be a list;
they are one in a field of our own events that holds a single value.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ombud.core.fields import BY_NAME, Kind
from ombud.detect.matching.atoms import (
    FieldExists,
    FieldIs,
    FieldIsNull,
    FieldsAgree,
    Keyword,
    Node,
)
from ombud.detect.matching.predicates import Compare, Number, Predicate, Regex, Text, Truth
from ombud.detect.matching.tree import All, Not, Some
from ombud.detect.view import DERIVED_FIELDS

STEPS_MAX = 100_000  # Nodes and pairs looked at; beyond them nothing is claimed.

_SINGLE = frozenset({Kind.TEXT, Kind.INTEGER, Kind.INSTANT, Kind.BOOLEAN, Kind.REAL})
_ABOVE, _BELOW = frozenset({"gt", "gte"}), frozenset({"lt", "lte"})


def is_never(node: Node, *, is_own: bool = False) -> bool:
    """Whether no event can meet the condition; false if that cannot be proven.

    `is_own` says that fields are those of the event model.
    """
    try:
        return _Proof(is_own).is_never((_Demand(node, holds=True),), ())
    except _TooLongError:
        return False


class _TooLongError(Exception):
    """The proof takes more steps than it is given."""


@dataclass(frozen=True, slots=True)
class _Demand:
    """A node that must hold, or must not."""

    node: Node
    holds: bool

    def parts(self) -> tuple[bool | None, tuple[_Demand, ...]]:
        """Return whether all parts are demanded, or one of them; None for an atom."""
        match self.node:
            case Not(part):
                return True, (_Demand(part, not self.holds),)
            case All(parts):
                return self.holds, tuple(_Demand(part, self.holds) for part in parts)
            case Some(parts):
                return not self.holds, tuple(_Demand(part, self.holds) for part in parts)
        return None, ()


class _Proof:
    """Unit propagation: what is demanded is collected, alternatives against it are struck out."""

    def __init__(self, is_own: bool) -> None:
        self._is_own = is_own
        self._steps = 0

    def is_never(self, demands: Iterable[_Demand], known: Iterable[_Demand]) -> bool:
        """Whether these demands cannot be met together with the atoms known to hold or not."""
        atoms = list(known)
        while True:
            choices = self._collect(demands, atoms)
            if choices is None:
                return True
            for choice in choices:
                left = [one for one in choice.parts()[1] if not self.is_never((one,), atoms)]
                if not left:
                    return True
                if len(left) == 1:
                    demands = (left[0], *(other for other in choices if other is not choice))
                    break
            else:
                return False

    def _collect(self, demands: Iterable[_Demand], atoms: list[_Demand]) -> list[_Demand] | None:
        """Add the atoms demanded and return the choices; None if two atoms clash."""
        choices: list[_Demand] = []
        stack = list(demands)
        while stack:
            self._step()
            demand = stack.pop()
            every, parts = demand.parts()
            if every is None:
                if any(self._clash(demand, other) for other in atoms):
                    return None
                atoms.append(demand)
            elif every or len(parts) == 1:
                stack.extend(parts)
            else:
                choices.append(demand)
        return choices

    def _step(self) -> None:
        self._steps += 1
        if self._steps > STEPS_MAX:
            raise _TooLongError

    def _clash(self, one: _Demand, two: _Demand) -> bool:
        self._step()
        if one.holds and two.holds:
            return self._exclude(one.node, two.node) or self._exclude(two.node, one.node)
        if one.holds is two.holds:
            return False
        return _implies(one.node, two.node) if one.holds else _implies(two.node, one.node)

    def _exclude(self, one: Node, two: Node) -> bool:
        """Whether two atoms cannot both be met."""
        match one, two:
            case FieldExists(field, False), FieldIs(other):
                return field == other
            case FieldExists(field, False), FieldsAgree(left, right):
                return field in {left, right}
            case FieldExists(field, exists), FieldExists(other, others):
                return field == other and exists is not others
            case FieldIs(field, predicate), FieldIs(other, others) if field == other:
                return self._is_single(field) and _excluded(predicate, others)
            case FieldIs(field), FieldIsNull(other) if field == other:
                return self._is_single(field)
        return False

    def _is_single(self, name: str) -> bool:
        if not self._is_own:
            return False
        return name in DERIVED_FIELDS or (name in BY_NAME and BY_NAME[name].kind in _SINGLE)


def _implies(one: Node, two: Node) -> bool:
    """Whether every event that meets one atom meets the other."""
    match one, two:
        case FieldIs(field, predicate), FieldIs(other, others):
            return field == other and _follows(predicate, others)
        case Keyword(predicate), Keyword(others):
            return _follows(predicate, others)
        case FieldIs(field), FieldExists(other, True):
            return field == other
        case FieldsAgree(left, right), FieldExists(other, True):
            return other in {left, right}
        case FieldExists(field, False), FieldIsNull(other):
            return field == other
    return one == two


def _follows(one: Predicate, two: Predicate) -> bool:
    """Whether every value that passes one predicate passes the other."""
    if one == two or (isinstance(two, Text) and two.is_any):
        return True
    if not isinstance(one, Text):
        return False
    if one.exact is not None:
        # Case that does not matter leaves several spellings, which only a like pattern folds alike.
        is_known = isinstance(two, Text) and (one.cased or not two.cased)
        return (is_known or (one.cased and isinstance(two, Regex))) and two.check()(one.exact)
    return isinstance(two, Text) and one.cased is two.cased and _is_narrower(one, two)


def _is_narrower(one: Text, two: Text) -> bool:
    """Whether every text like one pattern is like the other, whose form is a simple one."""
    tokens = one.tokens
    if two.infix is not None:
        return any(isinstance(token, str) and two.infix in token for token in tokens)
    if two.prefix is not None:
        return isinstance(tokens[0], str) and tokens[0].startswith(two.prefix)
    if two.suffix is not None:
        return isinstance(tokens[-1], str) and tokens[-1].endswith(two.suffix)
    return False


def _excluded(one: Predicate, two: Predicate) -> bool:
    """Whether no single value passes both."""
    match one, two:
        case Text(), Text():
            if one.exact is not None and (one.cased or not two.cased):
                return not two.check()(one.exact)
            return one.cased is two.cased and _start_apart(one, two)
        case Truth(truth), Truth(other):
            return truth is not other
        case Number(), Number() | Compare(part=None):
            return not two.check()(one.number)
        case Compare(operator, bound, None), Compare(other, limit, None):
            if operator in _ABOVE and other in _BELOW:
                return bound > limit or (bound == limit and (operator, other) != ("gte", "lte"))
    return False


def _start_apart(one: Text, two: Text) -> bool:
    if one.prefix is None or two.prefix is None:
        return False
    return not one.prefix.startswith(two.prefix) and not two.prefix.startswith(one.prefix)
