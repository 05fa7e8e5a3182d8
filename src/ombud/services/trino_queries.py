"""Trino queries: those under way, in bounded memory, each recorded once it has fallen silent.

What is under way when the server is killed is not recorded as a query; the decisions
under which it read are, each before it left.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ombud.core.clock import Clock
from ombud.core.errors import Unavailable
from ombud.services.record_port import Appender, record_events
from ombud.services.trino_query import FILTERS_NOT_ASKED, MASKS_NOT_ASKED, Query
from ombud.services.trino_speaker import Speaker

log = logging.getLogger("ombud")

SILENT_SECONDS = 5.0  # Trino asks while it analyses, within milliseconds.
QUERIES_MAX = 5_000  # Under way at once; beyond it the one silent for longest is recorded early.
WEIGHT_MAX = 1_000_000  # Names kept of all of them together: some 100 MB.
ENDED_MAX = 20_000  # Ids of recorded queries that are remembered, to number what comes later.
BATCH_MAX = 200  # Events made durable at once.

Key = tuple[str, ...]


class TrinoQueries:
    """The queries under way."""

    def __init__(
        self,
        *,
        appender: Appender,
        clock: Clock,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._appender = appender
        self._clock = clock
        self._monotonic = monotonic
        self._lock = threading.Lock()  # Never waited for with a query's own lock behind it.
        self._open: OrderedDict[Key, Query] = OrderedDict()  # The longest silent first.
        self._due: list[Query] = []  # To be recorded.
        self._weight = 0  # Of those under way and those due, as last counted.
        self._ended: OrderedDict[Key, int] = OrderedDict()
        self._unfiltered: set[str] = set()
        self._recording = threading.Lock()

    @contextmanager
    def query(self, query_id: str | None, speaker: Speaker, asker: str) -> Iterator[Query]:
        """Yield the query that a question belongs to; nobody else changes it meanwhile.

        Without an id it is whatever this speaker asks until they fall silent.  Raises
        `Unavailable` when so many wait to be recorded that no more can be kept.
        """
        while True:
            query = self._find(query_id, speaker, asker)
            with query.lock:
                if query.is_over:
                    continue
                before = query.weight
                try:
                    yield query
                finally:
                    with self._lock:
                        self._weight += query.weight - before
                return

    def _find(self, query_id: str | None, speaker: Speaker, asker: str) -> Query:
        key: Key = (
            ("id", asker, query_id, speaker.user)
            if query_id is not None
            else ("speaker", asker, speaker.user, speaker.purpose or "", str(speaker.is_conflict))
        )
        with self._lock:
            found, now = self._open.get(key), self._monotonic()
            if found is not None and query_id is None and now - found.stamp > SILENT_SECONDS:
                self._end(key)
                found = None
            if found is None:
                self._make_room()
                number = self._ended.get(key, 0) + 1 if query_id is not None else 1
                found = Query(query_id, speaker, asker, self._clock(), now, number)
                self._open[key] = found
                self._weight += found.weight
            found.stamp = now
            self._open.move_to_end(key)
            return found

    def _make_room(self) -> None:
        if self._open and (len(self._open) >= QUERIES_MAX or self._weight > WEIGHT_MAX):
            self._end(next(iter(self._open)))
        if len(self._due) >= QUERIES_MAX or self._weight > 2 * WEIGHT_MAX:
            raise Unavailable("too many queries of Trino wait to be recorded")

    def _end(self, key: Key) -> None:
        query = self._open.pop(key)
        if query.id is not None:
            self._ended[key] = query.number
            self._ended.move_to_end(key)
            while len(self._ended) > ENDED_MAX:
                self._ended.popitem(last=False)
        self._due.append(query)

    def _notice(self, query: Query) -> None:
        for names, flag, setting in (
            (query.unfiltered(), FILTERS_NOT_ASKED, "opa.policy.row-filters-uri"),
            (query.unmasked(), MASKS_NOT_ASKED, "opa.policy.batch-column-masking-uri"),
        ):
            if names:
                log.error(
                    "%s: Trino asked as `%s` to read `%s` and never asked what to leave out:"
                    " is `%s` set there?",
                    flag,
                    query.asker,
                    names[0],
                    setting,
                )
        if any(query.tables[name].needs_filter for name in query.unfiltered()):
            with self._lock:
                self._unfiltered.add(query.asker)

    def is_unfiltered(self, asker: str) -> bool:
        """Whether this Trino has read rows without asking which, and not asked since."""
        with self._lock:
            return asker in self._unfiltered

    def saw_filters_asked(self, asker: str) -> None:
        """Note that this Trino does ask for row filters."""
        with self._lock:
            self._unfiltered.discard(asker)

    @property
    def pending(self) -> int:
        """How many queries are not yet recorded."""
        with self._lock:
            return len(self._open) + len(self._due)

    def turn(self) -> None:
        """Record the queries that have fallen silent; raises `Unavailable` if that fails."""
        with self._lock:
            before = self._monotonic() - SILENT_SECONDS
            for key in [key for key, query in self._open.items() if query.stamp <= before]:
                self._end(key)
        self._record()

    def close(self) -> None:
        """Record every query, as the server stops."""
        with self._lock:
            for key in list(self._open):
                self._end(key)
        self._record()

    def _record(self) -> None:
        with self._recording:  # One at a time: none is recorded twice.
            while True:
                with self._lock:
                    due = self._due[:BATCH_MAX]
                if not due:
                    return
                for query in due:
                    self._over(query)
                events = [query.event() for query in due if query.is_worth_an_event]
                if events:
                    record_events(self._appender, events)
                with self._lock:  # Only now: what could not be recorded is tried again.
                    del self._due[: len(due)]
                    self._weight -= sum(query.weight for query in due)

    def _over(self, query: Query) -> None:
        with query.lock:  # Whoever still adds to it is waited for, and nobody comes after.
            if not query.is_over:
                query.is_over = True
                self._notice(query)
