"""Break-glass: at once, seen by others, decided on by a deadline, and with consequences."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
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
from ombud.core.errors import Conflict, Forbidden, InputError, NotFound, OmbudError, Unavailable
from ombud.core.instants import to_ms


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RequestHome]:
    """Return a home without emergencies."""
    made = RequestHome(tmp_path)
    yield made
    made.close()


def test_the_grant_is_there_at_once_and_others_know(home: RequestHome) -> None:
    """One event holds grant and request; those to be told find it in their lists."""
    told = home.emergency(case="24-200", minutes=60)

    (grant,) = home.control.requests.grants()
    assert (grant.kind, grant.begins, grant.ends) == ("break_glass", NOW, NOW + 3_600_000)
    (event,) = home.events()
    assert (event.operation, event.action, event.grant, event.request, event.case) == (
        "break_glass.started", "grant", grant.id, told["request"]["id"], "24-200",
    )  # fmt: skip
    assert b"secret of ana" not in event.raw
    assert (event.attributes or {})["secret_set_by"] == "ana"
    (notice,) = home.notified.notices
    assert notice.to == ("person:cy", "person:dee", "person:dpo", "person:kim")
    dpo = person("dpo", "request")
    assert [row["awaits"] for row in home.requests.list(asker=dpo, for_me=True)] == ["notice"]
    assert [row["awaits"] for row in home.requests.list(asker=CY, for_me=True)] == ["decision"]


def test_the_clock_counts_working_days(home: RequestHome) -> None:
    """From a Sunday on, the third working day is Wednesday, in the policy's zone."""
    deadline = home.emergency()["request"]["expires_at"]
    assert deadline == to_ms(datetime(2026, 11, 26, tzinfo=UTC))


@pytest.mark.parametrize(
    ("asker", "wanted", "error", "message"),
    [
        (ANA, {"secret": "ana"}, Forbidden, "not your secret"),
        (ANA, {"code": "curiosity"}, InputError, "no reason here"),
        (ANA, {"text": " "}, InputError, "needs a reason"),
        (ANA, {"minutes": 481}, InputError, "1..480"),
        (ANA, {"purpose": "policing"}, Forbidden, "no glass"),
        (ANA, {"purpose": "nowhere"}, NotFound, "no purpose"),
        (person("out"), {}, Forbidden, "may not act"),
        (person("ana", "search", "admin"), {}, Forbidden, "scope `request`"),
    ],
)
def test_no_emergency(
    tmp_path: Path, asker: Any, wanted: dict[str, Any], error: type[OmbudError], message: str
) -> None:
    """Without proof, reason, purpose or right to ask there is no grant and no event."""
    requesters = Audience(actors=("person:ana",))
    home = RequestHome(tmp_path, make_policy(requesters=requesters))
    with pytest.raises(error, match=message):
        home.emergency(asker, **wanted)
    assert (home.events(), home.notified.notices) == ([], [])
    home.close()


def test_found_right_it_ends_as_it_would(home: RequestHome) -> None:
    """Approved by enough others, nothing more follows."""
    request = home.emergency()["request"]["id"]
    home.step(request, "approve", CY)
    told = home.step(request, "approve", DEE)

    assert (told["state"], told["made"]) == ("approved", None)
    assert home.events()[-1].operation == "break_glass.decided"
    assert [g.ends for g in home.control.requests.grants()] == [NOW + 480 * 60_000]


def test_refused_it_has_consequences_all_at_once(home: RequestHome) -> None:
    """The grant is revoked, its exports are named for quarantine, an inquiry is opened."""
    told = home.emergency()
    request, grant = told["request"]["id"], told["grant"]["id"]
    home.uses.exported = {grant: [70, 71]}
    home.now += 60_000
    home.step(request, "reject", CY, text="No child was missing")

    assert [event.operation for event in home.events()[-3:]] == [
        "break_glass.decided", "export.quarantined", "inquiry.opened",
    ]  # fmt: skip
    assert home.record.committed[-1].count == 3  # One batch: whole or not at all.
    assert home.grants.show(grant, asker=ANA)["quarantined_exports"] == [70, 71]
    assert home.control.requests.grants()[0].ends == home.now
    inquiry = home.events()[-1].attributes or {}
    assert (inquiry["about"], inquiry["grant"], inquiry["reason"]) == (
        "person:ana", grant, "No child was missing",
    )  # fmt: skip
    assert home.control.compare(home.record.committed) is None


