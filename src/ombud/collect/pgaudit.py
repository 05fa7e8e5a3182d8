"""pgaudit: the audit log of PostgreSQL, from its csvlog or jsonlog.

The AUDIT lines of the pgaudit extension say what was read and changed; the other
lines of the same log say who connected and what failed, and are events too.
What is mapped and what is not: `docs/sources/postgres-pgaudit.md`.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from ombud.attribution.attribution import NONE, Attributed, Attribution
from ombud.attribution.person import Line, SessionStates
from ombud.collect.csv_text import split_csv
from ombud.collect.cut import Cutter
from ombud.collect.cut_csv import SniffingCutter
from ombud.collect.pgaudit_lines import CSV_COLUMNS, LogLine, parse_line
from ombud.core.event import Event
from ombud.core.instants import parse_iso
from ombud.core.ocsf_table import AUTHENTICATION, DATASTORE, USER_ACCESS, class_of

KIND = "postgres.pgaudit"
_SYSTEM = "postgresql"
_AUDIT = "AUDIT: "
_FIELDS_MIN = 9  # Up to the parameters; `pgaudit.log_rows` adds the rows behind them.
_NOT_LOGGED = frozenset({"<not logged>", "<previously logged>", "<none>", ""})
_WITHOUT_VALUES = frozenset({"<not logged>", "<previously logged>", "<none>"})
_COUNTED = frozenset({"READ", "WRITE"})
_LOGOFF, _OTHER = 2, 99
_CLIENTS = frozenset({"", "client backend", "not initialized"})

_BY_COMMAND = {
    "SELECT": "read", "FETCH": "read", "SHOW": "read", "EXPLAIN": "read", "TABLE": "read",
    "INSERT": "write", "UPDATE": "write", "MERGE": "write", "SELECT INTO": "write",
    "CREATE TABLE AS": "write", "COPY FROM": "write", "REFRESH MATERIALIZED VIEW": "write",
    "DELETE": "delete", "TRUNCATE": "delete", "TRUNCATE TABLE": "delete",
    "GRANT": "grant", "GRANT ROLE": "grant", "REVOKE": "revoke", "REVOKE ROLE": "revoke",
    "EXECUTE": "execute", "DO": "execute", "CALL": "execute", "VACUUM": "execute",
    "ANALYZE": "execute", "CLUSTER": "execute", "REINDEX": "execute", "LOAD": "execute",
    "PREPARE": "other", "DEALLOCATE": "other", "SET": "configure", "RESET": "configure",
    "COMMENT": "configure", "SECURITY LABEL": "configure",
}  # fmt: skip
_DROPS_DATA = re.compile(r"DROP (TABLE|DATABASE|SCHEMA|VIEW|MATERIALIZED VIEW|SEQUENCE|OWNED)")
_BY_CLASS = {
    "READ": "read", "WRITE": "write", "FUNCTION": "execute", "ROLE": "configure",
    "DDL": "configure", "MISC_SET": "configure",
}  # fmt: skip
# COPY is logged without its relation; a plain name behind it is one.
_OUTERMOST = frozenset({"", "1"})
_COPIED = re.compile(
    r'\s*copy\s+((?:"(?:[^"]|"")+"|[\w$]+)(?:\.(?:"(?:[^"]|"")+"|[\w$]+))?)', re.IGNORECASE
)
_CHANGES = ("CREATE", "ALTER", "DROP", "IMPORT")

_AUTHORIZED = "connection authorized:"
_DISCONNECTION = "disconnection:"
# Messages of the server, in English, and what they say of a sign-in.
_CONNECTIONS = (
    ("connection received:", "connection.received", _OTHER, None),
    ("connection authenticated:", "connection.authenticated", 1, "success"),
    ("connection authorized:", "connection.authorized", 1, "success"),
    ("replication connection authorized:", "connection.authorized", 1, "success"),
    ("disconnection:", "disconnection", _LOGOFF, "success"),
)
_DENIED_STATES = ("42501", "28")  # insufficient_privilege; invalid authorization (class)
_FAILURES = frozenset({"ERROR", "FATAL", "PANIC"})
_SYNTAX_ERROR = "42601"
_STATE_GOOD = "00000"


class _Act(NamedTuple):
    """What one line says was done."""

    action: str
    operation: str
    class_uid: int | None = None
    activity_id: int | None = None
    dataset: str | None = None
    kind: str | None = None
    statement: str | None = None  # As it was sent.
    parameters: str | None = None  # As CSV; None when they were not logged.
    is_inner: bool = False  # A function, a trigger or DO ran it.
    rows: int | None = None
    outcome: str | None = None
    declared: dict[str, Any] | None = None


def command_action(command: str, audit_class: str = "") -> str:
    """Return what a command tag does; COPY reads out what it does not write in."""
    if command == "COPY":
        return {"READ": "export", "WRITE": "write"}.get(audit_class, "other")
    if command == "COPY TO":
        return "export"
    action = _BY_COMMAND.get(command)
    if action is not None:
        return action
    if _DROPS_DATA.match(command):
        return "delete"
    if command.startswith(_CHANGES):
        return "configure"
    return _BY_CLASS.get(audit_class, "other")


def _classify(action: str) -> tuple[int | None, int | None]:
    if action in ("grant", "revoke"):
        return class_of(action, USER_ACCESS)
    return class_of(action, DATASTORE)


def _audit(line: LogLine) -> _Act | None:
    fields = split_csv(line.message[len(_AUDIT) :])
    if fields is None or len(fields) < _FIELDS_MIN:
        line.flags.append("unmappable:message")
        return None
    kind, statement_id, part_id, audit_class, command, object_type, name, text, given = fields[:9]
    action = command_action(command, audit_class)
    # For COPY, and for what neither reads nor writes, pgaudit says 0 and means nothing.
    has_rows = len(fields) > _FIELDS_MIN and audit_class in _COUNTED and command != "COPY"
    if command == "COPY" and not name and (copied := _COPIED.match(text)) is not None:
        name = copied[1]
    rows = fields[9] if has_rows else ""
    class_uid, activity_id = _classify(action)
    return _Act(
        action,
        command,
        class_uid,
        activity_id,
        dataset=name or None,
        kind=object_type or None,
        statement=None if text in _NOT_LOGGED else text,
        parameters=None if given in _WITHOUT_VALUES else given,
        is_inner=part_id not in _OUTERMOST,
        rows=int(rows) if rows.isdecimal() and len(rows) <= 18 else None,
        outcome="success",  # Allowed to begin; a failure later is a line of its own.
        declared={
            "audit": kind.lower(),
            "audit_class": audit_class,
            "statement_id": statement_id,
            "substatement_id": part_id,
        },
    )


def _other(line: LogLine) -> _Act:
    """Return what a line without pgaudit says: a sign-in, a failed statement, or nothing known."""
    for start, operation, activity, outcome in _CONNECTIONS:
        if line.message.startswith(start):
            return _Act("authenticate", operation, AUTHENTICATION, activity, outcome=outcome)
    failed = line.severity in _FAILURES
    if failed and (line.state.startswith("28") or line.tag in ("authentication", "startup")):
        return _Act("authenticate", "authentication.failed", AUTHENTICATION, 1)
    if failed and line.statement:
        action = command_action(line.tag.upper())
        class_uid, activity_id = _classify(action)
        operation = line.tag or line.severity.lower()
        return _Act(action, operation, class_uid, activity_id, statement=line.statement)
    return _Act("other", line.severity.lower() or "log", statement=line.statement or None)


def _outcome(line: LogLine) -> tuple[str | None, str | None]:
    if line.severity not in _FAILURES:
        return None, None
    denied = line.state.startswith(_DENIED_STATES)
    reason = ": ".join(part for part in (line.state, line.message) if part)
    return ("denied" if denied else "failure"), reason


class PgAudit:
    """The source `postgres.pgaudit`."""

    kind = KIND
    has_sequence = True
    sequence_scope: str | None = "session_id"
    heartbeat_seconds: int | None = None  # A database may rest; set one where it must not.
    has_native_ids = True
    # Beside them the server keeps a file without suffix, for what it says before logging starts.
    file_patterns: tuple[str, ...] = ("*.csv", "*.json", "*.csv.*", "*.json.*")

    def __init__(self) -> None:
        self._attribution: Attribution | None = None
        self._states = SessionStates()

    def attribute(self, attribution: Attribution) -> None:
        """Name persons and data subjects from now on; lines must then come in order."""
        self._attribution = attribution
        self._states = SessionStates()

    def cutter(self) -> Cutter:
        """Return a cutter that tells csvlog from jsonlog by its first byte."""
        return SniffingCutter(CSV_COLUMNS)

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one line.

        Raises `EventError` when it is no line of a PostgreSQL log.
        """
        line = parse_line(raw)
        act = _audit(line) if line.message.startswith(_AUDIT) else None
        if act is None:
            act = _other(line)
        failure, reason = _outcome(line)
        time = parse_iso(line.time)
        if time is None:
            line.flags.append("time_unknown")
        remote = line.remote or None
        address = remote if remote is not None and _is_address(remote) else None
        system = f"{_SYSTEM}/{line.database}" if line.database else _SYSTEM
        found = NONE
        if self._attribution is not None:
            found = _attributed(self._attribution, self._states, system, line, act)
            line.flags.extend(found.flags)
        return Event(
            time=now_ms if time is None else time,
            time_known=time is not None,
            source=KIND,
            action=act.action,
            raw=raw,
            class_uid=act.class_uid,
            activity_id=act.activity_id,
            operation=act.operation,
            sequence=line.number,
            native_id=f"{line.session}:{line.number}" if line.session and line.number else None,
            actor_id=line.user or None,
            actor_type=None if line.backend in _CLIENTS else "service",
            on_behalf_of=found.on_behalf_of,
            subjects=found.subjects,
            origin_ip=address,
            origin_device=remote if address is None else None,
            origin_agent=line.application or None,
            session_id=line.session or None,
            query_id=line.query_id or None,
            query_text=_query(act),
            columns_projected=found.projected,
            columns_filtered=found.filtered,
            resource_system=system,
            resource_dataset=act.dataset,
            resource_type=act.kind,
            rows_returned=act.rows,
            outcome=failure or act.outcome,
            outcome_reason=reason,
            attributes=_declared(line, act),
            flags=tuple(line.flags) or None,
        )


