"""Requests: a table of states and steps, who may take them, and what cannot be broken."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ombud.access.model import Audience
from ombud.access.requests import (
    STEPS_MAX,
    Refusal,
    Request,
    RequestKind,
    RequestState,
    Rules,
    Step,
    StepKind,
    Taken,
    approvers_of,
    check_days,
    check_opening,
    take_step,
)
from ombud.access.requests_audience import Member, is_in, known_as, never, stranger

ENDS = 1_000
APPROVERS = Audience(actors=("person:cy", "person:dee"), units=("audit",))
RULES = Rules(approvers=APPROVERS, quorum=2, barred=Audience(roles=("politician",)), days_max=30)
PEOPLE: dict[str, Member] = {
    name: stranger(name)
    for name in ("person:ana", "user:ben", "person:cy", "person:dee", "person:eve")
}
PEOPLE["person:pol"] = Member(
    "person:pol", known_as("person:pol"), units=("audit",), role="politician"
)
PEOPLE["person:gus"] = Member("person:gus", known_as("person:gus"), "audit", ("audit", "county"))
PEOPLE["user:c1"] = Member("user:c1", known_as("user:c1", "Cy"), "audit", ("audit",))
PEOPLE["person:ben"] = Member("person:ben", known_as("person:ben"), "audit", ("audit",))


def request(*steps: Step, **other: Any) -> Request:
    """Return ana's request for ben after these steps."""
    known: dict[str, Any] = {
        "id": "r",
        "kind": RequestKind.PURPOSE,
        "state": RequestState.OPEN,
        "requester": "person:ana",
        "beneficiary": "user:ben",
        "purpose": "p",
        "opened_at": 0,
        "terms_at": 0,
        "expires_at": ENDS,
        "text": "because",
        "days": 20,
    }
    return Request(**{**known, **other}, steps=(step("opened", "person:ana"), *steps))


def step(kind: str, actor: str, at: int = 10, **other: Any) -> Step:
    """Return a step."""
    return Step(StepKind(kind), actor, at, **other)


def take(on: Request, kind: str, actor: str, at: int = 10, **other: Any) -> str:
    """Return the state that a step leads to, or the code of its refusal."""
    taken = take_step(on, step(kind, actor, at, **other), RULES, PEOPLE, never)
    return taken.code if isinstance(taken, Refusal) else taken.state.value


CY_SAID_YES = step("approved", "person:cy")
BACK = {"state": RequestState.CHANGES_REQUESTED}


@pytest.mark.parametrize(
    ("name", "on", "kind", "actor", "said", "expected"),
    [
        ("first yes", request(), "approved", "person:cy", {}, "open"),
        ("second yes", request(CY_SAID_YES), "approved", "person:dee", {}, "approved"),
        ("yes of a unit", request(CY_SAID_YES), "approved", "person:gus", {}, "approved"),
        ("yes twice", request(CY_SAID_YES), "approved", "person:cy", {}, "voted"),
        ("twice by another account", request(CY_SAID_YES), "approved", "user:c1", {}, "voted"),
        ("yes, then no", request(CY_SAID_YES), "rejected", "person:cy", {"text": "x"}, "voted"),
        ("no", request(CY_SAID_YES), "rejected", "person:dee", {"text": "x"}, "rejected"),
        ("no without a reason", request(), "rejected", "person:dee", {}, "text_missing"),
        ("own", request(), "approved", "person:ana", {}, "requester"),
        ("for themself", request(), "approved", "person:ben", {}, "beneficiary"),
        ("barred", request(), "approved", "person:pol", {}, "barred"),
        ("not asked", request(), "approved", "person:eve", {}, "not_approver"),
        ("nobody known", request(), "approved", "person:zoe", {}, "not_approver"),
        ("changes", request(), "changes_asked", "person:cy", {"text": "x"}, "changes_requested"),
        ("changes without", request(), "changes_asked", "person:cy", {"text": " "}, "text_missing"),
        ("changes by others", request(), "changes_asked", "person:eve", {"text": "x"},
         "not_approver"),
        ("yes while changes", request(**BACK), "approved", "person:cy", {}, "changes_requested"),
        ("amended", request(**BACK), "amended", "person:ana", {"days": 30}, "open"),
        ("amended too far", request(**BACK), "amended", "person:ana", {"days": 31}, "days"),
        ("amended by others", request(**BACK), "amended", "person:eve", {"days": 1},
         "not_requester"),
        ("shortened", request(), "amended", "person:cy", {"days": 19}, "open"),
        ("not shortened", request(), "amended", "person:cy", {"days": 20}, "not_narrower"),
        ("reworded", request(), "amended", "person:cy", {"days": 5, "text": "x"}, "not_narrower"),
        ("yes after shortening", request(step("amended", "person:cy", days=5)), "approved",
         "person:cy", {}, "amended"),
        ("yes anew", request(CY_SAID_YES, step("amended", "person:ana")), "approved",
         "person:cy", {}, "open"),
        ("withdrawn", request(), "withdrawn", "person:ana", {}, "withdrawn"),
        ("withdrawn by whom it is for", request(**BACK), "withdrawn", "user:ben", {}, "withdrawn"),
        ("withdrawn by others", request(), "withdrawn", "person:cy", {}, "not_requester"),
        ("comment", request(), "commented", "person:cy", {"text": "why?"}, "open"),
        ("comment of others", request(), "commented", "person:eve", {"text": "why?"}, "not_party"),
        ("comment without words", request(), "commented", "person:ana", {}, "text_missing"),
        ("too many words", request(), "commented", "person:ana", {"text": "x" * 4_001},
         "text_too_long"),
        ("opened again", request(), "opened", "person:ana", {}, "opened_before"),
        ("at the end", request(), "approved", "person:cy", {"at": ENDS}, "expired"),
        ("just before", request(), "approved", "person:cy", {"at": ENDS - 1}, "open"),
        ("expired", request(**BACK), "expired", "service:ombud", {"at": ENDS}, "expired"),
        ("not yet", request(), "expired", "service:ombud", {"at": ENDS - 1}, "not_due"),
        ("after the end", request(state=RequestState.REJECTED), "approved", "person:cy", {},
         "closed"),
        ("looked at after it", request(state=RequestState.REJECTED), "viewed", "person:cy", {},
         "rejected"),
        ("emergency", request(kind=RequestKind.BREAK_GLASS), "withdrawn", "person:ana", {},
         "emergency"),
        ("full", request(*[step("commented", "person:ana")] * STEPS_MAX), "commented",
         "person:ana", {"text": "x"}, "steps_max"),
        ("full, and yet decided on", request(*[step("commented", "person:ana")] * STEPS_MAX),
         "approved", "person:cy", {}, "open"),
    ],
)  # fmt: skip
def test_steps(
    name: str, on: Request, kind: str, actor: str, said: dict[str, Any], expected: str
) -> None:
    """Each step leads to one state, or is refused for one reason."""
    assert take(on, kind, actor, **said) == expected, name


