"""Engine: the record in, changes of alerts out, by nothing but log time.

Same record and same rules give byte-identical alerts, however the record is cut
into batches and wherever the engine is stopped and restored.  The engine reads
no clock: its time is the time of recording of the last event it was given, which
a `tick` event moves when nothing else happens.  Ticks and findings are not put
to rules; acts of overseers are.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache, partial
from itertools import accumulate
from operator import itemgetter
from typing import Any

import orjson
from msgspec import UNSET, UnsetType

from ombud.core.batch import Committed
from ombud.core.errors import Conflict, InputError
from ombud.core.stretch import slice_committed
from ombud.detect.alerting.actors import Actors
from ombud.detect.alerting.alert import FINDING_SOURCE, AlertChange
from ombud.detect.alerting.correlating import Correlating, Fed, Raised
from ombud.detect.alerting.engine_state import STATE_VERSION, read_engine_state
from ombud.detect.alerting.routing import Found, Routing
from ombud.detect.alerting.tally import ALERTS_MAX, Tally
from ombud.detect.alerting.usage import (
    FieldUsage,
    SilentRule,
    UnusedField,
    held_back,
    silent_correlations,
    silent_rules,
    unused_fields,
    watched_fields,
)
from ombud.detect.columnar.named_rows import NamedColumns, NamedRows
from ombud.detect.correlation.model import Correlation
from ombud.detect.logsource import PRODUCT, ROUTES, LogSource
from ombud.detect.matching.matcher import explain
from ombud.detect.rule import Rule

TICK_SOURCE = "ombud.tick"
ROWS_MAX = 8192  # Events taken at once: more gain nothing and cost memory.

# By source and not by action: anybody may call an act a tick, nobody else is these.
_NOT_ACTS = frozenset({TICK_SOURCE, FINDING_SOURCE})
_END = b"\n"  # Between the state as JSON, which has none, and that of the correlator.


class Engine:
    """Puts the record to rules; one owner, fed in log order."""

    def __init__(
        self,
        rules: Sequence[Rule],
        correlations: Sequence[Correlation] = (),
        *,
        feeding: Collection[str] = (),
        routes: Mapping[str, LogSource] = ROUTES,
        alerts_max: int = ALERTS_MAX,
    ) -> None:
        """Begin with an empty record.

        `correlations` are as linked; what is `feeding` opens no alert of its own.
        """
        self.position = 0  # Index of the next event.
        self.time = 0  # Log time, milliseconds.
        self.unreadable_count = 0  # Events whose bytes were no event of a known version.
        self._routing = Routing(rules, routes)
        self._feeding = frozenset(feeding)
        self._held = held_back(correlations, {rule.id for rule in rules})
        runnable = [one for one in correlations if one.id not in self._held]
        self._correlating = Correlating(runnable, rules, quiet=self._feeding)
        # Maps that are foreseen are read with the rest, and judged readable with it.
        self._names = self._routing.named_fields | self._correlating.fields
        self._tally = Tally(most=alerts_max)
        self._actors = Actors()
        self._usages = {PRODUCT: FieldUsage(watched_fields(rules, PRODUCT, routes))}

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that run."""
        return self._routing.rules

    @property
    def correlations(self) -> tuple[Correlation, ...]:
        """The correlations that run."""
        return self._correlating.correlations

    def feed(self, committed: Committed) -> list[AlertChange]:
        """Take events of the record and return what they did to alerts, in order of first match.

        Events before `position` were taken already and are skipped.  Raises
        `Conflict` if there is a gap before the events given.
        """
        if committed.first_index > self.position:
            raise Conflict(
                f"engine is at index {self.position} and was given {committed.first_index}"
            )
        for start in range(self.position - committed.first_index, committed.count, ROWS_MAX):
            end = min(start + ROWS_MAX, committed.count)
            self._take(slice_committed(committed, start, end))
        return self._tally.taken()

    def _take(self, stretch: Committed) -> None:
        columns = NamedColumns(stretch, self._names)
        sources, actions, actors = (
            _texts(columns.column(name)) for name in ("source", "action", "actor.id")
        )
        times, recorded = _times(columns.column("time"), stretch), stretch.recorded_ms
        passed_over = {*columns.unreadable}
        passed_over.update(row for row, source in enumerate(sources) if source in _NOT_ACTS)
        acts: Sequence[int] = range(stretch.count)
        if passed_over:
            acts = [row for row in acts if row not in passed_over]
        rows = NamedRows(columns, None, self._actors.derive(acts, actors, times, recorded))
        self._usages[PRODUCT].watch(rows, acts)
        found = self._routing.match(rows, sources, actions, passed_over=passed_over)
        found += self._match_originals(stretch, sources, acts)
        # By row, named rules first: a rule sees names or originals, never both.
        found.sort(key=lambda one: (one.row, one.rows is not rows, one.number))
        log_time = max(self.time, *recorded)
        self._raise_all(found, stretch, actors, times, log_time)
        self.unreadable_count += len(columns.unreadable)
        self.position = stretch.first_index + stretch.count
        self.time = log_time

    def _match_originals(
        self, stretch: Committed, sources: Sequence[Any], acts: Sequence[int]
    ) -> list[Found]:
        """Return the matches of rules that see originals, and watch the fields of these."""
        places: dict[str, list[int]] = {}
        for row in acts:
            if sources[row] in self._routing.routes:
                places.setdefault(sources[row], []).append(row)
        found: list[Found] = []
        for source, some in places.items():
            originals = self._routing.originals(source)
            if originals is not None:
                usage = self._usage(source)
                unseen = frozenset(usage.unseen)
                rows = originals.prefetched(originals.rows(stretch, some), unseen)
                usage.watch(rows, range(rows.count))
                found += originals.match(rows, some)
        return found

    def _raise_all(
        self,
        found: Sequence[Found],
        stretch: Committed,
        actors: Sequence[Any],
        times: Sequence[int],
        log_time: int,
    ) -> None:
        """Count what rules and correlations found, in the order in which it became known."""
        fed = [
            Fed(
                rule,
                stretch.first_index + one.row,
                times[one.row],
                stretch.recorded_ms[one.row],
                _actor_of(actors[one.row]),
                one.rows,
                one.place,
            )
            for one in found
            if self._correlating.reads((rule := self.rules[one.number]).id)
        ]
        raised = self._correlating.feed(fed, log_time=log_time)
        waiting = deque(_placed(raised, stretch, self.time))
        for one in found:
            while waiting and waiting[0][0] < one.row:
                self._raise_correlation(waiting.popleft()[1])
            if self.rules[one.number].id not in self._feeding:
                self._raise(one, stretch, _actor_of(actors[one.row]), times[one.row])
        for _, correlated in waiting:
            self._raise_correlation(correlated)

    def _raise(self, found: Found, stretch: Committed, actor: str | None, time: int) -> None:
        rule = self.rules[found.number]
        view = lru_cache(maxsize=1)(partial(found.rows.view, found.place))
        self._tally.add(
            rule,
            actor,
            rule.guidance.group_of(view()) if rule.guidance.group_by else (),
            [(stretch.first_index + found.row, time, lambda: explain(rule, view()))],
            recorded=stretch.recorded_ms[found.row],
            say=lambda fields: rule.guidance.sentence(view(), fields),
        )

    def _raise_correlation(self, raised: Raised) -> None:
        match = raised.match
        self._tally.add(
            raised.correlation,
            raised.actor,
            match.group,
            raised.events,
            more=max(0, match.count - len(raised.events)),
            recorded=match.recorded,
            say=lambda _: raised.sentence,
        )

    def _usage(self, source: str) -> FieldUsage:
        usage = self._usages.get(source)
        if usage is None:
            fields = watched_fields(self.rules, source, self._routing.routes)
            usage = self._usages[source] = FieldUsage(fields)
        return usage

    def unused_fields(self) -> list[UnusedField]:
        """Return the fields that rules name and no event has ever carried."""
        return unused_fields(self.rules, self._usages, self._routing.routes)

    def silent_rules(self) -> list[SilentRule]:
        """Return the rules that no event so far could have fired, with the reason."""
        silent = silent_rules(self.rules, self._usages, self._routing.routes)
        running = {rule.id for rule in self.rules}
        ids = {rule.rule_id for rule in silent}
        waiting = silent_correlations(self.correlations, running, ids)
        return [*silent, *self._held.values(), *waiting]

    def left_out(self) -> list[dict[str, str | int]]:
        """Return for each correlation how many matches it could not use, by why."""
        return self._correlating.left_out()

    def snapshot(self) -> bytes:
        """Return the whole state; the same history gives the same bytes."""
        values = orjson.dumps(
            {
                "version": STATE_VERSION,
                "position": self.position,
                "time": self.time,
                "unreadable": self.unreadable_count,
                "alerts": self._tally.state(),
                "actors": self._actors.state(),
                "usages": {name: usage.state() for name, usage in sorted(self._usages.items())},
                "evidence": self._correlating.evidence_state(),
            }
        )
        return values + _END + self._correlating.snapshot()

    @classmethod
    def restore(
        cls,
        rules: Sequence[Rule],
        state: bytes,
        correlations: Sequence[Correlation] = (),
        *,
        feeding: Collection[str] = (),
        routes: Mapping[str, LogSource] = ROUTES,
        alerts_max: int = ALERTS_MAX,
    ) -> Engine:
        """Return the engine as `snapshot` left it; the rules may be others.

        A correlation that changed begins anew, the others go on.

        Raises `InputError` if the bytes are no such state: then start anew from index 0.
        """
        engine = cls(rules, correlations, feeding=feeding, routes=routes, alerts_max=alerts_max)
        try:
            text, _, snapshot = state.partition(_END)
            values = read_engine_state(text)
            engine.position = values.position
            engine.time = values.time
            engine.unreadable_count = values.unreadable
            engine._tally.restore(values.alerts)
            engine._actors = Actors(dict(values.actors))
            for name, usage in values.usages.items():
                fields = watched_fields(rules, name, routes)
                engine._usages[name] = FieldUsage.from_state(usage, fields)
            engine._correlating.restore(snapshot, values.evidence)
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"engine state is unreadable: {error}") from error
        return engine


