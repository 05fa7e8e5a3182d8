"""Trino: the query events that its HTTP event listener posts, one to a request.

What is mapped and what is not: `docs/sources/trino-events.md`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from ombud.collect.act_table import ACTION_UNKNOWN, Act, ActTable
from ombud.collect.cut import Cutter
from ombud.collect.cut_json import JsonCutter
from ombud.collect.json_record import JsonRecord
from ombud.core.event import Event
from ombud.core.ocsf_table import DATASTORE

KIND = "trino.events"
_SYSTEM = "trino"
_TELLING = ("metadata", "context", "statistics", "queryid")
_DENIED = frozenset({"permission_denied", "access_denied", "invalid_credentials"})
_COLUMNS_MAX = 1000  # Columns of one query; a wider one is a whole table.
_DATASETS_MAX = 100

# By the update type of a statement, and for what has none by the type of the query.
_TABLE = ActTable(
    (
        ("read", """select describe explain show* values table"""),
        ("delete", """delete truncate* drop_table drop_view drop_schema drop_materialized_view
            drop_catalog"""),
        ("write", """insert* update merge create_table_as* refresh_materialized_view
            create_table_with_data"""),
        ("grant", "grant* set_*_authorization set_authorization"),
        ("revoke", "revoke* deny*"),
        ("configure", """create_* alter_* drop_* rename_* add_* set_* reset_* comment*
            data_definition use"""),
        ("execute", "call execute* analyze table_execute alter_table_execute kill*"),
        ("other", "start_transaction commit rollback prepare deallocate control"),
    ),
    class_uid=DATASTORE,
)  # fmt: skip
_CREATED = Act("execute", DATASTORE, 99)
_SPLIT = Act("other", DATASTORE, 99)


class _Actors(NamedTuple):
    """Who acted, for whom, and under whose rights."""

    id: str | None
    behalf: tuple[str, ...] | None
    run_as: str | None


def _is_same(principal: str, user: str) -> bool:
    """Whether a principal is a user under the longer name of a sign-in method."""
    plain = principal.lower()
    name = user.lower()
    if plain == name or plain.partition("@")[0] == name or plain.partition("/")[0] == name:
        return True
    return any(part.strip() in (f"cn={name}", f"uid={name}") for part in plain.split(","))


def _actors(context: JsonRecord) -> _Actors:
    """Return the actor: who signed in; and the user, where a program signed in for them."""
    user = context.text("user")
    person = context.text("originaluser") or user
    run_as = user if user != person else None
    principal = context.text("principal")
    if principal is None or person is None:
        return _Actors(person or principal, None, run_as)
    if _is_same(principal, person):
        return _Actors(person, None, run_as)
    return _Actors(principal, (person,), run_as)


def _name(table: JsonRecord) -> str | None:
    """Return `catalog.schema.table`."""
    parts = (table.text("catalogname", "catalog"), table.text("schema"), table.text("table"))
    return ".".join(part for part in parts if part) or None


class _Touched(NamedTuple):
    """Datasets and columns of one query; the first dataset is the one written, else read."""

    datasets: list[str]
    columns: list[str]
    by_dataset: dict[str, list[str]]


def _columns(table: JsonRecord) -> list[str]:
    """Return the columns, which older versions give by name and newer ones as objects."""
    names = table.texts("columns")
    if not names:
        found = (item.text("columnname", "column", "name") for item in table.objects("columns"))
        names = [name for name in found if name is not None]
    return names[:_COLUMNS_MAX]


def _touched(metadata: JsonRecord, io: JsonRecord) -> _Touched:
    by_dataset: dict[str, list[str]] = {}
    output = io.object("output")
    written = _name(output) if output else None
    for table in io.objects("inputs")[:_DATASETS_MAX]:
        name = _name(table)
        if name is not None:
            by_dataset.setdefault(name, []).extend(_columns(table))
    columns = list(dict.fromkeys(name for names in by_dataset.values() for name in names))
    named = [name for table in metadata.objects("tables") if (name := _name(table)) is not None]
    datasets = [written] if written is not None else []
    datasets = list(dict.fromkeys([*datasets, *by_dataset, *named]))[:_DATASETS_MAX]
    return _Touched(datasets, columns[:_COLUMNS_MAX], by_dataset)


def _operation(metadata: JsonRecord, context: JsonRecord) -> str | None:
    """Return what kind of statement it was, in capitals as Trino writes it."""
    update, kind = metadata.text("updatetype"), context.text("querytype")
    if update == "CREATE TABLE" and kind == "INSERT":
        return "CREATE TABLE AS"  # Which fills the table, and is told apart by this alone.
    return update or kind


def _outcome(record: JsonRecord, metadata: JsonRecord) -> tuple[str | None, str | None]:
    failure = record.object("failureinfo")
    if failure:
        code = failure.object("errorcode").text("name")
        message = failure.text("failuremessage")
        reason = ": ".join(part for part in (code, message) if part) or None
        is_denied = (code or "").lower() in _DENIED
        return ("denied" if is_denied else "failure"), reason
    state = metadata.text("querystate")
    if state is None:
        return None, None
    return {"FINISHED": "success", "FAILED": "failure"}.get(state.upper(), "unknown"), None


class TrinoEvents:
    """The source `trino.events`."""

    kind = KIND
    has_sequence = False
    sequence_scope: str | None = None
    heartbeat_seconds: int | None = None  # A cluster without queries says nothing.
    has_native_ids = False
    file_patterns: tuple[str, ...] = ("*.json", "*.ndjson", "*.jsonl", "*.log", "*.gz")

    def cutter(self) -> Cutter:
        """Return a cutter of lines, arrays and documents, mixed."""
        return JsonCutter()

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one query event: created, completed, or a split completed.

        Raises `EventError` when it is none of them.
        """
        record = JsonRecord.read(raw)
        record.require(KIND, *_TELLING)
        flags = record.flags
        metadata, context = record.object("metadata"), record.object("context")
        kind = _kind(record)
        operation = _operation(metadata, context) if kind != "split" else None
        act = {"created": _CREATED, "split": _SPLIT}.get(kind)
        if act is None:
            act = _TABLE.find(operation.replace(" ", "_") if operation is not None else None)
            if not act.is_known:
                flags.append(ACTION_UNKNOWN)
        time = record.instant("createtime", "executionstarttime", "starttime", "endtime")
        if time is None:
            flags.append("time_unknown")
        actors = _actors(context)
        touched = _touched(metadata, record.object("iometadata"))
        statistics = record.object("statistics")
        outcome, reason = _outcome(record, metadata) if kind == "completed" else (None, None)
        query_id = metadata.text("queryid") or record.text("queryid")
        is_read = act.action == "read"
        dataset = touched.datasets[0] if touched.datasets else None
        environment = context.text("environment")
        return Event(
            time=now_ms if time is None else time,
            time_known=time is not None,
            source=KIND,
            action=act.action,
            raw=raw,
            class_uid=act.class_uid,
            activity_id=act.activity_id,
            operation=f"query.{kind}" if operation is None else operation,
            native_id=_native_id(query_id, kind),
            actor_id=actors.id,
            on_behalf_of=actors.behalf,
            origin_ip=context.text("remoteclientaddress"),
            origin_agent=context.text("source", "useragent"),
            parent_id=context.text("tracetoken"),
            query_id=query_id,
            query_text=metadata.text("query"),
            resource_system=f"{_SYSTEM}/{environment}" if environment else _SYSTEM,
            resource_dataset=dataset,
            resource_type="table" if dataset is not None else None,
            columns_projected=tuple(touched.columns) or None,
            rows_returned=statistics.count("outputrows") if is_read else None,
            bytes_returned=statistics.count("outputbytes") if is_read else None,
            outcome=outcome,
            outcome_reason=reason,
            attributes=_declared(record, (metadata, context, statistics), kind, actors, touched),
            flags=tuple(flags) or None,
        )


