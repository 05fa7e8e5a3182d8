"""Justifications: verified at once and again each night, and listed with what became of them.

Only a verdict that changes is an event.  What others' platforms carry (`case`,
`justification.text`) is verified by the same rules, in a report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ombud.access.checkpoint import ancestors, find_checkpoint
from ombud.access.justification import Claim, Finding, Subject, Verdict, verify
from ombud.access.justification_copies import Given, History
from ombud.access.justification_text import Quality, judge_text, with_flaws
from ombud.access.model import Policy
from ombud.core.clock import Clock
from ombud.core.errors import InputError, NotFound
from ombud.core.event import Event
from ombud.services.asker import Asker
from ombud.services.directory_entry import find_entry
from ombud.services.justification_facts import DirectoryFacts, find_evidence
from ombud.services.looks import Looks
from ombud.services.own_events import own_event
from ombud.services.record_port import Appender, record_events
from ombud.services.reference_book import Book
from ombud.services.references import ReferenceData
from ombud.store.checkpoint import FulfilmentRow
from ombud.store.checkpoint_events import CHECKPOINT_VERDICT
from ombud.store.control import ControlStore
from ombud.store.control_change import CONTROL

Json = dict[str, Any]
DAY_MS = 86_400_000
NIGHTLY_AT_ONCE = 2_000  # Justifications whose facts are looked up together.
HISTORY_DAYS = 90  # How far back a text counts as given before.
HISTORY_MAX = 50_000  # Texts read when a home is opened.
LIMIT_MAX = 1_000  # Of one list.
FLAG_CONTRADICTED = "justification_contradicted"  # Flags, for rules to match.
FLAG_POOR = "justification_poor"


class Who(NamedTuple):
    """An actor at an instant: the person, if known, and their unit with those above."""

    person: str | None
    units: tuple[str, ...]

    @property
    def unit(self) -> str | None:
        """The nearest unit."""
        return self.units[0] if self.units else None


class Checked(NamedTuple):
    """What became of verifying one claim."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    facts: dict[str, str]


