"""Policies: applied whole or not at all, confirmed by another person, and never half in force."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ombud.app.home import OpenHome, open_here
from ombud.core.batch import Batch
from ombud.core.errors import Conflict, Forbidden, InputError, NotFound, OmbudError, Unavailable
from ombud.core.event import Event
from ombud.record.receipt import Receipt
from ombud.services import policies
from ombud.services.asker import Asker
from ombud.services.directory_wanted import DirectoryWanted, WantedFile
from ombud.services.policy_wanted import PolicyWanted
from ombud.services.second_person import DAY_MS
from ombud.services.verifying import verify
from ombud.store import policy_texts

ADMIN = frozenset({"admin", "simulate"})
ANA = Asker(person="ana", scopes=ADMIN)  # The guardians' unit.
ABE = Asker(person="abe", scopes=ADMIN)  # Of the same unit.
ADA = Asker(person="ada", scopes=ADMIN)  # Of a unit below that.
BEN = Asker(person="ben", scopes=ADMIN)  # Of another unit.
BEA = Asker(person="bea", scopes=frozenset({"request"}))  # The data protection officer.
NOBODY = Asker(person="nobody", scopes=ADMIN)  # Of whom the directory knows nothing.
GONE = "policy, prohibition no-export: is gone"
LOOK: dict[str, Any] = {"why": "care", "case": "C-1"}

PURPOSES = "purposes:\n  thefts: {title: Find thieves}\n"
NO_EXPORT = "prohibitions:\n  no-export: {reason: never, actions: [export]}\n"
SECOND = "second_person: {approvers: {actors: [person:ben, person:bea]}, quorum: 1}\n"
STRICT = {"a.yaml": PURPOSES, "b.yaml": NO_EXPORT}
LOOSE = {"a.yaml": PURPOSES}
STRICTER = {
    "a.yaml": PURPOSES,
    "b.yaml": NO_EXPORT + "  no-share: {reason: never, actions: [share]}\n",
}

DIRECTORY = {
    "person": "person,name\nana,Ana\nabe,Abe\nada,Ada\nben,Ben\nbea,Bea\n",
    "account": "account,system,person\nana-adm,,ana\n",
    "unit": "unit,parent\ncounty,\nguardians,county\nyoung,guardians\nlegal,county\n",
    "membership": "person,unit,role\nana,guardians,officer\nabe,guardians,officer\n"
    "ada,young,officer\nben,legal,lawyer\nbea,legal,dpo\n",
}


@pytest.fixture
def opened(home: Path) -> Iterator[OpenHome]:
    """Return a home that is open and knows who its people are."""
    with open_here(home) as one:
        files = [WantedFile(f"{kind}.csv", text=text) for kind, text in DIRECTORY.items()]
        asker = Asker(person="cy", scopes=ADMIN)
        one.directory.load(DirectoryWanted(files, force=True), asker=asker)
        yield one


def apply(opened: OpenHome, files: dict[str, str], asker: Asker = ANA, **other: Any) -> Any:
    """Apply a policy."""
    return opened.access.policy.policies.apply(PolicyWanted(files, **other), asker=asker)


def in_force(opened: OpenHome) -> str | None:
    """Return the id of the policy in force."""
    row = opened.access.policy.policies.status(asker=ANA)["in_force"]
    return None if row is None else row["id"]


def events(opened: OpenHome) -> list[Event]:
    """Return every event of the record."""
    size, _ = opened.appender.head()
    return [c.event(row) for c in opened.reader.read(0, size) for row in range(c.count)]


def check_record(home: Path) -> None:
    """Check that the tables are what the record says."""
    report = verify(home, home / "index" / "control.sqlite")
    assert report.ok, report.fault


def at_day(opened: OpenHome, monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    """Let it be so many days later."""
    clock = opened.access.policy.policies._clock
    monkeypatch.setattr(
        opened.access.policy.policies, "_clock", lambda: clock() + int(days * DAY_MS)
    )


def test_without_a_policy_there_is_an_empty_one(opened: OpenHome) -> None:
    """Nothing is permitted, and the status says that no policy is in force."""
    status = opened.access.policy.policies.status(asker=ANA)

    assert opened.access.policy.live.policy().purposes == ()
    assert (status["in_force"], status["second_person"]["state"]) == (None, "no_policy")
    with pytest.raises(NotFound, match="no policy is in force"):
        opened.access.policy.policies.show(None, asker=ANA)


def test_first_policy_is_one_persons_visibly(opened: OpenHome, home: Path) -> None:
    """Who, why, what and that nobody confirmed is on record; the texts are its original."""
    answer = apply(opened, STRICT, why="we begin")
    texts, applied = events(opened)[-2:]

    assert (answer["state"], answer["alone"], answer["proposed_by"]) == ("applied", "first", "ana")
    assert (texts.operation, applied.operation) == ("policy.files", "policy.applied")
    assert b"Find thieves" in texts.raw
    assert "Find thieves" not in str(texts.attributes) + str(applied)
    assert (applied.actor_id, applied.justification_text) == ("ana", "we begin")
    assert (
        applied.decision_policy == answer["version"] == opened.access.policy.live.snapshot().version
    )
    assert opened.access.policy.policies.show(None, asker=BEA)["texts"] == STRICT
    check_record(home)


def test_harmless_change_needs_nobody_else(opened: OpenHome) -> None:
    """What lowers no oversight may be one person's, if the policy in force names no second."""
    apply(opened, LOOSE)
    answer = apply(opened, STRICT)

    assert (answer["state"], answer["alone"]) == ("applied", "allowed")
    assert in_force(opened) == answer["id"]
    history = opened.access.policy.policies.history(limit=5, asker=ANA)["versions"]
    assert history[0]["id"] == answer["id"]


