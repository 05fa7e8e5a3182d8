"""Justifications: verified against tables and directory, again each night, and listed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from doubles.desk import ANA, CASES, CY, DAY, GOOD, LOOK, NOW, REFERENCE, Desk, open_desk_home
from ombud.access.checkpoint import Answer
from ombud.core.errors import Forbidden, InputError, NotFound, Unavailable
from ombud.core.event import Event
from ombud.services import justification_report
from ombud.services.asker import Asker
from ombud.services.checkpoint_wanted import CheckpointWanted
from ombud.services.record_port import record_events

PLATE = ("plate", "7ABC123")


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    """Return a desk with a directory."""
    with open_desk_home(home) as one:
        one.load_directory()
        yield one


def meet(
    desk: Desk, case: str | None = "C-1", name: str = "reason", **other: Any
) -> dict[str, Any]:
    """Meet a checkpoint and return what became of it."""
    text = None if name == "number" else f"{GOOD} {len(desk.events())}"
    wanted = CheckpointWanted(
        purpose="theft",
        resources=("dataset:plates",),
        answer=Answer(text=text, case=case),
        **other,
    )
    return desk.desk.checkpoints.meet(name, wanted, asker=ANA)


def codes(answer: dict[str, Any]) -> set[str]:
    """Return the findings by code."""
    return {one["code"] for one in answer["findings"]}


def verdicts(desk: Desk) -> dict[str, str]:
    """Return the verdict of each justification by id."""
    found = desk.desk.justifications.find(since=0, limit=100, **LOOK)
    return {one["id"]: one["verdict"] for one in found["justifications"]}


def test_at_once(desk: Desk) -> None:
    """The unit's open case; one closed; one that is not there; none; no facts."""
    assert meet(desk)["verdict"] == "unverifiable"
    desk.load_cases()

    good = meet(desk)
    assert good["verdict"] == "verified"
    assert codes(good) >= {"case_open", "assigned", "purpose_valid"}
    assert codes(meet(desk, "C-2")) >= {"case_closed"}
    assert codes(meet(desk, "C-9")) >= {"no_such_case"}
    assert codes(meet(desk, None)) >= {"no_case_stated"}


def test_facts_grow_old(desk: Desk) -> None:
    """A day after they were taken they neither verify nor contradict."""
    desk.load_cases()
    desk.now += DAY + 1
    answers = [meet(desk, case) for case in ("C-1", "C-9")]
    assert [one["verdict"] for one in answers] == ["stale", "stale"]


def test_purpose_of_the_day(desk: Desk) -> None:
    """A purpose that is over by then contradicts, whatever the case."""
    desk.load_cases()
    ended = msgspec.structs.replace(desk.policy.purposes[0], until=NOW)
    desk.policy = msgspec.structs.replace(desk.policy, purposes=(ended,))
    assert codes(meet(desk)) >= {"purpose_ended"}


def test_facts_of_the_directory(desk: Desk) -> None:
    """Assignments with their data subjects, leave, roster and relations, as of the act."""
    desk.load_cases(CASES.replace("patrol", ""))
    desk.load_directory(
        assignment=(
            "person,case,subject_kind,subject_key,from,to\n"
            "ana,C-1,plate,7ABC123,2026-01-01,2026-12-01\nben,C-2,plate,X,,\n"
        ),
        relation="person,subject_kind,subject_key,relation\nana,plate,7ABC123,sister\n",
        roster="person,from,to\nana,2026-11-20T08:00Z,2026-11-20T16:00Z\n",
    )
    found = meet(desk, subjects=(PLATE,))
    # The case system says that nobody is assigned, and the directory who is.
    assert codes(found) >= {"assigned", "subject_named", "related", "off_shift"}
    assert found["verdict"] == "verified"
    assert codes(meet(desk, subjects=(("plate", "OTHER"),))) >= {"subject_not_named"}
    desk.now += 10 * DAY
    desk.load_cases(CASES.replace("patrol", ""))
    assert codes(meet(desk)) >= {"not_assigned"}
    assert "off_shift" not in codes(meet(desk))
    desk.load_directory(leave="person,kind,from,to\nana,sick,2026-11-30,2026-12-10\n")
    assert codes(meet(desk)) >= {"on_leave"}


