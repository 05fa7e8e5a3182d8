"""Request tables: access requests, grants and attachments."""

from __future__ import annotations

from sqlalchemy import Table

REQUEST_TABLES: tuple[Table, ...] = ()