def test_what_lowers_oversight_waits_for_a_second_person(opened: OpenHome, home: Path) -> None:
    """It is proposed and not in force, until somebody from another unit says yes."""
    first = apply(opened, STRICT)
    proposal = apply(opened, LOOSE, why="in our way")

    assert (proposal["state"], proposal["is_outside"]) == ("waiting", True)
    assert proposal["lowers"] == [GONE]
    assert in_force(opened) == first["id"]
    assert opened.access.policy.live.policy().prohibitions != ()
    answer = opened.access.policy.policies.confirm(proposal["id"], asker=BEN, why="I looked")
    assert (answer["state"], [one["person"] for one in answer["confirmations"]]) == (
        "applied",
        ["ben"],
    )
    assert in_force(opened) == proposal["id"]
    assert opened.access.policy.live.policy().prohibitions == ()
    assert [event.operation for event in events(opened)[-2:]] == [
        "policy.confirmed",
        "policy.applied",
    ]
    check_record(home)


@pytest.mark.parametrize(
    ("asker", "said"),
    [
        pytest.param(ANA, "whoever proposes", id="the proposer"),
        pytest.param(
            Asker(person="ana-adm", scopes=ADMIN), "whoever proposes", id="their other account"
        ),
        pytest.param(ABE, "of the proposer's unit `guardians`", id="the same unit"),
        pytest.param(ADA, "of the proposer's unit `guardians`", id="a unit below"),
        pytest.param(NOBODY, "`nobody` is, is not known", id="unit unknown"),
        pytest.param(BEA, "needs the scope `admin`", id="nobody who may apply"),
        pytest.param(
            Asker(person="ben", scopes=ADMIN, units=("legal",)), "limited to units", id="limited"
        ),
        pytest.param(
            Asker(person="ben", scopes=frozenset({"search"})), "scope `admin`", id="no scope"
        ),
    ],
)
def test_second_person_must_be_another(opened: OpenHome, asker: Asker, said: str) -> None:
    """Each is refused with the reason, and the old policy stays."""
    first = apply(opened, STRICT)
    proposal = apply(opened, LOOSE)

    with pytest.raises(Forbidden, match=said):
        opened.access.policy.policies.confirm(proposal["id"], asker=asker, why=None)
    assert in_force(opened) == first["id"]