def test_exports_that_come_in_late_follow(home: RequestHome) -> None:
    """What is told of after the refusal goes into quarantine with the next turn, once."""
    told = home.emergency()
    grant = told["grant"]["id"]
    home.step(told["request"]["id"], "reject", CY, text="no")
    home.upkeep.turn()
    home.uses.exported = {grant: [90]}
    home.upkeep.turn()
    home.upkeep.turn()

    assert home.grants.show(grant, asker=ANA)["quarantined_exports"] == [90]
    assert [e.operation for e in home.events()].count("export.quarantined") == 1


def test_not_decided_on_in_time_is_refused_by_the_clock(home: RequestHome) -> None:
    """At the deadline the clock refuses, with the same consequences, and nobody after it."""
    told = home.emergency(case="24-200")
    request, grant = told["request"]["id"], told["grant"]["id"]
    home.uses.exported = {grant: [5]}
    home.now = told["request"]["expires_at"]
    with pytest.raises(Conflict, match="expired"):
        home.step(request, "approve", CY)
    home.upkeep.turn()
    home.upkeep.turn()

    assert home.requests.show(request, asker=ANA)["state"] == "expired"
    operations = [event.operation for event in home.events()]
    assert operations[-3:] == ["break_glass.decided", "export.quarantined", "inquiry.opened"]
    assert home.events()[-3].decision_permit is False
    with pytest.raises(Forbidden, match="was refused"):
        home.emergency(case="24-200")


def test_there_is_no_second_time_for_the_same_case(home: RequestHome) -> None:
    """While it is undecided it is not started anew, nor renewed, given on or taken back."""
    told = home.emergency(case="24-200")
    request, grant = told["request"]["id"], told["grant"]["id"]
    with pytest.raises(Conflict, match="has not been decided"):
        home.emergency(case="24-200")
    with pytest.raises(InputError, match="not renewed"):
        home.ask(kind="renewal", grant=grant, purpose=None)
    with pytest.raises(Forbidden, match="not given on"):
        home.with_grant(grant, "delegate", ANA, actor="person:ben")
    for step in ("withdraw", "amend", "changes"):
        with pytest.raises(Conflict, match="stays as it was done"):
            home.step(request, step, ANA if step != "changes" else CY, text="x")
    with pytest.raises(Forbidden, match="own request"):
        home.step(request, "approve", ANA)
    home.emergency(BEN, case="24-200")
    home.emergency(case="24-201")
    assert len(home.control.requests.grants()) == 3


@pytest.mark.parametrize("case", ["c 24.200", " C-24-200 ", "C\u201024\u2010200", "\uff23-24-200"])
def test_a_case_in_other_letters_is_the_same_case(home: RequestHome, case: str) -> None:
    """What was refused is not had by another way of writing its number."""
    request = home.emergency(case="C-24-200")["request"]["id"]
    with pytest.raises(Conflict, match="has not been decided"):
        home.emergency(case=case)
    home.step(request, "reject", CY, text="no")
    with pytest.raises(Forbidden, match="was refused"):
        home.emergency(case=case)


def test_emergencies_nobody_decided_on_are_bounded(home: RequestHome) -> None:
    """Cases are easily made up: with some of them open there is no other, by no account."""
    for number in range(3):
        home.emergency(case=f"24-20{number}")
    with pytest.raises(Conflict, match="3 emergencies"):
        home.emergency(case="24-300")
    with pytest.raises(Conflict, match="3 emergencies"):
        home.emergency(person("ANA"), case="24-300")
    home.emergency(BEN, case="24-300")


def test_a_failing_disk_leaves_neither_grant_nor_request(home: RequestHome) -> None:
    """What could not be recorded did not happen, and nobody is told of it."""
    home.record.fails = "before"
    with pytest.raises(Unavailable):
        home.emergency()
    home.record.fails = None
    assert home.control.requests.grants() == ()
    assert home.notified.notices == []
    assert home.requests.list(asker=KIM) == []
    assert home.now + DAY > NOW
    assert home.policy.purposes[1].id == PURPOSE
