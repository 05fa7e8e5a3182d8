"""Terms: reads the value of a field as its kind demands."""

from __future__ import annotations

import re

from ombud.core.fields import Kind
from ombud.query.names import ATTRIBUTES_PREFIX, DIGESTS, VOCABULARIES, QueryField, suggest
from ombud.query.pattern import PatternError, check_pattern
from ombud.query.scan import Scanner
from ombud.query.tree import (
    Ago,
    AnyOf,
    Between,
    Compare,
    Equals,
    Match,
    Moment,
    Near,
    One,
    Pattern,
    Prefix,
    Subject,
    Test,
    Weekdays,
)
from ombud.query.values import (
    WEEKDAYS,
    parse_instant,
    parse_integer,
    parse_length,
    parse_real,
)

RADIUS_MAX = 20_000_000.0  # Metres: nothing on Earth is farther away than 20,015 km.
LIST_MAX = 500  # Values in one list: a watch list, not a table.

_KIND = re.compile(r'[^\s:()"|,*]+')
_ESCAPED = re.compile(r"\\.|[^\\]|\\", re.DOTALL)
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
    tests: list[One] = []
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


def read_pattern(scanner: Scanner) -> str | None:
    """Read `/regular expression/`, checked, if one comes next."""
    found = scanner.pattern()
    if found is None:
        return None
    written, start = found
    try:
        scanner.add_cost(check_pattern(unescape(written)), at=start)
    except PatternError as fault:
        raise scanner.fault(str(fault), at=start + _written(written, fault.at)) from fault
    return unescape(written)


def _written(text: str, at: int) -> int:
    r"""Return where a character of a pattern stands as it was written, with its `\/`."""
    written = 0
    for part in _ESCAPED.findall(text):
        length = 1 if part == "\\/" else len(part)
        if at < length:
            return written + at
        at -= length
        written += len(part)
    return written


def unescape(text: str) -> str:
    r"""Return a pattern from what stands between slashes, where `/` is written `\/`."""
    return _ESCAPED.sub(lambda found: "/" if found[0] == "\\/" else found[0], text)


def _read_one(scanner: Scanner, field: QueryField, *, in_list: bool = False) -> One:
    at = scanner.position
    pattern = read_pattern(scanner)
    if pattern is not None:
        if field.kind not in {Kind.TEXT, Kind.TEXTS} or field.name in DIGESTS:
            message = f"`{field.name}` is found by whole values, not by a pattern"
            raise scanner.fault(message, at=at)
        return Pattern(pattern)
    if scanner.peek() == '"':
        text = scanner.quoted()
        is_prefix = scanner.accept("*")
    else:
        text = _text(scanner, field, in_list=in_list)
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
    if not isinstance(test, One | AnyOf):  # Text has no ranges.
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


_NEAR = "a place is searched as `near:(52.37,4.9,5km)`: latitude, longitude, radius in m, km or mi"


def read_near(scanner: Scanner) -> Near:
    """Read `(lat,lon,5km)` behind `near:`; degrees north and east."""
    if not scanner.accept("("):
        raise scanner.fault(_NEAR)
    parts: list[tuple[str, int]] = []
    while True:
        scanner.skip_space()
        parts.append((scanner.bare(in_list=True), scanner.position))
        scanner.skip_space()
        if not scanner.accept(","):
            break
    if not scanner.accept(")") or len(parts) != 3:
        raise scanner.fault(_NEAR)
    (lat_text, lat_end), (lon_text, lon_end), (text, end) = parts
    lat = _degrees(scanner, lat_text, lat_end, "latitude", 90)
    lon = _degrees(scanner, lon_text, lon_end, "longitude", 180)
    metres = parse_length(text)
    at = end - len(text)
    if metres is None:
        raise scanner.fault(f"`{text}` is not a radius - write it as `800m`, `5km` or `3mi`", at=at)
    if not 0 < metres <= RADIUS_MAX:
        message = f"radius `{text}` is not above 0 and up to {RADIUS_MAX / 1000:.0f} km"
        raise scanner.fault(message, at=at)
    return Near(lat, lon, metres)


def _degrees(scanner: Scanner, text: str, end: int, noun: str, most: int) -> float:
    degrees = parse_real(text)
    if degrees is None or not -most <= degrees <= most:
        message = f"{noun} `{text}` is not a number from -{most} to {most}"
        raise scanner.fault(message, at=end - len(text))
    return degrees
