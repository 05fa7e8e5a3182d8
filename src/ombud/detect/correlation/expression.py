"""Expression: a temporal condition in words, as the alternatives that meet it.

`a and (b or not c)` has two: a and b; a without c.  Order within `and` is kept,
for `temporal_ordered` demands it.  Names are those of `rules`, or ids.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from ombud.core.errors import RuleError
from ombud.detect.correlation.model import Alternative

EXPRESSION_LENGTH_MAX = 2048  # Characters.
ALTERNATIVES_MAX = 64  # Ways to meet one condition; each is judged by itself.
DEPTH_MAX = 32  # Levels of parentheses and `not`.

_WORDS = re.compile(r"\s*(\(|\)|[^\s()]+)")
_OPERATORS = frozenset({"and", "or", "not"})

# (needed, absent): one literal after the other, so that the order is kept.
_Way = tuple[tuple[str, ...], frozenset[str]]
_NONE: _Way = ((), frozenset())


def names_of(text: str) -> tuple[str, ...]:
    """Return the rules that an expression names, each once, in order."""
    words = (word for word in _words(text) if word not in {"(", ")"})
    return tuple(dict.fromkeys(word for word in words if word.lower() not in _OPERATORS))


def alternatives_of(
    text: str, rules: Sequence[str], *, is_ordered: bool = False
) -> tuple[Alternative, ...]:
    """Return the ways to meet an expression over `rules`; raises `RuleError`."""
    parser = _Parser(_words(text), is_ordered=is_ordered)
    ways = parser.parse()
    positions = {name: position for position, name in enumerate(rules)}
    unknown = [name for name in names_of(text) if name not in positions]
    if unknown:
        raise RuleError(f"`condition` names `{unknown[0]}`, which is not among `rules`")
    unused = [name for name in rules if name not in names_of(text)]
    if unused:
        raise RuleError(f"`condition` does not name `{unused[0]}`, which is among `rules`")
    found = dict.fromkeys(
        Alternative(
            tuple(positions[name] for name in needed),
            tuple(sorted(positions[name] for name in absent)),
        )
        for needed, absent in ways
        if not absent & set(needed)
    )
    if not found:
        raise RuleError("`condition` contradicts itself: nothing meets it")
    if any(not one.needed for one in found):
        raise RuleError("`condition` is met where nothing happens, which no event can show")
    return tuple(found)


def _words(text: str) -> list[str]:
    if len(text) > EXPRESSION_LENGTH_MAX:
        raise RuleError(f"`condition` is longer than {EXPRESSION_LENGTH_MAX} characters")
    return _WORDS.findall(text)


class _Parser:
    """`not` binds more closely than `and`, and that than `or`."""

    def __init__(self, words: list[str], *, is_ordered: bool) -> None:
        self._words = words
        self._is_ordered = is_ordered
        self._position = 0

    def parse(self) -> list[_Way]:
        ways = self._or(depth=0, holds=True)
        if self._position < len(self._words):
            raise RuleError(f"`condition` is not understood at `{self._words[self._position]}`")
        return ways

    def _next(self) -> str:
        word = self._words[self._position] if self._position < len(self._words) else ""
        return word.lower() if word.lower() in _OPERATORS else word

    # What must not hold is turned on the way down: `not (a and b)` is `not a or not b`.
    def _or(self, depth: int, *, holds: bool) -> list[_Way]:
        parts = [self._and(depth, holds=holds)]
        while self._next() == "or":
            self._position += 1
            parts.append(self._and(depth, holds=holds))
        return _either(parts) if holds else self._both(parts)

    def _and(self, depth: int, *, holds: bool) -> list[_Way]:
        parts = [self._one(depth, holds=holds)]
        while self._next() == "and":
            self._position += 1
            parts.append(self._one(depth, holds=holds))
        return self._both(parts) if holds else _either(parts)

    def _one(self, depth: int, *, holds: bool) -> list[_Way]:
        if depth > DEPTH_MAX:
            raise RuleError(f"`condition` is nested deeper than {DEPTH_MAX} levels")
        word = self._next()
        self._position += 1
        if word == "not":
            return self._one(depth + 1, holds=not holds)
        if word == "(":
            ways = self._or(depth + 1, holds=holds)
            if self._next() != ")":
                raise RuleError("`condition` has a parenthesis without its partner")
            self._position += 1
            return ways
        if not word or word == ")" or word in _OPERATORS:
            raise RuleError(f"`condition` wants a rule before `{word or 'its end'}`")
        return [((word,), frozenset())] if holds else [((), frozenset({word}))]

    def _both(self, parts: list[list[_Way]]) -> list[_Way]:
        ways = [_NONE]
        for part in parts:
            ways = _either([[self._joined(one, other) for one in ways for other in part]])
        return ways

    def _joined(self, one: _Way, other: _Way) -> _Way:
        if self._is_ordered and set(one[0]) & set(other[0]):
            raise RuleError("`condition` names a rule twice in one order of events")
        return (tuple(dict.fromkeys(one[0] + other[0])), one[1] | other[1])


def _either(parts: list[list[_Way]]) -> list[_Way]:
    ways = list(dict.fromkeys(way for part in parts for way in part))
    if len(ways) > ALTERNATIVES_MAX:
        raise RuleError(f"`condition` can be met in more than {ALTERNATIVES_MAX} ways")
    return ways
