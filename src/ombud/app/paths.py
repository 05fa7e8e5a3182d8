"""Paths: where things lie in a home."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class HomePaths:
    """The layout of one home."""

    home: Path

    @property
    def index(self) -> Path:
        """The folder of everything that can be rebuilt."""
        return self.home / "index"

    @property
    def index_database(self) -> Path:
        """The DuckDB file of the index."""
        return self.index / "index.duckdb"

    @property
    def control_database(self) -> Path:
        """The SQLite file of the control tables."""
        return self.index / "control.sqlite"

    @property
    def alerts_database(self) -> Path:
        """The DuckDB file of the alerts."""
        return self.index / "alerts.duckdb"

    @property
    def rules_cache(self) -> Path:
        """The folder of rules that were parsed before."""
        return self.index / "rules"

    @property
    def quarantine(self) -> Path:
        """The folder of raw input that could not become an event."""
        return self.home / "quarantine"

    @property
    def server_socket(self) -> Path:
        """The socket on which local commands reach the server."""
        return self.home / "server.sock"

    @property
    def published(self) -> Path:
        """The folder in which workers of the decision port see policy and tokens."""
        return self.home / "published"
