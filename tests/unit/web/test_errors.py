"""Errors as answers: one shape, the right status, nothing of the inside."""

from __future__ import annotations

import pytest

from doubles.web_home import Client, Services
from ombud.core.errors import (
    Conflict,
    EventError,
    Forbidden,
    InputError,
    NotFound,
    QueryError,
    RuleError,
    TamperError,
    Unauthenticated,
    Unavailable,
)

KEYS = {"code", "message", "origin", "hint"}


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        pytest.param(InputError("x"), 400, "input", id="input"),
        pytest.param(EventError("x"), 400, "event", id="event"),
        pytest.param(RuleError("x"), 400, "rule", id="rule"),
        pytest.param(QueryError("x", column=3), 400, "query", id="query"),
        pytest.param(Unauthenticated("x"), 401, "unauthenticated", id="unauthenticated"),
        pytest.param(Forbidden("x"), 403, "forbidden", id="forbidden"),
        pytest.param(NotFound("x"), 404, "not_found", id="not found"),
        pytest.param(Conflict("x"), 409, "conflict", id="conflict"),
        pytest.param(Unavailable("x"), 503, "unavailable", id="unavailable"),
        pytest.param(TamperError("x"), 500, "tamper", id="tamper"),
        pytest.param(ValueError("a secret"), 500, "internal", id="fault of ours"),
    ],
)
def test_status_of_each_kind(
    client: Client, services: Services, fault: Exception, status: int, code: str
) -> None:
    """Each kind of error has its status; a fault of the program says nothing of itself."""
    services.fault = fault
    answer = client.ask("GET", "/v1/search", token="tok-search")

    assert answer.status_code == status
    assert answer.json().keys() == {"error"}
    assert answer.json()["error"].keys() == KEYS
    assert answer.json()["error"]["code"] == code
    assert "secret" not in answer.text


def test_query_error_has_its_column(client: Client, services: Services) -> None:
    """An error in a query says where, and what was perhaps meant."""
    services.fault = QueryError("unknown field `user`", column=5, hint="did you mean `actor`?")
    answer = client.ask("GET", "/v1/search", token="tok-search")

    assert answer.json() == {
        "error": {
            "code": "query",
            "message": "unknown field `user`",
            "origin": "column 5",
            "hint": "did you mean `actor`?",
        }
    }


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        pytest.param("GET", "/nothing", 404, "not_found", id="unknown path"),
        pytest.param("GET", "/v1/search/", 404, "not_found", id="no redirect"),
        pytest.param("GET", "/redoc", 404, "not_found", id="no foreign script"),
        pytest.param("GET", "/v1/../etc/passwd", 404, "not_found", id="parent"),
        pytest.param("GET", "/v1/events", 405, "method", id="GET of a delivery"),
        pytest.param("PUT", "/v1/search", 405, "method", id="PUT"),
        pytest.param("OPTIONS", "/v1/search", 405, "method", id="OPTIONS: no CORS"),
        pytest.param("TRACE", "/v1/search", 405, "method", id="TRACE"),
        pytest.param("GET", "/v1/search?limit=many", 422, "parameter", id="limit is no number"),
        pytest.param("GET", "/v1/search?limit=0", 422, "parameter", id="limit of nothing"),
    ],
)
def test_what_the_router_refuses(
    client: Client, method: str, path: str, status: int, code: str
) -> None:
    """What never reaches the services has the same shape."""
    answer = client.ask(method, path, token="tok-search")

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.json()["error"].keys() == KEYS
    assert "access-control-allow-origin" not in answer.headers


def test_head_is_refused_like_any_method(client: Client) -> None:
    """HEAD is answered where GET is documented, and nowhere does it do more than GET."""
    answer = client.ask("HEAD", "/v1/search", token="tok-search")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"


def test_unauthenticated_says_how(client: Client) -> None:
    """A client is told which scheme to use (RFC 9110 §11.6.1)."""
    assert client.ask("GET", "/v1/search").headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/v1/search", "/docs"])
def test_headers_of_safety(client: Client, services: Services, path: str) -> None:
    """Every answer, also a refusal or a fault, is safe to open in a browser."""
    services.fault = ValueError("a fault")
    answer = client.ask("GET", path, token="tok-search")

    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_hostile_path_is_only_text(client: Client) -> None:
    """What was sent comes back as JSON, never as markup."""
    answer = client.ask("GET", "/%3Cscript%3Ealert(1)%3C/script%3E")

    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/json"