def _kind(record: JsonRecord) -> str:
    """Return which of the three events of the listener it is."""
    if not record.has("metadata", "context"):
        return "split"
    is_completed = record.has("endtime", "statistics", "iometadata", "failureinfo")
    return "completed" if is_completed else "created"


def _native_id(query_id: str | None, kind: str) -> str | None:
    if query_id is None:
        return None
    if kind == "split":
        return None  # Many splits belong to one task, and none has a name of its own.
    return f"{query_id}:{kind}"


def _declared(
    record: JsonRecord,
    parts: tuple[JsonRecord, JsonRecord, JsonRecord],
    kind: str,
    actors: _Actors,
    touched: _Touched,
) -> dict[str, Any]:
    metadata, context, statistics = parts
    declared: dict[str, Any] = {"event": kind}
    declared |= context.declared(
        catalog="catalog",
        client="clientinfo",
        schema="schema",
        server="serveraddress",
        user_agent="useragent",
    )
    declared |= metadata.declared(state="querystate", transaction="transactionid")
    declared |= record.declared(stage="stageid", task="taskid", ended_at="endtime")
    declared |= statistics.declared(
        bytes_scanned="physicalinputbytes",
        bytes_written="writtenbytes",
        rows_scanned="physicalinputrows",
        rows_written="writtenrows",
    )
    if len(touched.datasets) > 1:
        declared["datasets"] = touched.datasets
    if len(touched.by_dataset) > 1:
        declared["columns"] = touched.by_dataset
    if actors.run_as is not None:
        declared["run_as"] = actors.run_as
    for name, member in (("groups", "groups"), ("roles", "enabledroles"), ("tags", "clienttags")):
        found = context.texts(member)
        if found:
            declared[name] = found
    masks = _masked(metadata)
    if masks:
        declared["masked"] = masks
    return declared


def _masked(metadata: JsonRecord) -> list[str]:
    """Return the columns that were masked and the tables whose rows were filtered."""
    found = []
    for table in metadata.objects("tables"):
        name = _name(table) or ""
        if table.value("filters"):
            found.append(name)
        found += [
            f"{name}.{column.text('column', 'name')}"
            for column in table.objects("columns")
            if column.has("mask")
        ]
    return found[:_COLUMNS_MAX]
