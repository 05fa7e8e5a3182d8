"""ASGI middleware: the application runs for what is permitted, and for nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import anyio.to_thread
import orjson
import pytest

from doubles.decision_server import DENIAL, DecisionServer, Reply, permit
from ombud.client import Client, Decision, Purpose, current_purpose, dataset
from ombud.client.asgi import (
    DECISION_KEY,
    Act,
    Message,
    OpenToAll,
    PurposeMiddleware,
    Receive,
    Scope,
    Send,
    headers_of,
    open_to_all,
)
from ombud.core.errors import InputError

PURPOSE = (b"x-ombud-purpose", "für.review".encode())


class Application:
    """Notes under which purpose it runs, in its own thread and in another."""

    def __init__(self) -> None:
        self.seen: list[tuple[Purpose | None, Purpose | None]] = []
        self.decisions: list[Decision | None] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with 200."""
        in_thread = await anyio.to_thread.run_sync(current_purpose)
        self.seen.append((current_purpose(), in_thread))
        self.decisions.append(scope.get(DECISION_KEY))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"rows"})


def act_of(scope: Scope) -> Act | OpenToAll | None:
    """Read claims as whoever the header says."""
    if scope["path"] == "/sign-in":
        return open_to_all
    if scope["path"] == "/odd":
        raise InputError("no such page")
    who = headers_of(scope, "x-user")
    return Act(f"user:{who[0]}", "read", dataset("claims")) if who else None


def ask(
    client: Client,
    app: Application,
    *headers: tuple[bytes, bytes],
    path: str = "/claims",
    kind: str = "http",
    **more: Any,
) -> tuple[int, dict[str, Any], dict[bytes, bytes]]:
    """Return the status, the JSON and the headers of one request."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    middleware = PurposeMiddleware(app, client=client, act_of=act_of, **more)
    scope = {"type": kind, "path": path, "headers": list(headers)}
    asyncio.run(middleware(scope, receive, send))
    if kind == "websocket" and sent[0]["type"] == "websocket.close":
        return sent[0]["code"], {}, {}
    body = sent[1]["body"]
    said = orjson.loads(body) if body.startswith(b"{") else {}
    return sent[0]["status"], said, dict(sent[0]["headers"])


ANA = (b"x-user", b"ana")


def test_a_permit_lets_the_application_run(server: DecisionServer, client: Client) -> None:
    """Inside the purpose, in its threads as well, with the permit at hand; then it is over."""
    app = Application()
    status, _, _ = ask(client, app, ANA, PURPOSE, (b"x-ombud-case", b"7"),
                       (b"x-ombud-justification-id", b"j-1"))  # fmt: skip
    stated = Purpose("für.review", "7", ("j-1",))

    assert status == 200
    assert app.seen == [(stated, stated)]
    assert app.decisions[0]
    assert server.question()["subject"] == {"type": "user", "id": "ana"}
    assert server.question()["context"]["justification_id"] == ["j-1"]
    assert current_purpose() is None


def test_a_denial_is_a_problem_document(server: DecisionServer, client: Client) -> None:
    """With the reasons and what would lift it; the application is not called."""
    app = Application()
    checkpoint = {"name": "why", "prompt": "Say why"}
    context = {"reasons": ["checkpoint:why"], "decision_id": "d", "checkpoint": checkpoint}
    server.otherwise = lambda *_: Reply(body={"decision": False, "context": context})
    status, said, headers = ask(client, app, ANA, PURPOSE)

    assert (status, app.seen) == (403, [])
    assert headers[b"content-type"] == b"application/problem+json"
    assert said == {
        "type": "about:blank",
        "status": 403,
        "title": "denied",
        "reasons": ["checkpoint:why"],
        "decision_id": "d",
        "checkpoint": checkpoint,
    }


@pytest.mark.parametrize(
    ("headers", "path", "status", "asked"),
    [
        ([PURPOSE], "/claims", 401, 0),
        ([ANA], "/claims", 403, 0),
        ([ANA, PURPOSE, PURPOSE], "/claims", 400, 0),
        ([ANA, (b"x-ombud-purpose", b" ")], "/claims", 400, 0),
        ([ANA, PURPOSE, (b"x-ombud-case", b"x" * 1001)], "/claims", 400, 0),
        ([ANA, PURPOSE], "/odd", 400, 0),
        ([(b"x-user", b""), PURPOSE], "/claims", 400, 0),
        ([], "/sign-in", 200, 0),
        ([ANA, PURPOSE], "/claims", 200, 1),
    ],
)
def test_who_is_let_through(
    server: DecisionServer,
    client: Client,
    headers: list[tuple[bytes, bytes]],
    path: str,
    status: int,
    asked: int,
) -> None:
    """Nobody signed in, no purpose, two of them, an act that is none: not without a decision."""
    app = Application()

    assert ask(client, app, *headers, path=path)[0] == status
    assert (len(server.asked), len(app.seen)) == (asked, 1 if status == 200 else 0)


@pytest.mark.parametrize("status", [401, 403, 500, 503])
def test_without_a_decision_nothing_runs(
    server: DecisionServer, client: Client, status: int
) -> None:
    """Whatever keeps the server from deciding is 503 for the caller, without its details."""
    app = Application()
    server.replies.append(Reply(status, b"secret detail", {"Retry-After": "9"}))
    got, said, headers = ask(client, app, ANA, PURPOSE)

    assert (got, app.seen) == (503, [])
    assert "secret" not in str(said)
    if status >= 500:
        assert headers[b"retry-after"] == b"9"


def test_obligations_are_the_application_s(server: DecisionServer, client: Client) -> None:
    """One that it does not say that it handles is a denial."""
    server.otherwise = lambda *_: permit({"action": "row_filter", "expression": "row.a == 1"})

    assert ask(client, Application(), ANA, PURPOSE)[0] == 403
    assert ask(client, Application(), ANA, PURPOSE, handles=["row_filter"])[0] == 200


def test_web_sockets_are_asked_for_and_the_rest_is_not(
    server: DecisionServer, client: Client
) -> None:
    """A denied socket is closed before it opens; start and stop of a server pass."""
    server.replies.append(Reply(body=DENIAL))
    assert ask(client, Application(), ANA, PURPOSE, kind="websocket")[0] == 1008
    app = Application()
    assert ask(client, app, kind="lifespan")[0] == 200
    assert app.decisions == [None]


def test_a_purpose_may_come_from_the_session(server: DecisionServer, client: Client) -> None:
    """The program says where it stands."""
    app = Application()

    assert ask(client, app, ANA, purpose_of=lambda _: Purpose("care"))[0] == 200
    assert app.seen[0][0] == Purpose("care")
