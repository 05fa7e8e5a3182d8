"""One event for each query, in bounded memory; nothing is recorded twice or lost in silence."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from doubles.trino_door import Door, table, with_columns
from ombud.core.errors import Unavailable
from ombud.services import trino_queries, trino_query

NATION = table("tpch.tiny.nation")
PEOPLE = table("memory.default.people")
COLUMNS = {"nationkey": "bigint", "name": "varchar(25)", "regionkey": "bigint"}


def test_one_event_joins_a_query() -> None:
    """In the order in which Trino 476 was seen to ask, with its repetitions."""
    door = Door()
    said: dict[str, Any] = {"credentials": {"case": "24-1", "justification": "a hint"}}
    door.allow("AccessCatalog", {"catalog": {"name": "tpch"}}, **said)
    door.masks(NATION, COLUMNS, **said)
    assert door.allow("SelectFromColumns", with_columns(NATION, "name"), **said)
    door.filters(NATION, **said)
    for _ in range(3):
        select = with_columns(NATION, "nationkey", "name", "regionkey")
        assert door.allow("SelectFromColumns", select, **said)
    assert door.select(PEOPLE, {"id": "bigint"}, **said)

    (event,) = door.joined()
    assert (event.query_id, event.actor_id, event.purpose) == ("q1", "ana", "fraud")
    assert (event.case, event.justification_text) == ("24-1", "a hint")
    assert (event.action, event.outcome, event.flags) == ("execute", "success", None)
    assert event.observed_by == "trino:test"
    assert event.columns_projected == (
        "memory.default.people.id",
        "tpch.tiny.nation.name",
        "tpch.tiny.nation.nationkey",
    )
    told = event.attributes or {}
    assert told["calls"] == {
        "AccessCatalog": 1,
        "GetColumnMask": 2,
        "GetRowFilters": 2,
        "SelectFromColumns": 5,
    }
    nation = told["tables"]["tpch.tiny.nation"]
    assert nation["filters"] == [['(("regionkey" = 3))']]
    assert nation["masked"] == ["name", "regionkey"]
    recorded = door.decisions()
    assert len(recorded) == 3  # Of five: what was decided the same is not recorded again.
    assert told["decisions"] == [one.decision_id for one in recorded]
    assert {one.query_id for one in recorded} == {"q1"}
    assert door.joined() == [event]


def test_decisions_are_durable_before_they_leave() -> None:
    """The joined event comes seconds later; the decision stood before the answer."""
    door = Door()
    assert door.select(PEOPLE, {"id": "bigint"})
    assert [event.operation for event in door.events] == ["read"]


def test_denied_queries_say_so() -> None:
    """A query is a denied one if anything of it was."""
    door = Door()
    assert not door.select(NATION, {"comment": "varchar"})
    (event,) = door.joined()
    assert (event.outcome, event.decision_permit) == ("denied", False)
    assert event.columns_projected is None
    assert (event.attributes or {})["refused"] == {"SelectFromColumns": 1}


def test_users_do_not_share_a_query() -> None:
    """A view that runs as its owner asks under the same id as another user."""
    door = Door()
    assert door.select(PEOPLE, {"id": "bigint"})
    assert door.select(PEOPLE, {"id": "bigint"}, user="bob")
    events = door.joined()
    assert sorted(event.actor_id or "" for event in events) == ["ana", "bob"]
    assert len({event.native_id for event in events}) == 2


def test_what_comes_after_silence_is_numbered() -> None:
    """A query that asks again after it was recorded gets a second event that says so."""
    door = Door()
    assert door.select(PEOPLE, {"id": "bigint"})
    door.joined()
    door.batch("FilterTables", [PEOPLE])
    first, second = door.joined()
    assert (first.flags, second.flags) == (None, ("trino_query_continued",))
    assert first.native_id != second.native_id


def test_questions_outside_of_queries() -> None:
    """`ExecuteQuery` has no id, and is no query by itself unless it was refused."""
    door = Door()
    door.allow("ExecuteQuery", query=None)
    assert door.joined() == []
    door.allow("ExecuteQuery", query=None, purpose="none")
    (event,) = door.joined()
    assert (event.outcome, event.flags) == ("denied", ("trino_query_id_unknown",))


def test_without_ids_silence_ends_a_query() -> None:
    """Trino before 477 sends none."""
    door = Door()
    assert door.select(PEOPLE, {"id": "bigint"}, query=None)
    door.seconds += 6
    assert door.select(PEOPLE, {"id": "bigint"}, query=None)
    assert [event.flags for event in door.joined()] == [("trino_query_id_unknown",)] * 2


def test_stopping_records_what_is_under_way() -> None:
    """And a second stop nothing more."""
    door = Door()
    assert door.select(PEOPLE, {"id": "bigint"})
    door.queries.close()
    door.queries.close()
    assert [event.query_id for event in door.events if event.source == "ombud.trino"] == ["q1"]
    assert door.queries.pending == 0


def test_a_record_that_fails_is_tried_again() -> None:
    """Nothing is lost, and nothing recorded twice."""
    door = Door()
    assert door.select(PEOPLE, {"id": "bigint"})
    door.record.fail = Unavailable("no space is left")
    with pytest.raises(Unavailable):
        door.joined()
    assert door.queries.pending == 1
    door.record.fail = None
    assert len(door.joined()) == 1
    assert door.queries.pending == 0


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond them the longest silent is recorded early, and then nothing more is taken."""
    monkeypatch.setattr(trino_queries, "QUERIES_MAX", 3)
    door = Door()
    for number in range(5):
        door.batch("FilterTables", [PEOPLE], query=f"q{number}")
    assert door.queries.pending == 5
    door.queries.turn()
    assert [one.query_id for one in door.events] == ["q0", "q1"]
    door.record.fail = Unavailable("no space is left")
    for number in range(2):
        door.batch("FilterTables", [PEOPLE], query=f"r{number}")
    with pytest.raises(Unavailable, match="too many queries"):
        door.batch("FilterTables", [PEOPLE], query="r9")
    door.record.fail = None
    joined = [event.query_id for event in door.joined()]
    assert joined == ["q0", "q1", "q2", "q3", "q4", "r0", "r1"]


