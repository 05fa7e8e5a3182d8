"""Decision server: a real HTTP server on loopback that answers as it is told to."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import orjson

PERMIT = {"decision": True, "context": {"decision_id": "d-1", "reasons": ["granted"]}}
DENIAL = {"decision": False, "context": {"decision_id": "d-2", "reasons": ["no_grant"]}}


@dataclass(frozen=True)
class Reply:
    """One answer; `breaks` closes the connection at `before` or `within` the answer."""

    status: int = 200
    body: Any = field(default_factory=lambda: PERMIT)
    headers: dict[str, str] = field(default_factory=dict)
    breaks: str = ""

    def to_bytes(self) -> bytes:
        """Return the body."""
        return self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)


def permit(*obligations: dict[str, Any], **context: Any) -> Reply:
    """Return a permit with obligations of Ombud's own: `{"action": …, …}`."""
    told = [
        {"id": f"o{n}", "type": "custom", "properties": {"vendor": "ombud", **one}}
        for n, one in enumerate(obligations)
    ]
    context = {**PERMIT["context"], "obligations": told, **context}  # type: ignore[dict-item]
    return Reply(body={"decision": True, "context": context})


class DecisionServer:
    """Answers with the replies in `replies`, then with `otherwise`; notes what it was asked."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.otherwise: Callable[[str, bytes], Reply] = lambda _path, _body: Reply()
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        here = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                here.connections += 1
                here._open.append(self.request)

            def do_POST(self) -> None:
                size = int(self.headers.get("content-length", "0"))
                body = self.rfile.read(size)
                here.asked.append((self.path, dict(self.headers), body))
                reply = here.replies.popleft() if here.replies else here.otherwise(self.path, body)
                text = reply.to_bytes()
                if reply.breaks == "before":
                    self.close_connection = True
                    return
                self.send_response(reply.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                if reply.breaks == "within":
                    self.wfile.write(text[: len(text) // 2])
                    self.close_connection = True
                    return
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        return Handler

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, and close every connection."""
        self.hang_up()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def hang_up(self) -> None:
        """Close every connection, as a server does that ends or waits no longer."""
        for one in self._open:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        self._open.clear()

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def question(self, number: int = -1) -> dict[str, Any]:
        """Return the JSON of what was asked."""
        question: dict[str, Any] = orjson.loads(self.asked[number][2])
        return question
