"""Palantir: the audit.3 log of Foundry and Gotham, and audit.2 before it.

A line is a union of categories, each with members of its own in request and
result.  What is mapped and what is not: `docs/sources/palantir-audit3.md`.
"""

from __future__ import annotations

from typing import Any

from ombud.collect.act_table import ACTION_UNKNOWN
from ombud.collect.cut import Cutter
from ombud.collect.cut_json import JsonCutter
from ombud.collect.json_record import JsonRecord
from ombud.collect.json_value import (
    address_of,
    count_of,
    first_text,
    items_of,
    records_of,
    text_of,
    truth_of,
)
from ombud.collect.palantir_categories import OTHER, Category, find_category, guess_category
from ombud.collect.palantir_values import (
    entity_type,
    identify,
    identify_all,
    payload_of,
    reasons_of,
    rid_type,
    size_of,
    words_of,
)
from ombud.core.event import Event
from ombud.core.ocsf_table import DATASTORE, class_of

KIND = "palantir.audit3"
_SYSTEM = "palantir"
_MEMBERS = ("requestfields", "requestparams", "resultfields", "resultparams")
_TELLING = ("logentryid", "categories", *_MEMBERS, "producertype")
_LISTED_MAX = 32  # Further resources, users and categories of one event; the original has all.
_CATEGORIES_MAX = 64  # Categories of one event looked at; Palantir documents some hundred.
_LOGOFF = 2
_SINGLE = frozenset({"object", "link", "row"})  # Resources that are records, often of persons.
_DENIED = frozenset({"UNAUTHORIZED", "UNAUTHENTICATED", "FORBIDDEN", "PERMISSION_DENIED", "DENIED"})
_QUERIES = (
    "dataSearchQuery", "metaDataSearchQuery", "logicSearchQuery", "requestSearchQuery",
    "monitorSearchQuery", "appConfigSearchQuery", "containerSearchQuery", "llmInferenceInputs",
    "query",
)  # fmt: skip
_REQUESTS = (
    "approvedRequestIds", "disapprovedRequestIds", "executedRequestIds", "createdRequestIds",
    "updatedRequestIds", "canceledRequestIds", "accessedRequestIds", "reviewInfraActionRequestId",
    "configureInfraRequestId", "infraLogsAccessRequestId", "redactionRequestId",
)  # fmt: skip
_RETURNED = (
    "loadedOntologyDataResources", "ontologyDataSearchResults", "dataSearchResults",
    "metaDataSearchResults", "transformedOntologyDataResources",
)  # fmt: skip
_REASONS = ("userJustification", "redactionReason", "dataShareReason")
_MESSAGES = ("authenticationCheckResultMessage", "authorizationCheckResultMessage")
_AFFECTED = ("managedUserIds", "oauth2InitiateAuthFlowUser")
_DESTINATIONS = ("promotionDestinations", "transformDestination")
_LISTS = {
    "file": "importedFilename",
    "enrollments": "enrollmentRids",
    "operations": "operationNames",
    "checked": "authorizationCheckOperations",
}
_PATCHES = ("groupPatches", "markingPatches")
_DECLARED = {
    "product": "product", "product_version": "productversion", "service": "service",
    "environment": "environment", "stack": "stack", "producer": "producertype",
    "event_id": "eventid", "sequence_id": "sequenceid", "token_id": "tokenid",
    "schema": "type", "source_origin": "sourceorigin",
}  # fmt: skip


def _told(record: JsonRecord) -> dict[str, Any]:
    """Return the members of request and result as one: either may hold what a category names."""
    told: dict[str, Any] = {}
    for name in _MEMBERS:
        members = record.value(name)
        if members.__class__ is dict:
            for key, value in members.items():
                told[key] = payload_of(value)
        elif members is not None:
            record.fault(name)
    return told


def _categories(record: JsonRecord, told: dict[str, Any]) -> list[str]:
    listed = record.value("categories")
    if listed is None:  # audit.2 may put them among the parameters.
        listed = told.get("_categories", told.get("_category"))
    names = [identify(item) for item in items_of(listed)[:_CATEGORIES_MAX]]
    return [name for name in names if name is not None]


def _outcome(
    record: JsonRecord, told: dict[str, Any], permit: bool | None
) -> tuple[str, str | None]:
    result = record.text("result")
    message = first_text(told.get(name) for name in _MESSAGES)
    word = (result or "").upper()
    if word == "SUCCESS":
        checked = truth_of(told.get("authenticationCheckResult"))
        failed = bool(told.get("authorizationCheckFailedTargets"))
        if checked is False or failed:
            return "denied", message
        return "success", "disapproved" if permit is False else message
    if not word:
        return "unknown", message
    reason = f"{result}: {message}" if message else result
    return ("denied" if word in _DENIED else "failure"), reason


