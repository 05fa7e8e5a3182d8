"""Proxy check over HTTP: what nginx's `auth_request` asks before it lets a request through.

The answer has no body: 204 lets it pass, 401 means that nobody is signed in, 403 that
they may not.  Every other status is an error to the proxy, which then answers 500.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Request
from starlette.responses import Response

from ombud.core.errors import NotFound
from ombud.services.ext_authz import Verdict
from ombud.web.access import AskerPart, ServicesPart
from ombud.web.answers import ErrorBody
from ombud.web.errors import REFUSALS

REASON_MAX = 1_000  # Characters: proxies bound the headers of an answer.

_ANSWERS: dict[int | str, dict[str, Any]] = {
    **REFUSALS,
    204: {"description": "It may pass."},
    401: {"description": "Nobody is signed in, or the proxy's token is not in force."},
    403: {"description": "It may not; `X-Ombud-Reason` says why."},
    404: {"model": ErrorBody, "description": "This home has no `ext_authz.yaml`."},
}

router = APIRouter(tags=["decisions"], responses=_ANSWERS)


@router.get("/v1/ext-authz", status_code=HTTPStatus.NO_CONTENT, response_class=Response)
def check(request: Request, services: ServicesPart, asker: AskerPart) -> Response:
    """Tell a proxy whether the request that its headers describe may pass."""
    asker.require("decide")
    if services.ext_authz is None:
        raise NotFound(
            "this home has no `ext_authz.yaml`", hint="docs/ext-authz.md says what it holds"
        )

    def values(name: str) -> list[str]:
        wanted = name.encode()
        sent = (value for key, value in request.headers.raw if key == wanted)
        return [_text(value) for value in sent]

    return _answer(services.ext_authz.check(values, asker=asker))


def _text(value: bytes) -> str:
    """Return a header as UTF-8; what is none is shown as such, and fits nothing."""
    return value.decode("utf-8", "backslashreplace")


def _answer(verdict: Verdict) -> Response:
    headers = {"X-Ombud-Decision": verdict.decision_id}
    if verdict.permit:
        if verdict.obligations:
            headers["X-Ombud-Obligations"] = verdict.obligations.decode()
        return Response(status_code=HTTPStatus.NO_CONTENT, headers=headers)
    headers["X-Ombud-Reason"] = quote(", ".join(verdict.reasons), safe=" ,:;`'()/@._-")[:REASON_MAX]
    if verdict.checkpoint:
        headers["X-Ombud-Checkpoint"] = quote(verdict.checkpoint, safe="")
    if verdict.request_url:
        headers["X-Ombud-Request"] = verdict.request_url
    status = HTTPStatus.FORBIDDEN if verdict.is_known else HTTPStatus.UNAUTHORIZED
    return Response(status_code=status, headers=headers)
