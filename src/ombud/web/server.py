"""Server: the application on a port and on the home's own socket, with an orderly end.

A request over the Unix socket carries the user id of its peer, as the kernel says
it; that is how local commands need no token.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ombud.core.errors import Unavailable
from ombud.web.peer import peer_of
from ombud.web.tls import Tls

log = logging.getLogger("ombud.web")

BACKLOG = 256  # Connections that wait to be accepted.
HEAD_MAX = 64 << 10  # Bytes of request line and headers.
START_SECONDS = 30.0
STOP_SECONDS = 20.0  # What is being answered may take so long; then it is cut off.
SUN_PATH_MAX = 107  # Bytes of a socket's path (unix(7)).


class PeerProtocol(HttpToolsProtocol):
    """HTTP/1.1 that knows its peer and bounds the head of a request."""

    _head_size = 0
    _is_in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Note who is at the other end."""
        super().connection_made(transport)
        get = transport.get_extra_info
        peer = peer_of(get("socket"), get("ssl_object"))
        # Copied, for the state is shared with the other connections of the port.
        self.app_state = {**self.app_state, "peer": peer}
        if peer.unix_uid is not None:
            self.app_state["peer_uid"] = peer.unix_uid

    def data_received(self, data: bytes) -> None:
        """Refuse a head that does not end."""
        super().data_received(data)
        if self._is_in_head:
            self._head_size += len(data)
            if self._head_size > HEAD_MAX and not self.transport.is_closing():
                self.send_400_response("Request head too large.")

    def on_message_begin(self) -> None:
        """Begin to count."""
        super().on_message_begin()
        self._head_size, self._is_in_head = 0, True

    def on_headers_complete(self) -> None:
        """Stop counting: bodies have bounds of their own."""
        self._is_in_head = False
        super().on_headers_complete()


def _listen_port(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        raise Unavailable(
            f"cannot listen on {host} port {port}: {_reason(error)}",
            hint="`--port 0` takes a free port",
        ) from error


def _reason(error: OSError | OverflowError) -> str:
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error)


def _listen_unix(path: Path) -> socket.socket:
    """Listen on a socket of mode 0600 from the first moment.

    The caller holds the lock of the home, so a socket that lies there is stale.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        _bind(listener, path)
        path.chmod(0o600)  # Nobody can connect before `listen`.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise Unavailable(f"cannot listen on `{path}`: {error.strerror}") from error
    return listener


def _bind(listener: socket.socket, path: Path) -> None:
    if len(os.fsencode(path)) <= SUN_PATH_MAX:
        listener.bind(str(path))
        return
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        listener.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=PeerProtocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        access_log=False,
        # Nothing a client sends may change who it is taken for.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=int(STOP_SECONDS),
    )


class _PlainOrTls(uvicorn.Server):
    """A server with a TLS context that was made, and found good, beforehand."""

    def __init__(self, config: uvicorn.Config, context: ssl.SSLContext | None) -> None:
        super().__init__(config)
        config.load()
        config.ssl = context


class WebServer:
    """Serves an application from a thread of its own; a context manager."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        unix_path: Path | None = None,
        tls: Tls | None = None,
    ) -> None:
        """`tls` is for the port; who owns the home's own socket is known without.

        Raises `SettingsError` if it cannot be had.
        """
        self._host = host
        self._port = port
        self._unix_path = unix_path
        # A server of its own for each: one of uvicorn's speaks TLS everywhere or nowhere.
        self._servers = [_PlainOrTls(_config(app), None if tls is None else tls.context())]
        if unix_path is not None:
            self._servers.append(_PlainOrTls(_config(app), None))
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._sockets: list[socket.socket] = []
        self._is_over = threading.Event()

    @property
    def port(self) -> int:
        """The port listened on; known after `start`."""
        return self._port

    def start(self) -> None:
        """Listen and answer; raises `Unavailable` if the port or the socket cannot be had."""
        self._sockets.append(_listen_port(self._host, self._port))
        self._port = self._sockets[0].getsockname()[1]
        try:
            if self._unix_path is not None:
                self._sockets.append(_listen_unix(self._unix_path))
        except Unavailable:
            self._sockets[0].close()
            raise
        self._thread.start()
        waited = threading.Event()
        for _ in range(int(START_SECONDS / 0.01)):
            if all(server.started for server in self._servers):
                return
            if self._is_over.is_set():
                break
            waited.wait(0.01)
        raise Unavailable("the web server did not start", hint="the log says why")

    async def _serve(self) -> None:
        pairs = zip(self._servers, self._sockets, strict=True)
        await asyncio.gather(*(server.serve(sockets=[one]) for server, one in pairs))

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except Exception:
            log.exception("the web server ended")
        finally:
            self._is_over.set()

    def stop(self) -> None:
        """Take no more, answer what was taken, and end."""
        for server in self._servers:
            server.should_exit = True
        if self._thread.ident is not None:
            self._thread.join(timeout=STOP_SECONDS + 5)
        if self._unix_path is not None:
            self._unix_path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()
