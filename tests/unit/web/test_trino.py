"""Trino over HTTP: who may ask, which bodies are read, and that no answer opens anything."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import httpx
import orjson
import pytest
from fastapi import FastAPI
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doubles.trino_door import body, table, with_columns
from doubles.trino_home import Services
from ombud.core.errors import Unavailable
from ombud.services.home import HomeServices
from ombud.services.trino_operations import OPERATIONS
from ombud.web.app import create_app
from ombud.web.limits import Limits

NATION = table("tpch.tiny.nation")
PLACES = ("allow", "batch", "rowFilters", "columnMask", "batchColumnMasks")


@pytest.fixture
def services() -> Services:
    """Return services with a door."""
    return Services()


@pytest.fixture
def app(services: Services) -> FastAPI:
    """Return the application, with bounds that tests reach."""
    return create_app(cast("HomeServices", services), limits=Limits(trino_max=20_000))


def post(app: FastAPI, place: str, content: Any, **given: Any) -> httpx.Response:
    """Send one question."""
    headers = {"Content-Type": "application/json; charset=utf-8"}
    token = given.pop("token", "decide")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    headers |= given.pop("headers", {})
    raw = content if isinstance(content, bytes) else orjson.dumps(content)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://ombud") as client:
            path = f"/v1/data/trino/{place}"
            return await client.post(path, content=raw, headers=headers, **given)

    return asyncio.run(send())


def columns(*names: str) -> list[dict[str, Any]]:
    """Return columns of a table as the plugin names them."""
    place = NATION["table"]
    return [{"column": {**place, "columnName": n, "columnType": "bigint"}} for n in names]


def test_the_five_addresses(app: FastAPI) -> None:
    """Each answers what the plugin reads there."""
    tables = body("FilterTables", filterResources=[NATION, table("a.b.c")])
    assert post(app, "batch", tables).json() == {"result": [0]}
    masks = body("GetColumnMask", filterResources=columns("nationkey", "comment"))
    assert post(app, "batchColumnMasks", masks).json() == {
        "result": [{"index": 1, "viewExpression": {"expression": "NULL"}}]
    }
    one = body("GetColumnMask", columns("comment")[0])
    assert post(app, "columnMask", one).json() == {"result": {"expression": "NULL"}}
    filters = post(app, "rowFilters", body("GetRowFilters", NATION)).json()
    assert filters == {"result": [{"expression": '(("regionkey" = 3))'}]}
    select = body("SelectFromColumns", with_columns(NATION, "nationkey"))
    allowed = post(app, "allow", select).json()
    assert allowed["result"] is True
    assert len(allowed["decision_id"]) == 32


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"token": None}, 401),
        ({"token": "wrong"}, 401),
        ({"token": "search"}, 403),
        ({"token": "x" * 300}, 401),
        ({"params": {"access_token": "decide"}}, 400),
        ({"params": {"token": "decide"}, "token": None}, 400),
        ({"params": {"x": "ombud_abc"}}, 400),
        ({"headers": {"Content-Type": "text/plain"}}, 415),
        ({"headers": {"Content-Type": "application/x-ndjson"}}, 415),
    ],
)
def test_who_may_ask(app: FastAPI, place: str, given: dict[str, Any], status: int) -> None:
    """A token of scope `decide`, in its header; whatever is refused tells no secret."""
    answer = post(app, place, body("ExecuteQuery"), **given)
    assert answer.status_code == status
    assert "decide" not in answer.text or status == 403
    assert "ombud_abc" not in answer.text
    assert answer.json()["error"]["code"]


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 400),
        (b"{}", 400),
        (b"[" * 5000, 400),
        (b'{"input":' * 1000 + b"1", 400),
        (b" " * 30_000, 413),
    ],
)
def test_bodies_that_are_refused(app: FastAPI, content: bytes, status: int) -> None:
    """Malformed, deep and large ones."""
    assert post(app, "allow", content).status_code == status


@pytest.mark.parametrize(
    ("place", "asked"),
    [
        ("allow", body("SelectFromColumns", with_columns(NATION, "nationkey"))),
        ("batch", body("FilterTables", filterResources=[NATION])),
        ("rowFilters", body("GetRowFilters", NATION)),
        ("columnMask", body("GetColumnMask", columns("x")[0])),
        ("batchColumnMasks", body("GetColumnMask", filterResources=columns("x"))),
    ],
)
def test_faults_are_errors(app: FastAPI, services: Services, place: str, asked: Any) -> None:
    """Trino fails a query on anything but 200."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(services.door.live, "snapshot", _break)
        assert post(app, place, asked).status_code == 500