def test_tables_of_assignments_leave_and_relations(desk: Desk, home: Path) -> None:
    """The same facts from the organisation's own tables."""
    (home / "a.csv").write_text("case,who,kind,key\nC-1,ben,plate,7ABC123\n")
    (home / "l.csv").write_text("who,a,b\nana,2026-11-20,2026-11-25\n")
    (home / "r.csv").write_text("who,kind,key,is\nana,plate,7ABC123,neighbour\n")
    desk.declare(
        REFERENCE.replace(", assigned_unit: unit", "")
        + "  assigned: {kind: assignment, from: csv, path: a.csv,"
        " columns: {case: case, person: who, subject_kind: kind, subject_key: key}}\n"
        "  leave: {kind: leave, from: csv, path: l.csv, columns: {person: who, from: a, to: b}}\n"
        "  near: {kind: relation, from: csv, path: r.csv,"
        " columns: {person: who, subject_kind: kind, subject_key: key, relation: is}}\n"
    )
    told = desk.desk.references.load([], asker=CY)["tables"]
    assert all(one["is_loaded"] for one in told), told

    found = meet(desk, subjects=(PLATE,))
    assert codes(found) >= {"not_assigned", "on_leave", "related", "subject_named", "case_open"}
    (row,) = desk.opened.control.checkpoints.since(0, limit=1)
    assert set(row.facts) == {"cases", "assigned", "leave", "near", "directory"}


def test_each_night_only_changes_are_events(desk: Desk) -> None:
    """Against the newest facts: what was not known before, what closed since; once a day."""
    unknown = meet(desk)["id"]
    desk.load_cases()
    good, gone, far = meet(desk)["id"], meet(desk, "C-1")["id"], meet(desk, "C-9")["id"]
    assert verdicts(desk)[far] == "contradicted"
    desk.load_cases(CASES + "C-9,2026-01-01,,patrol\n")
    before = len(desk.operations())
    desk.desk.turn(desk.now)
    desk.desk.turn(desk.now + 60_000)

    assert verdicts(desk) == dict.fromkeys((unknown, good, gone, far), "verified")
    assert desk.operations()[before:] == ["checkpoint.verdict"] * 2
    verdicts_given = [one for one in desk.events() if one.operation == "checkpoint.verdict"]
    event = verdicts_given[-1]
    assert (event.attributes or {})["was"] in {"unverifiable", "contradicted"}
    assert event.justification_verdict == "verified"
    desk.now += DAY
    desk.desk.turn(desk.now)
    assert len(desk.operations()) == before + 2


def test_case_closed_since_ends_what_still_holds(desk: Desk) -> None:
    """Where the checkpoint refuses, a justification whose case closed meanwhile counts no more."""
    desk.load_cases()
    answer = meet(desk, name="number")
    assert answer["verdict"] == "verified"
    desk.now += 60_000
    closed = CASES.replace("C-1,2026-01-01,,", "C-1,2026-01-01,2026-11-22T00:00:30Z,")
    desk.load_cases(closed)
    desk.desk.turn(desk.now)

    (one,) = desk.desk.checkpoints.fulfilments((), "person:ana")
    assert (one.id, one.is_refused) == (answer["id"], True)
    assert verdicts(desk)[answer["id"]] == "stale"


def test_only_the_last_days_are_verified_again(desk: Desk) -> None:
    """What is older keeps the verdict it had."""
    old = meet(desk)["id"]
    desk.now += 31 * DAY
    desk.load_cases()
    assert desk.desk.justifications.reverify(desk.now) == {"verified_again": 0, "changed": 0}
    assert verdicts(desk)[old] == "unverifiable"


def test_standing_work_goes_on_when_a_table_fails(desk: Desk) -> None:
    """The failure is told, and what could be verified was."""
    unknown = meet(desk)["id"]
    desk.load_cases()
    other = REFERENCE.replace("tables:\n", "").replace("cases", "others")
    desk.declare(f"{REFERENCE}{other}    refresh_minutes: 1\n")
    with pytest.raises(Unavailable, match="others"):
        desk.desk.turn(desk.now)
    assert verdicts(desk)[unknown] == "verified"


