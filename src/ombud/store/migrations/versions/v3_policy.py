"""Version 3: policies."""

from __future__ import annotations

revision = "3"
down_revision = "2"


def upgrade() -> None:
    """Create the tables."""
