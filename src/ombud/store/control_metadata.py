"""Control metadata: what the control tables of all matters are registered in."""

from __future__ import annotations

from sqlalchemy import MetaData

metadata = MetaData()
