"""Filters: to which rules they are put, what they change, and why one is refused."""

from __future__ import annotations

import pytest

from ombud.detect.loading import filters
from ombud.detect.loading.rule_set import RuleSet, load_rules

READS = """
title: Reads
id: reads
name: all_reads
logsource: {product: aws, service: cloudtrail}
detection: {s: {eventName|startswith: Get}, condition: s}
"""
WRITES = READS.replace("reads", "writes").replace("Get", "Put").replace("Reads", "Writes")
OKTA = """
title: Okta
id: okta
logsource: {product: okta}
detection: {s: {eventName: login}, condition: s}
"""
OWN = """
title: Own
id: own
logsource: {product: ombud, service: records}
detection: {s: {action: export, rows.returned|gte: 100}, condition: s}
"""
FILTER = """
title: Robots
id: robots
logsource: {product: aws}
filter: {rules: [reads], robot: {user|startswith: svc_}, condition: not robot}
"""


def load(*texts: str) -> RuleSet:
    """Return the set of these documents, one file each."""
    return load_rules((f"{place}.yml", text.encode()) for place, text in enumerate(texts))


def matched(found: RuleSet, event: dict[str, object]) -> list[str]:
    """Return the ids of rules that an event matches, which both forms must agree on."""
    assert all(rule.matches(event) is rule.tree.is_match(event) for rule in found.rules)
    return [rule.id for rule in found.rules if rule.matches(event)]


def test_filter_is_joined_to_the_rules_it_names() -> None:
    """A filter keeps its rules from matching what it excludes, and no other rule."""
    found = load(READS, WRITES, OKTA, FILTER)

    assert found.refusals == ()
    assert [one.id for one in found.filters] == ["robots"]
    assert [rule.filters for rule in found.rules] == [("robots",), (), ()]
    assert matched(found, {"eventName": "GetObject", "user": "ana"}) == ["reads"]
    assert matched(found, {"eventName": "GetObject", "user": "SVC_a"}) == []
    assert matched(found, {"eventName": "PutObject", "user": "svc_a"}) == ["writes"]
    assert found.rules[0].fields == {"eventName", "user"}


def test_filter_may_stand_before_its_rules_and_name_them_by_name() -> None:
    """Order of files does not matter, and a rule is named by id or name."""
    found = load(FILTER.replace("[reads]", "all_reads"), READS)

    assert found.rules[0].filters == ("robots",)


@pytest.mark.parametrize("rules", ["any", "Any"])
def test_filter_for_any_rule_of_its_log_source(rules: str) -> None:
    """With `any` every rule is filtered that its log source covers."""
    found = load(READS, WRITES, OKTA, FILTER.replace("[reads]", rules))

    assert [rule.filters for rule in found.rules] == [("robots",), ("robots",), ()]


def test_condition_is_joined_as_it_is_written() -> None:
    """A filter without `not` leaves only what it selects."""
    found = load(READS, FILTER.replace("not robot", "robot"))

    assert matched(found, {"eventName": "GetObject", "user": "ana"}) == []
    assert matched(found, {"eventName": "GetObject", "user": "svc_a"}) == ["reads"]


def test_selections_of_rule_and_filter_are_apart() -> None:
    """The same name of a selection means one thing in the rule and another in the filter."""
    one = FILTER.replace("robot:", "s:").replace("not robot", "not 1 of them")
    found = load(READS.replace("condition: s", "condition: all of them"), one)

    assert matched(found, {"eventName": "GetObject", "user": "ana"}) == ["reads"]


