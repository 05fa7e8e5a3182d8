"""Withholding: what is out of an asker's sight is told by no door, not by a word of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ombud.app.home import OpenHome, open_here
from ombud.core.errors import Forbidden, InputError, NotFound
from ombud.core.event import Event
from ombud.core.ocsf import event_to_ocsf
from ombud.services.asker import Asker, local_owner
from ombud.services.directory_wanted import DirectoryWanted, WantedFile
from ombud.services.record_port import record_events
from ombud.services.withholding import WITHHELD, withhold
from ombud.store.control_events import CONTROL, DIRECTORY_ROWS

SEARCH = frozenset({"search"})
FILES = [
    WantedFile("person.csv", text="person,name\neve,Secret Name\n"),
    WantedFile("account.csv", text="account,person\nCy,eve\n"),
    WantedFile("unit.csv", text="unit\npatrol\n"),
    WantedFile("membership.csv", text="person,unit\neve,patrol\n"),
    WantedFile(
        "relation.csv",
        text="person,subject_kind,subject_key,relation\neve,person,SSN-7,ex-partner\n",
    ),
]
CY = Asker(person="Cy", scopes=frozenset({"admin", "search"}))


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenHome]:
    """Return a home with a directory that tells of a relation."""
    home: Path = tmp_path_factory.mktemp("withheld") / "home"
    with open_here(home) as one:
        one.directory.load(DirectoryWanted(FILES, compared_with=0), asker=CY)
        one.catch_up()
        yield one


@pytest.mark.parametrize(
    ("asker", "sees"),
    [
        pytest.param(local_owner(), True, id="owner"),
        pytest.param(CY, True, id="administrator"),
        pytest.param(Asker("ben", SEARCH), False, id="searcher"),
        pytest.param(Asker("ben", SEARCH, systems=("ombud",)), False, id="of this system"),
        pytest.param(Asker("ben", SEARCH, units=("patrol",)), False, id="of their unit"),
        pytest.param(
            Asker("ben", SEARCH | {"admin"}, systems=("ombud",)),
            False,
            id="administrator of a part",
        ),
    ],
)
def test_rows_of_the_directory_are_for_administrators(
    opened: OpenHome, asker: Asker, sees: bool
) -> None:
    """Search and session give the event without its original and say so; nothing tells a row."""
    services = opened.services
    why: dict[str, Any] = {"asker": asker, "why": "w", "case": "c"}
    page = services.search("operation:directory.rows", limit=9, cursor=None, **why)
    (run,) = services.sessions("operation:directory.rows", limit=9, **why)
    events = [one.event for one in (*page.events, *services.session(run["id"], **why))]
    rows = [event for event in events if event.operation == DIRECTORY_ROWS]
    told = str([event_to_ocsf(event) for event in events])

    assert len(rows) == 2
    for row in rows:
        assert (b"ex-partner" in row.raw) is sees
        assert (WITHHELD in (row.flags or ())) is not sees
    assert ("ex-partner" in told or "Secret Name" in told) is sees
    loaded = [event for event in events if event.operation == "directory.loaded"]
    assert all(event.raw for event in loaded)


def test_what_says_nothing_is_withheld() -> None:
    """An act of control that is not known, or whose content was erased, may be anything."""
    asker = Asker("ben", SEARCH)
    for event in (
        Event(time=1, source=CONTROL, action="configure", operation="directory.later", raw=b"x"),
        Event(time=1, source=CONTROL, action="configure", raw=b"x"),
        Event(time=1, source="", action="other", raw=b"x"),
    ):
        (answered,) = withhold([event], asker)
        assert (answered.raw, answered.flags) == (b"", (WITHHELD,))
    erased = Event(time=1, source=CONTROL, action="configure", raw=b"")
    assert withhold([erased], asker) == [erased]
    other = Event(time=1, source="county", action="read", raw=b"x")
    assert withhold([other], asker) == [other]


def test_status_is_not_for_who_sees_a_part(opened: OpenHome) -> None:
    """How many people there are, and who loaded them and why, lies beyond a unit."""
    for asker in (Asker("b", SEARCH, units=("patrol",)), Asker("b", SEARCH, systems=("db",))):
        with pytest.raises(Forbidden, match="limited to units or systems"):
            opened.directory.status(asker=asker)


def test_look_says_which_directory_stood(opened: OpenHome) -> None:
    """The same question is answered otherwise after another load; the look says by which."""

    def look() -> tuple[object, int]:
        services = opened.services
        services.search("actor:Cy", limit=1, cursor=None, asker=CY, why="w", case="c")
        size, _ = opened.appender.head()
        (event,) = opened.reader.fetch([size - 1])
        return (event.attributes or {})["directory"], opened.control.directory.stamp()

    said, stood = look()
    assert said == stood > 0
    opened.directory.load(
        DirectoryWanted([WantedFile("leave.csv", text="person,from,to\n")], compared_with=stood),
        asker=CY,
    )
    later, stands = look()
    assert later == stands > stood


def test_alerts_out_of_sight_are_not_named(home: Path) -> None:
    """A refusal names only what the asker may see: no alert, and not how many events they have."""
    with open_here(home) as one:
        record_events(
            one.appender,
            [
                Event(
                    time=1_795_305_600_000 + number,
                    source="archive",
                    action="export",
                    actor_id="eve",
                    actor_organisation="u2",
                    class_uid=6005,
                    resource_dataset="plates",
                    rows_returned=9_000,
                    justification_text="Request of the coroner",
                    raw=b"%d" % number,
                )
                for number in range(3)
            ],
        )
        one.catch_up()
        (alert,) = one.services.alerts(limit=1, asker=local_owner())
        one._alerts.execute("UPDATE alert SET event_count = 5000")
        limited = Asker("ben", SEARCH, units=("u1",))
        page = one.services.search(
            "alert.rule:*", limit=9, cursor=None, asker=limited, why="w", case="c"
        )
        assert page.events == []
        with pytest.raises(InputError, match=f"alert `{alert['id']}` keeps only some"):
            one.services.search(
                "alert.rule:*", limit=9, cursor=None, asker=local_owner(), why="w", case="c"
            )
        refusals = []
        for asked in (alert["id"], "nothing"):
            with pytest.raises(NotFound) as refused:
                one.services.alert(asked, asker=limited, why=None, case=None)
            refusals.append(str(refused.value).replace(asked, "ID"))
        assert refusals[0] == refusals[1]


def test_requests_are_told_whole() -> None:
    """Who asks for what, who decided and what followed is no secret of the originals."""
    searcher = Asker(person="Eve", scopes=frozenset({"search"}))
    for operation in ("request.voted", "break_glass.decided", "inquiry.opened", "request.refused"):
        event = Event(
            time=1, source="ombud.control", action="approve", operation=operation, raw=b"{}"
        )
        assert withhold([event], searcher) == [event]
