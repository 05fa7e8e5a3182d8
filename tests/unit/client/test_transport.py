"""Transport: connections kept and given up, and what is never sent twice or in the clear."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from threading import Thread
from unittest.mock import patch

import pytest

from doubles.decision_server import DecisionServer, Reply
from ombud.client import transport as module
from ombud.client.transport import Transport
from ombud.core.errors import InputError, Unavailable


@pytest.fixture
def way(server: DecisionServer) -> Iterator[Transport]:
    """Return a way to the server."""
    one = Transport(server.url, "tok", timeout_seconds=5)
    yield one
    one.close()


def test_connections_are_kept(server: DecisionServer, way: Transport) -> None:
    """Request after request goes over one connection; each thread at once has its own."""
    for _ in range(5):
        assert way.post("/x", b"{}").status == 200
    assert server.connections == 1

    threads = [Thread(target=way.post, args=("/x", b"{}")) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(server.asked) == 9


def test_a_connection_that_was_closed_is_replaced(server: DecisionServer, way: Transport) -> None:
    """A server that hung up meanwhile is asked over a new connection, once."""
    way.post("/x", b"{}")
    server.hang_up()
    assert way.post("/x", b"{}").status == 200
    assert len(server.asked) == 2

    server.hang_up()
    with patch.object(module, "_is_quiet", return_value=True):  # Its end comes a moment later.
        assert way.post("/x", b"{}").status == 200
    assert len(server.asked) == 3


def test_a_new_connection_that_breaks_is_not_tried_again(
    server: DecisionServer, way: Transport
) -> None:
    """What may have been done is not done twice."""
    server.replies.append(Reply(breaks="before"))
    with pytest.raises(Unavailable):
        way.post("/x", b"{}")
    assert len(server.asked) == 1


def test_an_answer_that_breaks_off_is_none(server: DecisionServer, way: Transport) -> None:
    """Half an answer is no answer, and is not asked for again."""
    way.post("/x", b"{}")
    server.replies.append(Reply(breaks="within"))
    with pytest.raises(Unavailable):
        way.post("/x", b"{}")
    assert len(server.asked) == 2
    assert way.post("/x", b"{}").status == 200


def test_a_server_that_is_silent_is_given_up() -> None:
    """Nobody waits for ever."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        way = Transport(f"http://127.0.0.1:{deaf.getsockname()[1]}", "t", timeout_seconds=0.05)
        with pytest.raises(Unavailable, match="no answer"):
            way.post("/x", b"{}")


def test_nobody_there() -> None:
    """A refused connection is said as what it is."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        way = Transport(f"http://127.0.0.1:{closed.getsockname()[1]}", "t", timeout_seconds=5)
        with pytest.raises(Unavailable, match="refused"):
            way.post("/x", b"{}")


def test_an_answer_has_a_bound(server: DecisionServer, way: Transport) -> None:
    """A server gone wrong does not fill the memory."""
    with patch.object(module, "ANSWER_MAX", 10), pytest.raises(Unavailable, match="10 bytes"):
        way.post("/x", b"{}")


def test_after_a_fork_nobody_shares(server: DecisionServer, way: Transport) -> None:
    """A child takes no connection of its parent: answers would be mixed up."""
    way.post("/x", b"{}")
    kept = list(way._idle)
    with patch.object(os, "getpid", return_value=os.getpid() + 1):
        way.post("/x", b"{}")
        way.close()
    assert server.connections == 2
    for connection in kept:
        connection.close()


@pytest.mark.parametrize(
    "url",
    [
        "http://ombud.example",
        "http://127.0.0.1.ombud.example",
        "ftp://127.0.0.1",
        "127.0.0.1:80",
        "https://",
        "https://user:secret@ombud.example",
        "https://ombud.example/?token=1",
        "",
    ],
)
def test_where_a_token_may_not_go(url: str) -> None:
    """Only over TLS, or to this machine."""
    with pytest.raises(InputError):
        Transport(url, "tok", timeout_seconds=1)


@pytest.mark.parametrize("token", ["", "a\r\nX: 1", "ä", "a\x00"])
def test_what_is_no_token(token: str) -> None:
    """A token cannot bring another header with it."""
    with pytest.raises(InputError):
        Transport("https://ombud.example", token, timeout_seconds=1)


def test_tls_is_checked() -> None:
    """Certificates are verified unless the program brings a context of its own."""
    way = Transport("https://ombud.example/base/", "tok", timeout_seconds=1)
    assert way._tls is not None
    assert (way._tls.verify_mode, way._tls.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert way._prefix == "/base"
    assert Transport("http://host", "t", timeout_seconds=1, allow_plain=True)._tls is None
