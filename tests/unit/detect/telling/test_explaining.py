"""Explaining: every condition with what was demanded, what is there, and how near it came."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ombud.detect.loading.selections import named_parts
from ombud.detect.rule import Rule
from ombud.detect.telling.explaining import VALUE_LENGTH_MAX, VALUES_MAX, Finding, explain_tree

RuleOf = Callable[..., Rule]

HINTS: list[tuple[str, str, dict[str, Any], str]] = [
    ("case of a value", "a|cased: Root", {"a": "root"}, "but for case, which `cased` minds"),
    ("case of an expression", "a|re: ^Root", {"a": "root"}, "but for case: `re` minds it"),
    ("spaces", "a: root", {"a": " root "}, "but for the spaces around it"),
    ("whole value", "a: root", {"a": "root2"}, "the whole value must be equal"),
    ("not at the start", "a|startswith: root", {"a": "/root"}, "but not at the start"),
    ("not at the end", "a|endswith: root", {"a": "root/"}, "but not at the end"),
    ("spelling", "a: StopLogging", {"a": "StopLoging"}, "spelled almost like `stoplogging`"),
    ("another spelling of a number", "a: 4624", {"a": "4624.0"}, "written otherwise than 4624"),
    ("number against text", "a: '4624'", {"a": 4624.0}, "the number `4624.0` is written otherwise"),
    ("boolean against a number", "a: 1", {"a": True}, "`true` is a boolean, never a number"),
    ("text against a boolean", "a: true", {"a": "yes"}, "`yes` is not `true`"),
    ("text against a bound", "a|gte: 5", {"a": "12 k"}, "`12 k` is no number"),
    ("no time", "a|hour: 5", {"a": "noon"}, "neither ISO 8601 nor milliseconds"),
    ("another hour", "a|hour: 5", {"a": "2026-11-22T12:00:00Z"}, "its hour is 12"),
    ("an earlier hour", "a|hour|gte: 22", {"a": 1_795_348_800_000}, "its hour is 12"),
    ("a port after an address", "a|cidr: 10.0.0.0/8", {"a": "10.0.0.1:443"}, "is no address"),
    ("a number for an address", "a|cidr: 10.0.0.0/8", {"a": 7}, "`7` is no text of an address"),
    ("empty is not null", "a: null", {"a": ""}, "empty text is not null"),
    ("case of a name", "userName: x", {"username": "x"}, "the event has `username`"),
    ("another way to it", "userName: x", {"id": {"userName": "x"}}, "has `id.userName`"),
    ("same end", "a.userName: x", {"b": {"userName": "x"}}, "the event has `b.userName`"),
    ("name misspelled", "eventNme: x", {"eventName": "x"}, "the event has `eventName`"),
    ("other field missing", "a|fieldref: b", {"a": 1}, "`b` is missing"),
    ("other field differs", "a|fieldref: b", {"a": 1, "b": 2}, "`b` has 2"),
]

AWAY: list[tuple[str, str, dict[str, Any]]] = [
    ("another value", "a: root", {"a": "guest"}),
    ("less", "a|gte: 5", {"a": 4}),
    ("outside", "a|cidr: 10.0.0.0/8", {"a": "11.0.0.1"}),
    ("null", "a: root", {"a": None}),
    ("nothing like it", "userName: x", {"zone": "x"}),
    ("other number", "a: 1", {"a": 2}),
    ("there", "a|exists: false", {"a": 2}),
]


def explained(rule_of: RuleOf, detection: str, event: dict[str, Any]) -> Finding:
    """Return what an event makes of a detection, its parts named."""
    body = yaml.safe_load(textwrap.dedent(detection))
    if "condition" not in body:
        body = {"s": body, "condition": "s"}
    names = named_parts({"logsource": {"product": "test"}, "detection": body})
    return explain_tree(rule_of(detection).tree, event, names)


@pytest.mark.parametrize(("name", "detection", "event", "hint"), HINTS, ids=str)
def test_near_misses(
    rule_of: RuleOf, name: str, detection: str, event: dict[str, Any], hint: str
) -> None:
    """What nearly matched is told with what kept it from matching."""
    finding = explained(rule_of, detection, event)
    assert not finding.is_met, name
    assert any(hint in one for one in finding.hints), finding.hints


@pytest.mark.parametrize(("name", "detection", "event"), AWAY, ids=str)
def test_far_misses(rule_of: RuleOf, name: str, detection: str, event: dict[str, Any]) -> None:
    """What is simply otherwise has no hint: a hint that says nothing hides those that do."""
    finding = explained(rule_of, detection, event)
    assert not finding.is_met, name
    assert finding.hints == ()


DEMANDS: list[tuple[str, tuple[str, ...], tuple[Any, ...]]] = [
    ("a: Root", (), ("root",)),
    ("a: [x, y]", (), ("x", "y")),
    ("a|contains: [x, y]", ("contains",), ("x", "y")),
    ("a|startswith|cased: Ro", ("startswith", "cased"), ("Ro",)),
    ("a|endswith: .EXE", ("endswith",), (".exe",)),
    ("a: 'a*b?c\\*'", (), ("a*b?c\\*",)),
    ("a: 5", (), (5,)),
    ("a: false", (), (False,)),
    ("a|re|i: ^x", ("re", "i"), ("^x",)),
    ("a|cidr: 10.0.0.0/8", ("cidr",), ("10.0.0.0/8",)),
    ("a|gt: 5", ("gt",), (5,)),
    ("a|hour: 5", ("hour",), (5,)),
    ("a|hour|gte: 5", ("hour", "gte"), (5,)),
    ("a|exists: true", ("exists",), (True,)),
    ("a: null", (), (None,)),
    ("a|fieldref: b", ("fieldref",), ("b",)),
    ("a|fieldref|startswith: b", ("fieldref", "startswith"), ("b",)),
]


@pytest.mark.parametrize(("detection", "modifiers", "demanded"), DEMANDS, ids=str)
def test_demands(
    rule_of: RuleOf, detection: str, modifiers: tuple[str, ...], demanded: tuple[Any, ...]
) -> None:
    """A condition is told as rules write it: modifiers, and a list as one."""
    finding = explained(rule_of, detection, {})
    assert (finding.kind, finding.field) == ("field", "a")
    assert (finding.modifiers, finding.demanded) == (modifiers, demanded)


def test_tree(rule_of: RuleOf) -> None:
    """The tree is that of the rule, its parts under the names that the rule gives them."""
    detection = """
        export: {action: export, rows|gte: 100}
        filter_nightly: {job: nightly}
        filter_test: {case: [t1, t2]}
        condition: export and not 1 of filter_*
    """
    finding = explained(rule_of, detection, {"action": "export", "rows": 99, "case": "T2"})

    assert finding.to_dict() == {
        "kind": "all",
        "is_met": False,
        "name": None,
        "parts": [
            {
                "kind": "all",
                "is_met": False,
                "name": "export",
                "parts": [
                    _field("action", True, ["export"], ["export"]),
                    _field("rows", False, [100], [99], modifiers=["gte"]),
                ],
            },
            {
                "kind": "not",
                "is_met": False,
                "name": None,
                "parts": [
                    {
                        "kind": "any",
                        "is_met": True,
                        "name": None,
                        "parts": [
                            _field("job", False, ["nightly"], None, name="filter_nightly"),
                            _field("case", True, ["t1", "t2"], ["T2"], name="filter_test"),
                        ],
                    }
                ],
            },
        ],
    }


def _field(
    field: str,
    is_met: bool,
    demanded: list[Any],
    values: list[Any] | None,
    *,
    modifiers: list[str] | None = None,
    name: str | None = None,
) -> dict[str, Any]:
    return {
        "kind": "field",
        "is_met": is_met,
        "name": name,
        "field": field,
        "modifiers": modifiers or [],
        "demanded": demanded,
        "is_missing": values is None,
        "values": values,
        "hints": [],
    }


def test_keywords(rule_of: RuleOf) -> None:
    """A keyword shows the values it stands in; one that is only a name of a field is said."""
    detection = "s: [mimikatz, sekurlsa]\ncondition: s"
    found = explained(rule_of, detection, {"a": {"b": "run MIMIKATZ now"}})
    assert (found.kind, found.name, found.is_met) == ("keyword", "s", True)
    assert found.demanded == ("mimikatz", "sekurlsa")
    assert found.values == ("run MIMIKATZ now",)

    missed = explained(rule_of, detection, {"mimikatz": "no"})
    assert (missed.is_met, missed.values) == (False, None)
    assert missed.hints == ("only in the name of `mimikatz`: keywords are values",)


def test_values_are_cut(rule_of: RuleOf) -> None:
    """What is told of an event is bounded, whatever the event holds."""
    event = {"a": ["x" * 10_000, *range(100)]}
    finding = explained(rule_of, "a: y", event)
    assert finding.values is not None
    assert len(finding.values) == VALUES_MAX
    assert len(finding.values[0]) == VALUE_LENGTH_MAX


def test_hostile_events(rule_of: RuleOf) -> None:
    """Long values, many names and a deep event cost little and break nothing."""
    deep: dict[str, Any] = {"a": "x"}
    for _ in range(2000):
        deep = {"b": deep}
    event = {"a": "y" * 1_000_000, **{f"n{n}": n for n in range(20_000)}, "deep": deep}
    finding = explained(rule_of, f"a: {'y' * 300}\nmissing: 1", event)
    assert not finding.is_met


SHAPES = (
    "s: {a: x}\nt: {b: [1, 2]}\nu: {c|contains|all: [x, y]}\ncondition: s and (t or not u)",
    "s: [{a: x, b: 1}, {c: null}]\ncondition: s",
    "s: {a|exists: false}\nt: {b|fieldref: a}\ncondition: not s or t",
    "s: [x, y]\nt: {a: x}\ncondition: 1 of them",
)
LEAF = st.one_of(st.none(), st.sampled_from(["x", "y", "xy", ""]), st.integers(0, 3))
EVENTS = st.dictionaries(st.sampled_from("abc"), st.one_of(LEAF, st.lists(LEAF, max_size=3)))


@given(shape=st.sampled_from(SHAPES), event=EVENTS)
def test_says_what_the_rule_does(rule_of: RuleOf, shape: str, event: dict[str, Any]) -> None:
    """The whole is met exactly when the rule matches, and every part agrees with those below."""
    rule = rule_of(shape)
    finding = explain_tree(rule.tree, event)
    assert finding.is_met is bool(rule.matches(event))
    _check(finding)


def _check(finding: Finding) -> None:
    parts = [part.is_met for part in finding.parts]
    match finding.kind:
        case "all":
            assert finding.is_met is all(parts)
        case "any":
            assert finding.is_met is any(parts)
        case "not":
            assert [finding.is_met] == [not one for one in parts]
        case _:
            assert not parts
            assert not (finding.is_met and finding.hints and finding.modifiers[:1] != ("fieldref",))
    for part in finding.parts:
        _check(part)
