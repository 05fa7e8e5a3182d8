"""Render: a tree back to the text that parses to it."""

from __future__ import annotations

import re

from ombud.query.tree import (
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
    Or,
    Pattern,
    Prefix,
    Query,
    Subject,
    Test,
    TimeOfDay,
    Value,
    Weekdays,
    Word,
    WordPattern,
)
from ombud.query.values import WEEKDAYS, format_duration, format_moment

_PLAIN = re.compile(r"[A-Za-z0-9_@][A-Za-z0-9_@.:+-]*", re.ASCII)
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_]+", re.ASCII)
_ESCAPED = re.compile(r"\\.|[^\\]", re.DOTALL)
_KEYWORDS = frozenset({"AND", "OR", "NOT"})


def render_query(query: Query) -> str:
    """Return text that `parse_query` reads as this query."""
    where = "" if query.where is None else _node(query.where, inside=False)
    zone = "" if query.zone is None else f"tz:{query.zone}"
    return " ".join(part for part in (zone, where, _shape(query)) if part)


def _shape(query: Query) -> str:
    names = ", ".join(query.count_by)
    if not names:
        return ""
    if query.top is None:
        return f"| count by {names}"
    return f"| top {query.top} {names} by {query.measure}"


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _plain(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else _quote(text)


def _value(value: Value) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _plain(value)
        case Moment():
            return format_moment(value)
        case Ago():
            return format_duration(value)
        case _:
            return repr(value)


def _test(test: Test) -> str:
    match test:
        case Equals(value):
            return _value(value)
        case Prefix(text):
            return _plain(text) + "*"
        case Pattern(text):
            return _pattern(text)
        case AnyOf(tests):
            return f"({', '.join(_test(one) for one in tests)})"
        case Compare(operator, value):
            return operator + _value(value)
        case Between(low, high):
            return f"{_value(low)}..{_value(high)}"


def _pattern(text: str) -> str:
    escaped = _ESCAPED.sub(lambda found: "\\/" if found[0] == "/" else found[0], text)
    return f"/{escaped}/"


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


def _offset(minutes: int | None) -> str:
    if not minutes:
        return "" if minutes is None else "Z"
    return f"{'-' if minutes < 0 else '+'}{_clock(abs(minutes))}"


def _leaf(node: Node) -> str:  # noqa: C901, PLR0911 - one return for each kind of leaf.
    match node:
        case Word(text):
            is_plain = _PLAIN_WORD.fullmatch(text) and text not in _KEYWORDS
            return text if is_plain else _quote(text)
        case WordPattern(text):
            return _pattern(text)
        case Near(lat, lon, metres):
            return f"near:({lat!r},{lon!r},{metres!r}m)"
        case Has(field):
            return f"has:{field}"
        case Is(flag):
            return f"is:{flag}"
        case Subject(kind, key):
            return f"subject:{_quote(kind)}:{_test(key)}"
        case Match("time", Compare(">=", Ago() as ago)):
            return f"last:{format_duration(ago)}"
        case Match(field, test):
            return f"{field}:{_test(test)}"
        case TimeOfDay(start, end, offset):
            return f"time:{_clock(start)}..{_clock(end)}{_offset(offset)}"
        case Weekdays(days):
            return f"day:{','.join(WEEKDAYS[day] for day in days)}"
        case _:
            return _node(node, inside=True)


def _node(node: Node, *, inside: bool) -> str:
    match node:
        case And(parts):
            text = " ".join(_node(part, inside=True) for part in parts)
        case Or(parts):
            text = " OR ".join(_node(part, inside=True) for part in parts)
        case Not(part):
            return "-" + (
                f"({_node(part, inside=False)})"
                if isinstance(part, Not)
                else _node(part, inside=True)
            )
        case _:
            return _leaf(node)
    return f"({text})" if inside else text
