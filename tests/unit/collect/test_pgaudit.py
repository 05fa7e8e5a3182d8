"""Lines of PostgreSQL's log as events; whole logs are among the golden files."""

from __future__ import annotations

import pytest

from ombud.collect.csv_text import split_csv
from ombud.collect.pgaudit import PgAudit, command_action
from ombud.core.errors import EventError

SOURCE = PgAudit()


@pytest.mark.parametrize(
    ("command", "audit_class", "action"),
    [
        ("SELECT", "READ", "read"),
        ("COPY", "READ", "export"),
        ("COPY", "WRITE", "write"),
        ("INSERT", "WRITE", "write"),
        ("UPDATE", "WRITE", "write"),
        ("DELETE", "WRITE", "delete"),
        ("TRUNCATE TABLE", "WRITE", "delete"),
        ("GRANT", "ROLE", "grant"),
        ("REVOKE ROLE", "ROLE", "revoke"),
        ("CREATE ROLE", "ROLE", "configure"),
        ("ALTER ROLE", "ROLE", "configure"),
        ("CREATE TABLE", "DDL", "configure"),
        ("DROP TABLE", "DDL", "delete"),
        ("DROP ROLE", "ROLE", "configure"),
        ("EXECUTE", "FUNCTION", "execute"),
        ("DO", "FUNCTION", "execute"),
        ("SET", "MISC", "configure"),
        ("VACUUM", "MISC", "execute"),
        ("FETCH", "MISC", "read"),
        ("BEGIN", "MISC", "other"),
        ("LISTEN", "MISC", "other"),
    ],
)
def test_commands(command: str, audit_class: str, action: str) -> None:
    """Each command says what it does; for COPY its class does."""
    assert command_action(command, audit_class) == action


def line(severity: str, state: str, message: str, *, tag: str = "SELECT", query: str = "") -> bytes:
    """Return one csvlog line of PostgreSQL 15."""
    quoted = [f'"{text.replace(chr(34), chr(34) * 2)}"' for text in (message, query)]
    return (
        '2026-03-04 08:00:00.5 CET,"ana","clinic",7,"192.0.2.7:51",69.7,3,'
        f'"{tag}",2026-03-04 08:00:00 CET,3/1,0,{severity},{state},{quoted[0]},,,,,,{quoted[1]},'
        '1,,"psql","client backend",,77'
    ).encode()


@pytest.mark.parametrize(
    ("raw", "action", "operation", "outcome"),
    [
        pytest.param(
            line("LOG", "00000", "connection received: host=192.0.2.7 port=51", tag=""),
            "authenticate", "connection.received", None, id="connection received"),
        pytest.param(
            line("LOG", "00000", "connection authorized: user=ana", tag="authentication"),
            "authenticate", "connection.authorized", "success", id="connection authorized"),
        pytest.param(
            line("FATAL", "28P01", "password authentication failed", tag="authentication"),
            "authenticate", "authentication.failed", "denied", id="wrong password"),
        pytest.param(
            line("FATAL", "3D000", 'database "x" does not exist', tag="startup"),
            "authenticate", "authentication.failed", "failure", id="no database"),
        pytest.param(
            line("LOG", "00000", "disconnection: session time: 0:00:01", tag="idle"),
            "authenticate", "disconnection", "success", id="disconnection"),
        pytest.param(
            line("ERROR", "42501", "permission denied for table patients", query="select 1"),
            "read", "SELECT", "denied", id="no permission"),
        pytest.param(
            line("ERROR", "42P01", "relation does not exist", tag="COPY", query="copy x to stdout"),
            "other", "COPY", "failure", id="failed copy"),
        pytest.param(
            line("LOG", "00000", "checkpoint starting: time", tag=""),
            "other", "log", None, id="anything else"),
    ],
)  # fmt: skip
def test_lines_without_audit(raw: bytes, action: str, operation: str, outcome: str | None) -> None:
    """Sign-ins and failures are events too; all else is `other`."""
    event = SOURCE.parse(raw, now_ms=0)

    assert (event.action, event.operation, event.outcome) == (action, operation, outcome)
    assert event.native_id == "69.7:3"
    assert (event.sequence, event.session_id, event.query_id) == (3, "69.7", "77")
    assert event.time == 1_772_607_600_500
    assert event.origin_ip == "192.0.2.7"


def test_audit_line() -> None:
    """Statement, parameters, object and rows come out of the message's own CSV."""
    message = (
        'AUDIT: OBJECT,4,1,READ,SELECT,TABLE,public.patients,"select ""name""\nfrom patients '
        'where id = $1 and x = $2","17,""a,b""",250'
    )
    event = SOURCE.parse(line("LOG", "00000", message), now_ms=0)

    assert (event.resource_dataset, event.resource_type) == ("public.patients", "TABLE")
    assert event.resource_system == "postgresql/clinic"
    assert event.query_text == (
        'select "name"\nfrom patients where id = $1 and x = $2\n-- parameters: 17,"a,b"'
    )
    assert event.rows_returned == 250


@pytest.mark.parametrize(
    ("statement", "dataset"),
    [
        ("copy patients to stdout", "patients"),
        ('COPY public."Pa""t" (id) TO PROGRAM $$x$$', 'public."Pa""t"'),
        ("copy (select 1) to stdout", None),
    ],
)
def test_copy_names_its_relation(statement: str, dataset: str | None) -> None:
    """COPY is logged without a relation; the name in the statement is one."""
    quoted = statement.replace('"', '""')
    message = f'AUDIT: SESSION,4,1,READ,COPY,,,"{quoted}",<none>,0'
    event = SOURCE.parse(line("LOG", "00000", message, tag="COPY"), now_ms=0)

    assert (event.action, event.resource_dataset) == ("export", dataset)
    assert event.rows_returned is None


@pytest.mark.parametrize(
    "raw",
    [
        b"2026-03-04 08:00:00.000 UTC [7] LOG:  AUDIT: SESSION,1,1,READ",
        b"a,b,c",
        b'{"message":"x"}',
        b'{"timestamp":"x"}',
        b"",
    ],
)
def test_lines_of_another_log(raw: bytes) -> None:
    """Lines of neither format are not records of this source."""
    with pytest.raises(EventError):
        SOURCE.parse(raw, now_ms=0)


def test_csv_text() -> None:
    """Fields of any size, with quotes and line ends; anything else is no record."""
    long = "x" * 200_000

    assert split_csv(f'a,"{long}","q ""q""",,"\n"') == ["a", long, 'q "q"', "", "\n"]
    assert split_csv("") == [""]
    assert split_csv('a"b') is None
    assert split_csv('"a"b') is None
    assert split_csv("," * 1000) is None
