"""Requests: each step an event, nothing without its quorum, and nobody for themself."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from doubles.request_desk import (
    ANA,
    BEN,
    CY,
    DAY,
    DEE,
    KIM,
    NOW,
    PURPOSE,
    RequestHome,
    make_policy,
    person,
)
from ombud.core.errors import Conflict, Forbidden, InputError, NotFound, OmbudError, Unavailable
from ombud.services.asker import Asker
from ombud.services.request_wanted import RequestWanted, StepWanted


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RequestHome]:
    """Return a home without requests."""
    made = RequestHome(tmp_path)
    yield made
    made.close()


def test_two_approvals_make_a_grant_in_the_event_of_the_second(home: RequestHome) -> None:
    """Who asks gets a grant once two others said yes, and not before."""
    request = home.ask(days=30, case="24-118")
    assert home.step(request, "approve", CY)["state"] == "open"
    assert home.control.requests.grants() == ()
    told = home.step(request, "approve", DEE, text="fine")

    (grant,) = home.control.requests.grants()
    assert (told["state"], told["made"], told["approvals"]) == ("approved", grant.id, 2)
    assert (grant.actor_type, grant.actor_id, grant.purpose) == ("person", "ana", PURPOSE)
    assert (grant.begins, grant.ends, grant.kind) == (NOW, NOW + 30 * DAY, "requested")
    last = home.events()[-1]
    assert (last.operation, last.action, last.decision_permit) == ("request.voted", "approve", True)
    assert (last.request, last.grant, last.purpose, last.case) == (
        request, grant.id, PURPOSE, "24-118",
    )  # fmt: skip
    assert [one.operation for one in home.events()].count("request.voted") == 2


def test_a_crash_leaves_no_approval_without_its_grant(home: RequestHome) -> None:
    """Whether the last vote was made durable or not: approved and granted, or neither."""
    request = home.ask()
    home.step(request, "approve", CY)
    home.record.fails = "before"
    with pytest.raises(Unavailable):
        home.step(request, "approve", DEE)
    assert home.requests.show(request, asker=ANA)["state"] == "open"
    home.record.fails = "after"
    with pytest.raises(Unavailable):
        home.step(request, "approve", DEE)
    home.record.fails = None

    told = home.requests.show(request, asker=ANA)
    assert told["state"] == "approved"
    assert [grant.id for grant in home.control.requests.grants()] == [told["made"]]


ROOT = person("root", "request", "admin", "search")


@pytest.mark.parametrize(
    ("origin", "asker", "wanted", "before", "voter"),
    [
        ("requester", CY, {}, None, CY),
        ("beneficiary", ANA, {"actor": "person:cy"}, None, CY),
        ("beneficiary", ANA, {"actor": "user:CY"}, None, CY),
        ("not_approver", BEN, {"actor": "person:ana"}, None, ROOT),
        ("barred", ANA, {}, None, person("pol")),
        ("amended", ANA, {}, {"step": "amend", "days": 5}, CY),
        ("voted", ANA, {}, {"step": "approve"}, CY),
    ],
)
def test_who_may_not_decide_is_refused_and_on_record(
    home: RequestHome,
    monkeypatch: pytest.MonkeyPatch,
    origin: str,
    asker: Asker,
    wanted: dict[str, Any],
    before: dict[str, Any] | None,
    voter: Asker,
) -> None:
    """Separation of duty: each refusal says why, and the attempt is an event."""
    monkeypatch.setattr(home.requests, "_has_part", lambda *_: True)  # As if they were told.
    request = home.ask(asker, **wanted)
    if before is not None:
        home.step(request, asker=voter, **before)

    with pytest.raises((Forbidden, Conflict)) as refused:
        home.step(request, "approve", voter)
    assert refused.value.origin == origin
    last = home.events()[-1]
    if origin != "voted":
        assert (last.operation, last.outcome, last.outcome_reason, last.actor_id) == (
            "request.refused", "denied", origin, voter.person,
        )  # fmt: skip
    assert home.control.requests.grants() == ()


def test_strangers_learn_nothing(home: RequestHome) -> None:
    """To whoever has no part in a request there is none."""
    request = home.ask()
    nobody = person("eve", "request")
    with pytest.raises(NotFound):
        home.requests.show(request, asker=nobody)
    with pytest.raises(NotFound):
        home.step(request, "comment", nobody, text="hello")
    with pytest.raises(Forbidden):
        home.requests.show(request, asker=person("kim", "ingest"))
    assert home.requests.list(asker=nobody) == []
    assert home.requests.show(request, asker=person("eve", "search"))["id"] == request
    assert home.looks.noted == ["request"]
    # An approver who looks by the scope of overseers looks as one.
    home.requests.show(request, asker=person("cy", "search"))
    assert home.looks.noted == ["request", "request"]


def test_changes_are_asked_for_and_made(home: RequestHome) -> None:
    """A request comes back; amended, all votes are void, and who voted may vote anew."""
    request = home.ask(days=90)
    home.step(request, "approve", CY)
    told = home.step(request, "changes", DEE, text="A month will do")
    assert told["state"] == "changes_requested"
    assert [row["awaits"] for row in home.requests.list(asker=ANA, for_me=True)] == ["changes"]
    with pytest.raises(Conflict, match="waits for its changes"):
        home.step(request, "approve", KIM)
    told = home.step(request, "amend", ANA, days=30, text="A month")

    assert (told["state"], told["days"], told["text"], told["approvals"]) == (
        "open", 30, "A month", 0,
    )  # fmt: skip
    assert home.step(request, "approve", CY)["state"] == "open"
    assert home.step(request, "approve", DEE)["state"] == "approved"
    assert [one["step"] for one in home.requests.show(request, asker=ANA)["steps"]] == [
        "opened", "approved", "changes_asked", "amended", "approved", "approved",
    ]  # fmt: skip


def test_one_rejection_ends_it(home: RequestHome) -> None:
    """A rejection needs a reason and is the end; nothing more is done with it."""
    request = home.ask()
    with pytest.raises(InputError, match="needs a reason"):
        home.step(request, "reject", CY)
    assert home.step(request, "reject", CY, text="No case")["state"] == "rejected"
    for step in ("approve", "withdraw", "comment", "amend"):
        with pytest.raises(Conflict, match="is rejected"):
            home.step(request, step, ANA if step != "approve" else DEE, text="x")


def test_who_decides_sees_what_waits_and_that_they_opened_it(home: RequestHome) -> None:
    """The list for me holds what I may decide on; opening it is a step, once."""
    request = home.ask()
    assert [row["awaits"] for row in home.requests.list(asker=CY, for_me=True)] == ["decision"]
    assert home.requests.list(asker=ANA, for_me=True) == []
    home.requests.show(request, asker=CY)
    home.requests.show(request, asker=CY)
    home.requests.show(request, asker=ANA)

    assert [event.operation for event in home.events()].count("request.viewed") == 1
    home.step(request, "approve", CY)
    assert home.requests.list(asker=CY, for_me=True) == []


@pytest.mark.parametrize(
    ("wanted", "error", "message"),
    [
        ({"purpose": "nowhere"}, NotFound, "no purpose"),
        ({"purpose": "orphan"}, InputError, "names nobody"),
        ({"purpose": None}, InputError, "states a purpose"),
        ({"text": "  "}, InputError, "needs a reason"),
        ({"text": "x" * 4_001}, InputError, "longer than"),
        ({"days": 91}, InputError, "1..90"),
        ({"days": 0}, InputError, "1..90"),
        ({"actor": "ben"}, InputError, "no actor"),
        ({"actor": "person:\udcff"}, InputError, "no actor"),
        ({"kind": "break_glass"}, InputError, "no kind"),
        ({"dataset": "plates"}, InputError, "no dataset and no grant"),
        ({"kind": "dataset"}, InputError, "a dataset"),
        ({"kind": "dataset", "dataset": "plates"}, Forbidden, "may not ask"),
        ({"kind": "dataset", "dataset": "none"}, NotFound, "no dataset"),
        ({"kind": "renewal", "grant": "none"}, NotFound, "no grant"),
        ({"case": "c" * 201}, InputError, "the case is longer"),
    ],
)
def test_what_may_not_be_asked_for(
    home: RequestHome, wanted: dict[str, Any], error: type[OmbudError], message: str
) -> None:
    """A request that cannot be decided on, or says too little or too much, is none."""
    with pytest.raises(error, match=message):
        home.ask(**wanted)
    assert home.events() == []


def test_the_same_is_not_asked_twice(home: RequestHome) -> None:
    """While a request waits, the same is not asked again; withdrawn, it is."""
    request = home.ask()
    with pytest.raises(Conflict, match="asks for the same"):
        home.ask()
    assert home.step(request, "withdraw", ANA)["state"] == "withdrawn"
    home.ask()


def test_second_chain_attaches_a_dataset(home: RequestHome) -> None:
    """The purpose's owner asks, the data's owner decides; what is derived is its source's."""
    request = home.ask(KIM, kind="dataset", dataset="streets", days=10)
    told = home.step(request, "approve", DEE)

    (attachment,) = home.control.requests.attachments()
    assert (told["state"], attachment.dataset, attachment.purpose) == (
        "approved", "streets", PURPOSE,
    )  # fmt: skip
    assert (attachment.begins, attachment.ends) == (NOW, NOW + 10 * DAY)
    assert home.events()[-1].resource_dataset == "streets"
    revoked = home.grants.revoke_attachment(str(told["made"]), "done", asker=KIM)
    assert revoked["holds"] is False
    assert home.control.requests.attachments()[0].ends == NOW


