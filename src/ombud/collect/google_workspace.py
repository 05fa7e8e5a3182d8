"""Google Workspace: the activities of the Reports API, of any application's audit log.

An activity of several events, which one person did at one time, is one event
here: that of most consequence decides, and the others are named beside it.  The
same logs out of Cloud Logging are taken too.  What is mapped and what is not:
`docs/sources/google-workspace.md`.
"""

from __future__ import annotations

from typing import Any

from ombud.collect.act_table import ACTION_UNKNOWN, Act
from ombud.collect.cut import Cutter
from ombud.collect.cut_json import JsonCutter
from ombud.collect.google_actions import NAMELESS, RANK, find_act
from ombud.collect.json_record import JsonRecord
from ombud.collect.json_value import (
    address_of,
    count_of,
    first_text,
    items_of,
    record_of,
    records_of,
    text_of,
)
from ombud.core.event import Event

KIND = "google.workspace"
_SYSTEM = "google.workspace"
_KIND_PREFIX = "admin#reports#"
_CLOUD_SUFFIX = ".googleapis.com"
_SERVICE_ACCOUNT = ".gserviceaccount.com"
_CALLERS = {"user": "person", "key": "service", "application": "service"}
_EVENTS_MAX = 32  # Further events of one activity that are named; the original has all.
_VALUES_MAX = 32  # Values of one parameter.
_PARAMETERS_MAX = 128  # Parameters of one event that are looked at.
_SUBJECTS_MAX = 100
_DEPTH_MAX = 4  # Messages inside messages of parameters.

_VALUES = ("value", "boolValue", "intValue", "multiValue", "multiIntValue", "multiStrValue",
           "multiBoolValue", "floatValue", "stringValue")  # fmt: skip
_DATASETS = ("shared_drive_name", "team_drive_name", "shared_drive_id", "team_drive_id",
             "group_email", "calendar_id", "matter_name", "room_name", "room_id", "owner",
             "organizer_calendar_id", "api_name", "asset_name")  # fmt: skip
_IDS = ("doc_id", "event_id", "message_id", "rfc2822_message_id", "export_id", "resource_id",
        "asset_id", "device_id", "meeting_code", "conference_id", "client_id", "role_name",
        "group_email", "user_email", "setting_name", "resource_name")  # fmt: skip
_TYPES = ("doc_type", "resource_type", "asset_type", "device_type", "client_type",
          "application_name", "setting_name")  # fmt: skip
_RECIPIENTS = ("target_user", "target", "target_domain", "destination_user_email",
               "event_guest", "grantee_email", "new_owner", "forward_to", "recipients",
               "email_forwarding_destination_address")  # fmt: skip
_QUERIES = ("query", "search_query", "investigation_query", "search_terms", "query_text")
_ACCOUNTS = frozenset(
    {"user_email", "member_email", "affected_email_address", "delegate", "owner_email"}
)
_CASES = ("matter_id", "matter_name")
_REASONS = ("justification", "justifications", "accessapprovalrequestids", "ticket_ids")
_FAILURES = ("login_failure_type", "failure_type", "error_code", "denial_reason", "device_denied")
_FAILED = ("login_failure", "access_deny", "risky_sensitive_action_blocked", "account_disabled")
_NOT_DONE = frozenset({"FAILED", "SKIPPED"})  # Of the `status` that some events have.
_REFUSED = frozenset({401, 403})
_DECLARED = frozenset({
    "visibility", "old_visibility", "visibility_change", "login_type", "is_suspicious",
    "login_challenge_method", "is_second_factor", "app_name", "scope", "api_method", "method_name",
    "originating_app_id", "primary_event", "billable", "old_value", "new_value", "org_unit_name",
    "role_name", "setting_name", "domain_name", "membership_change_type", "new_settings_state",
    "product_bucket", "is_encrypted", "owner_is_shared_drive", "owner_is_team_drive",
    "added_role", "removed_role", "risk_level", "rule_name", "severity", "justification_code",
    "actor_home_office", "gsuite_product_name", "product_name",
})  # fmt: skip

# Plain fields, the application, and the events of one activity.
Activity = tuple[dict[str, Any], str | None, list[dict[str, Any]]]


def _value(parameter: dict[str, Any], depth: int) -> Any:
    """Return the value of a parameter, of whichever of its typed members is there."""
    for name in _VALUES:
        value = parameter.get(name)
        if value is not None:
            return value[:_VALUES_MAX] if value.__class__ is list else value
    if depth < _DEPTH_MAX:
        message = parameter.get("messageValue")
        if message.__class__ is dict:
            return _members(message, depth + 1)
        messages = records_of(parameter.get("multiMessageValue"))[:_VALUES_MAX]
        return [_members(message, depth + 1) for message in messages] or None
    return None