def _query(act: _Act) -> str | None:
    if act.statement is None or not act.parameters:
        return act.statement
    return f"{act.statement}\n-- parameters: {act.parameters}"


def _attributed(
    attribution: Attribution, states: SessionStates, name: str, line: LogLine, act: _Act
) -> Attributed:
    """Return what a line says of persons and data subjects, if its system is declared."""
    if line.number == 1:
        states.begin(line.session)  # Before sign-in a line names no database.
    system = attribution.system(name)
    if system is None:
        return NONE
    declared = act.declared
    application = line.application
    if not application and line.message.startswith(_AUTHORIZED):
        application = line.message.partition(" application_name=")[2]
    said = Line(
        actor=line.user,
        application=application,
        session=line.session,
        transaction=line.virtual,
        text=act.statement,
        command=act.operation if declared is not None else "",
        audit_class=declared["audit_class"] if declared is not None else "",
        is_last=line.message.startswith(_DISCONNECTION),
        is_failure=line.severity in _FAILURES,
    )
    return system.attribute(
        said,
        states,
        parameters=act.parameters,
        dataset=act.dataset,
        is_inner=act.is_inner,
        # What the server could not parse either has touched nothing.
        is_statement=line.state != _SYNTAX_ERROR and (declared or act.statement) is not None,
    )


def _is_address(remote: str) -> bool:
    return ":" in remote or remote.replace(".", "").isdigit()


def _declared(line: LogLine, act: _Act) -> dict[str, Any]:
    declared = dict(act.declared or ())
    if line.backend:
        declared["backend"] = line.backend
    if line.severity:
        declared["severity"] = line.severity
    if line.transaction:
        declared["transaction"] = line.transaction
    if act.declared is None and line.severity not in _FAILURES and line.message:
        declared["message"] = line.message
    return declared
