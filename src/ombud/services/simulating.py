"""Simulating: a proposed policy replayed over the recorded past, before anybody is denied.

It reads the record in log order and holds some thousand acts at a time, whatever the
length of the past; the index only tells where to begin and to end.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ombud.access.snapshot import compile_policy
from ombud.core.clock import Clock
from ombud.core.errors import InputError, Unavailable
from ombud.core.event import Event
from ombud.query.values import MOMENT_MAX, MOMENT_MIN
from ombud.record.reader import RecordReader
from ombud.services.actor_attributes import KINDS_READ, ActorsOverTime
from ombud.services.asker import Asker
from ombud.services.live_policy import Granted, LivePolicy
from ombud.services.looks import Looks
from ombud.services.policies import Json, read_whole, require
from ombud.services.policy_wanted import SimulationWanted
from ombud.services.replayed_acts import PastAct, Skipped, acts_of
from ombud.services.replaying import Past, Replay
from ombud.services.second_person import DAY_MS
from ombud.services.simulation_report import Report, sentence
from ombud.store.directory import DirectoryTables
from ombud.store.lasting import LastingIndex
from ombud.store.stretch import find_bounds

DAYS_MAX = 3_700  # Ten years: beyond what is kept anywhere.
ACTS_AT_ONCE = 10_000  # Some 20 MB.
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Window:
    """What is replayed: events of a time, `since` up to and without `until` (ms)."""

    since: int
    until: int
    workflow: str | None

    def has(self, event: Event) -> bool:
        return self.since <= event.time < self.until

    @property
    def days(self) -> int:
        """Its length, whole days."""
        return max(1, round((self.until - self.since) / DAY_MS))


class Simulating:
    """Replays policies, one at a time."""

    def __init__(
        self,
        *,
        reader: RecordReader,
        index: LastingIndex,
        directory: DirectoryTables,
        granted: Granted,
        live: LivePolicy,
        looks: Looks,
        clock: Clock,
    ) -> None:
        self._reader = reader
        self._index = index
        self._directory = directory
        self._granted = granted
        self._live = live
        self._looks = looks
        self._clock = clock
        self._running = threading.Lock()

    def simulate(
        self, wanted: SimulationWanted, *, asker: Asker, on_progress: Progress | None = None
    ) -> Json:
        """Return whom a policy would have denied what, compared with the one in force.

        The look is on record.  `on_progress` is told how many events of how many are done.
        """
        require(asker, "simulate", "admin")
        new, _ = read_whole(wanted.files)
        window = _window(wanted, self._clock())
        if not self._running.acquire(blocking=False):
            raise Unavailable("another simulation is running", retry_seconds=30)
        try:
            self._looks.record_policy_look(
                "policy.simulate", asker, why=wanted.why, case=wanted.case
            )
            rows = self._directory.rows(KINDS_READ)
            past = Past(
                grants=self._granted.grants(),
                attachments=self._granted.attachments(),
                actors=ActorsOverTime(rows),
            )
            proposed = Replay(compile_policy(new), past)
            in_force = Replay(compile_policy(self._live.policy()), past)
            report = Report()
            for acts in self._chunks(window, report, on_progress):
                _replay(acts, past, proposed, in_force, report)
        finally:
            self._running.release()
        said = report.to_dict()
        return {
            "since": window.since,
            "until": window.until,
            "days": window.days,
            "workflow": window.workflow,
            "version": proposed.version,
            "in_force_version": in_force.version,
            "says": sentence(said["denied"], window.days),
            "says_newly": sentence(said["newly_denied"], window.days),
            **said,
        }

    def _chunks(
        self, window: _Window, report: Report, on_progress: Progress | None
    ) -> Iterator[list[PastAct]]:
        """Yield the acts of the window, some thousand at a time, in log order."""
        first, end = self._bounds(window)
        acts: list[PastAct] = []
        for committed in self._reader.read(first, end - first, raw=False):
            for row in range(committed.count):
                event = committed.event(row)
                if not window.has(event):
                    continue
                for act in acts_of(event):
                    if isinstance(act, Skipped):
                        report.skipped[act.reason] += 1
                    elif window.workflow is None or act.workflow == window.workflow:
                        acts.append(act)
            if len(acts) >= ACTS_AT_ONCE:
                yield acts
                acts = []
            if on_progress is not None:
                on_progress(committed.first_index + committed.count - first, end - first)
        if acts:
            yield acts

    def _bounds(self, window: _Window) -> tuple[int, int]:
        """Return the places in the log between which the events of a window lie."""
        self._looks.catch_up()
        kept = self._index.kept().first_index
        with self._index.as_of_now() as ask:
            first, end = find_bounds(ask, window.since, window.until)
        # What the index no longer holds may have happened at any time.
        return (0, max(end, kept)) if kept else (first, end)


def _replay(
    acts: list[PastAct], past: Past, proposed: Replay, in_force: Replay, report: Report
) -> None:
    layers = past.layers(acts)
    decided = zip(
        acts, proposed.decide_all(acts, layers), in_force.decide_all(acts, layers), strict=True
    )
    for act, new, old in decided:
        report.add(act, new, old, past.person(act))


def _window(wanted: SimulationWanted, now: int) -> _Window:
    if not 1 <= wanted.days <= DAYS_MAX:
        raise InputError(f"`days` is {wanted.days}, and must lie in 1..{DAYS_MAX}")
    until = now if wanted.until is None else wanted.until
    since = until - wanted.days * DAY_MS if wanted.since is None else wanted.since
    if not (since >= MOMENT_MIN and until <= MOMENT_MAX):
        raise InputError("`since` or `until` is outside of the calendar")
    if not 0 < until - since <= DAYS_MAX * DAY_MS:
        raise InputError(
            f"a simulation is over 1 to {DAYS_MAX} days", hint="`since` comes before `until`"
        )
    return _Window(since, until, wanted.workflow)