def _actor(
    record: JsonRecord, told: dict[str, Any], behalf: list[str], *, is_user: bool
) -> tuple[str | None, str | None, str | None]:
    """Return who acted, of what type and by what name."""
    uid = record.text("uid") or first_text(
        (identify(told.get("loginUserId")), identify(told.get("logoutUserId")))
    )
    users = records_of(record.value("users"))
    if uid is None and len(users) == 1:
        uid = text_of(users[0].get("uid"))
    user = next((user for user in users if user.get("uid") == uid), {})
    parts = (text_of(user.get("firstName")), text_of(user.get("lastName")))
    name = text_of(user.get("userName")) or " ".join(part for part in parts if part) or None
    if behalf:
        return uid, "service", name
    return uid, ("person" if is_user and uid is not None else None), name


def _decision(categories: list[str], told: dict[str, Any]) -> bool | None:
    if "requestApprove" in categories:
        return True
    if "requestDisapprove" in categories:
        return False
    if "reviewInfraAction" in categories:
        return truth_of(told.get("reviewInfraActionWasApproved"))
    return None


def _touched(
    ranked: list[Category], told: dict[str, Any], record: JsonRecord
) -> tuple[str | None, str | None, list[str]]:
    """Return dataset, id of the one record, and further resources, of the first that names any."""
    for category in ranked:
        for member in category.resources:
            value = told.get(member)
            if category.is_single:
                found = identify(value)
                dataset = entity_type(value)
                if found is not None or dataset is not None:
                    return dataset, found, []  # Further ones may be persons: not repeated here.
                continue
            listed = identify_all(value, _LISTED_MAX)
            if listed and rid_type(listed[0]) in _SINGLE:
                return None, listed[0], []
            if listed:
                is_body = category.class_uid in (None, DATASTORE)
                return (listed[0] if is_body else None), listed[0], listed[1:]
    entities = identify_all(record.value("entities"), 1)
    if not entities:  # audit.2 has members of any name.
        entities = [text for value in told.values() if _is_rid(text := text_of(value)) and text][:1]
    return None, entities[0] if entities else None, []


def _accounts(told: dict[str, Any]) -> tuple[list[str], bool]:
    """Return the accounts that an act on accounts names, and whether they only lose something."""
    accounts = [
        account for name in _AFFECTED for account in identify_all(told.get(name), _LISTED_MAX)
    ]
    added = removed = 0
    for name in _PATCHES:
        for patch in records_of(told.get(name)):
            gains = identify_all(patch.get("addedIds"), _LISTED_MAX)
            losses = identify_all(patch.get("removedIds"), _LISTED_MAX)
            added, removed = added + len(gains), removed + len(losses)
            if name == "groupPatches":
                accounts += [*gains, *losses]
    return accounts[:_LISTED_MAX], bool(removed) and not added


