"""Deliveries: what is taken, what is answered, and that a refusal leaves nothing behind."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from typing import Any

import pytest

from doubles.web_home import Client, Services
from ombud.core.errors import Unavailable

TWO = b'{"a":1}\n{"a":2}\n'


def test_answer_says_what_became_of_it(client: Client, services: Services) -> None:
    """The answer has the seven figures and comes after the services have returned."""
    answer = client.deliver(TWO)

    assert answer.status_code == 200
    assert answer.json() == {
        "read": 2,
        "recorded": 2,
        "duplicate": 0,
        "quarantined": 0,
        "first_index": 0,
        "last_index": 1,
        "seconds": 0.25,
    }
    assert services.asked == [("ingest", "county", "tok-ingest's owner")]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param("/v1/sources/aws.cloudtrail/events", "aws.cloudtrail", id="named source"),
        pytest.param("/v1/events", "ocsf", id="OCSF"),
    ],
)
def test_path_names_the_source(client: Client, services: Services, path: str, kind: str) -> None:
    """Each path delivers to one kind of source."""
    client.deliver(TWO, path=path)

    assert services.asked[0][1] == kind


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        pytest.param("application/x-ndjson", TWO, id="NDJSON"),
        pytest.param("application/x-ndjson; charset=UTF-8", TWO, id="with charset"),
        pytest.param("application/x-ndjson", b'{"a":\n\xff\x00not JSON', id="lines of anything"),
        pytest.param("application/x-ndjson", b"", id="nothing"),
        pytest.param("application/json", b' {"Records": [\n {"a": 1}\n]} ', id="one document"),
    ],
)
def test_originals_arrive_byte_for_byte(
    client: Client, services: Services, kind: str, body: bytes
) -> None:
    """A source is given what was sent: which line is no record is the source's to judge."""
    assert client.deliver(body, kind=kind).status_code == 200
    assert services.delivered == [body]


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(gzip.compress(TWO), id="one member"),
        pytest.param(gzip.compress(TWO[:8]) + gzip.compress(TWO[8:]), id="two members"),
    ],
)
def test_gzip_is_expanded(client: Client, services: Services, body: bytes) -> None:
    """A compressed delivery is the same delivery."""
    assert client.deliver(body, Content_Encoding="gzip").status_code == 200
    assert services.delivered == [TWO]


def test_gzip_in_small_pieces(client: Client, services: Services) -> None:
    """How the transport cuts a body does not matter."""
    packed = gzip.compress(TWO) + gzip.compress(TWO)

    async def pieces() -> AsyncIterator[bytes]:
        for position in range(len(packed)):
            yield packed[position : position + 1]

    assert client.deliver(pieces(), Content_Encoding="gzip").status_code == 200
    assert services.delivered == [TWO + TWO]


REFUSALS = [
    pytest.param({"token": None}, 401, "unauthenticated", id="no token"),
    pytest.param({"token": "tok-unknown"}, 401, "unauthenticated", id="unknown token"),
    pytest.param({"token": "x" * 300}, 401, "unauthenticated", id="endless token"),
    pytest.param({"token": "tok-search"}, 403, "forbidden", id="other scope"),
    pytest.param({"kind": "text/plain"}, 415, "media_type", id="content type"),
    pytest.param({"kind": ""}, 415, "media_type", id="no content type"),
    pytest.param({"kind": "application/json; charset=latin-1"}, 415, "media_type", id="charset"),
    pytest.param({"Content_Encoding": "br"}, 415, "media_type", id="content encoding"),
    pytest.param({"Content_Encoding": "gzip, gzip"}, 415, "media_type", id="twice encoded"),
    pytest.param({"Content_Encoding": "gzip"}, 400, "input", id="not gzip"),
    pytest.param({"kind": "application/json"}, 400, "input", id="two documents as one"),
    pytest.param({"kind": "application/json", "body": b""}, 400, "input", id="no document"),
    pytest.param({"kind": "application/json", "body": b'{"a":'}, 400, "input", id="cut short"),
    pytest.param({"kind": "application/json", "body": b"[" * 3000}, 400, "input", id="nesting"),
    pytest.param({"body": b"x" * 4001}, 413, "too_large", id="large"),
    pytest.param({"path": "/v1/sources/no-such/events"}, 404, "not_found", id="unknown source"),
    pytest.param({"path": "/v1/sources/.ssh/events"}, 404, "not_found", id="hidden name"),
    pytest.param({"path": "/v1/sources/%2e%2e/events"}, 404, "not_found", id="parent"),
    pytest.param({"path": "/v1/sources/..%2f..%2fetc/events"}, 404, "not_found", id="traversal"),
    pytest.param({"path": "/v1/sources/a%00b/events"}, 404, "not_found", id="NUL"),
    pytest.param({"path": "/v1/sources/OCSF/events"}, 404, "not_found", id="upper case"),
    pytest.param({"path": f"/v1/sources/{'a' * 65}/events"}, 404, "not_found", id="long name"),
]


@pytest.mark.parametrize(("given", "status", "code"), REFUSALS)
def test_refusal_leaves_nothing_behind(
    client: Client, services: Services, given: dict[str, Any], status: int, code: str
) -> None:
    """Each refusal has its status and its code, and no event has been recorded."""
    answer = client.deliver(given.pop("body", TWO), **given)

    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert services.delivered == []


def test_unavailable_says_when_to_come_back(client: Client, services: Services) -> None:
    """While nothing can be made durable, senders are told to wait, in whole seconds."""
    services.fault = Unavailable("the recorder does not answer", retry_seconds=1.2)
    answer = client.deliver(TWO)

    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "2"
