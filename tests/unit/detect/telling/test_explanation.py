"""Explanation: whether a rule sees an event, with the reason, and what it makes of it anyway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ombud.detect.loading.rule_set import load_rules
from ombud.detect.logsource import ROUTES, sees_event, sees_original
from ombud.detect.rule import Rule
from ombud.detect.telling.explanation import EventInHand, explain_correlation, explain_rule

RuleOf = Callable[..., Rule]

SIGHTS: list[tuple[str, str, str | None, str, bool | None, str]] = [
    ("own, every event", "{product: ombud}", "x.y", "read", True, "see every event"),
    ("own, service", "{product: ombud, service: records}", "x.y", "read", True, "acts on data"),
    ("own, other", "{product: ombud, service: control}", "x.y", "read", False, "action `read`"),
    ("oversight", "{product: ombud, service: oversight}", "x.y", "read", False, "source `x.y`"),
    (
        "attempt",
        "{product: ombud, service: records}",
        "ombud.decision",
        "read",
        False,
        "an attempt put to the decision",
    ),
    ("tick", "{product: ombud}", "ombud.tick", "tick", False, "ticks carry time"),
    ("finding", "{product: ombud}", "ombud.detect", "find", False, "findings are what rules found"),
    ("routed", "{product: aws}", "aws.cloudtrail", "read", True, "are `aws/cloudtrail/*`"),
    ("other", "{product: windows}", "aws.cloudtrail", "read", False, "is for `windows/*/*`"),
    ("no route", "{product: aws}", "county.records", "read", False, "have no logsource"),
    ("no source", "{product: windows}", None, "read", None, "as it is"),
]


@pytest.mark.parametrize(
    ("name", "logsource", "source", "action", "sees", "reason"), SIGHTS, ids=str
)
def test_sight(
    rule_of: RuleOf,
    name: str,
    logsource: str,
    source: str | None,
    action: str,
    sees: bool | None,
    reason: str,
) -> None:
    """Whether the rule would see the event comes first, and says why."""
    rule = rule_of("action: read", head=f"title: T\nid: t\nlogsource: {logsource}\n")
    view = {"action": action}
    told = explain_rule(rule, EventInHand(source, view, view)).to_dict()
    assert told["sees"] is sees, name
    assert reason in told["sees_reason"]
    assert told["is_match"] is (sees is not False and action == "read")


@pytest.mark.parametrize("source", [*ROUTES, "county.records", "ombud.look", "ombud.decision"])
@pytest.mark.parametrize(
    "logsource",
    ["{product: ombud}", "{product: ombud, service: oversight}", "{category: database}"],
)
def test_sight_is_routing(rule_of: RuleOf, source: str, logsource: str) -> None:
    """What is said of routing is what routing does."""
    rule = rule_of("action: read", head=f"title: T\nid: t\nlogsource: {logsource}\n")
    view = {"action": "read"}
    sees = explain_rule(rule, EventInHand(source, view, view)).sight.sees
    if rule.logsource.is_own:
        assert sees is sees_event(rule.logsource, source, "read")
    else:
        assert sees is sees_original(rule.logsource, ROUTES.get(source))


def test_form_of_the_event(rule_of: RuleOf) -> None:
    """A rule is put to the form that its logsource asks for; without it nothing is claimed."""
    own = rule_of("action: read", head="title: T\nid: t\nlogsource: {product: ombud}\n")
    other = rule_of("verb: get", head="title: T\nid: t\nlogsource: {product: aws}\n")
    event = EventInHand("aws.cloudtrail", {"action": "read"}, {"verb": "get"})
    assert explain_rule(own, event).is_match
    assert explain_rule(other, event).is_match

    bare = EventInHand("aws.cloudtrail", {"action": "read"}, None)
    told = explain_rule(other, bare).to_dict()
    assert (told["condition"], told["is_match"], told["sees"]) == (None, False, True)


def test_derived_fields_are_unknown(rule_of: RuleOf) -> None:
    """What only the record tells is said to be unknown, unless the event brings it along."""
    head = "title: T\nid: t\nlogsource: {product: ombud}\n"
    rule = rule_of("derived.idle_days|gte: 30", head=head)
    view: dict[str, Any] = {"action": "read"}
    assert explain_rule(rule, EventInHand("x", view, None)).unknown == ("derived.idle_days",)
    given = {**view, "derived.idle_days": 31}
    assert explain_rule(rule, EventInHand("x", given, None)).unknown == ()


CHAIN = """\
title: Failed
id: failed
logsource: {product: ombud, service: control}
detection: {s: {action: authenticate, outcome: failure}, condition: s}
---
title: Export
id: export
logsource: {product: ombud, service: records}
detection: {s: {action: export}, condition: s}
---
title: Guessing
id: guessing
correlation: {type: event_count, rules: [failed], group-by: [actor.id], timespan: 1h,
  condition: {gte: 5}}
---
title: Then export
id: then
correlation: {type: temporal_ordered, rules: [guessing, export], group-by: [who], timespan: 1h,
  aliases: {who: {guessing: actor.id, export: actor.name}}}
"""


def test_correlation() -> None:
    """A correlation is explained by the rules it stands on, and the group the event would be in."""
    known = load_rules([("c.yml", CHAIN.encode())])
    assert not known.refusals
    guessing, then = known.correlations
    event = EventInHand("x", {"action": "export", "actor.name": ["Ana", "Ben"]}, None)

    told = explain_correlation(then, known, event).to_dict()
    assert [(row["rule"]["id"], row["is_match"]) for row in told["rules"]] == [
        ("failed", False),
        ("export", True),
    ]
    assert (told["is_match"], told["group"]) == (True, {"who": ["Ana", "Ben"]})
    assert (told["rule"]["type"], told["rule"]["timespan_ms"]) == ("temporal_ordered", 3_600_000)

    away = explain_correlation(guessing, known, event).to_dict()
    assert (away["is_match"], away["group"], len(away["rules"])) == (False, {}, 1)