def test_proposer_of_an_unknown_unit_finds_nobody(opened: OpenHome) -> None:
    """That somebody is outside of a unit is said of nobody where the unit is not known."""
    apply(opened, STRICT)
    proposal = apply(opened, LOOSE, asker=NOBODY)

    with pytest.raises(Forbidden, match="of which unit `nobody` is"):
        opened.access.policy.policies.confirm(proposal["id"], asker=BEN, why=None)


def test_policy_says_who_confirms(opened: OpenHome) -> None:
    """Those who are named confirm every change, with no more than their own scope; no others."""
    apply(opened, {**LOOSE, "s.yaml": SECOND})
    proposal = apply(opened, {**STRICT, "s.yaml": SECOND})

    assert (proposal["state"], proposal["is_outside"]) == ("waiting", False)
    with pytest.raises(Forbidden, match="`abe` is not among those"):
        opened.access.policy.policies.confirm(proposal["id"], asker=ABE, why=None)
    assert (
        opened.access.policy.policies.confirm(proposal["id"], asker=BEA, why=None)["state"]
        == "applied"
    )


def test_barred_class_does_not_confirm(opened: OpenHome) -> None:
    """Nor does somebody of whom it cannot be told whether they are of that class."""
    barred = (
        "second_person: {approvers: {types: [person]}, barred: {roles: [dpo], units: [young]}}\n"
    )
    apply(opened, {**LOOSE, "s.yaml": barred})
    proposal = apply(opened, {**STRICT, "s.yaml": barred})

    for asker in (BEA, ADA, NOBODY):
        with pytest.raises(Forbidden, match="of a class that is barred"):
            opened.access.policy.policies.confirm(proposal["id"], asker=asker, why=None)
    assert (
        opened.access.policy.policies.confirm(proposal["id"], asker=ABE, why=None)["state"]
        == "applied"
    )


def test_quorum_is_of_different_people(opened: OpenHome, home: Path) -> None:
    """One person's yes counts once; the last that is needed puts it in force."""
    two = {"s.yaml": "second_person: {approvers: {types: [person]}, quorum: 2}\n"}
    apply(opened, LOOSE | two)
    proposal = apply(opened, STRICT | two)["id"]
    assert (
        opened.access.policy.policies.confirm(proposal, asker=BEN, why=None)["state"] == "waiting"
    )
    with pytest.raises(Conflict, match="`ben` has confirmed it already"):
        opened.access.policy.policies.confirm(proposal, asker=BEN, why=None)

    assert in_force(opened) != proposal
    assert (
        opened.access.policy.policies.confirm(proposal, asker=ABE, why=None)["state"] == "applied"
    )
    check_record(home)


@pytest.mark.parametrize("name", ["ana", "ana-adm", "Ana", "ANA-ADM"])
def test_another_account_is_no_other_person(opened: OpenHome, name: str) -> None:
    """Neither for who proposed, nor for who said yes before."""
    two = {"s.yaml": "second_person: {approvers: {types: [person]}, quorum: 2}\n"}
    apply(opened, LOOSE | two)
    again = Asker(person=name, scopes=ADMIN)
    own = apply(opened, STRICT | two)["id"]
    with pytest.raises(Forbidden, match="whoever proposes"):
        opened.access.policy.policies.confirm(own, asker=again, why=None)
    other = apply(opened, STRICTER | two, asker=BEN)["id"]
    opened.access.policy.policies.confirm(other, asker=ANA, why=None)
    with pytest.raises(Conflict, match="has confirmed it already"):
        opened.access.policy.policies.confirm(other, asker=again, why=None)


