"""Connection: one read-only look into a PostgreSQL, with every fault said in words.

The password is taken from the URL, `PGPASSWORD` or the password file, handed to
the driver and nowhere else: no message, event or file of ours ever has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ombud.core.errors import InputError, Unavailable

CONNECT_SECONDS = 10
STATEMENT_MS = 30_000  # Of a catalogue of thousands of tables; a sample has less.
LOCK_MS = 2_000  # We wait for nobody who changes the schema.
VERSION_MIN = 100_000  # PostgreSQL 10: older ones have no role that may read settings.
APPLICATION = "ombud connect"
_SCHEMES = ("postgresql://", "postgres://")
_EXAMPLE = "postgresql://USER@HOST:5432/DATABASE"

# What the driver says, and what it means; the first that fits.
_FAULTS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("translate host name", "failed to resolve", "name or service not known",
      "nodename nor servname"), "there is no such host",
     "check the host in the URL, and that this machine can resolve it"),
    (("connection refused",), "nothing listens there",
     "check host and port, and `listen_addresses` of the server"),
    (("timeout expired", "timed out", "no route", "unreachable"), "the server does not answer",
     "check host, port and what stands between: firewall, VPN"),
    (("ssl negotiation", "expected authentication request", "invalid response",
      "protocol", "server closed the connection unexpectedly"),
     "what listens there is not a PostgreSQL", "check the port; 5432 is the usual one"),
    (("no password supplied",), "the server asks for a password and there is none",
     "set PGPASSWORD, or add a line to ~/.pgpass (mode 0600)"),
    (("password authentication failed", "role", "authentication failed"),
     "the server does not know this user with this password",
     "check the user; the password is taken from the URL, PGPASSWORD or ~/.pgpass"),
    (("pg_hba.conf",), "the server lets nobody in from here as this user",
     "add a line for this user and address to its pg_hba.conf and reload"),
    (("too many clients", "remaining connection slots"), "the server has no connection left",
     "try again later"),
    (("starting up", "shutting down"), "the server is starting or stopping",
     "try again in a moment"),
    (("permission denied for database",), "this user may not connect to this database",
     "grant connect on the database to the user"),
)  # fmt: skip
_NO_DATABASE = "3D000"


def described(url: str) -> str:
    """Return a URL without its password and options, for people and for the record."""
    given = _parameters(url)
    host = f"{given.get('host', '')}" + (f":{given['port']}" if given.get("port") else "")
    user = f"{given['user']}@" if given.get("user") else ""
    return f"postgresql://{user}{host}/{given.get('dbname', '')}"


def _parameters(url: str) -> dict[str, Any]:
    if not url.startswith(_SCHEMES):
        raise InputError("that is not the URL of a PostgreSQL", hint=f"write {_EXAMPLE}")
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.Error:  # Its message quotes what it could not read, password and all.
        hint = f"write {_EXAMPLE}; `@` in a password is written %40, or take PGPASSWORD"
        raise InputError("the URL cannot be read", hint=hint) from None


def _fault(error: Exception, where: str) -> Unavailable:
    said = str(error).lower()
    if getattr(error, "sqlstate", None) == _NO_DATABASE or (
        "database" in said and "does not exist" in said
    ):
        return Unavailable(f"{where}: there is no such database", hint="check its name in the URL")
    for signs, meaning, hint in _FAULTS:
        if any(sign in said for sign in signs):
            return Unavailable(f"{where}: {meaning}", hint=hint)
    return Unavailable(f"{where}: cannot connect ({type(error).__name__})",
                       hint="try `psql` with the same URL; it says more")  # fmt: skip


@contextmanager
def open_database(url: str) -> Iterator[psycopg.Connection]:
    """Yield a connection inside one read-only transaction, rolled back at the end.

    Raises `InputError` for what is no URL of a PostgreSQL or too old a one,
    `Unavailable` when it cannot be reached.
    """
    where = described(url)
    given = {"connect_timeout": CONNECT_SECONDS} | _parameters(url)
    given |= {"application_name": APPLICATION, "client_encoding": "UTF8"}
    try:
        connection = psycopg.connect(**given)
    except (psycopg.Error, UnicodeError, OSError) as error:
        raise _fault(error, where) from None  # What the driver says may hold the URL.
    try:
        version = connection.info.server_version
        if version < VERSION_MIN:
            raise InputError(f"{where}: PostgreSQL {version // 10_000} is too old",
                             hint="PostgreSQL 10 or newer is needed; its logs can still be given"
                             " to `ombud ingest --source postgres.pgaudit`")  # fmt: skip
        connection.set_read_only(True)
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL statement_timeout = {STATEMENT_MS}")
            cursor.execute(f"SET LOCAL lock_timeout = {LOCK_MS}")
            cursor.execute("SET LOCAL search_path = ''")  # Then definitions name schemas.
        yield connection
    except psycopg.errors.QueryCanceled:
        raise Unavailable(f"{where}: a statement took longer than {STATEMENT_MS // 1000} s",
                          hint="try again when the server is less busy") from None  # fmt: skip
    except psycopg.Error as error:
        said = (error.diag.message_primary or type(error).__name__).lower()
        raise Unavailable(f"{where}: {said}", hint="docs/connect.md says which rights are needed"
                          ) from None  # fmt: skip
    finally:
        connection.close()
