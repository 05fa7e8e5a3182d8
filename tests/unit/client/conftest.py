"""What tests of the client share: a server, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from doubles.decision_server import DecisionServer
from ombud.client import Client


@pytest.fixture
def server() -> Iterator[DecisionServer]:
    """Return a server that permits everything."""
    with DecisionServer() as one:
        yield one


@pytest.fixture
def client(server: DecisionServer) -> Iterator[Client]:
    """Return a client of it for one actor, without a spool."""
    with Client(server.url, "tok", source="app.claims", actor="user:ana") as one:
        yield one
