"""Decision protocol: answers in order, bounds on everything, nothing heard after a refusal."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ombud.web.authzen_door import Question, Reply
from ombud.web.decision_protocol import (
    BODY_DEFAULT,
    HEAD_MAX,
    PIPELINE_MAX,
    STEP,
    DecisionProtocol,
    Settle,
)

PATH = "/access/v1/evaluation"


class Wire(asyncio.Transport):
    """A transport that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""
        self.reads = True
        self.is_over = False

    def write(self, data: Any) -> None:
        """Remember."""
        self.sent += data

    def pause_reading(self) -> None:
        """Read no more."""
        self.reads = False

    def resume_reading(self) -> None:
        """Read again."""
        self.reads = True

    def is_closing(self) -> bool:
        """Whether it is over."""
        return self.is_over

    def close(self) -> None:
        """End."""
        self.is_over = True

    def abort(self) -> None:
        """End at once."""
        self.is_over = True

    @property
    def answers(self) -> list[int]:
        """Return the statuses of the answers so far."""
        return [int(part[:3]) for part in self.sent.split(b"HTTP/1.1 ")[1:]]


class Worker:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.date = b"date: now\r\n"
        self.tick = 0
        self.is_stopping = False
        self.is_ready = False
        self.connections: set[DecisionProtocol] = set()
        self.asked: list[tuple[bytes, Question]] = []
        self.settles: list[Settle] = []

    def handle(self, method: bytes, question: Question, settle: Settle) -> None:
        """Keep the question, or answer it at once."""
        if self.is_ready:
            settle(reply(404))
            return
        self.asked.append((method, question))
        self.settles.append(settle)


class Both:
    """A connection and its worker."""

    def __init__(self, connections_max: int = 10) -> None:
        self.worker = Worker()
        self.wire = Wire()
        self.protocol = DecisionProtocol(self.worker, connections_max)
        self.protocol.connection_made(self.wire)

    def send(self, data: bytes) -> None:
        """Let bytes arrive."""
        self.protocol.data_received(data)


@pytest.fixture
def both() -> Both:
    """Return a connection."""
    return Both()


def request(body: bytes = b"{}", *headers: str, path: str = PATH) -> bytes:
    """Return the bytes of a request."""
    lines = [f"POST {path} HTTP/1.1", "Host: pdp", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def reply(status: int) -> Reply:
    """Return an answer."""
    return Reply(status, ((b"content-type", b"application/json"),), b"{}")


def test_a_request_in_single_bytes_is_the_same(both: Both) -> None:
    """How it is cut does not matter."""
    whole = request(b'{"a":1}', "Authorization: Bearer t", "X-Request-ID: r1", "X-Other: o")
    for at in range(len(whole)):
        both.send(whole[at : at + 1])
    ((method, question),) = both.worker.asked

    assert (method, question.path, question.body) == (b"POST", PATH, b'{"a":1}')
    assert question.headers == {
        b"host": b"pdp",
        b"authorization": b"Bearer t",
        b"x-request-id": b"r1",
    }


def test_answers_leave_in_the_order_of_their_requests(both: Both) -> None:
    """One that is ready early waits for those before it."""
    both.send(request() * 3)
    first, second, third = both.worker.settles
    third(reply(200))
    second(reply(403))
    assert both.wire.answers == []
    first(reply(503))

    assert both.wire.answers == [503, 403, 200]


def test_an_answer_has_the_headers_of_safety(both: Both) -> None:
    """And the id of its request, and its length."""
    both.send(request(b"{}", "X-Request-ID: r1"))
    both.worker.settles[0](reply(200))
    head = both.wire.sent.partition(b"\r\n\r\n")[0].split(b"\r\n")

    assert head[0] == b"HTTP/1.1 200 OK"
    assert {
        b"date: now",
        b"x-content-type-options: nosniff",
        b"cache-control: no-store",
        b"content-type: application/json",
        b"x-request-id: r1",
        b"content-length: 2",
    } <= set(head)


def test_who_wants_it_closed_is_answered_first(both: Both) -> None:
    """What comes after that is not heard."""
    both.send(request(b"{}", "Connection: close") + request())
    both.worker.settles[0](reply(200))

    assert len(both.worker.asked) == 1
    assert b"connection: close" in both.wire.sent
    assert both.wire.is_over


def test_too_many_unanswered_requests_are_not_read(both: Both) -> None:
    """Until some are answered."""
    both.send(request() * PIPELINE_MAX)
    assert not both.wire.reads
    both.worker.settles[0](reply(200))

    assert both.wire.reads


def test_who_does_not_read_is_not_read(both: Both) -> None:
    """What is written and not taken has a bound by that."""
    both.protocol.pause_writing()
    assert not both.wire.reads
    both.protocol.resume_writing()

    assert both.wire.reads


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("long target", b"GET /" + b"a" * HEAD_MAX + b" HTTP/1.1\r\n", 431),
        ("long header", b"GET / HTTP/1.1\r\nX: " + b"a" * HEAD_MAX + b"\r\n\r\n", 431),
        ("many headers", b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * HEAD_MAX + b"\r\n", 431),
        ("declared", request(b"", path="/x").replace(b": 0", b": 9999999999"), 413),
        ("sent", request(b"a" * (BODY_DEFAULT + 1), path="/x"), 413),
        ("no HTTP", b"\0\r\n\r\n", 400),
        ("twice", request(b"", "Authorization: a", "Authorization: b"), 400),
        ("upgrade", request(b"", "Connection: upgrade", "Upgrade: h2c"), 400),
    ],
)
def test_what_is_beyond_a_bound_is_refused_and_ends_it(
    both: Both, name: str, data: bytes, status: int
) -> None:
    """One answer, and nothing that follows is heard."""
    both.send(data)
    both.send(request())

    assert both.wire.answers == [status], name
    assert (both.wire.is_over, both.worker.asked) == (True, [])


