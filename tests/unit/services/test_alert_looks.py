"""Alerts as they are asked for: whole, on record, and within what the asker may see."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ombud.app.home import OpenHome, open_here
from ombud.core.errors import Forbidden, InputError, NotFound
from ombud.core.event import Event
from ombud.query.parse import parse_query
from ombud.services.asker import Asker
from ombud.services.record_port import record_events

NOW = 1_795_305_600_000
EVERYTHING = Asker(person="ben", scopes=frozenset({"search"}))
UNIT = Asker(person="cy", scopes=frozenset({"search"}), units=("u1",))


def export(actor: str, unit: str, number: int) -> Event:
    """Return an export of too much, without a reason."""
    return Event(
        time=NOW + number,
        source="archive",
        action="export",
        native_id=f"e-{number}",
        actor_id=actor,
        actor_organisation=unit,
        class_uid=6005,
        activity_id=1,
        resource_dataset="plates",
        rows_returned=9_000,
        justification_text="Request of the coroner",
        raw=b"{}",
    )


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenHome]:
    """Return an open home with an alert about Ana of one unit and one about Eve of another."""
    with open_here(tmp_path_factory.mktemp("alerts") / "home") as one:
        record_events(
            one.appender, [export("ana", "u1", 1), export("eve", "u2", 2), export("ana", "u1", 3)]
        )
        one.catch_up()
        yield one


def looks(opened: OpenHome) -> list[Event]:
    """Return the looks on record, the latest first."""
    opened.catch_up()
    size = opened.appender.head()[0]
    page = opened.index.search(
        parse_query("source:ombud.look"), limit=99, cursor=None, below=size, now_ms=NOW
    )
    return opened.reader.fetch(page.indices)


def alert_of(opened: OpenHome, actor: str) -> str:
    """Return the id of an actor's alert."""
    listed = opened.services.alerts(limit=9, asker=EVERYTHING)
    return next(str(alert["id"]) for alert in listed if alert["actor_id"] == actor)


def test_alert_is_whole(opened: OpenHome) -> None:
    """An alert comes with its events, the fields that matched, and what its rule says."""
    shown = opened.services.alert(
        alert_of(opened, "ana")[:8], asker=EVERYTHING, why="a hint", case="26-1"
    )

    assert shown["alert"]["sentence"] == "9000 rows of plates were exported"
    assert [event["event"]["actor"]["user"]["uid"] for event in shown["events"]] == ["ana", "ana"]
    assert shown["events"][0]["fields"]["rows.returned"] == [9_000]
    assert shown["rule"]["is_same_version"]
    assert shown["rule"]["blind_spots"]
    assert shown["rule"]["response"]
    look = looks(opened)[0]
    assert (look.actor_id, look.operation, look.action) == ("ben", "alert", "read")
    assert (look.justification_text, look.case) == ("a hint", "26-1")
    assert shown["alert"]["id"].startswith(look.resource_id or "?")


def test_look_that_finds_nothing_is_on_record(opened: OpenHome) -> None:
    """Asking for an alert that does not exist is a look as well."""
    with pytest.raises(NotFound, match="zzz"):
        opened.services.alert("zzz", asker=EVERYTHING, why=None, case=None)

    assert looks(opened)[0].resource_id == "zzz"


def test_unit_sees_its_own(opened: OpenHome) -> None:
    """Whoever sees one unit is neither listed nor shown the alerts of another."""
    others = alert_of(opened, "eve")

    listed = opened.services.alerts(limit=9, asker=UNIT)

    assert {alert["actor_id"] for alert in listed} == {"ana"}
    assert opened.services.alert(alert_of(opened, "ana"), asker=UNIT, why=None, case=None)
    with pytest.raises(NotFound):
        opened.services.alert(others, asker=UNIT, why=None, case=None)


@pytest.mark.parametrize(
    ("text", "asker", "found"),
    [
        ("alert.rule:* actor:(ana,eve)", EVERYTHING, ["ana", "eve", "ana"]),
        ("alert.level:(medium,high,critical) actor:eve", EVERYTHING, ["eve"]),
        ("-alert.rule:* actor:(ana,eve)", EVERYTHING, []),
        ("alert.rule:no-such-rule", EVERYTHING, []),
        ("alert.rule:*", UNIT, ["ana", "ana"]),
    ],
)
def test_events_of_alerts_are_searched(
    opened: OpenHome, text: str, asker: Asker, found: list[str]
) -> None:
    """A query asks for the events of alerts, of those alone that the asker may see."""
    page = opened.services.search(text, limit=9, cursor=None, asker=asker, why="w", case="c")

    assert [told.event.actor_id for told in page.events] == found
    listed = opened.services.sessions(text, limit=9, asker=asker, why="w", case="c")
    assert {row["actor_id"] for row in listed} == set(found)


def test_what_may_not_be_asked(opened: OpenHome) -> None:
    """Without the scope nothing is answered, and a reason has its bound."""
    with pytest.raises(Forbidden):
        opened.services.alert("a", asker=Asker("dee", frozenset({"ingest"})), why=None, case=None)
    with pytest.raises(InputError):
        opened.services.alert("a", asker=EVERYTHING, why="x" * 5_000, case=None)
