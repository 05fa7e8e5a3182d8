"""Okta: the System Log of an Okta organisation, from its API or a log stream.

What is mapped and what is not: `docs/sources/okta-systemlog.md`.
"""

from __future__ import annotations

from typing import Any

from ombud.collect.act_table import ACTION_UNKNOWN
from ombud.collect.cut import Cutter
from ombud.collect.cut_json import JsonCutter
from ombud.collect.json_record import JsonRecord
from ombud.collect.okta_actions import find_act
from ombud.core.errors import EventError
from ombud.core.event import Event

KIND = "okta.systemlog"
_SYSTEM = "okta"
_TELLING = ("eventtype", "uuid", "legacyeventtype", "displaymessage")
_WRAPPERS = ("detail", "event")  # Of Amazon EventBridge, of Splunk.
_SUBJECTS_MAX = 100
_HOOK = "com.okta.event_hook"
_PERSON = "user"
_AGENTS = frozenset({"aiagent", "ai_agent"})
_OUTCOMES = {
    "success": "success", "allow": "success", "abandoned": "failure", "failure": "failure",
    "deny": "denied", "denied": "denied", "challenge": "unknown", "skipped": "unknown",
    "unanswered": "failure", "scheduled": "unknown", "rate_limit": "denied", "unknown": "unknown",
}  # fmt: skip
_REFUSED = ("user.session.start", "user.authentication.", "app.generic.unauth", "user.mfa.okta")
# A client that is granted a token gets it for a user, whom the targets name.
_TOKENS = ("app.oauth2.",)


def _acting(actor: JsonRecord) -> tuple[str | None, str | None]:
    """Return who acted, by login or id, and of what type."""
    actor_id = actor.text("alternateid")
    if actor_id is None or actor_id == "unknown":
        actor_id = actor.text("id") or actor_id
    kind = actor.text("type")
    if kind is None:
        return actor_id, None
    word = kind.lower()
    if word == _PERSON:
        return actor_id, "person"
    return actor_id, "agent" if word in _AGENTS else "service"


def _outcome(record: JsonRecord, operation: str | None) -> tuple[str | None, str | None]:
    outcome = record.object("outcome")
    result = outcome.text("result")
    reason = outcome.text("reason")
    if result is None:
        return None, reason
    word = _OUTCOMES.get(result.lower(), "unknown")
    if word == "failure" and operation is not None and operation.lower().startswith(_REFUSED):
        word = "denied"  # A sign-in that failed is one that was refused.
    return word, reason or (result if word != "success" else None)


def _users(targets: list[JsonRecord]) -> list[str]:
    found = []
    for target in targets:
        if (target.text("type") or "").lower() == _PERSON:
            key = target.text("alternateid", "id")
            if key is not None:
                found.append(key)
    return found


class OktaSystemLog:
    """The source `okta.systemlog`."""

    kind = KIND
    has_sequence = False
    sequence_scope: str | None = None
    heartbeat_seconds: int | None = 3600  # People sign in all day, and Okta's own jobs at night.
    has_native_ids = False  # Only nearly always.
    file_patterns: tuple[str, ...] = ("*.json", "*.ndjson", "*.jsonl", "*.log", "*.gz")

    def cutter(self) -> Cutter:
        """Return a cutter of lines, arrays and documents, mixed."""
        return JsonCutter()

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one record.

        Raises `EventError` when it is no record of the System Log.
        """
        record = _open(raw)
        flags = record.flags
        operation = record.text("eventtype", "legacyeventtype")
        act = find_act(operation)
        if not act.is_known:
            flags.append(ACTION_UNKNOWN)
        time = record.instant("published", "peventtime")
        if time is None:
            flags.append("time_unknown")
        actor = record.object("actor")
        actor_id, actor_type = _acting(actor)
        client = record.object("client")
        targets = record.objects("target")
        users = _users(targets)
        is_for_user = actor_type != "person" and (operation or "").lower().startswith(_TOKENS)
        behalf = tuple(users[:1]) if is_for_user else ()
        known = (actor_id, *behalf)
        affected = [user for user in dict.fromkeys(users) if user not in known]
        touched = _touched(targets)
        context = record.object("authenticationcontext")
        outcome, reason = _outcome(record, operation)
        return Event(
            time=now_ms if time is None else time,
            time_known=time is not None,
            source=KIND,
            action=act.action,
            raw=raw,
            class_uid=act.class_uid,
            activity_id=act.activity_id,
            operation=operation,
            native_id=record.text("uuid"),
            actor_id=actor_id,
            actor_type=actor_type,
            actor_name=actor.text("displayname"),
            on_behalf_of=behalf or None,
            origin_ip=client.text("ipaddress"),
            origin_device=record.object("device").text("name", "id") or client.text("device"),
            origin_agent=client.object("useragent").text("rawuseragent"),
            session_id=context.text("externalsessionid", "rootsessionid"),
            parent_id=record.object("transaction").text("id"),
            subjects=tuple(("account", user) for user in affected[:_SUBJECTS_MAX]) or None,
            resource_system=_SYSTEM,
            resource_dataset=_application(targets),
            resource_id=touched.text("id", "alternateid"),
            resource_type=touched.text("type"),
            outcome=outcome,
            outcome_reason=reason,
            attributes=_declared(record, client, context, touched) or None,
            flags=tuple(flags) or None,
        )


def _open(raw: bytes) -> JsonRecord:
    """Return the record, out of the envelope of a log stream if it is in one."""
    record = JsonRecord.read(raw)
    if not record.has("eventtype"):
        record = next((inner for name in _WRAPPERS if (inner := _inside(record, name))), record)
    record.require(KIND, *_TELLING)
    if record.value("eventtype") == _HOOK:
        raise EventError("an event hook, not an event", hint="send what its `data.events` holds")
    return record


def _inside(record: JsonRecord, name: str) -> JsonRecord | None:
    inner = record.value(name)
    if isinstance(inner, dict):
        found = JsonRecord(inner, record.flags)
        return found if found.has("eventtype") else None
    return None


def _touched(targets: list[JsonRecord]) -> JsonRecord:
    """Return the target that was acted on: the first that is no person, else the first."""
    for target in targets:
        if (target.text("type") or "").lower() != _PERSON:
            return target
    return targets[0] if targets else JsonRecord({}, [])


def _application(targets: list[JsonRecord]) -> str | None:
    """Return the application that was entered or changed: what people reach data through."""
    for target in targets:
        if (target.text("type") or "").lower() in ("appinstance", "app"):
            return target.text("displayname", "alternateid", "id")
    return None


def _declared(
    record: JsonRecord, client: JsonRecord, context: JsonRecord, touched: JsonRecord
) -> dict[str, Any]:
    declared = record.declared(
        legacy_type="legacyeventtype", message="displaymessage", severity="severity"
    )
    declared |= context.declared(
        credential="credentialtype", provider="authenticationprovider", issuer="issuer"
    )
    declared |= touched.declared(target="displayname")
    place = client.object("geographicalcontext")
    declared |= place.declared(city="city", country="country")
    declared |= client.declared(zone="zone")
    declared |= record.object("securitycontext").declared(
        is_proxy="isproxy", network="asorg", risk="risk"
    )
    debug = record.object("debugcontext").object("debugdata")
    declared |= debug.declared(
        behaviors="behaviors", request_uri="requesturi", risk="risk", threat="threatsuspected"
    )
    transaction = record.object("transaction")
    declared |= transaction.declared(channel="type")
    return declared | transaction.object("detail").declared(
        api_token="requestapitokenid"  # noqa: S106 (the name of a member)
    )