def test_chunks_have_the_same_bound(both: Both) -> None:
    """A body that does not say how long it is."""
    both.send(b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(BODY_DEFAULT // 4096 + 1):
        both.send(b"1000\r\n" + b"a" * 4096 + b"\r\n")

    assert both.wire.answers == [413]


def test_a_head_that_never_ends_is_refused(both: Both) -> None:
    """Though no header of it is complete."""
    both.send(b"GET / HTTP/1.1\r\nX: ")
    for _ in range(5):
        both.send(b"a" * (HEAD_MAX // 4))

    assert both.wire.answers == [431]


def test_who_waits_for_it_is_told_to_go_on(both: Both) -> None:
    """Expect: 100-continue, as curl sends it with large bodies."""
    whole = request(b"{}", "Expect: 100-continue")
    both.send(whole[:-2])
    assert both.wire.sent == b"HTTP/1.1 100 Continue\r\n\r\n"
    both.send(whole[-2:])

    assert len(both.worker.asked) == 1


def test_too_many_connections_are_not_taken() -> None:
    """The bound is the worker's."""
    full = Both(connections_max=0)

    assert full.wire.is_over
    assert full.worker.connections == set()


def test_an_answer_for_who_has_gone_is_dropped(both: Both) -> None:
    """It was decided and recorded all the same."""
    both.send(request())
    both.protocol.connection_lost(None)
    both.worker.settles[0](reply(200))

    assert both.wire.sent == b""
    assert both.worker.connections == set()


def test_what_is_idle_can_be_told_from_what_is_slow(both: Both) -> None:
    """A request that has begun, one that is being answered, and none."""
    whole = request()
    assert not both.protocol.is_mid_request
    both.send(whole[:20])
    assert both.protocol.is_mid_request
    both.send(whole[20:])
    assert (both.protocol.is_mid_request, both.protocol.is_answering) == (False, True)
    both.worker.settles[0](reply(200))
    assert not both.protocol.is_answering


def test_what_stands_behind_the_body_is_no_header(both: Both) -> None:
    """A trailer that a proxy passed on says nothing of who asks (RFC 9110 §6.5.1)."""
    both.send(b"POST /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    both.send(b"Authorization: Bearer t\r\nX-Request-ID: r\r\nX-Ombud-What-If: 1\r\n\r\n")
    ((_, question),) = both.worker.asked
    both.worker.settles[0](reply(200))

    assert question.headers == {}
    assert b"x-request-id" not in both.wire.sent


def test_a_request_in_drops_is_slow(both: Both) -> None:
    """How long it takes counts from where it began, not from its latest byte."""
    whole = request()
    both.send(whole[:10])
    both.worker.tick = 9
    both.send(whole[10:20])
    assert both.protocol.active == 0
    both.send(whole[20:])

    assert both.protocol.active == 9


class Full(Wire):
    """A transport whose other end takes nothing until it is told to."""

    def __init__(self, both: Both) -> None:
        super().__init__()
        self.both = both
        self.count = 0
        self.takes = False

    def write(self, data: Any) -> None:
        """Count, and say that there is no room."""
        del data
        self.count += 1
        if not self.takes:
            self.both.protocol.pause_writing()


def test_who_takes_no_answers_is_not_answered_without_end(both: Both) -> None:
    """Requests that came in one piece wait unread; none is lost when answers are taken."""
    small, wire = b"GET / HTTP/1.1\r\n\r\n", Full(both)
    both.protocol.connection_made(wire)
    both.worker.is_ready = True
    both.send(small * 4_000)
    assert 0 < wire.count <= STEP // len(small) + 1
    wire.takes = True
    both.protocol.resume_writing()

    assert wire.count == 4_000
    assert wire.reads