def _texts(column: Sequence[Any]) -> Sequence[Any]:
    """Return a column with nothing but texts and UNSET: other bytes than ours may hold more."""
    if set(map(type, column)) <= {str, UnsetType}:
        return column
    return [cell if cell.__class__ is str else UNSET for cell in column]


def _times(column: Sequence[Any], stretch: Committed) -> Sequence[int]:
    """Return the time of each event, that of its recording where it has none."""
    if set(map(type, column)) <= {int}:
        return column
    pairs = zip(column, stretch.recorded_ms, strict=True)
    return [cell if cell.__class__ is int else recorded for cell, recorded in pairs]


def _actor_of(cell: Any) -> str | None:
    return cell if isinstance(cell, str) else None


def _placed(
    raised: Sequence[Raised], stretch: Committed, log_time: int
) -> list[tuple[int, Raised]]:
    """Return what correlations found by the row at which it became known.

    That is the event that completed it, or the first that was recorded after it was
    certain; so the order does not depend on where the record was cut.
    """
    if not raised:
        return []
    clock = list(accumulate(stretch.recorded_ms, max, initial=log_time))[1:]
    placed = []
    for one in raised:
        row, certain = one.match.index - stretch.first_index, one.match.recorded
        if row < 0 or clock[row] < certain:
            row = bisect_right(clock, certain)
        placed.append((row, one))
    return sorted(placed, key=itemgetter(0))
