"""FHIR AuditEvents as events: who looked at which patient, why, and whether glass was broken."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from doubles.memory_record import MemoryRecord
from doubles.spoilt_records import spoilt
from ombud.collect.fhir import FhirAuditEvent
from ombud.collect.fit import fit
from ombud.collect.intake import IntakeResult
from ombud.core.errors import EventError
from ombud.core.event import ACTIONS, Event

SOURCE = FhirAuditEvent()
GOLDEN = Path(__file__).parents[2] / "golden" / "sources" / "fhir.auditevent"
LINES = [
    json.loads(line) for line in (GOLDEN / "events.ndjson").read_text(encoding="utf-8").splitlines()
]
ANA = {"who": {"reference": "Practitioner/ana", "display": "Ana A"}, "requestor": True}
WARD = {"who": {"reference": "Device/ward", "display": "Ward client"}, "requestor": False}


def event_of(**members: Any) -> Event:
    """Return the event of a resource."""
    resource = {"resourceType": "AuditEvent", "recorded": "2026-03-04T08:00:00Z",
                "type": {"code": "rest"}, "agent": [ANA], **members}  # fmt: skip
    return SOURCE.parse(json.dumps(resource).encode(), now_ms=5)


@pytest.mark.parametrize(
    ("kind", "subtype", "code", "action"),
    [
        ("rest", "read", "R", "read"), ("rest", "vread", None, "read"),
        ("rest", "search-type", "E", "search"), ("rest", "create", "C", "write"),
        ("rest", "update", "U", "write"), ("rest", "patch", None, "write"),
        ("rest", "delete", "D", "delete"), ("rest", "operation", "E", "execute"),
        ("rest", None, "R", "read"), ("rest", None, None, "other"),
        ("110110", None, "R", "read"), ("110110", None, "U", "write"),
        ("110103", None, "D", "delete"), ("110106", None, "R", "export"),
        ("110104", None, None, "export"), ("110107", None, "C", "write"),
        ("110112", None, "E", "search"), ("110105", None, None, "delete"),
        ("110114", "110122", "E", "authenticate"), ("110114", "110123", "E", "authenticate"),
        ("110113", "110127", "E", "grant"), ("110113", "110138", "E", "revoke"),
        ("110113", "110136", None, "grant"), ("110113", "110133", None, "configure"),
        ("110100", "110120", "E", "execute"), ("110101", None, "R", "read"),
        ("object", "disclose", None, "share"), ("object", "reidentify", None, "reveal"),
        ("object", "destroy", None, "delete"), ("rest", "ITI-43", "R", "read"),
        ("local", None, "C", "write"), ("local", "x", None, "other"),
    ],
)  # fmt: skip
def test_actions(kind: str, subtype: str | None, code: str | None, action: str) -> None:
    """The subtype says most, then the type, then the action code."""
    members: dict[str, Any] = {"type": {"code": kind}, "action": code}
    if subtype is not None:
        members["subtype"] = [{"code": subtype}]
    found = event_of(**members)
    assert found.action == action
    assert ("action_unknown" in (found.flags or ())) is (action == "other")


def test_who_asked() -> None:
    """The requestor acts; a device that was told to acts for the person beside it."""
    both = event_of(agent=[WARD, ANA])
    assert (both.actor_id, both.actor_type, both.actor_name) == ("ana", "person", "Ana A")
    assert (both.origin_agent, both.on_behalf_of) == ("Ward client", None)

    told = event_of(agent=[{**WARD, "requestor": True}, {**ANA, "requestor": False}])
    assert (told.actor_id, told.actor_type, told.account) == ("ward", "service", "ana")

    nobody = event_of(agent=[WARD, {**ANA, "requestor": False}])
    assert nobody.actor_id == "ana"


@pytest.mark.parametrize(
    ("agent", "actor_id"),
    [
        ({"who": {"reference": "https://x.example/r4/Practitioner/p-1/_history/2"}}, "p-1"),
        ({"who": {"identifier": {"value": "NPI-1"}}, "altId": "a"}, "NPI-1"),
        ({"altId": "ana-7", "name": "Ana"}, "ana-7"), ({"name": "Ana"}, "Ana"),
        ({"who": {"display": "Ana"}}, "Ana"), ({"who": {"reference": "urn:uuid:1"}}, "urn:uuid:1"),
        ({"userId": {"value": "old-style"}}, "old-style"), ({}, None),
    ],
)  # fmt: skip
def test_identity(agent: dict[str, Any], actor_id: str | None) -> None:
    """A reference names first, then an identifier, then whatever name there is."""
    assert event_of(agent=[{**agent, "requestor": True}]).actor_id == actor_id


@pytest.mark.parametrize(
    ("entity", "subject"),
    [
        ({"what": {"reference": "Patient/dee"}}, ("patient", "dee")),
        ({"what": {"reference": "https://x/Patient/dee/_history/4"}}, ("patient", "dee")),
        ({"what": {"type": "Patient", "identifier": {"value": "MRN"}}}, ("patient", "MRN")),
        ({"what": {"identifier": {"value": "MRN"}}, "role": {"code": "1"}}, ("patient", "MRN")),
        ({"what": {"identifier": {"value": "P"}}, "type": {"code": "1"}}, ("person", "P")),
        ({"reference": {"reference": "Patient/dee"}}, ("patient", "dee")),
        ({"what": {"reference": "RelatedPerson/r"}}, ("related_person", "r")),
        ({"what": {"reference": "Observation/o"}}, None),
    ],
)  # fmt: skip
def test_patients_are_data_subjects(
    entity: dict[str, Any], subject: tuple[str, str] | None
) -> None:
    """Whom an entity is about is a data subject, however it is named."""
    assert event_of(entity=[entity]).subjects == ((subject,) if subject else None)


def test_patient_of_release_5() -> None:
    """Release 5 names patient and encounter outside the entities."""
    found = event_of(patient={"reference": "Patient/dee"}, encounter={"reference": "Encounter/e"})
    assert (found.subjects, found.case) == ((("patient", "dee"),), "e")


def test_broken_glass() -> None:
    """An emergency override, or that purpose on any act, is flagged; treatment alone is not."""
    started = {"type": {"code": "110113"}, "subtype": [{"code": "110127"}]}
    why = [{"coding": [{"code": "BTG"}], "text": "unconscious"}]
    opened = event_of(**started, purposeOfEvent=why)
    assert (opened.flags, opened.purpose) == (("break_glass",), "BTG")
    assert opened.justification_text == "unconscious"

    read = event_of(action="R", agent=[{**ANA, "purposeOfUse": why}])
    assert (read.action, read.flags, read.purpose) == ("read", ("break_glass",), "BTG")

    for code in ("TREAT", "ETREAT", "HRESCH"):
        calm = event_of(action="R", purposeOfEvent=[{"coding": [{"code": code}]}])
        assert (calm.flags, calm.purpose) == (None, code)
    mixed = [{"coding": [{"code": "TREAT"}]}, {"coding": [{"code": "ETREAT"}]}]
    assert event_of(action="R", purposeOfEvent=mixed).purpose == "ETREAT"


def test_time_of_the_act() -> None:
    """When it happened goes before when it was written down."""
    plain = event_of()
    spanned = event_of(period={"start": "2026-03-04T07:00:00Z", "end": "2026-03-04T07:10:00Z"})
    assert plain.time - spanned.time == 3_600_000
    assert (spanned.attributes or {})["recorded"] == "2026-03-04T08:00:00Z"


@pytest.mark.parametrize(
    ("outcome", "word"),
    [("0", "success"), ("4", "failure"), ("8", "failure"), ("12", "failure"), (None, "unknown"),
     ({"code": {"code": "error"}}, "failure"), ({"code": {"code": "forbidden"}}, "denied"),
     ({"coding": [{"code": "0"}]}, "success"), ("x", "unknown")],
)  # fmt: skip
def test_outcomes(outcome: Any, word: str) -> None:
    """Codes of release 4 and 5 say how it ended; a failed sign-in was refused."""
    assert event_of(action="R", outcome=outcome).outcome == word
    login = event_of(subtype=[{"code": "110122"}], outcome=outcome)
    assert login.outcome == ("denied" if word == "failure" else word)


def test_query_is_read() -> None:
    """What was asked for is base64, or text of a server that forgot."""
    packed = base64.b64encode(b"Patient?name=Doe").decode()
    assert event_of(entity=[{"query": packed}]).query_text == "Patient?name=Doe"
    assert event_of(entity=[{"query": "Patient?name=D"}]).query_text == "Patient?name=D"


def test_bundles(feed: Callable[..., IntakeResult], sink: MemoryRecord) -> None:
    """Entries of a bundle are records byte for byte; those of other resources are set aside."""
    entries = [json.dumps({"resource": line}) for line in LINES[:2]]
    other = json.dumps({"resource": {"resourceType": "Patient", "id": "dee"}})
    listed = ",".join([*entries, other])
    bundle = f'{{"resourceType":"Bundle","type":"searchset","entry":[{listed}],"total":3}}'

    result = feed(SOURCE, f"{bundle}\n{json.dumps(LINES[3])}\n".encode())

    assert (result.recorded, result.quarantined) == (3, 1)
    assert [event.raw.decode() for event in sink.events] == [*entries, json.dumps(LINES[3])]


def test_strangers_are_refused() -> None:
    """Another resource is refused by its name, and what is none as none."""
    with pytest.raises(EventError, match="`Patient`"):
        SOURCE.parse(b'{"resourceType":"Patient"}', now_ms=5)
    with pytest.raises(EventError, match="not a FHIR resource"):
        SOURCE.parse(b'{"eventName":"x"}', now_ms=5)


@given(raw=spoilt([*LINES, {"resource": LINES[0]}]))
def test_spoilt_resources_stay_events(raw: bytes) -> None:
    """Whatever becomes of its members, a resource is an event, or is refused."""
    try:
        event = SOURCE.parse(raw, now_ms=5)
    except EventError:
        return
    assert event.raw == raw
    assert event.action in ACTIONS
    fit(event, now_ms=5)