def test_bounds_of_one_query(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is left out is said; what is not kept is not permitted by it."""
    monkeypatch.setattr(trino_query, "TABLES_MAX", 1)
    monkeypatch.setattr(trino_query, "COLUMNS_MAX", 2)
    monkeypatch.setattr(trino_query, "MASKED_MAX", 1)
    monkeypatch.setattr(trino_query, "DECISIONS_MAX", 1)
    door = Door()
    assert door.select(table("hive.a.open"), {"a": "bigint", "b": "bigint", "c": "bigint"})
    assert not door.select(NATION, {"name": "varchar(25)"})
    (event,) = door.joined()
    assert event.flags == ("trino_query_cut",)
    told = event.attributes or {}
    assert told["tables"].keys() == {"hive.a.open"}
    assert len(told["decisions"]) == 1


def test_weight_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Queries that keep much are recorded before those that keep little are many."""
    monkeypatch.setattr(trino_queries, "WEIGHT_MAX", 20)
    door = Door()
    for number in range(6):
        said: dict[str, Any] = {"query": f"q{number}"}
        door.select(table("hive.a.open"), {f"c{n}": "bigint" for n in range(10)}, **said)
        door.queries.turn()
    assert len(door.joined()) == 6


def test_many_threads() -> None:
    """Queries under way together are told apart, and each is recorded once."""
    door = Door()
    faults: list[Exception] = []

    def work(number: int) -> None:
        try:
            for step in range(10):
                assert door.select(PEOPLE, {"id": "bigint"}, query=f"q{number}-{step}")
                door.queries.turn()
        except Exception as error:  # noqa: BLE001 -- Told below.
            faults.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len({event.query_id for event in door.joined()}) == len(door.joined()) == 40
