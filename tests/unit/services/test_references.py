"""Reference data: each load an event with its hash, whole or not at all, and kept beside."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from doubles.desk import ANA, CASES, CY, GOOD, NOW, REFERENCE, Desk, make_cases, open_desk_home
from ombud.access.checkpoint import Answer
from ombud.core.errors import (
    Forbidden,
    InputError,
    NotFound,
    SettingsError,
    TamperError,
    Unavailable,
)
from ombud.services.asker import Asker
from ombud.services.checkpoint_wanted import CheckpointWanted

MORE = "case,opened,closed,unit\nC-1,2026-01-01,,patrol\nC-3,2026-01-01,,records\n"


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    """Return a desk."""
    with open_desk_home(home) as one:
        yield one


def cases(desk: Desk, *names: str) -> dict[str, bool]:
    """Return which cases the loaded table knows."""
    (page,) = desk.desk.references.book(cases=names, people=())
    return {name: name in page.rows for name in names}


def test_load_is_an_event_with_the_hash_of_a_kept_file(desk: Desk, home: Path) -> None:
    """Who has the event can check the file; the event has no row and no path of a secret."""
    told = desk.load_cases()
    event = desk.events()[-1]
    said = event.attributes or {}

    assert event.operation == "reference.loaded"
    assert (said["sha256"], said["rows"], said["as_of"]) == (told["sha256"], 2, NOW)
    assert said["origin"] == "csv cases.csv"
    kept = home / "reference" / "cases" / f"{told['sha256']}.parquet"
    assert hashlib.sha256(kept.read_bytes()).hexdigest() == told["sha256"]
    assert b"patrol" not in event.raw
    assert cases(desk, "C-1", "C-9") == {"C-1": True, "C-9": False}


def test_same_rows_have_the_same_hash(desk: Desk) -> None:
    """In any order; a load of the same is a load, and says that nothing changed."""
    first = desk.load_cases()
    lines = CASES.splitlines()
    again = desk.load_cases("\n".join([lines[0], *reversed(lines[1:])]) + "\n")

    assert (again["sha256"], again["is_unchanged"]) == (first["sha256"], True)
    assert desk.load_cases(MORE)["is_unchanged"] is False
    assert desk.operations() == ["reference.loaded"] * 3
    assert cases(desk, "C-2", "C-3") == {"C-2": False, "C-3": True}


def test_failed_load_leaves_what_stands(desk: Desk) -> None:
    """All faults at once, nothing on record, and the old table with the failure beside it."""
    desk.load_cases()
    desk.declare(cases="case,opened,closed,unit\n,2026-01-01,,\nC-1,soon,,\n")
    desk.now += 1_000
    (told,) = desk.desk.references.load([], asker=CY)["tables"]

    assert (told["is_loaded"], told["fault_count"]) == (False, 2)
    assert told["faults"][0] == "cases:2: `case` is missing"
    assert desk.operations() == ["reference.loaded"]
    assert cases(desk, "C-2") == {"C-2": True}
    (table,) = desk.desk.references.tables(asker=CY)["tables"]
    assert (table["failed_at"], table["load"]["as_of"]) == (NOW + 1_000, NOW)
    assert "2 faults" in table["error"]


def test_one_table_fails_and_the_other_loads(desk: Desk) -> None:
    """Each is its own matter."""
    desk.declare(REFERENCE + REFERENCE.replace("tables:\n", "").replace("cases", "others"))
    told = desk.desk.references.load([], asker=CY)["tables"]

    assert [(one["name"], one["is_loaded"]) for one in told] == [("cases", True), ("others", False)]
    assert "no such file" in told[1]["error"]


def test_check_loads_nothing(desk: Desk) -> None:
    """What would be loaded, and what is wrong with it."""
    desk.declare()
    (told,) = desk.desk.references.check(["cases"], asker=CY)["tables"]

    assert (told["rows"], told["error"]) == (2, None)
    assert desk.operations() == []


def test_who_may(desk: Desk) -> None:
    """Loading is an administrator's; looking at the list is a searcher's, too."""
    desk.declare()
    searcher = Asker(person="x", scopes=frozenset({"search"}))
    for work in (desk.desk.references.load, desk.desk.references.check):
        with pytest.raises(Forbidden):
            work([], asker=searcher)
    assert desk.desk.references.tables(asker=searcher)["tables"]
    with pytest.raises(Forbidden):
        desk.desk.references.tables(asker=ANA)
    with pytest.raises(InputError, match="reason is longer"):
        desk.desk.references.load([], asker=CY, why="x" * 4_001)


def test_what_is_not_declared(desk: Desk) -> None:
    """Said by name; a file with faults is refused as a whole."""
    with pytest.raises(NotFound, match="no reference data is declared"):
        desk.desk.references.load([], asker=CY)
    desk.declare()
    with pytest.raises(NotFound, match="no table `roster`"):
        desk.desk.references.load(["roster"], asker=CY)
    with pytest.raises(NotFound):
        desk.desk.references.loads("cases", asker=CY)
    desk.declare("tables: {cases: {kind: nothing}}")
    with pytest.raises(SettingsError, match="must be one of"):
        desk.desk.references.tables(asker=CY)


def test_refresh_when_due_and_visibly_stale_when_not(desk: Desk, home: Path) -> None:
    """By the minutes declared; what fails is raised for the health of the home, and tried again."""
    desk.declare(f"{REFERENCE}    refresh_minutes: 10\n    fresh_minutes: 60\n")
    references = desk.desk.references
    references.turn(desk.now)
    references.turn(desk.now + 9 * 60_000)
    assert desk.operations() == ["reference.loaded"]
    assert desk.events()[-1].actor_type == "service"
    (home / "cases.csv").unlink()
    desk.now += 10 * 60_000
    with pytest.raises(Unavailable, match="`cases`: cannot read"):
        references.turn(desk.now)
    references.turn(desk.now + 60_000)  # Not at once again.
    desk.now += 51 * 60_000
    (table,) = references.tables(asker=CY)["tables"]
    assert (table["is_fresh"], table["load"]["rows"]) == (False, 2)
    desk.declare(f"{REFERENCE}    refresh_minutes: 10\n    fresh_minutes: 60\n")
    references.turn(desk.now)
    (table,) = references.tables(asker=CY)["tables"]
    assert (table["is_fresh"], table["error"]) == (True, None)


def test_old_loads_go_but_those_that_verdicts_refer_to(desk: Desk) -> None:
    """By count, and never from under a verdict."""
    keep = f"{REFERENCE}justification: {{keep: 1}}\n"
    desk.declare(keep)
    (first,) = desk.desk.references.load([], asker=CY)["tables"]
    wanted = CheckpointWanted(
        purpose="theft", resources=("dataset:plates",), answer=Answer(text=GOOD, case="C-1")
    )
    desk.desk.checkpoints.meet("reason", wanted, asker=ANA)
    hashes = [first["sha256"]]
    for number in range(3):
        desk.declare(keep, CASES + f"C-{number + 10},2026-01-01,,x\n")
        (told,) = desk.desk.references.load([], asker=CY)["tables"]
        hashes.append(told["sha256"])
    loads = desk.desk.references.loads("cases", asker=CY)["loads"]

    assert [one["sha256"] for one in loads] == hashes[::-1]
    assert [one["is_kept"] for one in loads] == [True, False, False, True]


def test_file_that_was_changed_is_not_believed(desk: Desk, home: Path) -> None:
    """Its hash says so; then nothing is known, and the health of verifying is visible."""
    told = desk.load_cases()
    path = home / "reference" / "cases" / f"{told['sha256']}.parquet"
    path.write_bytes(path.read_bytes().replace(b"patrol", b"detect"))
    desk.reopen()

    (page,) = desk.desk.references.book(cases=["C-1"], people=())
    assert (page.is_unreachable, page.as_of) == (True, None)
    with pytest.raises(TamperError, match="does not have the hash"):
        desk.desk.references._store.find("cases", told["sha256"], "case", ["C-1"])
    path.unlink()
    with pytest.raises(Unavailable, match="is not kept here"):
        desk.desk.references._store.find("cases", told["sha256"], "case", ["C-1"])


def test_file_that_is_changed_while_it_is_in_use_is_not_believed(desk: Desk, home: Path) -> None:
    """That it had its hash once says nothing of what is in it now."""
    sha256 = desk.load_cases()["sha256"]
    assert cases(desk, "C-1") == {"C-1": True}
    kept = home / "reference" / "cases" / f"{sha256}.parquet"
    stood = kept.stat()
    kept.write_bytes(bytes(stood.st_size))
    os.utime(kept, ns=(stood.st_atime_ns, stood.st_mtime_ns))

    (page,) = desk.desk.references.book(cases=["C-1"], people=())
    assert page.is_unreachable


def test_what_is_declared_is_on_record_before_anything_is_judged_by_it(
    desk: Desk, home: Path
) -> None:
    """Who points a table at a file of their own is seen to do so; nothing is said twice."""
    desk.load_cases()
    file = home / "reference.yaml"
    (home / "own.csv").write_text(CASES)
    file.write_text(REFERENCE.replace("cases.csv", "own.csv"))
    for _ in range(2):
        desk.desk.references.book(cases=["C-1"], people=())
    desk.reopen()
    desk.desk.references.book(cases=["C-1"], people=())

    said = [one.attributes or {} for one in desk.events() if one.operation == "setting.changed"]
    mine = [one["value"] for one in said if one["name"] == "reference"]
    assert [one["tables"]["cases"] for one in mine] == ["csv cases.csv", "csv own.csv"]
    assert mine[1]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    file.unlink()
    desk.desk.references.book(cases=["C-1"], people=())
    assert desk.opened.control.settings()["reference"] is None


def test_live_question(desk: Desk, home: Path) -> None:
    """The case system itself is asked; where it does not answer, what was loaded stands."""
    desk.declare(
        "tables:\n  cases:\n    kind: case\n    from: sql\n    url: sqlite:///cases.db\n"
        "    table: cases\n    live: true\n    columns: {id: number, closed_at: closed}\n"
    )
    make_cases(home / "cases.db", ("C-1", None))
    references = desk.desk.references
    references.load([], asker=CY)
    make_cases(home / "cases.db", ("C-1", "2026-11-01"), ("C-2", None))
    desk.now += 1_000

    (page,) = references.book(cases=["C-1"], people=(), is_live=True)
    assert (page.rows["C-1"][0][3] is not None, page.as_of) == (True, desk.now)
    assert page.sha256.startswith("live:")
    (page,) = references.book(cases=["C-9"], people=(), is_live=True)
    assert page.rows["C-9"] == []
    (home / "cases.db").unlink()
    (page,) = references.book(cases=["C-1"], people=(), is_live=True)
    assert (page.rows["C-1"][0][3], page.as_of, page.is_unreachable) == (None, NOW, True)
