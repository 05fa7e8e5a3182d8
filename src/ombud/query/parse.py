"""Parser: query text to tree, by recursive descent; every refusal names its column.

```
query = [or] ["|" shape]           shape = see `shape`
or    = and {"OR" and}          and  = unary {["AND"] unary}
unary = ["-" | "NOT"] atom      atom = "(" or ")" | term
term  = field ":" value | field operator value | "has:" field | "is:" flag
      | "last:" duration | "since:" instant | "until:" instant | instant ".." instant
      | "day:" days | "subject:" kind ":" value | "near:(" lat "," lon "," radius ")"
      | "tz:" zone | quoted | "/" pattern "/" | word
```
"""

from __future__ import annotations

import re

from ombud.core.errors import QueryError
from ombud.core.fields import Kind
from ombud.query.names import (
    ATTRIBUTES_PREFIX,
    FLAGS,
    LATER_FIELDS,
    PRESENCE_ONLY,
    QueryField,
    suggest,
)
from ombud.query.scan import Scanner
from ombud.query.shape import Shape, get_field, read_shape
from ombud.query.terms import read_days, read_near, read_pattern, read_subject, read_test
from ombud.query.tree import (
    Ago,
    And,
    Between,
    Compare,
    Has,
    Is,
    Match,
    Moment,
    Node,
    Not,
    Or,
    Query,
    Word,
    WordPattern,
)
from ombud.query.values import parse_duration, parse_instant, parse_time_of_day
from ombud.query.zones import zone_names

TEXT_MAX = 4096  # Characters: a screenful, and bounds every other cost.
DEPTH_MAX = 32  # Brackets and negations within each other; the engine nests no deeper.
TERMS_MAX = 256  # Each is a test on every event searched.

_FIELD = re.compile(r"(attributes\.[\w.@/-]+|[A-Za-z_][A-Za-z0-9_.]*)(:|>=|<=|>|<|=)")
_INSTANTS = re.compile(r"\d{4}-\d\d-\d\d")
_KEYWORD = re.compile(r"(?:OR|AND|NOT)(?=[\s()\"]|$)")


def parse_query(text: str) -> Query:
    """Return the query that the text means; an empty text asks for all events.

    Raises `QueryError` with the column of the first fault and, where there is
    one, a suggestion.
    """
    if len(text) > TEXT_MAX:
        raise QueryError(f"query is longer than {TEXT_MAX} characters", column=TEXT_MAX + 1)
    return _Parser(text).query()


