"""Requests of the plugin: every published one is read; what is malformed is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from doubles.trino_door import body
from ombud.core.errors import InputError
from ombud.services.trino_request import NAME_MAX, TEXT_MAX, parse_request


def requests(vectors: Path) -> list[Any]:
    """Return every published request."""
    folder = vectors / "trino-opa"
    plain: list[Any] = orjson.loads((folder / "allow_requests.json").read_bytes())
    rest = [
        *orjson.loads((folder / "batch_requests.json").read_bytes()),
        *orjson.loads((folder / "rowfilter_and_mask.json").read_bytes()),
    ]
    return plain + [one["request"] for one in rest]


def test_published_requests_are_read(vectors: Path) -> None:
    """Nothing that the plugin sends is refused, and nothing of it is lost."""
    for request in requests(vectors):
        asked = parse_request(orjson.dumps(request))
        action = request["input"]["action"]
        assert asked.action.operation == action["operation"]
        assert asked.context.query_id == "20250718_081710_03427_trino"
        assert (asked.action.resource is None) == ("resource" not in action)
        assert len(asked.action.filter_resources or ()) == len(action.get("filterResources", ()))


def test_older_and_newer_versions() -> None:
    """Older ones know no principal, query or properties; newer ones may say more."""
    old = {"input": {"context": {"identity": {"user": "ana"}}, "action": {"operation": "X"}}}
    assert parse_request(orjson.dumps(old)).context.query_id is None
    new = body("SelectFromColumns")
    new["input"]["context"]["identity"]["roles"] = [{"a": 1}]
    new["input"]["later"] = [[[]]]
    assert parse_request(orjson.dumps(new)).context.query_id == "q1"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b'{"input": null}',
        b'{"input": {}}',
        orjson.dumps(body("")["input"]),
        orjson.dumps(body("X", user="")),
        orjson.dumps(body("X", user="u" * (NAME_MAX + 1))),
        orjson.dumps(body("X", query="q" * (NAME_MAX + 1))),
        orjson.dumps(body("X", groups=["g" * (NAME_MAX + 1)])),
        orjson.dumps(body("x" * (NAME_MAX + 1))),
        orjson.dumps(body("X", credentials={"justification": "j" * (TEXT_MAX + 1)})),
        orjson.dumps(body("X", {"table": {"catalogName": "a", "schemaName": "b"}})),
        orjson.dumps(body("X", {"table": "a.b.c"})),
        orjson.dumps(body("X", {"column": {"catalogName": 1}})),
        orjson.dumps(body("X", filterResources={})),
        orjson.dumps(body("X"))[:-1],
        b'{"input":' + b"[" * 100_000,
        b'{"input": {"context": {"identity": {"user": "\\ud800"}}, "action": {"operation": "X"}}}',
        b"\xff",
    ],
)
def test_malformed_requests_are_refused(raw: bytes) -> None:
    """Trino takes a refusal for a failed query."""
    with pytest.raises(InputError):
        parse_request(raw)
