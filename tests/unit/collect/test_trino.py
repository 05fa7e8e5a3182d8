"""Trino: who asked under whose name, what was touched, and how it ended."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ombud.collect.trino import TrinoEvents
from ombud.core.event import Event

DONE = "2026-03-04T08:15:31.123Z"


def parse(**parts: Any) -> Event:
    """Return the event of a completed query with these parts."""
    record = {
        "metadata": {"queryId": "q", "queryState": "FINISHED", **parts.pop("metadata", {})},
        "context": {"user": "ana", "queryType": "SELECT", **parts.pop("context", {})},
        "createTime": "2026-03-04T08:15:30.123Z",
        "endTime": DONE,
        **parts,
    }
    return TrinoEvents().parse(json.dumps(record).encode(), now_ms=1)


@pytest.mark.parametrize(
    ("context", "actor", "behalf", "run_as"),
    [
        pytest.param({}, "ana", None, None, id="user only"),
        pytest.param({"principal": "ana"}, "ana", None, None, id="principal is the user"),
        pytest.param({"principal": "Ana@REALM"}, "ana", None, None, id="Kerberos"),
        pytest.param({"principal": "ana/host@REALM"}, "ana", None, None, id="Kerberos host"),
        pytest.param({"principal": "OU=x, CN=ana"}, "ana", None, None, id="certificate"),
        pytest.param({"principal": "bi"}, "bi", ("ana",), None, id="a program for a user"),
        pytest.param({"originalUser": "ben"}, "ben", None, "ana", id="session authorization"),
        pytest.param(
            {"principal": "bi", "originalUser": "ben"}, "bi", ("ben",), "ana",
            id="a program, a user, another's rights",
        ),
        pytest.param({"user": None, "principal": "bi"}, "bi", None, None, id="principal only"),
        pytest.param({"user": None}, None, None, None, id="nobody"),
    ],
)  # fmt: skip
def test_actors(
    context: dict[str, Any], actor: str | None, behalf: tuple[str, ...] | None, run_as: str | None
) -> None:
    """The one who signed in acted; the user behind a program is the one it acted for."""
    event = parse(context=context)
    found = (event.actor_id, event.on_behalf_of, (event.attributes or {}).get("run_as"))
    assert found == (actor, behalf, run_as)


@pytest.mark.parametrize(
    ("update", "kind", "action"),
    [
        (None, "SELECT", "read"),
        (None, "DESCRIBE", "read"),
        (None, "EXPLAIN", "read"),
        (None, "ANALYZE", "execute"),
        ("INSERT", "INSERT", "write"),
        ("UPDATE", "UPDATE", "write"),
        ("MERGE", "MERGE", "write"),
        ("DELETE", "DELETE", "delete"),
        ("CREATE TABLE", "INSERT", "write"),
        ("CREATE TABLE", "DATA_DEFINITION", "configure"),
        ("REFRESH MATERIALIZED VIEW", "INSERT", "write"),
        ("DROP TABLE", "DATA_DEFINITION", "delete"),
        ("DROP ROLE", "DATA_DEFINITION", "configure"),
        ("TRUNCATE TABLE", "DATA_DEFINITION", "delete"),
        ("GRANT", "DATA_DEFINITION", "grant"),
        ("GRANT ROLE", "DATA_DEFINITION", "grant"),
        ("REVOKE", "DATA_DEFINITION", "revoke"),
        ("DENY", "DATA_DEFINITION", "revoke"),
        ("SET TABLE AUTHORIZATION", "DATA_DEFINITION", "grant"),
        ("ADD COLUMN", "DATA_DEFINITION", "configure"),
        ("RENAME TABLE", "DATA_DEFINITION", "configure"),
        ("COMMENT", "DATA_DEFINITION", "configure"),
        ("SET SESSION", "DATA_DEFINITION", "configure"),
        ("CALL", "DATA_DEFINITION", "execute"),
        ("ALTER TABLE EXECUTE", "ALTER_TABLE_EXECUTE", "execute"),
        ("START TRANSACTION", "DATA_DEFINITION", "other"),
    ],
)
def test_statements(update: str | None, kind: str, action: str) -> None:
    """The update type says what was done, and for what has none the type of the query."""
    event = parse(metadata={"updateType": update}, context={"queryType": kind})
    assert event.action == action
    assert event.flags is None


@pytest.mark.parametrize(
    "columns", [["name", "id"], [{"name": "name"}, {"columnName": "id"}]], ids=["names", "objects"]
)
def test_columns(columns: list[Any]) -> None:
    """Columns are named by older versions and described by newer ones."""
    table = {"catalogName": "hive", "schema": "people", "table": "residents", "columns": columns}
    event = parse(ioMetadata={"inputs": [table]})
    assert event.resource_dataset == "hive.people.residents"
    assert event.columns_projected == ("name", "id")


def test_three_kinds_of_event() -> None:
    """Created, completed and split of one query bear its id and are told apart."""
    created = {"metadata": {"queryId": "q", "query": "select 1"}, "context": {"user": "ana"}}
    split = {"queryId": "q", "stageId": "q.0", "taskId": "q.0.0", "statistics": {}}
    events = [TrinoEvents().parse(json.dumps(raw).encode(), now_ms=1) for raw in (created, split)]
    events.append(parse())

    assert [event.query_id for event in events] == ["q", "q", "q"]
    assert [event.native_id for event in events] == ["q:created", None, "q:completed"]
    assert [event.action for event in events] == ["execute", "other", "read"]
    assert [event.operation for event in events] == ["query.created", "query.split", "SELECT"]


@pytest.mark.parametrize(
    ("name", "outcome"),
    [("PERMISSION_DENIED", "denied"), ("TABLE_NOT_FOUND", "failure"), (None, "failure")],
)
def test_failures(name: str | None, outcome: str) -> None:
    """Missing rights are a refusal, all else is a failure, with code and message."""
    failure = {"errorCode": {"name": name}, "failureMessage": "because"}
    event = parse(failureInfo=failure)
    assert event.outcome == outcome
    assert event.outcome_reason == (f"{name}: because" if name else "because")


def test_states() -> None:
    """Without a failure the state of the query tells."""
    assert parse().outcome == "success"
    assert parse(metadata={"queryState": "RUNNING"}).outcome == "unknown"
    assert parse(metadata={"queryState": None}).outcome is None