def test_lists_in_pages_by_verdict_and_actor(desk: Desk) -> None:
    """The latest first, each once; the look is on record."""
    desk.load_cases()
    ids = []
    for case in ("C-1", "C-2", "C-9", None):
        desk.now += 1
        ids.append(meet(desk, case)["id"])
    find = desk.desk.justifications.find
    seen: list[str] = []
    cursor = None
    while True:
        page = find(since=0, limit=3, cursor=cursor, **LOOK)
        seen += [one["id"] for one in page["justifications"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == ids[::-1]
    contradicted = find(since=0, limit=10, verdicts=["contradicted"], **LOOK)["justifications"]
    assert [one["id"] for one in contradicted] == [ids[2], ids[1]]
    assert find(since=0, limit=10, actor="person:ben", **LOOK)["justifications"] == []
    assert find(since=desk.now, limit=10, **LOOK)["justifications"][0]["id"] == ids[-1]
    assert desk.events()[-1].operation == "justification.list"


@pytest.mark.parametrize(
    ("changed", "kind"),
    [
        ({"limit": 0}, InputError),
        ({"limit": 1_001}, InputError),
        ({"verdicts": ["nice"]}, InputError),
        ({"cursor": "nonsense"}, InputError),
        ({"cursor": "9" * 30 + ".x"}, InputError),
        ({"asker": ANA}, Forbidden),
        ({"asker": Asker(person="x", scopes=frozenset({"search"}), units=("patrol",))}, InputError),
        ({"why": None}, InputError),
    ],
)
def test_lists_that_are_refused(desk: Desk, changed: dict[str, Any], kind: type[Exception]) -> None:
    """Beyond a bound, by whom may not, without a reason."""
    with pytest.raises(kind):
        desk.desk.justifications.find(**{"since": 0, "limit": 10, **LOOK, **changed})


def test_own_justification_is_shown_without_more(desk: Desk) -> None:
    """One's own needs no scope of overseers; another's is a look."""
    id_ = meet(desk)["id"]
    show = desk.desk.justifications.show
    before = len(desk.events())

    assert show(id_, asker=ANA, why=None, case=None)["wording"] == "What of reason?"
    assert len(desk.events()) == before
    with pytest.raises(Forbidden):
        show(id_, asker=Asker(person="ben", scopes=frozenset({"request"})), why=None, case=None)
    assert show(id_, **LOOK)["id"] == id_
    assert desk.events()[-1].operation == "justification.show"
    with pytest.raises(NotFound):
        show("nothing", **LOOK)


def imported(desk: Desk, *rows: tuple[str | None, str | None, str]) -> None:
    """Record acts of another platform: case, text and the plate that was searched."""
    record_events(
        desk.opened.appender,
        [
            Event(
                time=NOW - 3_600_000 + number,
                source="county",
                action="search",
                actor_id="ana-adm",
                raw=f"{number}".encode(),
                case=case,
                justification_text=text,
                subjects=(("plate", plate),),
                purpose="theft",
            )
            for number, (case, text, plate) in enumerate(rows)
        ],
    )


def test_report_on_imported_events(desk: Desk) -> None:
    """The same rules for what other platforms logged; nothing is recorded but the look."""
    desk.load_cases()
    imported(
        desk,
        ("C-1", GOOD, "A"),
        ("C-2", f"{GOOD} again", "B"),
        (None, "test", "C"),
        ("C-9", None, "D"),
        (None, None, "E"),
    )
    before = len(desk.events())
    report = desk.desk.report.report(days=30, limit=10, **LOOK)

    assert report["events"] == 4
    assert report["verdicts"] == {
        "verified": 1, "stale": 0, "contradicted": 2, "unverifiable": 1,
    }  # fmt: skip
    assert report["flaws"]["placeholder"] == 1
    assert [one["case"] for one in report["listed"]] == ["C-2", None, "C-9"]
    assert report["listed"][0]["person"] == "ana"
    assert report["listed"][0]["findings"][0] == "case_closed"
    assert [one.operation for one in desk.events()[before:]] == ["justification.verify"]


def test_report_is_bounded_and_within_sight(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that sees a part reports on that; a report too long says so."""
    imported(desk, *(("C-1", GOOD, str(number)) for number in range(5)))
    part = Asker(person="x", scopes=frozenset({"search"}), units=("records",))
    look = {"why": "care", "case": "C-1"}
    report = desk.desk.report.report
    assert report(days=30, limit=10, asker=part, **look)["events"] == 0
    patrol = Asker(person="x", scopes=frozenset({"search"}), units=("patrol",))
    assert report(days=30, limit=10, asker=patrol, **look)["events"] == 5
    for days, limit in ((0, 1), (1, 0), (4_000, 1), (1, 2_000)):
        with pytest.raises(InputError):
            report(days=days, limit=limit, **LOOK)
    monkeypatch.setattr(justification_report, "EVENTS_MAX", 3)
    monkeypatch.setattr(justification_report, "PAGE", 3)
    cut = report(days=30, limit=10, **LOOK)
    assert (cut["is_whole"], cut["events"]) == (False, 3)
