"""Each operation of Trino: what is known, what is done, and what never is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from doubles.trino_door import NOW, POLICY, TRINO, Door, ask, table, with_columns
from ombud.access.attempt import Fulfilment
from ombud.core.errors import Forbidden, InputError, Unavailable
from ombud.services.asker import Asker
from ombud.services.trino_operations import OPERATIONS
from ombud.services.trino_request import parse_request

REPOSITORY = Path(__file__).resolve().parents[3]
NATION = table("tpch.tiny.nation")
PEOPLE = table("memory.default.people")
TARGET = table("hive.a.target")


def catalog(name: str) -> dict[str, Any]:
    """Return a catalog as the plugin names it."""
    return {"catalog": {"name": name}}


def schema(name: str) -> dict[str, Any]:
    """Return a schema as the plugin names it."""
    first, second = name.split(".")
    return {"schema": {"catalogName": first, "schemaName": second}}


def function(name: str) -> dict[str, Any]:
    """Return a function as the plugin names it."""
    first, second, third = name.split(".")
    return {"function": {"catalogName": first, "schemaName": second, "functionName": third}}


def owner(user: str) -> dict[str, Any]:
    """Return the owner of a query as the plugin names them."""
    return {"user": {"user": user, "principal": user, "groups": []}}


def test_all_64_operations_are_mapped(vectors: Path) -> None:
    """The table has each of them, and nothing that is none."""
    named = orjson.loads((vectors / "trino-opa" / "operations.json").read_bytes())
    assert sorted(OPERATIONS) == sorted(named)
    assert len(named) == 64


def test_each_operation_is_explained() -> None:
    """The reference says of every operation what it needs."""
    text = (REPOSITORY / "docs" / "trino.md").read_text(encoding="utf-8")
    assert [operation for operation in OPERATIONS if f"`{operation}`" not in text] == []


def test_published_requests_are_denied_by_default(vectors: Path) -> None:
    """Who has no purpose, and asks of what is not declared, is let do nothing at all."""
    folder = vectors / "trino-opa"
    door = Door()
    for request in orjson.loads((folder / "allow_requests.json").read_bytes()):
        operation = request["input"]["action"]["operation"]
        answer = door.trino.allow(parse_request(orjson.dumps(request)), asker=TRINO)
        assert answer["result"] is False, operation
    for one in orjson.loads((folder / "batch_requests.json").read_bytes()):
        asked = parse_request(orjson.dumps(one["request"]))
        if one["uri"] == "batched":
            assert door.trino.batch(asked, asker=TRINO) == {"result": []}
        else:
            masks = door.trino.batch_column_masks(asked, asker=TRINO)["result"]
            assert [(m["index"], m["viewExpression"]) for m in masks] == [
                (0, {"expression": "NULL"}),
                (1, {"expression": "NULL"}),
            ]
    for one in orjson.loads((folder / "rowfilter_and_mask.json").read_bytes()):
        asked = parse_request(orjson.dumps(one["request"]))
        if one["uri"] == "rowFilters":
            answer = door.trino.row_filters(asked, asker=TRINO)
            assert answer == {"result": [{"expression": "false"}]}
        else:
            answer = door.trino.column_mask(asked, asker=TRINO)
            assert answer == {"result": {"expression": "NULL"}}
        assert answer not in one["fail_open_responses"]


@pytest.mark.parametrize("operation", ["", "DropEverything", "selectfromcolumns", "GetRowFilters"])
def test_unknown_operations_are_denied(operation: str) -> None:
    """Also those of a later Trino, and those that have an address of their own."""
    door = Door()
    assert not door.allow(operation, NATION)
    assert door.batch("DropEverything", [NATION]) == []
    calls = (door.joined()[0].attributes or {})["calls"]
    assert calls == (
        {"GetRowFilters": 1, "unknown": 1} if operation[:3] == "Get" else {"unknown": 2}
    )


@pytest.mark.parametrize(
    ("operation", "resource", "purpose", "result"),
    [
        ("ExecuteQuery", None, "fraud", True),
        ("ExecuteQuery", None, "none", False),
        ("ExecuteQuery", None, None, False),
        ("AccessCatalog", catalog("tpch"), "fraud", True),
        ("AccessCatalog", catalog("memory"), "fraud", True),
        ("AccessCatalog", catalog("memory"), "other", False),
        ("AccessCatalog", catalog("vault"), "fraud", False),
        ("AccessCatalog", catalog("system"), "fraud", True),
        ("AccessCatalog", catalog("system"), None, False),
        ("FilterCatalogs", catalog("vault"), "fraud", False),
        ("ShowSchemas", catalog("tpch"), "fraud", True),
        ("ShowTables", schema("tpch.tiny"), "fraud", True),
        ("ShowTables", schema("tpch.large"), "fraud", False),
        ("ShowFunctions", schema("tpch.tiny"), "fraud", True),
        ("FilterSchemas", schema("vault.hidden"), "fraud", False),
        ("FilterSchemas", schema("tpch.information_schema"), "fraud", True),
        ("FilterSchemas", schema("vault.information_schema"), "fraud", False),
        ("FilterSchemas", schema("system.jdbc"), "fraud", True),
        ("ShowColumns", NATION, "fraud", True),
        ("ShowColumns", NATION, "other", False),
        ("FilterTables", PEOPLE, "fraud", True),
        ("FilterTables", table("memory.default.unknown"), "fraud", False),
        ("FilterTables", table("tpch.information_schema.tables"), "fraud", True),
        ("FilterTables", table("hive.a.stopped"), "fraud", True),  # A checkpoint stands before.
        ("FilterColumns", with_columns(NATION, "name"), "fraud", True),
        ("FilterColumns", with_columns(NATION, "comment"), "fraud", False),
        ("FilterColumns", with_columns(NATION, "name", "comment"), "fraud", False),
        ("ExecuteFunction", function("system.builtin.sequence"), "fraud", True),
        ("ExecuteFunction", function("tpch.system.query"), "fraud", False),
        ("ExecuteFunction", function("system.system.query"), "fraud", False),
        ("FilterFunctions", function("system.builtin.abs"), "fraud", True),
        ("FilterFunctions", function("tpch.system.query"), "fraud", False),
        ("CreateViewWithExecuteFunction", function("tpch.system.query"), "fraud", False),
        ("CreateView", NATION, "fraud", False),
        ("CreateViewWithSelectFromColumns", with_columns(NATION, "name"), "fraud", False),
        ("CreateMaterializedView", NATION, "fraud", False),
        ("ShowCreateTable", NATION, "fraud", False),
        ("ReadSystemInformation", None, "fraud", False),
        ("WriteSystemInformation", None, "fraud", False),
        ("SetSystemSessionProperty", {"systemSessionProperty": {"name": "x"}}, "fraud", False),
        ("InsertIntoTable", TARGET, "fraud", True),
        ("InsertIntoTable", PEOPLE, "fraud", False),
        ("UpdateTableColumns", with_columns(TARGET, "a"), "fraud", True),
        ("DeleteFromTable", TARGET, "fraud", True),
        ("TruncateTable", TARGET, "fraud", True),
        ("DropTable", TARGET, "fraud", True),
        ("CreateTable", TARGET, "fraud", True),
        ("DropTable", PEOPLE, "fraud", False),
        ("SetTableAuthorization", TARGET, "fraud", False),
        ("ExecuteTableProcedure", TARGET, "fraud", False),
        ("CreateSchema", schema("hive.a"), "fraud", False),
        ("CreateCatalog", catalog("hive"), "fraud", False),
        ("ViewQueryOwnedBy", owner("ana"), "fraud", True),
        ("ViewQueryOwnedBy", owner("ana+other"), "fraud", True),
        ("ViewQueryOwnedBy", owner("bob"), "fraud", False),
        ("KillQueryOwnedBy", owner("ana"), None, True),
        ("KillQueryOwnedBy", owner("bob"), "fraud", False),
        ("ImpersonateUser", owner("bob"), "fraud", False),
        ("ImpersonateUser", owner("ana"), "fraud", False),
        ("ImpersonateUser", owner("ana+other"), None, True),  # Nobody else: a purpose is added.
        ("ImpersonateUser", owner("bob+other"), None, False),
    ],
)
def test_operation(
    operation: str, resource: dict[str, Any] | None, purpose: str | None, *, result: bool
) -> None:
    """Each kind of operation, for a purpose that has it in scope and for one that has not."""
    assert Door().allow(operation, resource, purpose=purpose) is result


def test_impersonation_needs_its_setting() -> None:
    """Where a plus is part of a name, `ana+other` is somebody else."""
    door = Door(places=["credentials"])
    assert not door.allow("ImpersonateUser", owner("ana+other"))
    assert not door.allow("ViewQueryOwnedBy", owner("ana+other"))


def test_renaming_needs_both_names() -> None:
    """The new name must be allowed as the old one is."""
    door = Door()
    elsewhere = {"targetResource": table("vault.hidden.table")}
    assert door.allow("RenameTable", TARGET, targetResource=TARGET)
    assert not door.allow("RenameTable", TARGET, **elsewhere)
    assert not door.allow("RenameTable", table("vault.hidden.table"), targetResource=TARGET)


def test_typed_things_and_conditions_on_operations() -> None:
    """A line may name schemas, functions and properties, and one operation of an action."""
    door = Door(
        POLICY.replace(
            "  other:\n",
            """  keeping:
    title: Keep the house
    standing: true
    audience: {actors: ["person:ana"]}
    scope:
      - {name: schemas, type: trino_schema, actions: [configure], resources: [hive.a],
         when: "context.operation == 'CreateSchema'"}
      - {name: run, type: trino_function, actions: [execute], resources: [hive.system.compact]}
      - {name: set, type: trino_session_property, actions: [configure], resources: ["*"]}
  other:
