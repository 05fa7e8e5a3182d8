"""Other people's rules: the whole SigmaHQ corpus loads, and its regression events match."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from ombud.detect.loading.rule_set import RuleSet, load_rules
from ombud.detect.logsource import ROUTES, sees_original
from ombud.detect.matching.matcher import Matcher
from ombud.detect.rule import parse_rules
from ombud.detect.view import view_of_original, with_short_names

# The published count of this case is 1, but three of its events hold the text asked for.
MORE_THAN_PUBLISHED = {"0b9ad457-2554-44c1-82c2-d56a99c42377": 3}


@pytest.fixture(scope="session")
def corpus(vectors: Path) -> RuleSet:
    """Return what becomes of every published rule."""
    folder = vectors / "sigma" / "rules"
    files = sorted(folder.rglob("*.yml"))
    return load_rules((str(file.relative_to(folder)), file.read_bytes()) for file in files)


def test_every_published_rule_loads(corpus: RuleSet) -> None:
    """Every rule of the corpus can be evaluated; were one refused, it would be named here."""
    rules, refusals = corpus.rules, corpus.refusals

    assert [str(refusal) for refusal in refusals] == []
    assert len(rules) == 3141


def test_regression_events_match(vectors: Path) -> None:
    """Each of the 87 published cases matches, as often as published where that is known."""
    cases = [
        orjson.loads(line)
        for line in (vectors / "sigma" / "regression.ndjson").read_bytes().splitlines()
    ]
    for case in cases:
        (rule,), refusals = parse_rules(case["rule"], path=case["rule_id"])
        events: list[dict[str, Any]] = [with_short_names(event) for event in case["events"]]
        matched = [rule.matches(event) for event in events]

        assert not refusals
        assert matched == [rule.tree.is_match(event) for event in events]
        if case["match_count"] is None:
            assert any(matched), rule.title
        else:
            expected = MORE_THAN_PUBLISHED.get(rule.id, case["match_count"])
            assert sum(matched) == expected, rule.title
    assert len(cases) == 87


def test_cloudtrail_of_an_attack(vectors: Path, corpus: RuleSet) -> None:
    """The routed AWS rules find what other engines found in an hour of simulated attack."""
    lines = (vectors / "cloudtrail" / "stratus-run.ndjson").read_bytes().splitlines()
    matcher = Matcher(corpus.rules)
    rules = [rule for rule, _ in matcher.plan("aws.cloudtrail", "other").original]
    found: dict[str, int] = {}
    for line in lines:
        view = view_of_original(line)
        for rule in rules:
            if rule.matches(view):
                found[rule.path.rpartition("/")[2]] = found.get(rule.path.rpartition("/")[2], 0) + 1

    assert len(rules) == 57
    assert all(sees_original(rule.logsource, ROUTES["aws.cloudtrail"]) for rule in rules)
    assert sum(found.values()) == 109
    assert found["aws_sts_assumerole_misuse.yml"] == 76
    assert len(found) == 11


def google(application: str, name: str, **parameters: str) -> tuple[dict[str, Any], ...]:
    """Return an activity as the Reports API gives it, and as Cloud Logging does."""
    listed = [{"name": key.upper(), "value": value} for key, value in parameters.items()]
    activity = {
        "id": {"applicationName": application},
        "events": [{"name": name, "parameters": listed}],
    }
    event = {"eventName": name, "parameter": listed}
    service = f"{application}.googleapis.com"
    return activity, {"protoPayload": {"serviceName": service, "metadata": {"event": [event]}}}


def microsoft(**members: str) -> tuple[dict[str, Any], ...]:
    """Return a record alone, and inside the row of a search."""
    return members, {"AuditData": orjson.dumps(members).decode()}


VENDORS = [
    ("github.audit", 15, ({"action": "repo.pages_public"},), "github_pages_site_changed_to_public"),
    ("okta.systemlog", 21, ({"eventType": "system.api_token.create"},), "okta_api_token_created"),
    ("microsoft365.audit", 19, microsoft(Operation="Disable Strong Authentication."),
     "microsoft365_disabling_mfa"),
    ("microsoft365.audit", 19,
     microsoft(Workload="Exchange", Operation="Add-FederatedDomain", ResultStatus="True"),
     "microsoft365_new_federated_domain_added_exchange"),
    ("microsoft365.audit", 19,
     microsoft(Workload="SecurityComplianceCenter", Operation="AlertTriggered",
               Name="Suspicious inbox forwarding", ResultStatus="Succeeded"),
     "microsoft365_susp_inbox_forwarding"),
    ("google.workspace", 10,
     google("admin", "CHANGE_APPLICATION_SETTING", setting_name="ContextAwareAccess x"),
     "gcp_gworkspace_application_access_levels_modified"),
    ("google.workspace", 10, google("admin", "ENFORCE_STRONG_AUTHENTICATION", new_value="false"),
     "gcp_gworkspace_mfa_disabled"),
    ("google.workspace", 10, google("admin", "REMOVE_PRIVILEGE"),
     "gcp_gworkspace_role_privilege_deleted"),
    ("google.workspace", 10, google("login", "gov_attack_warning"), "gcp_gworkspace_govattack"),
]  # fmt: skip


@pytest.mark.parametrize(("source", "count", "records", "name"), VENDORS)
def test_rules_about_other_products(
    corpus: RuleSet,
    source: str,
    count: int,
    records: tuple[dict[str, Any], ...],
    name: str,
) -> None:
    """Published rules see the originals of the source, in every way these are delivered."""
    rules = [rule for rule, _ in Matcher(corpus.rules).plan(source, "other").original]

    assert len(rules) == count
    for record in records:
        view = view_of_original(orjson.dumps(record), source)
        found = [rule.path for rule in rules if rule.matches(view)]
        assert any(name in path for path in found), (record, found)
        harmless = view_of_original(orjson.dumps({"Operation": "x", "action": "y"}), source)
        assert not [rule.path for rule in rules if rule.matches(harmless)]