class Justifications:
    """Verifies justifications, lists them and judges their texts."""

    def __init__(
        self,
        *,
        appender: Appender,
        control: ControlStore,
        project: Callable[[], None],
        references: ReferenceData,
        looks: Looks,
        policy: Callable[[], Policy],
        clock: Clock,
    ) -> None:
        """`project` brings the control tables up to the last durable event."""
        self._appender = appender
        self._control = control
        self._tables = control.checkpoints
        self._project = project
        self._references = references
        self._looks = looks
        self._policy = policy
        self._clock = clock
        self._directory = DirectoryFacts(control.directory)
        self._history: History | None = None
        self._verified_day: int | None = None

    def person_of(self, name: str, time: int) -> str | None:
        """Return the one person whom a name stands for; a stranger is who they say they are.

        None where several people may be meant.
        """
        directory = self._control.directory
        people = directory.people_of(name, time)
        if directory.of_person(name).get("person"):
            people = people | {name}
        if len(people) > 1:
            return None
        return next(iter(people), name)

    def who(self, actor_id: str, time: int) -> Who:
        """Return which person of the directory an actor was; nobody where several may be meant."""
        person = self.person_of(actor_id, time)
        entry = None if person is None else find_entry(self._control.directory, person, time)
        return Who(None, ()) if entry is None else Who(person, tuple(entry["units"]))

    def claim(
        self,
        *,
        time: int,
        until: int,
        who: Who,
        case: str | None,
        subjects: Sequence[Subject],
        purpose: str | None,
    ) -> Claim:
        """Return what is to be verified."""
        line = ancestors(self._policy(), purpose)
        ended = any(one.until is not None and one.until <= time for one in line)
        return Claim(
            time=time,
            until=until,
            case=case,
            person=who.person,
            units=who.units,
            subjects=tuple(subjects),
            purposes=tuple(one.id for one in line) or ((purpose,) if purpose else ()),
            is_purpose_valid=not ended if line else None,
        )

    def verify(self, claim: Claim) -> Checked:
        """Verify one claim now, asking the organisation's systems where that is declared."""
        people = [claim.person] if claim.person else []
        cases = [claim.case] if claim.case else []
        return self._check(claim, self._references.book(cases=cases, people=people, is_live=True))

    def _check(self, claim: Claim, book: Book) -> Checked:
        found = find_evidence(claim, book, self._directory)
        require = self._references.declared().require
        verified = verify(claim, found.evidence, require=require)
        return Checked(verified.verdict, verified.findings, found.facts)

    def judge(self, given: Given, *, prompt: str) -> Quality:
        """Return the quality of a text, in the light of those given before."""
        quality = judge_text(given.text, prompt=prompt, codes=[given.case] if given.case else [])
        return with_flaws(quality, self._remembered().find(given).flaws)

    def remember(self, given: Given) -> None:
        """Take a text for one given before."""
        self._remembered().add(given)

    def _remembered(self) -> History:
        if self._history is None:
            self._history = History()
            since = self._clock() - HISTORY_DAYS * DAY_MS
            for row in reversed(self._tables.since(since, limit=HISTORY_MAX)):
                if row.text:
                    self._history.add(
                        Given(row.text, row.actor, row.unit, row.subjects, row.case_id)
                    )
        return self._history

    def find(
        self,
        *,
        asker: Asker,
        since: int,
        limit: int,
        verdicts: Sequence[str] = (),
        actor: str | None = None,
        cursor: str | None = None,
        why: str | None = None,
        case: str | None = None,
    ) -> Json:
        """Return justifications with their verdicts, the latest first; the look is on record."""
        if not 1 <= limit <= LIMIT_MAX:
            raise InputError(f"limit `{limit}` is not in 1..{LIMIT_MAX}")
        for verdict in verdicts:
            if verdict not in set(Verdict):
                raise InputError(f"no verdict `{verdict}`", hint=f"one of {', '.join(Verdict)}")
        self._require_whole(asker)
        self._looks.record_look("justification.list", asker, why=why, case=case)
        rows = self._tables.since(
            since, limit=limit + 1, verdicts=verdicts, actor=actor, after=_parse_cursor(cursor)
        )
        page = rows[:limit]
        following = f"{page[-1].met_at}.{page[-1].id}" if len(rows) > limit else None
        return {"justifications": [told(row) for row in page], "next_cursor": following}

    def show(self, id_: str, *, asker: Asker, why: str | None, case: str | None) -> Json:
        """Return one justification; the look is on record, but for one's own."""
        row = self._tables.get(id_)
        is_own = row is not None and asker.person in {row.person, row.actor.partition(":")[2]}
        if not is_own or "request" not in asker.scopes:
            self._require_whole(asker)
            self._looks.record_look(
                "justification.show", asker, why=why, case=case, resource_id=id_
            )
        if row is None:
            raise NotFound(f"no justification `{id_}`",
                           hint="`ombud justification list` lists them")  # fmt: skip
        return told(row)

    @staticmethod
    def _require_whole(asker: Asker) -> None:
        asker.require("search")
        if asker.is_restricted:
            raise InputError(
                "justifications are listed for the whole home",
                hint="a token that sees a part asks `ombud search has:justification.text`",
            )

    def turn(self, now: int) -> None:
        """Once a day, verify again what was met in the last days against the newest facts."""
        day = now // DAY_MS
        if self._verified_day == day:
            return
        self.reverify(now)
        self._verified_day = day

    def reverify(self, now: int) -> Json:
        """Verify again what was met in the last days; record the verdicts that changed."""
        since = now - self._references.declared().days * DAY_MS
        counts = {"verified_again": 0, "changed": 0}
        after: tuple[int, str] | None = None
        while True:
            rows = self._tables.since(since, limit=NIGHTLY_AT_ONCE, after=after)
            if not rows:
                return counts
            after = (rows[-1].met_at, rows[-1].id)
            changed = list(self._reverified(rows, now))
            counts["verified_again"] += len(rows)
            counts["changed"] += len(changed)
            if changed:
                record_events(self._appender, changed)
                self._project()

    def _reverified(self, rows: Sequence[FulfilmentRow], now: int) -> Iterator[Event]:
        book = self._references.book(
            cases={row.case_id for row in rows if row.case_id},
            people={row.person for row in rows if row.person},
        )
        for row in rows:
            checked = self._check(self._claim_of(row), book)
            # What was asked of a live system was newer than what is loaded.
            is_live = any(sha256.startswith("live:") for sha256 in row.facts.values())
            is_unknown = checked.verdict in {Verdict.UNVERIFIABLE, Verdict.STALE}
            if is_live and is_unknown and Finding.CASE_CLOSED_SINCE not in checked.findings:
                continue
            if checked.verdict != row.verdict:
                yield self._verdict_event(row, checked, now)

    def _claim_of(self, row: FulfilmentRow) -> Claim:
        who = self.who(row.actor.partition(":")[2], row.met_at)
        if who.person is None and row.person is not None:
            who = Who(row.person, ())
        return self.claim(
            time=row.met_at,
            until=row.met_at if row.is_once else row.until,
            who=who,
            case=row.case_id,
            subjects=row.subjects,
            purpose=row.purpose or None,
        )

    def is_refused(self, checkpoint: str, purpose: str, checked: Checked) -> bool:
        """Whether a fulfilment with this verdict does not count, as its checkpoint is set."""
        found = find_checkpoint(self._policy(), checkpoint, purpose)
        is_over = Finding.CASE_CLOSED_SINCE in checked.findings
        is_wrong = checked.verdict is Verdict.CONTRADICTED or is_over
        return is_wrong and found is not None and found.verify == "refuse"

    def _verdict_event(self, row: FulfilmentRow, checked: Checked, now: int) -> Event:
        is_refused = self.is_refused(row.checkpoint, row.purpose, checked)
        contradicts = checked.verdict is Verdict.CONTRADICTED
        return own_event(
            time=now,
            source=CONTROL,
            action="other",
            operation=CHECKPOINT_VERDICT,
            actor_id="ombud",
            actor_type="service",
            purpose=row.purpose or None,
            case=row.case_id,
            justification_checkpoint=row.checkpoint,
            justification_verdict=checked.verdict.value,
            parent_id=row.id,
            flags=(FLAG_CONTRADICTED,) if contradicts else None,
            attributes={
                "fulfilment": row.id,
                "verdict": checked.verdict.value,
                "was": row.verdict,
                "findings": [one.value for one in checked.findings],
                "facts": checked.facts,
                "verified_at": now,
                "is_refused": is_refused,
            },
        )

    def check_several(self, claims: Iterable[Claim]) -> list[Checked]:
        """Verify claims against what is loaded."""
        listed = list(claims)
        book = self._references.book(
            cases={claim.case for claim in listed if claim.case},
            people={claim.person for claim in listed if claim.person},
        )
        return [self._check(claim, book) for claim in listed]


