"""Checkpoints: on record before they count, and nobody completes one for somebody else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from doubles.desk import (
    ANA,
    BEN,
    CY,
    DAY,
    GOOD,
    NOW,
    PEP,
    Desk,
    checkpoint,
    open_desk_home,
    policy,
)
from ombud.access.attempt import Fulfilment
from ombud.access.checkpoint import Answer
from ombud.core.batch import Batch
from ombud.core.errors import Forbidden, InputError, NotFound, Unauthenticated, Unavailable
from ombud.core.event import Event
from ombud.services import checkpoint_uses
from ombud.services.asker import Asker, local_owner
from ombud.services.checkpoint_wanted import CheckpointWanted
from ombud.services.record_port import record_events
from ombud.services.verifying import verify

PLATES = "dataset:plates"
ACCOUNTS = "account,system,person\nana-adm,,ana\nshared,db,ana\nshared,web,ben\n"
PLATE = ("plate", "7ABC123")


@pytest.fixture
def desk(home: Path) -> Iterator[Desk]:
    """Return a desk."""
    with open_desk_home(home) as one:
        yield one


def wanted(text: str | None = GOOD, **other: Any) -> CheckpointWanted:
    """Return an answer for the plates."""
    given = {name: other.pop(name) for name in list(other) if name in Answer.__struct_fields__}
    said = {"purpose": "theft", "resources": (PLATES,), **other}
    return CheckpointWanted(answer=Answer(text=text, **given), **said)


def meet(
    desk: Desk, name: str = "reason", *, asker: Asker = ANA, text: str | None = GOOD, **other: Any
) -> dict[str, Any]:
    """Meet a checkpoint."""
    return desk.desk.checkpoints.meet(name, wanted(text, **other), asker=asker)


def met(desk: Desk, actor: str = "person:ana", *ids: str) -> list[Fulfilment]:
    """Return what an actor has met."""
    return list(desk.desk.checkpoints.fulfilments(ids, actor))


def test_answer_is_on_record_before_it_counts(desk: Desk, home: Path) -> None:
    """The exact words shown, the version of the policy, who, for what and about whom."""
    answer = meet(desk, subjects=(PLATE,), case="C-1", decision="d-1")
    event = desk.events()[-1]

    assert (event.source, event.operation, event.action) == (
        "ombud.control", "checkpoint.met", "justify",
    )  # fmt: skip
    assert (event.actor_id, event.actor_type, event.purpose) == ("ana", "person", "theft")
    assert (event.justification_text, event.case) == (GOOD, "C-1")
    assert (event.justification_wording, event.decision_policy) == ("What of reason?", "v1")
    assert (event.justification_checkpoint, event.decision_id) == ("reason", "d-1")
    assert event.subjects == (PLATE,)
    assert event.justification_verdict == answer["verdict"] == "unverifiable"
    assert (event.attributes or {})["items"] == [PLATES]
    (one,) = met(desk)
    assert (one.id, one.until, one.resources) == (answer["id"], NOW + 3_600_000, (PLATES,))
    desk.opened.close = lambda: None  # type: ignore[method-assign]
    report = verify(home, home / "index" / "control.sqlite")
    assert report.ok, report.fault


def test_nothing_counts_that_is_not_durable(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the record takes nothing, nothing is met."""

    def fail(_: list[Batch]) -> None:
        raise Unavailable("disk full")

    monkeypatch.setattr(desk.opened.appender, "append", fail)
    with pytest.raises(Unavailable):
        meet(desk)
    assert met(desk) == []


def test_answer_that_is_none(desk: Desk) -> None:
    """Everything wrong with it is said, and nothing recorded."""
    with pytest.raises(InputError, match=r"placeholder.*`choices` are not asked for"):
        meet(desk, text="test", choices=("x",))
    with pytest.raises(NotFound):
        meet(desk, "no-such")
    with pytest.raises(InputError, match="`resources` are missing"):
        meet(desk, resources=())
    with pytest.raises(InputError, match="not of the form"):
        meet(desk, resources=("plates",))
    with pytest.raises(InputError, match="1 to 500 characters"):
        meet(desk, purpose="")
    with pytest.raises(InputError, match="more than 1000"):
        meet(desk, resources=("a:b",) * 1_001)
    assert desk.operations() == []


@pytest.mark.parametrize(
    ("stated", "is_own"),
    [
        (None, True),
        ("person:ana", True),
        ("user:ana", True),
        ("user:ana-adm", True),
        ("person:ben", False),
        ("user:ben", False),
        ("service:ana", False),
        ("user:shared", False),
        ("user:unheard-of", False),
    ],
)
def test_nobody_answers_for_somebody_else(desk: Desk, stated: str | None, is_own: bool) -> None:
    """A person by their token, as themself or by an account that is theirs alone."""
    desk.load_directory(account=ACCOUNTS)
    if is_own:
        meet(desk, actor=stated)
        assert len(met(desk, stated or "person:ana")) == 1
        assert met(desk, "person:ben") == []
        return
    with pytest.raises(Forbidden, match="nobody completes a checkpoint for somebody else"):
        meet(desk, actor=stated)
    assert desk.operations() == []


