"""Field counts: what events of a file carry of what rules ask for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from ombud.detect.columnar.rows import ViewRows
from ombud.detect.matching.paths import is_present
from ombud.detect.rule import Rule
from ombud.detect.telling.field_counts import NAMES_MAX, SAMPLE_MAX, CarriedNames, FieldCounts

RuleOf = Callable[..., Rule]

AWS = "title: T\nid: aws\nlogsource: {product: aws}\n"
OWN = "title: O\nid: own\nlogsource: {product: ombud}\n"
EVENTS: list[dict[str, Any]] = [
    {"eventName": "a", "userIdentity": {"userName": "ana"}},
    {"eventName": None, "errorCode": []},
    {"eventname": "b"},
]


def test_counts(rule_of: RuleOf) -> None:
    """Each field with how many events carry it, the rarest first, and names like those missing."""
    rules = [
        rule_of("eventName: x\nuserName: y", head=AWS),
        replace(rule_of("errorCode: x", head=AWS), id="two"),
        replace(rule_of("x: 1", head=AWS.replace("aws}", "windows}")), id="far"),
    ]
    counts = FieldCounts(rules, "aws.cloudtrail")
    for event in EVENTS:
        counts.add(ViewRows([event]))

    rows = {row.field: row for row in counts.fields()}
    assert list(rows) == ["userName", "errorCode", "eventName"]
    assert {name: row.event_count for name, row in rows.items()} == {
        name: sum(is_present(event, name) for event in EVENTS) for name in rows
    }
    assert rows["userName"].close == ("userIdentity.userName",)
    assert rows["eventName"].close == ()
    assert rows["errorCode"].rule_ids == ("two",)
    assert [rule.id for rule in counts.elsewhere] == ["far"]
    assert [(row.rule_id, row.reason) for row in counts.silent()] == [
        ("aws", "no event carries userName")
    ]


def test_own_and_derived(rule_of: RuleOf) -> None:
    """Rules of our product are counted over names of the model; derived fields are no fault."""
    rules = [
        rule_of("action: read\nderived.idle_days|gte: 30", head=OWN),
        replace(rule_of("attributes.leaving_on|exists: true", head=OWN), id="leaving"),
    ]
    counts = FieldCounts(rules, "aws.cloudtrail")
    named = {"action": "read", "attributes": {"leaving_at": "2026-12-01"}}
    counts.add(ViewRows(EVENTS[:1]), ViewRows([named]))

    assert counts.rule_count == 2
    assert [(row.source, row.field, row.event_count, row.close) for row in counts.fields()] == [
        ("ombud", "attributes.leaving_on", 0, ("attributes.leaving_at",)),
        ("ombud", "action", 1, ()),
    ]
    assert [row.rule_id for row in counts.silent()] == ["leaving"]


def test_without_a_source(rule_of: RuleOf) -> None:
    """Every rule sees every line when nothing says what they are; no event fires nothing."""
    rules = [rule_of("action: read", head=OWN), rule_of("eventName: x", head=AWS)]
    counts = FieldCounts(rules, None)
    assert [row.reason for row in counts.silent()] == ["there is no event"] * 2
    counts.add(ViewRows(EVENTS))
    assert [row.rule_id for row in counts.silent()] == ["own"]


def test_not_and_alternatives(rule_of: RuleOf) -> None:
    """A rule can fire without a field that it forbids, or that is one way of several."""
    detection = "s: {eventName: x}\nt: {gone: 1}\nu: {lost: 2}\ncondition: s and (not t or u)"
    counts = FieldCounts([rule_of(detection, head=AWS)], "aws.cloudtrail")
    counts.add(ViewRows(EVENTS))
    assert counts.silent() == []
    assert [row.field for row in counts.fields()][:2] == ["gone", "lost"]


def test_names_are_bounded() -> None:
    """However many events and names there are, only so many are remembered."""
    names = CarriedNames()
    names.add({f"name{number}": 1} for number in range(SAMPLE_MAX + 10))
    assert names.close_to(f"Name{SAMPLE_MAX - 1}") == (f"name{SAMPLE_MAX - 1}",)
    assert f"name{SAMPLE_MAX}" not in names.close_to(f"Name{SAMPLE_MAX}")
    many = CarriedNames()
    for start in range(0, 3 * NAMES_MAX, 5000):
        many.add([{f"name{start + number}": 1 for number in range(5000)}])
    assert many.close_to(f"Name{3 * NAMES_MAX - 1}")[:1] != (f"name{3 * NAMES_MAX - 1}",)