@pytest.mark.parametrize(
    ("second", "message"),
    [
        ("{approvers: {when: actor.unit == 'guardians'}}", "not among those who confirm"),
        ("{approvers: {types: [person]}, barred: {actors: [person:BEN]}}", "barred"),
    ],
)
def test_a_condition_and_a_bar_count_by_themselves(
    opened: OpenHome, second: str, message: str
) -> None:
    """Approvers who are named by a condition alone are not everybody; a name is who it means."""
    files = {"s.yaml": f"attributes: {{actor: {{unit: string}}}}\nsecond_person: {second}\n"}
    apply(opened, LOOSE | files)
    proposal = apply(opened, STRICT | files)["id"]

    with pytest.raises(Forbidden, match=message):
        opened.access.policy.policies.confirm(proposal, asker=BEN, why=None)
    assert (
        opened.access.policy.policies.confirm(proposal, asker=ABE, why=None)["state"] == "applied"
    )


def test_refused_proposal_is_over(opened: OpenHome, home: Path) -> None:
    """With a reason, by who could have confirmed it or by who made it."""
    apply(opened, STRICT)
    one, other = apply(opened, LOOSE)["id"], None
    with pytest.raises(InputError, match="needs a reason"):
        opened.access.policy.policies.refuse(one, asker=BEN, why=" ")
    with pytest.raises(Forbidden, match="proposer's unit"):
        opened.access.policy.policies.refuse(one, asker=ABE, why="no")
    refused = opened.access.policy.policies.refuse(one, asker=BEN, why="not like this")
    other = apply(opened, LOOSE)["id"]
    opened.access.policy.policies.refuse(other, asker=ANA, why="a mistake")

    assert (refused["state"], refused["ended_by"], refused["ended_reason"]) == (
        "refused",
        "ben",
        "not like this",
    )
    for proposal in (one, other):
        with pytest.raises(Conflict, match="is refused already"):
            opened.access.policy.policies.confirm(proposal, asker=BEN, why=None)
    ended = opened.access.policy.policies.proposals(limit=9, ended=True, asker=BEA)["proposals"]
    assert [row["state"] for row in ended] == ["refused", "refused"]
    assert (
        opened.access.policy.policies.proposals(limit=9, ended=False, asker=BEA)["proposals"] == []
    )
    check_record(home)


def test_proposal_is_overtaken_by_another_policy(opened: OpenHome) -> None:
    """What was compared with one policy is not applied over another."""
    apply(opened, STRICT)
    proposal = apply(opened, LOOSE)
    apply(opened, STRICTER)

    assert opened.access.policy.policies.proposals(limit=9, ended=False, asker=ANA)["proposals"][0][
        "state"
    ] == ("overtaken")
    with pytest.raises(Conflict, match="another policy has been applied since"):
        opened.access.policy.policies.confirm(proposal["id"], asker=BEN, why=None)


