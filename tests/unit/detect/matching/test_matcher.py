"""Which rules see which events, in which form, and what is told of a match."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ombud.core.batch import Committed
from ombud.core.errors import RuleError
from ombud.core.event import Event
from ombud.detect.cases import named_view, parse_cases, run_cases
from ombud.detect.logsource import LogSource, sees_event
from ombud.detect.matching.matcher import (
    FIELDS_MAX,
    PLANS_MAX,
    VALUE_LENGTH_MAX,
    VALUES_MAX,
    Matcher,
    explain,
)
from ombud.detect.rule import Rule, parse_rules
from ombud.detect.view import check_field, view_of_event, view_of_original, view_of_row

RuleOf = Callable[..., Rule]


def head(logsource: str) -> str:
    """Return the head of a rule for a logsource."""
    return f"title: T\nid: t\nlogsource: {logsource}\n"


@pytest.mark.parametrize(
    ("logsource", "source", "named", "original"),
    [
        pytest.param("{product: ombud}", "aws.cloudtrail", 1, 0, id="ours sees every event"),
        pytest.param("{product: aws, service: cloudtrail}", "aws.cloudtrail", 0, 1, id="theirs"),
        pytest.param("{product: aws}", "aws.cloudtrail", 0, 1, id="product alone"),
        pytest.param("{service: cloudtrail}", "aws.cloudtrail", 0, 1, id="service alone"),
        pytest.param("{category: database}", "postgres.pgaudit", 0, 1, id="category alone"),
        pytest.param("{product: aws, service: s3}", "aws.cloudtrail", 0, 0, id="other service"),
        pytest.param("{product: aws, category: x}", "aws.cloudtrail", 0, 0, id="other category"),
        pytest.param("{product: aws}", "county.records", 0, 0, id="other source"),
    ],
)
def test_routes(rule_of: RuleOf, logsource: str, source: str, named: int, original: int) -> None:
    """A rule sees the events whose source is all that its logsource names."""
    plan = Matcher([rule_of("action: read", head=head(logsource))]).plan(source, "read")

    assert (len(plan.named), len(plan.original)) == (named, original)


@pytest.mark.parametrize(
    ("service", "source", "action", "seen"),
    [
        pytest.param("records", "county.records", "read", True, id="act on data"),
        pytest.param("records", "county.records", "approve", False, id="no act on data"),
        pytest.param("control", "county.records", "approve", True, id="act on access"),
        pytest.param("control", "county.records", "read", False, id="no act on access"),
        pytest.param("oversight", "ombud.look", "search", True, id="overseer"),
        pytest.param("oversight", "ombudsman.log", "search", False, id="similar name"),
        pytest.param(None, "county.records", "other", True, id="no service is all"),
        pytest.param("records", "ombud.decision", "read", False, id="attempt is no act on data"),
        pytest.param("control", "ombud.decision", "other", False, id="nor on access"),
        pytest.param("oversight", "ombud.decision", "read", False, id="nor in Ombud"),
        pytest.param("decisions", "ombud.decision", "read", True, id="attempt"),
        pytest.param("oversight", "ombud.trino", "execute", False, id="nor a query of Trino"),
        pytest.param("decisions", "ombud.trino", "execute", True, id="query of Trino"),
        pytest.param("decisions", "county.records", "read", False, id="act is no attempt"),
        pytest.param(None, "ombud.decision", "read", True, id="no service sees attempts"),
    ],
)
def test_services_of_ombud(service: str | None, source: str, action: str, seen: bool) -> None:
    """The services of product `ombud` part events by what was done and where."""
    assert sees_event(LogSource("ombud", service), source, action) is seen


def test_plans_are_bounded(rule_of: RuleOf) -> None:
    """Sources are named from outside, so what is remembered of them is bounded."""
    matcher = Matcher([rule_of("a: 1")])
    for n in range(PLANS_MAX + 2):
        matcher.plan(f"s{n}", "read")

    assert len(matcher._plans) <= PLANS_MAX


def test_match_tells_rule_and_fields(rule_of: RuleOf) -> None:
    """The matcher returns each rule that matches with the fields it was by."""
    matcher = Matcher([rule_of("a: x"), rule_of("a: y")])

    (match,) = matcher.match({"a": "X", "b": 1})

    assert (match.rule_id, match.fields) == ("t", {"a": ["X"]})


def test_what_is_told_is_bounded(rule_of: RuleOf) -> None:
    """However large an event, what is told of its match is for a person to read."""
    names = [f"f{n}" for n in range(FIELDS_MAX + 5)]
    rule = rule_of("{" + ", ".join(f"{name}: '*'" for name in names) + "}")
    event: dict[str, Any] = {name: [f"{n}" * 999 for n in range(VALUES_MAX + 5)] for name in names}

    told = explain(rule, event)

    assert len(told) == FIELDS_MAX
    assert {len(values) for values in told.values()} == {VALUES_MAX}
    assert {len(value) for values in told.values() for value in values} == {VALUE_LENGTH_MAX}


def test_objects_are_told_as_text(rule_of: RuleOf) -> None:
    """A matched object is told as its JSON, cut like any text."""
    assert explain(rule_of("a|contains: b"), {"a": {"b": 1}}) == {"a": ['{"b":1}']}


@pytest.mark.parametrize(
    ("raw", "view"),
    [
        pytest.param(b'{"a": 1}', {"a": 1}, id="object"),
        pytest.param(b"a,b", {"message": "a,b"}, id="text"),
        pytest.param(b"[1]", {"message": "[1]"}, id="no object"),
        pytest.param(b"\xff", {"message": "\ufffd"}, id="no UTF-8"),
        pytest.param(b'{"A b": 1, "c": 2}', {"A b": 1, "Ab": 1, "c": 2}, id="name with a space"),
        pytest.param(b'{"A b": 1, "Ab": 2}', {"A b": 1, "Ab": 2}, id="short name is taken"),
    ],
)
def test_originals(raw: bytes, view: dict[str, Any]) -> None:
    """An original is seen as its source wrote it, with short names for names with spaces."""
    assert view_of_original(raw) == view


def test_named_view(committed_of: Callable[..., Committed]) -> None:
    """An event is seen by the names of the model, absent fields left out."""
    event = Event(
        time=5,
        source="s",
        action="read",
        resource_dataset="plates",
        subjects=(("person", "p-1"), ("plate", "X 1")),
        attributes={"vip": True},
    )
    view = view_of_event(event)

    assert view == {
        "time": 5,
        "source": "s",
        "action": "read",
        "time_known": True,
        "resource.dataset": "plates",
        "attributes": {"vip": True},
        "subjects": ["person:p-1", "plate:X 1"],
        "subject.kind": ["person", "plate"],
        "subject.key": ["p-1", "X 1"],
    }
    assert view_of_row(committed_of([event]), 0) == view


@pytest.mark.parametrize("name", ["action", "subject.key", "derived.idle_days", "attributes.a.b"])
def test_known_fields(name: str) -> None:
    """Fields of the model, of data subjects, derived and declared ones are known."""
    check_field(name)


def test_unknown_field_without_a_neighbour() -> None:
    """A field like no other is refused without a guess."""
    with pytest.raises(RuleError, match=r"^unknown field `zzzzzz`$"):
        check_field("zzzzzz")


OWN = "title: T\nid: t\nlogsource: {product: ombud}\ndetection: {s: {action: read}, condition: s}\n"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("[]", "a map of `matches`", id="list"),
        pytest.param("match: []", "a map of `matches`", id="other key"),
        pytest.param("a: b: c", "mapping values", id="no YAML"),
        pytest.param("matches: [{name: x}]", "match 1 has no `event`", id="no event"),
        pytest.param("misses: [{event: {}, x: 1}]", "unknown key `x`", id="unknown key"),
        pytest.param("matches: [{event: {actoin: x}}]", "unknown field `actoin`", id="field"),
        pytest.param("matches: [{event: {rows.returned: x}}]", "is integer, not `x`", id="type"),
        pytest.param("matches: [{event: {rows.returned: true}}]", "is integer", id="truth"),
        pytest.param("matches: [{rule: u, event: {}}]", "about no rule", id="other rule"),
        pytest.param("x" * ((1 << 20) + 1), "larger than 1024 KiB", id="large"),
    ],
)
def test_refuses_cases(text: str, reason: str) -> None:
    """Events of a rule that cannot be are refused with the file and the reason."""
    rules, _ = parse_rules(OWN, path="t.yml")

    with pytest.raises(RuleError, match=reason) as refusal:
        run_cases(rules, parse_cases(text, path="t.tests.yml"), path="t.tests.yml")

    assert refusal.value.origin == "t.tests.yml"


def test_cases_of_several_rules() -> None:
    """In a file of several rules each case names its own; originals are taken as they are."""
    other = OWN.replace("id: t", "id: u").replace("product: ombud", "product: aws")
    rules, _ = parse_rules(f"{OWN}---\n{other}", path="t")
    cases = parse_cases(
        "matches: [{rule: t, event: {action: read}}]\n"
        "misses: [{rule: u, name: n, event: {action: write}}]\n",
        path="t",
    )

    results = run_cases(rules, cases, path="t")

    assert [(result.rule_id, result.name, result.passed) for result in results] == [
        ("t", "match 1", True),
        ("u", "n", True),
    ]


def test_named_view_of_a_case() -> None:
    """Events of cases may dot or nest declared attributes."""
    assert named_view({"attributes.a.b": 1}) == {"attributes": {"a": {"b": 1}}}
