"""Microsoft 365: the unified audit log of a tenant, as API content or as a CSV export.

A record is the `AuditData` of Microsoft's documentation, alone or inside a row
that repeats parts of it.  What is mapped and what is not:
`docs/sources/microsoft365-audit.md`.
"""

from __future__ import annotations

from typing import Any

from ombud.collect.act_table import ACTION_UNKNOWN
from ombud.collect.cut import Cutter
from ombud.collect.cut_table import SniffingTableCutter, columns_of, split_row
from ombud.collect.json_record import JsonRecord
from ombud.collect.json_value import address_of
from ombud.collect.microsoft365_actions import find_act
from ombud.collect.microsoft365_places import Pairs, Place, pairs_of, touched
from ombud.core.errors import EventError
from ombud.core.event import Event

KIND = "microsoft365.audit"
_SYSTEM = "microsoft365"
_TELLING = ("recordtype", "operation", "workload", "userkey", "creationtime")
_WRAPPED = "auditdata"
_COLUMN = "AuditData"
# UserType: regular, admin, partner technician and guest are people; a data centre
# admin is Microsoft's own, and policies and applications act by themselves.
_TYPES = {
    "0": "person", "regular": "person", "2": "person", "admin": "person",
    "3": "service", "dcadmin": "service", "4": "service", "system": "service",
    "5": "service", "application": "service", "6": "service", "serviceprincipal": "service",
    "7": "service", "custompolicy": "service", "8": "service", "systempolicy": "service",
    "9": "person", "partnertechnician": "person", "10": "person", "guest": "person",
}  # fmt: skip
_APPLICATION = "app@sharepoint"
_SERVICES = ("sharepoint\\system", "nt authority\\", "nt service\\", "serviceprincipal_", "system")
_GOOD = frozenset({"success", "succeeded", "true", "partiallysucceeded", "0", "completed"})
_BAD = frozenset({"failed", "failure", "false", "error", "fail"})
_REFUSED = frozenset({"denied", "unauthorized", "accessdenied", "blocked", "forbidden"})
_FAILED_SIGN_IN = frozenset({"userloginfailed"})
_NOWHERE = ("Unknown", "Not Available")
_SUBJECTS_MAX = 100
_DECLARED = {
    "workload": "workload", "record_type": "recordtype", "user_type": "usertype",
    "logon_type": "logontype", "client_app": "clientappid", "application": "applicationid",
    "external": "externalaccess", "event_source": "eventsource",
    "sensitivity_label": "sensitivitylabelid", "is_managed": "ismanageddevice",
    "list": "listtitle", "target_type": "targetusergrouporgroupmembertype",
    "client_info": "clientinfostring", "severity": "severity", "alert": "alertid",
    "user_key": "userkey",
}  # fmt: skip


def _is_header(columns: list[str]) -> bool:
    return _COLUMN in columns


def _read(raw: bytes) -> JsonRecord:
    """Return the record of a JSON object, or of the field of a CSV row that holds one."""
    if raw.lstrip()[:1] == b"{":
        return JsonRecord.read(raw)
    row = split_row(raw)  # A row without its header says as much: its record names all values.
    fields = columns_of(raw if row is None else row[1])
    data = next((field for field in fields or () if field[:1] == "{"), None)
    if data is None:
        raise EventError(
            "neither JSON nor a row with an audit record",
            hint="a CSV export has a column `AuditData`",
        )
    return JsonRecord.read(data.encode("utf-8", "surrogatepass"))


def _unwrapped(record: JsonRecord) -> JsonRecord:
    """Return the audit record inside a row of a search, or the record itself."""
    if not record.has(_WRAPPED):
        return record
    inner = record.object(_WRAPPED)
    return inner or record


def _is_service(name: str) -> bool:
    return name == _APPLICATION or ("@" not in name and name.startswith(_SERVICES))


def _actor(record: JsonRecord) -> tuple[str | None, str | None]:
    actor_id = record.text("userid", "userprincipalname")
    if actor_id is None:
        actors = record.objects("actor")  # Of Entra: the same account under several names.
        named = [actor.text("id") for actor in actors]
        actor_id = next((name for name in named if name is not None and "@" in name), None)
        actor_id = actor_id or record.text("userkey")
    kind = _TYPES.get((record.text("usertype") or "").lower())
    if actor_id is not None and _is_service(actor_id.lower()):
        kind = "service"
    return actor_id, kind