def test_a_request_expires_by_the_clock(home: RequestHome) -> None:
    """From its end on nobody decides, whether or not a turn has been made; turns repeat."""
    request = home.ask()
    home.now += 14 * DAY
    with pytest.raises(Conflict, match="has expired"):
        home.step(request, "approve", CY)
    home.upkeep.turn()
    home.upkeep.turn()

    assert home.requests.show(request, asker=ANA)["state"] == "expired"
    last = home.events()[-1]
    assert (last.operation, last.actor_id, last.actor_type) == (
        "request.expired", "ombud", "service",
    )  # fmt: skip
    assert [event.operation for event in home.events()].count("request.expired") == 1


def test_the_policy_of_the_vote_counts(home: RequestHome) -> None:
    """A purpose that is over, or shorter by now, makes no grant or a shorter one."""
    request = home.ask(days=90)
    home.step(request, "approve", CY)
    home.policy = make_policy(until=NOW)
    with pytest.raises(Conflict, match="is over"):
        home.step(request, "approve", DEE)
    home.policy = make_policy(days_max=7)
    home.step(request, "approve", DEE)
    assert home.control.requests.grants()[0].ends == NOW + 7 * DAY


def test_two_votes_at_once_are_one_after_the_other(home: RequestHome) -> None:
    """Of many votes at once by few, each person counts once and one grant is made."""
    request = home.ask()
    failures: list[OmbudError] = []

    def vote(number: int) -> None:
        try:
            home.step(request, "approve", (CY, DEE, KIM)[number % 3])
        except OmbudError as error:
            failures.append(error)

    threads = [threading.Thread(target=vote, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(failures) == 10
    assert len(home.control.requests.grants()) == 1
    voters = [e.actor_id for e in home.events() if e.operation == "request.voted"]
    assert len(voters) == len(set(voters)) == 2


def test_approve_against_withdraw(home: RequestHome) -> None:
    """Whichever comes first stands, and the other is told."""
    for _ in range(5):
        request = home.ask()
        home.step(request, "approve", CY)
        outcomes: list[str] = []

        def act(step: str, asker: Any, told: list[str] = outcomes, on: str = request) -> None:
            try:
                told.append(home.step(on, step, asker)["state"])
            except Conflict:
                told.append("refused")

        pair = [
            threading.Thread(target=act, args=("approve", DEE)),
            threading.Thread(target=act, args=("withdraw", ANA)),
        ]
        for thread in pair:
            thread.start()
        for thread in pair:
            thread.join()
        made = [g for g in home.control.requests.grants() if g.request == request]
        assert sorted(outcomes) in (["approved", "refused"], ["refused", "withdrawn"])
        assert len(made) == ("approved" in outcomes)


def test_tables_are_what_the_events_say(home: RequestHome) -> None:
    """After all kinds of steps the tables follow from the record, and can be made anew."""
    grant = home.grant()
    home.with_grant(grant, "delegate", ANA, actor="person:ben")
    home.with_grant(grant, "revoke", KIM)
    home.step(home.ask(BEN), "reject", CY, text="no")
    home.emergency()
    before = home.control.requests.find_grants()

    assert home.control.compare(home.record.committed) is None
    home.control.rebuild(home.record.committed)
    assert home.control.requests.find_grants() == before


def test_states_and_scopes_are_asked_for(home: RequestHome) -> None:
    """A list of an unknown state is refused, and so is a token without the scope."""
    with pytest.raises(InputError, match="no state"):
        home.requests.list(asker=ANA, states=("gone",))
    with pytest.raises(Forbidden):
        home.requests.list(asker=person("ana", "search"))
    with pytest.raises(Forbidden):
        home.requests.open(RequestWanted(text="x"), asker=person("ana", "admin"))
    with pytest.raises(InputError, match="no step"):
        home.requests.step("r", StepWanted(step="bless"), asker=ANA)


DEEDS = st.tuples(
    st.sampled_from(
        ("ask", "renew", "break", "approve", "reject", "changes", "amend", "withdraw", "show",
         "revoke", "delegate", "recertify", "later", "turn"),
    ),
    st.sampled_from((ANA, BEN, CY, DEE, KIM)),
    st.integers(0, 5),
)  # fmt: skip


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(deeds=st.lists(DEEDS, min_size=5, max_size=30))
def test_whatever_is_done_the_tables_follow(
    tmp_path_factory: pytest.TempPathFactory, deeds: list[tuple[str, Asker, int]]
) -> None:
    """No grant without two who may decide, none that outlives another, tables as the events say."""
    policy = make_policy(unused_days=20, recertify_days=25)
    home = RequestHome(tmp_path_factory.mktemp("deeds"), policy)
    for deed in deeds:
        with suppress(OmbudError):
            do(home, *deed)
    tables = home.control.requests
    for grant in tables.find_grants():
        row = tables.request(grant.request or "")
        assert row is not None
        steps = tables.steps([row.id])[row.id]
        yes = {one.actor for one in steps if one.kind == "approved"}
        if grant.kind == "requested":
            assert len(yes - {row.requester, row.beneficiary}) >= 2
            assert yes <= {"person:cy", "person:dee", "person:kim"}
        if grant.parent is not None:
            parent = tables.grant(grant.parent)
            assert parent is not None
            assert grant.over_at <= parent.over_at
    before = (tables.find_grants(), tables.requests(), tables.uses())
    assert home.control.compare(home.record.committed) is None
    home.control.rebuild(home.record.committed)
    assert (tables.find_grants(), tables.requests(), tables.uses()) == before
    home.close()


def do(home: RequestHome, deed: str, asker: Asker, number: int) -> None:
    """Do one thing, to the so-manieth request or grant."""
    tables = home.control.requests
    requests, grants = tables.requests(), tables.find_grants()
    if deed == "later":
        home.now += number * 3 * DAY
    elif deed == "turn":
        home.upkeep.turn()
    elif deed == "ask":
        home.ask(asker, days=number * 10 or None)
    elif deed == "break":
        home.emergency(asker, case=str(number % 2))
    elif deed in {"revoke", "delegate", "recertify"} and grants:
        actor = ("person:ana", "person:eve", "person:ben")[number % 3]
        home.with_grant(grants[number % len(grants)].id, deed, asker, actor=actor)
    elif deed == "renew" and grants:
        home.ask(asker, kind="renewal", purpose=None, grant=grants[number % len(grants)].id)
    elif deed == "show" and requests:
        home.requests.show(requests[number % len(requests)].id, asker=asker)
    elif requests:
        home.step(requests[number % len(requests)].id, deed, asker, text="words")
