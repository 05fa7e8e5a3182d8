"""The proxy check over HTTP: statuses, headers, and no body."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest
from fastapi import FastAPI

from ombud.core.errors import Unauthenticated, Unavailable
from ombud.services.asker import Asker
from ombud.services.ext_authz import Verdict
from ombud.services.home import HomeServices
from ombud.web import ext_authz
from ombud.web.errors import add_error_handlers


@dataclass
class Check:
    """Answers with one verdict, or raises."""

    verdict: Verdict | Exception

    def check(self, values: Any, *, asker: Asker) -> Verdict:
        """Return the verdict."""
        assert values("x-twice") == ["a", "\\xff"]
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict


@dataclass
class Home:
    """A home with or without a proxy file."""

    ext_authz: Check | None

    def authenticate(self, token: str) -> Asker:
        """Know a proxy and somebody else."""
        if token not in {"decide", "search"}:
            raise Unauthenticated("unknown token")
        return Asker(person="proxy", scopes=frozenset({token}))


def ask(
    verdict: Verdict | Exception | None, *, token: str | None = "decide"
) -> tuple[int, dict[str, str], bytes]:
    """Return the status, the headers of Ombud, and the body."""
    app = FastAPI()
    app.state.services = cast("HomeServices", Home(Check(verdict) if verdict else None))
    add_error_handlers(app)
    app.include_router(ext_authz.router)
    headers = [(b"X-Twice", b"a"), (b"X-Twice", b"\xff")]
    if token:
        headers.append((b"Authorization", f"Bearer {token}".encode()))

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://ombud") as client:
            return await client.get("/v1/ext-authz", headers=headers)

    answer = asyncio.run(send())
    ours = {k: v for k, v in answer.headers.items() if k.startswith("x-ombud-")}
    return answer.status_code, ours, answer.content


@pytest.mark.parametrize(
    ("verdict", "status", "headers"),
    [
        (Verdict(True, ("granted",), "d-1"), 204, {"x-ombud-decision": "d-1"}),
        (
            Verdict(True, (), "d-1", obligations=b'[{"id":"masks"}]'),
            204,
            {"x-ombud-decision": "d-1", "x-ombud-obligations": '[{"id":"masks"}]'},
        ),
        (
            Verdict(False, ("prohibited:größe\r\nX: 1", "no_grant"), "d", checkpoint="a b"),
            403,
            {
                "x-ombud-decision": "d",
                "x-ombud-reason": "prohibited:gr%C3%B6%C3%9Fe%0D%0AX: 1, no_grant",
                "x-ombud-checkpoint": "a%20b",
            },
        ),
        (
            Verdict(False, ("x" * 2000,), request_url="https://o/r?decision=d"),
            403,
            {
                "x-ombud-decision": "",
                "x-ombud-reason": "x" * 1000,
                "x-ombud-request": "https://o/r?decision=d",
            },
        ),
        (
            Verdict(False, ("nobody_signed_in",), is_known=False),
            401,
            {"x-ombud-decision": "", "x-ombud-reason": "nobody_signed_in"},
        ),
    ],
)
def test_verdicts(verdict: Verdict, status: int, headers: dict[str, str]) -> None:
    """Each has its status and its headers, whatever a name in a policy holds; none has a body."""
    assert ask(verdict) == (status, headers, b"")


def test_what_is_no_verdict_is_an_error() -> None:
    """To the proxy each of these is a check that failed, or somebody who may not ask."""
    assert ask(None)[0] == 404
    assert ask(Unavailable("the disk is full"))[0] == 503
    assert ask(Verdict(True), token="search")[0] == 403
    assert ask(Verdict(True), token="other")[0] == 401
    assert ask(Verdict(True), token=None)[0] == 401
