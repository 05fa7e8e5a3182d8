"""Looks over HTTP: what is asked arrives, who asks and why, and what comes back."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from doubles.web_home import LOOK_UP, Client, Services
from ombud.core.ocsf import event_to_ocsf


def look(client: Client, path: str, **given: Any) -> httpx.Response:
    """Ask as somebody who may search."""
    return client.ask("GET", path, token="tok-search", **given)


def test_search_answers_with_ocsf(client: Client) -> None:
    """A page holds OCSF events and where the next page begins."""
    answer = look(client, "/v1/search?q=action:read")

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {"events": [event_to_ocsf(LOOK_UP)], "next_cursor": "c2"}


def test_search_answers_with_rows(client: Client) -> None:
    """An aggregation has rows instead of events."""
    answer = look(client, "/v1/search", params={"q": "action:read | count by actor"})

    assert answer.json() == {"rows": [{"actor": "ana", "count": 1}], "next_cursor": None}


@pytest.mark.parametrize(
    ("path", "asked", "answered"),
    [
        pytest.param(
            "/v1/sessions?q=a", ("sessions", "a"), {"sessions": [{"id": "s1"}]}, id="sessions"
        ),
        pytest.param("/v1/sessions/s%2F1", ("session", "s/1"), None, id="session"),
        pytest.param(
            "/v1/who/patient/88%2F41",
            ("who", "patient", "88/41"),
            {"subject": {"kind": "patient", "key": "88/41"}, "actors": [{"actor_id": "ana"}]},
            id="who",
        ),
        pytest.param(
            "/v1/alerts?limit=5",
            ("alerts", 5, "tok-search's owner"),
            {"alerts": [{"id": "a1"}]},
            id="alerts",
        ),
        pytest.param(
            "/v1/coverage?since=7d",
            ("coverage", "7d", None),
            {"total": {"events": 8}, "sources": [], "fixes": []},
            id="coverage",
        ),
        pytest.param("/v1/record/head", ("head",), {"size": 8}, id="head"),
    ],
)
def test_question_arrives(
    client: Client, services: Services, path: str, asked: tuple[Any, ...], answered: Any
) -> None:
    """Each path asks its question; ids and keys may hold slashes."""
    answer = look(client, path)

    assert answer.status_code == 200
    assert services.asked[0][: len(asked)] == asked
    if answered is not None:
        assert answer.json() == answered


@pytest.mark.parametrize(
    ("query", "headers", "why", "case"),
    [
        pytest.param("", {}, None, None, id="unsaid"),
        pytest.param("?why=a&case=b", {}, "a", "b", id="in the query"),
        pytest.param("", {"X-Ombud-Why": "a", "X-Ombud-Case": "b"}, "a", "b", id="in headers"),
        pytest.param("?why=a", {"X-Ombud-Why": "a"}, "a", None, id="twice the same"),
        pytest.param("", {"X-Ombud-Why": "Prüfung".encode()}, "Prüfung", None, id="UTF-8"),
        pytest.param("", {"X-Ombud-Why": b"Pr\xfcfung"}, "Prüfung", None, id="Latin-1"),
    ],
)
@pytest.mark.parametrize(
    "path", ["/v1/search", "/v1/sessions", "/v1/sessions/s", "/v1/who/p/1", "/v1/alerts/a1"]
)
def test_reason_arrives(
    client: Client,
    services: Services,
    path: str,
    query: str,
    headers: dict[str, Any],
    why: str | None,
    case: str | None,
) -> None:
    """Every look hands on who asks and why, by either way of saying it."""
    answer = look(client, path + query, headers=headers)
    given = services.asked[0][-1]

    assert answer.status_code == 200
    assert (given["why"], given["case"]) == (why, case)
    assert given["asker"].person == "tok-search's owner"


def test_two_reasons_are_refused(client: Client, services: Services) -> None:
    """A reason that is stated twice and differently is no reason."""
    answer = look(client, "/v1/search?why=a", headers={"X-Ombud-Why": "b"})

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "`why` is stated twice, and differently"
    assert services.asked == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/search",
        "/v1/sessions",
        "/v1/sessions/s",
        "/v1/who/p/1",
        "/v1/alerts",
        "/v1/coverage",
        "/v1/alerts/a1",
        "/v1/record/head",
    ],
)
@pytest.mark.parametrize(
    ("token", "status"),
    [
        pytest.param(None, 401, id="nobody"),
        pytest.param("tok-unknown", 401, id="unknown"),
        pytest.param("tok-ingest", 403, id="a collector"),
        pytest.param("tok-admin", 403, id="an administrator"),
    ],
)
def test_only_searchers_look(
    client: Client, services: Services, path: str, token: str | None, status: int
) -> None:
    """Neither collectors nor administrators see content."""
    answer = client.ask("GET", path, token=token)

    assert answer.status_code == status
    assert services.asked == []


def test_local_claim_in_a_request_is_no_claim(client: Client) -> None:
    """Nobody becomes the owner by saying so: only the server's own word counts."""
    headers = {"X-Forwarded-For": "unix", "Peer-Uid": "0", "Host": "localhost"}

    assert client.ask("GET", "/v1/search?peer_uid=0", headers=headers).status_code == 401
