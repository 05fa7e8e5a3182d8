"""Alerts kept in a real DuckDB: never twice, never half, found again by what people ask."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from ombud.core.errors import InputError, NotFound
from ombud.detect.alerting.alert import Alert, AlertChange, AlertEvent
from ombud.detect.rule import LEVELS
from ombud.query.names import VOCABULARIES
from ombud.query.tree import AnyOf, Equals, Has, Match, Pattern, Prefix
from ombud.query.world import AlertTest
from ombud.store.alerts import AlertStore


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Return a connection to an empty file."""
    with duckdb.connect(str(tmp_path / "index.duckdb")) as opened:
        yield opened


@pytest.fixture
def store(connection: duckdb.DuckDBPyConnection) -> AlertStore:
    """Return an empty store."""
    return AlertStore(connection)


def opened(name: str, index: int, *, actor: str | None = "ana", level: str = "high") -> AlertChange:
    """Return the opening of an alert by one event at time 100 + index."""
    event = AlertEvent(index, 100 + index, {"action": ["export"]})
    alert = Alert(
        id=name * 4,
        rule_id=f"rule-{level}",
        rule_version="v",
        title="T",
        level=level,
        actor=actor,
        group=(("resource.dataset", "plates"),),
        sentence="said",
        opened_at=500,
        first_event=event,
    )
    return AlertChange(alert.id, alert, (event,), 1, event.time, event.time, index)


def grown(name: str, count: int, *indices: int) -> AlertChange:
    """Return the growth of an alert by events at time 100 + index."""
    events = tuple(AlertEvent(index, 100 + index, {}) for index in indices)
    return AlertChange(name * 4, None, events, count, 100, 100 + indices[-1], indices[-1])


def test_alert_opens_and_grows(store: AlertStore) -> None:
    """An alert has what it opened with, and the counts of its last change."""
    store.save([opened("a", 3)], watermark=4)
    store.save([grown("a", 3, 5, 9)], watermark=10)

    assert store.get("aaaa") == {
        "id": "aaaa",
        "rule_id": "rule-high",
        "rule_version": "v",
        "title": "T",
        "level": "high",
        "actor_id": "ana",
        "group": {"resource.dataset": "plates"},
        "sentence": "said",
        "opened_at": 500,
        "first_index": 3,
        "first_time": 100,
        "last_index": 9,
        "last_time": 109,
        "event_count": 3,
        "events": [
            {"index": 3, "time": 103, "fields": {"action": ["export"]}},
            {"index": 5, "time": 105, "fields": {}},
            {"index": 9, "time": 109, "fields": {}},
        ],
    }
    assert store.watermark() == 10


def test_replay_changes_nothing(store: AlertStore) -> None:
    """Changes that come again, from an engine restored to an earlier state, are left out."""
    store.save([opened("a", 3)], watermark=4)
    store.save([grown("a", 3, 5, 9)], watermark=10)
    before = store.get("aaaa")

    store.save([opened("a", 3)], watermark=4)
    store.save([grown("a", 2, 5)], watermark=6)

    assert store.get("aaaa") == before
    assert store.watermark() == 10

    store.save([grown("a", 4, 9, 11)], watermark=12)

    assert store.get("aaaa")["event_count"] == 4
    assert [event["index"] for event in store.get("aaaa")["events"]] == [3, 5, 9, 11]


def test_state_is_kept_until_the_next(store: AlertStore) -> None:
    """The engine's state is what was saved last; a save without one leaves it."""
    assert store.state() is None
    store.save([], watermark=4, state=b"\x00one")
    store.save([opened("a", 5)], watermark=6)

    assert store.state() == b"\x00one"


def test_failure_leaves_all_as_it_was(store: AlertStore) -> None:
    """A save that fails changes neither alerts nor watermark nor state."""
    bad = AlertChange("bbbb", None, (AlertEvent(1, 1 << 70, {}),), 1, 1, 1, 1)

    with pytest.raises(duckdb.Error):
        store.save([opened("a", 3), bad], watermark=4, state=b"x")

    assert store.find() == []
    assert (store.watermark(), store.state()) == (0, None)


def test_survives_the_process(tmp_path: Path) -> None:
    """What was saved is there when the file is opened again."""
    path = str(tmp_path / "kept.duckdb")
    with duckdb.connect(path) as connection:
        AlertStore(connection).save([opened("a", 3)], watermark=4, state=b"x")
    with duckdb.connect(path) as connection:
        again = AlertStore(connection)

        assert (again.watermark(), again.state(), len(again.find())) == (4, b"x", 1)


