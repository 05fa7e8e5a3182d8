"""Reference data over HTTP: JSON within bytes and seconds, from there and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson
import pytest

from ombud.access.reference import Origin, ReferenceTable
from ombud.collect import reference_http
from ombud.collect.reference_read import read_case, read_reference
from ombud.core.errors import InputError, Unavailable

CASES: list[dict[str, Any]] = [{"number": "C-1", "unit": "patrol"}, {"number": "C-2", "unit": None}]


class _Handler(BaseHTTPRequestHandler):
    """A small case system, and the ways in which one can misbehave."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str | None]]
    port: int
    stop: threading.Event

    def log_message(self, *_: Any) -> None:
        """Say nothing."""

    def _send(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        """Answer."""
        self.seen.append((self.path, self.headers.get("Authorization")))
        name = self.path.partition("?")[0]
        moves: dict[str, str] = {
            "/moved": "/list",
            "/loop": "/loop",
            "/away": f"http://127.0.0.1:{self.port + 1}/list",
            "/named": f"http://localhost:{self.port}/list",
        }
        if name in moves:
            self._send(b"", 302, Location=moves[name])
        elif name == "/list":
            self._send(orjson.dumps(CASES))
        elif name == "/nested":
            self._send(orjson.dumps({"data": {"items": CASES}}))
        elif name.startswith("/case/"):
            found = [one for one in CASES if name == f"/case/{one['number']}"]
            self._send(orjson.dumps(found[0] if found else {}), 200 if found else 404)
        elif name == "/large":
            self._send(b"[" + b" " * 100_000 + b"]")
        elif name == "/short":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"[]")
            self.close_connection = True
        elif name == "/slow":
            self._drip(b"[" + b" " * 1_000)
        elif name == "/slow-head":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            self._drip(b"X-Slow: " + b"x" * 1_000)
        elif name == "/broken":
            self.send_error(500)
        else:
            self._send(self.path[1:].encode().replace(b"%22", b'"').replace(b"%20", b" "))

    def _drip(self, body: bytes) -> None:
        if self.path == "/slow":
            self.send_response(200)
            self.send_header("Content-Length", str(len(body) + 1))
            self.end_headers()
        try:
            for at in range(len(body)):
                self.wfile.write(body[at : at + 1])
                self.wfile.flush()
                if self.stop.wait(0.05):
                    return
        except OSError:
            self.close_connection = True


class Server:
    """The case system while it runs."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []
        self.stop = threading.Event()
        handler: Any = type("Handler", (_Handler,), {"seen": self.seen, "stop": self.stop})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.port = handler.port = int(self._server.server_address[1])
        self._server.daemon_threads = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def close(self) -> None:
        """End it, and every answer under way."""
        self.stop.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server() -> Iterator[Server]:
    """Return a running case system."""
    one = Server()
    yield one
    one.close()


def table(server: Server, path: str, **other: Any) -> ReferenceTable:
    """Return a table of cases at a path of the server."""
    said: dict[str, Any] = {
        "name": "cases", "kind": "case", "origin": Origin.HTTP,
        "url": f"http://127.0.0.1:{server.port}/{path}", "seconds_max": 5,
        "columns": {"id": "number", "assigned_unit": "unit"},
    }  # fmt: skip
    return ReferenceTable(**{**said, **other})


def read(asked: ReferenceTable, **environ: str) -> Any:
    """Return what a table gives."""
    return read_reference(asked, home=None, environ=environ)  # type: ignore[arg-type]


def test_list_nested_and_moved(server: Server) -> None:
    """A list at the top or within, and one that lies elsewhere at the same place."""
    for asked in (
        table(server, "list"),
        table(server, "nested", items="data.items"),
        table(server, "moved"),
    ):
        found = read(asked)
        assert not found.faults
        assert [row[0] for row in found.rows] == ["C-1", "C-2"]


def test_one_case(server: Server) -> None:
    """Asked for by its number, which is quoted; 404 says that there is none."""
    asked = table(server, "case/{case}", live=True)
    (row,) = read_case(asked, "C-1", home=None, environ={}).rows  # type: ignore[arg-type]
    assert row[:1] + row[5:6] == ("C-1", "patrol")
    hostile = "../list?x=1#\r\nHost: evil"
    assert read_case(asked, hostile, home=None, environ={}).rows == []  # type: ignore[arg-type]
    assert server.seen[-1][0] == "/case/..%2Flist%3Fx%3D1%23%0D%0AHost%3A%20evil"


def test_secret_goes_there_and_into_no_error(server: Server) -> None:
    """A token comes from the environment; one that cannot be sent is not repeated."""
    asked = table(server, "list", secret="CASES_TOKEN")
    read(asked, CASES_TOKEN="s3cret")
    assert server.seen[-1][1] == "Bearer s3cret"
    with pytest.raises(Unavailable, match="`CASES_TOKEN` is not set"):
        read(asked)
    with pytest.raises(Unavailable) as raised:
        read(asked, CASES_TOKEN="s3cret\r\nX: y")
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize("path", ["away", "named"])
def test_no_redirect_to_elsewhere(server: Server, path: str) -> None:
    """Another port or host is another place, and gets neither question nor token."""
    with pytest.raises(Unavailable, match="another place"):
        read(table(server, path, secret="T"), T="s3cret")
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    ("path", "kind", "fault"),
    [
        ("loop", Unavailable, "redirected more than"),
        ("broken", Unavailable, "status 500"),
        ("case/C-9", Unavailable, "404"),
        ("short", Unavailable, "no answer within|ended early"),
        ("nonsense", InputError, "not JSON"),
        ("7", InputError, "no list of objects"),
        ("nested?", InputError, "no list of objects at `data.rows`"),
    ],
)
def test_answers_that_are_none(server: Server, path: str, kind: Any, fault: str) -> None:
    """Each is said in one line."""
    items = "data.rows" if path == "nested?" else None
    with pytest.raises(kind, match=fault):
        read(table(server, path, items=items))


def test_rows_that_are_no_objects(server: Server) -> None:
    """Each is a fault with its number, and so are values of the wrong type."""
    found = read(table(server, '[1,{"number":{}},{"number":"C-1"}]'))
    assert [str(fault) for fault in found.faults.shown] == [
        "cases:1: is no object",
        "cases:2: `number` is a dict, and no text",
    ]


def test_size_is_bounded(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that goes on is not held."""
    monkeypatch.setattr(reference_http, "SIZE_MAX", 50_000)
    with pytest.raises(InputError, match="larger than 50000 bytes"):
        read(table(server, "large"))


@pytest.mark.parametrize("path", ["slow", "slow-head"])
def test_slow_answer_is_cut_off(server: Server, path: str) -> None:
    """A byte now and then keeps no socket's time-out from beginning anew; ours ends."""
    with pytest.raises(Unavailable, match="no answer within 1 s"):
        read(table(server, path, seconds_max=1))


def test_nobody_there(server: Server) -> None:
    """A refused connection is no mystery."""
    asked = table(server, "list")
    server.close()
    with pytest.raises(Unavailable, match="ConnectionRefusedError"):
        read(asked)
