"""Directory over HTTP: files in JSON, for administrators; entries for who may search."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from doubles.web_home import Client, Services

PEOPLE = b"person,name\nana,Ana\n"


def post(client: Client, path: str, body: bytes, token: str = "tok-admin") -> httpx.Response:
    """Send a load or a plan."""
    headers = {"Content-Type": "application/json"}
    return client.ask("POST", path, content=body, headers=headers, token=token)


@pytest.mark.parametrize(("path", "status"), [("plan", 200), ("loads", 201)])
def test_files_come_as_base64_or_text(
    client: Client, services: Services, path: str, status: int
) -> None:
    """Bytes of any encoding arrive as they are."""
    content = base64.b64encode("Müller".encode("cp1252")).decode()
    body = (
        f'{{"files":[{{"name":"person.csv","content":"{content}"}},'
        f'{{"name":"u.yaml","text":"unit: []"}}],"encoding":"windows-1252","compared_with":7}}'
    )
    answer = post(client, f"/v1/directory/{path}", body.encode())

    assert answer.status_code == status
    name, wanted, person = services.asked[0]
    assert (name, person) == (f"directory_{path}", "tok-admin's owner")
    assert [one.data for one in wanted.files] == [b"M\xfcller", b"unit: []"]
    assert (wanted.encoding, wanted.compared_with, wanted.force) == ("windows-1252", 7, False)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"", 400, id="nothing"),
        pytest.param(b'{"files":{}}', 400, id="no list"),
        pytest.param(b'{"files":[{"name":"a","content":"!"}]}', 400, id="no base64"),
        pytest.param(b'{"files":[],"forse":true}', 400, id="unknown field"),
        pytest.param(b'{"files":[{"name":"' + b"a" * 3000 + b'"}]}', 413, id="large"),
    ],
)
def test_malformed_load_is_refused(
    client: Client, services: Services, body: bytes, status: int
) -> None:
    """What is no load reaches nobody."""
    assert post(client, "/v1/directory/loads", body).status_code == status
    assert services.asked == []


def test_entry_work_list_and_status(client: Client, services: Services) -> None:
    """Looks carry their reason; ids may hold slashes."""

    def ask(path: str, **query: Any) -> Any:
        return client.ask("GET", path, token="tok-search", params=query).json()

    assert ask("/v1/directory/people/a%2Fb", at=5, why="care", case="C") == {"person": "a/b"}
    assert services.asked[0][2]["at"] == 5
    assert (services.asked[0][2]["why"], services.asked[0][2]["case"]) == ("care", "C")
    assert ask("/v1/directory/unmatched", limit=3) == {"accounts": []}
    assert ask("/v1/directory") == {"load": None}


@pytest.mark.parametrize(
    ("method", "path", "token", "status"),
    [
        ("POST", "/v1/directory/plan", "tok-search", 403),
        ("POST", "/v1/directory/loads", "tok-ingest", 403),
        ("GET", "/v1/directory/people/ana", "tok-ingest", 403),
        ("GET", "/v1/directory/unmatched", None, 401),
        ("GET", "/v1/directory", "tok-ingest", 403),
    ],
)
def test_only_who_may(
    client: Client, services: Services, method: str, path: str, token: str | None, status: int
) -> None:
    """Loading is for administrators, looking for who may search."""
    assert client.ask(method, path, token=token).status_code == status
    assert services.asked == []
