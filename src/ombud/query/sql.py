"""SQL: a tree compiled to a condition on the table of events.

Values are only ever bound: the text of a statement holds names and numbers of
this module's own.  An absent field fails every test, and `NOT` is pushed down
to the tests, so that a condition is true or false and the engine can prune by
its columns' bounds.
"""

from __future__ import annotations

import functools

from ombud.query.columns import (
    INDEX,
    SUBJECT_TABLE,
    TOKEN_TABLE,
    Column,
    Storage,
    column_of,
)
from ombud.query.names import ATTRIBUTES_PREFIX, FLAGS, WORD_FIELDS
from ombud.query.parse import parse_query
from ombud.query.tree import (
    DAY_MS,
    MINUTE_MS,
    WEEK_MS,
    Ago,
    And,
    AnyOf,
    Between,
    Compare,
    Equals,
    Has,
    Is,
    Match,
    Moment,
    Node,
    Not,
    Or,
    Prefix,
    Subject,
    Test,
    TimeOfDay,
    Value,
    Weekdays,
    Word,
)
from ombud.query.words import Narrowed, is_one_word

KEY = '"key"'
_THURSDAY = 3  # 1970-01-01, counted from Monday.
_TEXTS_OF = """from_json({0}, '["VARCHAR"]')"""
SUBJECT_HASH = "hash({kind}, {key})"  # Narrows a look-up by key.


class Bindings:
    """The bound values of one statement, in the order of their numbers."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def add(self, value: object) -> str:
        """Bind a value; returns its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}"


def compile_condition(
    node: Node | None, bindings: Bindings, *, now_ms: int, words: Narrowed | None = None
) -> str:
    """Return SQL that is true for the events the node means; none means all of them.

    A free word of `words` is looked up in the postings: for events that have some.
    """
    if node is None:
        return "true"
    return _Compiler(bindings, now_ms, words or {}).node(node, positive=True)


@functools.cache
def _flag_tree(flag: str) -> Node:
    where = parse_query(FLAGS[flag].query).where
    return And(()) if where is None else where


def attribute_column(name: str, bindings: Bindings) -> Column:
    """Return where the declared attribute `attributes.KEY` is found."""
    path = bindings.add(f'$."{name.removeprefix(ATTRIBUTES_PREFIX)}"')
    return Column(
        f"json_extract_string({column_of('attributes').expression}, {path})", Storage.TEXT
    )


