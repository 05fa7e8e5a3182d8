"""Database log: acts as PostgreSQL 15 writes them with pgaudit, in csvlog form.

Shaped after the log of a real server with `pgaudit.log = 'read, write, ddl, role,
misc_set'`, `log_relation`, `log_parameter` and `log_rows` on, and connections
logged: text columns quoted, numbers and instants not, the audit message a CSV of
its own inside one column.
"""

from __future__ import annotations

from ombud.simulate.act import Act
from ombud.simulate.clock import pg_time

CONNECT = "connect"
AUTHORIZE = "authorize"
REFUSE = "refuse"
DISCONNECT = "disconnect"

# Acts that are statements of the same number as the one before: a join names
# each relation in a line of its own.
AGAIN = "again"


def session_id(act: Act) -> str:
    """Return the server's session id: hexadecimal start second and process id."""
    return f"{act.seat.started // 1000:x}.{act.seat.pid:x}"


def write_line(act: Act) -> tuple[str, bytes]:
    """Return the native id (session and line number) and the csvlog line of one act."""
    seat = act.seat
    seat.line += 1
    session = session_id(act)
    who = f'"{seat.account}","{seat.database}"'
    transaction = f"{seat.pid % 90 + 3}/{seat.line + seat.pid}"
    level, state, backend, application, tag = "LOG", "00000", "client backend", seat.agent, ""
    if act.operation == CONNECT:
        who, transaction, backend, application = ",", "", "not initialized", ""
        message = f"connection received: host={seat.ip} port={seat.port}"
    elif act.operation == AUTHORIZE:
        tag, application = "authentication", ""
        message = (
            f"connection authorized: user={seat.account} database={seat.database}"
            f" application_name={seat.agent}"
        )
    elif act.operation == REFUSE:
        tag, level, state, application = "authentication", "FATAL", "28P01", ""
        message = f'password authentication failed for user ""{seat.account}""'
    elif act.operation == DISCONNECT:
        tag, transaction = "idle", ""
        message = (
            f"disconnection: session time: {_lasted(act.time - seat.started)}"
            f" user={seat.account} database={seat.database} host={seat.ip} port={seat.port}"
        )
    else:
        tag = act.operation
        message = _audit(act).replace('"', '""')
    written = act.type in {"WRITE", "DDL", "ROLE"} and "/" in transaction
    number = "0" if not written else str(700 + (act.time // 977) % 900_000_000)
    line = (
        f'{pg_time(act.time, millis_shown=True)},{who},{seat.pid},"{seat.ip}:{seat.port}",'
        f'{session},{seat.line},"{tag}",{pg_time(seat.started)},{transaction},{number},{level},{state},'
        f'"{message}",,,,,,,,,"{application}","{backend}",,0'
    )
    return f"{session}:{seat.line}", line.encode()


def _audit(act: Act) -> str:
    """Return pgaudit's message: type, numbers, class, command, object, statement, values, rows."""
    seat = act.seat
    extra = act.attributes or {}
    if not extra.get(AGAIN):
        seat.statement += 1
    relation = f"TABLE,public.{act.dataset}" if act.dataset is not None else ","
    values = extra.get("parameters", "<none>")
    command = extra.get("command", act.operation)
    return (
        f"AUDIT: SESSION,{seat.statement},{extra.get('part', 1)},{act.type},{command},{relation},"
        f"{_field(act.query or '')},{_field(values)},{act.rows or 0}"
    )


def _field(text: str) -> str:
    """Return a text as pgaudit writes it: quoted only if it must be."""
    if '"' in text or "," in text or "\n" in text:
        return '"' + text.replace('"', '""') + '"'
    return text


def _lasted(millis: int) -> str:
    seconds, part = divmod(millis, 1000)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{second:02d}.{part:03d}"
