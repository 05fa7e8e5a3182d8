"""Decision forward: what a worker cannot answer is asked of the server of the home.

Over the home's own socket, where a request without a token is taken for the owner's: so
each has one, and that of nobody is none that is known.
"""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import httptools

from ombud.core.errors import Unavailable
from ombud.record.protocol import SocketAddress
from ombud.web.authzen_door import Question, Reply

ASKED_MAX = 64  # At once: the server answers others, too.
SECONDS_MAX = 30.0
ANSWER_MAX = 16 << 20  # Bytes; a page of a search has some hundred thousand.
PASSED_ON = (b"content-type", b"host", b"idempotency-key", b"x-ombud-what-if")
PASSED_BACK = frozenset({b"content-type", b"www-authenticate", b"retry-after", b"location"})
# Whoever comes over the home's own socket without the header is its owner: it is always sent.
NOBODY = b"none"


class _Answer:
    """Parses one response."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.is_whole = False

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() in PASSED_BACK:
            self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.is_whole = True


class DecisionForward:
    """Asks the server."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._room = asyncio.Semaphore(ASKED_MAX)

    async def ask(self, method: bytes, question: Question) -> Reply:
        """Return the server's answer; raises `Unavailable`."""
        if self._room.locked():
            raise Unavailable("too many questions wait for the server of the home")
        async with self._room:
            try:
                async with asyncio.timeout(SECONDS_MAX):
                    return await self._ask(method, question)
            except (OSError, TimeoutError, httptools.HttpParserError) as error:
                raise Unavailable(f"the server of the home did not answer: {error}") from error

    async def _ask(self, method: bytes, question: Question) -> Reply:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.setblocking(False)
        try:
            with SocketAddress(self._path) as address:
                await asyncio.get_running_loop().sock_connect(connection, address)
            reader, writer = await asyncio.open_unix_connection(sock=connection)
        except BaseException:
            connection.close()
            raise
        try:
            writer.write(_head(method, question) + question.body)
            answer = _Answer()
            while not answer.is_whole:
                data = await reader.read(1 << 16)
                if not data or len(answer.body) > ANSWER_MAX:
                    raise Unavailable("the server of the home broke off its answer")
                answer.parser.feed_data(data)
            return Reply(answer.parser.get_status_code(), tuple(answer.headers), answer.body)
        finally:
            writer.transport.abort()


def _head(method: bytes, question: Question) -> bytes:
    lines = [method + b" " + question.path.encode("latin-1") + b" HTTP/1.1"]
    lines += [
        name + b": " + question.headers[name] for name in PASSED_ON if name in question.headers
    ]
    lines.append(b"authorization: " + question.headers.get(b"authorization", NOBODY))
    if b"host" not in question.headers:
        lines.append(b"host: localhost")
    lines += [b"content-length: %d" % len(question.body), b"connection: close", b"", b""]
    return b"\r\n".join(lines)
