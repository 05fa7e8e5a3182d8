"""The server: a port, the home's own socket, an orderly end, and heads that do not end."""

from __future__ import annotations

import os
import socket
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from doubles.web_home import Services
from ombud.core.errors import Forbidden, Unavailable
from ombud.services.asker import SCOPES, person_of
from ombud.web.access import socket_owner
from ombud.web.app import create_app
from ombud.web.server import HEAD_MAX, WebServer

NDJSON = {"Content-Type": "application/x-ndjson"}


@pytest.fixture
def server(services: Services, tmp_path: Path) -> Iterator[WebServer]:
    """Return a running server."""
    with WebServer(create_app(services.as_home()), unix_path=tmp_path / "server.sock") as running:
        yield running


def over_socket(path: Path) -> httpx.Client:
    """Return a client to the home's own socket."""
    return httpx.Client(transport=httpx.HTTPTransport(uds=str(path)), base_url="http://home")


def test_port_answers(server: WebServer) -> None:
    """The port is on loopback and answers; it names neither its make nor its version."""
    answer = httpx.get(f"http://127.0.0.1:{server.port}/healthz")

    assert answer.json()["status"] == "ok"
    assert "server" not in answer.headers


def test_owner_needs_no_token_on_the_socket(
    server: WebServer, services: Services, tmp_path: Path
) -> None:
    """Over the home's own socket the kernel says who asks."""
    with over_socket(tmp_path / "server.sock") as client:
        answer = client.get("/v1/search?q=a")
    asker = services.asked[0][-1]["asker"]

    assert answer.status_code == 200
    assert asker.person == person_of(os.getuid())
    assert (asker.scopes, asker.via) == (frozenset(SCOPES), "cli")
    assert server.port > 0


def test_port_needs_a_token_also_after_the_socket(server: WebServer, tmp_path: Path) -> None:
    """Who came by the socket says nothing about who comes by the port."""
    with over_socket(tmp_path / "server.sock") as client:
        client.get("/v1/search")

    assert httpx.get(f"http://127.0.0.1:{server.port}/v1/search").status_code == 401


@pytest.mark.parametrize(
    ("header", "status"),
    [("Bearer tok-ingest", 403), ("Bearer wrong", 401), ("Basic YTpi", 401), ("", 401)],
)
@pytest.mark.usefixtures("server")
def test_token_on_the_socket_counts(tmp_path: Path, header: str, status: int) -> None:
    """Who shows a token is who the token says, also on the socket."""
    with over_socket(tmp_path / "server.sock") as client:
        answer = client.get("/v1/search", headers={"Authorization": header})

    assert answer.status_code == status


@pytest.mark.usefixtures("server")
def test_socket_is_for_the_owner_alone(tmp_path: Path) -> None:
    """Its mode lets nobody else in."""
    assert stat.S_IMODE((tmp_path / "server.sock").stat().st_mode) == 0o600


def test_another_user_is_not_the_owner() -> None:
    """Should the mode have been changed, the kernel's word about the peer still decides."""
    with pytest.raises(Forbidden, match="only the owner of the home"):
        socket_owner(os.geteuid() + 12_345)


def test_person_without_a_name_is_a_number() -> None:
    """A user id that no name belongs to is still on record."""
    assert person_of(3_999_999_999) == "uid:3999999999"


def test_stale_socket_is_replaced(services: Services, tmp_path: Path) -> None:
    """A socket that a killed server left is no obstacle."""
    path = tmp_path / "server.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()

    with WebServer(create_app(services.as_home()), unix_path=path), over_socket(path) as client:
        assert client.get("/healthz").status_code == 200
    assert not path.exists()


def test_long_path_is_no_obstacle(services: Services, tmp_path: Path) -> None:
    """A home may lie deeper than a socket's path can say."""
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    path = folder / "server.sock"

    with WebServer(create_app(services.as_home()), unix_path=path):
        handle = os.open(folder, os.O_PATH)
        try:
            with over_socket(Path(f"/proc/self/fd/{handle}/server.sock")) as client:
                assert client.get("/healthz").status_code == 200
        finally:
            os.close(handle)


def test_taken_port_is_said(server: WebServer, services: Services) -> None:
    """A port that is taken is named, with what to do."""
    second = WebServer(create_app(services.as_home()), port=server.port)

    with pytest.raises(Unavailable, match=f"port {server.port}") as refusal:
        second.start()
    assert refusal.value.hint == "`--port 0` takes a free port"


def test_unusable_socket_is_said(services: Services, tmp_path: Path) -> None:
    """A folder that does not exist is said before anything is served."""
    second = WebServer(create_app(services.as_home()), unix_path=tmp_path / "none" / "server.sock")

    with pytest.raises(Unavailable, match="cannot listen on"):
        second.start()


def test_what_was_taken_is_answered_before_the_end(services: Services) -> None:
    """A stop waits for the deliveries that were taken."""
    began, finish = threading.Event(), threading.Event()

    def hold() -> None:
        began.set()
        finish.wait(10)

    services.while_ingesting = hold
    running = WebServer(create_app(services.as_home()))
    running.start()
    answers: list[int] = []

    def deliver() -> None:
        headers = {**NDJSON, "Authorization": "Bearer tok-ingest"}
        url = f"http://127.0.0.1:{running.port}/v1/events"
        answers.append(httpx.post(url, content=b"{}\n", headers=headers).status_code)

    sender = threading.Thread(target=deliver)
    sender.start()
    began.wait(10)
    stopper = threading.Thread(target=running.stop)
    stopper.start()
    finish.set()
    for thread in (stopper, sender):
        thread.join(10)

    assert answers == [200]


@pytest.mark.parametrize(
    "head",
    [
        pytest.param(b"GET /healthz HTTP/1.1\r\nX: " + b"a" * (HEAD_MAX + 10), id="endless header"),
        pytest.param(b"GET /" + b"a" * (HEAD_MAX + 10), id="endless path"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", id="TLS on a plain port"),
        pytest.param(b"GET / HTTP/9.9\r\n\r\n", id="unknown version"),
    ],
)
def test_head_that_is_none_is_refused(server: WebServer, head: bytes) -> None:
    """What is no request, or does not end, is refused and the connection closed."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head)
        said = connection.recv(100)

    assert said.startswith(b"HTTP/1.1 400 ")
    assert httpx.get(f"http://127.0.0.1:{server.port}/healthz").status_code == 200


def test_several_requests_on_one_connection(server: WebServer) -> None:
    """The bound on heads is per request, not per connection."""
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}") as client:
        for _ in range(5):
            assert client.get("/healthz", headers={"X": "a" * 20_000}).status_code == 200