def test_who_carried_a_request_does_not_decide_on_it() -> None:
    """A program's own person is no approver of what it asked for others."""
    carried = msgspec.structs.replace(request(), steps=(step("opened", "person:cy"),))
    assert take(carried, "approved", "person:cy") == "requester"


def test_who_approved_before_does_not_review() -> None:
    """The reviewer of a matter is another than its approver, by whatever account."""
    rules = msgspec.structs.replace(RULES, earlier=frozenset({"user:c1"}))
    taken = take_step(request(), step("approved", "person:cy"), rules, PEOPLE, never)
    assert isinstance(taken, Refusal)
    assert taken.code == "reviewer"


@pytest.mark.parametrize(
    ("changed", "rules", "code"),
    [
        ({"text": " "}, {}, "text_missing"),
        ({"text": "x" * 4_001}, {}, "text_too_long"),
        ({"days": 31}, {}, "days"),
        ({"days": 367}, {"days_max": 1_000}, "days"),
        ({}, {"approvers": Audience()}, "no_approvers"),
        ({}, {"requesters": Audience(actors=("person:eve",))}, "not_requester"),
        ({}, {"requesters": Audience(types=("person",), when="actor.cleared")}, "not_requester"),
    ],
)
def test_openings(changed: dict[str, Any], rules: dict[str, Any], code: str) -> None:
    """What nobody could decide on, or may not be asked for, is refused at once."""
    on, by = request(**changed), msgspec.structs.replace(RULES, **rules)
    refusal = check_opening(on, by, PEOPLE["person:ana"], never)
    assert refusal is not None
    assert refusal.code == code
    assert check_opening(request(), RULES, PEOPLE["person:ana"], never) is None
    assert check_days(None, 5) is None


@pytest.mark.parametrize(
    ("audience", "said", "expected"),
    [
        (Audience(), True, False),
        (Audience(actors=("person:gus",)), True, True),
        (Audience(types=("person",)), True, True),
        (Audience(units=("county",)), True, True),
        (Audience(roles=("head",)), True, False),
        (Audience(when="c"), True, True),
        (Audience(when="c"), False, False),
        (Audience(when="c"), None, None),
        (Audience(types=("person",), when="c"), False, False),
        (Audience(roles=("head",), when="c"), None, False),
    ],
)
def test_audiences(audience: Audience, said: bool | None, expected: bool | None) -> None:
    """Any one naming suffices and the condition must hold; unknown is neither."""
    assert is_in(audience, PEOPLE["person:gus"], lambda *_: said) is expected


def test_a_bar_that_cannot_be_told_bars() -> None:
    """Half-truths decide nothing: who may be barred is."""
    rules = msgspec.structs.replace(RULES, barred=Audience(when="actor.elected"))
    taken = take_step(request(), step("approved", "person:cy"), rules, PEOPLE, never)
    assert isinstance(taken, Refusal)
    assert taken.code == "barred"


