"""Tokens over HTTP: for administrators, and only well-formed wishes."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from doubles.web_home import Client, Services


def create(client: Client, body: bytes, **given: Any) -> httpx.Response:
    """Ask for a token."""
    headers = {"Content-Type": given.pop("kind", "application/json")}
    token = given.pop("token", "tok-admin")
    return client.ask("POST", "/v1/tokens", content=body, headers=headers, token=token)


def test_created_token_is_shown_once(client: Client, services: Services) -> None:
    """The answer to its creation is where a token is seen."""
    answer = create(client, b'{"name":"collector","scopes":["ingest"],"days":30}')

    assert answer.status_code == 201
    assert answer.json() == {"token": "ombud_new", "name": "collector"}
    wanted = services.asked[0][1]
    assert wanted == {
        "name": "collector",
        "scopes": ["ingest"],
        "person": None,
        "units": [],
        "systems": [],
        "days": 30,
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"", 400, id="nothing"),
        pytest.param(b"[]", 400, id="not an object"),
        pytest.param(b'{"name":"a"}', 400, id="no scopes"),
        pytest.param(b'{"name":1,"scopes":[]}', 400, id="name is no text"),
        pytest.param(b'{"name":"a","scopes":[{}]}', 400, id="scope is no text"),
        pytest.param(b'{"name":"a","scopes":[],"hash":"00"}', 400, id="unknown field"),
        pytest.param(b'{"name":"a","scopes":[],"days":0}', 400, id="ends at once"),
        pytest.param(b'{"name":"a","scopes":[],"days":99999999999}', 400, id="never ends"),
        pytest.param(b"[" * 450, 400, id="nesting"),
        pytest.param(b'{"name":"' + b"a" * 600 + b'"}', 413, id="large"),
    ],
)
def test_malformed_wish_is_refused(
    client: Client, services: Services, body: bytes, status: int
) -> None:
    """What is not a wish for a token creates none."""
    assert create(client, body).status_code == status
    assert services.asked == []


def test_lines_are_no_wish(client: Client) -> None:
    """A question is one JSON document."""
    assert create(client, b"{}", kind="application/x-ndjson").status_code == 415


def test_list_and_revoke(client: Client, services: Services) -> None:
    """Tokens are listed and revoked by name."""
    listed = client.ask("GET", "/v1/tokens", token="tok-admin")
    revoked = client.ask("DELETE", "/v1/tokens/a%2Fb", token="tok-admin")

    assert listed.json() == {"tokens": [{"name": "collector"}]}
    assert revoked.json() == {"revoked": "a/b"}
    assert services.asked[1] == ("token_revoke", "a/b", "tok-admin's owner")


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/v1/tokens"), ("GET", "/v1/tokens"), ("DELETE", "/v1/tokens/a")],
)
@pytest.mark.parametrize(
    ("token", "status"), [(None, 401), ("tok-search", 403), ("tok-ingest", 403)]
)
def test_only_administrators(
    client: Client, services: Services, method: str, path: str, token: str | None, status: int
) -> None:
    """Nobody else learns of tokens."""
    assert client.ask(method, path, token=token).status_code == status
    assert services.asked == []
