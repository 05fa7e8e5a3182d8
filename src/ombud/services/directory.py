"""Directory: people, accounts and units, loaded as events and put into the index as spans."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ombud.config.settings import Settings
from ombud.core.clock import Clock
from ombud.core.errors import Conflict, Forbidden, InputError, NotFound, Unavailable
from ombud.directory.span import AccountSpan
from ombud.directory.spans import TooManySpansError, stream_spans
from ombud.directory.timeline import TooManyPiecesError
from ombud.query.values import MOMENT_MAX, MOMENT_MIN
from ombud.services.asker import Asker
from ombud.services.directory_entry import find_entry
from ombud.services.directory_events import record_load
from ombud.services.directory_plan import Plan, make_plan
from ombud.services.directory_wanted import DirectoryWanted
from ombud.services.looks import Looks
from ombud.services.record_port import Appender
from ombud.store.control import ControlStore

Json = dict[str, Any]

REASON_MAX = 4_000  # Characters.
UNMATCHED_MAX = 5_000  # Accounts of one answer: a work list, the most frequent first.
_SPAN_KINDS = ("person", "account", "unit", "membership", "supervision")


class SpanIndex(Protocol):
    """What the index knows of accounts."""

    def set_spans(self, spans: Iterable[AccountSpan], *, stamp: int) -> None:
        """Replace what is known, in one transaction."""

    def spans_stamp(self) -> int:
        """Return of which directory the spans are; 0 for none."""

    def unmatched(self, *, limit: int) -> list[Json]:
        """Return the accounts of events for which there is no span, the most frequent first."""


class Directory:
    """The use cases of the directory."""

    def __init__(
        self,
        *,
        appender: Appender,
        control: ControlStore,
        project: Callable[[], None],
        index: SpanIndex,
        looks: Looks,
        settings: Settings,
        clock: Clock,
    ) -> None:
        """`project` brings the control tables up to the last durable event."""
        self._appender = appender
        self._tables = control.directory
        self._control = control
        self._project = project
        self._index = index
        self._looks = looks
        self._settings = settings
        self._clock = clock
        self._loading = threading.Lock()
        self._settled: int | None = None

    def plan(self, wanted: DirectoryWanted, *, asker: Asker) -> Json:
        """Return what files would change and everything wrong with them; changes nothing.

        It shows rows that are loaded, so it is on record as a look.
        """
        _require(asker, "admin")
        self._looks.record_directory_look("directory.plan", asker, why=wanted.why)
        return self._plan(wanted).to_dict()

    def load(self, wanted: DirectoryWanted, *, asker: Asker) -> Json:
        """Replace the kinds that the files contain, all or nothing.

        Raises `InputError` naming the first fault, `Conflict` when the directory
        is not the one that the diff was made with.
        """
        _require(asker, "admin")
        reason = (wanted.why or "").strip() or None
        if len(reason or "") > REASON_MAX:
            raise InputError(f"the reason is longer than {REASON_MAX} characters")
        with self._loading:  # Two at once would both be compared with what stands now.
            plan = self._plan(wanted)
            _check(plan, wanted)
            count = _count_spans(plan)  # First: what fails here must not be on record.
            said = _said(plan)
            stamp = record_load(self._appender, plan, asker=asker, reason=reason, now=self._clock())
            rows = {kind: plan.rows[kind] for kind in _SPAN_KINDS}
            del plan  # The rest is a hundred megabytes, for as many rows as are foreseen.
            self._project()
            if self._tables.stamp() != stamp:
                why = self._control.faults().get(stamp, "it was not applied")
                raise Unavailable(f"the load is recorded and does not stand: {why}")
            self._index.set_spans(stream_spans(rows), stamp=stamp)
            self._settled = stamp
        return {"load": stamp, **said, "spans": count}

    def _plan(self, wanted: DirectoryWanted) -> Plan:
        return make_plan(wanted, self._tables, zone=self._settings["directory.zone"])

    def settle(self) -> None:
        """Put the directory that stands into the index, if another one is there.

        Returns at once while a load is under way, which does so itself.
        """
        if self._tables.stamp() == self._settled or not self._loading.acquire(blocking=False):
            return
        try:
            stamp = self._tables.stamp()
            if self._index.spans_stamp() != stamp:
                rows = self._tables.rows(_SPAN_KINDS)
                self._index.set_spans(stream_spans(rows), stamp=stamp)
            self._settled = stamp
        finally:
            self._loading.release()

    def show(
        self, person: str, *, at: int | None, asker: Asker, why: str | None, case: str | None
    ) -> Json:
        """Return what the directory says of a person at an instant; the look is on record."""
        _require(asker, "search")
        if at is not None and not MOMENT_MIN <= at <= MOMENT_MAX:
            raise InputError(f"`at` is {at}, which is outside of the calendar")
        self._looks.record_look(
            "directory.show", asker, why=why, case=case, subjects=(("person", person),)
        )
        entry = find_entry(self._tables, person, self._clock() if at is None else at)
        if entry is None:
            raise NotFound(
                f"no person `{person}` in the directory",
                hint="`ombud directory load` brings people; ids are compared as they are written",
            )
        return entry

    def unmatched(self, *, limit: int, asker: Asker) -> Json:
        """Return the accounts that the directory does not know at the time of their events."""
        _require(asker, "search")
        if not 1 <= limit <= UNMATCHED_MAX:
            raise InputError(f"limit `{limit}` is not in 1..{UNMATCHED_MAX}")
        self._looks.record_directory_look("directory.unmatched", asker)
        self._looks.catch_up()
        self.settle()
        return {"accounts": self._index.unmatched(limit=limit)}

    def status(self, *, asker: Asker) -> Json:
        """Return which load stands and how many rows there are; it names no row."""
        _require(asker, "search")
        load = self._tables.last_load()
        if load is None:
            return {"load": None, "rows": {}, "is_indexed": True}
        return {
            "load": load.stamp,
            "loaded_at": load.loaded_at,
            "loaded_by": load.loaded_by,
            "reason": load.reason,
            "files": list(load.files),
            "sha256": load.sha256,
            "rows": self._tables.counts(),
            "is_indexed": self._index.spans_stamp() == load.stamp,
        }


def _require(asker: Asker, scope: str) -> None:
    asker.require(scope)
    if asker.is_restricted:
        raise Forbidden("the directory is not for a token limited to units or systems")


def _check(plan: Plan, wanted: DirectoryWanted) -> None:
    if plan.faults:
        more = plan.faults.count - 1
        raise InputError(
            f"{plan.faults.shown[0]}{f', and {more} more' if more else ''}",
            code="directory",
            hint="nothing was loaded; a plan lists every fault",
        )
    if not wanted.force and wanted.compared_with != plan.base:
        raise Conflict(
            f"the directory is that of load {plan.base}, and the diff was made with"
            f" {wanted.compared_with}",
            hint="look at the diff again, or force the load",
        )


def _said(plan: Plan) -> Json:
    """Return what a load changes, without the rows."""
    kinds = {diff.kind.name: diff.to_dict() for diff in plan.diffs}
    for one in kinds.values():
        del one["samples"]
    return {"sha256": plan.sha256, "kinds": kinds}


def _count_spans(plan: Plan) -> int:
    """Return how many spans there will be; they are made twice, for all at once are too large."""
    try:
        return sum(1 for _ in stream_spans(plan.rows))
    except (TooManySpansError, TooManyPiecesError) as error:
        raise InputError(
            "the directory has more changes over time than are kept",
            hint="leave out what lies further back than your events",
        ) from error
