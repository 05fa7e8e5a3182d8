"""Policy tables: the versions applied and proposed; their texts stay in the record."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, String, Table, Text

from ombud.store.control_metadata import metadata

# The events that carry the texts of a policy's files; without what closes them they are nothing.
policy_chunk = Table(
    "policy_chunk",
    metadata,
    Column("id", String, primary_key=True),
    Column("policy", Text, nullable=False, index=True),
    Column("number", BigInteger, nullable=False),
    Column("event_index", BigInteger, nullable=False),
)
# One row per policy that was ever proposed or applied, also when its texts came before.
policy_version = Table(
    "policy_version",
    metadata,
    Column("id", String, primary_key=True),
    Column("version", Text, nullable=False),  # Of its canonical form, as decisions name it.
    Column("sha256", Text, nullable=False),  # Of the texts, hex.
    Column("files", Text, nullable=False),  # JSON: characters by name
    Column("chunk_count", BigInteger, nullable=False),
    Column("base", BigInteger, nullable=False),  # Event of the policy it changes, or 0.
    Column("state", Text, nullable=False),  # proposed, applied, refused
    Column("lowers", Text, nullable=False),  # JSON list: in what it lowers oversight.
    Column("quorum", BigInteger, nullable=False),  # Second persons it needs.
    Column("is_outside", Boolean, nullable=False),  # They must be outside the proposer's unit.
    Column("alone", Text),  # Why one person sufficed: first, allowed, lone
    Column("proposed_at", BigInteger, nullable=False),
    Column("proposed_by", Text, nullable=False),
    Column("reason", Text),
    Column("ended_at", BigInteger),  # Applied or refused.
    Column("ended_by", Text),
    Column("ended_reason", Text),
    Column("event_index", BigInteger, nullable=False),
)
policy_confirmation = Table(
    "policy_confirmation",
    metadata,
    Column("id", String, primary_key=True),  # proposal and person
    Column("policy", Text, nullable=False, index=True),
    Column("person", Text, nullable=False),
    Column("confirmed_at", BigInteger, nullable=False),
    Column("reason", Text),
    Column("event_index", BigInteger, nullable=False),
)

POLICY_TABLES: tuple[Table, ...] = (policy_chunk, policy_version, policy_confirmation)
