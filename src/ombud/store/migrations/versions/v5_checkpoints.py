"""Version 5: checkpoints and reference data."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "5"
down_revision = "4"


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String, primary_key=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "fulfilment",
        _id(),
        _text("actor"),
        _text("person", nullable=True),
        _text("unit", nullable=True),
        *map(_text, ("purpose", "checkpoint", "kind", "state")),
        *map(_number, ("met_at", "until")),
        _flag("is_once"),
        *map(_text, ("resources", "subjects")),
        _text("text", nullable=True),
        _text("case_id", nullable=True),
        *map(_text, ("choices", "wording", "policy")),
        _text("decision", nullable=True),
        _text("delivered_by", nullable=True),
        _text("second_person", nullable=True),
        _flag("is_refused"),
        *map(_text, ("verdict", "findings", "facts")),
        _number("verified_at"),
        sa.Column("score", sa.Float),
        _text("flaws"),
        _number("event_index"),
    )
    for column in ("actor", "met_at"):
        op.create_index(f"ix_fulfilment_{column}", "fulfilment", [column])
    op.create_table(
        "reference_load",
        _id(),
        *map(_text, ("name", "kind", "sha256")),
        _number("row_count"),
        _text("origin"),
        *map(_number, ("as_of", "loaded_at")),
        _text("loaded_by"),
        _number("event_index"),
    )
    op.create_index("ix_reference_load_name", "reference_load", ["name"])
