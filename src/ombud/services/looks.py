"""Looks: search, sessions, session and who; each is an event before it is answered.

Looking is an act.  Whoever looks is on record with the question, the reason and
the case before a single event leaves; a look that cannot be recorded is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ombud.config.settings import Settings
from ombud.core.clock import Clock
from ombud.core.errors import InputError, NotFound
from ombud.core.event import Event
from ombud.query.parse import parse_query
from ombud.query.world import AlertTest
from ombud.record.reader import RecordReader
from ombud.services.asker import Asker
from ombud.services.follow import Follower
from ombud.services.own_events import look_event
from ombud.services.record_port import Appender, record_events
from ombud.services.told import Told, tell_events
from ombud.services.withholding import withhold
from ombud.store.alerts import KeptEvents
from ombud.store.coverage import Counted, Stretch
from ombud.store.index import Index
from ombud.store.search import Page as IndexPage
from ombud.store.statement import Cursor
from ombud.store.visibility import Visibility
from ombud.store.worlds import AlertEvents

LIMIT_MAX = 5_000  # Events of one page; a cursor continues it.
ROWS_MAX = 100_000  # Rows of an aggregation; never cut off in silence.
SESSION_EVENTS_MAX = 20_000  # Events of one timeline; a search gives any number, in pages.
ANSWER_SIZE_MAX = 64 << 20  # Bytes of originals in one answer: each may have 16 MB.
FETCH_COUNT = 200  # Events fetched between two looks at how many bytes there are.
ALERTS_PAGE = 500  # Alerts looked through at once for what an asker may see.
ALERT_EVENTS_MAX = 500_000  # Events of alerts that a search can ask for: 4 MB to hand over.
TEXT_MAX = 4_000  # Characters of a reason or a case.


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search: events newest first, or the rows of an aggregation."""

    events: list[Told] = field(default_factory=list)
    rows: list[dict[str, Any]] | None = None
    next_cursor: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the page as answers show it: OCSF documents, or rows."""
        if self.rows is not None:
            return {"rows": self.rows, "next_cursor": None}
        events = [told.to_ocsf() for told in self.events]
        return {"events": events, "next_cursor": self.next_cursor}


class Looks:
    """Every way to look at what is recorded."""

    def __init__(
        self,
        *,
        appender: Appender,
        reader: RecordReader,
        index: Index,
        follower: Follower,
        settings: Settings,
        clock: Clock,
        whole: Callable[[int], Index],
        alerts: Callable[[AlertTest], Iterator[KeptEvents]],
    ) -> None:
        """`whole` gives an index of every event below a size, however old."""
        self._whole = whole
        self._appender = appender
        self._reader = reader
        self._index = index
        self._follower = follower
        self._settings = settings
        self._clock = clock
        self._alerts = alerts

    def search(
        self,
        text: str,
        *,
        limit: int,
        asker: Asker,
        cursor: str | None = None,
        why: str | None = None,
        case: str | None = None,
        everything: bool = False,
    ) -> Page:
        """Return a page of what matches the query, as of the last durable event.

        With `everything`, also of what the index no longer holds: that takes long.
        """
        query = parse_query(text)
        self._check_limit(limit)
        size = self._look("search", asker, why, case, query_text=text)
        index = self._whole(size) if everything else self._index
        page = index.search(
            query,
            limit=ROWS_MAX + 1 if query.count_by else limit,
            cursor=cursor,
            below=size,
            now_ms=self._clock(),
            visibility=_visibility(asker),
            alerts=self._alert_events(asker),
        )
        if page.rows is not None:
            if len(page.rows) > ROWS_MAX:
                raise InputError(
                    f"the query counts by more than {ROWS_MAX} values", hint="narrow it"
                )
            return Page(rows=page.rows)
        events = self._fetch(page.indices, asker)
        if len(events) == len(page.indices):
            return Page(self._told(events), next_cursor=page.next_cursor)
        last = events[-1]
        return Page(self._told(events), next_cursor=str(Cursor(last.time, last.id or 0)))

    def _told(self, events: Sequence[Event]) -> list[Told]:
        return tell_events(self._index, events)

    def _fetch(self, indices: Sequence[int], asker: Asker) -> list[Event]:
        """Return these events, in their order, as far as they fit one answer; at least one."""
        events: list[Event] = []
        size = 0
        for start in range(0, len(indices), FETCH_COUNT):
            fetched = self._reader.fetch(indices[start : start + FETCH_COUNT])
            for event in withhold(fetched, asker):
                size += len(event.raw)
                if events and size > ANSWER_SIZE_MAX:
                    return events
                events.append(event)
        return events

    def sessions(
        self,
        text: str,
        *,
        limit: int,
        asker: Asker,
        why: str | None = None,
        case: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return the sessions that hold an event that matches, the latest first."""
        query = parse_query(text)
        self._check_limit(limit)
        size = self._look("sessions", asker, why, case, query_text=text)
        return self._index.sessions(
            query,
            limit=limit,
            now_ms=self._clock(),
            visibility=_visibility(asker, below=size),
            idle_minutes=self._settings["sessions.idle_minutes"],
            alerts=self._alert_events(asker),
        )

    def session(
        self, session_id: str, *, asker: Asker, why: str | None = None, case: str | None = None
    ) -> list[Told]:
        """Return every event of one session, in order."""
        size = self._look("session", asker, why, case, resource_id=session_id)
        indices = self._index.session(
            session_id,
            visibility=_visibility(asker, below=size),
            idle_minutes=self._settings["sessions.idle_minutes"],
        )
        if not indices:
            raise NotFound(
                f"no session `{session_id}`", hint="`ombud sessions` lists those there are"
            )
        events = self._fetch(indices[:SESSION_EVENTS_MAX], asker)
        if len(events) < len(indices):
            raise InputError(
                f"session `{session_id}` is too large for one answer: {len(indices)} events",
                hint="`ombud search` gives its events in pages, by actor, system and time",
            )
        return self._told(events)

    def who(
        self,
        kind: str,
        key: str,
        *,
        asker: Asker,
        why: str | None = None,
        case: str | None = None,
    ) -> list[dict[str, Any]]:
        """Return everyone who touched one data subject, by person, the most frequent first."""
        size = self._look("who", asker, why, case, subjects=((kind, key),))
        return self._index.who(kind, key, visibility=_visibility(asker, below=size))

    def coverage(self, since: int, until: int, *, systems: Sequence[str], asker: Asker) -> Counted:
        """Count what is known of persons and data subjects, as of the last durable event."""
        size, _ = self._appender.head()
        self.record_alert_look("coverage", asker)
        self._follower.catch_up(size)
        stretch = Stretch(since, until, _visibility(asker, below=size))
        return self._index.coverage(stretch, systems=systems)

    def record_look(
        self, operation: str, asker: Asker, *, why: str | None, case: str | None, **fields: Any
    ) -> None:
        """Record that somebody looks at something kept beside the events."""
        self._look(operation, asker, why, case, **fields)

    def record_alert_look(
        self,
        operation: str,
        asker: Asker,
        *,
        resource_id: str | None = None,
        why: str | None = None,
        case: str | None = None,
    ) -> None:
        """Record a look at alerts or figures; that is their work and needs no reason."""
        asker.require("search")
        _check_lengths(why=why, case=case)
        self._record(operation, asker, why, case, resource_id=resource_id)

    def record_directory_look(
        self, operation: str, asker: Asker, *, why: str | None = None
    ) -> None:
        """Record that somebody looks at rows of the directory, which is an administrator's work."""
        _check_lengths(why=why)
        self._record(operation, asker, why, None)

    def record_policy_look(
        self, operation: str, asker: Asker, *, why: str | None, case: str | None, **fields: Any
    ) -> None:
        """Record a look at who may do what, or what would have been found; it needs a reason."""
        self._check_reason(why, case)
        self._record(operation, asker, why, case, **fields)

    def _record(
        self, operation: str, asker: Asker, why: str | None, case: str | None, **fields: Any
    ) -> None:
        stamp = self._index.spans_stamp()
        look = look_event(self._clock(), operation, asker, why, case, directory=stamp, **fields)
        record_events(self._appender, [look])

    def catch_up(self) -> None:
        """Let the index catch up with the last durable event."""
        size, _ = self._appender.head()
        self._follower.catch_up(size)

    def visible(self, indices: Sequence[int], asker: Asker) -> set[int]:
        """Return which of these events the asker may see."""
        if not asker.is_restricted:
            return set(indices)
        self._follower.catch_up(max(indices, default=-1) + 1)
        return self._index.visible(indices, _visibility(asker))

    def _alert_events(self, asker: Asker) -> AlertEvents:
        """Return how a query asks for events of alerts: of those alone that the asker may see."""

        def find(test: AlertTest) -> Sequence[int]:
            found: set[int] = set()
            alerts = self._alerts(test)
            while page := list(islice(alerts, ALERTS_PAGE)):
                every = sorted({index for alert in page for index in alert.indices})
                visible = self.visible(every, asker)
                # Not a word of the others: neither which there are nor how many.
                seen = [alert for alert in page if visible.issuperset(alert.indices)]
                found.update(index for alert in seen for index in alert.indices)
                _check_alerts(seen, len(found))
            return sorted(found)

        return find

    def event(self, index: int, asker: Asker) -> Event | None:
        """Return one event as far as the asker may see it; the look is recorded by who asks.

        None without such an event, and for one that is out of the asker's sight.
        """
        size, _ = self._appender.head()
        if index >= size or index not in self.visible([index], asker):
            return None
        return withhold(self._reader.fetch([index]), asker)[0]

    def count_sources(self, asker: Asker) -> list[dict[str, Any]]:
        """Return how many events of each source the asker may see, the most frequent first."""
        page = self._ask("| count by source", ROWS_MAX, asker)
        return [{"source": row["source"], "event_count": row["events"]} for row in page.rows or ()]

    def sample(self, source: str | None, limit: int, asker: Asker) -> list[Event]:
        """Return the latest events of a source, or of all; the look is recorded by who asks."""
        text = "" if source is None else f'source:"{source}"'
        return withhold(self._reader.fetch(self._ask(text, limit, asker).indices), asker)

    def _ask(self, text: str, limit: int, asker: Asker) -> IndexPage:
        return self._index.search(
            parse_query(text),
            limit=limit,
            cursor=None,
            below=self._index.watermark(),
            now_ms=self._clock(),
            visibility=_visibility(asker),
        )

    def events(self, indices: Sequence[int]) -> list[Told]:
        """Return events without their originals; the look is recorded by who asks."""
        return self._told(self._reader.fetch(indices, raw=False))

    def _check_reason(self, why: str | None, case: str | None) -> None:
        for name, value in (("why", why), ("case", case)):
            if self._settings[f"looks.{name}_required"] and not (value or "").strip():
                raise InputError(
                    f"looking needs a {'reason' if name == 'why' else 'case'}",
                    hint=f"add `--{name} …`; `looks.{name}_required` is set in this home",
                )
        _check_lengths(why=why, case=case)

    def _check_limit(self, limit: int) -> None:
        if not 1 <= limit <= LIMIT_MAX:
            raise InputError(
                f"limit `{limit}` is not in 1..{LIMIT_MAX}", hint="a cursor continues a page"
            )

    def _look(
        self, operation: str, asker: Asker, why: str | None, case: str | None, **fields: Any
    ) -> int:
        """Record the look, let the index catch up, and return the size as of before it."""
        asker.require("search")
        self._check_reason(why, case)
        size, _ = self._appender.head()
        self._record(operation, asker, why, case, **fields)
        self._follower.catch_up(size)
        return size


def _check_alerts(alerts: Sequence[KeptEvents], count: int) -> None:
    """Raise `InputError` when a query would leave events of these alerts out unsaid."""
    for alert in alerts:
        if not alert.is_whole:
            raise InputError(
                f"alert `{alert.id}` keeps only some of its events",
                hint="`ombud alert` names its actor and times: search for these",
            )
    if count > ALERT_EVENTS_MAX:
        raise InputError(
            f"alerts have more than {ALERT_EVENTS_MAX} events", hint="name fewer rules"
        )


def _check_lengths(**texts: str | None) -> None:
    for name, text in texts.items():
        if len(text or "") > TEXT_MAX:
            raise InputError(f"`{name}` is longer than {TEXT_MAX} characters")


def _visibility(asker: Asker, *, below: int | None = None) -> Visibility:
    return Visibility(units=asker.units, systems=asker.systems, below=below)
