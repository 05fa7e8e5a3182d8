"""Justification: what facts make of it: verified, stale, contradicted or unverifiable.

A claim says who acted when, for which case, purpose and data subjects; evidence is
what the organisation's own tables know of that.  Facts that are older than allowed
neither verify nor contradict, and what nobody knows is never taken for a yes.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

import msgspec

Subject = tuple[str, str]  # Kind and key.


class Verdict(StrEnum):
    """What became of verifying."""

    VERIFIED = "verified"
    STALE = "stale"
    CONTRADICTED = "contradicted"
    UNVERIFIABLE = "unverifiable"


class Finding(StrEnum):
    """Why: stable codes; `MEANINGS` says each."""

    CASE_OPEN = "case_open"
    ASSIGNED = "assigned"
    SUBJECT_NAMED = "subject_named"
    PURPOSE_VALID = "purpose_valid"
    NO_SUCH_CASE = "no_such_case"
    CASE_NOT_OPEN_YET = "case_not_open_yet"
    CASE_CLOSED = "case_closed"
    NOT_ASSIGNED = "not_assigned"
    SUBJECT_NOT_NAMED = "subject_not_named"
    PURPOSE_ENDED = "purpose_ended"
    PURPOSE_DIFFERS = "purpose_differs"
    ON_LEAVE = "on_leave"
    CASE_CLOSED_SINCE = "case_closed_since"
    CLOSING_TIME_UNKNOWN = "closing_time_unknown"
    FACTS_TOO_OLD = "facts_too_old"
    NO_CASE_STATED = "no_case_stated"
    NO_CASE_FACTS = "no_case_facts"
    FACTS_UNREACHABLE = "facts_unreachable"
    ASSIGNMENT_UNKNOWN = "assignment_unknown"
    ACTOR_UNKNOWN = "actor_unknown"
    SUBJECT_UNKNOWN = "subject_unknown"
    PURPOSE_UNKNOWN = "purpose_unknown"
    OFF_SHIFT = "off_shift"
    RELATED = "related"


MEANINGS: dict[Finding, str] = {
    Finding.CASE_OPEN: "the case exists and was open",
    Finding.ASSIGNED: "the case was assigned to the actor or their unit",
    Finding.SUBJECT_NAMED: "the case names every data subject touched",
    Finding.PURPOSE_VALID: "the purpose was valid on that day",
    Finding.NO_SUCH_CASE: "no such case",
    Finding.CASE_NOT_OPEN_YET: "the case was opened after the act",
    Finding.CASE_CLOSED: "the case was closed before the act",
    Finding.NOT_ASSIGNED: "the case was assigned neither to the actor nor to their unit",
    Finding.SUBJECT_NOT_NAMED: "the case does not name a data subject touched",
    Finding.PURPOSE_ENDED: "the purpose had ended",
    Finding.PURPOSE_DIFFERS: "the case is kept for another purpose",
    Finding.ON_LEAVE: "the actor was on leave",
    Finding.CASE_CLOSED_SINCE: "the case was closed while the justification still held",
    Finding.CLOSING_TIME_UNKNOWN: "the case is closed, and nothing says since when",
    Finding.FACTS_TOO_OLD: "the facts were older than allowed at the time",
    Finding.NO_CASE_STATED: "no case was stated",
    Finding.NO_CASE_FACTS: "nothing is known of cases",
    Finding.FACTS_UNREACHABLE: "the case system did not answer",
    Finding.ASSIGNMENT_UNKNOWN: "nothing says to whom the case is assigned",
    Finding.ACTOR_UNKNOWN: "nobody knows which person the actor was",
    Finding.SUBJECT_UNKNOWN: "nothing says whom the case names",
    Finding.PURPOSE_UNKNOWN: "the policy does not know the purpose",
    Finding.OFF_SHIFT: "the actor was not on the roster at the time",
    Finding.RELATED: "the actor is related to a data subject",
}
HOLDS = frozenset(
    {Finding.CASE_OPEN, Finding.ASSIGNED, Finding.SUBJECT_NAMED, Finding.PURPOSE_VALID}
)
CONTRADICTS = frozenset(
    {
        Finding.NO_SUCH_CASE,
        Finding.CASE_NOT_OPEN_YET,
        Finding.CASE_CLOSED,
        Finding.NOT_ASSIGNED,
        Finding.SUBJECT_NOT_NAMED,
        Finding.PURPOSE_ENDED,
        Finding.PURPOSE_DIFFERS,
        Finding.ON_LEAVE,
    }
)
OUTDATES = frozenset(
    {Finding.CASE_CLOSED_SINCE, Finding.CLOSING_TIME_UNKNOWN, Finding.FACTS_TOO_OLD}
)


class Aspect(StrEnum):
    """What a justification may be required to be verified in."""

    CASE = "case"
    ASSIGNMENT = "assignment"
    SUBJECT = "subject"
    PURPOSE = "purpose"


_UNKNOWN = {
    Finding.NO_CASE_STATED: Aspect.CASE,
    Finding.NO_CASE_FACTS: Aspect.CASE,
    Finding.FACTS_UNREACHABLE: Aspect.CASE,
    Finding.ASSIGNMENT_UNKNOWN: Aspect.ASSIGNMENT,
    Finding.ACTOR_UNKNOWN: Aspect.ASSIGNMENT,
    Finding.SUBJECT_UNKNOWN: Aspect.SUBJECT,
    Finding.PURPOSE_UNKNOWN: Aspect.PURPOSE,
}


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be verified: an act at `time`, relied on up to `until` (ms since the epoch).

    `person` is none when nobody knows which person acted; `units` are the person's
    unit and those above, then; `purposes` the purpose and its ancestors.
    `is_purpose_valid` is none when the policy does not know the purpose.
    """

    time: int
    until: int
    case: str | None = None
    person: str | None = None
    units: tuple[str, ...] = ()
    subjects: tuple[Subject, ...] = ()
    purposes: tuple[str, ...] = ()
    is_purpose_valid: bool | None = None


class CaseFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one case; None: nothing says it.

    `persons` and `units` are those it was assigned to at the time of the act, and
    `subjects` whom it names.
    """

    id: str
    is_closed: bool = False
    opened_at: int | None = None
    closed_at: int | None = None
    persons: frozenset[str] | None = None
    units: frozenset[str] | None = None
    subjects: frozenset[Subject] | None = None
    purposes: frozenset[str] | None = None


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What facts say about one claim.

    `as_of` is when the facts about cases were taken, none when there are none, and
    `age_ms_max` how long after that they still count.  `case` is none when they know
    no such case.
    """

    case: CaseFacts | None = None
    as_of: int | None = None
    age_ms_max: int = 0
    is_unreachable: bool = False
    is_on_leave: bool | None = None
    is_on_shift: bool | None = None
    relations: tuple[str, ...] = ()


class Verified(msgspec.Struct, frozen=True):
    """A verdict with its findings, those that decided it first."""

    verdict: Verdict
    findings: tuple[Finding, ...]


def verify(
    claim: Claim, evidence: Evidence, *, require: Collection[Aspect] = (Aspect.CASE,)
) -> Verified:
    """Return what the evidence makes of a claim; `require` must be known for it to be verified."""
    found = [*_of_case(claim, evidence), *_of_purpose(claim), *_of_person(evidence)]
    verdict = _verdict(found, frozenset(require))
    deciding = {
        Verdict.VERIFIED: HOLDS,
        Verdict.CONTRADICTED: CONTRADICTS,
        Verdict.STALE: OUTDATES,
        Verdict.UNVERIFIABLE: frozenset(_UNKNOWN),
    }[verdict]
    return Verified(verdict, tuple(sorted(found, key=lambda one: one not in deciding)))


