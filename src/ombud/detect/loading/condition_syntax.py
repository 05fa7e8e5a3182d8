"""Condition syntax: from the text of a condition to and, or and not over names of selections.

The grammar is Sigma's: `and`, `or`, `not`, parentheses, `1 of x*`, `all of them`;
`not` binds closest, then `and`, then `or`.  Its words are reserved: no selection
is reached by a name like `and`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ombud.core.errors import RuleError
from ombud.detect.matching.atoms import Node
from ombud.detect.matching.expressions import REGEX_ENGINE
from ombud.detect.matching.tree import All, Not, Some

CONDITION_LENGTH_MAX = 8192  # Characters; public rules have 400.
DEPTH_MAX = 100  # Levels of `and`, `or`, `not`: what loads must also run, on any stack.

Selection = Callable[[str], Node]

_TOKEN = re.compile(r"\s*(?:([A-Za-z0-9_*-]+)|([()])|(\S))")
_NAME = re.compile(r"[A-Za-z0-9_-]+")
_PATTERN = re.compile(r"[A-Za-z0-9_*]+")
_WORDS = frozenset({"and", "or", "not", "of"})
_QUANTIFIERS = {"1": Some, "any": Some, "all": All}


def condition_tree(text: str, names: Sequence[str], selection: Selection) -> Node:
    """Return the tree of a condition; `selection` gives the node of each of the `names`.

    Raises `RuleError` for what is no condition, and for a name that is not there.
    """
    if "|" in text:
        raise RuleError("a condition with `|` is of Sigma 1: write a correlation")
    if len(text) > CONDITION_LENGTH_MAX:
        raise RuleError(f"`condition` is longer than {CONDITION_LENGTH_MAX} characters")
    return _Parser(text, names, selection).whole()


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    place: int


def _tokens(text: str) -> list[_Token]:
    found = []
    for match in _TOKEN.finditer(text):
        if match[3]:
            raise RuleError(f"condition has `{match[3]}` at character {match.start(3) + 1}")
        found.append(_Token(match[1] or match[2], match.end()))
    return found


class _Parser:
    """Reads one condition by descent, no deeper than `DEPTH_MAX`."""

    def __init__(self, text: str, names: Sequence[str], selection: Selection) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        self._names = names
        self._selection = selection

    def whole(self) -> Node:
        """Return the tree of everything."""
        node = self._either(0)
        if self._peek():
            raise self._unexpected("`and`, `or` or the end")
        return node

    def _peek(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else ""

    def _unexpected(self, wanted: str) -> RuleError:
        found = f"`{self._peek()}`" if self._peek() else "its end"
        return RuleError(f"condition has {found} where {wanted} is expected")

    def _either(self, depth: int) -> Node:
        return self._joined("or", Some, lambda: self._both(depth))

    def _both(self, depth: int) -> Node:
        return self._joined("and", All, lambda: self._one(depth))

    def _joined(
        self, word: str, join: Callable[[tuple[Node, ...]], Node], read: Callable[[], Node]
    ) -> Node:
        parts = [read()]
        while self._peek() == word:
            self._at += 1
            parts.append(read())
        return parts[0] if len(parts) == 1 else join(tuple(parts))

    def _one(self, depth: int) -> Node:
        if depth >= DEPTH_MAX:
            raise RuleError(f"condition is nested deeper than {DEPTH_MAX} levels")
        text = self._peek()
        if text == "not":
            self._at += 1
            return Not(self._one(depth + 1))
        if text == "(":
            self._at += 1
            node = self._either(depth + 1)
            if self._peek() != ")":
                raise self._unexpected("`)`")
            self._at += 1
            return node
        if text in _QUANTIFIERS and self._follows("of"):
            return self._several(_QUANTIFIERS[text])
        if text in _WORDS or not _NAME.fullmatch(text):
            raise self._unexpected("the name of a selection")
        self._at += 1
        if text not in self._names:
            raise RuleError(f"selection `{text}` is not defined")
        return self._selection(text)

    def _follows(self, word: str) -> bool:
        return self._at + 1 < len(self._tokens) and self._tokens[self._at + 1].text == word

    def _several(self, join: Callable[[tuple[Node, ...]], Node]) -> Node:
        self._at += 2
        pattern = self._peek()
        if not _PATTERN.fullmatch(pattern):
            raise self._unexpected("`them` or a pattern of names")
        self._at += 1
        found = [self._selection(name) for name in named(pattern, self._names)]
        if not found:
            raise RuleError(f"`{pattern}` in the condition does not match any selection")
        return found[0] if len(found) == 1 else join(tuple(found))


def named(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names that a pattern means: names with `_` in front only if it has one too."""
    # RE2, for a pattern may be made of many `*`.
    whole = REGEX_ENGINE.compile(".*" if pattern == "them" else pattern.replace("*", ".*"))
    return [
        name
        for name in names
        if whole.fullmatch(name) and (pattern.startswith("_") or not name.startswith("_"))
    ]