def test_accounts_of_a_token_named_by_account(desk: Desk) -> None:
    """A token whose person is an account stands for that account's person."""
    desk.load_directory()
    by_account = Asker(person="ana-adm", scopes=frozenset({"request"}))
    meet(desk, asker=by_account, actor="person:ana")
    with pytest.raises(Forbidden):
        meet(desk, asker=by_account, actor="person:ben")


def test_program_delivers_for_the_actor_of_its_attempt(desk: Desk) -> None:
    """It says whose attempt it was, is on record as who delivered, and only that actor is let."""
    with pytest.raises(InputError, match="`actor` is missing"):
        meet(desk, asker=PEP)
    meet(desk, asker=PEP, actor="user:ana")
    event = desk.events()[-1]

    assert (event.actor_id, event.observed_by) == ("ana", "portal")
    assert (event.attributes or {})["delivered_by"] == "portal"
    assert len(met(desk, "user:ana")) == 1
    assert met(desk, "person:ana") == met(desk, "user:ben") == met(desk, "service:ana") == []


@pytest.mark.parametrize(
    "scopes", [{"admin"}, {"search"}, {"ingest", "simulate"}, {"admin", "decide"}]
)
def test_administrators_complete_nothing(desk: Desk, scopes: set[str]) -> None:
    """Neither they, nor who may only look, nor a program that may administer."""
    with pytest.raises(Forbidden):
        meet(desk, asker=Asker(person="cy", scopes=frozenset(scopes)), actor="person:ana")


def test_owner_of_the_home_answers_for_themself_alone(desk: Desk) -> None:
    """Whoever has every scope at the command line is a person like any other."""
    owner = local_owner()
    with pytest.raises(Forbidden):
        meet(desk, asker=owner, actor="person:ana")
    meet(desk, asker=owner)
    assert len(met(desk, f"person:{owner.person}")) == 1


def test_fulfilments_are_of_one_actor(desk: Desk) -> None:
    """Whoever knows the id of another's justification has nothing."""
    id_ = meet(desk, "once")["id"]

    assert [one.id for one in met(desk, "person:ana", id_)] == [id_]
    assert met(desk, "person:ben", id_) == []
    assert list(desk.desk.checkpoints.fulfilments(id_, ("person", "ana"))) != []


def test_throttling_by_actor_and_things(desk: Desk) -> None:
    """What lasts is found without its id, for as long as it lasts, and for its things."""
    meet(desk)
    (one,) = met(desk)
    assert one.resources == (PLATES,)
    desk.now += 3_600_000 - 1
    assert len(met(desk)) == 1
    desk.now += 1
    assert met(desk) == []


def test_throttling_by_actor(desk: Desk) -> None:
    """With `per: actor` it holds for whatever they do; what it was met for stays on record."""
    desk.policy = policy(checkpoint("wide", "text", every_minutes=10, per="actor"))
    meet(desk, "wide")
    (one,) = met(desk)
    assert one.resources == ()
    assert (desk.events()[-1].attributes or {})["items"] == [PLATES]


def test_acknowledgement_lasts_until_its_words_change(desk: Desk) -> None:
    """A purpose's text, once acknowledged, holds; another text must be acknowledged anew."""
    with pytest.raises(InputError, match="`acknowledged` must be true"):
        meet(desk, "acknowledgement", text=None)
    meet(desk, "acknowledgement", text=None, acknowledged=True, resources=())
    desk.now += 300 * DAY
    (one,) = met(desk)
    assert (one.checkpoint, one.resources) == ("acknowledgement", ())
    purpose = desk.policy.purposes[0]
    changed = msgspec.structs.replace(purpose, acknowledgement="I look for nothing else.")
    desk.policy = msgspec.structs.replace(desk.policy, purposes=(changed,))
    desk.version = "v2"
    assert met(desk) == []


def test_one_act_uses_up_what_is_for_one_act(desk: Desk) -> None:
    """The permit that it lets through claims it; a second attempt gets nothing."""
    answer = meet(desk, "once")
    assert answer["is_once"]
    assert met(desk) == []  # Not without its id.
    (one,) = met(desk, "person:ana", answer["id"])
    checkpoints = desk.desk.checkpoints

    assert checkpoints.claim([one], "attempt-1")
    assert checkpoints.claim([one], "attempt-1")  # The same attempt, decided again.
    assert not checkpoints.claim([one], "attempt-2")
    assert met(desk, "person:ana", answer["id"]) == []


