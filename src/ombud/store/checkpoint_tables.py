"""Checkpoint tables: fulfilments with their verdicts, and loads of reference data."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, String, Table, Text

from ombud.store.control_metadata import metadata

# A checkpoint met, or begun and waiting for a second person; one row for each.
fulfilment = Table(
    "fulfilment",
    metadata,
    Column("id", String, primary_key=True),
    Column("actor", Text, nullable=False, index=True),  # `type:id`
    Column("person", Text),  # Of the directory, where it knows the actor.
    Column("unit", Text),
    Column("purpose", Text, nullable=False),
    Column("checkpoint", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),  # `awaited`, `met` or `declined`
    Column("met_at", BigInteger, nullable=False, index=True),
    Column("until", BigInteger, nullable=False),
    Column("is_once", Boolean, nullable=False),  # For one act.
    Column("resources", Text, nullable=False),  # JSON list of `type:id`
    Column("subjects", Text, nullable=False),  # JSON list of [kind, key]
    Column("text", Text),
    Column("case_id", Text),
    Column("choices", Text, nullable=False),  # JSON list
    Column("wording", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("decision", Text),
    Column("delivered_by", Text),
    Column("second_person", Text),
    Column("is_refused", Boolean, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("findings", Text, nullable=False),  # JSON list
    Column("facts", Text, nullable=False),  # JSON: SHA-256 of each table by name
    Column("verified_at", BigInteger, nullable=False),
    Column("score", Float),
    Column("flaws", Text, nullable=False),  # JSON list
    Column("event_index", BigInteger, nullable=False),
)
reference_load = Table(
    "reference_load",
    metadata,
    Column("id", String, primary_key=True),
    Column("name", Text, nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("sha256", Text, nullable=False),  # Of the Parquet file that is kept, hex.
    Column("row_count", BigInteger, nullable=False),
    Column("origin", Text, nullable=False),
    Column("as_of", BigInteger, nullable=False),
    Column("loaded_at", BigInteger, nullable=False),
    Column("loaded_by", Text, nullable=False),
    Column("event_index", BigInteger, nullable=False),
)
CHECKPOINT_TABLES: tuple[Table, ...] = (fulfilment, reference_load)
