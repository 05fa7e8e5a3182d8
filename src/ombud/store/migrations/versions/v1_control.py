"""Version 1: tokens, settings, states of rules and sources, faults, watermark."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "1"
down_revision = None


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String, primary_key=True)


def _text(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=nullable)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=nullable)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def _changed() -> tuple[sa.Column[int], sa.Column[str], sa.Column[int]]:
    return _number("changed_at"), _text("changed_by"), _number("event_index")


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "token",
        _id(),
        *map(_text, ("name", "person", "scopes", "units", "systems", "hash")),
        _number("created_at"),
        _number("expires_at", nullable=True),
        _number("revoked_at", nullable=True),
        _number("event_index"),
    )
    op.create_table("setting", _id(), _text("value"), *_changed())
    op.create_table(
        "rule_state", _id(), _flag("is_enabled"), _text("reason", nullable=True), *_changed()
    )
    op.create_table(
        "source_state",
        _id(),
        _text("kind"),
        _text("path"),
        _text("mapping", nullable=True),
        _number("heartbeat_seconds", nullable=True),
        _flag("is_followed"),
        *_changed(),
    )
    op.create_table(
        "control_fault", _id(), _text("operation"), _text("reason"), _number("event_index")
    )
    op.create_table("watermark", _id(), _number("next_index"))
