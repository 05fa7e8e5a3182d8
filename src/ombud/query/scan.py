"""Scan: the characters of a query, read once from left to right with their columns."""

from __future__ import annotations

import re

from ombud.core.errors import QueryError

PATTERN_COST_MAX = 4_000  # All patterns of a query together, as `check_pattern` reckons.

_SPACE = re.compile(r"\s*")
_BARE = re.compile(r'[^\s()"|]+')
_PATTERN = re.compile(r"/((?:[^/\\]|\\.)*)/(?=[\s)|,]|$)", re.DOTALL)
_BARE_IN_LIST = re.compile(r'[^\s()"|,]+')


class Scanner:
    """A query text and how far it has been read; positions count from 0, columns from 1."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.pattern_cost = 0

    def fault(self, message: str, *, at: int | None = None) -> QueryError:
        """Return the refusal of the query at a position, by default here."""
        return QueryError(message, column=(self.position if at is None else at) + 1)

    def skip_space(self) -> None:
        """Move to the next character that is not white space."""
        found = _SPACE.match(self.text, self.position)
        self.position = found.end() if found else self.position

    @property
    def at_end(self) -> bool:
        """Whether everything has been read."""
        return self.position >= len(self.text)

    def peek(self) -> str:
        """Return the next character, or nothing at the end."""
        return self.text[self.position : self.position + 1]

    def accept(self, literal: str) -> bool:
        """Read the literal if it comes next; says whether it did."""
        if not self.text.startswith(literal, self.position):
            return False
        self.position += len(literal)
        return True

    def accept_pattern(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Read what matches the pattern here, if anything does."""
        found = pattern.match(self.text, self.position)
        if found is not None:
            self.position = found.end()
        return found

    def bare(self, *, in_list: bool = False) -> str:
        """Read up to white space, a quote, a bracket or a bar (in a list: or a comma)."""
        found = self.accept_pattern(_BARE_IN_LIST if in_list else _BARE)
        return found[0] if found else ""

    def quoted(self) -> str:
        """Read a text in double quotes; a backslash keeps the next character as it is."""
        start = self.position
        parts: list[str] = []
        self.position += 1
        while not self.at_end:
            character = self.text[self.position]
            self.position += 1
            if character == '"':
                return "".join(parts)
            if character == "\\" and not self.at_end:
                character = self.text[self.position]
                self.position += 1
            parts.append(character)
        raise self.fault("quote is not closed", at=start)

    def pattern(self) -> tuple[str, int] | None:
        r"""Read `/regular expression/`, if one comes next, with where its text begins.

        A `/` in it is written `\/`.  It ends where a term could: so `/a/b` is a path.
        """
        start = self.position + 1
        found = self.accept_pattern(_PATTERN)
        return None if found is None else (found[1], start)

    def add_cost(self, cost: int, *, at: int) -> None:
        """Reckon with one more pattern; raises `QueryError` when all cost too much."""
        self.pattern_cost += cost
        if self.pattern_cost > PATTERN_COST_MAX:
            raise self.fault("patterns of the query cost too much together", at=at)