def test_old_proposal_is_made_anew(opened: OpenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a month it cannot be confirmed any more."""
    apply(opened, STRICT)
    proposal = apply(opened, LOOSE)
    at_day(opened, monkeypatch, 30)

    with pytest.raises(Conflict, match="older than 30 days"):
        opened.access.policy.policies.confirm(proposal["id"], asker=BEN, why=None)
    assert opened.access.policy.policies.proposals(limit=9, ended=False, asker=ANA)["proposals"][0][
        "state"
    ] == ("expired")


def test_running_without_a_second_person_ends(
    opened: OpenHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the date one person may do anything, visibly; after it nothing; none moves the date."""
    soon = lone(opened, 10)
    apply(opened, {**STRICT, "l.yaml": soon})
    standing = opened.access.policy.policies.status(asker=ANA)["second_person"]
    assert (standing["state"], standing["is_missing"]) == ("lone", True)
    alone = apply(opened, {**LOOSE, "l.yaml": soon})
    assert (alone["state"], alone["alone"], alone["lowers"]) == (
        "applied",
        "lone",
        [GONE],
    )
    longer = apply(opened, {**LOOSE, "l.yaml": lone(opened, 60)})
    assert (longer["state"], longer["lowers"]) == (
        "waiting",
        ["policy: may now be changed by one person"],
    )
    never = apply(opened, STRICT)
    assert (never["state"], never["lowers"]) == (
        "waiting",
        ["policy: nobody need confirm what lowers no oversight, for good"],
    )

    at_day(opened, monkeypatch, 11)
    assert opened.access.policy.policies.status(asker=ANA)["second_person"]["state"] == "lone_ended"
    assert apply(opened, {**STRICT, "l.yaml": soon})["state"] == "waiting"


def lone(opened: OpenHome, days: int) -> str:
    """Return a file by which one person may change the policy for so many days."""
    until = (opened.access.policy.policies._clock() // DAY_MS + days) * DAY_MS
    return f"lone_until: {datetime.fromtimestamp(until / 1000, UTC).date()}\n"


def test_nobody_is_alone_for_long(opened: OpenHome) -> None:
    """A date too far away is refused, also for the first policy."""
    with pytest.raises(InputError, match="more than 92 days away"):
        apply(opened, {**STRICT, "l.yaml": lone(opened, 94)})


def test_policy_with_faults_changes_nothing(opened: OpenHome) -> None:
    """The first fault is named, and nothing is recorded."""
    size, _ = opened.appender.head()
    wrong = {"a.yaml": "purposes: {thefts: {title: x, scop: []}}\n"}
    with pytest.raises(InputError, match=r"a\.yaml"):
        apply(opened, wrong)

    assert opened.access.policy.policies.check(wrong, asker=ANA)["version"] is None
    assert opened.access.policy.policies.check(wrong, asker=ANA)["faults"][0]["file"] == "a.yaml"
    assert opened.access.policy.policies.check(STRICT, asker=ANA)["faults"] == []
    assert opened.appender.head()[0] == size


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({}, "at least one file"),
        ({f"{n}.yaml": "" for n in range(501)}, "at most 500 files"),
        ({"a.yaml": "#" * (17 << 20)}, "at most 16777216 bytes"),
        ({"a\n.yaml": ""}, "a file's name has"),
        ({"a.yaml": "\ud800"}, "is not text"),
    ],
    ids=["none", "many", "large", "name", "surrogate"],
)
def test_hostile_sizes_are_refused(opened: OpenHome, files: dict[str, str], said: str) -> None:
    """Before anything is parsed, and by every way in."""
    for use in (
        lambda: apply(opened, files),
        lambda: opened.access.policy.policies.check(files, asker=ANA),
        lambda: opened.access.policy.policies.diff(PolicyWanted(files, **LOOK), asker=ANA),
    ):
        with pytest.raises(InputError, match=said):
            use()


def test_same_policy_is_not_applied_twice(opened: OpenHome) -> None:
    """Nor proposed twice; going back to an earlier one is a change like any other."""
    apply(opened, LOOSE)
    with pytest.raises(Conflict, match="in force already"):
        apply(opened, LOOSE)
    apply(opened, STRICT)
    proposal = apply(opened, LOOSE)
    with pytest.raises(Conflict, match=f"proposed already, as `{proposal['id']}`"):
        apply(opened, LOOSE)


def test_diff_that_was_shown_is_the_one_applied(opened: OpenHome) -> None:
    """Who saw a diff with one policy does not change another; and a diff is a look."""
    diff = opened.access.policy.policies.diff(PolicyWanted(STRICT, **LOOK), asker=ANA)
    look = events(opened)[-1]
    apply(opened, LOOSE)

    assert (diff["compared_with"], diff["alone"]) == (0, "first")
    assert (look.operation, look.actor_id) == ("policy.diff", "ana")
    with pytest.raises(Conflict, match="the diff was made with 0"):
        apply(opened, STRICT, compared_with=0)