def test_what_lasts_is_never_used_up(desk: Desk) -> None:
    """Claiming says nothing of justifications that hold for a while."""
    meet(desk)
    for attempt in ("1", "2"):
        assert desk.desk.checkpoints.claim(met(desk), attempt)
    assert len(met(desk)) == 1


def test_use_is_remembered_over_a_restart(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The record says what was used; where that is too much to read, it counts as used."""
    used, free = meet(desk, "once")["id"], meet(desk, "once")["id"]
    record_events(
        desk.opened.appender,
        [
            Event(
                time=NOW, source="ombud.decision", action="read", raw=b"1",
                query_text=f'{{"stated":{{"fulfilments":["{used}"]}}}}',
            ),
            Event(time=NOW, source="county", action="read", raw=b"2", query_text=free),
        ],
    )  # fmt: skip
    desk.now += 1
    desk.reopen()

    assert met(desk, "person:ana", used) == []
    assert [one.id for one in met(desk, "person:ana", free)] == [free]
    monkeypatch.setattr(checkpoint_uses, "LOOKED_THROUGH_MAX", 0)
    desk.reopen()
    assert met(desk, "person:ana", free) == []


def test_contradicted_is_flagged_or_refused(desk: Desk) -> None:
    """Recorded either way; where the checkpoint says so, it does not count."""
    desk.load_directory()
    desk.load_cases()
    flagged = meet(desk, case="C-2")
    refused = meet(desk, "number", text=None, case="C-2")
    good = meet(desk, "number", text=None, case="C-1")

    assert (flagged["verdict"], flagged["is_refused"]) == ("contradicted", False)
    assert (refused["verdict"], refused["is_refused"]) == ("contradicted", True)
    assert (good["verdict"], good["is_refused"]) == ("verified", False)
    assert refused["findings"][0] == {
        "code": "case_closed", "meaning": "the case was closed before the act",
    }  # fmt: skip
    flags = {one.native_id: one.flags for one in desk.events()}
    assert flags[flagged["id"]] == ("justification_contradicted",)
    assert {one.id: one.is_refused for one in met(desk)} == {
        flagged["id"]: False, refused["id"]: True, good["id"]: False,
    }  # fmt: skip


def test_copied_text_is_scored(desk: Desk) -> None:
    """The same words about somebody unrelated count less, and are flagged."""
    first = meet(desk, subjects=(PLATE,))
    again = meet(desk, subjects=(("plate", "OTHER"),))

    assert (first["score"], first["flaws"]) == (1.0, [])
    assert (again["score"], again["flaws"]) == (0.3, ["copied"])
    assert desk.events()[-1].flags == ("justification_poor",)
    desk.reopen()  # What was given before is read from the tables.
    assert meet(desk, subjects=(("plate", "THIRD"),))["flaws"] == ["copied"]


def test_reauthentication(desk: Desk) -> None:
    """The person's own secret, in no event; a wrong one, or none, is no."""
    with pytest.raises(Unauthenticated):
        meet(desk, "prove", text=None, secret="correct horse")
    desk.desk.checkpoints.credential_set("correct horse", person=None, current=None, asker=ANA)
    with pytest.raises(Unauthenticated):
        meet(desk, "prove", text=None, secret="wrong horse")
    with pytest.raises(Unauthenticated):
        meet(desk, "prove", text=None, secret="correct horse", asker=BEN)
    meet(desk, "prove", text=None, secret="correct horse")

    assert len(met(desk)) == 1
    assert (desk.events()[-1].attributes or {})["proved_by"] == "ana"
    assert not any(b"correct horse" in one.raw for one in desk.events())


def test_a_token_that_administers_replaces_no_secret_of_its_person(desk: Desk) -> None:
    """Not with the scope `request` beside, not without, and not by another of their names."""
    desk.load_directory()
    setting = desk.desk.checkpoints.credential_set
    setting("correct horse", person=None, current=None, asker=ANA)
    for scopes in ({"admin"}, {"admin", "request"}):
        asker = Asker(person="ana", scopes=frozenset(scopes))
        for named in (None, "ana-adm"):
            with pytest.raises(Unauthenticated):
                setting("another secret", person=named, current=None, asker=asker)
    with pytest.raises(Forbidden):
        setting("x" * 9, person=None, current=None, asker=Asker("ana", frozenset({"search"})))


def test_second_person(desk: Desk) -> None:
    """Another person, named by the policy, by their own token; never the actor."""
    desk.load_directory()
    begun = meet(desk, "second")
    checkpoints = desk.desk.checkpoints

    assert begun["state"] == "awaited"
    assert met(desk, "person:ana", begun["id"]) == []
    (seen,) = checkpoints.awaiting(asker=BEN)["awaiting"]
    assert (seen["id"], seen["text"]) == (begun["id"], GOOD)
    look = desk.events()[-1]
    assert (look.source, look.operation, look.actor_id) == (
        "ombud.look", "justification.awaiting", "ben",
    )  # fmt: skip
    assert checkpoints.awaiting(asker=ANA) == {"awaiting": []}
    assert desk.events()[-1] == look  # Who is shown nothing has looked at nothing.
    for other, reason in (
        (ANA, "for themself"),
        (Asker(person="ana-adm", scopes=frozenset({"request"})), "for themself"),
        (Asker(person="dee", scopes=frozenset({"request"})), "does not name you"),
        (PEP, "scope `request`"),
        (CY, "scope `request`"),
    ):
        with pytest.raises(Forbidden, match=reason):
            checkpoints.confirm(begun["id"], asker=other)
    assert checkpoints.confirm(begun["id"], asker=BEN)["state"] == "met"

    (one,) = met(desk, "person:ana", begun["id"])
    assert one.checkpoint == "second"
    event = desk.events()[-1]
    assert (event.operation, event.actor_id, event.parent_id) == (
        "checkpoint.met", "ben", begun["id"],
    )  # fmt: skip
    assert event.justification_text == GOOD
    with pytest.raises(NotFound):
        checkpoints.confirm(begun["id"], asker=BEN)


def test_second_person_declines(desk: Desk) -> None:
    """Then it is over, on record."""
    desk.load_directory()
    begun = meet(desk, "second")
    answer = desk.desk.checkpoints.confirm(begun["id"], is_declined=True, asker=BEN)

    assert answer["state"] == "declined"
    assert met(desk, "person:ana", begun["id"]) == []
    assert desk.operations()[-1] == "checkpoint.declined"


def test_second_person_where_the_policy_names_nobody(desk: Desk) -> None:
    """Anybody else whom the directory knows: without it, two names may be one person."""
    begun = meet(desk, "two", text=None)
    with pytest.raises(Forbidden, match="directory does not know you"):
        desk.desk.checkpoints.confirm(begun["id"], asker=BEN)
    desk.load_directory()
    assert desk.desk.checkpoints.confirm(begun["id"], asker=BEN)["state"] == "met"


def test_second_person_comes_too_late(desk: Desk) -> None:
    """What waits ends, and what the policy asks otherwise now is not confirmed."""
    desk.load_directory()
    begun = meet(desk, "second")
    asked = tuple(
        msgspec.structs.replace(one, prompt="Other words?") if one.name == "second" else one
        for one in desk.policy.checkpoints
    )
    desk.policy, desk.version = msgspec.structs.replace(desk.policy, checkpoints=asked), "v2"
    with pytest.raises(Forbidden, match="in other words"):
        desk.desk.checkpoints.confirm(begun["id"], asker=BEN)
    desk.policy, desk.version = policy(), "v1"
    desk.now += DAY
    with pytest.raises(NotFound):
        desk.desk.checkpoints.confirm(begun["id"], asker=BEN)


def test_what_a_decision_says(desk: Desk) -> None:
    """The verdict beside the text, the wording and the name; nothing of others'."""
    desk.load_cases()
    one, other = meet(desk, case="C-1")["id"], meet(desk, "number", text=None, case="C-9")["id"]
    said = desk.desk.checkpoints.justification([one, other], "person:ana")

    assert said["justification_text"] == GOOD
    assert said["justification_verdict"] == "contradicted"
    assert set(said["justification_checkpoint"].split(", ")) == {"reason", "number"}
    assert "What of reason?" in said["justification_wording"]
    assert desk.desk.checkpoints.justification([one], "person:ben") == {}


def test_lists(desk: Desk) -> None:
    """Every checkpoint with what it asks, and how often it was met."""
    meet(desk)
    answer = desk.desk.checkpoints.listed(asker=ANA)
    by_name = {one["name"]: one for one in answer["checkpoints"]}

    assert by_name["reason"]["met"] == 1
    assert by_name["acknowledgement"]["purpose"] == "theft"
    assert desk.desk.checkpoints.show("reason", purpose=None, asker=PEP)["policy_version"] == "v1"
    with pytest.raises(Forbidden):
        desk.desk.checkpoints.listed(asker=Asker(person="x", scopes=frozenset({"ingest"})))


def test_tables_follow_from_the_record(desk: Desk) -> None:
    """Made anew from the events they are the same."""
    desk.load_directory()
    desk.load_cases()
    begun = meet(desk, "second")
    desk.desk.checkpoints.confirm(begun["id"], asker=BEN)
    meet(desk, subjects=(PLATE,), case="C-1")
    tables = desk.opened.control.checkpoints
    before = tables.since(0, limit=10), tables.last_loads()
    desk.opened.projection.rebuild()

    assert (tables.since(0, limit=10), tables.last_loads()) == before
    assert len(before[0]) == 2
