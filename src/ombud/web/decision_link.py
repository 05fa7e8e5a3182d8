"""Decision link: a worker's way to the recorder, on which what waits is committed together.

While one append is on its way, everything that is drafted meanwhile gathers for the
next.  Nothing that was handed over is forgotten: each is told that it is durable, or why
it is not.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections import deque
from collections.abc import Callable
from pathlib import Path

from ombud.core.batch import BatchBuilder
from ombud.core.errors import InputError, OmbudError, Unavailable
from ombud.record.protocol import (
    HEAD_SIZE,
    Operation,
    SocketAddress,
    Status,
    encode_batches,
    encode_head,
    parse_error,
    parse_head,
    parse_receipts,
)
from ombud.services.decision_events import Recordable, add_rows

log = logging.getLogger("ombud.web")

COMMIT_EVENTS = 2_048  # In one append: bounds how long one commit keeps the next waiting.
COMMIT_SIZE = 8 << 20
WAITING_SIZE = 64 << 20  # Bytes of these drafts: one of a batch has megabytes.
APPENDS_MAX = 2  # On their way at once: the recorder writes one while it reads the other.
# Of the second: a commit costs the recorder as much as some forty events do, so that few wait
# for the answer to the first, and are then committed with those that came meanwhile.
SECOND_EVENTS = 32
SECOND_SIZE = 64 << 10  # Or so many bytes of them: a batch is one event, but a long one.
WAITING_MAX = 8_192  # Drafts not yet on their way; beyond that askers are told to come again.
REPLY_SECONDS = 10.0  # A commit takes milliseconds.
SOCKET_BUFFER = 1 << 20

Done = Callable[[OmbudError | None], None]
_Waiting = tuple[Recordable, Done]


class DecisionLink(asyncio.Protocol):
    """One connection to the recorder, made when it is needed and again when it was lost."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._waiting: deque[_Waiting] = deque()
        self._waiting_size = 0
        self._sent: deque[tuple[float, list[Done]]] = deque()
        self._replies = bytearray()
        self._is_flushing = False

    def submit(self, recordable: Recordable, done: Done) -> None:
        """Have an event recorded; `done` is told None when it is durable, else why it is not."""
        if len(self._waiting) >= WAITING_MAX or self._waiting_size > WAITING_SIZE:
            done(Unavailable("more decisions wait to be recorded than this worker holds"))
            return
        self._waiting.append((recordable, done))
        self._waiting_size += len(recordable[1])
        if not self._is_flushing:
            self._is_flushing = True
            self._loop.call_soon(self._flush)  # After what else has arrived in this turn.

    def _flush(self) -> None:
        self._is_flushing = False
        if self._transport is None:
            if self._waiting and self._connecting is None:
                self._connecting = self._loop.create_task(self._connect())
            return
        while self._waiting and len(self._sent) < APPENDS_MAX:
            is_little = len(self._waiting) < SECOND_EVENTS and self._waiting_size < SECOND_SIZE
            if self._sent and is_little:
                return
            self._send(self._transport)

    def _send(self, transport: asyncio.Transport) -> None:
        recordables: list[Recordable] = []
        told: list[Done] = []
        size = 0
        while self._waiting and len(told) < COMMIT_EVENTS and size < COMMIT_SIZE:
            recordable, done = self._waiting.popleft()
            recordables.append(recordable)
            told.append(done)
            size += len(recordable[1])
        self._waiting_size -= size
        builder = BatchBuilder()
        add_rows(builder, recordables)
        parts = encode_batches([builder.take()])
        self._sent.append((self._loop.time(), told))
        transport.write(b"".join([encode_head(Operation.APPEND, sum(map(len, parts))), *parts]))

    async def _connect(self) -> None:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
            with SocketAddress(self._path) as address:
                await self._loop.sock_connect(connection, address)
            await self._loop.create_unix_connection(lambda: self, sock=connection)
        except OSError as error:
            connection.close()
            self._fail(Unavailable(f"no recorder answers at `{self._path}`: {error.strerror}"))
        finally:
            self._connecting = None
        self._flush()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to send."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell everybody who waits that nothing is known to be recorded."""
        self._transport = None
        self._replies.clear()
        self._fail(Unavailable(f"the recorder went away: {exc or 'it closed the connection'}"))

    def data_received(self, data: bytes) -> None:
        """Take replies, in the order of what was sent."""
        self._replies += data
        try:
            while len(self._replies) >= HEAD_SIZE:
                status, size = parse_head(self._replies[:HEAD_SIZE])
                if len(self._replies) < HEAD_SIZE + size:
                    return
                body = bytes(self._replies[HEAD_SIZE : HEAD_SIZE + size])
                del self._replies[: HEAD_SIZE + size]
                self._answered(status, body)
        except (InputError, ValueError, IndexError):
            log.exception("the recorder answered what is no answer")
            self.abort()

    def _answered(self, status: int, body: bytes) -> None:
        _, told = self._sent[0]  # Taken away when the answer was understood.
        error: OmbudError | None = None
        if status == Status.ERROR:
            error = Unavailable(f"nothing is recorded: {parse_error(body)}")
        else:
            (receipt,) = parse_receipts(body)
            if receipt.recorded + receipt.duplicate < len(told):
                error = Unavailable("the record did not take every decision")
        self._sent.popleft()
        for done in told:
            done(error)
        self._flush()

    def _fail(self, error: OmbudError) -> None:
        sent, self._sent = self._sent, deque()
        waiting, self._waiting, self._waiting_size = self._waiting, deque(), 0
        for _, told in sent:
            for done in told:
                done(error)
        for _, done in waiting:
            done(error)

    def check(self) -> None:
        """Give up a recorder that does not answer; to be called every second or so."""
        if self._sent and self._loop.time() - self._sent[0][0] > REPLY_SECONDS:
            self.abort()

    def abort(self) -> None:
        """Let go of the connection; who waits is told."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits."""
        return not (self._sent or self._waiting)
