"""Databricks: the audit log, delivered as JSON, read from `system.access.audit` or from Azure.

What is mapped and what is not: `docs/sources/databricks-audit.md`.
"""

from __future__ import annotations

from typing import Any

from ombud.collect.act_table import ACTION_UNKNOWN, Act, classify
from ombud.collect.cut import Cutter
from ombud.collect.cut_json import JsonCutter
from ombud.collect.databricks_actions import find_act
from ombud.collect.databricks_resources import Touched, touched
from ombud.collect.json_record import JsonRecord
from ombud.core.event import Event
from ombud.core.ocsf_table import API_ACTIVITY

KIND = "databricks.audit"
_SYSTEM = "databricks"
_TELLING = ("actionname", "servicename", "operationname", "requestparams")
_DENIED = frozenset({401, 403, 407})
_GOOD = range(200, 300)
_FAILED = frozenset({"failed", "error", "cancelled", "canceled", "timedout"})
_REFUSALS = ("ipaccessdenied", "ipaclsvalidationfailed", "accountipaclsvalidationfailed")


def _type_of(actor: str | None) -> str | None:
    """Return what an identity is: people have addresses, programs names and ids."""
    if actor is None:
        return None
    return "person" if "@" in actor else "service"


def _actors(
    record: JsonRecord, parameters: JsonRecord
) -> tuple[str | None, tuple[str, ...] | None, str | None]:
    """Return who acted, the one who had it run, and under whose rights."""
    identity = record.object("useridentity", "identity")
    metadata = record.object("identitymetadata")
    run_by, run_as = metadata.text("runby"), metadata.text("runas")
    actor = (
        identity.text("email", "subjectname", "subject_name")
        or run_by
        or run_as
        or parameters.text("user", "username", "recipientname")
    )
    behalf = (run_by,) if run_by is not None and run_by != actor else None
    return actor, behalf, run_as if run_as != actor else None


def _act(operation: str | None, parameters: JsonRecord) -> Act:
    act = find_act(operation)
    if act.action != "grant" or not parameters.has("changes"):
        return act
    changes = parameters.objects("changes")
    if changes and not any(change.has("add") and change.value("add") for change in changes):
        return Act(*classify("revoke", API_ACTIVITY))
    return act


def _outcome(
    operation: str | None, response: JsonRecord, parameters: JsonRecord
) -> tuple[str | None, str | None]:
    status = response.integer("statuscode")
    reason = response.text("errormessage")
    name = (operation or "").rpartition(".")[2].lower()
    if name in _REFUSALS or status in _DENIED:
        return "denied", reason or (str(status) if status is not None else None)
    if (parameters.text("status") or "").lower() in _FAILED:
        return "failure", reason or parameters.text("status")
    if status is None:
        return ("failure" if reason else None), reason
    return ("success", reason) if status in _GOOD else ("failure", reason or str(status))


class DatabricksAudit:
    """The source `databricks.audit`."""

    kind = KIND
    has_sequence = False
    sequence_scope: str | None = None
    heartbeat_seconds: int | None = 3600  # Delivered within 15 minutes; a used account never rests.
    has_native_ids = False  # A request id may stand for two records: asked, and answered.
    file_patterns: tuple[str, ...] = ("*.json", "*.ndjson", "*.jsonl", "*.gz")

    def cutter(self) -> Cutter:
        """Return a cutter of lines, arrays, and Azure's documents of `records`."""
        return JsonCutter("records")

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one record.

        Raises `EventError` when it is no record of a Databricks audit log.
        """
        outer, record = _open(raw)
        flags = record.flags
        operation = _operation(record, outer)
        parameters = record.object("requestparams")
        act = _act(operation, parameters)
        if not act.is_known:
            flags.append(ACTION_UNKNOWN)
        time = outer.instant("timestamp", "eventtime", "time", "timegenerated")
        if time is None:
            flags.append("time_unknown")
        actor, behalf, run_as = _actors(outer, parameters)
        is_entry = act.action == "authenticate"  # Whose `path` is a page, and no file.
        resource = Touched() if is_entry else touched(parameters)
        response = record.object("response")
        outcome, reason = _outcome(operation, response, parameters)
        return Event(
            time=now_ms if time is None else time,
            time_known=time is not None,
            source=KIND,
            action=act.action,
            raw=raw,
            class_uid=act.class_uid,
            activity_id=act.activity_id,
            operation=operation,
            native_id=record.text("eventid") or outer.text("logid") or record.text("logid"),
            actor_id=actor,
            actor_type=_type_of(actor),
            actor_organisation=record.text("accountid"),
            on_behalf_of=behalf,
            origin_ip=_address(record.text("sourceipaddress")),
            origin_agent=record.text("useragent"),
            session_id=record.text("sessionid"),
            parent_id=record.text("requestid"),
            query_id=parameters.text("statementid", "queryid", "commandid"),
            query_text=parameters.text(
                "commandtext", "statement", "querytext", "query", "sql", "prompt", "searchtext"
            ),
            workflow_id=outer.object("identitymetadata").text("actingresource")
            or parameters.text("jobid", "pipelineid", "runid"),
            resource_system=_SYSTEM,
            resource_dataset=resource.dataset,
            resource_id=resource.id,
            resource_type=resource.type,
            resource_owner=parameters.text("owner"),
            columns_projected=tuple(parameters.texts("columns")) or None,
            recipient=parameters.text("recipientname", "recipient"),
            destination=parameters.text("destination", "exportpath", "destinationpath"),
            rows_returned=parameters.count("rowcount", "rowsreturned"),
            bytes_returned=parameters.count("transferredsize", "fullbytes", "bytesread"),
            outcome=outcome,
            outcome_reason=reason,
            attributes=_declared(record, parameters, run_as) or None,
            flags=tuple(flags) or None,
        )


def _open(raw: bytes) -> tuple[JsonRecord, JsonRecord]:
    """Return what was delivered, and the record in it: Azure wraps what the others do not."""
    outer = JsonRecord.read(raw)
    outer.require(KIND, *_TELLING)
    inner = outer.object("properties") if outer.has("properties") else outer
    return outer, inner if inner.has("actionname", "requestparams") else outer


def _operation(record: JsonRecord, outer: JsonRecord) -> str | None:
    service, action = record.text("servicename"), record.text("actionname")
    if action is None:  # `Microsoft.Databricks/accounts/login`.
        named = outer.text("operationname")
        if named is None:
            return service
        service, _, action = named.partition("/")[2].partition("/")
    return f"{service}.{action}" if service and action else action or service


def _address(text: str | None) -> str | None:
    """Return an address without the port that some services write behind it."""
    if text is not None and text.count(":") == 1 and "." in text:
        return text.partition(":")[0]
    return text


def _declared(record: JsonRecord, parameters: JsonRecord, run_as: str | None) -> dict[str, Any]:
    declared = record.declared(
        account="accountid", level="auditlevel", service="servicename", workspace="workspaceid"
    )
    declared |= parameters.declared(
        bytes_in="receivedsize",
        cluster="clusterid",
        metastore="metastoreid",
        notebook="notebookid",
        operation="operation",
        share="share",
        target_user="targetusername",
        warehouse="warehouseid",
    )
    if run_as is not None:
        declared["run_as"] = run_as
    return declared