def test_list_filters_and_pages(store: AlertStore) -> None:
    """Alerts come latest first, by rule, actor, level and time, page by page."""
    store.save(
        [
            opened("a", 1),
            opened("b", 2, level="low"),
            opened("c", 3, actor="ben"),
            opened("d", 3, actor=None, level="critical"),
        ],
        watermark=4,
    )

    def ids(**filters: object) -> str:
        return "".join(alert["id"][0] for alert in store.find(**filters))  # type: ignore[arg-type]

    assert ids() == "cdba"
    assert ids(limit=2) == "cd"
    assert ids(before=(3, "dddd")) == "ba"
    assert ids(before=(3, "cccc"), limit=1) == "d"
    assert ids(actor_id="ana") == "ba"
    assert ids(rule_id="rule-low") == "b"
    assert ids(level_min="high") == "cda"
    assert ids(since=103) == "cd"
    assert store.counts() == {"informational": 0, "low": 1, "medium": 0, "high": 2, "critical": 1}


@pytest.mark.parametrize(
    "filters", [{"limit": 0}, {"limit": 10_001}, {"level_min": "odd"}], ids=str
)
def test_list_refuses(store: AlertStore, filters: dict[str, object]) -> None:
    """A page without a bound and a level that is none are refused."""
    with pytest.raises(InputError):
        store.find(**filters)  # type: ignore[arg-type]


def test_get_by_the_beginning(store: AlertStore) -> None:
    """An id may be cut short as long as it names one alert."""
    store.save([opened("a", 1), opened("ab", 2)], watermark=3)

    assert store.get("aa")["id"] == "aaaa"
    for unclear in ("a", "x", ""):
        with pytest.raises(NotFound):
            store.get(unclear)


def test_clear(store: AlertStore) -> None:
    """Cleared alerts are found again from the start of the record."""
    store.save([opened("a", 1)], watermark=2, state=b"x")
    store.clear()

    assert (store.find(), store.watermark(), store.state()) == ([], 0, None)

    store.save([opened("a", 1)], watermark=2)

    assert len(store.find()) == 1


def test_tables_in_a_schema(connection: duckdb.DuckDBPyConnection) -> None:
    """The tables can stand in a schema of the caller's choice."""
    connection.execute("CREATE SCHEMA watch")
    AlertStore(connection, schema="watch").save([opened("a", 1)], watermark=2)

    assert connection.execute("SELECT count(*) FROM watch.alert").fetchone() == (1,)


def test_events_of_alerts_that_pass_a_test(store: AlertStore) -> None:
    """A query finds the events of alerts by rule, title and level, each alert for itself."""
    store.save([opened("a", 3), opened("b", 7, level="low")], watermark=8)
    store.save([grown("a", 3, 5, 9)], watermark=10)

    def found(test: AlertTest) -> list[list[int]]:
        return sorted(sorted(set(one.indices)) for one in store.events_of(test, after="", limit=9))

    assert found(Match("alert.rule", Equals("rule-high"))) == [[3, 5, 9]]
    assert found(Match("alert.rule", Prefix("rule-"))) == [[3, 5, 9], [7]]
    assert found(Match("alert.level", AnyOf((Equals("low"), Equals("critical"))))) == [[7]]
    assert found(Match("alert.title", Pattern("^T$"))) == [[3, 5, 9], [7]]
    assert found(Has("alert.rule")) == [[3, 5, 9], [7]]
    assert found(Match("alert.rule", Equals("'; DROP TABLE alert; --"))) == []


def test_events_of_alerts_say_whether_they_are_all(store: AlertStore) -> None:
    """An alert that keeps only some of its events says so; pages go on from id to id."""
    store.save([opened("a", 3), opened("b", 7, level="low")], watermark=8)
    store.save([grown("a", 9, 5)], watermark=12)

    (first,) = store.events_of(Has("alert.rule"), after="", limit=1)
    (second,) = store.events_of(Has("alert.rule"), after=first.id, limit=1)
    assert (first.id, first.is_whole) == ("aaaa", False)
    assert (second.indices, second.is_whole) == ([7, 7], True)
    assert store.events_of(Has("alert.rule"), after=second.id, limit=1) == []


def test_levels_of_queries_are_those_of_rules() -> None:
    """What a query may ask for is what an alert may have."""
    assert VOCABULARIES["alert.level"] == set(LEVELS)