def _verdict(found: Collection[Finding], require: frozenset[Aspect]) -> Verdict:
    if CONTRADICTS.intersection(found):
        return Verdict.CONTRADICTED
    if OUTDATES.intersection(found):
        return Verdict.STALE
    lacks = require.intersection(_UNKNOWN[one] for one in found if one in _UNKNOWN)
    if lacks or not HOLDS.intersection(found):
        return Verdict.UNVERIFIABLE
    return Verdict.VERIFIED


def _of_case(claim: Claim, evidence: Evidence) -> list[Finding]:
    if not claim.case:
        return [Finding.NO_CASE_STATED]
    if evidence.as_of is None:
        return [Finding.FACTS_UNREACHABLE if evidence.is_unreachable else Finding.NO_CASE_FACTS]
    if claim.time > evidence.as_of + evidence.age_ms_max:
        return [Finding.FACTS_TOO_OLD]
    case = evidence.case
    if case is None:
        return [Finding.NO_SUCH_CASE]
    return [
        _of_standing(claim, case, evidence.as_of),
        _of_assignment(claim, case),
        *_of_subjects(claim, case),
        *_of_case_purpose(claim, case),
    ]


def _of_standing(claim: Claim, case: CaseFacts, as_of: int) -> Finding:
    if case.opened_at is not None and case.opened_at > claim.time:
        return Finding.CASE_NOT_OPEN_YET
    if case.closed_at is None:
        if not case.is_closed:
            return Finding.CASE_OPEN
        # It was closed when the facts were taken; whether at the time of an earlier act, who knows.
        return Finding.CASE_CLOSED if as_of <= claim.time else Finding.CLOSING_TIME_UNKNOWN
    if case.closed_at <= claim.time:
        return Finding.CASE_CLOSED
    return Finding.CASE_CLOSED_SINCE if case.closed_at < claim.until else Finding.CASE_OPEN


def _of_assignment(claim: Claim, case: CaseFacts) -> Finding:
    if case.persons is None and case.units is None:
        return Finding.ASSIGNMENT_UNKNOWN
    if claim.person is None:
        return Finding.ACTOR_UNKNOWN
    if claim.person in (case.persons or ()) or not (case.units or frozenset()).isdisjoint(
        claim.units
    ):
        return Finding.ASSIGNED
    return Finding.NOT_ASSIGNED


def _of_subjects(claim: Claim, case: CaseFacts) -> list[Finding]:
    if not claim.subjects:
        return []
    if case.subjects is None:
        return [Finding.SUBJECT_UNKNOWN]
    kinds = {kind for kind, _ in case.subjects}
    # A case that names persons says nothing about plates.
    if any(kind in kinds and (kind, key) not in case.subjects for kind, key in claim.subjects):
        return [Finding.SUBJECT_NOT_NAMED]
    is_known = all(kind in kinds for kind, _ in claim.subjects)
    return [Finding.SUBJECT_NAMED if is_known else Finding.SUBJECT_UNKNOWN]


def _of_case_purpose(claim: Claim, case: CaseFacts) -> list[Finding]:
    if not case.purposes or not claim.purposes or not case.purposes.isdisjoint(claim.purposes):
        return []
    return [Finding.PURPOSE_DIFFERS]


def _of_purpose(claim: Claim) -> list[Finding]:
    if claim.is_purpose_valid is None:
        return [Finding.PURPOSE_UNKNOWN]
    return [Finding.PURPOSE_VALID if claim.is_purpose_valid else Finding.PURPOSE_ENDED]


def _of_person(evidence: Evidence) -> list[Finding]:
    found = []
    if evidence.is_on_leave:
        found.append(Finding.ON_LEAVE)
    if evidence.is_on_shift is False:
        found.append(Finding.OFF_SHIFT)
    if evidence.relations:
        found.append(Finding.RELATED)
    return found
