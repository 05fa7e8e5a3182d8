"""Version 2: the directory, its rows and the loads that made them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = "1"


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String, primary_key=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "directory_row",
        _id(),
        _text("kind"),
        _text("person", nullable=True),
        _text("unit", nullable=True),
        _text("body"),
        _number("event_index"),
    )
    for column in ("kind", "person", "unit"):
        op.create_index(f"ix_directory_row_{column}", "directory_row", [column])
    op.create_table(
        "directory_chunk", _id(), _text("load"), _number("number"), _number("event_index")
    )
    op.create_index("ix_directory_chunk_load", "directory_chunk", ["load"])
    op.create_table(
        "directory_load",
        _id(),
        _number("loaded_at"),
        _text("loaded_by"),
        _text("reason", nullable=True),
        *map(_text, ("sha256", "counts", "files")),
        *map(_number, ("base", "chunk_count", "event_index")),
    )