def _outcome(
    record: JsonRecord, operation: str | None, properties: Pairs
) -> tuple[str, str | None]:
    status = record.text("resultstatus") or properties.get("resultstatusdetail")
    reason = record.text(
        "logonerror", "errornumber", "failurereason", "resultstatusdetail", "resultreasontype"
    )
    word = (status or "").lower().replace(" ", "")
    if (operation or "").lower() in _FAILED_SIGN_IN:
        return "denied", reason or status
    if word in _REFUSED:
        return "denied", reason or status
    if word in _BAD:
        return "failure", reason or status
    if record.text("logonerror") is not None:
        return "denied", reason  # Of a sign-in `Succeeded` means only that it was answered.
    if word in _GOOD:
        return "success", None
    return ("success" if status is None else "unknown"), status


def _who(record: JsonRecord, properties: Pairs) -> dict[str, Any]:
    """Return the fields that say who acted, for whom, whence, and in which session."""
    actor_id, actor_type = _actor(record)
    context = record.object("appaccesscontext")
    behalf = context.text("userobjectid") if actor_type == "service" else None
    ip, device = address_of(
        record.text("clientip", "clientipaddress", "actoripaddress", "ipaddress")
    )
    session = record.text("sessionid") or context.text("aadsessionid")
    return {
        "actor_id": actor_id,
        "actor_type": actor_type,
        "actor_organisation": record.text("actorcontextid"),
        "on_behalf_of": (behalf,) if behalf is not None else None,
        "origin_ip": ip,
        "origin_device": device
        or record.text("devicename", "clientmachinename", "machinename", "devicedisplayname"),
        "origin_agent": record.text("useragent") or properties.get("useragent"),
        "session_id": session or properties.get("sessionid"),
    }


def _what(place: Place) -> dict[str, Any]:
    """Return the fields that say what was touched."""
    subjects = tuple(dict.fromkeys(("account", name) for name in place.accounts))
    return {
        "subjects": subjects[:_SUBJECTS_MAX] or None,
        "resource_dataset": place.dataset,
        "resource_id": None if place.resource_id in _NOWHERE else place.resource_id,
        "resource_type": place.kind,
        "query_text": place.query,
        "rows_returned": place.rows,
        "bytes_returned": place.size,
        "recipient": place.recipient,
        "destination": place.destination,
    }


class Microsoft365:
    """The source `microsoft365.audit`."""

    kind = KIND
    has_sequence = False
    sequence_scope: str | None = None
    heartbeat_seconds: int | None = 6 * 3600  # Records appear within an hour and a half, mostly.
    has_native_ids = False  # Only nearly always.
    file_patterns: tuple[str, ...] = ("*.json", "*.ndjson", "*.jsonl", "*.csv", "*.log", "*.gz")

    def cutter(self) -> Cutter:
        """Return a cutter that tells JSON from a CSV export by its first byte."""
        return SniffingTableCutter(_is_header, "value")

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one record.

        Raises `EventError` when it is no record of the unified audit log.
        """
        outer = _read(raw)
        record = _unwrapped(outer)
        record.require(KIND, *_TELLING)
        flags = record.flags
        operation = record.text("operation") or outer.text("operations", "operation")
        act = find_act(operation)
        if not act.is_known:
            flags.append(ACTION_UNKNOWN)
        time = record.instant("creationtime") or outer.instant("creationdate", "createddatetime")
        if time is None:
            flags.append("time_unknown")
        properties = pairs_of(record, "extendedproperties", "deviceproperties", "parameters")
        outcome, reason = _outcome(record, operation, properties)
        place = touched(record, operation, act.action, properties)
        return Event(
            **_who(record, properties),
            **_what(place),
            time=now_ms if time is None else time,
            time_known=time is not None,
            source=KIND,
            action=act.action,
            raw=raw,
            class_uid=act.class_uid,
            activity_id=act.activity_id,
            operation=operation,
            native_id=record.text("id") or outer.text("recordid", "identity"),
            parent_id=record.text("correlationid", "intersystemsid"),
            resource_system=_SYSTEM,
            resource_owner=record.text("organizationid"),
            case=record.text("case", "casename"),
            justification_text=record.text("justification") or properties.get("justification"),
            outcome=outcome,
            outcome_reason=reason,
            attributes=_declared(record, place.further) or None,
            flags=tuple(dict.fromkeys(flags)) or None,
        )


def _declared(record: JsonRecord, further: dict[str, Any]) -> dict[str, Any]:
    declared = record.declared(**_DECLARED)
    declared.update(further)
    return declared
