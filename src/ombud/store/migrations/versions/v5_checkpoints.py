"""Version 5: checkpoints and reference data."""

from __future__ import annotations

revision = "5"
down_revision = "4"


def upgrade() -> None:
    """Create the tables."""