class _Compiler:
    def __init__(self, bindings: Bindings, now_ms: int, words: Narrowed) -> None:
        self.bindings = bindings
        self.bind = bindings.add
        self.now_ms = now_ms
        self.words = words

    def node(self, node: Node, *, positive: bool) -> str:
        match node:
            case Not(part):
                return self.node(part, positive=not positive)
            case Is(flag):
                return self.node(_flag_tree(flag), positive=positive)
            case And(parts) | Or(parts):
                joiner = " AND " if isinstance(node, And) is positive else " OR "
                return f"({joiner.join(self.node(part, positive=positive) for part in parts)})"
        test = self.leaf(node)
        return test if positive else f"coalesce(NOT ({test}), true)"

    def leaf(self, node: Node) -> str:
        match node:
            case Match(field, test):
                return self.match(field, test)
            case Subject(kind, key):
                return self.subject(kind, key)
            case Has(field):
                return self.has(field)
            case Word(text):
                return self.word(text)
            case TimeOfDay(start, end, offset):
                clock = self.clock(offset * MINUTE_MS, DAY_MS)
                low, high = self.bind(start * MINUTE_MS), self.bind(end * MINUTE_MS)
                joiner = "AND" if start < end else "OR"
                return f"({clock} >= {low} {joiner} {clock} < {high})"
            case Weekdays(days):
                clock = self.clock(_THURSDAY * DAY_MS, WEEK_MS)
                places = ", ".join(self.bind(day) for day in days)
                return f"({clock} // {DAY_MS} IN ({places}))"
            case _:
                raise AssertionError(node)

    @staticmethod
    def clock(shift_ms: int, cycle_ms: int) -> str:
        """Return the position of the event's time in a cycle; no time can overflow it."""
        shift = shift_ms % cycle_ms + cycle_ms
        return f'(("time" % {cycle_ms} + {shift}) % {cycle_ms})'

    def has(self, name: str) -> str:
        if name in {"subjects", "subject.kind", "subject.key"}:
            return f"{INDEX} IN (SELECT {INDEX} FROM {SUBJECT_TABLE})"
        column = self.column(name)
        if column.storage in {Storage.TEXT, Storage.SENTENCE}:
            return f"trim({column.expression}) <> ''"
        if column.storage is Storage.LIST:
            return f"{column.expression} <> '[]'"
        if column.storage is Storage.MAP:
            return f"{column.expression} <> '{{}}'"
        if column.storage is Storage.PRESENCE:
            return column.expression
        return f"{column.expression} IS NOT NULL"

    def column(self, name: str) -> Column:
        if not name.startswith(ATTRIBUTES_PREFIX):
            return column_of(name)
        return attribute_column(name, self.bindings)

    def match(self, name: str, test: Test) -> str:
        if name in {"subject.kind", "subject.key"}:
            half = '"kind"' if name == "subject.kind" else '"key"'
            return self.in_subjects(self.test(Column(half, Storage.TEXT), test))
        return self.test(self.column(name), test)

    @staticmethod
    def in_subjects(condition: str) -> str:
        return f"{INDEX} IN (SELECT {INDEX} FROM {SUBJECT_TABLE} WHERE {condition})"

    def subject(self, kind: str, key: Equals | Prefix | AnyOf) -> str:
        place = self.bind(kind)
        condition = f'"kind" = {place} AND {self.test(Column(KEY, Storage.TEXT), key)}'
        if isinstance(key, Equals):
            hashed = SUBJECT_HASH.format(
                kind=f"{place}::VARCHAR", key=f"{self.bind(key.value)}::VARCHAR"
            )
            condition = f'"hash" = {hashed} AND {condition}'
        return self.in_subjects(condition)

    def test(self, column: Column, test: Test) -> str:
        match test:
            case AnyOf(tests):
                return f"({' OR '.join(self.some_of(column, tests))})"
            case Compare(operator, value):
                return self.compare(column, operator, value)
            case Between(low, high):
                below = self.compare(column, ">=", low)
                return f"({below} AND {self.compare(column, '<=', high)})"
            case Prefix(text):
                return self.prefix(column, text)
            case Equals(value):
                return self.equals(column, value)

    def some_of(self, column: Column, tests: tuple[Equals | Prefix, ...]) -> list[str]:
        """Return the alternatives; plain values are one `IN`, which the engine can prune by."""
        plain = column.storage in {Storage.TEXT, Storage.NUMBER}
        values = [one.value for one in tests if isinstance(one, Equals)]
        if not plain or any(isinstance(value, Moment | Ago) for value in values):
            return [self.test(column, one) for one in tests]
        alternatives = [self.test(column, one) for one in tests if isinstance(one, Prefix)]
        if values:
            places = ", ".join(self.bind(value) for value in values)
            alternatives.append(f"{column.expression} IN ({places})")
        return alternatives

    def equals(self, column: Column, value: Value) -> str:
        expression = column.expression
        if isinstance(value, Moment):
            low, high = self.bind(value.ms), self.bind(value.ms + value.span_ms)
            return f"({expression} >= {low} AND {expression} < {high})"
        place = self.bind(self.now_ms - value.ms if isinstance(value, Ago) else value)
        if column.storage is Storage.SENTENCE:
            return f"contains({expression}, lower({place}))"
        if column.storage is Storage.DIGEST:
            return f"{expression} = hash({place}::VARCHAR)"
        if column.storage is Storage.LIST:
            return f"list_contains({_TEXTS_OF.format(expression)}, {place})"
        return f"{expression} = {place}"

    def prefix(self, column: Column, text: str) -> str:
        place = self.bind(text)
        if column.storage is Storage.LIST:
            begins = f"lambda one: starts_with(one, {place})"
            return f"len(list_filter({_TEXTS_OF.format(column.expression)}, {begins})) > 0"
        if column.storage is Storage.SENTENCE:
            place = f"lower({place})"
        return f"starts_with({column.expression}, {place})"

    def compare(self, column: Column, operator: str, value: float | Moment | Ago) -> str:
        expression = column.expression
        if column.storage is Storage.TEXT:  # A declared attribute: a number if it is one.
            expression = f"TRY_CAST({expression} AS DOUBLE)"
        if isinstance(value, Moment):
            # After a date, and up to it, reckon with the whole day.
            from_end = operator in {">", "<="}
            place = self.bind(value.end_ms if from_end else value.ms)
            return f"{expression} {'<' if operator in {'<', '<='} else '>='} {place}"
        place = self.bind(self.now_ms - value.ms if isinstance(value, Ago) else value)
        return f"{expression} {operator} {place}"

    def like(self, text: str) -> str:
        """Return the pattern of `ILIKE` that finds the text anywhere; escaped only if need be."""
        if not {"%", "_"} & {*text}:
            return self.bind(f"%{text}%")
        escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return self.bind(f"%{escaped}%") + " ESCAPE '\\'"

    def word(self, text: str) -> str:
        hashes = self.words.get(text)
        if hashes is None:
            return self.word_in_texts(text)
        if not hashes:
            return "false"
        listed = ", ".join(str(int(one)) for one in hashes)
        found = f'{INDEX} IN (SELECT "index" FROM {TOKEN_TABLE} WHERE "hash" IN ({listed}))'
        return found if is_one_word(text) else f"({found} AND {self.word_in_texts(text)})"

    def word_in_texts(self, text: str) -> str:
        lower, pattern = f"lower({self.bind(text)})", self.like(text)
        tests = []
        for name in WORD_FIELDS:
            column = column_of(name)
            if column.storage is Storage.SENTENCE:
                tests.append(f"contains({column.expression}, {lower})")
            else:
                tests.append(f"{column.expression} ILIKE {pattern}")
        tests.append(self.in_subjects(f"{KEY} ILIKE {pattern}"))
        return f"({' OR '.join(tests)})"