def _parse_cursor(cursor: str | None) -> tuple[int, str] | None:
    if cursor is None:
        return None
    met_at, _, id_ = cursor.partition(".")
    if not (met_at.isascii() and met_at.isdigit() and len(met_at) < 19 and id_):
        raise InputError(f"`{cursor[:80]}` is no cursor", hint="take `next_cursor` of an answer")
    return int(met_at), id_


def told(row: FulfilmentRow) -> Json:
    """Return a justification as answers show it: the verdict beside the text."""
    return {
        "id": row.id,
        "state": row.state,
        "actor": row.actor,
        "person": row.person,
        "unit": row.unit,
        "purpose": row.purpose,
        "checkpoint": row.checkpoint,
        "kind": row.kind,
        "met_at": row.met_at,
        "until": row.until,
        "is_once": row.is_once,
        "resources": list(row.resources),
        "subjects": [list(one) for one in row.subjects],
        "text": row.text,
        "choices": list(row.choices),
        "case": row.case_id,
        "wording": row.wording,
        "policy": row.policy,
        "decision": row.decision,
        "delivered_by": row.delivered_by,
        "second_person": row.second_person,
        "verdict": row.verdict,
        "findings": list(row.findings),
        "facts": row.facts,
        "verified_at": row.verified_at,
        "is_refused": row.is_refused,
        "score": row.score,
        "flaws": list(row.flaws),
        "event": row.event_index,
    }