def test_two_at_once_are_one_after_the_other(opened: OpenHome, home: Path) -> None:
    """Of two who saw the same diff one applies and one is refused."""
    apply(opened, LOOSE)
    base = opened.control.policies.stamp()
    outcomes: list[str] = []

    def one(files: dict[str, str]) -> None:
        try:
            apply(opened, files, compared_with=base)
            outcomes.append("applied")
        except Conflict:
            outcomes.append("refused")

    threads = [threading.Thread(target=one, args=(files,)) for files in (STRICT, STRICTER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(outcomes) == ["applied", "refused"]
    check_record(home)


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
def test_apply_that_breaks_off_is_nothing(
    opened: OpenHome, home: Path, monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    """Wherever it breaks off, the policy before is in force, now and when made anew."""
    first = apply(opened, STRICT)
    monkeypatch.setattr(policy_texts, "CHUNK_SIZE", 40)
    monkeypatch.setattr("ombud.services.policy_events.APPEND_SIZE", 1)
    monkeypatch.setattr(opened.access.policy.policies, "_appender", FailingAfter(opened, batches))
    with pytest.raises(Unavailable):
        apply(opened, STRICTER)
    opened.follow_index()

    assert in_force(opened) == first["id"]
    opened.rebuild(lambda _: None)
    assert in_force(opened) == first["id"]
    assert opened.access.policy.policies.show(None, asker=ANA)["texts"] == STRICT
    check_record(home)


def test_texts_in_many_events(
    opened: OpenHome, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy larger than an event is many events, and comes back as it was."""
    monkeypatch.setattr(policy_texts, "CHUNK_SIZE", 30)
    files = {**STRICTER, "c.yaml": "# Straße 😀\n" * 20, "d.yaml": ""}
    apply(opened, files)

    carriers = [event for event in events(opened) if event.operation == "policy.files"]
    assert len(carriers) > 10
    assert opened.access.policy.policies.show(None, asker=ANA)["texts"] == files
    check_record(home)


def test_policy_is_what_it_was_when_the_home_is_opened_again(home: Path) -> None:
    """Opened, or made anew from the record: the same version, proposals and all."""
    with open_here(home) as opened:
        apply(opened, STRICT)
        proposal = apply(opened, LOOSE)
        version = opened.access.policy.live.snapshot().version
    for anew in (False, True):
        with open_here(home, anew=anew) as opened:
            assert opened.access.policy.live.snapshot().version == version
            waiting = opened.access.policy.policies.proposals(limit=9, ended=False, asker=ANA)[
                "proposals"
            ]
            assert [row["id"] for row in waiting] == [proposal["id"]]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE policy_version SET state = 'applied' WHERE state = 'proposed'",
        "UPDATE policy_version SET quorum = 0",
        "UPDATE policy_version SET proposed_by = 'ben'",
        "DELETE FROM policy_version WHERE state = 'applied'",
        "INSERT INTO policy_confirmation VALUES ('x ben', 'x', 'ben', 1, NULL, 1)",
        "UPDATE policy_chunk SET event_index = event_index - 1",
    ],
)
def test_edited_row_is_found(opened: OpenHome, home: Path, statement: str) -> None:
    """Whatever somebody writes into the tables, the record says otherwise."""
    apply(opened, STRICT)
    apply(opened, LOOSE)
    with opened.control._engine.begin() as connection:
        connection.exec_driver_sql(statement)

    report = verify(home, home / "index" / "control.sqlite")
    assert not report.ok
    assert "policy_" in str(report.fault)


def test_bounds_are_held(opened: OpenHome, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reasons, lists and what waits end somewhere."""
    monkeypatch.setattr(policies, "PROPOSALS_MAX", 1)
    apply(opened, STRICTER)
    apply(opened, STRICT)
    for use, said in (
        (lambda: apply(opened, LOOSE), "1 proposals wait"),
        (lambda: apply(opened, LOOSE, why="x" * 4_001), "reason is longer"),
        (lambda: opened.access.policy.policies.history(limit=0, asker=ANA), "limit `0`"),
        (
            lambda: opened.access.policy.policies.proposals(limit=1_001, ended=False, asker=ANA),
            "limit `1001`",
        ),
        (
            lambda: opened.access.policy.policies.confirm("no such", asker=BEN, why=None),
            "no proposal `no such`",
        ),
    ):
        expect(use, said)


def expect(use: Callable[[], Any], said: str) -> None:
    """Expect a refusal that says so."""
    with pytest.raises(OmbudError, match=said):
        use()
