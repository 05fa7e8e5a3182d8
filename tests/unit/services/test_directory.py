"""Directory: planned, loaded whole or not at all, in the index at once, and each look on record."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from ombud.app.home import OpenHome, open_here
from ombud.bench.directory import made_up
from ombud.core.batch import Batch
from ombud.core.errors import Conflict, Forbidden, InputError, NotFound, Unavailable
from ombud.core.event import Event
from ombud.record.receipt import Receipt
from ombud.services import directory_events
from ombud.services.asker import Asker
from ombud.services.directory_wanted import DirectoryWanted, WantedFile
from ombud.services.record_port import record_events
from ombud.services.verifying import verify

CY = Asker(person="Cy", scopes=frozenset({"admin", "search"}), via="cli")
LOOK: dict[str, Any] = {"asker": CY, "why": "care", "case": "C-1"}
DAY = 86_400_000
PEOPLE = "person,name\nana,Ana Field\nben,Ben\n"
ACCOUNTS = "account,system,person,from\nadm,db,ana,1970-01-02\nadmin,,ben,\n"
UNITS = "unit,parent,time_zone\ncounty,,UTC\npatrol,county,\n"
MEMBERS = "person,unit,role,from,to\nana,patrol,officer,1970-01-01,1970-01-11\n"
HEADS = "unit,supervisor\npatrol,ben\n"


def wanted(files: dict[str, str], **other: Any) -> DirectoryWanted:
    """Return a load of files by kind."""
    named = [WantedFile(f"{kind}.csv", text=text) for kind, text in files.items()]
    return DirectoryWanted(named, **other)


ALL = {
    "person": PEOPLE,
    "account": ACCOUNTS,
    "unit": UNITS,
    "membership": MEMBERS,
    "supervision": HEADS,
}


@pytest.fixture
def opened(home: Path) -> Iterator[OpenHome]:
    """Return a home that is open."""
    with open_here(home) as one:
        yield one


def load(opened: OpenHome, files: dict[str, str], **other: Any) -> dict[str, Any]:
    """Load files over whatever stands."""
    stands = opened.control.directory.stamp()
    return opened.directory.load(wanted(files, **{"compared_with": stands, **other}), asker=CY)


def events(opened: OpenHome) -> list[Event]:
    """Return every event of the record."""
    size, _ = opened.appender.head()
    return [c.event(row) for c in opened.reader.read(0, size) for row in range(c.count)]


def act(opened: OpenHome, *times: int, actor: str = "adm", system: str = "db") -> None:
    """Record acts of an account and bring the index up to them."""
    record_events(
        opened.appender,
        [
            Event(
                time=time, source="county", action="read", actor_id=actor, resource_system=system,
                raw=f"{time} {actor}".encode(),
            )
            for time in times
        ],
    )  # fmt: skip
    opened.catch_up()


def test_plan_changes_nothing_and_is_a_look(opened: OpenHome) -> None:
    """What would change is told and on record; the directory is as it was."""
    plan = opened.directory.plan(wanted(ALL), asker=CY)

    assert (plan["compared_with"], plan["fault_count"], plan["is_empty"]) == (0, 0, False)
    assert plan["kinds"]["person"]["added"] == 2
    assert opened.directory.status(asker=CY)["load"] is None
    look = events(opened)[-1]
    assert (look.source, look.operation, look.actor_id) == ("ombud.look", "directory.plan", "Cy")


def test_load_is_events_and_stands_everywhere(opened: OpenHome, home: Path) -> None:
    """Rows in originals, then one event that says who, why and what; index and record agree."""
    answer = load(opened, ALL, why="first load")
    rows, last = events(opened)[-2:]

    assert (rows.operation, last.operation) == ("directory.rows", "directory.loaded")
    assert b"Ana Field" in rows.raw
    assert "Ana Field" not in str(rows.attributes) + str(last)
    assert last.justification_text == "first load"
    assert (last.attributes or {})["counts"]["person"] == 2
    assert (last.attributes or {})["sha256"] == answer["sha256"]
    assert opened.index.spans_stamp() == answer["load"] == last.id
    status = opened.directory.status(asker=CY)
    assert (status["loaded_by"], status["reason"], status["is_indexed"]) == (
        "Cy",
        "first load",
        True,
    )
    assert status["rows"]["account"] == 2
    report = verify(home, home / "index" / "control.sqlite")
    assert report.ok, report.fault


def test_hash_is_of_the_content_alone(opened: OpenHome) -> None:
    """The same rows in another order and notation have the same hash; others have not."""
    first = load(opened, {"person": PEOPLE})["sha256"]
    again = load(opened, {"person": "name;person\nBen;ben\nAna Field;ana\n"})

    assert again["sha256"] == first
    assert again["kinds"]["person"] == {"added": 0, "changed": 0, "removed": 0, "unchanged": 2}
    assert load(opened, {"person": PEOPLE + "cy,\n"})["sha256"] != first


def test_load_replaces_the_kinds_that_are_given_and_no_others(opened: OpenHome) -> None:
    """People stay when accounts are loaded; accounts that are gone are gone."""
    load(opened, ALL)
    plan = opened.directory.plan(wanted({"account": "account,person\nnew,ben\n"}), asker=CY)
    assert plan["kinds"]["account"]["samples"]["removed"][0]["account"] == "adm"
    load(opened, {"account": "account,person\nnew,ben\n"})

    counts = opened.directory.status(asker=CY)["rows"]
    assert (counts["person"], counts["account"], counts["unit"]) == (2, 1, 2)


def test_what_stays_is_checked_with_what_comes(opened: OpenHome) -> None:
    """A person whom a loaded account names cannot be left out."""
    load(opened, ALL)
    plan = opened.directory.plan(wanted({"person": "person\nben\n"}), asker=CY)

    assert [fault["text"] for fault in plan["faults"]] == [
        "the directory as loaded: account names person `ana`, which is not there",
        "the directory as loaded: membership names person `ana`, which is not there",
    ]


def test_file_with_faults_is_not_loaded(opened: OpenHome) -> None:
    """Nothing is recorded, and the first fault is told; rows that could be read are checked too."""
    size, _ = opened.appender.head()
    files = {"person": "person,name\na,\na,\n", "leave": "person,from,to\na,x,y\n"}
    with pytest.raises(InputError, match=r"leave.csv:2: `from` .*, and 2 more"):
        load(opened, files)

    assert opened.appender.head()[0] == size


def test_load_over_another_directory_is_refused(opened: OpenHome) -> None:
    """Who saw a diff with one directory does not change another; unless they say so."""
    plan = opened.directory.plan(wanted(ALL), asker=CY)
    load(opened, {"person": "person\nsomebody\n"})
    stale = wanted(ALL, compared_with=plan["compared_with"])
    with pytest.raises(Conflict, match="the diff was made with 0"):
        opened.directory.load(stale, asker=CY)
    with pytest.raises(Conflict, match="the diff was made with None"):
        opened.directory.load(wanted(ALL), asker=CY)
    assert (
        opened.directory.load(wanted(ALL, force=True), asker=CY)["kinds"]["person"]["removed"] == 1
    )


def test_two_loads_at_once_are_one_after_the_other(opened: OpenHome) -> None:
    """Of two who saw the same diff one loads and one is refused."""
    base = opened.control.directory.stamp()
    outcomes: list[str] = []

    def one(name: str) -> None:
        try:
            opened.directory.load(
                wanted({"person": f"person\n{name}\n"}, compared_with=base), asker=CY
            )
            outcomes.append("loaded")
        except Conflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=one, args=(name,)) for name in ("ana", "ben")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["loaded", "refused"]
    assert opened.directory.status(asker=CY)["rows"] == {"person": 1}


def test_many_rows_in_many_chunks(opened: OpenHome, home: Path) -> None:
    """Thousands of rows are many events, all of which count, and change by what changed."""
    load(opened, {"unit": UNITS})
    wanted_ = made_up(6_000)
    base = opened.control.directory.stamp()
    first = DirectoryWanted(wanted_.files, compared_with=base)
    answer = opened.directory.load(first, asker=CY)
    chunks = [event for event in events(opened) if event.operation == "directory.rows"]

    assert len(chunks) == 1 + 7  # The two units of before are dropped, too.
    assert sum(opened.directory.status(asker=CY)["rows"].values()) == 6_000
    again = DirectoryWanted(wanted_.files, compared_with=answer["load"])
    kinds = opened.directory.load(again, asker=CY)["kinds"]
    assert sum(kind["added"] + kind["removed"] + kind["changed"] for kind in kinds.values()) == 0
    report = verify(home, home / "index" / "control.sqlite")
    assert report.ok, report.fault


class FailingAfter:
    """An appender that fails after some batches, as a recorder that is lost."""

    def __init__(self, opened: OpenHome, batches: int) -> None:
        self._appender = opened.appender
        self._left = batches

    def append(self, batches: Sequence[Batch]) -> list[Receipt]:
        """Append, as long as it goes well."""
        if self._left == 0:
            raise Unavailable("the recorder is gone")
        self._left -= 1
        return self._appender.append(batches)

    def head(self) -> tuple[int, bytes]:
        """Return the head."""
        return self._appender.head()


@pytest.mark.parametrize("batches", range(3))
def test_load_that_breaks_off_is_nothing(
    opened: OpenHome, home: Path, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    """Wherever it breaks off, the directory is the one before, now, and when made anew."""
    monkeypatch.setattr(directory_events, "CHUNK_ROWS", 1)
    monkeypatch.setattr(directory_events, "APPEND_COUNT", 2)
    load(opened, {"person": "person\nold\n"})
    monkeypatch.setattr(opened.directory, "_appender", FailingAfter(opened, batches))
    with pytest.raises(Unavailable):
        load(opened, {"person": PEOPLE + "cy,\n"})
    opened.follow_index()

    assert opened.directory.status(asker=CY)["rows"] == {"person": 1}
    opened.rebuild(lambda _: None)
    assert opened.directory.show("old", at=0, **LOOK)["person"] == "old"
    report = verify(home, home / "index" / "control.sqlite")
    assert report.ok, report.fault


def test_person_of_an_event_follows_the_load(opened: OpenHome) -> None:
    """Accounts are unknown, then known for the time for which the directory knows them."""
    act(opened, DAY - 1, DAY, 20 * DAY)
    assert opened.directory.unmatched(limit=10, asker=CY)["accounts"][0]["events"] == 3
    load(opened, ALL)
    (left,) = opened.directory.unmatched(limit=10, asker=CY)["accounts"]

    assert (left["account"], left["events"], left["first_at"]) == ("adm", 1, DAY - 1)


def test_directory_is_in_the_index_when_a_home_is_opened(home: Path) -> None:
    """Made anew or left behind by a crash: the index gets the directory that stands."""
    with open_here(home) as opened:
        load(opened, ALL)
        stamp = opened.index.spans_stamp()
        opened.index.set_spans([], stamp=0)  # As if it ended before the index had it.
    with open_here(home) as opened:
        assert opened.index.spans_stamp() == stamp
    with open_here(home, anew=True) as opened:
        assert opened.index.spans_stamp() == stamp
        act(opened, 2 * DAY)
        assert opened.directory.unmatched(limit=1, asker=CY)["accounts"] == []


def test_entry_of_a_person_as_of_an_instant(opened: OpenHome) -> None:
    """Unit, manager, zone and what holds then; who looked is on record, as about that person."""
    load(opened, ALL)
    then = opened.directory.show("ana", at=5 * DAY, **LOOK)
    later = opened.directory.show("ana", at=11 * DAY, **LOOK)

    assert (then["name"], then["unit"], then["units"]) == (
        "Ana Field",
        "patrol",
        ["patrol", "county"],
    )
    assert (then["role"], then["manager"], then["time_zone"]) == ("officer", "ben", "UTC")
    assert [row["holds"] for row in then["accounts"]] == [True]
    assert (later["unit"], later["manager"]) == (None, None)
    assert [row["holds"] for row in later["memberships"]] == [False]
    assert opened.directory.show("ben", at=0, **LOOK)["supervises"][0]["unit"] == "patrol"
    look = events(opened)[-2]
    assert (look.operation, look.subjects) == ("directory.show", (("person", "ana"),))
    assert (look.justification_text, look.case) == ("care", "C-1")


def test_look_at_a_person_needs_a_reason(opened: OpenHome) -> None:
    """As other looks do; and one at nobody is on record, too."""
    with pytest.raises(InputError, match="looking needs a reason"):
        opened.directory.show("ana", at=None, asker=CY, why=None, case="C")
    with pytest.raises(NotFound, match="no person `nobody`"):
        opened.directory.show("nobody", at=None, **LOOK)
    assert events(opened)[-1].subjects == (("person", "nobody"),)


@pytest.mark.parametrize(
    ("asker", "said"),
    [
        (Asker(person="Ana", scopes=frozenset({"search"})), "needs the scope `admin`"),
        (Asker(person="Ana", scopes=frozenset({"admin"}), units=("26",)), "limited to units"),
    ],
)
def test_only_administrators_of_all_load(opened: OpenHome, asker: Asker, said: str) -> None:
    """Who sees a part would see and change people beyond it."""
    for act_ in (opened.directory.plan, opened.directory.load):
        with pytest.raises(Forbidden, match=said):
            act_(wanted(ALL), asker=asker)


def test_bounds_are_held(opened: OpenHome) -> None:
    """Reasons and work lists end somewhere."""
    with pytest.raises(InputError, match="the reason is longer"):
        load(opened, ALL, why="x" * 4_001)
    with pytest.raises(InputError, match="limit `0`"):
        opened.directory.unmatched(limit=0, asker=CY)
