"""Rule set: rules, filters and correlations of the same files, what refers to what, and bounds."""

from __future__ import annotations

import pytest

from ombud.detect.loading import rule_set
from ombud.detect.loading.rule_set import RuleSet, load_rules

LOGIN = """
title: Failed login
id: login
name: failed_login
logsource: {product: okta}
detection: {s: {eventType: fail}, condition: s}
"""
EXPORT = LOGIN.replace("login", "export").replace("fail}", "export}").replace("Failed", "An")
MANY = """
title: Many failed logins
id: many
correlation:
  type: event_count
  rules: [failed_login]
  group-by: [user]
  timespan: 5m
  condition: {gte: 10}
"""
THEN = """
title: Many failed logins, then an export
id: then
correlation:
  type: temporal_ordered
  rules: [many, export]
  timespan: 1h
  group-by: [user]
"""
FILTER = """
title: Robots
id: robots
logsource: {product: okta}
filter: {rules: [login], robot: {user|startswith: svc_}, condition: not robot}
"""


def load(*texts: str) -> RuleSet:
    """Return the set of these documents, one file each."""
    return load_rules((f"{place}.yml", text.encode()) for place, text in enumerate(texts))


def test_documents_of_all_kinds_stand_in_any_order() -> None:
    """A correlation may stand before its rules, in one file with them, and refer by name."""
    found = load(f"{THEN}---\n{MANY}---\n{FILTER}", f"{LOGIN}---\n{EXPORT}")

    assert found.refusals == ()
    assert [rule.id for rule in found.rules] == ["login", "export"]
    assert [one.id for one in found.correlations] == ["many", "then"]
    assert [one.rules for one in found.correlations] == [("login",), ("many", "export")]
    assert [one.id for one in found.filters] == ["robots"]


def test_what_is_there_for_correlations_opens_no_alert() -> None:
    """Rules and correlations referred to are feeding, unless one that refers says `generate`."""
    found = load(LOGIN, EXPORT, MANY, THEN)
    assert found.feeding == {"login", "export", "many"}

    loud = load(LOGIN, EXPORT, MANY, THEN.replace("group-by", "generate: true\n  group-by"))
    assert loud.feeding == {"login"}
    assert load(LOGIN).feeding == frozenset()


def test_a_filter_changes_the_correlations_over_its_rules() -> None:
    """The version of a correlation is of its rules too, as they run."""
    plain, filtered = load(LOGIN, MANY), load(LOGIN, MANY, FILTER)

    assert plain.correlations[0].version != filtered.correlations[0].version


@pytest.mark.parametrize(
    ("texts", "refused"),
    [
        pytest.param([MANY], "0.yml: `many`: refers to `failed_login`", id="missing"),
        pytest.param([LOGIN, MANY, MANY], "2.yml: `many`: id is already taken by 1.yml", id="id"),
        pytest.param(
            [LOGIN, MANY.replace("id: many", "id: login")],
            "1.yml: `login`: id is already taken by 0.yml",
            id="id of a rule",
        ),
        pytest.param(
            [LOGIN, EXPORT, MANY, FILTER.replace("id: robots", "id: many")],
            "3.yml: `many`: id is already taken by 2.yml",
            id="id of a correlation",
        ),
        pytest.param(
            [LOGIN.replace("product: okta", "prodct: okta"), MANY],
            "1.yml: `many`: refers to `failed_login`",
            id="rule that is refused",
        ),
        pytest.param([MANY.replace("failed_login", "many")], "refers to itself", id="cycle"),
        pytest.param([LOGIN, MANY.replace("5m", "5x")], "1.yml: `many`:", id="timespan"),
        pytest.param(
            [LOGIN, MANY + "detection: {s: {a: 1}, condition: s}\n"],
            "1.yml: `many`: a document is either of `correlation`, `detection`",
            id="two kinds",
        ),
        pytest.param(["action: global\ntitle: T\n"], "`action` are obsolete", id="collection"),
        pytest.param(
            [LOGIN.replace("condition: s", "timeframe: 5m, condition: s")],
            "write a correlation with `timespan`",
            id="timeframe",
        ),
    ],
)
def test_refused_by_name(texts: list[str], refused: str) -> None:
    """What cannot run is refused by name, with its file and the reason; the rest runs."""
    found = load(*texts, EXPORT.replace("export", "other"))

    said = [str(one) for one in found.refusals]
    assert any(refused in one for one in said), said
    assert found.rules[-1].id == "other"


def test_correlations_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    """More correlations than anyone writes are refused one by one."""
    monkeypatch.setattr(rule_set, "CORRELATIONS_MAX", 1)
    found = load(LOGIN, MANY, MANY.replace("id: many", "id: more"))

    assert [one.id for one in found.correlations] == ["many"]
    assert "more than 1 correlations" in found.refusals[0].reason


FOREIGN = [
    pytest.param("AnalysisType: rule\nRuleID: AWS.X\nLogTypes: [AWS.CloudTrail]\n", id="panther"),
    pytest.param("rule:\n  name: x\n  query: any\n", id="elastic"),
    pytest.param("apiVersion: v1\nkind: Pod\nmetadata: {name: x}\n", id="kubernetes"),
    pytest.param("name: ci\non: [push]\njobs: {}\n", id="workflow"),
    pytest.param("- just\n- a list\n", id="list"),
    pytest.param("just text\n", id="text"),
    pytest.param("5\n", id="number"),
]


@pytest.mark.parametrize("text", FOREIGN)
def test_documents_of_others_are_refused(text: str) -> None:
    """YAML that is no Sigma is refused like any other document, in one line."""
    found = load(LOGIN, text)

    assert [rule.id for rule in found.rules] == ["login"]
    assert [(one.path, "\n" in one.reason) for one in found.refusals] == [("1.yml", False)]
