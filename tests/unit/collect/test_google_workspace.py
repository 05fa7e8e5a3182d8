"""Google Workspace activities as events: several events in one, who, and what was touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from doubles.memory_record import MemoryRecord
from doubles.spoilt_records import spoilt
from ombud.collect.fit import fit
from ombud.collect.google_actions import RANK, find_act
from ombud.collect.google_workspace import GoogleWorkspace
from ombud.collect.intake import IntakeResult
from ombud.core.errors import EventError
from ombud.core.event import ACTIONS, Event

SOURCE = GoogleWorkspace()
GOLDEN = Path(__file__).parents[2] / "golden" / "sources" / "google.workspace"
ITEMS = json.loads((GOLDEN / "page.json").read_text(encoding="utf-8"))["items"]
CLOUD = [json.loads((GOLDEN / "mixed.ndjson").read_text(encoding="utf-8").splitlines()[2])]


def event_of(application: str, *names: str, actor: Any = None, **parameters: Any) -> Event:
    """Return the event of an activity whose events all have these parameters."""
    listed = [{"name": name, "value": value} for name, value in parameters.items()]
    activity = {
        "id": {"time": "2026-03-04T08:00:00.000Z", "applicationName": application,
               "uniqueQualifier": "7"},
        "actor": actor or {"callerType": "USER", "email": "ana@county.example"},
        "events": [{"type": "t", "name": name, "parameters": listed} for name in names],
    }  # fmt: skip
    return SOURCE.parse(json.dumps(activity).encode(), now_ms=5)


@pytest.mark.parametrize(
    ("event", "action"),
    [
        ("login:login_success", "authenticate"), ("login:login_failure", "authenticate"),
        ("login:logout", "authenticate"), ("login:2sv_disable", "configure"),
        ("login:password_edit", "configure"), ("login:account_disabled_hijacked", "revoke"),
        ("drive:view", "read"), ("drive:download", "export"), ("drive:print", "export"),
        ("drive:edit", "write"), ("drive:trash", "delete"), ("drive:create", "write"),
        ("drive:change_user_access", "share"), ("drive:change_document_visibility", "share"),
        ("drive:shared_drive_membership_change", "share"), ("drive:rename", "write"),
        ("admin:ASSIGN_ROLE", "grant"), ("admin:UNASSIGN_ROLE", "revoke"),
        ("admin:ADD_GROUP_MEMBER", "grant"), ("admin:DELETE_USER", "revoke"),
        ("admin:SUSPEND_USER", "revoke"), ("admin:CREATE_USER", "configure"),
        ("admin:CHANGE_APPLICATION_SETTING", "configure"), ("admin:EMAIL_LOG_SEARCH", "search"),
        ("admin:CUSTOMER_TAKEOUT_CREATED", "export"), ("admin:ENFORCE_STRONG_AUTHENTICATION",
        "configure"), ("admin:AUTHORIZE_API_CLIENT_ACCESS", "grant"),
        ("token:authorize", "grant"), ("token:revoke", "revoke"), ("token:activity", "read"),
        ("groups:add_user", "grant"), ("groups_enterprise:remove_member", "revoke"),
        ("vault:download_export", "export"), ("vault:view_investigation_search", "search"),
        ("calendar:create_event", "write"), ("calendar:change_calendar_acls", "share"),
        ("chat:message_posted", "write"), ("chat:attachment_download", "export"),
        ("gmail:delivery", "write"), ("meet:call_ended", "execute"),
        ("mobile:DEVICE_REGISTER_UNREGISTER_EVENT", "configure"),
        ("saml:login_failure", "authenticate"), ("rules:action_complete", "other"),
        ("access_transparency:ACCESS", "read"), ("data_studio:DOWNLOAD_REPORT", "export"),
        ("user_accounts:email_forwarding_out_of_domain", "share"),
        ("gcp:IMPORT_SSH_PUBLIC_KEY", "grant"), ("drive:frobnicate", "other"),
        ("unheard_of:thing", "other"),
    ],
)  # fmt: skip
def test_actions(event: str, action: str) -> None:
    """Each event of each application's log does what its documentation says."""
    application, _, name = event.partition(":")
    assert find_act(application, name).action == action
    assert event_of(application, name).action == action


def test_ranks_are_of_the_vocabulary() -> None:
    """Every action has a rank, so any two events of an activity can be compared."""
    assert RANK.keys() == ACTIONS


def test_several_events_are_one_of_most_consequence() -> None:
    """What was shared is not hidden behind an edit; every event of the activity is named."""
    for names in (("edit", "change_user_access"), ("change_user_access", "edit")):
        found = event_of("drive", *names, doc_id="d", target_user="x@elsewhere.example")
        assert (found.action, found.operation) == ("share", "change_user_access")
        assert (found.attributes or {})["events"] == list(names)
        assert found.recipient == "x@elsewhere.example"
    assert event_of("drive", "view", "frobnicate").flags == ("action_unknown",)


