"""FHIR: the AuditEvent resources of a health record system, release 4 and 5.

Who looked at which patient, in what role, for which purpose, and whether the
glass was broken.  What is mapped and what is not: `docs/sources/fhir-auditevent.md`.
"""

from __future__ import annotations

from typing import Any

from ombud.collect.act_table import ACTION_UNKNOWN
from ombud.collect.cut import Cutter
from ombud.collect.cut_json import JsonCutter
from ombud.collect.fhir_codes import (
    BREAK_GLASS,
    EMERGENCIES,
    OUTCOMES,
    Codes,
    codes_of,
    find_act,
)
from ombud.collect.fhir_entities import Touched, first_record, key_of, reference_of, touched
from ombud.collect.json_record import JsonRecord
from ombud.collect.json_value import (
    address_of,
    first_text,
    items_of,
    record_of,
    records_of,
    truth_of,
)
from ombud.core.errors import EventError
from ombud.core.event import Event
from ombud.core.ocsf_table import class_of

KIND = "fhir.auditevent"
_RESOURCE = "AuditEvent"
_SYSTEM = "fhir"
_TYPES = {
    "Practitioner": "person", "PractitionerRole": "person", "Patient": "person",
    "RelatedPerson": "person", "Person": "person", "Device": "service", "Organization": "service",
    "HealthcareService": "service", "Endpoint": "service",
}  # fmt: skip
# Roles in which an agent takes part without acting: it gives, gets or holds what is audited.
_RECIPIENT_ROLES = frozenset({"110152", "IRCP", "GUARD_RECIPIENT", "PRCP", "INFORM"})
_AGENTS_MAX = 32
_TEXTS_MAX = 32
_LOGOFF = 2
_NAME_MAX = 64  # Characters of a stranger's name that are told.
BROKEN_GLASS = "break_glass"


class _Agent:
    """One agent: whom it is, of what type, and in what role."""

    __slots__ = ("actor_type", "display", "identifier", "record")

    def __init__(self, record: dict[str, Any]) -> None:
        who = first_record(record, "who", "reference", "userId")
        reference = reference_of(who)
        kind = who.get("type")
        if kind is None and reference is not None and "/" in reference:
            kind = reference.partition("/")[0]
        self.record = record
        self.actor_type = _TYPES.get(kind) if kind.__class__ is str else None
        self.display = first_text((record.get("name"), who.get("display")))
        self.identifier = key_of(who) or first_text((record.get("altId"), record.get("name")))

    @property
    def receives(self) -> bool:
        """Whether it takes part as a recipient."""
        codes = codes_of(self.record.get("role"), self.record.get("type")).listed
        return not _RECIPIENT_ROLES.isdisjoint(codes)


def _actor(agents: list[_Agent]) -> _Agent | None:
    """Return the agent that asked for the act, else the first person, else the first."""
    asked = [agent for agent in agents if truth_of(agent.record.get("requestor"))]
    people = [agent for agent in agents if agent.actor_type == "person"]
    chosen = (agent for agent in [*asked, *people, *agents] if agent.identifier is not None)
    return next(chosen, None)


def _who(agents: list[_Agent]) -> dict[str, Any]:
    """Return the fields that say who acted, for whom, whence, and who received."""
    actor = _actor(agents)
    if actor is None:
        return {}
    others = [agent for agent in agents if agent is not actor]
    behalf = None
    if actor.actor_type == "service":  # A device that was told to by somebody named beside it.
        behalf = first_text(a.identifier for a in others if a.actor_type == "person")
    network = record_of(actor.record.get("network"))
    ip, device = address_of(
        first_text(
            (network.get("address"), actor.record.get("networkString"),
             actor.record.get("networkUri"))
        )
    )  # fmt: skip
    return {
        "actor_id": actor.identifier,
        "actor_type": actor.actor_type,
        "actor_name": actor.display,
        "on_behalf_of": (behalf,) if behalf is not None else None,
        "origin_ip": ip,
        "origin_device": device or reference_of(record_of(actor.record.get("location"))),
        "origin_agent": first_text(a.display for a in agents if a.actor_type == "service"),
        "recipient": first_text(a.identifier for a in others if a.receives),
    }


def _why(document: dict[str, Any], agents: list[_Agent]) -> tuple[dict[str, Any], list[str]]:
    """Return purpose, reason and authority; and every purpose, of the event before its agents."""
    asked = [
        agent.record.get(name) for agent in agents for name in ("purposeOfUse", "authorization")
    ]
    stated = codes_of(document.get("purposeOfEvent"), document.get("authorization"), *asked)
    policies = (text for agent in agents for text in items_of(agent.record.get("policy")))
    preferred = [code for code in EMERGENCIES if code in stated.listed]
    why = {
        "purpose": first_text([*preferred, *stated.listed]),
        "justification_text": "\n".join(stated.texts[:_TEXTS_MAX]) or None,
        "decision_policy": first_text(policies),
    }
    return why, stated.listed


