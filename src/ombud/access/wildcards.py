"""Wildcards: names that stand for others, `*` for any run of characters."""

from __future__ import annotations

import re
from collections.abc import Iterable


class Names:
    """Some names and wildcards; whether a name is one of them.

    >>> Names(["plates", "court_*"]).match("court_files")
    True
    """

    __slots__ = ("exact", "patterns")

    def __init__(self, names: Iterable[str]) -> None:
        exact = []
        patterns = []
        for name in names:
            if "*" in name:
                patterns.append(_compile(name))
            else:
                exact.append(name)
        self.exact = frozenset(exact)
        self.patterns = tuple(patterns)

    def match(self, name: str) -> bool:
        """Whether the name is one of these."""
        return name in self.exact or any(pattern.fullmatch(name) for pattern in self.patterns)

    def match_any(self, names: Iterable[str]) -> bool:
        """Whether one of the names is one of these."""
        return any(self.match(name) for name in names)


def _compile(name: str) -> re.Pattern[str]:
    # Atomic pieces: each run of text is taken at its first place, so that no name
    # makes the match slow, however many wildcards there are.
    first, *rest = name.split("*")
    pieces = [re.escape(first)]
    pieces += [f"(?>.*?{re.escape(piece)})" for piece in rest[:-1] if piece]
    pieces += [f".*{re.escape(rest[-1])}"]
    return re.compile("".join(pieces), re.DOTALL)