@pytest.mark.parametrize(
    ("actor", "actor_id", "actor_type"),
    [
        ({"callerType": "USER", "email": "ana@x"}, "ana@x", "person"),
        ({"email": "ana@x"}, "ana@x", "person"), ({"profileId": "1"}, "1", None),
        ({"callerType": "KEY", "key": "SYSTEM"}, "SYSTEM", "service"),
        ({"callerType": "USER", "email": "j@p.iam.gserviceaccount.com"},
         "j@p.iam.gserviceaccount.com", "service"),
        ({"applicationInfo": {"oauthClientId": "c", "applicationName": "App"}}, "c", None),
    ],
)  # fmt: skip
def test_actors(actor: dict[str, Any], actor_id: str, actor_type: str | None) -> None:
    """People are told from keys, applications and service accounts."""
    found = event_of("drive", "view", actor=actor)
    assert (found.actor_id, found.actor_type) == (actor_id, actor_type)


def test_ids_and_accounts() -> None:
    """The id is unique only with time and application; accounts acted on are data subjects."""
    found = event_of("admin", "ASSIGN_ROLE", USER_EMAIL="ana@x.example", ROLE_NAME="admins")
    assert found.native_id == "admin:2026-03-04T08:00:00.000Z:7"
    assert found.subjects == (("account", "ana@x.example"),)
    assert (found.resource_id, (found.attributes or {})["role_name"]) == ("admins", "admins")


@pytest.mark.parametrize(
    ("name", "parameters", "outcome"),
    [("login_success", {}, "success"), ("login_failure", {"login_failure_type": "x"}, "denied"),
     ("login_verification", {"login_failure_type": "x"}, "failure"),
     ("risky_sensitive_action_blocked", {}, "denied")],
)  # fmt: skip
def test_outcomes(name: str, parameters: dict[str, str], outcome: str) -> None:
    """Only sign-ins tell of failures; every other activity is one that took place."""
    assert event_of("login", name, **parameters).outcome == outcome


@pytest.mark.parametrize(
    ("status", "outcome", "reason"),
    [
        ({"eventStatus": "SUCCEEDED", "httpStatusCode": 200}, "success", None),
        ({"eventStatus": "FAILED", "errorMessage": "quota"}, "failure", "quota"),
        ({"eventStatus": "FAILED", "errorCode": "NO", "httpStatusCode": 403}, "denied", "NO"),
        ({"eventStatus": "SKIPPED"}, "failure", "SKIPPED"),
        ("FAILED", "success", None),
    ],
)
def test_status_of_an_event(status: Any, outcome: str, reason: str | None) -> None:
    """An event that says it failed did not take place."""
    activity = {
        "id": {"applicationName": "admin", "time": "2026-03-01T10:00:00Z"},
        "actor": {"email": "a@x.org"},
        "events": [{"name": "CREATE_USER", "status": status}],
    }
    event = GoogleWorkspace().parse(json.dumps(activity).encode(), now_ms=0)
    assert (event.outcome, event.outcome_reason) == (outcome, reason)


def test_nested_and_typed_parameters() -> None:
    """Values of every type and inside messages are found by their names."""
    deep = {"name": "message_info", "messageValue": {"parameter": [
        {"name": "rfc2822_message_id", "value": "<1@x>"}]}}  # fmt: skip
    size = {"name": "num_response_bytes", "intValue": "17"}
    line = {"actor": {"email": "a@x"}, "id": {"applicationName": "gmail"},
            "events": [{"name": "delivery", "parameters": [deep, size, 5, {"x": 1}]}]}  # fmt: skip
    found = SOURCE.parse(json.dumps(line).encode(), now_ms=5)
    assert (found.resource_id, found.bytes_returned) == ("<1@x>", 17)


def test_pages_of_the_api(feed: Callable[..., IntakeResult], sink: MemoryRecord) -> None:
    """A page gives its activities byte for byte, amid its other members; an empty one none."""
    lines = [json.dumps(item, separators=(",", ":")) for item in ITEMS[:3]]
    listed = ",".join(lines)
    page = f'{{"kind":"admin#reports#activities","items":[{listed}],"nextPageToken":"x"}}'
    empty = '{"kind":"admin#reports#activities","items":[],"etag":"e"}'

    result = feed(SOURCE, f"{page}\n{empty}\n{lines[0]}\n".encode())

    assert (result.recorded, result.duplicate, result.quarantined) == (3, 1, 0)
    assert [event.raw.decode() for event in sink.events] == lines


def test_stranger_is_refused() -> None:
    """An object without actor and events is no activity."""
    with pytest.raises(EventError, match=r"not a record of google\.workspace"):
        SOURCE.parse(b'{"eventName":"GetObject"}', now_ms=5)


@given(raw=spoilt([*ITEMS, *CLOUD]))
def test_spoilt_activities_stay_events(raw: bytes) -> None:
    """Whatever becomes of its members, an activity is an event, or is refused."""
    try:
        event = SOURCE.parse(raw, now_ms=5)
    except EventError:
        return
    assert event.raw == raw
    assert event.action in ACTIONS
    fit(event, now_ms=5)
