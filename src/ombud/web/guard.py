"""Guard: what holds for every request: headers of safety, a bound, a count, and no traceback.

Plain ASGI, outside of routing, so that refusals and faults pass through it too.
"""

from __future__ import annotations

import logging
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ombud.core.errors import Unavailable
from ombud.web.errors import answer_to, answer_to_fault
from ombud.web.limits import Limits
from ombud.web.metrics import Metrics

log = logging.getLogger("ombud.web")

ALWAYS_ANSWERED = "/healthz"  # A monitor must tell a busy server from a dead one.
UNMATCHED = "unmatched"
STRICT_POLICY = b"default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
REQUEST_ID = b"x-request-id"
POLICY = b"content-security-policy"
HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
)


class Guard:
    """The outermost layer of the application."""

    def __init__(self, app: ASGIApp, *, limits: Limits, metrics: Metrics) -> None:
        self._app = app
        self._limits = limits
        self._metrics = metrics
        self._answering = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        # AuthZEN 1.0, request identification: what was sent comes back, whatever the answer.
        sent = [pair for pair in scope["headers"] if pair[0] == REQUEST_ID][:1]

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = _with_headers([*message.get("headers", ()), *sent])
            await send(message)

        self._answering += 1
        try:
            await self._answer(scope, receive, send_guarded)
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            if status:
                raise  # Part of an answer is out: the connection must break, not end well.
            await answer_to_fault()(scope, receive, send_guarded)
        finally:
            self._answering -= 1
            route = getattr(scope.get("route"), "path", UNMATCHED)
            self._metrics.count(scope["method"], route, status, time.perf_counter() - began)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._answering > self._limits.requests_max and scope["path"] != ALWAYS_ANSWERED:
            error = Unavailable("too many requests at once", hint="try again in a moment")
            await answer_to(error)(scope, receive, send)
        else:
            await self._app(scope, receive, send)


def _with_headers(given: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    has_policy = any(name == POLICY for name, _ in given)
    return [*given, *HEADERS, *(() if has_policy else ((POLICY, STRICT_POLICY),))]
