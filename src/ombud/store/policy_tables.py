"""Policy tables: the versions applied and proposed."""

from __future__ import annotations

from sqlalchemy import Table

POLICY_TABLES: tuple[Table, ...] = ()
