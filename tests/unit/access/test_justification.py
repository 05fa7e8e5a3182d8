"""What facts make of a justification: verified, stale, contradicted, unverifiable."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ombud.access.justification import (
    CONTRADICTS,
    MEANINGS,
    Aspect,
    CaseFacts,
    Claim,
    Evidence,
    Finding,
    Verdict,
    verify,
)

T = 1_000_000
DAY = 86_400_000
PLATE = ("plate", "7ABC123")
GOOD: dict[str, Any] = {
    "claim": {
        "time": T,
        "until": T,
        "case": "C-1",
        "person": "ana",
        "units": ("patrol", "county"),
        "subjects": (PLATE,),
        "purposes": ("theft", "policing"),
        "is_purpose_valid": True,
    },
    "case": {
        "opened_at": T - 10,
        "persons": frozenset({"ana"}),
        "units": frozenset(),
        "subjects": frozenset({PLATE}),
        "purposes": frozenset({"policing"}),
    },
    "evidence": {"as_of": T - 5, "age_ms_max": 10, "is_on_leave": False, "is_on_shift": True},
}


def made(**changed: Any) -> tuple[Claim, Evidence]:
    """Return a claim that holds and its evidence, with what a case of a table changes."""
    parts = {name: dict(values) for name, values in GOOD.items()}
    has_case = changed.pop("has_case", True)
    for name, value in changed.items():
        bare = name.removeprefix("case_") if name != "case" else name
        part = next(p for p, shape in SHAPES.items() if bare in shape.__struct_fields__)
        parts["case" if bare != name else part][bare] = value
    case = CaseFacts(id="C-1", **parts["case"]) if has_case else None
    return Claim(**parts["claim"]), Evidence(case=case, **parts["evidence"])


SHAPES: dict[str, Any] = {"claim": Claim, "case": CaseFacts, "evidence": Evidence}
CASES: dict[str, tuple[dict[str, Any], Verdict, Finding]] = {
    "all is well": ({}, Verdict.VERIFIED, Finding.CASE_OPEN),
    "assigned to the unit above": (
        {"persons": None, "case_units": frozenset({"county"})},
        Verdict.VERIFIED,
        Finding.ASSIGNED,
    ),
    "closed only later": ({"closed_at": T + 1}, Verdict.VERIFIED, Finding.CASE_OPEN),
    "no such case": ({"has_case": False}, Verdict.CONTRADICTED, Finding.NO_SUCH_CASE),
    "closed before": ({"closed_at": T - 1}, Verdict.CONTRADICTED, Finding.CASE_CLOSED),
    "closed at that very instant": ({"closed_at": T}, Verdict.CONTRADICTED, Finding.CASE_CLOSED),
    "closed, as the status said before": (
        {"is_closed": True},
        Verdict.CONTRADICTED,
        Finding.CASE_CLOSED,
    ),
    "closed, as the status says since": (
        {"is_closed": True, "as_of": T + 5},
        Verdict.STALE,
        Finding.CLOSING_TIME_UNKNOWN,
    ),
    "closed while it still held": (
        {"closed_at": T + 5, "until": T + 9},
        Verdict.STALE,
        Finding.CASE_CLOSED_SINCE,
    ),
    "opened afterwards": ({"opened_at": T + 1}, Verdict.CONTRADICTED, Finding.CASE_NOT_OPEN_YET),
    "of somebody else": (
        {"persons": frozenset({"ben"})},
        Verdict.CONTRADICTED,
        Finding.NOT_ASSIGNED,
    ),
    "of nobody": ({"persons": frozenset()}, Verdict.CONTRADICTED, Finding.NOT_ASSIGNED),
    "about somebody else": (
        {"case_subjects": frozenset({("plate", "OTHER")})},
        Verdict.CONTRADICTED,
        Finding.SUBJECT_NOT_NAMED,
    ),
    "purpose over": ({"is_purpose_valid": False}, Verdict.CONTRADICTED, Finding.PURPOSE_ENDED),
    "case of another purpose": (
        {"case_purposes": frozenset({"tax"})},
        Verdict.CONTRADICTED,
        Finding.PURPOSE_DIFFERS,
    ),
    "on leave": ({"is_on_leave": True}, Verdict.CONTRADICTED, Finding.ON_LEAVE),
    "facts too old": ({"as_of": T - 11}, Verdict.STALE, Finding.FACTS_TOO_OLD),
    "old facts know no such case": (
        {"as_of": T - 11, "has_case": False},
        Verdict.STALE,
        Finding.FACTS_TOO_OLD,
    ),
    "no case stated": ({"case": None}, Verdict.UNVERIFIABLE, Finding.NO_CASE_STATED),
    "no facts": ({"as_of": None}, Verdict.UNVERIFIABLE, Finding.NO_CASE_FACTS),
    "no answer": (
        {"as_of": None, "is_unreachable": True},
        Verdict.UNVERIFIABLE,
        Finding.FACTS_UNREACHABLE,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_verdict(name: str) -> None:
    """Each way in which facts speak for or against a justification."""
    changed, verdict, finding = CASES[name]
    claim, evidence = made(**changed)

    found = verify(claim, evidence)

    assert found.verdict is verdict
    assert finding in found.findings
    if verdict is not Verdict.VERIFIED:
        assert found.findings[0] is finding


@pytest.mark.parametrize(
    ("changed", "aspect", "finding"),
    [
        ({"persons": None, "case_units": None}, Aspect.ASSIGNMENT, Finding.ASSIGNMENT_UNKNOWN),
        ({"person": None}, Aspect.ASSIGNMENT, Finding.ACTOR_UNKNOWN),
        ({"is_purpose_valid": None}, Aspect.PURPOSE, Finding.PURPOSE_UNKNOWN),
    ],
)
def test_what_is_unknown_counts_where_it_is_required(
    changed: dict[str, Any], aspect: Aspect, finding: Finding
) -> None:
    """What nobody knows is told, and keeps from verifying what must be known."""
    claim, evidence = made(**changed)

    assert verify(claim, evidence).verdict is Verdict.VERIFIED
    required = verify(claim, evidence, require=(Aspect.CASE, aspect))
    assert required.verdict is Verdict.UNVERIFIABLE
    assert required.findings[0] is finding


def test_subjects_of_other_kinds_are_not_contradicted() -> None:
    """A case that names persons says nothing about a plate, and does not verify it either."""
    claim, evidence = made(case_subjects=frozenset({("person", "P")}))

    assert verify(claim, evidence).verdict is Verdict.VERIFIED
    found = verify(claim, evidence, require=(Aspect.SUBJECT,))
    assert (found.verdict, found.findings[0]) == (Verdict.UNVERIFIABLE, Finding.SUBJECT_UNKNOWN)


def test_notes_decide_nothing() -> None:
    """Off the roster, or related to the data subject: told beside the verdict."""
    claim, evidence = made(is_on_shift=False, relations=("sister",))
    found = verify(claim, evidence)

    assert found.verdict is Verdict.VERIFIED
    assert {Finding.OFF_SHIFT, Finding.RELATED} <= set(found.findings)


def test_every_finding_has_a_meaning() -> None:
    """Whoever reads a code can read a sentence."""
    assert set(MEANINGS) == set(Finding)


INSTANTS = st.integers(0, 20)
NAMES = st.sampled_from(["ana", "ben", "patrol"])
SUBJECTS = st.frozensets(st.tuples(st.sampled_from(["p", "q"]), st.sampled_from("12")), max_size=3)


@st.composite
def claims(draw: Any) -> Claim:
    """Return any claim."""
    time = draw(INSTANTS)
    return Claim(
        time=time,
        until=time + draw(INSTANTS),
        case=draw(st.none() | st.just("C-1")),
        person=draw(st.none() | NAMES),
        units=tuple(draw(st.frozensets(NAMES))),
        subjects=tuple(draw(SUBJECTS)),
        purposes=tuple(draw(st.frozensets(st.sampled_from("ab")))),
        is_purpose_valid=draw(st.none() | st.booleans()),
    )


CASE_FACTS = st.builds(
    CaseFacts,
    id=st.just("C-1"),
    is_closed=st.booleans(),
    opened_at=st.none() | INSTANTS,
    closed_at=st.none() | INSTANTS,
    persons=st.none() | st.frozensets(NAMES),
    units=st.none() | st.frozensets(NAMES),
    subjects=st.none() | SUBJECTS,
    purposes=st.none() | st.frozensets(st.sampled_from("ab"), min_size=1),
)
EVIDENCE = st.builds(
    Evidence,
    case=st.none() | CASE_FACTS,
    as_of=st.none() | INSTANTS,
    age_ms_max=INSTANTS,
    is_unreachable=st.booleans(),
    is_on_leave=st.none() | st.booleans(),
    is_on_shift=st.none() | st.booleans(),
    relations=st.just(()),
)


@given(claims(), EVIDENCE, st.frozensets(st.sampled_from(list(Aspect))))
def test_verdicts_follow_from_findings(
    claim: Claim, evidence: Evidence, require: frozenset[Aspect]
) -> None:
    """Whatever the facts: contradicted beats all, and what is verified lacks nothing required."""
    found = verify(claim, evidence, require=require)
    contradictions = CONTRADICTS.intersection(found.findings)

    assert (found.verdict is Verdict.CONTRADICTED) == bool(contradictions)
    if found.verdict is Verdict.VERIFIED and Aspect.CASE in require:
        case = evidence.case
        assert case is not None
        assert case.opened_at is None or case.opened_at <= claim.time
        assert case.closed_at is None or case.closed_at > claim.time
        assert evidence.as_of is not None
        assert claim.time <= evidence.as_of + evidence.age_ms_max
    assert len(set(found.findings)) == len(found.findings)


@given(claims(), EVIDENCE)
def test_leave_never_helps(claim: Claim, evidence: Evidence) -> None:
    """One more fact against a justification never makes it better."""
    worse = Evidence(
        case=evidence.case, as_of=evidence.as_of, age_ms_max=evidence.age_ms_max, is_on_leave=True
    )

    assert verify(claim, worse).verdict is Verdict.CONTRADICTED


@given(claims(), EVIDENCE)
def test_requiring_more_never_verifies_more(claim: Claim, evidence: Evidence) -> None:
    """Who asks for more gets no more verified."""
    if verify(claim, evidence, require=tuple(Aspect)).verdict is Verdict.VERIFIED:
        assert verify(claim, evidence, require=()).verdict is Verdict.VERIFIED
