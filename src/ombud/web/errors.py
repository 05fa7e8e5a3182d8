"""Errors as answers: one JSON shape, and the only place that knows HTTP statuses of errors.

{"error": {"code", "message", "origin", "hint"}}
"""

from __future__ import annotations

import logging
import math
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ombud.core.errors import (
    Conflict,
    Forbidden,
    InputError,
    NotFound,
    OmbudError,
    TamperError,
    Unauthenticated,
    Unavailable,
)
from ombud.web.answers import ErrorBody, JsonResponse

log = logging.getLogger("ombud.web")


class RequestError(OmbudError):
    """What is wrong with a request as such: its size, its form, its pace."""

    code = "request"

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        code: str,
        hint: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code)
        self.status = status
        self.headers = headers or {}


STATUSES: tuple[tuple[type[OmbudError], HTTPStatus], ...] = (
    (InputError, HTTPStatus.BAD_REQUEST),
    (Unauthenticated, HTTPStatus.UNAUTHORIZED),
    (Forbidden, HTTPStatus.FORBIDDEN),
    (NotFound, HTTPStatus.NOT_FOUND),
    (Conflict, HTTPStatus.CONFLICT),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (TamperError, HTTPStatus.INTERNAL_SERVER_ERROR),
)
# For the OpenAPI document: what every question can be answered with.
REFUSALS: dict[int | str, dict[str, Any]] = {
    status.value: {"model": ErrorBody, "description": text}
    for status, text in (
        (HTTPStatus.BAD_REQUEST, "What was given cannot be used."),
        (HTTPStatus.UNAUTHORIZED, "No token, or not one in force."),
        (HTTPStatus.FORBIDDEN, "The token lacks the scope."),
        (HTTPStatus.UNPROCESSABLE_ENTITY, "A parameter is missing or malformed."),
        (HTTPStatus.SERVICE_UNAVAILABLE, "Not now; `Retry-After` says when."),
    )
}


def _status_of(error: OmbudError) -> HTTPStatus:
    if isinstance(error, RequestError):
        return error.status
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return status
    return HTTPStatus.INTERNAL_SERVER_ERROR


def _headers_of(error: OmbudError) -> dict[str, str]:
    if isinstance(error, RequestError):
        return error.headers
    if isinstance(error, Unauthenticated):
        return {"WWW-Authenticate": "Bearer"}  # RFC 9110 §11.6.1, RFC 6750 §3.
    if isinstance(error, Unavailable):
        return {"Retry-After": str(max(1, math.ceil(error.retry_seconds)))}
    return {}


def _body(code: str, message: str, *, origin: str = "", hint: str = "") -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "origin": origin, "hint": hint}}


def answer_to(error: OmbudError) -> Response:
    """Return the answer to an error of Ombud's."""
    status = _status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("%s: %s", error.code, error)
    body = _body(error.code, error.message, origin=error.origin, hint=error.hint)
    return JsonResponse(body, status_code=status, headers=_headers_of(error))


def answer_to_fault() -> Response:
    """Return the answer when the program is at fault: it says nothing of the inside."""
    body = _body("internal", "something is wrong with the server", hint="its log says what")
    return JsonResponse(body, status_code=HTTPStatus.INTERNAL_SERVER_ERROR)


def _ombud_error(_: Request, error: Exception) -> Response:
    return answer_to(error) if isinstance(error, OmbudError) else answer_to_fault()


def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        return answer_to_fault()
    path = request.url.path
    if error.status_code == HTTPStatus.NOT_FOUND:
        body = _body("not_found", f"nothing at `{path}`", hint="`/docs` lists what there is")
    elif error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        body = _body("method", f"`{path}` does not answer `{request.method}`")
    else:
        body = _body("request", str(error.detail).rstrip("."))
    return JsonResponse(body, status_code=error.status_code, headers=error.headers)


def _invalid(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        return answer_to_fault()
    first = error.errors()[0]
    place, name = str(first["loc"][0]), str(first["loc"][-1])
    message = f"`{name}`: {str(first['msg'])[:1].lower()}{str(first['msg'])[1:]}"
    body = _body("parameter", message, origin=f"{place} parameter `{name}`")
    return JsonResponse(body, status_code=HTTPStatus.UNPROCESSABLE_ENTITY)


def add_error_handlers(app: FastAPI) -> None:
    """Make every refusal of the application have the one shape."""
    app.add_exception_handler(OmbudError, _ombud_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
