"""Shipped policies: the county's, and those of the AuthZEN scenarios, decide as they should."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ombud.access.attempt import Attempt
from ombud.access.decide import decide
from ombud.access.snapshot import Snapshot, compile_policy
from ombud.config.policy_files import load_policy, shipped_policies_folder

NOW = 1_795_400_000_000  # 2026-11-23T02:13:20Z, a Monday night.
DAY = NOW + 8 * 3_600_000
VECTORS = Path(os.environ.get("OMBUD_VECTORS", "/nonexistent")) / "authzen"
UNITS = {
    "officer": ["patrol-north", "hallowmere-sheriff"],
    "clerk": ["records-office", "hallowmere-sheriff"],
    "clinician": ["ward-a", "st-orla-hospital"],
    "admissions": ["admissions", "st-orla-hospital"],
    "caseworker": ["benefits", "hallowmere-county"],
    "analyst": ["data-office", "hallowmere-county"],
    "auditor": ["audit", "hallowmere-county"],
}
STAFF = {
    ("person", role): {"role": role, "unit": units[0], "units": units}
    for role, units in UNITS.items()
}


@cache
def snapshot(name: str) -> Snapshot:
    """Return the snapshot of a shipped policy, in which one person of each role is known."""
    policy = load_policy(shipped_policies_folder() / name)
    return Snapshot.make(compile_policy(policy), grants=(), directory=STAFF)


def ask(name: str, request: dict[str, Any]) -> bool:
    """Return the decision on an evaluation request as AuthZEN writes it."""
    subject, resource, action = request["subject"], request["resource"], request["action"]
    attempt = Attempt(
        actor_type=subject["type"],
        actor_id=subject["id"],
        action=action["name"],
        resource_type=resource["type"],
        resource_id=resource["id"],
        actor=subject.get("properties", {}),
        resource=resource.get("properties", {}),
        action_properties=action.get("properties", {}),
        context=request.get("context", {}),
        id="D1",
    )
    return decide(attempt, snapshot(name), NOW).permit


@pytest.mark.parametrize(
    "folder", sorted(shipped_policies_folder().iterdir()), ids=lambda f: f.name
)
def test_each_shipped_policy_is_without_fault(folder: Path) -> None:
    """Whoever starts from an example starts from one that works."""
    assert snapshot(folder.name).version


@pytest.mark.parametrize(
    ("who", "properties", "action", "extra", "thing", "status", "expected"),
    [
        ("alice", {}, "read", {}, "record-1", None, True),
        ("alice", {}, "write", {}, "record-1", None, True),
        ("bob", {}, "read", {}, "record-1", None, True),
        ("bob", {}, "write", {}, "record-1", None, False),
        ("alice", {}, "write", {}, "record-2", "archived", False),
        ("bob", {"role": "admin"}, "write", {}, "record-2", "archived", True),
        ("alice", {}, "delete", {"soft": True}, "record-1", None, True),
        ("alice", {}, "delete", {"soft": False}, "record-1", None, False),
        ("alice", {}, "delete", {}, "record-1", None, False),
        ("mallory", {"role": "admin"}, "write", {}, "record-2", "archived", False),
    ],
)
def test_the_certification_fixture(
    who: str,
    properties: dict[str, Any],
    action: str,
    extra: dict[str, Any],
    thing: str,
    status: str | None,
    expected: bool,
) -> None:
    """The eight decisions of the scenario (section 1.4), and that a stranger gets none."""
    request = {
        "subject": {"type": "user", "id": who, "properties": properties},
        "action": {"name": action, "properties": extra},
        "resource": {
            "type": "record", "id": thing, "properties": {"status": status} if status else {},
        },
    }  # fmt: skip

    assert ask("authzen-certification", request) is expected


@pytest.mark.skipif(not VECTORS.is_dir(), reason="needs OMBUD_VECTORS")
@pytest.mark.parametrize("version", ["00", "01", "02"])
def test_the_todo_scenario(version: str) -> None:
    """Every decision of the interoperability vectors, batches item by item."""
    text = (VECTORS / f"decisions-authorization-api-1_0-{version}.json").read_text()
    cases = json.loads(text)
    wrong = [case for case in cases["evaluation"]
             if ask("authzen-todo", case["request"]) is not case["expected"]]  # fmt: skip
    for case in cases.get("evaluations", ()):
        request = case["request"]
        items = [ask("authzen-todo", {**request, **item}) for item in request["evaluations"]]
        assert items == [one["decision"] for one in case["expected"]]

    assert cases["evaluation"]
    assert wrong == []


JOB = "service:svc-nightly-etl"
POOL = {"recipient": "Island Insurers' Pool"}
RESULT = "wf-stolen-vehicle-match.result"


@pytest.mark.parametrize(
    ("who", "action", "dataset", "purpose", "context", "expected"),
    [
        (JOB, "read", "plate_reads", "stolen_vehicles", {}, "standing"),
        (JOB, "read", "stolen_vehicles", "stolen_vehicles", {}, "standing"),
        (JOB, "export", RESULT, "stolen_vehicles", POOL, "standing"),
        (JOB, "read", "benefit_files", "stolen_vehicles", {}, "prohibited"),
        (JOB, "export", RESULT, "stolen_vehicles", {"recipient": "Harbour Recovery Partners"},
         "prohibited"),
        (JOB, "export", RESULT, "stolen_vehicles", {}, "prohibited"),
        (JOB, "read", "charts", "stolen_vehicles", {}, "out_of_scope"),
        ("person:officer", "search", "plate_reads", "patrol.stop", {}, "standing"),
        ("person:officer", "search", "plate_reads", "patrol.stop",
         {"location_class": "protest"}, "prohibited"),
        ("person:officer", "search", "persons", "investigation.theft", {}, "standing"),
        ("person:officer", "search", "persons", "investigation.theft",
         {"justification": "immigration status check"}, "reason_barred"),
        ("person:officer", "read", "charts", "investigation.homicide", {}, "prohibited"),
        ("person:officer", "read", "charts", "care.treatment", {}, "not_in_audience"),
        ("person:clinician", "read", "charts", "care.treatment", {}, "standing"),
        ("person:clinician", "read", "charts", "care.emergency", {}, "no_grant"),
        ("person:clinician", "read", "charts", "care.treatment", {"rows": 200}, "checkpoint"),
        ("person:admissions", "read", "charts", "care.billing", {}, "standing"),
        ("person:caseworker", "read", "benefit_files", "benefits.assessment", {}, "standing"),
        ("person:caseworker", "read", "benefit_files", "benefits.fraud",
         {"case": "C-26-000001"}, "no_grant"),
        ("person:analyst", "search", "encounters", "research", {}, "no_grant"),
        ("person:analyst", "export", "encounters", "statistics.monthly",
         {"recipient": "a.kaplan"}, "prohibited"),
        ("person:auditor", "read", "audit_trail", "audit.review", {}, "standing"),
        ("person:auditor", "delete", "audit_trail", "audit.review", {}, "prohibited"),
        ("agent:agent-coding", "read", "charts", "care.treatment", {}, "standing"),
        ("agent:agent-coding", "write", "charts", "care.treatment", {}, "prohibited"),
        ("vendor:acme", "read", "charts", "care.treatment", {}, "reason_code_missing"),
        ("vendor:acme", "read", "charts", "care.treatment",
         {"reason_code": "THIRD_PARTY_DEMAND"}, "reason_code_denied"),
        ("person:officer", "read", "persons", None, {}, "purpose_missing"),
    ],
)  # fmt: skip
def test_the_county(
    who: str, action: str, dataset: str, purpose: str | None, context: dict[str, str], expected: str
) -> None:
    """What the county's people and machines do, and what they may not."""
    kind, _, name = who.partition(":")
    attempt = Attempt(kind, name, action, "dataset", dataset, purpose=purpose, context=context,
                      id="D1")  # fmt: skip
    found = decide(attempt, snapshot("county"), NOW if kind == "service" else DAY)

    assert found.reasons[0].partition(":")[0] == expected
    assert found.permit is (expected == "standing")


def test_the_nightly_job_runs_at_night() -> None:
    """The clause has hours, and the job that comes by day is refused."""
    attempt = Attempt("service", "svc-nightly-etl", "read", "dataset", "plate_reads",
                      purpose="stolen_vehicles", id="D1")  # fmt: skip

    assert decide(attempt, snapshot("county"), DAY).reasons == ("outside_hours",)
