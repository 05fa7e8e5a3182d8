"""Control schema: the control tables, and how a database is brought to this version.

The tables are stated twice: here for queries, and as migrations for databases
that exist; a test asserts that they agree.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    String,
    Table,
    Text,
    inspect,
    text,
)

from ombud.core.errors import Unavailable
from ombud.store.checkpoint_tables import CHECKPOINT_TABLES
from ombud.store.control_metadata import metadata
from ombud.store.policy_tables import POLICY_TABLES
from ombud.store.request_tables import REQUEST_TABLES

REVISION = "5"  # The newest migration.
OLDER = frozenset({"1", "2", "3", "4"})  # Those that `migrate` brings to it.
MIGRATIONS = Path(__file__).parent / "migrations"

token = Table(
    "token",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("scopes", Text, nullable=False),  # JSON list
    Column("units", Text, nullable=False),  # JSON list
    Column("systems", Text, nullable=False),  # JSON list
    Column("hash", Text, nullable=False),  # SHA-256 of the token, hex
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("event_index", BigInteger, nullable=False),
)
setting = Table(
    "setting",
    metadata,
    Column("id", String, primary_key=True),
    Column("value", Text, nullable=False),  # JSON
    Column("changed_at", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("event_index", BigInteger, nullable=False),
)
rule_state = Table(
    "rule_state",
    metadata,
    Column("id", String, primary_key=True),
    Column("is_enabled", Boolean, nullable=False),
    Column("reason", Text),
    Column("changed_at", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("event_index", BigInteger, nullable=False),
)
source_state = Table(
    "source_state",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("mapping", Text),
    Column("heartbeat_seconds", BigInteger),
    Column("is_followed", Boolean, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("changed_by", Text, nullable=False),
    Column("event_index", BigInteger, nullable=False),
)
# One row of the directory: its values as a JSON list in the order of its kind's columns.
directory_row = Table(
    "directory_row",
    metadata,
    Column("id", String, primary_key=True),  # kind and key
    Column("kind", Text, nullable=False, index=True),
    Column("person", Text, index=True),
    Column("unit", Text, index=True),
    Column("body", Text, nullable=False),
    Column("event_index", BigInteger, nullable=False),
)
# The events that carry the rows of a load; without the load they are nothing.
directory_chunk = Table(
    "directory_chunk",
    metadata,
    Column("id", String, primary_key=True),
    Column("load", Text, nullable=False, index=True),
    Column("number", BigInteger, nullable=False),
    Column("event_index", BigInteger, nullable=False),
)
directory_load = Table(
    "directory_load",
    metadata,
    Column("id", String, primary_key=True),
    Column("loaded_at", BigInteger, nullable=False),
    Column("loaded_by", Text, nullable=False),
    Column("reason", Text),
    Column("sha256", Text, nullable=False),  # Of the canonical rows of all kinds given, hex.
    Column("counts", Text, nullable=False),  # JSON: rows by kind
    Column("files", Text, nullable=False),  # JSON list
    Column("base", BigInteger, nullable=False),  # Event of the load it was compared with, or 0.
    Column("chunk_count", BigInteger, nullable=False),
    Column("event_index", BigInteger, nullable=False),
)
control_fault = Table(
    "control_fault",
    metadata,
    Column("id", String, primary_key=True),
    Column("operation", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("event_index", BigInteger, nullable=False),
)
watermark = Table(
    "watermark",
    metadata,
    Column("id", String, primary_key=True),
    Column("next_index", BigInteger, nullable=False),
)
# What follows from events, by name; the watermark only says how far that has come.
PROJECTIONS = {
    table.name: table
    for table in (
        token,
        setting,
        rule_state,
        source_state,
        directory_load,
        directory_chunk,
        directory_row,
        *POLICY_TABLES,
        *REQUEST_TABLES,
        *CHECKPOINT_TABLES,
        control_fault,
    )
}


def revision(connection: Connection) -> str | None:
    """Return the version of the tables, none for a database that has none."""
    if not inspect(connection).has_table("alembic_version"):
        return None
    found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return None if found is None else str(found)


def migrate(connection: Connection) -> None:
    """Bring the tables to this version; raises `Unavailable` if they are of a later one."""
    found = revision(connection)
    if found == REVISION:
        return
    if found is not None and int(found) > int(REVISION):
        raise Unavailable(
            f"control tables are of version {found}, and this program knows {REVISION}",
            hint="use the newer program, or delete `index/` and run `ombud reindex`",
        )
    # Only here, for Alembic takes half a second to load and is needed once in a home's life.
    from alembic.command import upgrade  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    upgrade(config, "head")
