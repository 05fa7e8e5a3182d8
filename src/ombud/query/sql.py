"""SQL: a tree compiled to a condition on the table of events.

Values are only ever bound: the text of a statement holds names and numbers of
this module's own.  An absent field fails every test, and `NOT` is pushed down
to the tests, so that a condition is true or false and the engine can prune by
its columns' bounds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from ombud.query.bindings import Bindings
from ombud.query.columns import (
    INDEX,
    TOKEN_TABLE,
    Column,
    Storage,
    column_of,
)
from ombud.query.names import ALERT_FIELDS, ATTRIBUTES_PREFIX, FLAGS, JOINED, PEOPLE, WORD_FIELDS
from ombud.query.parse import parse_query
from ombud.query.sql_clock import bucket, time_of_day, weekdays
from ombud.query.sql_people import has_person, person_column, person_test
from ombud.query.sql_places import near
from ombud.query.tree import (
    DAY_MS,
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
    Near,
    Node,
    Not,
    One,
    Or,
    Pattern,
    Prefix,
    Subject,
    Test,
    TimeOfDay,
    Value,
    Weekdays,
    Word,
    WordPattern,
)
from ombud.query.words import KEYS, PLACES, Sought, is_one_word
from ombud.query.world import World
from ombud.query.zones import bounds

KEY = '"key"'
_TEXTS_OF = """from_json({0}, '["VARCHAR"]')"""
SUBJECT_HASH = "hash({kind}, {key})"  # Narrows a look-up by key.


Seen = Callable[[Bindings], str]


def compile_condition(
    node: Node | None,
    bindings: Bindings,
    world: World | None = None,
    *,
    seen: Seen | None = None,
    words: Sought | None = None,
) -> str:
    """Return SQL that is true for the events the node means; none means all of them.

    It is a condition on the rows of `bindings.source()`.  `seen` returns the condition
    of what the asker may see, for those tests that look at other events.  A free word
    that `words` knows is looked up: for those events of which `words` tells.
    """
    if node is None:
        return "true"
    return _Compiler(bindings, world or World(), seen, words).node(node, positive=True)


def compile_test(column: Column, test: Test, bindings: Bindings) -> str:
    """Return SQL that is true, for rows of any table, where the column passes the test."""
    return _Compiler(bindings, World()).test(column, test)


def compile_value(name: str, bindings: Bindings, world: World) -> str:
    """Return SQL for the value of a field, or the day or hour, to count by."""
    if name in {"day", "hour"}:
        return bucket(name, world)
    if name in PEOPLE:
        return person_column(name, bindings)
    if name.startswith(ATTRIBUTES_PREFIX):
        return attribute_column(name, bindings).expression
    return column_of(name).expression


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
    def __init__(
        self,
        bindings: Bindings,
        world: World,
        seen: Seen | None = None,
        words: Sought | None = None,
    ) -> None:
        self.bindings = bindings
        self.bind = bindings.add
        self.world = world
        self.now_ms = world.now_ms
        self.seen = seen
        self.words = words or Sought()

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

    def leaf(self, node: Node) -> str:  # noqa: C901, PLR0911 - one case for each kind.
        match node:
            case Match(field) | Has(field) if field in PEOPLE:
                return self.person(node)
            case Match(field) | Has(field) if field in JOINED:
                return self.joined(node)
            case Match(field, test):
                return self.match(field, test)
            case Subject(kind, key):
                return self.subject(kind, key)
            case Has(field):
                return self.has(field)
            case Word(text):
                return self.word(text)
            case WordPattern(text):
                return self.word_pattern(text)
            case Near():
                return near(node, self.bindings)
            case TimeOfDay():
                return time_of_day(node, self.bindings, self.world)
            case Weekdays():
                return weekdays(node, self.bindings, self.world)
            case _:
                raise AssertionError(node)

    def has(self, name: str) -> str:
        if name in {"subjects", "subject.kind", "subject.key"}:
            return f"{INDEX} IN (SELECT {INDEX} FROM {self.words.subjects})"
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

    def person(self, node: Match | Has) -> str:
        if isinstance(node, Has):
            return has_person(node.field, self.bindings)
        return person_test(node.field, node.test, self.test, self.bindings)

    def joined(self, node: Match | Has) -> str:
        if node.field in ALERT_FIELDS:
            return self.in_alerts(node)
        return self.in_session(
            Has("purpose") if isinstance(node, Has) else Match("purpose", node.test)
        )

    def in_alerts(self, test: Match | Has) -> str:
        """Return the test for events that were looked up beforehand."""
        indices = self.bind(list(self.world.alerts[test]))
        return f"{INDEX} IN (SELECT unnest({indices}::BIGINT[]))"

    def in_session(self, test: Match | Has) -> str:
        """Return the test for a declared session with an event that the asker sees and passes."""
        inner = self.bindings.nested()
        session = column_of("session.id").expression
        seen = "true" if self.seen is None else self.seen(inner)
        passes = _Compiler(inner, self.world).leaf(test)
        return (
            f"{session} IN (SELECT {session} FROM {inner.source()} "
            f"WHERE {session} IS NOT NULL AND {passes} AND {seen})"
        )

    def in_subjects(self, condition: str) -> str:
        return f"{INDEX} IN (SELECT {INDEX} FROM {self.words.subjects} WHERE {condition})"

    def subject(self, kind: str, key: One | AnyOf) -> str:
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
            case Pattern(text):
                return self.pattern(column, text)
            case Equals(value):
                return self.equals(column, value)

    def some_of(self, column: Column, tests: tuple[One, ...]) -> list[str]:
        """Return the alternatives; plain values are one `IN`, which the engine can prune by."""
        plain = column.storage in {Storage.TEXT, Storage.NUMBER}
        values = [one.value for one in tests if isinstance(one, Equals)]
        if not plain or any(isinstance(value, Moment | Ago) for value in values):
            return [self.test(column, one) for one in tests]
        alternatives = [self.test(column, one) for one in tests if not isinstance(one, Equals)]
        if values:
            places = ", ".join(self.bind(value) for value in values)
            alternatives.append(f"{column.expression} IN ({places})")
        return alternatives

    def equals(self, column: Column, value: Value) -> str:
        expression = column.expression
        if isinstance(value, Moment):
            first, end = bounds(value, self.world.zone, value.span_ms)
            low, high = self.bind(first), self.bind(end)
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

    def pattern(self, column: Column, text: str) -> str:
        place = self.bind(text)
        if column.storage is Storage.LIST:
            found = f"lambda one: regexp_matches(one, {place})"
            return f"len(list_filter({_TEXTS_OF.format(column.expression)}, {found})) > 0"
        flags = ", 'i'" if column.storage is Storage.SENTENCE else ""
        return f"regexp_matches({column.expression}, {place}{flags})"

    def compare(self, column: Column, operator: str, value: float | Moment | Ago) -> str:
        expression = column.expression
        if column.storage is Storage.TEXT:  # A declared attribute: a number if it is one.
            expression = f"TRY_CAST({expression} AS DOUBLE)"
        if isinstance(value, Moment):
            # After a date, and up to it, reckon with the whole day.
            from_end = operator in {">", "<="}
            span_ms = DAY_MS if value.span_ms == DAY_MS else 1
            place = self.bind(bounds(value, self.world.zone, span_ms)[from_end])
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
        known = self.words.known.get(text)
        if known is None:
            return self.word_in_texts(text, PLACES)
        if not known.places:
            return "false"
        if known.hashes is None:
            return self.word_in_texts(text, known.places)
        # One by one: of several at once the engine does not know where to look.
        listed = " UNION ALL ".join(
            f'SELECT "index" FROM {TOKEN_TABLE} WHERE "hash" = {int(one)}' for one in known.hashes
        )
        found = f"{INDEX} IN ({listed})"
        if is_one_word(text):
            return found
        return f"({found} AND {self.word_in_texts(text, known.places)})"

    def word_in_texts(self, text: str, places: Sequence[str]) -> str:
        columns = [column_of(name) for name in places if name != KEYS]
        sentences = [one for one in columns if one.storage is Storage.SENTENCE]
        others = [one for one in columns if one.storage is not Storage.SENTENCE]
        tests = []
        if sentences:
            lower = f"lower({self.bind(text)})"
            tests += [f"contains({one.expression}, {lower})" for one in sentences]
        if others or KEYS in places:
            pattern = self.like(text)
            tests += [f"{one.expression} ILIKE {pattern}" for one in others]
            if KEYS in places:
                tests.append(self.in_subjects(f"{KEY} ILIKE {pattern}"))
        return f"({' OR '.join(tests)})"

    def word_pattern(self, text: str) -> str:
        place = self.bind(text)
        tests = [
            f"regexp_matches({column_of(name).expression}, {place}, 'i')" for name in WORD_FIELDS
        ]
        tests.append(self.in_subjects(f"regexp_matches({KEY}, {place}, 'i')"))
        return f"({' OR '.join(tests)})"
