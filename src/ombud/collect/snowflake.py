"""Snowflake: rows of QUERY_HISTORY and ACCESS_HISTORY, apart or joined, as JSON or CSV.

What is mapped and what is not: `docs/sources/snowflake-query-history.md`.
"""

from __future__ import annotations

from typing import Any

from ombud.collect.act_table import ACTION_UNKNOWN, Act, ActTable, classify
from ombud.collect.csv_text import split_csv
from ombud.collect.cut import Cutter
from ombud.collect.cut_table import COLUMNS_MAX, SniffingTableCutter, columns_of, split_row
from ombud.collect.json_record import JsonRecord, fold
from ombud.collect.json_text import INVALID_UTF8
from ombud.collect.snowflake_access import Access, read_access
from ombud.core.errors import EventError
from ombud.core.event import Event
from ombud.core.ocsf_table import ACCOUNT_CHANGE, DATASTORE

KIND = "snowflake.query_history"
_SYSTEM = "snowflake"
_TELLING = ("queryid", "querytext", "directobjectsaccessed", "baseobjectsaccessed")
_NULLS = frozenset({"", "\\N"})  # As exports write what is not there.
_INSUFFICIENT = frozenset({"3001", "003001"})  # Error: insufficient privileges.
_ACCESS_ONLY = "ACCESS"  # The operation of a row that has no query type.
_HEADERS_MAX = 64  # Headers remembered; a source has one or two.

_TABLE = ActTable(
    (
        ("export", "unload get_files copy_files"),
        ("delete", """delete truncate* remove_files drop drop_table* drop_view* drop_schema*
            drop_database* drop_materialized_view* drop_stage* drop_external_table*
            drop_dynamic_table* drop_iceberg_table* drop_sequence* drop_stream*"""),
        ("write", """insert* update merge multi_table_insert copy put_files create_table_as_select
            create_table_as* restore* undrop* refresh_materialized_view* load append*"""),
        ("revoke", "revoke* drop_user drop_role drop_database_role drop_grant*"),
        ("grant", """grant* create_user create_role create_database_role transfer_ownership
            alter_user_add* add_programmatic_access_token alter_user_set*"""),
        ("share", "*_share* *_listing* *_data_exchange* *_replication_group*"),
        ("read", "select show* describe* explain* list_files list* get_ddl access"),
        ("execute", """call execute* *refresh* recluster* system* multi_statement
            run* resume* suspend*
            kill* abort* scheduled* perform*"""),
        ("configure", """create* alter* drop* set unset use* rename* comment* manage* tag* untag*
            add_* remove_* enable* disable* attach* detach* swap* associate*"""),
        ("other", "begin_transaction commit rollback unknown"),
    ),
    class_uid=DATASTORE,
    classes=(
        (ACCOUNT_CHANGE, 1, "create_user"),
        (ACCOUNT_CHANGE, 6, "drop_user"),
    ),
)  # fmt: skip
_headers: dict[bytes, list[str]] = {}


def _is_header(columns: list[str]) -> bool:
    return "queryid" in map(fold, columns)


def _columns(header: bytes) -> list[str] | None:
    known = _headers.get(header)
    if known is None:
        known = columns_of(header)
        if known is not None and len(_headers) < _HEADERS_MAX:
            _headers[header] = known
    return known


def _row(raw: bytes) -> JsonRecord:
    """Return a row of either form; raises `EventError` when it is none."""
    if raw.lstrip()[:1] in (b"{", b"["):
        return JsonRecord.read(raw)
    parts = split_row(raw)
    columns = _columns(parts[0]) if parts is not None else None
    if parts is None or columns is None:
        raise EventError("neither JSON nor CSV with a header", hint="export with a header line")
    flags = []
    try:
        text = parts[1].decode()
    except UnicodeDecodeError:
        text = parts[1].decode("utf-8", "replace")
        flags.append(INVALID_UTF8)
    values = split_csv(text, fields_max=COLUMNS_MAX)
    if values is None or len(values) != len(columns):
        found = "no CSV" if values is None else f"{len(values)} values"
        raise EventError(f"{found} under {len(columns)} columns")
    given = zip(columns, values, strict=True)
    return JsonRecord({name: value for name, value in given if value not in _NULLS}, flags)


def _actor_type(row: JsonRecord, user: str | None) -> str | None:
    kind = row.text("usertype")
    if kind is not None:
        return "service" if "SERVICE" in kind.upper() else "person"
    return "service" if user == "SYSTEM" else None


def _act(operation: str | None, access: Access) -> Act:
    """Return what was done: the query type says it, else what was accessed does."""
    if operation is not None:
        return _TABLE.find(operation)
    return Act(*classify(access.action, DATASTORE))


