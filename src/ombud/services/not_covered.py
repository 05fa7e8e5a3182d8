"""Not covered: what an answer about a data subject cannot know, told with the answer.

Of each source that tells of that kind of data subject: when it told nothing, or
lost something, or somebody changed what it writes down; and how many of its events
touch data and name nobody.  It is counted anew once a minute at most, and so seldom
that it takes no more than a two-hundredth of the time; the answer says as of when.
"""

from __future__ import annotations

import threading
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import orjson

from ombud.core.clock import Clock, format_instant
from ombud.query.parse import parse_query
from ombud.services.asker import Asker
from ombud.services.coverage_fixes import percent
from ombud.services.told import Told, tell_events
from ombud.store.coverage import GAP, Stretch, count_subjects
from ombud.store.index import Index
from ombud.store.quiet import (
    HOUR_MS,
    Finding,
    Hour,
    Point,
    find_findings,
    find_hours,
    find_next_within_hour,
    find_sequence_times,
    find_systems,
)
from ombud.store.statement import Rows
from ombud.store.visibility import Visibility

Json = dict[str, Any]
Place = tuple[str, str | None]  # Source and system.

AGE_MS = 60_000  # Kept so long; it takes a pass over some columns of every event.
AGE_PER_COST = 200  # And so many times as long as it took.
KEPT_MAX = 32  # Answers kept, by kind and by what the asker may see.
WINDOW_MS = 400 * 24 * HOUR_MS  # Looked back; a year, and the same weeks of the one before.
STRETCHES_MAX = 20  # Of each sort, the latest.
# A stretch is odd when, by how often its hours are empty at other times, chance leaves them
# all empty less often than this, and so many events would have been usual.
CHANCE_MAX = 0.001
USUAL_EVENTS = 10.0
TURNS_MIN = 3  # Other days that tell what is usual.
_SATURDAY = 5
TEXT_SHOWN = 80  # Characters of a statement.
# Acts that change what a system writes down, on and off alike.
_CHANGES = (
    "(source:aws.cloudtrail operation:(StopLogging, StartLogging, DeleteTrail, UpdateTrail,"
    " PutEventSelectors, DeleteEventDataStore)) OR (source:postgres.pgaudit action:configure"
    " query:pgaudit) OR (resource.type:(audit_log, audit_trail, log_export)"
    " action:(delete, configure, write))"
)


class Fetch(Protocol):
    """Reads events of the record."""

    def __call__(self, indices: Sequence[int], *, raw: bool = True) -> list[Any]:
        """Return these events."""


class _Stretch(NamedTuple):
    """A stretch that is not covered; without an end it goes on, or its end is not known."""

    place: Place
    what: str
    begins: int
    ends: int | None
    why: str

    def to_dict(self) -> Json:
        source, system = self.place
        return {
            "source": source,
            "system": system,
            "what": self.what,
            "begins": format_instant(self.begins),
            "ends": None if self.ends is None else format_instant(self.ends),
            "why": self.why,
        }


class NotCovered:
    """Tells what is not known about a kind of data subject."""

    def __init__(self, *, index: Index, fetch: Fetch, clock: Clock) -> None:
        self._index = index
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        # By kind and asker: when it was counted, until when it is good, and what it says.
        self._kept: dict[tuple[str, Asker], tuple[int, int, Json]] = {}

    def report(self, kind: str, *, asker: Asker) -> Json:
        """Return sources and stretches, as far as the asker may see."""
        now, key = self._clock(), (kind, asker)
        with self._lock:  # Whoever asks the same meanwhile waits, and has it too.
            counted = self._kept.get(key)
            if counted is None or not counted[0] <= now < counted[1]:
                told = self._count(kind, now, asker)
                cost = max(0, self._clock() - now)
                counted = (now, now + max(AGE_MS, AGE_PER_COST * cost), told)
                self._kept.pop(key, None)
                while len(self._kept) >= KEPT_MAX:
                    del self._kept[next(iter(self._kept))]
                self._kept[key] = counted
        return counted[2]

    def _count(self, kind: str, now: int, asker: Asker) -> Json:
        visibility = Visibility(units=asker.units, systems=asker.systems)
        stretch = Stretch(now - WINDOW_MS, now + 1, visibility)
        changes = self._changes(now, visibility)
        with self._index.as_of_now() as ask:
            places = find_systems(ask, kind, stretch)
            by_place: dict[Place, list[Hour]] = defaultdict(list)
            for hour in find_hours(ask, stretch):
                if (hour.source, hour.system) in places:
                    by_place[hour.source, hour.system].append(hour)
            subjects = {(row[0], row[1]): (row[2], row[3]) for row in count_subjects(ask, stretch)}
            findings = find_findings(ask, stretch, limit=STRETCHES_MAX)
            stretches = [
                *_quiet(by_place),
                *_told(ask, findings, by_place),
                *_after_changes(ask, changes, by_place),
            ]
        stretches.sort(key=lambda one: (-one.begins, one.place[0], one.place[1] or "", one.what))
        return {
            "kind": kind,
            "as_of": format_instant(now),
            "is_limited": asker.is_restricted,
            "sources": [
                _source(place, hours, *subjects.get(place, (0, 0)))
                for place, hours in sorted(by_place.items(), key=lambda item: _named(item[0]))
            ],
            "stretches": [one.to_dict() for one in stretches],
        }

    def _changes(self, now: int, visibility: Visibility) -> list[Told]:
        page = self._index.search(
            parse_query(_CHANGES), limit=STRETCHES_MAX, now_ms=now, visibility=visibility
        )
        return tell_events(self._index, self._fetch(page.indices, raw=False))