def _members(holder: dict[str, Any], depth: int = 0) -> dict[str, Any]:
    """Return the parameters of an event or message by name in lower case."""
    found: dict[str, Any] = {}
    for parameter in records_of(holder.get("parameters", holder.get("parameter"))):
        name = parameter.get("name")
        if name.__class__ is str and len(found) < _PARAMETERS_MAX:
            found[name.lower()] = _value(parameter, depth)
    return found


def _flat(members: dict[str, Any]) -> dict[str, Any]:
    """Return the members with those of the messages inside them."""
    flat = dict(members)
    waiting = [value for value in members.values() if isinstance(value, dict)]
    while waiting:
        inner = waiting.pop()
        for name, value in inner.items():
            flat.setdefault(name, value)
            if isinstance(value, dict):
                waiting.append(value)
    return flat


def _first(members: dict[str, Any], names: tuple[str, ...]) -> str | None:
    return first_text(item for name in names if name in members for item in items_of(members[name]))


class GoogleWorkspace:
    """The source `google.workspace`."""

    kind = KIND
    has_sequence = False
    sequence_scope: str | None = None
    heartbeat_seconds: int | None = 6 * 3600  # Google names lags of minutes to days.
    has_native_ids = False  # Only nearly always.
    file_patterns: tuple[str, ...] = ("*.json", "*.ndjson", "*.jsonl", "*.log", "*.gz")

    def cutter(self) -> Cutter:
        """Return a cutter of lines, arrays, and the pages of the Reports API (`items`)."""
        return JsonCutter("items")

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one activity.

        Raises `EventError` when it is none.
        """
        record = JsonRecord.read(raw)
        payload = record.object("protopayload")
        if payload:
            return _event(raw, now_ms, record, _of_cloud(record, payload))
        record.require(KIND, "events", "actor")
        return _event(raw, now_ms, record, _of_reports(record))


def _of_reports(record: JsonRecord) -> Activity:
    """Return the plain fields, the application, and the events of an activity."""
    place = record.object("id")
    actor = record.object("actor")
    network = record.object("networkinfo")
    email = actor.text("email")
    application = place.text("applicationname")
    time, qualifier = place.text("time"), place.text("uniquequalifier")
    impersonator = actor.object("applicationinfo")
    fields = {
        "time": place.instant("time"),
        "native_id": f"{application}:{time}:{qualifier}" if qualifier is not None else None,
        "actor_id": email or actor.text("profileid", "key")
        or impersonator.text("oauthclientid", "applicationname"),
        "actor_type": _actor_type(actor.text("callertype"), email, is_named=email is not None),
        "actor_name": impersonator.text("applicationname"),
        "actor_organisation": place.text("customerid"),
        "resource_owner": record.text("ownerdomain"),
        "address": record.text("ipaddress"),
        "attributes": {
            **network.declared(country="regioncode"),
            **actor.declared(profile="profileid", caller="callertype"),
        },
    }  # fmt: skip
    return fields, application, _events(record, "events")


def _of_cloud(record: JsonRecord, payload: JsonRecord) -> Activity:
    """Return the same of an entry of Cloud Logging."""
    service = payload.text("servicename")
    application = (service or "").removesuffix(_CLOUD_SUFFIX) or None
    metadata = payload.object("metadata")
    activity = metadata.object("activityid")
    email = payload.object("authenticationinfo").text("principalemail")
    events = _events(metadata, "event")
    fields = {
        "time": record.instant("timestamp"),
        "native_id": record.text("insertid"),
        "actor_id": email,
        "actor_type": _actor_type(None, email, is_named=email is not None),
        "actor_name": None,
        "actor_organisation": None,
        "resource_owner": record.object("resource").object("labels").text("organizationid"),
        "address": payload.object("requestmetadata").text("callerip"),
        "attributes": {
            **activity.declared(qualifier="uniqqualifier"),
            **payload.declared(method="methodname"),
        },
    }
    return fields, application, events


def _actor_type(caller: str | None, email: str | None, *, is_named: bool) -> str | None:
    if email is not None and email.endswith(_SERVICE_ACCOUNT):
        return "service"
    found = _CALLERS.get((caller or "").lower())
    return found or ("person" if is_named else None)


def _name(event: dict[str, Any] | None) -> str | None:
    return first_text((event.get("name"), event.get("eventName"))) if event is not None else None


def _events(holder: JsonRecord, name: str) -> list[dict[str, Any]]:
    found = records_of(holder.value(name))
    if not found and holder.value(name) is not None:
        holder.fault(name)
    return found


def _event(raw: bytes, now_ms: int, record: JsonRecord, activity: Activity) -> Event:
    """Return the event of an activity that was taken apart."""
    fields, application, events = activity
    flags = record.flags
    acts = [(find_act(application, _name(event)), event) for event in events[:_EVENTS_MAX]]
    act, main = NAMELESS, None
    if acts:
        act, main = min(acts, key=lambda each: RANK[each[0].action])
    if any(not each.is_known for each, _ in acts) or main is None:
        flags.append(ACTION_UNKNOWN)
    time = fields.pop("time")
    if time is None:
        flags.append("time_unknown")
    told = [_members(event) for event in events[:_EVENTS_MAX]]
    members = _flat(next((told[n] for n, event in enumerate(events) if event is main), {}))
    attributes = fields.pop("attributes")
    attributes.update(_declared(application, members, [_name(event) for event in events], main))
    ip, device = address_of(fields.pop("address"))
    return Event(
        **fields,
        **_touched(members),
        **_ended(act, _name(main), members, record_of(main.get("status")) if main else {}),
        time=now_ms if time is None else time,
        time_known=time is not None,
        source=KIND,
        action=act.action,
        raw=raw,
        class_uid=act.class_uid,
        activity_id=act.activity_id,
        operation=_name(main),
        origin_ip=ip,
        origin_device=device or _first(members, ("device_name", "device_model")),
        origin_agent=_first(members, ("user_agent",)),
        resource_system=_SYSTEM,
        subjects=_subjects(told),
        attributes=attributes or None,
        flags=tuple(dict.fromkeys(flags)) or None,
    )


def _touched(members: dict[str, Any]) -> dict[str, Any]:
    return {
        "resource_dataset": _first(members, _DATASETS),
        "resource_id": _first(members, _IDS),
        "resource_type": _first(members, _TYPES),
        "query_text": _first(members, _QUERIES),
        "case": _first(members, _CASES),
        "recipient": _first(members, _RECIPIENTS),
        "destination": _first(members, ("destination_folder_title", "destination_folder_id")),
        "workflow_id": _first(members, ("originating_app_id", "script_id")),
        "session_id": _first(members, ("session_id",)),
        "bytes_returned": count_of(members.get("num_response_bytes")),
    }


def _ended(
    act: Act, name: str | None, members: dict[str, Any], status: dict[str, Any]
) -> dict[str, Any]:
    reason = _first(members, _FAILURES)
    word = text_of(status.get("eventStatus"))
    if word is not None and word.upper() in _NOT_DONE:
        reason = reason or first_text((status.get("errorMessage"), status.get("errorCode"), word))
    if name is not None and name.lower().startswith(_FAILED):
        outcome = "denied"
    elif word is not None and word.upper() in _NOT_DONE:
        outcome = "denied" if count_of(status.get("httpStatusCode")) in _REFUSED else "failure"
    else:
        outcome = "failure" if reason is not None and act.action == "authenticate" else "success"
    return {
        "outcome": outcome,
        "outcome_reason": reason,
        "justification_text": _first(members, _REASONS),
    }


def _subjects(told: list[dict[str, Any]]) -> tuple[tuple[str, str], ...] | None:
    """Return the accounts that any of the events concerns."""
    found: dict[tuple[str, str], None] = {}
    for members in told:
        for name in _ACCOUNTS & members.keys():
            for item in items_of(members[name]):
                account = text_of(item)
                if account is not None and "@" in account:
                    found["account", account] = None
    return tuple(sorted(found))[:_SUBJECTS_MAX] or None


def _declared(
    application: str | None,
    members: dict[str, Any],
    names: list[str | None],
    main: dict[str, Any] | None,
) -> dict[str, Any]:
    found: dict[str, Any] = {"application": application} if application is not None else {}
    kind = first_text((main.get("type"), main.get("eventType"))) if main is not None else None
    if kind is not None:
        found["event_type"] = kind
    if len(names) > 1:
        found["events"] = [name for name in names[:_EVENTS_MAX] if name is not None]
    for name in _DECLARED & members.keys():
        texts = [text for item in items_of(members[name]) if (text := text_of(item))]
        if texts:
            found[name] = texts if len(texts) > 1 else texts[0]
    return found