def _outcome(row: JsonRecord, *, is_access_only: bool) -> tuple[str | None, str | None]:
    code, message = row.text("errorcode"), row.text("errormessage")
    reason = ": ".join(part for part in (code, message) if part) or None
    status = row.text("executionstatus")
    if code is None and (status is None or status.upper().startswith("SUCCESS")):
        return ("success" if status is not None or is_access_only else None), reason
    return ("denied" if code in _INSUFFICIENT else "failure"), reason or status


class SnowflakeQueryHistory:
    """The source `snowflake.query_history`."""

    kind = KIND
    has_sequence = False
    sequence_scope: str | None = None
    heartbeat_seconds: int | None = None  # How often it comes is the exporter's affair.
    has_native_ids = False  # So that a file is read from its header again.
    file_patterns: tuple[str, ...] = (
        "*.json", "*.ndjson", "*.jsonl", "*.csv", "*.gz", "*.csv.*", "*.json.*",
    )  # fmt: skip

    def cutter(self) -> Cutter:
        """Return a cutter that tells CSV from JSON by its first byte."""
        return SniffingTableCutter(_is_header)

    def parse(self, raw: bytes, *, now_ms: int) -> Event:
        """Return the event of one row.

        Raises `EventError` when it is no row of the two views.
        """
        row = _row(raw)
        row.require(KIND, *_TELLING)
        flags = row.flags
        query_id = row.text("queryid")
        operation = row.text("querytype")
        access = read_access(row)
        is_access_only = operation is None and not row.has("querytext", "executionstatus")
        act = _act(operation, access)
        if not act.is_known:
            flags.append(ACTION_UNKNOWN)
        time = row.instant("starttime", "querystarttime", "endtime")
        if time is None:
            flags.append("time_unknown")
        user = row.text("username")
        outcome, reason = _outcome(row, is_access_only=is_access_only)
        account = row.text("accountname", "accountlocator")
        native_id = query_id
        if query_id is not None and is_access_only:
            native_id = f"{query_id}:access"
        is_read = act.action in ("read", "export")
        return Event(
            time=now_ms if time is None else time,
            time_known=time is not None,
            source=KIND,
            action=act.action,
            raw=raw,
            class_uid=act.class_uid,
            activity_id=act.activity_id,
            operation=operation or (_ACCESS_ONLY if is_access_only else None),
            native_id=native_id,
            actor_id=user,
            actor_type=_actor_type(row, user),
            actor_organisation=row.text("organizationname"),
            origin_ip=row.text("clientip"),
            origin_agent=row.text("clientapplicationid"),
            session_id=row.text("sessionid"),
            parent_id=row.text("parentqueryid"),
            query_id=query_id,
            query_text=row.text("querytext"),
            resource_system=f"{_SYSTEM}/{account}" if account is not None else _SYSTEM,
            resource_dataset=access.datasets[0] if access.datasets else None,
            resource_type=access.kind,
            columns_projected=access.columns or None,
            destination=access.stage,
            rows_returned=row.count("rowsunloaded", "rowsproduced") if is_read else None,
            bytes_returned=_bytes(row) if is_read else None,
            outcome=outcome,
            outcome_reason=reason,
            attributes=_declared(row, access) or None,
            flags=tuple(flags) or None,
        )


def _bytes(row: JsonRecord) -> int | None:
    """Return the bytes that left: to another cloud or region, else to the client."""
    return row.count("outbounddatatransferbytes") or row.count("byteswrittentoresult")


_ROWS_CHANGED = (
    ("deleted", "rowsdeleted"),
    ("inserted", "rowsinserted"),
    ("updated", "rowsupdated"),
)


def _declared(row: JsonRecord, access: Access) -> dict[str, Any]:
    declared = row.declared(
        bytes_scanned="bytesscanned",
        database="databasename",
        ended_at="endtime",
        query_hash="queryparameterizedhash",
        query_tag="querytag",
        role="rolename",
        root_query="rootqueryid",
        schema="schemaname",
        transaction="transactionid",
        warehouse="warehousename",
    )
    for name, member in _ROWS_CHANGED:
        count = row.count(member) if row.has(member) else None
        if count:
            declared[f"rows_{name}"] = count
    if len(access.datasets) > 1:
        declared["datasets"] = list(access.datasets)
    if len(access.by_dataset) > 1:
        declared["columns"] = access.by_dataset
    if access.policies:
        declared["policies"] = list(access.policies)
    if access.change is not None:
        declared["change"] = access.change
    return declared
