"""GitHub: the audit log of an enterprise or organisation, streamed, exported or from the API.

What is mapped and what is not: `docs/sources/github-audit.md`.
"""

from __future__ import annotations

from typing import Any

from ombud.collect.act_table import ACTION_UNKNOWN, Act, classify
from ombud.collect.cut import Cutter
from ombud.collect.cut_json import JsonCutter
from ombud.collect.github_actions import find_act
from ombud.collect.json_record import JsonRecord
from ombud.core.event import Event
from ombud.core.ocsf_table import API_ACTIVITY

KIND = "github.audit"
_SYSTEM = "github"
_TELLING = ("action", "documentid", "actor", "operationtype")
_BOT = "[bot]"
# How a credential that is no person's is called in `programmatic_access_type`.
_MACHINES = ("server-to-server", "deploy key", "installation", "github_token", "actions")
_REQUESTS = {"get": "read", "head": "read", "post": "write", "put": "write", "patch": "write",
             "delete": "delete"}  # fmt: skip
_DENIED_STATUS = frozenset({401, 403, 407})
_FAILED_FROM = 400
# What else a record is about when it is not about a repository: member, type.
_OBJECTS = (
    ("hookid", "hook"), ("rulesetid", "ruleset"), ("workflowrunid", "workflow_run"),
    ("pullrequestid", "pull_request"), ("team", "team"),
    ("fingerprint", "key"), ("key", "key"),
    ("environmentname", "environment"), ("runnername", "runner"), ("package", "package"),
)  # fmt: skip


def _actor(record: JsonRecord) -> tuple[str | None, str | None]:
    """Return who acted and of what type, as far as the record says."""
    actor = record.text("actor")
    actor_id = actor or record.text("actorid", "externalidentitynameid")
    access = (record.text("programmaticaccesstype") or "").lower()
    if record.truth("actorisagent"):
        return actor_id, "agent"
    is_bot = record.truth("actorisbot") or (actor or "").endswith(_BOT)
    if is_bot or any(word in access for word in _MACHINES):
        return actor_id, "service"
    return actor_id, "person" if actor_id is not None else None


def _upstream(record: JsonRecord, actor_id: str | None) -> tuple[str, ...] | None:
    """Return the person whom an AI agent acted for; elsewhere `user` is the one affected."""
    user = record.text("user") if record.truth("actorisagent") else None
    return (user,) if user is not None and user != actor_id else None


def _act(record: JsonRecord, operation: str | None) -> Act:
    act = find_act(operation)
    if operation == "api.request":
        method = (record.text("requestmethod", "httpmethod") or "").lower()
        path = record.text("urlpath", "route") or ""
        action = "search" if "/search" in path else _REQUESTS.get(method, "read")
        return Act(*classify(action, API_ACTIVITY))
    if not act.is_known:
        kind = (record.text("operationtype") or "").lower()
        if kind in _BY_TYPE:
            return Act(*classify(_BY_TYPE[kind], API_ACTIVITY))
    return act


# `operation_type` of the record, for operations that no row knows.
_BY_TYPE = {
    "access": "read", "authentication": "authenticate", "create": "configure",
    "modify": "configure", "remove": "configure", "restore": "configure", "transfer": "share",
}  # fmt: skip


def _outcome(record: JsonRecord, operation: str | None) -> tuple[str, str | None]:
    status = record.integer("statuscode")
    reason = record.text("failurereason", "errormessage", "reason", "message")
    if status is not None and status >= _FAILED_FROM:
        return ("denied" if status in _DENIED_STATUS else "failure"), reason or str(status)
    if operation is not None and ("failed" in operation or "rejected" in operation):
        return ("denied" if "login" in operation or "auth" in operation else "failure"), reason
    return "success", None


def _touched(record: JsonRecord) -> tuple[str | None, str | None, str | None]:
    """Return dataset, id and type of what was touched."""
    repository = record.text("repo", "repository")
    for member, kind in _OBJECTS:
        found = record.text(member)
        if found is not None:
            return repository, found, kind
    if repository is not None:
        return repository, record.text("branch", "ref") or repository, "repository"
    organisation = record.text("org")
    if organisation is not None:
        return None, organisation, "organisation"
    business = record.text("business")
    return None, business, "enterprise" if business is not None else None


class GitHubAudit:
    """The source `github.audit`."""

    kind = KIND
    has_sequence = False
    sequence_scope: str | None = None
    heartbeat_seconds: int | None = None  # A small organisation may rest for days.
    has_native_ids = False  # Only what is streamed has them always.
    file_patterns: tuple[str, ...] = ("*.json", "*.ndjson", "*.jsonl", "*.log", "*.gz")

    def cutter(self) -> Cutter:
        """Return a cutter of lines, arrays and documents, mixed."""
        return JsonCutter()

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one record.

        Raises `EventError` when it is no record of a GitHub audit log.
        """
        record = JsonRecord.read(raw)
        inner = record.object("event") if not record.has("action") else None
        if inner:  # As the collector of Splunk is sent it.
            record = inner
        record.require(KIND, *_TELLING)
        flags = record.flags
        operation = record.text("action")
        act = _act(record, operation)
        if not act.is_known:
            flags.append(ACTION_UNKNOWN)
        time = record.instant("timestamp", "createdat", "atsigntimestamp", "peventtime")
        if time is None:
            flags.append("time_unknown")
        actor_id, actor_type = _actor(record)
        behalf = _upstream(record, actor_id)
        dataset, resource_id, resource_type = _touched(record)
        outcome, reason = _outcome(record, operation)
        user = record.text("user")
        affected = user if user not in (actor_id, *(behalf or ())) else None
        return Event(
            time=now_ms if time is None else time,
            time_known=time is not None,
            source=KIND,
            action=act.action,
            raw=raw,
            class_uid=act.class_uid,
            activity_id=act.activity_id,
            operation=operation,
            native_id=record.text("documentid"),
            actor_id=actor_id,
            actor_type=actor_type,
            actor_name=record.text("externalidentitynameid", "externalidentityusername"),
            actor_organisation=record.text("business", "org"),
            on_behalf_of=behalf,
            origin_ip=record.text("actorip"),
            origin_agent=record.text("useragent"),
            session_id=record.text("agentsessionid", "actorsession"),
            workflow_id=record.text("workflowid"),
            request=record.text("dismissalrequestid", "personalaccesstokenrequestid"),
            subjects=(("account", affected),) if affected is not None else None,
            query_text=record.text("searchquery", "queryphrase", "querystring"),
            resource_system=_SYSTEM,
            resource_dataset=dataset,
            resource_id=resource_id,
            resource_type=resource_type,
            resource_owner=record.text("org", "business"),
            justification_text=record.text("dismissalcomment", "bypassreason", "comment"),
            outcome=outcome,
            outcome_reason=reason,
            attributes=_declared(record) or None,
            flags=tuple(flags) or None,
        )


def _declared(record: JsonRecord) -> dict[str, Any]:
    declared = record.declared(
        access_type="programmaticaccesstype",
        actor_id="actorid",
        application="oauthapplicationid",
        integration="integration",
        name="name",
        operation_type="operationtype",
        permission="permission",
        protocol="transportprotocolname",
        public="publicrepo",
        token_hash="hashedtoken",  # noqa: S106
        token_id="tokenid",  # noqa: S106 (the name of a member)
        token_scopes="tokenscopes",  # noqa: S106
        visibility="visibility",
    )
    country = record.object("actorlocation").text("countrycode")
    if country is not None:
        declared["country"] = country
    return declared