def _outcome(record: JsonRecord, action: str) -> tuple[str, str | None]:
    outcome = record.value("outcome")
    description = record.text("outcomedesc")
    if outcome.__class__ is dict:  # Of release 5.
        found = codes_of(outcome.get("code"), outcome)
        code = first_text(found.listed)
        description = first_text([*codes_of(outcome.get("detail")).texts, *found.texts])
    else:
        code = record.text("outcome")
    word = OUTCOMES.get((code or "").lower(), "unknown")
    if word == "failure" and action == "authenticate":
        word = "denied"  # A sign-in that failed is one that was refused.
    return word, description or (code if word != "success" else None)


def _read(raw: bytes) -> JsonRecord:
    """Return the resource, alone or inside the entry of a bundle; refuse any other."""
    record = JsonRecord.read(raw)
    resource = record.text("resourcetype")
    if resource is None and record.has("resource"):
        record = record.object("resource")
        resource = record.text("resourcetype")
    if resource != _RESOURCE:
        raise EventError(
            f"a resource of type `{resource[:_NAME_MAX]}`, not an AuditEvent"
            if resource
            else "JSON, but not a FHIR resource",
            hint="an AuditEvent has `resourceType`, `recorded` and `agent`",
        )
    return record


class FhirAuditEvent:
    """The source `fhir.auditevent`."""

    kind = KIND
    has_sequence = False
    sequence_scope: str | None = None
    heartbeat_seconds: int | None = None  # A practice may rest; set one where it must not.
    has_native_ids = False  # A server gives an id; a message may lack one.
    file_patterns: tuple[str, ...] = ("*.json", "*.ndjson", "*.jsonl", "*.log", "*.gz")

    def cutter(self) -> Cutter:
        """Return a cutter of lines (as bulk export writes), arrays, and bundles (`entry`)."""
        return JsonCutter("entry")

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one resource, alone or as the entry of a bundle.

        Raises `EventError` when it is another resource, or none.
        """
        record = _read(raw)
        document = record.document
        agents = [_Agent(agent) for agent in records_of(document.get("agent"))[:_AGENTS_MAX]]
        if not agents and record.has("agent"):
            record.fault("agent")
        kinds = codes_of(document.get("type"), document.get("category"))
        subtypes = codes_of(document.get("subtype"), document.get("code"))
        act = find_act(kinds, subtypes, record.text("action"))
        action = act or "other"
        class_uid, activity_id = class_of(action, None)
        why, purposes = _why(document, agents)
        place = touched(document)
        time = _time(record)
        outcome, reason = _outcome(record, action)
        noticed = [
            *record.flags,
            *([ACTION_UNKNOWN] if act is None else []),
            *(["time_unknown"] if time is None else []),
            *([] if BREAK_GLASS.isdisjoint([*subtypes.listed, *purposes]) else [BROKEN_GLASS]),
        ]
        return Event(
            **_who(agents),
            **why,
            time=now_ms if time is None else time,
            time_known=time is not None,
            source=KIND,
            action=action,
            raw=raw,
            class_uid=class_uid,
            activity_id=_LOGOFF if "110123" in subtypes.listed else activity_id,
            operation=_operation(kinds, subtypes),
            native_id=record.text("id"),
            observed_by=_observer(record_of(document.get("source"))),
            subjects=place.subjects,
            query_text=place.query,
            resource_system=_SYSTEM,
            resource_dataset=place.dataset,
            resource_id=place.resource_id,
            resource_type=place.dataset,
            case=place.case,
            outcome=outcome,
            outcome_reason=reason,
            attributes=_declared(record, kinds, subtypes, purposes, place) or None,
            flags=tuple(noticed) or None,
        )


def _observer(source: dict[str, Any]) -> str | None:
    found = key_of(record_of(source.get("observer"))) or key_of(source)
    return found or first_text((source.get("site"),))


def _time(record: JsonRecord) -> int | None:
    """Return when it happened: the start of the period, an instant of release 5, or `recorded`."""
    period = record.object("period", "occurredperiod")
    return (
        period.instant("start") or record.instant("occurreddatetime") or record.instant("recorded")
    )


def _operation(kinds: Codes, subtypes: Codes) -> str | None:
    code = first_text([*subtypes.listed, *kinds.listed])
    display = first_text([*subtypes.displays, *kinds.displays])
    if code is None or display is None:
        return code or display
    return f"{code} {display}" if code.isdigit() else code


def _declared(
    record: JsonRecord, kinds: Codes, subtypes: Codes, purposes: list[str], place: Touched
) -> dict[str, Any]:
    """Return the declared attributes."""
    document = record.document
    found = record.declared(action_code="action", severity="severity", recorded="recorded")
    period = record.object("period", "occurredperiod")
    found |= period.declared(began="start", ended="end")
    roles = codes_of(*(agent.get("role") for agent in records_of(document.get("agent"))))
    based = [key_of(item) for item in records_of(document.get("basedOn"))]
    lists: dict[str, list[Any]] = {
        "type": kinds.listed,
        "subtype": subtypes.listed,
        "purposes": purposes if len(purposes) > 1 else [],
        "roles": list(dict.fromkeys([*roles.listed, *roles.texts])),
        "labels": place.labels,
        "based_on": [key for key in based if key is not None],
    }
    found.update({name: listed[:_TEXTS_MAX] for name, listed in lists.items() if listed})
    if place.resources > 1:
        found["resources"] = place.resources
    return found