""",
        ).replace(
            "datasets:\n",
            """  trino_schema: {hive.a: {}}
  trino_function: {hive.system.compact: {}}
  trino_session_property: {query_max_run_time: {}, hive.x: {}}
datasets:
""",
        )
    )
    said: dict[str, Any] = {"purpose": "keeping"}
    assert door.allow("CreateSchema", schema("hive.a"), **said)
    assert not door.allow("DropSchema", schema("hive.a"), **said)
    assert door.allow("AccessCatalog", catalog("hive"), purpose="fraud")
    assert door.allow("ExecuteProcedure", function("hive.system.compact"), **said)
    assert door.allow("ExecuteFunction", function("hive.system.compact"), **said)
    assert not door.allow("ExecuteFunction", function("hive.system.query"), **said)
    setting = {"systemSessionProperty": {"name": "query_max_run_time"}}
    assert door.allow("SetSystemSessionProperty", setting, **said)
    own = {"catalogSessionProperty": {"catalogName": "hive", "propertyName": "x"}}
    assert door.allow("SetCatalogSessionProperty", own, **said)


def test_batches_answer_by_index() -> None:
    """What may be known, of many; columns of one table."""
    door = Door()
    assert door.batch("FilterCatalogs", [catalog(c) for c in ("vault", "tpch", "system")]) == [1, 2]
    tables = [NATION, table("tpch.tiny.region"), PEOPLE]
    assert door.batch("FilterTables", tables) == [0, 2]
    columns = with_columns(NATION, "comment", "name", "regionkey", "nationkey")
    assert door.batch("FilterColumns", [columns]) == [1, 3]
    assert door.batch("FilterColumns", [with_columns(table("a.b.c"), "x")]) == []
    assert door.batch("FilterViewQueryOwnedBy", [owner("bob"), owner("ana")]) == [1]
    assert door.batch("FilterSchemas", [schema("tpch.tiny")], purpose=None) == []


@pytest.mark.parametrize(
    ("operation", "resources"),
    [("SelectFromColumns", [NATION]), ("FilterColumns", [NATION, NATION]), ("FilterColumns", [])],
)
def test_batches_of_what_is_not_filtered_are_refused(
    operation: str, resources: list[dict[str, Any]]
) -> None:
    """An index into nothing would be another answer than was asked for."""
    with pytest.raises(InputError):
        Door().batch(operation, resources)
    with pytest.raises(InputError):
        Door().trino.batch(ask("FilterTables"), asker=TRINO)


def test_conflicting_statements_deny_everything() -> None:
    """Even where both purposes would permit it; what touches data is on record."""
    door = Door()
    said: dict[str, Any] = {"groups": ["purpose:other"]}
    assert door.reasons("ExecuteQuery", **said) == ["trino_statements_conflict"]
    select = with_columns(NATION, "name")
    assert door.reasons("SelectFromColumns", select, **said) == ["trino_statements_conflict"]
    assert door.filters(NATION, **said) == ["false"]
    assert door.masks(NATION, {"name": "varchar"}, **said) == {"name": "NULL"}
    assert door.batch("FilterTables", [NATION], **said) == []
    assert door.batch("FilterColumns", [select], **said) == []
    (event,) = door.decisions()
    assert (event.decision_permit, event.actor_id) == (False, "ana")


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_no_operation_without_what_it_is_about(operation: str) -> None:
    """A question that lacks its resource is denied or refused, never allowed."""
    if operation == "ExecuteQuery":
        return  # It is about nothing.
    for resource in (None, {}, {"user": {"user": "bob"}}):
        try:
            assert not Door().allow(operation, resource)
        except InputError:
            continue


def test_only_who_may_ask() -> None:
    """The scope is `decide`, whatever else somebody may do."""
    stranger = Asker(person="x", scopes=frozenset({"search", "admin", "simulate"}))
    door = Door()
    for work in (door.trino.allow, door.trino.batch):
        with pytest.raises(Forbidden):
            work(ask("FilterTables", NATION, filterResources=[NATION]), asker=stranger)
    with pytest.raises(Forbidden):
        door.trino.row_filters(ask("GetRowFilters", NATION), asker=stranger)


def test_checkpoint_is_met_by_its_id() -> None:
    """What was met elsewhere lets a query through; ids come in the credentials."""
    door = Door()
    stopped = table("hive.a.stopped", "a")
    assert "checkpoint:why" in door.reasons("SelectFromColumns", stopped)
    door.met.known["f1"] = Fulfilment(
        id="f1",
        actor_type="person",
        actor_id="ana",
        purpose="fraud",
        checkpoint="why",
        until=NOW + 1000,
    )
    said: dict[str, Any] = {"credentials": {"justification_id": "f0, f1", "case": "24-1"}}
    assert door.select(table("hive.a.stopped"), {"a": "bigint"}, query="q2", **said)
    assert not door.allow("SelectFromColumns", stopped, query="q3", user="bob", **said)
    assert door.decisions()[-2].case == "24-1"


def test_nothing_is_permitted_that_is_not_recorded() -> None:
    """When the record takes nothing, the query fails."""
    door = Door()
    people = table("memory.default.people", "name")
    assert door.masks(PEOPLE, {"name": "varchar"}) == {}
    door.record.fail = Unavailable("no space is left")
    with pytest.raises(Unavailable):
        door.allow("SelectFromColumns", people)
    with pytest.raises(Unavailable):
        door.allow("InsertIntoTable", TARGET)
    door.record.fail = None
    assert door.allow("SelectFromColumns", people)
    assert [event.decision_permit for event in door.decisions()] == [True]