def _who(record: JsonRecord, told: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that say who acted, for whom, and whence."""
    behalf = identify_all(told.get("onBehalfOfUserIds"), _LISTED_MAX)
    origins = _origins(record)
    uid, actor_type, name = _actor(record, told, behalf, is_user=bool(origins))
    ip, device = address_of(origins[0] if origins else record.text("origin", "ip"))
    organisations = records_of(record.value("organizations"))
    return {
        "actor_id": uid,
        "actor_type": actor_type,
        "actor_name": name,
        "actor_organisation": record.text("orgid")
        or first_text(item.get("id") for item in organisations),
        "on_behalf_of": tuple(behalf) or None,
        "origin_ip": ip,
        "origin_device": device,
        "origin_agent": record.text("useragent"),
    }


def _origins(record: JsonRecord) -> list[str]:
    found = [text_of(item) for item in items_of(record.value("origins"))]
    return [text for text in found if text is not None]


def _what(record: JsonRecord, told: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return the fields that say what was done, and to what."""
    ranked = sorted((find_category(name) for name in names), key=lambda found: found.rank)
    operation = record.text("name")
    main = ranked[0] if ranked else guess_category(operation or "")
    if main is OTHER:
        record.flags.append(ACTION_UNKNOWN)
    accounts, only_removes = _accounts(told)
    action = "revoke" if only_removes and main.action == "grant" else main.action
    class_uid, activity_id = class_of(action, main.class_uid)
    dataset, resource_id, further = _touched(ranked, told, record)
    queries = (words_of(told[key]) for key in _QUERIES if key in told)
    sizes = (size_of(told[key]) for key in _RETURNED if key in told)
    return {
        "action": action,
        "class_uid": class_uid,
        "activity_id": _LOGOFF if action == "authenticate" and "userLogout" in names
        else activity_id,
        "operation": operation,
        "workflow_id": identify(told.get("applicationRid")),
        "resource_dataset": dataset,
        "resource_id": resource_id,
        "resource_type": rid_type(resource_id) or rid_type(dataset),
        "subjects": tuple(dict.fromkeys(("account", account) for account in accounts)) or None,
        "query_text": next((words for words in queries if words is not None), None),
        "rows_requested": size_of(told.get("requestedOntologyDataResources")),
        "rows_returned": next((size for size in sizes if size is not None), None),
        "bytes_returned": _first_count(told, "downloadedSize", "size"),
        "destination": first_text(identify(told.get(key)) for key in _DESTINATIONS),
        "attributes": _attributes(record, told, names, further) or None,
    }  # fmt: skip


def _why(record: JsonRecord, told: dict[str, Any], names: list[str]) -> dict[str, Any]:
    """Return the fields of request, reason, decision and outcome."""
    permit = _decision(names, told)
    outcome, outcome_reason = _outcome(record, told, permit)
    justifier = identify(told.get("userJustifyId"))
    reasons = [text for key in _REASONS for text in reasons_of(told.get(key))]
    return {
        "request": first_text(identify(told[key]) for key in _REQUESTS if key in told),
        "justification_text": "\n".join(reasons) or None,
        "justification_checkpoint": justifier if _is_rid(justifier) else None,
        "decision_permit": permit,
        "outcome": outcome,
        "outcome_reason": outcome_reason,
    }


def _is_rid(identifier: str | None) -> bool:
    return identifier is not None and identifier.startswith("ri.")


def _first_count(told: dict[str, Any], *names: str) -> int | None:
    counts = (count_of(told.get(name)) for name in names)
    return next((count for count in counts if count is not None), None)


def _attributes(
    record: JsonRecord, told: dict[str, Any], names: list[str], further: list[str]
) -> dict[str, Any]:
    """Return the declared attributes."""
    found = record.declared(**_DECLARED)
    found["categories"] = names
    found["resources"] = further
    if record.has("origins"):
        found["user_initiated"] = bool(_origins(record))
    justifier = identify(told.get("userJustifyId"))
    if justifier != record.value("uid") and not _is_rid(justifier):
        found["justified_by"] = justifier
    found["bytes_in"] = count_of(told.get("importedSize"))
    for name, member in _LISTS.items():
        if member in told:
            found[name] = identify_all(told[member], _LISTED_MAX)
    descriptions = (text_of(told[key]) for key in told if key.endswith("escription"))
    found["description"] = next((text for text in descriptions if text is not None), None)
    found["other_users"] = _other_users(record)
    return {name: value for name, value in found.items() if value is not None and value != []}


def _other_users(record: JsonRecord) -> list[str]:
    named = [user.get("uid") for user in records_of(record.value("users"))]
    named += items_of(record.value("otheruids"))
    texts = [text_of(uid) for uid in named if uid != record.value("uid")]
    return [text for text in texts if text is not None][:_LISTED_MAX]


class Palantir:
    """The source `palantir.audit3`."""

    kind = KIND
    has_sequence = False  # `sequenceId` orders the lines of one event and counts nothing.
    sequence_scope: str | None = None
    heartbeat_seconds: int | None = 3600  # Files appear about every fifteen minutes.
    has_native_ids = False  # audit.2 has none.
    file_patterns: tuple[str, ...] = ("*",)

    def cutter(self) -> Cutter:
        """Return a cutter of lines, arrays and documents, mixed."""
        return JsonCutter()

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one line.

        Raises `EventError` when it is neither audit.3 nor audit.2.
        """
        record = JsonRecord.read(raw)
        record.require(KIND, *_TELLING)
        told = _told(record)
        names = _categories(record, told)
        values = _who(record, told) | _what(record, told, names) | _why(record, told, names)
        time = record.instant("time")
        if time is None:
            record.flags.append("time_unknown")
        return Event(
            **values,
            time=now_ms if time is None else time,
            time_known=time is not None,
            source=KIND,
            raw=raw,
            native_id=record.text("logentryid"),
            observed_by=record.text("host"),
            session_id=record.text("sid"),
            parent_id=record.text("traceid"),
            resource_system=_SYSTEM,
            flags=tuple(record.flags) or None,
        )
