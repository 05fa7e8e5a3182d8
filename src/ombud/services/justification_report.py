"""Justification report: what facts make of the cases and reasons that other platforms logged.

Nothing is recorded but the look: these events are the platforms' own, and what is
found is for a reviewer.  It lists events, never people by how many they have.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ombud.access.justification import Verdict
from ombud.access.justification_copies import Given, History
from ombud.access.justification_text import POOR, Flaw, judge_text, with_flaws
from ombud.core.clock import Clock
from ombud.core.errors import InputError
from ombud.core.event import Event
from ombud.query.parse import parse_query
from ombud.services.asker import Asker
from ombud.services.follow import Follower
from ombud.services.justifications import Checked, Justifications, Who
from ombud.services.looks import Looks
from ombud.services.record_port import Appender
from ombud.services.told import Told, tell_events
from ombud.store.index import Index
from ombud.store.visibility import Visibility

Json = dict[str, Any]
Fetch = Callable[[Sequence[int]], Sequence[Event]]
DAY_MS = 86_400_000
DAYS_MAX = 3_660
PAGE = 2_000  # Events whose facts are looked up together.
EVENTS_MAX = 200_000  # Of one report: some minutes; a shorter span says the rest.
LISTED_MAX = 1_000
_QUERY = "(has:case OR has:justification.text) last:{days}d -source:ombud.*"
_OWN = "ombud."


class JustificationReport:
    """Verifies the justifications of recorded events."""

    def __init__(
        self,
        *,
        appender: Appender,
        index: Index,
        follower: Follower,
        fetch: Fetch,
        looks: Looks,
        justifications: Justifications,
        clock: Clock,
    ) -> None:
        """`fetch` gives events of the record by index, without their originals."""
        self._appender = appender
        self._index = index
        self._follower = follower
        self._fetch = fetch
        self._looks = looks
        self._justifications = justifications
        self._clock = clock

    def report(
        self, *, days: int, limit: int, asker: Asker, why: str | None, case: str | None
    ) -> Json:
        """Return how many events were verified with which verdict, and those that were not.

        In the order of time; the look is on record.
        """
        if not 1 <= days <= DAYS_MAX or not 1 <= limit <= LISTED_MAX:
            raise InputError(f"`days` is 1 to {DAYS_MAX}, and `limit` 1 to {LISTED_MAX}")
        query = _QUERY.format(days=days)
        size, _ = self._appender.head()
        self._looks.record_look("justification.verify", asker, why=why, case=case, query_text=query)
        self._follower.catch_up(size)
        indices, is_whole = self._indices(query, Visibility(asker.units, (), asker.systems), size)
        verdicts: Counter[str] = Counter()
        findings: Counter[str] = Counter()
        flaws: Counter[str] = Counter()
        listed: list[Json] = []
        for told, checked, of_text in self._checked(indices):
            verdicts[checked.verdict.value] += 1
            findings.update(one.value for one in checked.findings)
            flaws.update(one.value for one in of_text[1])
            is_poor = of_text[0] is not None and of_text[0] < POOR
            if (checked.verdict is Verdict.CONTRADICTED or is_poor) and len(listed) < limit:
                listed.append(_row(told, checked, of_text))
        return {
            "days": days,
            "events": len(indices),
            "is_whole": is_whole,
            "verdicts": {one.value: verdicts[one.value] for one in Verdict},
            "findings": dict(sorted(findings.items())),
            "flaws": dict(sorted(flaws.items())),
            "listed": listed,
        }

    def _indices(self, text: str, visibility: Visibility, size: int) -> tuple[list[int], bool]:
        """Return the events, the oldest first, and whether these are all; Ombud's own are not."""
        query, now, cursor = parse_query(text), self._clock(), None
        found: list[int] = []
        while len(found) < EVENTS_MAX:
            page = self._index.search(
                query, limit=PAGE, now_ms=now, cursor=cursor, below=size, visibility=visibility
            )
            found += page.indices
            cursor = page.next_cursor
            if cursor is None:
                return found[::-1], True
        return found[::-1], False

    def _checked(
        self, indices: Sequence[int]
    ) -> Iterator[tuple[Told, Checked, tuple[float | None, tuple[Flaw, ...]]]]:
        history = History()
        for start in range(0, len(indices), PAGE):
            events = self._fetch(indices[start : start + PAGE])
            told = [
                one
                for one in tell_events(self._index, events)
                if not one.event.source.startswith(_OWN)
            ]
            who = [self._who(one) for one in told]
            claims = [
                self._justifications.claim(
                    time=one.event.time,
                    until=one.event.time,
                    who=actor,
                    case=one.event.case,
                    subjects=one.event.subjects or (),
                    purpose=one.event.purpose,
                )
                for one, actor in zip(told, who, strict=True)
            ]
            checked = self._justifications.check_several(claims)
            for one, actor, found in zip(told, who, checked, strict=True):
                yield one, found, _judged(one.event, actor, history)

    def _who(self, told: Told) -> Who:
        if told.person is None:
            return Who(None, ())
        found = self._justifications.who(told.person.id, told.event.time)
        return found if found.person is not None else Who(told.person.id, ())


def _judged(event: Event, who: Who, history: History) -> tuple[float | None, tuple[Flaw, ...]]:
    text = event.justification_text
    if text is None:
        return None, ()
    actor = who.person or event.account or ""
    given = Given(text, actor, who.unit, event.subjects or (), event.case)
    quality = judge_text(text, codes=[event.case] if event.case else [])
    quality = with_flaws(quality, history.find(given).flaws)
    history.add(given)
    return quality.score, quality.flaws


def _row(told: Told, checked: Checked, of_text: tuple[float | None, tuple[Flaw, ...]]) -> Json:
    event = told.event
    return {
        "event": event.id,
        "time": event.time,
        "actor": event.actor_id,
        "person": None if told.person is None else told.person.id,
        "purpose": event.purpose,
        "case": event.case,
        "text": event.justification_text,
        "verdict": checked.verdict.value,
        "findings": [one.value for one in checked.findings],
        "score": of_text[0],
        "flaws": [one.value for one in of_text[1]],
    }
