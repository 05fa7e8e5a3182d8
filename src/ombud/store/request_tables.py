"""Request tables: access requests with their steps, grants, attachments, quarantined exports."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, String, Table, Text

from ombud.store.control_metadata import metadata

access_request = Table(
    "access_request",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("requester", Text, nullable=False),  # type:id, as the next
    Column("beneficiary", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("dataset", Text),
    Column("grant", Text),  # Which it is about; what it made is `made`.
    Column("days", BigInteger),
    Column("code", Text),  # Reason code of a break-glass.
    Column("text", Text, nullable=False),
    Column("case", Text),
    Column("notify", Text, nullable=False),  # JSON list of type:id
    Column("asked", Text),  # JSON: what a program asked for when it was denied
    Column("opened_at", BigInteger, nullable=False),
    Column("amended_at", BigInteger),
    Column("expires_at", BigInteger, nullable=False),
    Column("closed_at", BigInteger),
    Column("made", Text),  # The grant or attachment that its approval made.
    Column("event_index", BigInteger, nullable=False),
)
request_step = Table(
    "request_step",
    metadata,
    Column("id", String, primary_key=True),  # request and index of the event
    Column("request", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("actor", Text, nullable=False),  # type:id
    Column("at", BigInteger, nullable=False),
    Column("text", Text),
    Column("details", Text, nullable=False),  # JSON
    Column("event_index", BigInteger, nullable=False),
)
access_grant = Table(
    "access_grant",
    metadata,
    Column("id", String, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("actor_type", Text, nullable=False),
    Column("actor_id", Text, nullable=False, index=True),
    Column("purpose", Text, nullable=False),
    Column("begins", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False),
    Column("request", Text, index=True),
    Column("parent", Text, index=True),  # The grant that it was delegated from.
    Column("created_at", BigInteger, nullable=False),
    Column("recertified_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("revoked_by", Text),
    Column("revoked_why", Text),
    Column("event_index", BigInteger, nullable=False),
)
# When a grant was last used, noted at most daily: the index may forget, this does not.
grant_use = Table(
    "grant_use",
    metadata,
    Column("id", String, primary_key=True),  # grant
    Column("used_at", BigInteger, nullable=False),
    Column("event_index", BigInteger, nullable=False),
)
dataset_attachment = Table(
    "dataset_attachment",
    metadata,
    Column("id", String, primary_key=True),
    Column("dataset", Text, nullable=False),
    Column("purpose", Text, nullable=False),
    Column("begins", BigInteger, nullable=False),
    Column("ends", BigInteger, nullable=False),
    Column("request", Text, index=True),
    Column("created_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("revoked_by", Text),
    Column("revoked_why", Text),
    Column("event_index", BigInteger, nullable=False),
)
quarantined_export = Table(
    "quarantined_export",
    metadata,
    Column("id", String, primary_key=True),  # index of the export's event
    Column("export", BigInteger, nullable=False),
    Column("grant", Text, nullable=False, index=True),
    Column("request", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event_index", BigInteger, nullable=False),
)

REQUEST_TABLES: tuple[Table, ...] = (
    access_request,
    request_step,
    access_grant,
    grant_use,
    dataset_attachment,
    quarantined_export,
)
