"""Grants: renewed by request, given on once, revoked at once, and never kept unused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

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
from ombud.access.model import Audience
from ombud.core.errors import Conflict, Forbidden, InputError, NotFound, OmbudError

ROOT = person("root", "admin")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RequestHome]:
    """Return a home without grants."""
    made = RequestHome(tmp_path)
    yield made
    made.close()


def live(home: RequestHome) -> set[str]:
    """Return the ids of the grants that decisions stand on now."""
    return {g.id for g in home.control.requests.grants() if g.begins <= home.now < g.ends}


@pytest.mark.parametrize("who", [ANA, KIM, CY, ROOT])
def test_revoked_grant_is_gone_at_once(home: RequestHome, who: Any) -> None:
    """Its holder, its purpose's owner and approvers and an administrator may end it."""
    grant = home.grant()
    stamp = home.control.requests.stamp()
    told = home.with_grant(grant, "revoke", who, text="moved away")

    assert told["holds"] is False
    assert live(home) == set()
    assert home.control.requests.stamp() > stamp
    last = home.events()[-1]
    assert (last.operation, last.action, last.grant, last.justification_text) == (
        "grant.revoked", "revoke", grant, "moved away",
    )  # fmt: skip
    with pytest.raises(Conflict, match="was revoked"):
        home.with_grant(grant, "revoke", who)


def test_strangers_do_nothing_with_a_grant(home: RequestHome) -> None:
    """To whoever has no part in it there is no such grant."""
    grant = home.grant()
    for step in ("revoke", "delegate", "recertify"):
        with pytest.raises(NotFound):
            home.with_grant(grant, step, person("eve", "request"))
    with pytest.raises(Forbidden):
        home.with_grant(grant, "revoke", person("eve", "search"))
    assert home.grants.list(asker=person("eve", "request")) == []
    assert [one["id"] for one in home.grants.list(asker=person("eve"), everything=True)] == [grant]
    assert live(home) == {grant}


def test_delegated_grant_ends_with_its_own_and_goes_no_further(home: RequestHome) -> None:
    """Given on for no longer than it lasts, to one who could ask, and revoked with it."""
    grant = home.grant(days=30)
    told = home.with_grant(grant, "delegate", ANA, actor="person:ben", days=60)

    assert (told["kind"], told["actor"], told["delegated_from"]) == (
        "delegated", "person:ben", grant,
    )  # fmt: skip
    assert told["ends"] == NOW + 30 * DAY
    with pytest.raises(Forbidden, match="not given on"):
        home.with_grant(told["id"], "delegate", BEN, actor="person:eve")
    home.with_grant(grant, "revoke", KIM)
    assert live(home) == set()
    assert home.events()[-1].attributes == {
        "grants": [grant, told["id"]], "reason": "because", "via": "api",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asker", "actor", "message"),
    [
        (BEN, "person:eve", "only who holds"),
        (ANA, "user:ana", "somebody else"),
        (ANA, "person:out", "may not act"),
        (ANA, None, "to whom"),
        (ANA, "ben", "no actor"),
    ],
)
def test_who_may_not_be_given_a_grant(
    tmp_path: Path, asker: Any, actor: str | None, message: str
) -> None:
    """Nobody gives on what is not theirs, nor to themself, nor to who may not ask for it."""
    requesters = Audience(actors=("person:ana", "person:ben", "user:ana", "person:eve"))
    home = RequestHome(tmp_path, make_policy(requesters=requesters))
    grant = home.grant()
    wider = person(asker.person)  # Sees the grant and yet does not hold it.
    with pytest.raises(OmbudError, match=message):
        home.with_grant(grant, "delegate", wider, actor=actor)
    assert live(home) == {grant}
    home.close()


def test_delegations_are_bounded_and_once_each(home: RequestHome) -> None:
    """A grant is given on to so many at a time, and to nobody twice."""
    grant = home.grant()
    for number in range(20):
        home.with_grant(grant, "delegate", ANA, actor=f"person:p{number}")
    with pytest.raises(Conflict, match="20 times"):
        home.with_grant(grant, "delegate", ANA, actor="person:more")
    given = [one for one in home.grants.list(asker=ANA) if one["actor"] == "person:p1"]
    home.with_grant(given[0]["id"], "revoke", ANA)
    with pytest.raises(Conflict, match="has it already"):
        home.with_grant(grant, "delegate", ANA, actor="user:P5")


def test_renewal_is_a_request_with_a_reason(home: RequestHome) -> None:
    """A later end is asked for and decided on like any other request; it shortens nothing."""
    grant = home.grant(days=10)
    home.now += 9 * DAY
    request = home.ask(kind="renewal", grant=grant, purpose=None, days=30, text="Still on it")
    home.step(request, "approve", CY)
    told = home.step(request, "approve", KIM)

    assert told["made"] == grant
    assert home.grants.show(grant, asker=ANA)["ends"] == home.now + 30 * DAY
    assert home.events()[-2].justification_text is None
    assert [e.justification_text for e in home.events() if e.operation == "request.opened"] == [
        "Case 24-118 needs it", "Still on it",
    ]  # fmt: skip
    assert len(home.control.requests.grants()) == 1
    short = home.ask(kind="renewal", grant=grant, purpose=None, days=1)
    home.step(short, "approve", CY)
    home.step(short, "approve", KIM)
    assert home.grants.show(grant, asker=ANA)["ends"] == home.now + 30 * DAY