def test_who_is_barred_is_barred_by_every_name() -> None:
    """Another account, other letters, or a directory that forgot somebody: barred all the same."""
    named = msgspec.structs.replace(RULES, barred=Audience(actors=("person:cy",)))
    by_account = take_step(request(), Step(StepKind.APPROVED, "user:c1", 1), named, PEOPLE, never)
    assert isinstance(by_account, Refusal)
    assert by_account.code == "barred"
    forgotten = {**PEOPLE, "person:cy": msgspec.structs.replace(
        PEOPLE["person:cy"], is_known=False)}  # fmt: skip
    by_class = take_step(
        request(), Step(StepKind.APPROVED, "person:cy", 1), RULES, forgotten, never
    )
    assert isinstance(by_class, Refusal)
    assert by_class.code == "barred"
    free = msgspec.structs.replace(RULES, barred=Audience(actors=("person:eve",)))
    assert isinstance(
        take_step(request(), Step(StepKind.APPROVED, "person:cy", 1), free, forgotten, never), Taken
    )


def test_one_name_in_two_ways_of_writing_is_one_name() -> None:
    """Case, width and composition of characters make nobody another person."""
    ways = ("person:Jos\u00e9", "user:JOSE\u0301", "service:\uff4aos\u00e9")

    assert len({known_as(one) for one in ways}) == 1
    assert known_as("person:jose") != known_as(ways[0])


@given(st.text(min_size=1, max_size=5), st.text(min_size=1, max_size=5))
def test_names_are_one_person_or_not(one: str, other: str) -> None:
    """Being the same goes both ways, and needs no type or case."""
    first, second = stranger(f"person:{one}"), stranger(f"user:{other}")
    assert first.is_same(second) == second.is_same(first)
    assert stranger(f"person:{one}").is_same(stranger(f"user:{one.upper().casefold()}")) == (
        one.casefold() == one.upper().casefold().casefold()
    )


ACTORS = sorted(PEOPLE)
KINDS = [kind for kind in StepKind if kind is not StepKind.OPENED]


class Course(RuleBasedStateMachine):
    """Whatever anybody tries, in whatever order."""

    @initialize(quorum=st.integers(1, 3))
    def begin(self, quorum: int) -> None:
        """Open a request."""
        self.on = request()
        self.terms = msgspec.structs.replace(RULES, quorum=quorum)
        self.at = 0
        self.voters: list[str] = []

    @precondition(lambda self: hasattr(self, "on"))
    @rule(
        kind=st.sampled_from(KINDS),
        actor=st.sampled_from(ACTORS),
        days=st.one_of(st.none(), st.integers(0, 40)),
        text=st.sampled_from([None, "", "words"]),
        later=st.integers(0, 60),
    )
    def attempt(
        self, kind: StepKind, actor: str, days: int | None, text: str | None, later: int
    ) -> None:
        """Try a step; what is taken becomes part of the request."""
        self.at += later
        tried = Step(kind, actor, self.at, text, days)
        before = self.on.state
        taken = take_step(self.on, tried, self.terms, PEOPLE, never)
        if isinstance(taken, Refusal):
            return
        assert isinstance(taken, Taken)
        if before not in {RequestState.OPEN, RequestState.CHANGES_REQUESTED}:
            assert (kind, taken.state) == (StepKind.VIEWED, before)
        if kind is StepKind.AMENDED:
            self.voters = []
        if kind is StepKind.APPROVED:
            self.voters.append(actor)
        changed = {"terms_at": self.at, "days": days} if kind is StepKind.AMENDED else {}
        self.on = msgspec.structs.replace(
            self.on, state=taken.state, steps=(*self.on.steps, tried), **changed
        )

    @invariant()
    def approved_by_enough_others(self) -> None:
        """Approved means: so many different people, none of whom it concerns, are barred."""
        if not hasattr(self, "on"):
            return
        assert list(approvers_of(self.on)) == self.voters
        voters = [PEOPLE[actor] for actor in self.voters]
        for number, voter in enumerate(voters):
            assert not any(voter.is_same(other) for other in voters[:number])
            assert not voter.is_same(PEOPLE["person:ana"])
            assert not voter.is_same(PEOPLE["user:ben"])
            assert voter.role != "politician"
            assert is_in(APPROVERS, voter, never)
        amended = [one.actor for one in self.on.steps if one.kind is StepKind.AMENDED]
        assert not any(PEOPLE[one].is_same(voter) for one in amended for voter in voters)
        is_approved = self.on.state is RequestState.APPROVED
        assert is_approved == (len(voters) >= self.terms.quorum) or (
            self.on.state is RequestState.REJECTED
        )


TestCourse = Course.TestCase
TestCourse.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
