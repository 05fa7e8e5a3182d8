r"""Pattern: a regular expression of RE2, checked and costed before the engine sees it.

RE2 takes time in proportion to text and program, so the size of the program is the
cost; it is reckoned here, a little too high, and bounded.  What RE2 has and is of
no use in a search (`\C`, `\Q`, flags but `i`, `s`, `m`, `U`) is refused as well; what RE2
refuses is refused here, with its place.
Source: the syntax page of RE2, github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import re

LENGTH_MAX = 500  # Characters: what a person can still read.
COST_MAX = 2_000  # Instructions of the program, about: a text of 1 kB takes microseconds.
DEPTH_MAX = 32  # Groups within each other.
REPEAT_MAX = 1_000  # RE2's own bound.

_COUNTED = re.compile(r"\{(\d{1,9})(,(\d{0,9}))?\}", re.ASCII)
_GROUP = re.compile(r"\?(?:P<([A-Za-z_]\w*)>|([imsU]*(?:-[imsU]+)?)([:)]))", re.ASCII)
_POSIX = re.compile(r"\[:\^?([a-z]+):\]", re.ASCII)
_PROPERTY = re.compile(r"[pP](?:([A-Z])|\{\^?([A-Za-z_]+)\})", re.ASCII)
_HEX = re.compile(r"x(?:([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\})", re.ASCII)
_POSIX_NAMES = frozenset(
    (
        *("alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph"),
        *("lower", "print", "punct", "space", "upper", "word", "xdigit"),
    )
)
_CATEGORIES = frozenset(
    (
        *("C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn"),
        *("N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps"),
        *("S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs"),
        *("Arabic", "Cyrillic", "Greek", "Hangul", "Han", "Hebrew", "Latin", "Thai"),
    )
)
_PROPERTY_COST = 300  # A category of Unicode is some hundred ranges of bytes.
_CLASS_COST = 8  # The bytes of UTF-8 that a range or a negation can become.


class PatternError(ValueError):
    """The pattern cannot be used; `at` counts its characters from 0."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


def check_pattern(text: str) -> int:
    """Return what the pattern costs; raises `PatternError` for one that cannot be used."""
    if not text:
        raise PatternError("a pattern is missing between the slashes", 0)
    if len(text) > LENGTH_MAX:
        raise PatternError(f"a pattern has at most {LENGTH_MAX} characters", LENGTH_MAX)
    reader = _Reader(text)
    cost = reader.alternatives(0)
    if reader.at < len(text):
        raise PatternError("bracket of the pattern was never opened", reader.at)
    return cost


