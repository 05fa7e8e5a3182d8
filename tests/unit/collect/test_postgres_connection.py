"""Faults of a connection: each says where and what next, and none says a password."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ombud.collect.postgres_connection import described, open_database
from ombud.core.errors import InputError, OmbudError, Unavailable

SECRET = "s3cr3t-of-dee"


@contextmanager
def answering(answer: bytes) -> Iterator[int]:
    """Listen on a port of the loopback and answer everybody the same."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer_one() -> None:
            try:
                peer, _ = server.accept()
            except OSError:
                return
            with peer:
                peer.recv(1024)
                peer.sendall(answer)

        thread = threading.Thread(target=answer_one)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def refusal(url: str) -> OmbudError:
    """Return the error of a URL that cannot be opened; it holds no password."""
    with pytest.raises(OmbudError) as caught, open_database(url):
        pass
    error = caught.value
    assert SECRET not in f"{error} {error.hint} {error.__cause__}"
    return error


def test_no_such_host() -> None:
    """A host that nobody knows."""
    error = refusal(f"postgresql://ombud:{SECRET}@no-such-host.invalid/clinic")

    assert isinstance(error, Unavailable)
    assert "ombud@no-such-host.invalid/clinic: there is no such host" in str(error)
    assert "resolve" in error.hint


def test_nobody_listens() -> None:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    error = refusal(f"postgresql://ombud:{SECRET}@127.0.0.1:{port}/clinic")

    assert "nothing listens there" in str(error)


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b""])
def test_no_postgresql(answer: bytes) -> None:
    """Something else listens there."""
    with answering(answer) as port:
        error = refusal(f"postgresql://ombud:{SECRET}@127.0.0.1:{port}/clinic")

    assert "not a PostgreSQL" in str(error)
    assert "5432" in error.hint


@pytest.mark.parametrize(
    "url",
    [
        f"mysql://ombud:{SECRET}@host/clinic",
        f"{SECRET}",
        "",
        f"postgresql://ombud:{SECRET}@host:port/clinic?{SECRET}",
        f"postgresql://ombud:{SECRET}@[::1/clinic",
        f"postgresql://ombud:%zz{SECRET}@host/clinic",
    ],
)
def test_no_url(url: str) -> None:
    """What cannot be read is said to be, without being quoted."""
    error = refusal(url)

    assert isinstance(error, InputError)
    assert "postgresql://USER@HOST:5432/DATABASE" in error.hint


@pytest.mark.parametrize(
    ("url", "text"),
    [
        (f"postgresql://ombud:{SECRET}@db.example:5433/clinic?sslmode=require",
         "postgresql://ombud@db.example:5433/clinic"),
        (f"postgres://db.example/clinic?password={SECRET}", "postgresql://db.example/clinic"),
        ("postgresql:///clinic", "postgresql:///clinic"),
    ],
)  # fmt: skip
def test_described(url: str, text: str) -> None:
    """A URL is told without what is secret in it."""
    assert described(url) == text
