"""Bare: the least that an ASGI application can do, to set the decision port in relation to."""

from __future__ import annotations

from typing import Any

import orjson
from starlette.types import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Read a body as JSON and answer with a constant."""
    if scope["type"] != "http":
        return
    message: Any = await receive()
    orjson.loads(message["body"])
    body = b'{"decision":true}'
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})