def _break() -> Any:
    message = "broken"
    raise RuntimeError(message)


def test_nothing_recorded_nothing_permitted(app: FastAPI, services: Services) -> None:
    """A record that takes nothing makes every read fail."""
    services.door.record.fail = Unavailable("no space is left")
    select = body("SelectFromColumns", with_columns(NATION, "nationkey"))
    assert post(app, "allow", select).status_code == 503


def test_other_documents_are_not_there(app: FastAPI) -> None:
    """OPA answers `{}` for what it does not know, and Trino reads that as no filter."""
    for place in ("", "rowfilters", "allow/", "x", "../trino", "columnMasks"):
        answer = post(app, place, body("GetRowFilters", NATION))
        assert answer.status_code in {404, 405}
        assert "result" not in answer.json()


def test_health(app: FastAPI, services: Services) -> None:
    """As OPA tells it, without a token."""

    async def ask() -> int:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://ombud") as client:
            return (await client.get("/health")).status_code

    assert asyncio.run(ask()) == 200
    services.checks["record"] = False
    assert asyncio.run(ask()) == 503


text = st.text(max_size=12)
scalar = st.none() | st.booleans() | st.integers(-5, 5) | text
name = st.sampled_from(["tpch", "tiny", "nation", "name", "comment", "", "a.b", '"']) | text
table_like = st.fixed_dictionaries(
    {"catalogName": name, "schemaName": name, "tableName": name},
    optional={"columns": st.lists(name, max_size=3) | scalar},
)
resource = st.fixed_dictionaries(
    {},
    optional={
        "table": table_like | scalar,
        "column": st.fixed_dictionaries(
            {
                "catalogName": name,
                "schemaName": name,
                "tableName": name,
                "columnName": name,
                "columnType": st.sampled_from(["varchar", "bigint", "row(a b)"]) | text,
            }
        ),
        "schema": st.fixed_dictionaries({"catalogName": name, "schemaName": name}) | scalar,
        "catalog": st.fixed_dictionaries({"name": name}),
        "function": st.fixed_dictionaries({"functionName": name}),
        "user": st.fixed_dictionaries({"user": name}),
    },
)
action = st.fixed_dictionaries(
    {"operation": st.sampled_from(sorted(OPERATIONS)) | text},
    optional={
        "resource": resource | scalar,
        "filterResources": st.lists(resource, max_size=4) | scalar,
        "targetResource": resource,
    },
)
identity = st.fixed_dictionaries(
    {"user": st.sampled_from(["ana", "eve", "ana+fraud"]) | text},
    optional={
        "groups": st.lists(st.sampled_from(["purpose:fraud", "purpose:x"]) | text) | scalar,
        "extraCredentials": st.dictionaries(st.sampled_from(["purpose", "case"]), name) | scalar,
    },
)
question = st.fixed_dictionaries(
    {
        "context": st.fixed_dictionaries({"identity": identity}, optional={"queryId": scalar}),
        "action": action,
    }
)
bodies = st.fixed_dictionaries({"input": question}) | st.dictionaries(text, scalar) | scalar


FUZZED = create_app(cast("HomeServices", Services()), limits=Limits())


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(content=bodies, place=st.sampled_from(PLACES))
def test_no_body_opens_anything(content: Any, place: str) -> None:
    """200 always carries a result of the right form; null only for a column that may be seen."""
    answer = post(FUZZED, place, orjson.dumps(content))
    if answer.status_code != 200:
        assert answer.status_code in {400, 422}
        assert answer.json()["error"]["message"]
        return
    said = answer.json()
    assert "result" in said
    result = said["result"]
    asked = content["input"]
    is_known = "fraud" in orjson.dumps(asked["context"]["identity"]).decode()
    if place == "allow":
        assert isinstance(result, bool)
        operation = asked["action"]["operation"]
        assert not result or operation in OPERATIONS
    elif place == "batch":
        assert all(isinstance(index, int) for index in result)
    elif place == "rowFilters":
        assert all(one["expression"] for one in result)
        assert result or is_known
    elif place == "columnMask":
        assert (result is None and is_known) or result["expression"]
    else:
        count = len(asked["action"]["filterResources"])
        assert len(result) == count or is_known
        assert len({one["index"] for one in result}) == len(result)
        assert all(one["viewExpression"]["expression"] for one in result)