class _Reader:
    """Reads a pattern from left to right and adds up what it costs."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.names: set[str] = set()

    def peek(self) -> str:
        return self.text[self.at : self.at + 1]

    def accept(self, literal: str) -> bool:
        if self.text.startswith(literal, self.at):
            self.at += len(literal)
            return True
        return False

    def found(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        match = pattern.match(self.text, self.at)
        self.at = self.at if match is None else match.end()
        return match

    def alternatives(self, depth: int) -> int:
        if depth > DEPTH_MAX:
            raise PatternError(f"pattern nests deeper than {DEPTH_MAX} brackets", self.at)
        cost = self.sequence(depth)
        while self.accept("|"):
            cost += 1 + self.sequence(depth)
        return cost

    def sequence(self, depth: int) -> int:
        total = 1
        while self.peek() not in {"", "|", ")"}:
            start = self.at
            self.nothing_to_repeat()
            total += self.repeated(self.atom(depth), start)
            self.bound(total, start)
        return total

    @staticmethod
    def bound(cost: int, at: int) -> None:
        if cost > COST_MAX:
            raise PatternError("pattern costs too much: repeat less, or fewer characters", at)

    def repeated(self, cost: int, start: int) -> int:
        at = self.at
        counted = self.found(_COUNTED)
        if counted is not None:
            low = int(counted[1])
            high = low if counted[2] is None else int(counted[3]) if counted[3] else None
            if max(low, high or 0) > REPEAT_MAX or (high is not None and high < low):
                raise PatternError(
                    f"`{counted[0]}` is no repetition from 0 to {REPEAT_MAX}, lower bound first", at
                )
            cost = cost * max(1, low + 1 if high is None else high) + 1
            self.bound(cost, start)
        elif self.peek() in {"*", "+", "?"}:
            self.at += 1
            cost += 2
        else:
            return cost
        self.accept("?")  # As few as possible: finds the same events.
        if self.repetition_follows():
            raise PatternError(f"`{self.peek()}` repeats what is repeated already", self.at)
        return cost

    def repetition_follows(self) -> bool:
        return self.peek() in {"*", "+", "?"} or _COUNTED.match(self.text, self.at) is not None

    def nothing_to_repeat(self) -> None:
        if self.repetition_follows():
            raise PatternError(f"nothing stands before `{self.peek()}` to repeat", self.at)

    def atom(self, depth: int) -> int:
        start = self.at
        character = self.text[self.at]
        if character == "(":
            return self.group(depth)
        if character == "[":
            return self.bracket()
        self.at += 1
        if character == "\\":
            return self.escape(start, in_class=False)
        return _CLASS_COST if character == "." else 2

    def group(self, depth: int) -> int:
        start = self.at
        self.at += 1
        if self.peek() == "?":
            opened = self.found(_GROUP)
            if opened is None:
                raise PatternError(
                    "RE2 looks neither ahead nor behind: it has `(?:`, `(?i)` and `(?P<name>`",
                    start,
                )
            if opened[1] is not None:
                if opened[1] in self.names:
                    raise PatternError(f"two groups are called `{opened[1]}`", start)
                self.names.add(opened[1])
            elif opened[3] == ")":
                if not opened[2]:
                    raise PatternError("flags are missing, as in `(?i)`", start)
                self.nothing_to_repeat()
                return 0
        cost = self.alternatives(depth + 1)
        if not self.accept(")"):
            raise PatternError("bracket of the pattern is not closed", start)
        return cost + 2

    def bracket(self) -> int:
        start = self.at
        self.at += 1
        cost = _CLASS_COST if self.accept("^") else 2
        first = True
        while first or self.peek() != "]":
            if self.at >= len(self.text):
                raise PatternError("`[` of the pattern is not closed", start)
            first = False
            cost += self.range()
            self.bound(cost, start)
        self.at += 1
        return cost

    def range(self) -> int:
        start = self.at
        if self.text.startswith("[:", self.at):
            name = self.found(_POSIX)
            if name is None or name[1] not in _POSIX_NAMES:
                raise PatternError("unknown class, write it as `[:alpha:]`", start)
            return _CLASS_COST
        low, cost = self.character()
        following = self.text[self.at + 1 : self.at + 2]
        if self.peek() != "-" or following in {"", "]"}:
            return cost
        if low is None:
            raise PatternError("a range begins with one character", start)
        self.at += 1
        high, _ = self.character()
        if high is None or high < low:
            raise PatternError("a range goes from a lower character to a higher one", start)
        return _CLASS_COST

    def character(self) -> tuple[int | None, int]:
        """Read one character of a class; none stands for a class within it."""
        start = self.at
        self.at += 1
        if self.text[start] != "\\":
            return ord(self.text[start]), 2
        cost = self.escape(start, in_class=True)
        literal = self.text[start + 1 : self.at]
        if literal[0] == "x":
            return int(literal.strip("x{}"), 16), cost
        if literal[0].isalnum():
            plain = {"n": 10, "t": 9, "r": 13, "f": 12, "v": 11, "a": 7}
            return plain.get(literal), cost
        return ord(literal), cost

    def escape(self, start: int, *, in_class: bool) -> int:
        if self.at >= len(self.text):
            raise PatternError("a `\\` at the end escapes nothing", start)
        property_ = self.found(_PROPERTY)
        if property_ is not None:
            name = property_[1] or property_[2]
            if name not in _CATEGORIES:
                raise PatternError(f"unknown category `{name}`, write it as `\\p{{Lu}}`", start)
            return _PROPERTY_COST
        number = self.found(_HEX)
        if number is not None:
            if int(number[1] or number[2], 16) > 0x10FFFF:
                raise PatternError("there is no such character", start)
            return 4
        character = self.text[self.at]
        self.at += 1
        if character in "dwsDWS":
            return _CLASS_COST
        if character in "ntrfva" or (character.isascii() and not character.isalnum()):
            return 2
        if character in "bBAz" and not in_class:
            return 2
        if character.isdigit():
            raise PatternError("RE2 has no back-references", start)
        raise PatternError(f"unknown escape `\\{character}`", start)