def _named(place: Place) -> tuple[str, str]:
    return place[0], place[1] or ""


def _source(place: Place, hours: Sequence[Hour], known: int, lost: int) -> Json:
    return {
        "source": place[0],
        "system": place[1],
        "first": format_instant(min(hour.first_time for hour in hours)),
        "last": format_instant(max(hour.last_time for hour in hours)),
        "events": sum(hour.events for hour in hours),
        "subject_known": known,
        "subject_unknown": lost,
        "subject_unknown_percent": percent(lost, known + lost),
    }


def _quiet(by_place: dict[Place, list[Hour]]) -> Iterator[_Stretch]:
    """Yield the latest stretches without an event that are hardly ever so by chance."""
    found: list[_Stretch] = []
    for place, hours in by_place.items():
        habit = _Habit(hours)
        for before, after in pairwise(hours):
            empty = range(before.hour + 1, after.hour)
            if empty and (usual := habit.usual_if_odd(empty)) is not None:
                why = f"no events, where about {usual:.0f} are usual"
                found.append(_Stretch(place, "quiet", before.last_time, after.first_time, why))
    found.sort(key=lambda one: -one.begins)
    yield from found[:STRETCHES_MAX]


def _slot(hour: int) -> tuple[int, bool]:
    """Return the hour of the day, and whether it is a weekend's; the epoch was a Thursday."""
    return hour % 24, (hour // 24 + 3) % 7 >= _SATURDAY


class _Habit:
    """How often each hour of the day, on weekdays and weekends, passes without an event."""

    def __init__(self, hours: Sequence[Hour]) -> None:
        self._turns = Counter(map(_slot, range(hours[0].hour, hours[-1].hour + 1)))
        self._busy = Counter(_slot(hour.hour) for hour in hours)
        self._events: Counter[tuple[int, bool]] = Counter()
        for hour in hours:
            self._events[_slot(hour.hour)] += hour.events

    def usual_if_odd(self, empty: range) -> float | None:
        """Return how many events are usual in these hours, None if chance leaves them empty."""
        chance, usual = 1.0, 0.0
        for slot, own in Counter(map(_slot, empty)).items():
            others = self._turns[slot] - own
            if others < TURNS_MIN:
                return None
            chance *= ((others - self._busy[slot] + 0.5) / (others + 1)) ** own
            usual += self._events[slot] / others * own
        return usual if chance <= CHANCE_MAX and usual >= USUAL_EVENTS else None


def _told(
    ask: Rows, findings: Sequence[Finding], by_place: dict[Place, list[Hour]]
) -> Iterator[_Stretch]:
    """Yield the gaps and silences that were noticed while collecting."""
    kinds = {source for source, _ in by_place}
    read = [
        (finding, finding.of, orjson.loads(finding.attributes or "{}"))
        for finding in findings
        if finding.of in kinds
    ]
    numbers = [
        (of, int(number))
        for finding, of, said in read
        if finding.operation == GAP
        for number in (_number(said, "expected", -1), _number(said, "got", 0))
        if number is not None
    ]
    times = find_sequence_times(ask, numbers)
    for finding, of, said in read:
        if finding.operation == GAP:
            before = times.get((of, _number(said, "expected", -1) or 0), [])
            after = times.get((of, _number(said, "got", 0) or 0), [])
            # A number that several streams have tells no time.
            is_sure = len(before) == 1 and len(after) == 1
            begins, ends = (before[0], after[0]) if is_sure else (finding.time, None)
            where = "" if is_sure else " (noticed then)"
            why = f"{said.get('missing', 'some')} events are missing by their numbers{where}"
            yield _Stretch((of, None), "gap", begins, ends, why)
        else:
            since = _number(said, "since", 0)
            begins = finding.time if since is None else since
            yield _Stretch((of, None), "silence", begins, None, "the source fell silent")


def _number(said: Json, name: str, plus: int) -> int | None:
    try:
        return int(said[name]) + plus
    except (KeyError, TypeError, ValueError):
        return None


def _after_changes(
    ask: Rows, changes: Sequence[Told], by_place: dict[Place, list[Hour]]
) -> Iterator[_Stretch]:
    """Yield what follows each change of what is written down: until the next event."""
    seen = [told for told in changes if (told.event.source, told.event.resource_system) in by_place]
    events = [told.event for told in seen]
    points = [Point(event.source, event.resource_system, event.time) for event in events]
    within = find_next_within_hour(ask, points)
    for number, (told, point) in enumerate(zip(seen, points, strict=True)):
        hours = by_place[point.source, point.system]
        later = (hour.first_time for hour in hours if hour.first_time > point.time)
        ends = within.get(number, next(later, None))
        event = told.event
        who = told.person.name or told.person.id if told.person else event.account or "nobody named"
        text = " ".join((event.query_text or event.operation or event.action).split())
        why = f"{who} changed what is written down ({text[:TEXT_SHOWN]}); then no event"
        yield _Stretch((point.source, point.system), "changed", point.time, ends, why)
