"""Version 3: policies, applied and proposed."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String, primary_key=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "policy_chunk", _id(), _text("policy"), _number("number"), _number("event_index")
    )
    op.create_index("ix_policy_chunk_policy", "policy_chunk", ["policy"])
    op.create_table(
        "policy_version",
        _id(),
        *map(_text, ("version", "sha256", "files")),
        *map(_number, ("chunk_count", "base")),
        *map(_text, ("state", "lowers")),
        _number("quorum"),
        sa.Column("is_outside", sa.Boolean, nullable=False),
        _text("alone", nullable=True),
        _number("proposed_at"),
        _text("proposed_by"),
        _text("reason", nullable=True),
        _number("ended_at", nullable=True),
        _text("ended_by", nullable=True),
        _text("ended_reason", nullable=True),
        _number("event_index"),
    )
    op.create_table(
        "policy_confirmation",
        _id(),
        _text("policy"),
        _text("person"),
        _number("confirmed_at"),
        _text("reason", nullable=True),
        _number("event_index"),
    )
    op.create_index("ix_policy_confirmation_policy", "policy_confirmation", ["policy"])
