"""Transport: requests over connections that are kept open; nothing is followed or guessed.

A request is sent a second time only when a kept connection turned out to be closed
before a byte of an answer came.  The token goes over TLS, or to this machine.
"""

from __future__ import annotations

import http.client
import os
import select
import ssl
import threading
from dataclasses import dataclass
from urllib.parse import urlsplit

from ombud.core.errors import InputError, Unavailable

IDLE_MAX = 8  # Connections kept open between requests.
ANSWER_MAX = 8 << 20  # Bytes; a decision has some hundred.
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer, read whole."""

    status: int
    body: bytes
    retry_seconds: float | None = None


class Transport:
    """A way to one server, for any number of threads."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout_seconds: float,
        tls: ssl.SSLContext | None = None,
        allow_plain: bool = False,
    ) -> None:
        """Raise `InputError` for a URL to which a token may not be sent."""
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in {"http", "https"} or not host or parts.query or parts.username:
            raise InputError(f"`{url}` is no address of a server")
        if parts.scheme == "http" and host not in LOOPBACK and not allow_plain:
            raise InputError(
                f"`{url}` would be sent the token for everyone to read",
                hint="use https, or `allow_plain=True` where the network is yours alone",
            )
        if not token.isascii() or not token.isprintable() or not token:
            raise InputError("the token is no token")
        self._host, self._port = host, parts.port
        self._prefix = parts.path.rstrip("/")
        self._timeout = timeout_seconds
        is_tls = parts.scheme == "https"
        self._tls = (tls or ssl.create_default_context()) if is_tls else None
        self._headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._idle: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()
        self._pid = os.getpid()

    def close(self) -> None:
        """Close what is kept open."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def post(self, path: str, body: bytes, *, kind: str = "application/json") -> Answer:
        """Return the answer to a request; raises `Unavailable` when there is none."""
        while True:
            connection, is_kept = self._take()
            try:
                return self._send(connection, path, body, kind)
            except (http.client.RemoteDisconnected, ConnectionError, BrokenPipeError) as error:
                connection.close()
                if is_kept and not isinstance(error, ConnectionRefusedError):
                    continue  # It was closed while nobody used it; the next one is new.
                raise self._unavailable(error) from error
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                raise self._unavailable(error) from error
            except BaseException:
                connection.close()
                raise

    def _send(
        self, connection: http.client.HTTPConnection, path: str, body: bytes, kind: str
    ) -> Answer:
        headers = {**self._headers, "Content-Type": kind}
        connection.request("POST", self._prefix + path, body=body, headers=headers)
        response = connection.getresponse()
        try:
            text = response.read(ANSWER_MAX + 1)
        except ConnectionError as error:  # It has begun: not to be asked again.
            raise http.client.HTTPException(f"the answer broke off: {error}") from error
        if len(text) > ANSWER_MAX:
            raise http.client.HTTPException(f"an answer of more than {ANSWER_MAX} bytes")
        if response.length:  # `read` with a bound says nothing of an early end.
            raise http.client.IncompleteRead(text, response.length)
        retry = response.headers.get("retry-after", "")
        answer = Answer(response.status, text, float(retry) if retry.isdecimal() else None)
        self._give_back(connection, is_open=not response.will_close)
        return answer

    def _unavailable(self, error: Exception) -> Unavailable:
        said = str(error) or type(error).__name__
        return Unavailable(
            f"no answer from `{self._host}`: {said}", hint="nothing was permitted; try again"
        )

    def _take(self) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            if self._pid != os.getpid():  # After a fork they belong to the parent.
                self._idle, self._pid = [], os.getpid()
            while self._idle:
                connection = self._idle.pop()
                if _is_quiet(connection):
                    return connection, True
                connection.close()
        return self._connect(), False

    def _connect(self) -> http.client.HTTPConnection:
        if self._tls is None:
            return http.client.HTTPConnection(self._host, self._port, timeout=self._timeout)
        return http.client.HTTPSConnection(
            self._host, self._port, timeout=self._timeout, context=self._tls
        )

    def _give_back(self, connection: http.client.HTTPConnection, *, is_open: bool) -> None:
        with self._lock:
            if is_open and len(self._idle) < IDLE_MAX:
                self._idle.append(connection)
                return
        connection.close()


def _is_quiet(connection: http.client.HTTPConnection) -> bool:
    """Whether nothing has come on an idle connection: bytes, or its end, are not for us."""
    socket = connection.sock
    if socket is None:
        return False
    try:
        readable, _, _ = select.select([socket], [], [], 0)
    except (OSError, ValueError):
        return False
    return not readable
