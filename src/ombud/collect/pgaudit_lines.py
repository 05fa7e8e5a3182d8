"""PostgreSQL log lines: the columns of csvlog and jsonlog, by name.

Columns: PostgreSQL 15 documentation, section 20.8.4 and 20.8.5; csvlog has 23
columns up to version 12, 24 in 13 and 26 since 14.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import msgspec

from ombud.collect.csv_text import split_csv
from ombud.collect.json_text import INVALID_UTF8, parse_object
from ombud.collect.tolerant import tolerant
from ombud.core.errors import EventError

CSV_COLUMNS = frozenset({23, 24, 26})
_SESSION = re.compile(r"[0-9a-f]{1,16}\.[0-9a-f]{1,8}")


class _JsonLine(msgspec.Struct, gc=False):
    """The keys of jsonlog that are mapped."""

    timestamp: str | None = None
    user: str | None = None
    dbname: str | None = None
    remote_host: str | None = None
    session_id: str | None = None
    line_num: int | None = None
    ps: str | None = None
    vxid: str | None = None
    txid: int | None = None
    error_severity: str | None = None
    state_code: str | None = None
    message: str | None = None
    statement: str | None = None
    application_name: str | None = None
    backend_type: str | None = None
    query_id: int | None = None


@dataclass(slots=True)
class LogLine:
    """One line of the server log; empty text where the server had nothing to say."""

    time: str = ""
    user: str = ""
    database: str = ""
    remote: str = ""
    session: str = ""
    number: int | None = None
    tag: str = ""
    virtual: str = ""  # Virtual transaction: every statement has one, a reader too.
    transaction: str = ""
    severity: str = ""
    state: str = ""
    message: str = ""
    statement: str = ""
    application: str = ""
    backend: str = ""
    query_id: str = ""
    flags: list[str] = field(default_factory=list)


_decode = msgspec.json.Decoder(_JsonLine).decode


def parse_line(raw: bytes) -> LogLine:
    """Return the columns of a line of either format.

    Raises `EventError` when it is neither.
    """
    return _parse_json(raw) if raw.lstrip()[:1] == b"{" else _parse_csv(raw)


def _parse_json(raw: bytes) -> LogLine:
    flags: list[str] = []
    try:
        line = _decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        document, noticed = parse_object(raw)
        drift: list[str] = []
        line = tolerant(_JsonLine, document, drift)
        flags = [*noticed, *(f"unmappable:{place}" for place in drift)]
    if line.timestamp is None or (line.error_severity is None and line.message is None):
        raise EventError("JSON, but not a line of PostgreSQL's jsonlog")
    return LogLine(
        time=line.timestamp,
        user=line.user or "",
        database=line.dbname or "",
        remote=line.remote_host or "",
        session=line.session_id or "",
        number=line.line_num,
        tag=line.ps or "",
        virtual=line.vxid or "",
        transaction=str(line.txid or ""),
        severity=line.error_severity or "",
        state=line.state_code or "",
        message=line.message or "",
        statement=line.statement or "",
        application=line.application_name or "",
        backend=line.backend_type or "",
        query_id=str(line.query_id or ""),
        flags=flags,
    )


def _parse_csv(raw: bytes) -> LogLine:
    flags: list[str] = []
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("utf-8", "replace")
        flags.append(INVALID_UTF8)
    columns = split_csv(text.strip(" \t\r\n"))
    if columns is None or len(columns) not in CSV_COLUMNS or not _SESSION.fullmatch(columns[5]):
        raise EventError(
            "neither a line of PostgreSQL's csvlog nor of its jsonlog",
            hint="set log_destination to csvlog or jsonlog",
        )
    if len(columns) < max(CSV_COLUMNS):
        columns += [""] * (max(CSV_COLUMNS) - len(columns))
    return LogLine(
        time=columns[0],
        user=columns[1],
        database=columns[2],
        remote=columns[4].rpartition(":")[0] or columns[4],
        session=columns[5],
        number=int(columns[6]) if columns[6].isdecimal() and len(columns[6]) <= 18 else None,
        tag=columns[7],
        virtual=columns[9],
        transaction=columns[10] if columns[10] != "0" else "",
        severity=columns[11],
        state=columns[12],
        message=columns[13],
        statement=columns[19],
        application=columns[22],
        backend=columns[23],
        query_id=columns[25] if columns[25] != "0" else "",
        flags=flags,
    )
