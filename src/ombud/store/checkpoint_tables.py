"""Checkpoint tables: fulfilments, verdicts and loads of reference data."""

from __future__ import annotations

from sqlalchemy import Table

CHECKPOINT_TABLES: tuple[Table, ...] = ()
