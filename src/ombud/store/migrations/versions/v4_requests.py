"""Version 4: access requests, grants and attachments."""

from __future__ import annotations

revision = "4"
down_revision = "3"


def upgrade() -> None:
    """Create the tables."""