def test_version_is_of_rule_and_filters() -> None:
    """A filter that applies changes the version of a rule, whatever the order of filters."""
    other = FILTER.replace("robots", "others").replace("svc_", "tmp_")
    plain = load(READS).rules[0].version
    first, second = (load(READS, *texts).rules[0] for texts in ((FILTER, other), (other, FILTER)))

    assert first == second
    assert set(first.filters) == {"robots", "others"}
    versions = {plain, load(READS, FILTER).rules[0].version, first.version}
    assert len(versions) == 3
    assert load(READS, FILTER.replace("svc_", "srv_")).rules[0].version not in versions


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param(("[reads]", "[gone]"), "names `gone`, which is no rule that runs", id="gone"),
        pytest.param(("[reads]", "[reads, gone]"), "names `gone`", id="one of two gone"),
        pytest.param(("[reads]", "[]"), "`rules` must be a list", id="no rules"),
        pytest.param(("[reads]", "[1]"), "`rules` must be a list", id="numbers"),
        pytest.param(("rules: [reads], ", ""), "`rules` must be a list", id="rules missing"),
        pytest.param(
            ("product: aws", "product: okta"), "but rule `reads` is about", id="elsewhere"
        ),
        pytest.param(
            ("{product: aws}", "{product: gcp}\nrelated: any"), "gcp/*/*, but rule", id="contrary"
        ),
        pytest.param(("title: Robots", ""), "`title` is missing", id="title"),
        pytest.param(("title: Robots", "title: R\nlevel: low"), "no key `level`", id="level"),
        pytest.param(("logsource: {product: aws}", ""), "`logsource` is missing", id="nowhere"),
        pytest.param((", condition: not robot", ""), "`condition` is missing", id="no condition"),
        pytest.param(("not robot", "[robot, robot]"), "has one condition", id="two conditions"),
        pytest.param(("not robot", "not human"), "`human` is not defined", id="undefined"),
        pytest.param(("startswith", "nope"), "unknown modifier", id="modifier"),
        pytest.param(("filter:", "timeframe: 5m\nfilter:"), "no key `timeframe`", id="key"),
        pytest.param(("filter:", "detection: {}\nfilter:"), "either of `detection`", id="both"),
        pytest.param(
            ("user|startswith: svc_", "a|expand: '%x%'"), "has no value", id="placeholder"
        ),
        pytest.param(("user|startswith: svc_", "eventName: Get*"), "contradicts rule", id="never"),
        pytest.param(("robot: {", "rule: {"), "`robot` is not defined", id="renamed"),
    ],
)
def test_refused_filter_leaves_its_rule_as_it_is(change: tuple[str, str], reason: str) -> None:
    """A filter that is refused by name changes no rule."""
    found = load(READS, FILTER.replace(*change))

    assert [refusal.rule_id for refusal in found.refusals] == ["robots"]
    assert reason.lower() in found.refusals[0].reason.lower()
    assert found.rules == load(READS).rules
    assert found.filters == ()


def test_filter_for_any_rule_where_there_is_none() -> None:
    """A filter that fits no rule is refused, for its author thinks that it works."""
    found = load(OKTA, FILTER.replace("[reads]", "any"))

    assert "is for any rule of aws/*/*, and there is none" in found.refusals[0].reason


@pytest.mark.parametrize(
    ("selection", "reason"),
    [
        pytest.param("resource.datset: x", "did you mean", id="unknown field"),
        pytest.param("action: EXPORT", "contradicts rule `own`", id="its action"),
        pytest.param("rows.returned|gt: 5", None, id="wider number, which is not proven"),
        pytest.param("actor.id: svc", None, id="fits"),
    ],
)
def test_filter_of_own_rules(selection: str, reason: str | None) -> None:
    """Fields of a filter for rules of our own events are those of the event model."""
    text = FILTER.replace("[reads]", "[own]").replace("product: aws", "product: ombud")
    found = load(OWN, text.replace("user|startswith: svc_", selection))

    assert [reason or "" in one.reason for one in found.refusals] == ([reason] if reason else [])
    assert bool(found.rules[0].filters) is (reason is None)


def test_filter_that_demands_another_value_of_an_own_field() -> None:
    """A field of our own events has one value, so another one is a contradiction."""
    text = FILTER.replace("[reads]", "[own]").replace("product: aws", "product: ombud")
    text = text.replace("not robot", "robot").replace("user|startswith: svc_", "action: read")

    assert "could never match" in load(OWN, text).refusals[0].reason


def test_ids_and_names_belong_to_one_document() -> None:
    """Rules and filters share their ids and names, since references are to either."""
    found = load(READS, FILTER.replace("id: robots", "id: reads"), OKTA + "name: all_reads\n")

    assert [str(one) for one in found.refusals] == [
        "1.yml: `reads`: id is already taken by 0.yml",
        "2.yml: `okta`: name is already taken by 0.yml",
    ]


def test_filters_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """More filters than anyone writes are refused one by one."""
    monkeypatch.setattr("ombud.detect.loading.rule_set.FILTERS_MAX", 1)
    monkeypatch.setattr(filters, "RULES_MAX", 1)
    found = load(READS, FILTER, FILTER.replace("robots", "more"))

    assert [str(one) for one in found.refusals] == ["2.yml: `more`: there are more than 1 filters"]
    assert (
        "more than 1 rules" in load(READS, FILTER.replace("[reads]", "[a, b]")).refusals[0].reason
    )
