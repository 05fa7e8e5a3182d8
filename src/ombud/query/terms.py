"""Terms: reads the value of a field as its kind demands."""

from __future__ import annotations

import re

from ombud.core.fields import Kind
from ombud.query.names import ATTRIBUTES_PREFIX, DIGESTS, VOCABULARIES, QueryField, suggest
from ombud.query.scan import Scanner
from ombud.query.tree import (
    Ago,
    AnyOf,
    Between,
    Compare,
    Equals,
    Match,
    Moment,
    Prefix,
    Subject,
    Test,
    Weekdays,
)
from ombud.query.values import WEEKDAYS, parse_instant, parse_integer, parse_real

LIST_MAX = 500  # Values in one list: a watch list, not a table.

_KIND = re.compile(r'[^\s:()"|,*]+')
_OPERATOR = re.compile(r">=|<=|>|<|=")
_ORDERED = frozenset({Kind.INTEGER, Kind.REAL, Kind.INSTANT})
_EXAMPLES = {
    Kind.INTEGER: "a whole number - write it as `12`, `5k` or `10MB`",
    Kind.REAL: "a number - write it as `52.37`",
    Kind.INSTANT: "a time - write it as `2026-11-01`, `2026-11-01T08` or `12h`",
    Kind.BOOLEAN: "`true` or `false`",
}


def read_test(scanner: Scanner, field: QueryField, operator: str) -> Test:
    """Read what follows `field:` or `field>`; the scanner stands behind the operator."""
    if operator == ":":
        found = scanner.accept_pattern(_OPERATOR)
        operator = found[0] if found else operator
    if operator in {":", "="}:
        return _read_equal(scanner, field)
    at = scanner.position
    ordered = field.kind in _ORDERED or field.name.startswith(ATTRIBUTES_PREFIX)
    if not ordered:
        raise scanner.fault(f"`{field.name}` is {_noun(field.kind)} and has no `{operator}`")
    kind = field.kind if field.kind in _ORDERED else Kind.REAL
    value = _value(scanner, kind, _text(scanner, field), at)
    if isinstance(value, str | bool):  # No ordered kind yields these.
        raise scanner.fault(f"`{field.name}` has no `{operator}`", at=at)
    return Compare(operator, value)


def _noun(kind: Kind) -> str:
    return {Kind.BOOLEAN: "true or false", Kind.TEXTS: "a list"}.get(kind, "text")


def _text(scanner: Scanner, field: QueryField, *, in_list: bool = False) -> str:
    at = scanner.position
    text = scanner.bare(in_list=in_list)
    if not text:
        raise scanner.fault(f"`{field.name}` needs a value", at=at)
    return text


def _read_equal(scanner: Scanner, field: QueryField) -> Test:
    if scanner.accept("("):
        return _read_list(scanner, field)
    at = scanner.position
    if field.kind in _ORDERED and scanner.peek() != '"':
        text = _text(scanner, field)
        low, dots, high = text.partition("..")
        if dots:
            return _range(scanner, field, low, high, at)
        return Equals(_value(scanner, field.kind, text, at))
    return _read_one(scanner, field)


def _range(scanner: Scanner, field: QueryField, low: str, high: str, at: int) -> Test:
    bounds: list[int | float | Moment | Ago | None] = []
    for text, start in ((low, at), (high, at + len(low) + 2)):
        value = _value(scanner, field.kind, text, start) if text else None
        if not isinstance(value, str | bool):
            bounds.append(value)
    below, above = bounds
    if below is not None and above is not None:
        return Between(below, above)
    if below is not None:
        return Compare(">=", below)
    if above is not None:
        return Compare("<=", above)
    raise scanner.fault("a range needs a bound: write it as `1..5`, `1..` or `..5`", at=at)


def _read_list(scanner: Scanner, field: QueryField) -> Test:
    start = scanner.position - 1
    tests: list[Equals | Prefix] = []
    while True:
        scanner.skip_space()
        tests.append(_read_one(scanner, field, in_list=True))
        if len(tests) > LIST_MAX:
            raise scanner.fault(f"a list has at most {LIST_MAX} values", at=start)
        scanner.skip_space()
        if scanner.accept(")"):
            return tests[0] if len(tests) == 1 else AnyOf(tuple(tests))
        if not scanner.accept(","):
            message = "bracket is not closed" if scanner.at_end else "values are parted by commas"
            raise scanner.fault(message, at=start if scanner.at_end else None)


def _read_one(scanner: Scanner, field: QueryField, *, in_list: bool = False) -> Equals | Prefix:
    at = scanner.position
    if scanner.peek() == '"':
        text = scanner.quoted()
        is_prefix = scanner.accept("*")
    else:
        text = _text(scanner, field, in_list=in_list)
        if len(text) > 1 and text[0] == text[-1] == "/":
            raise scanner.fault("regular expressions come with a later version", at=at)
        is_prefix = text.endswith("*")
        text = text.removesuffix("*")
        if "*" in text:
            raise scanner.fault("`*` may only stand at the end - quote the value to mean it", at=at)
    if is_prefix:
        if field.kind not in {Kind.TEXT, Kind.TEXTS} or field.name in DIGESTS:
            message = f"`{field.name}` is found by whole values, not by a prefix"
            raise scanner.fault(message, at=at)
        if not text:
            raise scanner.fault(
                f"a prefix is missing - write `has:{field.name}` for any value", at=at
            )
        return Prefix(text)
    known = VOCABULARIES.get(field.name)
    if known is not None and text not in known:
        raise scanner.fault(f"unknown {field.name} `{text}`{suggest(text, set(known))}", at=at)
    return Equals(_value(scanner, field.kind, text, at))


def _value(
    scanner: Scanner, kind: Kind, text: str, at: int
) -> str | int | float | bool | Moment | Ago:
    if kind in {Kind.TEXT, Kind.TEXTS}:
        return text
    value: int | float | bool | Moment | Ago | None = None
    if kind is Kind.INTEGER:
        value = parse_integer(text)
    elif kind is Kind.REAL:
        value = parse_real(text)
    elif kind is Kind.INSTANT:
        value = parse_instant(text)
    elif text in {"true", "false"}:
        value = text == "true"
    if value is None:
        raise scanner.fault(f"`{text}` is not {_EXAMPLES[kind]}", at=at)
    return value


def read_subject(scanner: Scanner) -> Match | Subject:
    """Read `kind:key` behind `subject:`; a key of `*` asks for the kind alone."""
    at = scanner.position
    if scanner.peek() == '"':
        kind = scanner.quoted()
    else:
        found = scanner.accept_pattern(_KIND)
        kind = found[0] if found else ""
    if not kind or not scanner.accept(":"):
        raise scanner.fault("a data subject is searched as `subject:kind:key`", at=at)
    if scanner.peek() == "*":
        scanner.position += 1
        return Match("subject.kind", Equals(kind))
    test = _read_equal(scanner, QueryField("subject", Kind.TEXT, ""))
    if not isinstance(test, Equals | Prefix | AnyOf):  # Text has no ranges.
        raise scanner.fault("a data subject is searched as `subject:kind:key`", at=at)
    return Subject(kind, test)


def read_days(scanner: Scanner) -> Weekdays:
    """Read `sat,sun` behind `day:`."""
    at = scanner.position
    days = set()
    for name in scanner.bare().split(","):
        if name.lower()[:3] not in WEEKDAYS or len(name) < 3:
            raise scanner.fault(f"unknown day `{name}` - write it as `mon`, `tue` … `sun`", at=at)
        days.add(WEEKDAYS.index(name.lower()[:3]))
    return Weekdays(tuple(sorted(days)))
