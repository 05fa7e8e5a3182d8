"""Decision forward: what a worker hands on, and as whom."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from ombud.core.errors import Unavailable
from ombud.web.authzen_door import Question, Reply
from ombud.web.decision_forward import DecisionForward

GOOD = b"HTTP/1.1 202 Accepted\r\nContent-Type: a/b\r\nLocation: /t\r\nSet-Cookie: x\r\n"


def ask(folder: Path, answer: bytes, headers: dict[bytes, bytes]) -> tuple[bytes, Reply]:
    """Ask a server that answers so; return what it was sent, and the reply."""
    got = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal got
        got = await reader.readuntil(b"\r\n\r\n") + await reader.readexactly(2)
        writer.write(answer)
        writer.close()
        await writer.wait_closed()

    async def main() -> Reply:
        path = folder / "server.sock"
        async with await asyncio.start_unix_server(serve, path):
            return await DecisionForward(path).ask(b"POST", Question("/p", headers, b"{}"))

    reply = asyncio.run(main())
    return got, reply


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        ({}, b"authorization: none"),
        ({b"authorization": b""}, b"authorization: "),
        ({b"authorization": b"Bearer t"}, b"authorization: Bearer t"),
    ],
)
def test_it_never_comes_as_the_owner(
    tmp_path: Path, headers: dict[bytes, bytes], sent: bytes
) -> None:
    """Over the home's socket, who says nothing of a token is the owner: so something is said."""
    got, _ = ask(tmp_path, GOOD + b"Content-Length: 0\r\n\r\n", headers)

    assert sent in got.split(b"\r\n")


def test_what_is_passed_on_and_back(tmp_path: Path) -> None:
    """The headers that matter, and no others."""
    headers = {b"idempotency-key": b"k", b"host": b"pdp", b"x-request-id": b"r"}
    got, reply = ask(tmp_path, GOOD + b"Content-Length: 2\r\n\r\nok", headers)

    assert got.startswith(b"POST /p HTTP/1.1\r\n")
    assert b"idempotency-key: k" in got.split(b"\r\n")
    assert b"x-request-id" not in got  # The worker gives it back itself.
    assert reply == Reply(202, ((b"content-type", b"a/b"), (b"location", b"/t")), b"ok")


@pytest.mark.parametrize("answer", [b"", b"no HTTP\r\n\r\n", GOOD + b"Content-Length: 9\r\n\r\nok"])
def test_a_broken_answer_is_none(tmp_path: Path, answer: bytes) -> None:
    """Half of an answer could be taken for a whole one."""
    with pytest.raises(Unavailable):
        ask(tmp_path, answer, {})


def test_without_a_server_it_is_unavailable(tmp_path: Path) -> None:
    """At once."""
    forward = DecisionForward

    async def main() -> Reply:
        return await forward(tmp_path / "none.sock").ask(b"GET", Question("/p", {}, b""))

    with pytest.raises(Unavailable):
        asyncio.run(main())