def test_what_is_over_or_not_asked_for_is_not_renewed(home: RequestHome) -> None:
    """Neither a revoked grant nor one that was given on; and none that ends before the vote."""
    grant = home.grant(days=5)
    given = home.with_grant(grant, "delegate", ANA, actor="person:ben")["id"]
    with pytest.raises(InputError, match="not renewed"):
        home.ask(BEN, kind="renewal", grant=given, purpose=None)
    request = home.ask(kind="renewal", grant=grant, purpose=None)
    home.step(request, "approve", CY)
    home.now += 6 * DAY
    with pytest.raises(Conflict, match="holds no more"):
        home.step(request, "approve", DEE)
    with pytest.raises(Conflict, match="holds no more"):
        home.ask(kind="renewal", grant=grant, purpose=None)


def test_recertified_by_another_approver(tmp_path: Path) -> None:
    """Who approved it, holds it or asked for it does not say that it is still needed."""
    home = RequestHome(tmp_path, make_policy(recertify_days=30))
    grant = home.grant()
    for asker, origin in ((CY, "reviewer"), (DEE, "reviewer"), (ANA, "requester")):
        with pytest.raises(Forbidden) as refused:
            home.with_grant(grant, "recertify", asker)
        assert refused.value.origin == origin
    assert home.grants.show(grant, asker=ANA)["recertify_by"] == NOW + 30 * DAY
    home.now += 29 * DAY
    home.with_grant(grant, "recertify", KIM)
    home.now += 29 * DAY
    home.upkeep.turn()
    assert live(home) == {grant}
    home.now += DAY
    home.upkeep.turn()
    home.upkeep.turn()

    assert live(home) == set()
    revoked = [e for e in home.events() if e.operation == "grant.revoked"]
    assert [(e.actor_id, e.justification_text) for e in revoked] == [
        ("ombud", "not recertified in time")
    ]
    home.close()


def test_renewing_again_and_again_is_no_review(tmp_path: Path) -> None:
    """Those who approved a grant, or renewed it, do not review it by renewing it."""
    home = RequestHome(tmp_path, make_policy(recertify_days=30))
    grant = home.grant()
    due = NOW + 30 * DAY

    def renew(*by: Any) -> int:
        home.now += DAY
        request = home.ask(kind="renewal", grant=grant, purpose=None, text="Still on it")
        for approver in by:
            home.step(request, "approve", approver)
        return int(home.grants.show(grant, asker=ANA)["recertify_by"])

    assert renew(CY, DEE) == due
    assert renew(DEE, KIM) == home.now + 30 * DAY
    with pytest.raises(Forbidden, match="does not review"):
        home.with_grant(grant, "recertify", KIM)
    assert home.control.compare(home.record.committed) is None
    home.close()


def test_who_approved_is_not_given_it(home: RequestHome) -> None:
    """Nobody decides on their own access, by way of somebody else's either."""
    grant = home.grant(by=(CY, DEE))
    for actor in ("person:cy", "user:DEE"):
        with pytest.raises(Forbidden, match="approved this grant"):
            home.with_grant(grant, "delegate", ANA, actor=actor)
    home.with_grant(grant, "delegate", ANA, actor="person:kim")


def test_unused_grant_is_revoked_and_a_used_one_is_not(tmp_path: Path) -> None:
    """From its last use on, by whomever it was given on to as well; a turn repeats nothing."""
    home = RequestHome(tmp_path, make_policy(unused_days=30))
    used, idle = home.grant(), home.grant(BEN)
    given = home.with_grant(used, "delegate", ANA, actor="person:eve")["id"]
    home.now += 29 * DAY
    home.uses.uses = {given: home.now - DAY, "grant-of-nobody": home.now}
    home.upkeep.turn()
    assert live(home) == {used, idle, given}
    home.now += DAY
    home.upkeep.turn()
    assert live(home) == {used, given}
    asked, events = home.uses.asked, len(home.events())
    home.upkeep.turn()
    assert (home.uses.asked, len(home.events())) == (asked, events)
    home.uses.uses = {}  # The index forgets; what was noted stays.
    home.now += 27 * DAY
    home.upkeep.turn()
    assert live(home) == {used, given}
    home.now += 2 * DAY
    home.upkeep.turn()

    assert live(home) == set()
    assert home.control.compare(home.record.committed) is None
    reasons = {e.justification_text for e in home.events() if e.operation == "grant.revoked"}
    assert reasons == {"not used for 30 days"}
    home.close()


def test_show_counts_what_was_done_and_gives_the_query(home: RequestHome) -> None:
    """Everything done under a grant is one query away; who looks on is on record."""
    grant = home.grant()
    home.uses.uses = {grant: NOW}
    told = home.grants.show(grant, asker=ANA)
    home.grants.show(grant, asker=person("eve", "search"))

    assert (told["query"], told["uses"]) == (
        f"grant:{grant}", [{"action": "read", "count": 1}],
    )  # fmt: skip
    assert home.looks.noted[-1] == "grant"
    under = {e.operation for e in home.events() if e.grant == grant}
    assert under == {"request.voted"}
    assert all(e.request for e in home.events() if (e.operation or "").startswith("request."))


def test_reasons_are_asked_for(home: RequestHome) -> None:
    """Nothing is done with a grant without a reason, nor anything unknown."""
    grant = home.grant()
    with pytest.raises(InputError, match="needs a reason"):
        home.with_grant(grant, "revoke", ANA, text=" ")
    with pytest.raises(InputError, match="no step"):
        home.with_grant(grant, "bless", ANA)
    with pytest.raises(Forbidden):
        home.grants.list(asker=person("eve", "request"), everything=True)
    assert home.policy.purposes[1].id == PURPOSE
