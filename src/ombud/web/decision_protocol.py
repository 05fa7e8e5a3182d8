"""Decision protocol: HTTP/1.1 for the decision port, and nothing but what decisions need.

A framework costs ten times what a decision does.  Parsing is that of llhttp, in its strict
mode; heads, bodies, pipelined requests and idle connections have bounds.  Answers leave
in the order of their requests, each when it may.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from http import HTTPStatus
from typing import Protocol

import httptools

from ombud.core.errors import InputError, OmbudError
from ombud.web.authzen_door import BODY_MAX, JSON_HEADER, Question, Reply, error_reply
from ombud.web.errors import RequestError
from ombud.web.guard import HEADERS, POLICY, REQUEST_ID, STRICT_POLICY

log = logging.getLogger("ombud.web")

HEAD_MAX = 16 << 10  # Bytes of request line and headers: a token and a request id are short.
PIPELINE_MAX = 64  # Requests of one connection that are not answered; then it is not read.
STEP = 16 << 10  # Bytes read at once: who sends much and takes no answers costs no more.
WANTED = frozenset(
    {
        b"authorization",
        b"content-type",
        b"content-encoding",
        b"host",
        b"idempotency-key",
        b"x-request-id",
        b"x-ombud-what-if",
    }
)
# Names as they are nearly always written, so that these need not be lowered.
_LOWER = {
    written: name for name in (*WANTED, b"content-length") for written in (name, name.title())
}
SINGLE = WANTED - {b"host"}  # Said twice, it is not clear which of them counts.
_REASONS = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus
}
_PATHS = {path.encode(): path for path in BODY_MAX}
_ALWAYS = b"".join(
    name + b": " + value + b"\r\n" for name, value in (*HEADERS, (POLICY, STRICT_POLICY))
)
_ALWAYS_JSON = _ALWAYS + b"".join(n + b": " + v + b"\r\n" for n, v in JSON_HEADER)
_OK, _REASON_OK = HTTPStatus.OK.value, _REASONS[HTTPStatus.OK]
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Settle = Callable[[Reply], None]


class Answerer(Protocol):
    """What stands behind the connections of one worker."""

    date: bytes  # The header line of the moment (RFC 9110 §6.6.1).
    tick: int  # Counts up every second or so.
    is_stopping: bool
    connections: set[DecisionProtocol]

    def handle(self, method: bytes, question: Question, settle: Settle) -> None:
        """Answer, now or later; never raises."""


class _Slot:
    """The place of one answer among those of its connection."""

    __slots__ = ("closes", "connection", "request_id", "wire")

    def __init__(
        self, connection: DecisionProtocol, request_id: bytes | None, closes: bool
    ) -> None:
        self.connection = connection
        self.request_id = request_id
        self.closes = closes
        self.wire: bytes | None = None

    def settle(self, reply: Reply) -> None:
        """Take the answer, and let go of what may leave."""
        self.connection.settle(self, reply)


class DecisionProtocol(asyncio.Protocol):
    """One connection."""

    def __init__(self, worker: Answerer, connections_max: int) -> None:
        self._worker = worker
        self._connections_max = connections_max
        self._parser = httptools.HttpRequestParser(self)
        self._slots: deque[_Slot] = deque()
        self._transport: asyncio.Transport | None = None
        self._is_paused = False
        self._is_full = False  # The other end does not take what is written.
        self._is_deaf = False  # Nothing that still comes is heard.
        self._is_between = True  # Nothing of a request has come.
        self._is_late = False  # The head that is coming began in an earlier piece.
        self._held = b""  # Come and not yet read.
        self._is_hearing = False
        self._in_head = False
        self._head_size = 0
        self._begin()
        self.active = worker.tick  # When a request last began, or came to its end.

    def _begin(self) -> None:
        self._url = b""
        self._path = ""
        self._headers: dict[bytes, bytes] = {}
        self._body: list[bytes] = []
        self._body_size = 0
        self._body_max = 0
        self._fault: OmbudError | None = None

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin, unless there are too many."""
        if not isinstance(transport, asyncio.Transport):
            return
        self._transport = transport
        if len(self._worker.connections) >= self._connections_max or self._worker.is_stopping:
            transport.abort()
            return
        self._worker.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it; what it asked is decided and recorded all the same."""
        del exc
        self._transport = None
        self._worker.connections.discard(self)

    def pause_writing(self) -> None:
        """Read no more from who does not read."""
        self._is_full = True
        self._regulate()

    def resume_writing(self) -> None:
        """Go on."""
        self._is_full = False
        self._regulate()

    def data_received(self, data: bytes) -> None:
        """Take bytes of requests."""
        self._held += data
        self._hear()

    def _hear(self) -> None:
        """Read what has come, as far as there is room for answers."""
        if self._is_hearing:
            return
        self._is_hearing = True
        while self._held and not (self._is_paused or self._is_deaf):
            piece, self._held = self._held[:STEP], self._held[STEP:]
            self._feed(piece)
        if self._is_deaf:
            self._held = b""
        self._is_hearing = False

    def _feed(self, data: bytes) -> None:
        self._is_late = self._in_head
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:  # Refused when its head was read.
            self._is_deaf = True
        except httptools.HttpParserError as error:
            self._refuse(InputError(f"not a request of HTTP/1.1: {error}"))
        else:
            if self._in_head and self._is_late:  # A header that does not end is not told.
                self._grow_head(len(data))

    # What the parser calls.

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._begin()
        self.active = self._worker.tick
        self._in_head, self._is_late, self._is_between = True, False, False
        self._head_size = 0

    def on_url(self, url: bytes) -> None:
        """Take a piece of the target."""
        self._url += url
        self._grow_head(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header, if it matters here; one behind the body is none (RFC 9110 §6.5.1)."""
        self._head_size += len(name) + len(value)
        if self._head_size > HEAD_MAX:
            self._grow_head(0)
        if not self._in_head:
            return
        name = _LOWER.get(name) or name.lower()
        if name in WANTED:
            if name in self._headers and name in SINGLE:
                self._fault = InputError(f"`{name.decode()}` is said twice")
            self._headers[name] = value
        elif name == b"expect" and value.lower() == b"100-continue":
            self._headers[name] = value
        elif name == b"upgrade":
            self._fault = InputError("this does not change its protocol", hint="ask without it")
        elif name == b"content-length" and value.isdigit():
            self._body_size = int(value[:20])

    def on_headers_complete(self) -> None:
        """Look whether the body may come."""
        self._in_head = False
        if self._is_deaf:
            return
        declared, self._body_size = self._body_size, 0
        url = self._url
        self._path = path = _PATHS.get(url) or url.partition(b"?")[0].decode("latin-1")
        self._body_max = BODY_MAX.get(path, BODY_DEFAULT)
        if declared > self._body_max:
            self._refuse(_too_large(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._body_max))
        elif b"expect" in self._headers and not self._slots and self._transport is not None:
            self._transport.write(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        if self._is_deaf:
            return
        self._body_size += len(body)
        if self._body_size > self._body_max:
            self._refuse(_too_large(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._body_max))
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        """Answer a request."""
        self._is_between = True
        self.active = self._worker.tick
        if self._is_deaf:
            return
        headers = self._headers
        closes = (
            self._fault is not None
            or self._worker.is_stopping
            or not self._parser.should_keep_alive()
        )
        slot = _Slot(self, headers.get(REQUEST_ID), closes)
        self._slots.append(slot)
        self._is_deaf = closes
        if self._fault is not None:
            slot.settle(error_reply(self._fault))
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        question = Question(self._path, headers, body)
        self._worker.handle(self._parser.get_method(), question, slot.settle)
        if len(self._slots) >= PIPELINE_MAX:
            self._regulate()

    def _grow_head(self, size: int) -> None:
        self._head_size += size
        if self._head_size > HEAD_MAX:
            self._refuse(_too_large(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, HEAD_MAX))

    # Answers.

    def _refuse(self, error: OmbudError) -> None:
        """Answer what is no request, and hear nothing more."""
        if not self._is_deaf:
            self._is_deaf = True
            slot = _Slot(self, self._headers.get(REQUEST_ID), closes=True)
            self._slots.append(slot)
            slot.settle(error_reply(error))

    def settle(self, slot: _Slot, reply: Reply) -> None:
        """Write what may leave: answers whose predecessors have all left."""
        status, headers, body = reply
        if status == _OK and headers is JSON_HEADER:  # As nearly every answer.
            parts = [_REASON_OK, self._worker.date, _ALWAYS_JSON]
        else:
            parts = [_REASONS[status], self._worker.date, _ALWAYS]
            parts += [name + b": " + value + b"\r\n" for name, value in headers]
        if slot.request_id is not None:
            parts.append(b"x-request-id: " + slot.request_id + b"\r\n")
        if slot.closes:
            parts.append(b"connection: close\r\n")
        parts += (b"content-length: %d\r\n\r\n" % len(body), body)
        slot.wire = b"".join(parts)
        transport, slots = self._transport, self._slots
        while slots and slots[0].wire is not None:
            first = slots.popleft()
            if transport is not None:
                transport.write(first.wire or b"")
                if first.closes:
                    transport.close()
        if self._is_paused:
            self._regulate()

    def _regulate(self) -> None:
        if self._transport is None:
            return
        wants_pause = self._is_full or len(self._slots) >= PIPELINE_MAX
        if wants_pause and not self._is_paused:
            self._transport.pause_reading()
        elif self._is_paused and not wants_pause and not self._transport.is_closing():
            self._transport.resume_reading()
        self._is_paused = wants_pause
        if self._held and not wants_pause:
            self._hear()

    @property
    def is_answering(self) -> bool:
        """Whether a request waits for its answer."""
        return bool(self._slots)

    @property
    def is_mid_request(self) -> bool:
        """Whether a request has begun to come."""
        return not self._is_between

    def close(self) -> None:
        """End it, when nothing is being answered."""
        if self._transport is not None and not self._slots:
            self._transport.close()

    def abort(self) -> None:
        """End it now."""
        if self._transport is not None:
            self._transport.abort()


BODY_DEFAULT = 64 << 10  # Of what is answered by the server itself: searches.


def _too_large(status: HTTPStatus, size_max: int) -> RequestError:
    return RequestError(
        status,
        f"larger than {size_max} bytes",
        code="too_large",
        hint="ask in several batches",
    )
