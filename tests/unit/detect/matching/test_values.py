"""What one value of a rule demands of an event: every modifier and every trap of Sigma."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from ombud.detect.matching.values import text_of

Matches = Callable[..., bool]


def row(name: str, detection: str, event: dict[str, Any], expected: bool) -> Any:
    """Return one named row of a table."""
    return pytest.param(detection, event, expected, id=name)


STRINGS = [
    row("equal", "a: foo", {"a": "foo"}, True),
    row("case does not matter", "a: foo", {"a": "FOO"}, True),
    row("case of the rule does not matter", "a: FoO", {"a": "fOo"}, True),
    row("whole value", "a: foo", {"a": "food"}, False),
    row("folded by lower, so sharp s is itself", "a: STRASSE", {"a": "straße"}, False),
    row("letters beyond ASCII fold too", "a: ÉTÉ", {"a": "été"}, True),
    row("Kelvin sign folds to k", "a: k", {"a": "\u212a"}, True),
    row("empty is equal to empty", "a: ''", {"a": ""}, True),
    row("empty is not missing", "a: ''", {}, False),
    row("empty is not null", "a: ''", {"a": None}, False),
    row("star takes the rest", "a: 'fo*'", {"a": "fo"}, True),
    row("star takes new lines", "a: 'f*o'", {"a": "f\n\no"}, True),
    row("question mark takes one", "a: 'f?o'", {"a": "fxo"}, True),
    row("question mark takes a new line", "a: 'f?o'", {"a": "f\no"}, True),
    row("question mark takes exactly one", "a: 'f?o'", {"a": "fo"}, False),
    row("question mark and star", "a: '?*'", {"a": ""}, False),
    row("one and a star", "a: '?*'", {"a": "x"}, True),
    row("several stars", "a: 'a*b*c'", {"a": "a-b-b-c"}, True),
    row("pieces in order", "a: 'a*b*c'", {"a": "acb"}, False),
    row("ends do not overlap", "a: 'aba*aba'", {"a": "ababa"}, False),
    row("middle before the end", "a: '*ab*b'", {"a": "ab"}, False),
    row("hole in the last piece", "a: '*b?'", {"a": "abbc"}, True),
    row("hole in a middle piece", "a: '*b?d*'", {"a": "bbcbxd"}, True),
    row("characters of patterns are themselves", "a: 'a.c[1]*'", {"a": "a.c[1]x"}, True),
    row("dot is a dot", "a: 'a.c?'", {"a": "abcd"}, False),
    row("escaped star is a star", r"a: 'a\*c'", {"a": "a*c"}, True),
    row("escaped star takes nothing else", r"a: 'a\*c'", {"a": "abc"}, False),
    row("single backslash is itself", r"a: 'C:\Windows'", {"a": r"c:\windows"}, True),
    row("backslash before a star", r"a: 'C:\\*'", {"a": r"C:\x"}, True),
    row("star alone takes any value", "a: '*'", {"a": "x"}, True),
    row("star alone takes empty", "a: '*'", {"a": ""}, True),
    row("star alone takes numbers and objects", "a: '*'", {"a": {"b": 1}}, True),
    row("star alone does not take missing", "a: '*'", {}, False),
    row("star alone does not take null", "a: '*'", {"a": None}, False),
    row("contains", "a|contains: oo", {"a": "FOOD"}, True),
    row("contains across the whole only", "a|contains: od f", {"a": ["food", "food"]}, False),
    row("startswith", "a|startswith: fo", {"a": "Food"}, True),
    row("startswith is no contains", "a|startswith: oo", {"a": "food"}, False),
    row("endswith", "a|endswith: OD", {"a": "food"}, True),
    row("endswith is no contains", "a|endswith: foo", {"a": "food"}, False),
    row("cased", "a|cased: Foo", {"a": "Foo"}, True),
    row("cased is cased", "a|cased: Foo", {"a": "foo"}, False),
    row("cased contains", "a|contains|cased: Oo", {"a": "fOod"}, True),
    row("cased contains is cased", "a|contains|cased: Oo", {"a": "food"}, False),
    row("cased with a star", "a|cased: 'F*d'", {"a": "food"}, False),
    row("NUL inside a value", 'a: "x\\0y"', {"a": "x\0y"}, True),
]
NUMBERS = [
    row("number and number", "a: 4624", {"a": 4624}, True),
    row("number and text", "a: 4624", {"a": "4624"}, True),
    row("text and number", "a: '4624'", {"a": 4624}, True),
    row("number and equal float", "a: 4624", {"a": 4624.0}, True),
    row("text and float is text", "a: '4624'", {"a": 4624.0}, False),
    row("text of a float", "a: '4624.0'", {"a": 4624.0}, True),
    row("part of a number", "a|contains: '62'", {"a": 4624}, True),
    row("1 is not true", "a: 1", {"a": True}, False),
    row("true is not 1", "a: true", {"a": 1}, False),
    row("true and true", "a: true", {"a": True}, True),
    row("true and its text", "a: true", {"a": "True"}, True),
    row("text and true", "a: 'true'", {"a": True}, True),
    row("false is not missing", "a: false", {}, False),
    row("0 is not false", "a: 0", {"a": False}, False),
    row("0 is not null", "a: 0", {"a": None}, False),
    row("large number in quotes", "a: '12345678901234567891'", {"a": 12345678901234567891}, True),
    row("less", "a|lt: 20", {"a": 19}, True),
    row("less is not equal", "a|lt: 20", {"a": 20}, False),
    row("less or equal", "a|lte: 20", {"a": 20}, True),
    row("greater", "a|gt: 1.5", {"a": 1.6}, True),
    row("greater or equal", "a|gte: 5", {"a": "5"}, True),
    row("number in text", "a|gt: 5", {"a": "1e3"}, True),
    row("no number in text", "a|gt: 5", {"a": "10 apples"}, False),
    row("nan is no number", "a|gt: 5", {"a": "nan"}, False),
    row("digits of other scripts are no number", "a|gt: 5", {"a": "٩"}, False),
    row("true is no number", "a|gte: 1", {"a": True}, False),
    row("missing is no number", "a|lt: 5", {}, False),
    row("any element", "a|gt: 5", {"a": [1, 9]}, True),
]
NOTHING = [
    row("missing is null", "a: null", {}, True),
    row("null is null", "a: null", {"a": None}, True),
    row("empty list is null", "a: null", {"a": []}, True),
    row("list with a null", "a: null", {"a": [None, 1]}, True),
    row("empty text is not null", "a: null", {"a": ""}, False),
    row("false is not null", "a: null", {"a": False}, False),
    row("empty list of values is null", "a: []", {}, True),
    row("null among values", "a: [null, x]", {}, True),
    row("not over missing", "{s: {a: x}, condition: not s}", {}, True),
    row("neq over missing", "a|neq: x", {}, True),
    row("neq is none of them", "a|neq: [x, y]", {"a": "y"}, False),
    row("neq over a list is no element", "a|neq: x", {"a": ["y", "x"]}, False),
    row("exists", "a|exists: true", {"a": 1}, True),
    row("null exists", "a|exists: true", {"a": None}, True),
    row("empty list exists", "a|exists: true", {"a": []}, True),
    row("missing does not exist", "a|exists: true", {}, False),
    row("not there as demanded", "a|exists: false", {}, True),
    row("there against demand", "a|exists: false", {"a": None}, False),
]
LISTS = [
    row("any element", "a: x", {"a": ["y", "x"]}, True),
    row("elements of lists within", "a: x", {"a": [["y"], [["x"]]]}, True),
    row("any value of the rule", "a: [x, y]", {"a": "y"}, True),
    row("any and any", "a: [x, y]", {"a": ["z", "y"]}, True),
    row("all over elements", "a|contains|all: [x, y]", {"a": ["ax", "by"]}, True),
    row("all needs each", "a|contains|all: [x, y]", {"a": ["ax", "bz"]}, False),
    row("all within one value", "a|contains|all: [x, y]", {"a": "yx"}, True),
    row("text of an object", "a|contains: Suspended", {"a": {"s": "suspended"}}, True),
    row("object as it is written", "a: '{\"b\":1}'", {"a": {"b": 1}}, True),
]
FIELDS = [
    row("nested", "a.b: x", {"a": {"b": "x"}}, True),
    row("dotted key", "a.b: x", {"a.b": "x"}, True),
    row("dotted key inside", "a.b.c: x", {"a": {"b.c": "x"}}, True),
    row("dotted key outside", "a.b.c: x", {"a.b": {"c": "x"}}, True),
    row("both ways at once", "a.b: x", {"a.b": "y", "a": {"b": "x"}}, True),
    row("list of objects on the way", "a.b: x", {"a": [{"b": "y"}, {"b": "x"}]}, True),
    row("not the key alone", "a.b: x", {"b": "x"}, False),
    row("names are cased", "A: x", {"a": "x"}, False),
    row("text on the way", "a.b: x", {"a": "x"}, False),
    row("exists nested", "a.b|exists: true", {"a": {"b": None}}, True),
    row("null nested", "a.b: null", {"a": {"c": 1}}, True),
]
REGEX = [
    row("searched, not matched whole", "a|re: o+", {"a": "food"}, True),
    row("cased", "a|re: F", {"a": "food"}, False),
    row("flag i", "a|re|i: F", {"a": "food"}, True),
    row("dot is no new line", "a|re: a.b", {"a": "a\nb"}, False),
    row("flag s", "a|re|s: a.b", {"a": "a\nb"}, True),
    row("caret is the start", "a|re: ^b", {"a": "a\nb"}, False),
    row("flag m", "a|re|m: ^b", {"a": "a\nb"}, True),
    row("backslash as written", r"a|re: 'C:\\W'", {"a": r"C:\W"}, True),
    row("over numbers", "a|re: '^46'", {"a": 4624}, True),
    row("any element", "a|re: '^x$'", {"a": ["y", "x"]}, True),
    row("missing", "a|re: '.*'", {}, False),
    row("keyword", "{s: {'|re': 'o{2}d'}, condition: s}", {"a": {"b": "food"}}, True),
]
ADDRESSES = [
    row("inside", "a|cidr: 10.0.0.0/8", {"a": "10.1.2.3"}, True),
    row("outside", "a|cidr: 10.0.0.0/8", {"a": "11.1.2.3"}, False),
    row("any network", "a|cidr: [10.0.0.0/8, 192.168.0.0/16]", {"a": "192.168.1.1"}, True),
    row("IPv6", "a|cidr: fe80::/10", {"a": "FE80::1"}, True),
    row("zone", "a|cidr: fe80::/10", {"a": "fe80::1%eth0"}, True),
    row("IPv4 as IPv6 writes it", "a|cidr: 10.0.0.0/8", {"a": "::ffff:10.1.2.3"}, True),
    row("IPv6 is not IPv4", "a|cidr: 0.0.0.0/0", {"a": "::1"}, False),
    row("leading zeros are no address", "a|cidr: 10.0.0.0/8", {"a": "010.1.2.3"}, False),
    row("a number is no address", "a|cidr: 0.0.0.0/0", {"a": 167772161}, False),
    row("a name is no address", "a|cidr: 0.0.0.0/0", {"a": "AWS Internal"}, False),
    row("any element", "a|cidr: 10.0.0.0/8", {"a": ["x", "10.0.0.1"]}, True),
]
REFERENCES = [
    row("same", "a|fieldref: b", {"a": "x", "b": "X"}, True),
    row("other", "a|fieldref: b", {"a": "x", "b": "y"}, False),
    row("missing is nothing", "a|fieldref: b", {}, False),
    row("null is nothing", "a|fieldref: b", {"a": None, "b": None}, False),
    row("any pair", "a|fieldref: b", {"a": ["x", "y"], "b": ["z", "y"]}, True),
    row("numbers as numbers", "a|fieldref: b", {"a": 1, "b": 1.0}, True),
    row("number and text", "a|fieldref: b", {"a": 1, "b": "1"}, True),
    row("startswith", "a|fieldref|startswith: b", {"a": "food", "b": "foo"}, True),
    row("endswith", "a|fieldref|endswith: b", {"a": "food", "b": "foo"}, False),
    row("ends", "a|fieldref|endswith: b", {"a": "food", "b": "od"}, True),
    row("contains", "a|fieldref|contains: b", {"a": "food", "b": "oo"}, True),
    row("neq", "a|fieldref|neq: b", {"a": "x", "b": "y"}, True),
    row("neq and same", "a|fieldref|neq: b", {"a": "x", "b": "x"}, False),
]
FOO_64 = base64.b64encode(b"foo bar").decode()
ENCODINGS = [
    row("base64", "a|base64|contains: foo bar", {"a": f"-enc {FOO_64}"}, True),
    row("base64 of another", "a|base64|contains: foo bar", {"a": FOO_64[1:]}, False),
    *(
        row(
            f"base64offset {shift}",
            "a|base64offset|contains: foobar",
            {"a": base64.b64encode(b"x" * shift + b"foobar!").decode()},
            True,
        )
        for shift in range(3)
    ),
    row(
        "wide",
        "a|wide|base64offset|contains: ping",
        {"a": base64.b64encode("ping".encode("utf-16le")).decode()},
        True,
    ),
    row("wide text", "a|wide|contains: ab", {"a": "xa\0b\0"}, True),
    row(
        "utf16",
        "a|utf16|base64: ab",
        {"a": base64.b64encode(b"\xff\xfea\0b\0").decode()},
        True,
    ),
    row("utf16be text", "a|utf16be|contains: ab", {"a": "\0a\0b"}, True),
    row("windash as written", "a|windash|contains: ' -f '", {"a": "x -f y"}, True),
    row("windash slash", "a|windash|contains: ' -f '", {"a": "x /f y"}, True),
    row("windash en dash", "a|windash|contains: ' -f '", {"a": "x \u2013f y"}, True),
    row("windash not inside", "a|windash|contains: ' a-f '", {"a": "x a/f y"}, False),
    row("windash all", "a|windash|contains|all: [' -f', ' -g']", {"a": "x /f -g"}, True),
    row("windash all needs each", "a|windash|contains|all: [' -f', ' -g']", {"a": "/f"}, False),
]
TIMES = [
    row("hour of text as written", "a|hour: 3", {"a": "2026-11-22T03:59:00+02:00"}, True),
    row("hour of milliseconds in UTC", "a|hour: 12", {"a": 1795348800000}, True),
    row("range", "a|hour|gte: 12", {"a": "2026-11-22T11:59:59Z"}, False),
    row("minute", "a|minute: 59", {"a": "2026-11-22T03:59:00Z"}, True),
    row(
        "day, month, year",
        "{s: {a|day: 22, a|month: 11, a|year: 2026}, condition: s}",
        {"a": "2026-11-22T03:59:00.123456789Z"},
        True,
    ),
    row("week", "a|week: 47", {"a": "2026-11-22"}, True),
    row("no time", "a|hour: 3", {"a": "three"}, False),
    row("beyond the calendar", "a|year: 9999", {"a": 1 << 62}, False),
    row("true is no time", "a|year: 1970", {"a": True}, False),
]
KEYWORDS = [
    row("in any value", "{k: [evil], condition: k}", {"a": {"b": ["x", "an EVIL thing"]}}, True),
    row("any of them", "{k: [evil, bad], condition: k}", {"a": "bad"}, True),
    row("not in names", "{k: [evil], condition: k}", {"evil": "x"}, False),
    row("not across values", "{k: ['a*b'], condition: k}", {"x": "a", "y": "b"}, False),
    row("star within a value", "{k: ['a*b'], condition: k}", {"x": "-a-b-"}, True),
    row("question mark", "{k: ['a?b'], condition: k}", {"x": "-a-b-"}, True),
    row("all", "{k: {'|all': [a, b]}, condition: k}", {"x": "a", "y": "b"}, True),
    row("all needs each", "{k: {'|all': [a, b]}, condition: k}", {"x": "a"}, False),
    row("number", "{k: [462], condition: k}", {"x": 4624}, True),
    row("true", "{k: [true], condition: k}", {"x": True}, True),
    row("null is not searched", "{k: ['none'], condition: k}", {"x": None}, False),
    row("windash", "{k: {'|windash|contains': ' -f '}, condition: k}", {"x": "a /f b"}, True),
    row("cased", "{k: {'|cased': Evil}, condition: k}", {"x": "evil"}, False),
]
CONDITIONS = [
    row("and", "{x: {a: 1}, y: {b: 1}, condition: x and y}", {"a": 1}, False),
    row("or", "{x: {a: 1}, y: {b: 1}, condition: x or y}", {"b": 1}, True),
    row("not binds first", "{x: {a: 1}, y: {b: 1}, condition: not x and y}", {"b": 1}, True),
    row(
        "and before or",
        "{x: {a: 1}, y: {b: 1}, z: {c: 1}, condition: x or y and z}",
        {"a": 1},
        True,
    ),
    row(
        "parentheses",
        "{x: {a: 1}, y: {b: 1}, z: {c: 1}, condition: (x or y) and z}",
        {"a": 1},
        False,
    ),
    row(
        "1 of a pattern", "{x1: {a: 1}, x2: {b: 1}, y: {c: 1}, condition: 1 of x*}", {"c": 1}, False
    ),
    row("any of them", "{x1: {a: 1}, x2: {b: 1}, condition: any of them}", {"b": 1}, True),
    row("all of a pattern", "{x1: {a: 1}, x2: {b: 1}, condition: all of x*}", {"b": 1}, False),
    row("all of them", "{x1: {a: 1}, x2: {b: 1}, condition: all of them}", {"a": 1, "b": 1}, True),
    row(
        "not 1 of",
        "{x: {a: 1}, f1: {b: 1}, f2: {c: 1}, condition: x and not 1 of f*}",
        {"a": 1, "c": 1},
        False,
    ),
    row(
        "them leaves out underscores",
        "{x: {a: 1}, _y: {b: 1}, condition: 1 of them}",
        {"b": 1},
        False,
    ),
    row("map is and", "{x: {a: 1, b: 1}, condition: x}", {"a": 1}, False),
    row("list of maps is or", "{x: [{a: 1}, {b: 1}], condition: x}", {"b": 1}, True),
    row("several conditions are or", "{x: {a: 1}, y: {b: 1}, condition: [x, y]}", {"b": 1}, True),
    row("name that starts with a word", "{notx: {a: 1}, condition: notx}", {"a": 1}, True),
]


@pytest.mark.parametrize(
    ("detection", "event", "expected"),
    [
        *STRINGS,
        *NUMBERS,
        *NOTHING,
        *LISTS,
        *FIELDS,
        *REGEX,
        *ADDRESSES,
        *REFERENCES,
        *ENCODINGS,
        *TIMES,
        *KEYWORDS,
        *CONDITIONS,
    ],
)
def test_semantics(
    does_match: Matches, detection: str, event: dict[str, Any], expected: bool
) -> None:
    """The value of a rule and that of an event agree exactly when Sigma says so."""
    assert does_match(detection, event) is expected


@pytest.mark.parametrize(
    ("values", "event", "expected"),
    [
        pytest.param({"admins": ["Root", "adm*"]}, {"a": "root"}, True, id="first value"),
        pytest.param({"admins": ["Root", "adm*"]}, {"a": "adm*"}, True, id="stars are themselves"),
        pytest.param({"admins": ["Root", "adm*"]}, {"a": "admin"}, False, id="no pattern"),
    ],
)
def test_expand(
    does_match: Matches, values: dict[str, list[str]], event: dict[str, Any], expected: bool
) -> None:
    """A placeholder stands for any of its values, taken as they are."""
    assert does_match("a|expand: '%admins%'", event, placeholders=values) is expected


def test_expand_stays_cased(does_match: Matches) -> None:
    """A cased value is still cased when its placeholder is filled in."""
    values = {"admins": ["Root"]}

    assert does_match("a|cased|expand: 'x%admins%'", {"a": "xRoot"}, placeholders=values)
    assert not does_match("a|cased|expand: 'x%admins%'", {"a": "xroot"}, placeholders=values)


def test_long_text_with_many_stars_is_quick(does_match: Matches) -> None:
    """A pattern that would make a backtracking matcher explode is decided in one pass."""
    assert not does_match("a: '*a*a*a*a*a*a*a*a*b'", {"a": "a" * 200_000})


def test_object_too_deep_has_no_text() -> None:
    """An object nested beyond what JSON writers take matches by no text, and breaks nothing."""
    deep: dict[str, Any] = {}
    for _ in range(2000):
        deep = {"a": deep}

    assert text_of(deep) == ""
