"""Snowflake: the two views apart and joined, as JSON and as CSV."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from doubles.memory_record import MemoryRecord
from ombud.collect.intake import IntakeResult
from ombud.collect.quarantine import Quarantine
from ombud.collect.snowflake import SnowflakeQueryHistory
from ombud.core.event import Event

HEADER = b"QUERY_ID,QUERY_TYPE,QUERY_TEXT,USER_NAME,START_TIME"


def parse(**columns: Any) -> Event:
    """Return the event of a row with these columns."""
    row = {"QUERY_ID": "q", "START_TIME": "2026-03-04 08:15:30.123 Z", **columns}
    return SnowflakeQueryHistory().parse(json.dumps(row).encode(), now_ms=1)


ACTS = {
    "read": "SELECT SHOW DESCRIBE DESCRIBE_QUERY EXPLAIN LIST_FILES",
    "export": "UNLOAD GET_FILES",
    "write": "INSERT UPDATE MERGE COPY PUT_FILES CREATE_TABLE_AS_SELECT MULTI_TABLE_INSERT RESTORE",
    "delete": "DELETE TRUNCATE_TABLE DROP REMOVE_FILES DROP_TABLE",
    "grant": "GRANT CREATE_USER CREATE_ROLE",
    "revoke": "REVOKE DROP_USER DROP_ROLE",
    "share": "CREATE_SHARE ALTER_SHARE DROP_SHARE_X",
    "execute": """CALL EXECUTE_TASK RECLUSTER MULTI_STATEMENT
        REFRESH_DYNAMIC_TABLE_AT_REFRESH_VERSION""",
    "configure": """CREATE CREATE_TABLE CREATE_VIEW ALTER ALTER_TABLE ALTER_TABLE_ADD_COLUMN
        ALTER_SESSION SET UNSET USE RENAME_TABLE CREATE_MASKING_POLICY ALTER_USER COMMENT
        DROP_WAREHOUSE ALTER_NETWORK_POLICY""",
    "other": "BEGIN_TRANSACTION COMMIT ROLLBACK UNKNOWN",
}


@pytest.mark.parametrize(
    ("kind", "action"), [(name, action) for action, names in ACTS.items() for name in names.split()]
)
def test_query_types(kind: str, action: str) -> None:
    """Each documented type of query has its action."""
    event = parse(QUERY_TYPE=kind)
    assert (event.action, event.flags) == (action, None)


def table(name: str, *columns: str, domain: str = "Table") -> dict[str, Any]:
    """Return an object as ACCESS_HISTORY names it."""
    named = [{"columnId": n, "columnName": column} for n, column in enumerate(columns)]
    return {"objectDomain": domain, "objectName": name, "columns": named}


@pytest.mark.parametrize(
    ("columns", "action", "dataset"),
    [
        pytest.param({"BASE_OBJECTS_ACCESSED": [table("A", "X")]}, "read", "A", id="read"),
        pytest.param(
            {"OBJECTS_MODIFIED": [table("B")], "BASE_OBJECTS_ACCESSED": [table("A")]},
            "write", "B", id="write",
        ),
        pytest.param(
            {"OBJECTS_MODIFIED": [table("S", domain="Stage")],
             "BASE_OBJECTS_ACCESSED": [table("A")]},
            "export", "A", id="unload",
        ),
        pytest.param(
            {"OBJECT_MODIFIED_BY_DDL": {"objectDomain": "Table", "objectName": "A",
                                        "operationType": "DROP"}},
            "delete", "A", id="drop",
        ),
        pytest.param(
            {"OBJECT_MODIFIED_BY_DDL": {"objectDomain": "Share", "objectName": "A",
                                        "operationType": "ALTER"}},
            "share", "A", id="share",
        ),
        pytest.param(
            {"OBJECT_MODIFIED_BY_DDL": {"objectDomain": "Table", "objectName": "A",
                                        "operationType": "ALTER"}},
            "configure", "A", id="alter",
        ),
        pytest.param(
            {"DIRECT_OBJECTS_ACCESSED": [table("F", domain="FUNCTION")]}, "read", None,
            id="a function is no dataset",
        ),
    ],
)  # fmt: skip
def test_access_says_what_was_done(
    columns: dict[str, Any], action: str, dataset: str | None
) -> None:
    """A row of ACCESS_HISTORY alone says it by what was accessed."""
    event = parse(**columns)
    assert (event.action, event.resource_dataset) == (action, dataset)
    assert (event.native_id, event.query_id, event.operation) == ("q:access", "q", "ACCESS")


def test_joined_rows_are_one_event() -> None:
    """A row of both views has statement and columns, and the identity of the query."""
    base = [table("A.B.C", "NAME", "SSN"), table("A.B.D", "SSN", "PLATE")]
    event = parse(QUERY_TYPE="SELECT", QUERY_TEXT="select 1", PARENT_QUERY_ID="p",
                  EXECUTION_STATUS="SUCCESS", BASE_OBJECTS_ACCESSED=json.dumps(base))  # fmt: skip
    assert (event.native_id, event.query_id, event.parent_id) == ("q", "q", "p")
    assert event.columns_projected == ("NAME", "SSN", "PLATE")
    assert event.attributes is not None
    assert event.attributes["columns"] == {"A.B.C": ["NAME", "SSN"], "A.B.D": ["SSN", "PLATE"]}


@pytest.mark.parametrize(
    ("columns", "kind"),
    [
        ({"USER_TYPE": "PERSON"}, "person"),
        ({"USER_TYPE": "LEGACY_SERVICE"}, "service"),
        ({"USER_NAME": "SYSTEM"}, "service"),
        ({"USER_NAME": "ANA"}, None),
    ],
)
def test_actor_types(columns: dict[str, str], kind: str | None) -> None:
    """Snowflake knows what its users are, where somebody told it."""
    assert parse(QUERY_TEXT="x", **columns).actor_type == kind


@pytest.mark.parametrize(
    ("columns", "outcome"),
    [
        ({"EXECUTION_STATUS": "SUCCESS"}, "success"),
        ({"EXECUTION_STATUS": "FAIL"}, "failure"),
        ({"EXECUTION_STATUS": "FAIL", "ERROR_CODE": "003001"}, "denied"),
        ({"ERROR_CODE": 2003}, "failure"),
        ({"EXECUTION_STATUS": "INCIDENT"}, "failure"),
        ({}, None),
    ],
)
def test_outcomes(columns: dict[str, Any], outcome: str | None) -> None:
    """Missing privileges are a refusal; an object that may not exist is a failure."""
    assert parse(QUERY_TEXT="x", **columns).outcome == outcome


def test_csv(feed: Callable[..., IntakeResult], sink: MemoryRecord, quarantine: Quarantine) -> None:
    """Each row is an event of its own, read by itself; one with too few values is set aside."""
    good = b'q1,SELECT,"select 1,\n2",ANA,2026-03-04 08:15:30 Z'
    rows = [HEADER, good, b"q2,SELECT", b'q3,DELETE,\xff,"BEN",\\N', b""]
    result = feed(SnowflakeQueryHistory(), b"\n".join(rows), "rows.csv")

    assert (result.recorded, result.quarantined) == (2, 1)
    assert sink.events[0].raw == HEADER + b"\n" + good
    assert [event.query_text for event in sink.events] == ["select 1,\n2", "�"]
    assert [event.actor_id for event in sink.events] == ["ANA", "BEN"]
    assert sink.events[1].flags == ("invalid_utf8", "time_unknown")
    (item,) = quarantine.items()
    assert "2 values under 5 columns" in item.reason
    assert feed(SnowflakeQueryHistory(), b"\n".join(rows), "again.csv").duplicate >= 1
