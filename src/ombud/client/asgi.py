"""ASGI: middleware that asks before an application runs, and runs it inside the purpose.

Plain ASGI, for any framework.  What is not clearly permitted is answered here, as a
problem document (RFC 9457), and the application is not called.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import anyio.to_thread
import orjson

from ombud.client.asking import Client
from ombud.client.decision import Decision
from ombud.client.purposes import TEXT_MAX, Purpose, purpose
from ombud.client.resource import Resource
from ombud.core.errors import InputError, OmbudError, Unavailable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

PURPOSE_HEADER = "x-ombud-purpose"
CASE_HEADER = "x-ombud-case"
JUSTIFICATION_HEADER = "x-ombud-justification-id"
DECISION_KEY = "ombud.decision"  # Where the application finds the permit in its scope.
POLICY_VIOLATION = 1008  # RFC 6455 §7.4.1.


@dataclass(frozen=True, slots=True)
class Act:
    """What a request is about to do: who (`type:id`), which action, to what."""

    actor: str
    action: str
    resource: Resource


def headers_of(scope: Scope, name: str) -> list[str]:
    """Return the values of a header, as often as it was sent."""
    wanted = name.encode()
    return [value.decode("utf-8", "replace") for key, value in scope["headers"] if key == wanted]


def purpose_from_headers(scope: Scope) -> Purpose | None:
    """Return what the headers state; raises `InputError` for one that is sent twice."""
    values = {}
    for name in (PURPOSE_HEADER, CASE_HEADER, JUSTIFICATION_HEADER):
        sent = headers_of(scope, name)
        if len(sent) > 1:
            raise InputError(f"`{name}` is sent more than once")
        if sent and not 0 < len(sent[0].strip()) <= TEXT_MAX:
            raise InputError(f"`{name}` has 1 to {TEXT_MAX} characters")
        values[name] = sent[0] if sent else None
    if (stated := values[PURPOSE_HEADER]) is None:
        return None
    justification = values[JUSTIFICATION_HEADER]
    return Purpose(stated, values[CASE_HEADER], (justification,) if justification else ())


class PurposeMiddleware:
    """Asks for each request and web socket.

    `act_of` says what a request does: an `Act`; None when nobody is signed in (401); or
    `open_to_all`, from which on the application answers without a decision.
    `purpose_of` says why; by default the headers of the request do.  `handles` are the
    obligations that the application discharges; it finds the permit in its scope.
    """

    def __init__(
        self,
        app: Application,
        *,
        client: Client,
        act_of: Callable[[Scope], Act | OpenToAll | None],
        purpose_of: Callable[[Scope], Purpose | None] = purpose_from_headers,
        handles: Iterable[str] = (),
    ) -> None:
        self._app = app
        self._client = client
        self._act_of = act_of
        self._purpose_of = purpose_of
        self._handles = tuple(handles)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or let the application."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        try:
            act = self._act_of(scope)
            if isinstance(act, OpenToAll):
                await self._app(scope, receive, send)
                return
            stated = self._purpose_of(scope)
        except InputError as error:
            await _refuse(scope, receive, send, problem(HTTPStatus.BAD_REQUEST, error.message))
            return
        if act is None:
            said = problem(HTTPStatus.UNAUTHORIZED, "nobody is signed in")
            await _refuse(scope, receive, send, said)
            return
        await self._decide(act, stated, (scope, receive, send))

    async def _decide(
        self, act: Act, stated: Purpose | None, call: tuple[Scope, Receive, Send]
    ) -> None:
        scope, receive, send = call
        if stated is None:
            said = problem(HTTPStatus.FORBIDDEN, "no purpose is stated", reasons=PURPOSE_MISSING)
            await _refuse(scope, receive, send, said)
            return
        block = purpose(
            stated.name, case=stated.case, justification=stated.justifications, threads=True
        )
        with block:
            try:
                decision = await anyio.to_thread.run_sync(self._ask, act)
            except OmbudError as error:
                await _refuse(scope, receive, send, _problem_of(error))
                return
            if not decision.permit:
                await _refuse(scope, receive, send, denial(decision))
                return
            await self._app({**scope, DECISION_KEY: decision}, receive, send)

    def _ask(self, act: Act) -> Decision:
        return self._client.check(act.action, act.resource, actor=act.actor, handles=self._handles)


class OpenToAll:
    """What `act_of` returns for requests that need no decision, such as a page to sign in."""


open_to_all = OpenToAll()
PURPOSE_MISSING = ("purpose_missing",)
Problem = dict[str, Any]


def problem(status: HTTPStatus, title: str, **more: Any) -> Problem:
    """Return a problem document."""
    said = {name: value for name, value in more.items() if value}
    return {"type": "about:blank", "status": status.value, "title": title, **said}


def denial(decision: Decision) -> Problem:
    """Return the problem document of a denial: why, and what would lift it."""
    return problem(
        HTTPStatus.FORBIDDEN,
        "denied",
        reasons=decision.reasons,
        decision_id=decision.decision_id,
        checkpoint=decision.checkpoint,
        request=decision.request_url,
    )


def _problem_of(error: OmbudError) -> Problem:
    """Return what is said when there is no decision; nothing of the inside goes out."""
    if isinstance(error, InputError):
        return problem(HTTPStatus.BAD_REQUEST, "the act cannot be decided on")
    retry = max(1, round(error.retry_seconds)) if isinstance(error, Unavailable) else None
    return problem(HTTPStatus.SERVICE_UNAVAILABLE, "no decision can be had now", retry=retry)


async def _refuse(scope: Scope, receive: Receive, send: Send, said: Problem) -> None:
    if scope["type"] == "websocket":
        await receive()  # The server wants its `websocket.connect` taken before it is closed.
        await send({"type": "websocket.close", "code": POLICY_VIOLATION})
        return
    body = orjson.dumps(said)
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    if retry := said.get("retry"):
        headers.append((b"retry-after", str(retry).encode()))
    await send({"type": "http.response.start", "status": said["status"], "headers": headers})
    await send({"type": "http.response.body", "body": body})