class _Parser(Scanner):
    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.terms = 0
        self.zone: str | None = None

    def query(self) -> Query:
        self.skip_space()
        where = None if self.at_end or self.peek() == "|" else self.either(0)
        self.skip_space()
        shape = read_shape(self) if self.accept("|") else Shape()
        self.skip_space()
        if self.accept(")"):
            raise self.fault("bracket was never opened", at=self.position - 1)
        if not self.at_end:
            raise self.fault("a query has one `|` at most, at its end")
        return Query(where, shape.count_by, shape.top, shape.measure, self.zone)

    def either(self, depth: int) -> Node | None:
        """Read alternatives; none stands for a query of nothing but `tz:`."""
        parts = [self.both(depth)]
        while self.keyword("OR"):
            parts.append(self.both(depth))
        named = tuple(part for part in parts if part is not None)
        if len(parts) > 1 and len(named) < len(parts):
            raise self.fault("something to search for is missing beside `OR`")
        return Or(named) if len(parts) > 1 else parts[0]

    def both(self, depth: int) -> Node | None:
        parts: list[Node] = []
        while True:
            explicit = self.keyword("AND")
            if explicit and not parts and self.zone is None:
                raise self.fault(
                    "something to search for is missing before it", at=self.position - 3
                )
            if self.zone_term(depth):
                continue
            is_end = self.at_end or self.peek() in ")|" or self.keyword_follows("OR")
            if is_end and not explicit and (parts or (self.zone and not depth)):
                break
            parts.append(self.unary(depth))
        return And(tuple(parts)) if len(parts) > 1 else parts[0] if parts else None

    def keyword_follows(self, word: str) -> bool:
        found = _KEYWORD.match(self.text, self.position)
        return found is not None and found[0] == word

    def zone_term(self, depth: int) -> bool:
        """Read `tz:Europe/Berlin` if it comes next; it is no test and holds for the whole query."""
        self.skip_space()
        start = self.position
        if not self.accept("tz:"):
            return False
        name = self.bare()
        if depth:
            raise self.fault("`tz:` holds for the whole query - write it outside of it", at=start)
        if self.zone is not None:
            raise self.fault("a query has one `tz:` at most", at=start)
        if name not in zone_names():
            near = {one.lower(): one for one in zone_names()}.get(name.lower())
            suggestion = f" - did you mean `{near}`?" if near else suggest(name, set(zone_names()))
            raise self.fault(f"unknown time zone `{name}`{suggestion}", at=start + 3)
        self.zone = name
        return True

    def unary(self, depth: int) -> Node:
        if depth > DEPTH_MAX:
            raise self.fault(f"query nests deeper than {DEPTH_MAX} levels")
        if self.keyword("NOT") or self.accept("-"):
            return Not(self.unary(depth + 1))
        return self.atom(depth)

    def keyword(self, word: str) -> bool:
        self.skip_space()
        return self.keyword_follows(word) and self.accept(word)

    def atom(self, depth: int) -> Node:
        self.skip_space()
        start = self.position
        found = _KEYWORD.match(self.text, self.position)
        if self.at_end or self.peek() in ")|" or found:
            raise self.fault(f"something to search for is missing{' before it' if found else ''}")
        if not self.accept("("):
            self.terms += 1
            if self.terms > TERMS_MAX:
                raise self.fault(f"query has more than {TERMS_MAX} terms")
            return self.term()
        node = self.either(depth + 1)
        if node is None:  # Only a query as a whole can be nothing but `tz:`.
            raise self.fault("something to search for is missing")
        self.skip_space()
        if not self.accept(")"):
            raise self.fault("bracket is not closed", at=start)
        return node

    def term(self) -> Node:
        start = self.position
        if self.peek() == '"':
            return self.word(self.quoted(), start)
        pattern = read_pattern(self)
        if pattern is not None:
            return WordPattern(pattern)
        found = self.accept_pattern(_FIELD)
        if found is not None:
            return self.field_term(found[1], found[2], start)
        text = self.bare()
        if ".." in text and _INSTANTS.match(text):
            return self.range_of_time(text, start)
        return self.word(text.rstrip("*"), start)

    def word(self, text: str, start: int) -> Word:
        if not text.strip():
            raise self.fault("a word to search for is missing", at=start)
        return Word(text)

    def range_of_time(self, text: str, start: int) -> Match:
        low_text, _, high_text = text.partition("..")
        low, high = parse_instant(low_text), parse_instant(high_text)
        if low is None or high is None:
            raise self.fault(f"`{text}` is not a range of dates or times", at=start)
        return Match("time", Between(low, high))

    def field_term(self, name: str, operator: str, start: int) -> Node:
        if operator == ":":
            special = self.special_term(name)
            if special is not None:
                return special
        if name in LATER_FIELDS:
            raise self.fault(f"`{name}`: {LATER_FIELDS[name]} come with a later version", at=start)
        field = get_field(self, name, start, at_value=True)
        if field.name == "subjects":
            if operator != ":":
                raise self.fault("a data subject is searched as `subject:kind:key`", at=start)
            return Has("subjects") if self.accept_star() else read_subject(self)
        if operator == ":" and self.accept_star():
            return Has(field.name)
        if field.kind is Kind.MAP:
            raise self.fault(self.map_message(field), at=start)
        if field.name == "time" and operator == ":" and self.time_of_day_follows():
            return self.time_of_day()
        return Match(field.name, read_test(self, field, operator))

    @staticmethod
    def map_message(field: QueryField) -> str:
        if field.name in PRESENCE_ONLY:
            return f"`{field.name}` is not searched - only `has:{field.name}` is"
        return f"`{field.name}` holds many values - name one, as in `{ATTRIBUTES_PREFIX}shift:late`"

    def accept_star(self) -> bool:
        following = self.text[self.position + 1 : self.position + 2]
        return (not following or following in " \t\r\n)|") and self.accept("*")

    def special_term(self, name: str) -> Node | None:
        at = self.position
        if name == "has":
            return Has(get_field(self, self.bare(), at).name)
        if name == "is":
            flag = self.bare()
            if flag not in FLAGS:
                raise self.fault(f"unknown flag `{flag}`{suggest(flag, set(FLAGS))}", at=at)
            return Is(flag)
        if name == "last":
            ago = parse_duration(text := self.bare())
            if ago is None:
                raise self.fault(f"`{text}` is not a duration - write it as `12h` or `30d`", at=at)
            return Match("time", Compare(">=", ago))
        if name in {"since", "until"}:
            return Match("time", Compare(">=" if name == "since" else "<=", self.instant(at)))
        if name == "tz":
            raise self.fault(
                "`tz:` holds for the whole query and cannot be negated", at=at - len("tz:")
            )
        if name == "near":
            return read_near(self)
        return read_days(self) if name == "day" else None

    def instant(self, at: int) -> Moment | Ago:
        instant = parse_instant(text := self.bare())
        if instant is None:
            raise self.fault(
                f"`{text}` is not a time - write it as `2026-11-01`, `2026-11-01T08` or `12h`",
                at=at,
            )
        return instant

    def time_of_day_follows(self) -> bool:
        return re.match(r"\d{1,2}:\d\d\.\.", self.text[self.position :]) is not None

    def time_of_day(self) -> Node:
        at = self.position
        found = parse_time_of_day(text := self.bare())
        if found is None:
            raise self.fault(f"`{text}` is not a time of day - write it as `22:00..06:00`", at=at)
        return found
