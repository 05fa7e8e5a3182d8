"""Version 4: access requests, grants and attachments."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"


def _id() -> sa.Column[str]:
    return sa.Column("id", sa.String, primary_key=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _text_or_none(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=True)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=False)


def _number_or_none(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=True)


def upgrade() -> None:
    """Create the tables."""
    _requests()
    op.create_table(
        "access_grant",
        _id(),
        *map(_text, ("kind", "actor_type", "actor_id", "purpose")),
        *map(_number, ("begins", "ends")),
        *map(_text_or_none, ("request", "parent")),
        _number("created_at"),
        *map(_number_or_none, ("recertified_at", "revoked_at")),
        *map(_text_or_none, ("revoked_by", "revoked_why")),
        _number("event_index"),
    )
    op.create_table("grant_use", _id(), *map(_number, ("used_at", "event_index")))
    op.create_table(
        "dataset_attachment",
        _id(),
        *map(_text, ("dataset", "purpose")),
        *map(_number, ("begins", "ends")),
        _text_or_none("request"),
        _number("created_at"),
        _number_or_none("revoked_at"),
        *map(_text_or_none, ("revoked_by", "revoked_why")),
        _number("event_index"),
    )
    op.create_table(
        "quarantined_export",
        _id(),
        _number("export"),
        *map(_text, ("grant", "request")),
        *map(_number, ("at", "event_index")),
    )
    for table, column in (
        ("access_request", "state"),
        ("request_step", "request"),
        ("access_grant", "actor_id"),
        ("access_grant", "request"),
        ("access_grant", "parent"),
        ("dataset_attachment", "request"),
        ("quarantined_export", "grant"),
    ):
        op.create_index(f"ix_{table}_{column}", table, [column])


def _requests() -> None:
    op.create_table(
        "access_request",
        _id(),
        *map(_text, ("kind", "state", "requester", "beneficiary", "purpose")),
        *map(_text_or_none, ("dataset", "grant")),
        _number_or_none("days"),
        _text_or_none("code"),
        _text("text"),
        _text_or_none("case"),
        _text("notify"),
        _text_or_none("asked"),
        _number("opened_at"),
        _number_or_none("amended_at"),
        _number("expires_at"),
        _number_or_none("closed_at"),
        _text_or_none("made"),
        _number("event_index"),
    )
    op.create_table(
        "request_step",
        _id(),
        *map(_text, ("request", "kind", "actor")),
        _number("at"),
        _text_or_none("text"),
        _text("details"),
        _number("event_index"),
    )
